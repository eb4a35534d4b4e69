//! Programs run in all modes of the runtime, each on a thread of its own.

use crate::machine::{Code, Machine, Refused, run};
use jitgen_core::runtime::{Config, Log, Statistics, configure, statistics};
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

/// Runs `f` on a thread of its own, with a fresh runtime; gives its statistics and events, too.
pub fn with_config<R: Send + 'static>(
    config: impl FnOnce(&mut Config) + Send + 'static,
    f: impl FnOnce() -> R + Send + 'static,
) -> (R, Statistics, Vec<String>) {
    let run = move || {
        let lines = Rc::new(RefCell::new(vec![]));
        let sink = Rc::clone(&lines);
        let mut c = Config {
            check: true,
            log: Log { events: true, ..Log::default() },
            event_sink: Some(Box::new(move |line| sink.borrow_mut().push(line.to_owned()))),
            ..Config::default()
        };
        config(&mut c);
        configure(c).expect("the first portal is still to come");
        let result = f();
        let lines = lines.borrow().clone();
        (result, statistics(), lines)
    };
    let thread = std::thread::spawn(run);
    match thread.join() {
        Ok(result) => result,
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

/// Result or the message of a panic, registers, output.
pub type Run = (Result<Result<i64, Refused>, String>, Vec<i64>, Vec<i64>);

/// Runs a program on fresh registers.
pub fn run_program(code: &[i64], callee: Option<&[i64]>) -> Run {
    let code: Code = Rc::new(code.to_vec());
    let callee = callee.map(|code| Rc::new(code.to_vec()));
    let mut machine = Machine { r: vec![0; 32], out: vec![], callee };
    let result = catch_unwind(AssertUnwindSafe(|| run(&code, &mut machine)));
    let result = result.map_err(|panic| match panic.downcast_ref::<String>() {
        Some(message) => message.clone(),
        None => "a panic without message".to_owned(),
    });
    (result, machine.r, machine.out)
}

/// Runs a program in all modes, compares, and gives the statistics and events of each.
pub fn check(code: &[i64], callee: Option<&[i64]>) -> Vec<(Statistics, Vec<String>)> {
    let (code, callee) = (code.to_vec(), callee.map(<[i64]>::to_vec));
    let program = move || {
        let (code, callee) = (code.clone(), callee.clone());
        move || run_program(&code, callee.as_deref())
    };
    let (expected, off, _) = with_config(|c| c.jit = false, program());
    assert_eq!(off.recordings, 0);
    type Mode = (&'static str, fn(&mut Config));
    let modes: [Mode; 7] = [
        ("default", |_| ()),
        ("threshold 1", |c| c.threshold = 1),
        ("quick", |c| {
            c.threshold = 3;
            c.bridge_threshold = 1;
            c.region_min = 20;
            c.region_per_op = 1;
        }),
        ("unoptimized", |c| {
            c.threshold = 2;
            c.bridge_threshold = 2;
            c.opt = jitgen_core::opt::Passes::NONE;
        }),
        ("small regions", |c| {
            c.threshold = 3;
            c.bridge_threshold = 1;
            c.region_min = 20;
            c.region_per_op = 1;
            c.region_limit = 40;
        }),
        ("fail guards", |c| {
            c.threshold = 1;
            c.fail_guards = true;
        }),
        ("background", |c| {
            c.background = Some(true);
            c.threshold = 1;
            c.bridge_threshold = 1;
            c.region_min = 20;
            c.region_per_op = 1;
        }),
    ];
    let mut all = vec![];
    for (mode, config) in modes {
        let (got, statistics, lines) = with_config(config, program());
        let log = lines.join("\n");
        assert_eq!(got, expected, "{mode}:\n{log}\n{}", statistics.to_json());
        assert_eq!(statistics.check_failures, 0, "{mode}:\n{log}");
        println!("--- {mode}\n{log}\n{}", statistics.to_json());
        all.push((statistics, lines));
    }
    all
}

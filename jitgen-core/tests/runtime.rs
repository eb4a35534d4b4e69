//! The runtime as generated code uses it: results in all modes, and what gets compiled.

#[path = "support/machine.rs"]
mod machine;

use jitgen_core::runtime::{Config, Log, Statistics, configure, statistics};
use machine::*;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

/// `jit` on a thread of its own, so that each has a fresh runtime.
fn with_config<R: Send + 'static>(
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

type Run = (Result<i64, Refused>, Vec<i64>, Vec<i64>);

fn run_program(code: &[i64], callee: Option<&[i64]>) -> Run {
    let code: Code = Rc::new(code.to_vec());
    let callee = callee.map(|code| Rc::new(code.to_vec()));
    let mut machine = Machine { r: vec![0; 8], out: vec![], callee };
    let result = run(&code, &mut machine);
    (result, machine.r, machine.out)
}

/// Runs a program in all modes, compares, and gives the statistics and events of each.
fn check(code: &'static [i64], callee: Option<&'static [i64]>) -> Vec<(Statistics, Vec<String>)> {
    let (expected, off, _) = with_config(|c| c.jit = false, move || run_program(code, callee));
    assert_eq!(off.recordings, 0);
    type Mode = (&'static str, fn(&mut Config));
    let modes: [Mode; 6] = [
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
    ];
    let mut all = vec![];
    for (mode, config) in modes {
        let (got, statistics, lines) = with_config(config, move || run_program(code, callee));
        let log = lines.join("\n");
        assert_eq!(got, expected, "{mode}:\n{log}\n{}", statistics.to_json());
        assert_eq!(statistics.check_failures, 0, "{mode}:\n{log}");
        println!("--- {mode}\n{log}\n{}", statistics.to_json());
        all.push((statistics, lines));
    }
    all
}

/// `for r0 in 0..n { r2 += r0 }`
const SUM: &[i64] = &[
    SET, 1, 10_000, 0, //
    ADD, 2, 0, 0, // 4
    ADDI, 0, 1, 0, //
    LESS, 0, 1, 4, //
    ACC, 2, 0, 0, //
    HALT, 0, 0, 0,
];

#[test]
fn a_loop_is_compiled() {
    let all = check(SUM, None);
    let (statistics, lines) = &all[0];
    assert_eq!(statistics.loops, 1, "{lines:?}");
    assert_eq!(statistics.enters, 1);
    assert!(lines.iter().any(|line| line.starts_with("jitgen: loop machine::run@[")), "{lines:?}");
}

/// `for r0 in 0..n { if r0 is even { r2 += r0 } else { r3 += 1 } }`
const BRANCH: &[i64] = &[
    SET, 1, 100_000, 0, //
    EVEN, 0, 0, 16, // 4
    ADDI, 3, 1, 0, // 8
    GOTO, 0, 0, 20, // 12
    ADD, 2, 0, 0, // 16
    ADDI, 0, 1, 0, // 20
    LESS, 0, 1, 4, //
    ACC, 2, 0, 0, //
    ACC, 3, 0, 0, //
    HALT, 0, 0, 0,
];

#[test]
fn a_branch_gets_a_bridge_and_then_a_region() {
    let all = check(BRANCH, None);
    for (statistics, lines) in &all[..3] {
        let log = lines.join("\n");
        assert_eq!(statistics.loops, 1, "{log}");
        assert!(statistics.bridges >= 1, "{log}");
        assert!(statistics.regions >= 1, "{log}");
    }
    assert!(all[0].0.exits_taken() < 100);
}

/// `for r0 in 0..n { for r2 in 0..m { r3 += r2 } }`
const NESTED: &[i64] = &[
    SET, 1, 500, 0, //
    SET, 4, 50, 0, //
    SET, 2, 0, 0, // 8
    ADD, 3, 2, 0, // 12
    ADDI, 2, 1, 0, // 16
    LESS, 2, 4, 12, // 20
    ADDI, 0, 1, 0, //
    LESS, 0, 1, 8, //
    ACC, 3, 0, 0, //
    HALT, 0, 0, 0,
];

#[test]
fn nested_loops_become_one_region() {
    let all = check(NESTED, None);
    let (statistics, lines) = &all[2];
    assert!(statistics.regions >= 1, "{lines:?}");
    assert!(statistics.exits_taken() < 60, "{}", statistics.to_json());
}

/// `for r0 in 0..n { r2 = out(r0)?; if r2 > 10 { acc += 1 } }`
const OUTPUT: &[i64] = &[
    SET, 1, 700, 0, //
    OUT, 2, 0, 0, // 4
    ADDI, 0, 1, 0, //
    LESS, 0, 1, 4, //
    HALT, 0, 0, 0,
];

#[test]
fn a_residual_call_before_a_guard_is_made_once() {
    check(OUTPUT, None);
}

/// The same, but it meets what is refused.
const REFUSED: &[i64] = &[
    SET, 1, 2000, 0, //
    OUT, 2, 0, 0, // 4
    ADDI, 0, 1, 0, //
    LESS, 0, 1, 4, //
    HALT, 0, 0, 0,
];

#[test]
fn an_error_of_a_residual_call_leaves_the_portal() {
    check(REFUSED, None);
    let run = run_program(REFUSED, None);
    assert_eq!(run.0, Err(Refused(777)));
}

/// The same, but it meets what panics, after r0 has gone by what is refused.
const PANICS: &[i64] = &[
    SET, 1, 2000, 0, //
    SET, 0, 780, 0, //
    SET, 5, 0, 0, //
    OUT, 2, 5, 0, // 12
    ADDI, 5, 1, 0, //
    LESS, 5, 0, 12, //
    SET, 5, 888, 0, //
    GOTO, 0, 0, 12,
];

#[test]
fn a_panic_of_a_residual_call_goes_through_compiled_code() {
    fn panics(config: fn(&mut Config)) -> (String, Vec<i64>) {
        let (result, _, _) = with_config(config, || {
            let code: Code = Rc::new(PANICS.to_vec());
            let mut machine = Machine { r: vec![0; 8], ..Machine::default() };
            // 777 is refused, so put out less than that and then what panics.
            let code: Code = {
                let mut code = (*code).clone();
                code[6] = 700;
                Rc::new(code)
            };
            let error = catch_unwind(AssertUnwindSafe(|| run(&code, &mut machine)))
                .expect_err("888 panics");
            let message = error.downcast_ref::<String>().expect("a message").clone();
            // The runtime is still fine.
            assert_eq!(run_program(SUM, None).0, Ok(49_995_000));
            (message, machine.out)
        });
        result
    }
    let expected = panics(|c| c.jit = false);
    assert!(expected.0.contains("no such output"));
    for config in [
        |_: &mut Config| (),
        |c: &mut Config| c.threshold = 1,
        |c: &mut Config| {
            c.threshold = 3;
            c.bridge_threshold = 1;
            c.region_min = 20;
            c.region_per_op = 1;
        },
        |c: &mut Config| c.fail_guards = true,
    ] {
        assert_eq!(panics(config), expected);
    }
}

/// `for r0 in 0..n { r2 = nested(r0); if r2 > 10 { acc += 1 } }`
const CALLS: &[i64] = &[
    SET, 1, 300, 0, //
    CALL, 2, 0, 0, // 4
    ADDI, 0, 1, 0, //
    LESS, 0, 1, 4, //
    HALT, 0, 0, 0,
];

/// `for r0 in 0..=r1 { r2 += r0 }`
const CALLEE: &[i64] = &[
    ADD, 2, 0, 0, // 0
    ADDI, 0, 1, 0, //
    THIRD, 0, 0, 16, //
    ADDI, 2, 1, 0, //
    LESS, 0, 1, 0, // 16
    ACC, 2, 0, 0, //
    HALT, 0, 0, 0,
];

#[test]
fn a_portal_runs_inside_of_a_residual_call() {
    check(CALLS, Some(CALLEE));
}

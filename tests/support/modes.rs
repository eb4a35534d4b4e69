//! The modes in which a guest program runs, all with the same outcome.
//!
//! Each mode has a thread of its own, since a JIT belongs to a thread.
//!
//! Not here: what the programs are.

use jitgen_core::ir::{Arg, Aux, End, Op, Trace, parse};
use jitgen_core::{Config, Statistics, configure, statistics};
use std::cell::RefCell;
use std::collections::HashSet;
use std::rc::Rc;

/// What a run gave.
#[derive(Debug)]
pub struct Run {
    /// What the program did.
    pub output: String,
    /// What the JIT did.
    pub statistics: Statistics,
}

/// A mode's name and its settings, in the form of the environment variable.
pub const MODES: &[(&str, &str)] = &[
    ("plain", "jit=off"),
    ("jit", "threshold=20,bridge_threshold=5,check=on"),
    ("threshold 1", "threshold=1,bridge_threshold=1,check=on,region_min=10,region_per_op=1"),
    ("unoptimized", "threshold=2,bridge_threshold=2,opt=none,check=on"),
    (
        "background",
        "threshold=1,bridge_threshold=1,check=on,region_min=10,region_per_op=1,background=on",
    ),
    ("every guard fails", "threshold=1,fail_guards=on,check=on"),
];

/// Bytes of native stack: twins have large frames where they are not optimized, and guests recurse.
const STACK: usize = 16 << 20;

/// Runs in one mode, in a new thread.
///
/// # Panics
/// If the run panics or the settings make no sense.
pub fn run_with(settings: &str, run: impl Fn() -> String + Send + Sync) -> Run {
    run_on(STACK, settings, run)
}

/// As [`run_with`], on a native stack of so many bytes.
fn run_on(stack: usize, settings: &str, run: impl Fn() -> String + Send + Sync) -> Run {
    let result = std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(stack).spawn_scoped(scope, || {
            let mut config = Config::default();
            config.apply(settings).unwrap_or_else(|error| panic!("{error}"));
            configure(config).unwrap_or_else(|error| panic!("{error}"));
            Run { output: run(), statistics: statistics() }
        });
        thread.expect("the system has threads").join()
    });
    result.unwrap_or_else(|payload| std::panic::resume_unwind(payload))
}

/// Runs in every mode and compares; gives the run at threshold 1.
///
/// # Panics
/// If two modes differ, or the evaluator found a recorded trace wrong.
#[track_caller]
pub fn agree(name: &str, run: impl Fn() -> String + Send + Sync) -> Run {
    agree_on(STACK, name, run)
}

/// As [`agree`], on a native stack of so many bytes.
///
/// # Panics
/// As [`agree`].
#[track_caller]
pub fn agree_on(stack: usize, name: &str, run: impl Fn() -> String + Send + Sync) -> Run {
    let mut expected: Option<String> = None;
    let mut chosen = None;
    for (mode, settings) in MODES {
        let done = run_on(stack, settings, &run);
        assert_eq!(done.statistics.check_failures, 0, "{name}: a wrong trace in mode `{mode}`");
        match &expected {
            None => expected = Some(done.output.clone()),
            Some(expected) => assert_eq!(&done.output, expected, "{name}: mode `{mode}` differs"),
        }
        if *mode == "threshold 1" {
            chosen = Some(done);
        }
    }
    chosen.expect("there is such a mode")
}

/// Runs with the given settings, `log=trace` among them, on a thread of its own; gives the
/// optimized traces in the order in which they were made.
///
/// # Panics
/// If the run panics, the settings make no sense, a trace cannot be read, or the evaluator found a
/// recorded one wrong.
pub fn traces(settings: &str, run: impl FnOnce() + Send) -> Vec<Trace> {
    traces_and_statistics(settings, run).0
}

/// As [`traces`], but of regions, as they are compiled.
pub fn regions(settings: &str, run: impl FnOnce() + Send) -> Vec<Trace> {
    shown(&["region of"], settings, run).0
}

/// As [`traces`], but of traces as they are recorded, and of the trees that are made of them.
pub fn recorded(settings: &str, run: impl FnOnce() + Send) -> Vec<Trace> {
    shown(&["recorded trace of", "tree trace of"], settings, run).0
}

/// As [`recorded`]; before a bridge comes the way to it, if there is one, whose name ends with `.way`.
pub fn recorded_with_ways(settings: &str, run: impl FnOnce() + Send) -> Vec<Trace> {
    shown(&["way to", "recorded trace of", "tree trace of"], settings, run).0
}

/// As [`traces`]; and what the JIT did.
pub fn traces_and_statistics(
    settings: &str,
    run: impl FnOnce() + Send,
) -> (Vec<Trace>, Statistics) {
    shown(&["optimized trace of"], settings, run)
}

/// The traces that events of these titles show.
fn shown(titles: &[&str], settings: &str, run: impl FnOnce() + Send) -> (Vec<Trace>, Statistics) {
    let result = std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            let log = Rc::new(RefCell::new(String::new()));
            let sink = Rc::clone(&log);
            let mut config = Config::default();
            config.apply(settings).unwrap_or_else(|error| panic!("{error}"));
            config.event_sink = Some(Box::new(move |line| {
                sink.borrow_mut().push_str(line);
                sink.borrow_mut().push('\n');
            }));
            configure(config).unwrap_or_else(|error| panic!("{error}"));
            run();
            (log.take(), statistics())
        });
        thread.join()
    });
    let (text, statistics) = result.unwrap_or_else(|payload| std::panic::resume_unwind(payload));
    assert_eq!(statistics.check_failures, 0);
    let is_one = |part: &str| titles.iter().any(|title| part.starts_with(title));
    let shows = |part: &&str| is_one(part) && part.contains("\ntrace @");
    let parts = text.split("jitgen: ").filter(shows);
    let traces = parts.flat_map(|part| {
        let start = part.find("trace @").expect("the event shows the trace");
        let end = part.find("\n}").expect("a trace ends with a brace");
        parse(&part[start..end + 2]).unwrap_or_else(|error| panic!("{error}\n{part}"))
    });
    (traces.collect(), statistics)
}

/// How many objects the last block of a trace makes: those that something else than an exit needs.
pub fn made(trace: &Trace) -> usize {
    let block = trace.blocks.last().expect("a trace has blocks");
    let mut used: HashSet<Arg> = match &block.end {
        End::Jump(_, args) => args.iter().copied().collect(),
        End::Leave(_) => HashSet::new(),
    };
    let mut count = 0;
    for inst in block.insts.iter().rev() {
        let for_exits = matches!(inst.op, Op::New | Op::PtrAdd | Op::Bitcast);
        if for_exits && inst.dst.is_none_or(|dst| !used.contains(&dst.into())) {
            continue;
        }
        count += usize::from(inst.op == Op::New);
        used.extend([inst.a, inst.b]);
        if let Aux::Call(call) = inst.aux {
            used.extend(trace.calls[call.index()].operands());
        }
    }
    count
}

//! The modes in which a guest program runs, all with the same outcome.
//!
//! Each mode has a thread of its own, since a JIT belongs to a thread.
//!
//! Not here: what the programs are.

use jitgen_core::{Config, Statistics, configure, statistics};

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

/// Runs in one mode, in a new thread.
///
/// # Panics
/// If the run panics or the settings make no sense.
pub fn run_with(settings: &str, run: impl Fn() -> String + Send + Sync) -> Run {
    let result = std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            let mut config = Config::default();
            config.apply(settings).unwrap_or_else(|error| panic!("{error}"));
            configure(config).unwrap_or_else(|error| panic!("{error}"));
            Run { output: run(), statistics: statistics() }
        });
        thread.join()
    });
    result.unwrap_or_else(|payload| std::panic::resume_unwind(payload))
}

/// Runs in every mode and compares; gives the run at threshold 1.
///
/// # Panics
/// If two modes differ, or the evaluator found a recorded trace wrong.
#[track_caller]
pub fn agree(name: &str, run: impl Fn() -> String + Send + Sync) -> Run {
    let mut expected: Option<String> = None;
    let mut chosen = None;
    for (mode, settings) in MODES {
        let done = run_with(settings, &run);
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

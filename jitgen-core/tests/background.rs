//! Compilation on another thread: the same results, whenever code is there, and when it never is.

#[path = "support/machine.rs"]
mod machine;
#[path = "support/modes.rs"]
mod modes;
#[path = "support/random.rs"]
mod random;

use jitgen_core::runtime::{Config, statistics};
use machine::*;
use modes::{run_program, with_config};
use std::time::{Duration, Instant};

/// In the background, and as soon as anything has been seen.
fn at_once(config: &mut Config) {
    config.background = Some(true);
    config.threshold = 1;
    config.bridge_threshold = 1;
    config.region_min = 20;
    config.region_per_op = 1;
}

/// `for r0 in 0..n { if r0 is even { r2 += r0 } else { r3 += 1 } }`
fn branch(n: i64) -> Vec<i64> {
    vec![
        SET, 0, 0, 0, //
        SET, 1, n, 0, //
        EVEN, 0, 0, 20, // 8
        ADDI, 3, 1, 0, // 12
        GOTO, 0, 0, 24, // 16
        ADD, 2, 0, 0, // 20
        ADDI, 0, 1, 0, // 24
        LESS, 0, 1, 8, //
        ACC, 2, 0, 0, //
        ACC, 3, 0, 0, //
        HALT, 0, 0, 0,
    ]
}

/// The sum of the even numbers, and one for each odd one.
fn branch_result(n: i64) -> i64 {
    let half = (n + 1) / 2;
    half * (half - 1) + n / 2
}

#[test]
fn a_loop_its_bridge_and_their_region_are_compiled_meanwhile() {
    let ((), statistics, lines) = with_config(at_once, || {
        let start = Instant::now();
        while statistics().regions == 0 && start.elapsed() < Duration::from_secs(50) {
            assert_eq!(run_program(&branch(10_000), None).0, Ok(Ok(branch_result(10_000))));
        }
    });
    let log = lines.join("\n");
    assert!(statistics.regions > 0, "{log}\n{}", statistics.to_json());
    assert!(statistics.bridges > 0 && statistics.loops > 0, "{log}");
    assert!(statistics.background >= 3 && statistics.check_failures == 0, "{log}");
}

#[test]
fn all_modes_agree_and_that_of_the_background_is_one() {
    let all = modes::check(&branch(2000), None);
    let orders: Vec<u64> = all.iter().map(|(statistics, _)| statistics.queue).collect();
    assert!(orders[..6].iter().all(|orders| *orders == 0), "{orders:?}");
}

#[test]
fn random_programs_run_the_same_in_the_background() {
    for seed in 0..15 {
        let (code, callee) = (random::program(seed, true), random::program(seed, false));
        let programs = (code.clone(), callee.clone());
        let off = move || run_program(&programs.0, Some(&programs.1));
        let (expected, ..) = with_config(|config| config.jit = false, off);
        let checked = seed % 2 == 0;
        let mode = move |config: &mut Config| {
            at_once(config);
            config.check = checked;
            config.fail_guards = seed % 5 == 0;
        };
        // Several times, so that code is there while they run.
        let on = move || [(); 6].map(|()| run_program(&code, Some(&callee)));
        let (got, statistics, lines) = with_config(mode, on);
        let log = lines.join("\n");
        assert_eq!(statistics.check_failures, 0, "seed {seed}:\n{log}");
        for got in got {
            assert_eq!(got, expected, "seed {seed}:\n{log}");
        }
    }
}

#[test]
fn each_of_many_threads_has_a_worker_of_its_own() {
    std::thread::scope(|scope| {
        for index in 0..16 {
            scope.spawn(move || {
                let n = 20_000 + index;
                let run = move || [(); 5].map(|()| run_program(&branch(n), None).0);
                let (results, ..) = with_config(at_once, run);
                assert_eq!(results, [(); 5].map(|()| Ok(Ok(branch_result(n)))));
            });
        }
    });
}

#[test]
fn a_thread_ends_while_something_is_being_compiled() {
    for _ in 0..60 {
        let run = || run_program(&branch(40), None).0;
        let (result, statistics, _) = with_config(at_once, run);
        assert_eq!(result, Ok(Ok(branch_result(40))));
        assert!(statistics.queue > 0 || statistics.recordings == 0);
    }
}

/// A loop whose body is longer than what the compiler takes.
#[test]
fn an_error_of_the_compiler_on_another_thread_is_an_abort() {
    let mut code = vec![SET, 1, 3_000_000, 0];
    for index in 0..9000 {
        code.extend([ADD, 2 + index % 3, 0, 0]);
    }
    code.extend([ADDI, 0, 500, 0, LESS, 0, 1, 4, ACC, 2, 0, 0, HALT, 0, 0, 0]);
    let programs = code.clone();
    let (expected, ..) =
        with_config(|config| config.jit = false, move || run_program(&programs, None));
    let mode = |config: &mut Config| {
        at_once(config);
        config.check = false;
        config.trace_limit = 1_000_000;
        config.opt = jitgen_core::opt::Passes::NONE;
    };
    let run = move || {
        let start = Instant::now();
        let mut last = run_program(&code, None);
        while statistics().aborts.is_empty() && start.elapsed() < Duration::from_secs(50) {
            last = run_program(&code, None);
        }
        last
    };
    let (got, statistics, lines) = with_config(mode, run);
    let log = lines.join("\n");
    assert_eq!(got, expected, "{log}");
    assert!(statistics.aborts.contains_key("backend"), "{log}\n{}", statistics.to_json());
    assert_eq!(statistics.loops, 0);
}

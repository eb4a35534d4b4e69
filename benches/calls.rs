//! What a call of compiled code costs: guest functions that call each other by calling the portal.
//!
//! `cargo bench --bench calls` runs each program with the JIT off and on, in turn, each time on a
//! thread of its own; a figure is the minimum of the rounds, in milliseconds and in nanoseconds for
//! each guest call. `JITGEN` says what else the JIT does, as ever: `JITGEN=inline_depth=0` shows a
//! call that is never inlined. `-- 35` takes another number than 30 for `fib`: more of the time is
//! then that of the calls.

#[allow(dead_code, reason = "the rest is for the tests")]
#[path = "../tests/interpreters/recursive.rs"]
mod recursive;

use jitgen_core::{Config, configure};
use recursive::Insn::{self, Add, Call, Jump, Less, Return, Set, Sub};
use std::env;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// Rounds of which the fastest counts.
const ROUNDS: u32 = 5;

/// A program, its argument, and how many guest calls that makes.
struct Case {
    name: &'static str,
    functions: Vec<Vec<Insn>>,
    argument: i64,
    calls: u64,
}

/// Calls that `fib` makes, itself included.
fn fib_calls(n: i64) -> u64 {
    let (mut last, mut calls) = (1, 1);
    for _ in 1..n {
        (last, calls) = (calls, last + calls + 1);
    }
    calls
}

fn cases(n: i64) -> Vec<Case> {
    // f(n): n < 2 and n, or f(n - 1) + f(n - 2)
    let fib = vec![
        Set(1, 2),
        Less(0, 1, 9),
        Set(2, 1),
        Sub(0, 2),
        Call(0, 0, 4),
        Sub(0, 2),
        Call(0, 0, 5),
        Add(4, 5),
        Return(4),
        Return(0),
    ];
    // even(n): n < 1 or odd(n - 1); odd(n): even(n - 1)
    let other =
        |other| vec![Set(1, 1), Less(0, 1, 5), Sub(0, 1), Call(other, 0, 2), Return(2), Return(0)];
    // main(n): the sum of f(100) for so many times
    let sum = |callee| {
        vec![
            Set(1, 0),
            Set(2, 0),
            Set(4, 1),
            Set(5, 100),
            Less(1, 0, 6),
            Return(2),
            Call(callee, 5, 3),
            Add(2, 3),
            Add(1, 4),
            Jump(4),
        ]
    };
    // down(n): n < 1 and 0, or down(n - 1) + n
    let down = vec![
        Set(1, 1),
        Less(0, 1, 7),
        Set(2, 0),
        Add(2, 0),
        Sub(2, 1),
        Call(1, 2, 3),
        Jump(8),
        Return(0),
        Add(3, 0),
        Return(3),
    ];
    vec![
        Case { name: "fib", functions: vec![fib], argument: n, calls: fib_calls(n) },
        Case {
            name: "down(100), often",
            functions: vec![sum(1), down],
            argument: 30_000,
            calls: 3_030_000,
        },
        Case {
            name: "even and odd(100), often",
            functions: vec![sum(1), other(2), other(1)],
            argument: 30_000,
            calls: 3_030_000,
        },
    ]
}

/// Runs in a fresh thread; gives the time and what came out.
fn run(settings: &str, case: &Case) -> (Duration, String) {
    let work = || {
        let mut config = Config::default();
        config.apply(settings).expect("the settings are sound");
        if settings != "jit=off" {
            config.apply(&env::var("JITGEN").unwrap_or_default()).expect("`JITGEN` is sound");
        }
        configure(config).expect("the thread is new");
        let start = Instant::now();
        let outcome = recursive::run(black_box(&case.functions), &[case.argument]);
        (start.elapsed(), outcome)
    };
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(16 << 20).spawn_scoped(scope, work);
        thread.expect("the system has threads").join().expect("the program runs")
    })
}

fn main() {
    println!("{:<28}{:>9}{:>9}{:>9}{:>13}", "", "off ms", "jit ms", "off/jit", "jit ns/call");
    let mut numbers = env::args().filter_map(|argument| argument.parse().ok());
    for case in cases(numbers.next().unwrap_or(30)) {
        let mut best = [Duration::MAX; 2];
        let mut expected: Option<String> = None;
        for _ in 0..ROUNDS {
            for (best, settings) in best.iter_mut().zip(["jit=off", ""]) {
                let (time, outcome) = run(settings, &case);
                *best = time.min(*best);
                let expected = expected.get_or_insert_with(|| outcome.clone());
                assert_eq!(*expected, outcome, "{}: the outcomes differ", case.name);
            }
        }
        let [off, jit] = best.map(|time| time.as_secs_f64() * 1e3);
        let each = jit * 1e6 / case.calls as f64;
        println!("{:<28}{off:>9.1}{jit:>9.1}{:>8.2}x{each:>13.1}", case.name, off / jit);
    }
}

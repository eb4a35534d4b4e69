//! Guest functions that call each other, in all modes: effects count once, errors and panics go
//! through all levels, and the native stack is not overrun.

#[path = "interpreters/portal_method.rs"]
mod portal_method;
#[path = "interpreters/recursive.rs"]
mod recursive;
#[path = "interpreters/two_portals.rs"]
mod two_portals;

use jitgen::modes::{self, Run};
use jitgen_core::ir::{Exit, LogEntry};
use oorandom::Rand32;
use recursive::Insn::{self, *};

#[track_caller]
fn agree(name: &str, functions: &[Vec<Insn>], arguments: &[i64]) -> Run {
    modes::agree(name, || recursive::run(functions, arguments))
}

fn fib() -> Vec<Vec<Insn>> {
    vec![vec![
        Count,
        Set(1, 2),
        Less(0, 1, 11),
        Set(2, 1),
        Sub(0, 2),
        Call(0, 0, 4),
        Sub(0, 2),
        Call(0, 0, 5),
        Add(4, 5),
        Note(4),
        Return(4),
        Return(0),
    ]]
}

#[test]
fn fibonacci() {
    let run = agree("fib", &fib(), &[15, 16]);
    assert!(run.output.starts_with("[\"610\", \"987\"] count=5166"), "{}", run.output);
    assert!(run.statistics.returning > 0, "{:?}", run.statistics);
}

#[test]
fn functions_that_call_each_other() {
    // even(n): n < 1 or odd(n - 1); odd(n): n >= 1 and even(n - 1)
    let function = |other, result| {
        vec![
            Count,
            Set(1, 1),
            Less(0, 1, 6),
            Sub(0, 1),
            Call(other, 0, 2),
            Return(2),
            Set(2, result),
            Return(2),
        ]
    };
    let arguments: Vec<i64> = (0..120).collect();
    let run = agree("even and odd", &[function(1, 1), function(0, 0)], &arguments);
    assert!(run.statistics.returning > 0, "{:?}", run.statistics);
}

/// Sums `f(i)` for i below the argument.
fn sum_of(callee: usize) -> Vec<Insn> {
    vec![
        Set(1, 0),
        Set(2, 0),
        Set(4, 1),
        // 3: the loop
        Less(1, 0, 5),
        Return(2),
        Call(callee, 1, 3),
        Add(2, 3),
        Add(1, 4),
        Jump(3),
    ]
}

#[test]
fn loops_that_call_functions_with_loops() {
    let inner = {
        let mut inner = sum_of(2);
        inner.insert(5, Note(1));
        inner[3] = Less(1, 0, 5);
        inner[9] = Jump(3);
        inner
    };
    let square = vec![Count, Set(1, 0), Add(1, 0), Add(1, 0), Return(1)];
    let functions = [sum_of(1), inner, square];
    let run = agree("sums", &functions, &[3, 40, 41]);
    assert!(run.statistics.loops > 0, "{:?}", run.statistics);
    // The inner loop is not unrolled into the outer one, which calls it.
    let traces = modes::traces("threshold=3,background=off,log=trace", || {
        recursive::run(&functions, &[40]);
    });
    assert!(traces.iter().any(|trace| trace.to_string().contains("run::from(")));
    assert!(traces.iter().all(|trace| trace.inst_count() < 500));
}

#[test]
fn a_short_function_is_part_of_the_loop_that_calls_it() {
    let square = vec![Count, Set(1, 0), Add(1, 0), Add(1, 0), Return(1)];
    let functions = vec![sum_of(1), square];
    let traces = modes::traces("threshold=3,background=off,log=trace", || {
        recursive::run(&functions, &[100]);
    });
    let text = traces[0].to_string();
    assert!(!text.contains("call"), "{text}");
    let off = modes::traces("threshold=3,background=off,log=trace,inline_depth=0", || {
        recursive::run(&functions, &[100]);
    });
    assert!(off.iter().any(|trace| trace.to_string().contains("run::from(")));
}

#[test]
fn errors_go_through_all_levels() {
    // f(n): fails at 13, else f(n + 1) or n
    let down = vec![
        Count,
        Fail(0),
        Set(1, 1),
        Add(0, 1),
        Set(2, 20),
        Less(0, 2, 7),
        Return(0),
        Call(1, 0, 3),
        Note(3),
        Return(3),
    ];
    let main = vec![Try(1, 0, 1), Note(1), Return(1)];
    let arguments: Vec<i64> = (0..200).map(|n| n % 23).collect();
    agree("errors", &[main, down.clone()], &arguments);
    agree("errors to the outside", &[vec![Call(1, 0, 1), Return(1)], down], &arguments);
}

#[test]
fn panics_go_through_all_levels() {
    // f(n): notes n, panics at 666, else f(n + 1) up to 670
    let up = vec![
        Count,
        Note(0),
        Set(1, 1),
        Add(0, 1),
        Set(2, 670),
        Less(0, 2, 7),
        Return(0),
        Call(1, 0, 3),
        Add(3, 1),
        Return(3),
    ];
    let main = vec![Call(1, 0, 1), Note(1), Return(1)];
    let arguments: Vec<i64> = (0..60).flat_map(|n| [667 + n % 3, 660 + n % 9]).collect();
    let run = agree("panics", &[main, up], &arguments);
    assert!(run.statistics.returning > 0, "{:?}", run.statistics);
}

#[test]
fn too_deep_a_recursion_is_an_error_that_the_guest_catches() {
    // f(n): n < 1 and 0, or f(n - 1) + 1
    let down = vec![
        Set(1, 1),
        Less(0, 1, 6),
        Sub(0, 1),
        Call(1, 0, 2),
        Add(2, 1),
        Return(2),
        Set(2, 0),
        Return(2),
    ];
    let main = vec![Try(1, 0, 1), Return(1)];
    // Far from the limit on both sides: a level takes more stack in some modes than in others, and
    // compiled code takes so little of it that the stack must be small to be full.
    let functions = [main, down];
    let arguments = [40, 190_000, 20, 190_000, 60];
    let run = modes::agree_on(1 << 20, "deep", || recursive::run(&functions, &arguments));
    assert!(run.output.starts_with("[\"40\", \"-1\", \"20\", \"-1\", \"60\"]"), "{}", run.output);
}

#[test]
fn tail_calls_do_not_grow() {
    // f(n): n < 1 and 7, or g(n - 1); g(n): f(n)
    let f = vec![Set(1, 1), Less(0, 1, 4), Sub(0, 1), Tail(1, 0), Set(2, 7), Return(2)];
    let run = agree("tail", &[f, vec![Count, Tail(0, 0)]], &[200_000]);
    assert!(run.output.starts_with("[\"7\"] count=200000"), "{}", run.output);
}

#[test]
fn a_portal_that_is_a_method_with_its_place_in_memory() {
    use portal_method::Insn::*;
    // f(n): n > 0 ? mix(f(n - 1) + n, 7) : g(n + 20) + 1; g(n): n counted down, then h(n)
    let f = vec![
        Given,
        IfPositive(8),
        Given,
        Push(20),
        Add,
        Call(1),
        Push(1),
        Return,
        Given,
        Push(-1),
        Add,
        Call(0),
        Given,
        Add,
        Push(7),
        Mix,
        Return,
    ];
    let g = vec![Given, Push(-1), Add, Call(2), Push(-3), Add, IfPositive(0), Push(5), Return];
    let h = vec![Given, Push(-2), Add, Push(3), Mix, Return];
    let arguments: Vec<i64> = (0..40).map(|n| n % 9).collect();
    // `g` would go on for ever, so it counts what `h` gives.
    let g = {
        let mut g = g;
        g[6] = IfPositive(7);
        g
    };
    let run = modes::agree("methods", || {
        portal_method::run(&[f.clone(), g.clone(), h.clone()], &arguments)
    });
    assert!(run.statistics.returning > 0, "{:?}", run.statistics);
    // No end: the guest's own stack is full, a panic through all levels.
    let endless = vec![Given, Push(1), Add, Call(0), Push(1), Add, Return];
    let run =
        modes::agree("endless", || portal_method::run(std::slice::from_ref(&endless), &[1, 2, 3]));
    assert!(run.output.contains("the stack is full"), "{}", run.output);
}

/// A function that counts its argument down, and calls others (or itself) with that.
fn random_function(random: &mut Rand32, functions: u32) -> Vec<Insn> {
    let mut code = vec![Set(1, 1), Less(0, 1, usize::MAX), Sub(0, 1)];
    let mut calls = 0;
    for _ in 0..3 + random.rand_range(0..8) {
        let mut register = |low| low + random.rand_range(0..6 - low as u32) as usize;
        let (a, b, c) = (register(2), register(0), register(2));
        let callee = random.rand_range(0..functions) as usize;
        let here = code.len();
        match random.rand_range(0..16) {
            0..2 => code.push(Set(a, i64::from(random.rand_range(0..20)))),
            2..4 => code.push(Add(a, b)),
            4 => code.push(Sub(a, b)),
            5 => code.push(Count),
            6 => code.push(Note(b)),
            7 if random.rand_range(0..4) == 0 => code.push(Fail(a)),
            8..12 if calls < 2 => {
                calls += 1;
                code.push(if random.rand_range(0..3) == 0 {
                    Try(callee, 0, a)
                } else {
                    Call(callee, 0, a)
                });
            }
            12 => code.extend([Less(a, b, here + 2), Count]),
            13 => code.extend([Less(a, b, here + 3), Note(a), Add(c, b)]),
            14 if calls < 2 => {
                // A loop that calls.
                calls += 2;
                code.extend([
                    Set(6, 0),
                    Set(7, 2),
                    Call(callee, 0, a),
                    Add(6, 1),
                    Less(6, 7, here + 2),
                ]);
            }
            _ => {
                let rounds = i64::from(random.rand_range(1..12));
                code.extend([
                    Set(6, 0),
                    Set(7, rounds),
                    Add(a, 1),
                    Add(6, 1),
                    Less(6, 7, here + 2),
                ]);
            }
        }
    }
    code[1] = Less(0, 1, code.len());
    code.push(Return(2 + random.rand_range(0..3) as usize));
    code
}

#[test]
fn random_functions() {
    for seed in 0..20 {
        let mut random = Rand32::new(seed);
        let count = 1 + random.rand_range(0..3);
        let functions: Vec<_> = (0..count).map(|_| random_function(&mut random, count)).collect();
        let arguments: Vec<i64> = (0..50).map(|_| i64::from(random.rand_range(0..6))).collect();
        agree(&format!("seed {seed}: {functions:?}"), &functions, &arguments);
    }
}

/// A function that calls itself once, and is counted down and up again.
fn down_and_up() -> Vec<Vec<Insn>> {
    let down = [Set(1, 1), Less(0, 1, 8), Count, Set(2, 0), Add(2, 0), Sub(2, 1), Call(0, 2, 3)];
    let up = [Jump(9), Return(0), Add(3, 0), Return(3)];
    vec![down.into_iter().chain(up).collect()]
}

#[test]
fn exits_have_a_state_for_each_level_and_the_log_of_one_handler() {
    let traces = modes::traces("threshold=3,bridge_threshold=3,background=off,log=trace", || {
        recursive::run(&down_and_up(), &[30]);
    });
    let exits = traces.iter().flat_map(|trace| &trace.exits);
    let levels = |exit: &&Exit| {
        exit.log.iter().filter(|entry| matches!(entry, LogEntry::Level { .. })).count()
    };
    let values = |exit: &Exit| exit.args().count();
    assert_eq!(exits.clone().map(|exit| levels(&exit)).max(), Some(2));
    // Two reds, and for each level a base and the registers that its handler has loaded.
    let most = exits.clone().max_by_key(|exit| values(exit)).expect("there are exits");
    assert!(values(most) <= 20, "{most:?}");
}

#[test]
fn a_portal_calls_another_one() {
    let text = "a short text about cats, caaats and caaaaaaaaaaaaaaats; aaa".repeat(3);
    let run =
        modes::agree("patterns", || two_portals::run(&["ca*ts", "?a", "t?x", "a*a"], &text, 6));
    assert!(run.statistics.loops > 1, "{:?}", run.statistics);
}

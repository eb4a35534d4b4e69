//! Calls of compiled code, in all modes: what a callee does while others wait for it on the stack,
//! and what becomes of those.

#[path = "interpreters/calling.rs"]
mod calling;

use calling::Insn::{self, *};
use jitgen::modes::{self, MODES, Run, run_with, traces};
use jitgen_core::ir::{Op, Trace};
use std::slice::from_ref;

#[track_caller]
fn agree(name: &str, functions: &[Vec<Insn>], arguments: &[i64]) -> Run {
    modes::agree(name, || calling::run(functions, arguments))
}

/// The calls of code in a trace.
fn calls(trace: &Trace) -> usize {
    let insts = trace.blocks.iter().flat_map(|block| &block.insts);
    insts.filter(|inst| inst.op == Op::CallCode).count()
}

/// A function that calls itself twice, around the other instructions.
fn twice(down: &[Insn], between: &[Insn], up: &[Insn]) -> Vec<Insn> {
    let end = down.len() + between.len() + up.len() + 3;
    let mut code = vec![Unless(end)];
    code.extend_from_slice(down);
    code.push(Call(0, 1));
    code.extend_from_slice(between);
    code.push(Call(0, 2));
    code.extend_from_slice(up);
    code.extend([Return]);
    assert_eq!(code[end], Return);
    code
}

#[test]
fn code_is_called_without_the_runtime() {
    let function = twice(&[Count], &[], &[Note(-9)]);
    let run = agree("twice", from_ref(&function), &[14, 15]);
    assert!(run.statistics.returning > 1, "{:?}", run.statistics);
    let found = traces("threshold=3,bridge_threshold=3,background=off,log=trace", || {
        calling::run(from_ref(&function), &[12]);
    });
    assert!(found.iter().any(|trace| calls(trace) > 0));
    // The runtime enters code for the outermost calls, and for each exit that has no bridge yet.
    let settings = "threshold=3,bridge_threshold=3,background=off,check=off";
    let run = run_with(settings, || calling::run(from_ref(&function), &[20]));
    assert!(run.statistics.enters < 1_000, "of 28,656 calls: {:?}", run.statistics);
}

#[test]
fn a_recursion_that_branches_is_not_unrolled() {
    let function = twice(&[Count], &[], &[]);
    let found = traces("threshold=3,bridge_threshold=3,background=off,log=trace", || {
        calling::run(from_ref(&function), &[16]);
    });
    let (pieces, ops) = (found.len(), found.iter().map(Trace::inst_count).sum::<usize>());
    assert!(pieces < 20 && ops < 1_500, "{pieces} pieces, {ops} operations");
}

#[test]
fn code_that_becomes_invalid_while_others_wait_for_it() {
    // Down at 3 the factor changes; all that wait further out go on with the new one.
    let function = twice(&[Scale, Count], &[Change(3), Scale], &[Note(-9), Scale]);
    let run = agree("changes below", &[function], &[10, 11, 12, 9]);
    assert!(run.statistics.invalidations > 0, "{:?}", run.statistics);
    let main = vec![Unless(4), Scale, Call(1, 1), Change(40), Scale, Return];
    let down = vec![Unless(5), Cons, Scale, Call(1, 1), Change(1), Scale, Return];
    let arguments: Vec<i64> = (0..80).map(|n| 30 + n % 20).collect();
    let run = agree("a line of them", &[main, down], &arguments);
    assert!(run.statistics.invalidations > 0, "{:?}", run.statistics);
}

#[test]
fn errors_and_panics_of_called_code() {
    let inner = twice(&[Count, Fail(7)], &[Note(-9)], &[Fail(2)]);
    let outer = vec![Try(1, 0), Try(1, 1), Note(-9), Return];
    let call_inner = |inner: &[Insn]| -> Vec<Insn> {
        let to = |insn: &Insn| match insn {
            Call(0, less) => Call(1, *less),
            other => *other,
        };
        inner.iter().map(to).collect()
    };
    let arguments: Vec<i64> = (0..60).map(|n| n % 11).collect();
    agree("errors", &[outer.clone(), call_inner(&inner)], &arguments);
    // Nobody catches a panic but the host: all levels are left, what they have done stays.
    let inner = twice(&[Count], &[Note(3)], &[Note(-9)]);
    let arguments: Vec<i64> = (0..60).map(|n| n % 7 - 2).collect();
    agree("panics", &[outer, call_inner(&inner)], &arguments);
}

#[test]
fn functions_that_call_each_other_change_roles() {
    let functions = [
        vec![Unless(5), Count, Call(1, 1), Call(2, 2), Note(-9), Return],
        vec![Unless(5), Cons, Call(2, 1), Walk, Call(0, 3), Return],
        vec![Unless(4), Call(0, 1), Scale, Fail(5), Return],
    ];
    let mut functions = functions;
    functions[0][2] = Try(1, 1);
    let arguments: Vec<i64> = (0..40).map(|n| 5 + n % 9).collect();
    agree("three", &functions, &arguments);
}

#[test]
fn what_waiting_levels_hold_is_not_collected() {
    let function = {
        let mut function = twice(&[Cons, Cons], &[Walk, Cons], &[Walk]);
        function.insert(0, Cons);
        let end = function.len() - 1;
        function[1] = Unless(end);
        function
    };
    let line = vec![Unless(5), Cons, Call(1, 1), Walk, Cons, Walk, Return];
    let main = vec![Cons, Call(1, 0), Walk, Return];
    let mut expected = [None, None];
    for heap in ["gc_threshold=8388608", "gc_threshold=5000", "gc_stress=on"] {
        for (mode, settings) in MODES {
            let settings = format!("{settings},{heap}");
            let branching = run_with(&settings, || calling::run(from_ref(&function), &[6, 8]));
            let deep = run_with(&settings, || {
                calling::run(&[main.clone(), line.clone()], &[20, 60, 30, 90, 10])
            });
            for (run, expected) in [branching, deep].iter().zip(&mut expected) {
                assert_eq!(run.statistics.check_failures, 0, "mode `{mode}`, {heap}");
                let expected = expected.get_or_insert_with(|| run.output.clone());
                assert_eq!(run.output, *expected, "mode `{mode}`, {heap}");
            }
        }
    }
}

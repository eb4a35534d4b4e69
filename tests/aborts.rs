//! Every reason to give a recording up, met; and the program does what it did without the JIT.
//!
//! `backend` and `check-failed` are what a bug of jitgen's own would give: they are not here.

#[path = "interpreters/constructs.rs"]
mod constructs;
#[path = "interpreters/failing.rs"]
mod failing;
#[allow(dead_code, reason = "most of its instructions can be recorded")]
#[path = "interpreters/hints.rs"]
mod hints;

#[allow(dead_code, reason = "most of its instructions recurse in no tree")]
#[path = "interpreters/recursive.rs"]
mod recursive;

use failing::vm::Insn;
use hints::Insn as Hint;
use jitgen::modes::run_with;
use jitgen_core::tracer::AbortReason;
use std::io;
use std::rc::Rc;

#[track_caller]
fn check(reason: AbortReason, settings: &str, run: impl Fn() -> String + Send + Sync) {
    let plain = run_with("jit=off", &run);
    let jit = run_with(&format!("check=on,{settings}"), &run);
    assert_eq!(jit.output, plain.output);
    let aborts = &jit.statistics.aborts;
    assert!(aborts.contains_key(reason.name()), "no {reason}, but {aborts:?}");
}

fn bf(source: &str) -> String {
    let program = Rc::new(bf::parse(source.as_bytes()).expect("the program is well formed"));
    let mut machine = bf::Machine::new(bf::Options::default(), io::empty(), io::sink());
    format!("{:?} {:?}", bf::run(&program, &mut machine), &machine.tape[..8])
}

#[test]
fn too_long() {
    let settings = "threshold=2,trace_limit=20";
    check(AbortReason::TooLong, settings, || bf("-[->+>+>+>+>+>+<<<<<<]"));
}

#[test]
fn portal_returned() {
    check(AbortReason::PortalReturned, "threshold=1", || bf("++[-]"));
}

#[test]
fn panicked() {
    // The way to the panic is taken once: its exit gets a bridge at once, which panics.
    let settings = "threshold=2,bridge_threshold=1";
    check(AbortReason::Panicked, settings, || constructs::run(5000));
}

#[test]
fn alternates() {
    check(AbortReason::Alternates, "threshold=2", || bf("-[->>+<[->->+<<]>[-<+>>>+<<]<<]"));
}

#[test]
fn branching_recursion() {
    use recursive::Insn::{Add, Call, Less, Return, Set, Sub};
    // Fibonacci numbers.
    let calls = [Sub(0, 2), Call(0, 0, 4), Sub(0, 2), Call(0, 0, 5), Add(4, 5), Return(4)];
    let ends = [Set(1, 2), Less(0, 1, 9), Set(2, 1)];
    let code: Vec<_> = ends.into_iter().chain(calls).chain([Return(0)]).collect();
    let run = || recursive::run(std::slice::from_ref(&code), &[14]);
    check(AbortReason::Branches, "threshold=2,bridge_threshold=2", run);
}

#[test]
fn opaque_value() {
    check(AbortReason::OpaqueValue, "threshold=2", || failing::run(Insn::MatchShape));
    check(AbortReason::OpaqueValue, "threshold=2", || failing::run(Insn::CopyShape));
    check(AbortReason::OpaqueValue, "threshold=2", || failing::run(Insn::MatchInside));
}

#[test]
fn local_escapes() {
    check(AbortReason::LocalEscapes, "threshold=2", || failing::run(Insn::LendLocal));
}

#[test]
fn owned_drop() {
    check(AbortReason::OwnedDrop, "threshold=2", || failing::run(Insn::Forget));
}

#[test]
fn scratch_full() {
    check(AbortReason::ScratchFull, "threshold=2", || failing::run(Insn::Large));
}

#[test]
fn immutable_store() {
    check(AbortReason::ImmutableStore, "threshold=2", || hints::run(&[Hint::Spoil], 50));
}

#[test]
fn not_green() {
    check(AbortReason::NotGreen, "threshold=2", || hints::run(&[Hint::NotGreen], 50));
}

#[test]
fn wrong_effects() {
    let settings = "threshold=2,check_effects=on";
    check(AbortReason::WrongEffects, settings, || hints::run(&[Hint::Lies], 50));
}

#[test]
fn invalidated() {
    // The round that is recorded relies on the cell, and is the one that writes it, at 50 to go.
    let settings = "threshold=2,background=off";
    check(AbortReason::Invalidated, settings, || hints::run(&[Hint::Limit, Hint::Disturb], 52));
}

#[test]
fn what_can_be_recorded_is() {
    let jit = run_with("threshold=2,check=on", || failing::run(Insn::Add));
    assert!(jit.output.starts_with("4950 "), "{}", jit.output);
    assert_eq!(jit.statistics.loops, 1);
}

#[test]
fn giving_up_backs_off() {
    // 99 passes of the header: at threshold 2 and doubling, at most six attempts.
    let jit = run_with("threshold=2,check=on", || failing::run(Insn::CopyShape));
    let attempts = jit.statistics.aborts[AbortReason::OpaqueValue.name()];
    assert!((2..=6).contains(&attempts), "{attempts} attempts");
}

//! Boxes, counted values and vectors in traces: in every mode the same, each dropped once, and most
//! of them never made.

#[path = "interpreters/owned.rs"]
mod owned;
#[path = "interpreters/owned_reds.rs"]
mod owned_reds;

#[path = "interpreters/opaque.rs"]
mod opaque;

use jitgen::modes::{agree, made, traces};
use jitgen_core::ir::Trace;
use opaque::vm::Insn as O;
use owned::vm::Insn as I;

fn random_program(seed: u64) -> Vec<I> {
    let mut random = oorandom::Rand64::new(u128::from(seed) + 77_000);
    let mut below = |limit: u64| random.rand_range(0..limit);
    let mut code = vec![];
    for _ in 0..2 + below(7) {
        let (to, a, b) = (below(3) as usize, below(3) as usize, below(3) as usize);
        let number = below(9) as i64;
        code.push(match below(15) {
            0 | 1 => I::Make(to, number),
            2 => I::Link(to, a),
            3 => I::Copy(to, a),
            4 => I::Clear(to),
            5 => I::Add(a, number),
            6 => I::Look(a),
            7 => I::Chain(number),
            8 => I::Boxed(number),
            9 | 10 => I::Vector(below(4) as usize, number),
            11 => I::Nested(a),
            12 => I::Show(a, number & 3),
            13 => I::Keep(number),
            _ => I::Same(a, b),
        });
    }
    code.push(I::Again);
    code
}

#[test]
fn random_programs() {
    let seeds = std::env::var("JITGEN_RANDOM").map_or(60, |n| n.parse().expect("a number"));
    for seed in 0..seeds {
        let code = random_program(seed);
        agree(&format!("owned {seed}: {code:?}"), move || owned::run(&code, 120));
    }
}

#[test]
fn each_instruction() {
    let codes: [&[I]; 13] = [
        &[I::Make(0, 5)],
        &[I::Make(0, 1), I::Link(1, 0), I::Link(0, 1), I::Clear(1)],
        &[I::Make(0, 5), I::Copy(1, 0), I::Add(0, 3), I::Look(1)],
        &[I::Chain(3)],
        &[I::Boxed(3)],
        &[I::Vector(3, 4)],
        &[I::Vector(1, 4)],
        &[I::Vector(0, 4)],
        &[I::Nested(0)],
        &[I::Make(0, 2), I::Nested(0), I::Nested(0)],
        &[I::Show(0, 1), I::Show(1, 2)],
        &[I::Keep(3), I::Keep(4)],
        &[I::Make(0, 1), I::Copy(1, 0), I::Same(0, 1), I::Same(0, 2)],
    ];
    for code in codes {
        let code: Vec<I> = code.iter().copied().chain([I::Again]).collect();
        let run = agree(&format!("{code:?}"), || owned::run(&code, 200));
        assert!(run.statistics.loops > 0, "{code:?} is compiled: {:?}", run.statistics);
        assert_eq!(run.statistics.check_failures, 0, "{code:?}: {:?}", run.statistics);
    }
}

#[test]
fn what_a_portal_owns_is_dropped_when_it_returns() {
    use owned_reds::Insn as I;
    let codes: [&[I]; 5] = [
        &[I::Below(1), I::Call(1), I::Outer],
        &[I::Below(2), I::Call(1), I::Call(2), I::Outer],
        &[I::Below(1), I::Call(1), I::Fail(13), I::Outer],
        &[I::Below(1), I::Call(2), I::Fail(5), I::Call(1), I::Outer],
        &[I::Below(2), I::Fail(3), I::Call(1), I::Outer],
    ];
    for code in codes {
        let run = agree(&format!("{code:?}"), || owned_reds::run(code, 150));
        assert!(run.output.ends_with(" 1"), "{code:?}: {}", run.output);
        assert!(run.statistics.returning > 0, "{code:?}: {:?}", run.statistics);
    }
}

/// How many objects the first loop's body makes.
fn made_by(code: &[I]) -> (usize, Trace) {
    let code: Vec<I> = code.iter().copied().chain([I::Again]).collect();
    let settings = "threshold=3,bridge_threshold=1000,background=off,log=trace";
    let traces = traces(settings, || drop(owned::run(&code, 60)));
    let trace = traces.into_iter().next().expect("the loop is compiled");
    (made(&trace), trace)
}

#[test]
fn what_does_not_last_is_not_made() {
    let codes: [&[I]; 5] =
        [&[I::Chain(9)], &[I::Boxed(3)], &[I::Vector(3, 4)], &[I::Vector(0, 4)], &[I::Nested(0)]];
    for code in codes {
        let (made, trace) = made_by(code);
        assert_eq!(made, 0, "{code:?}\n{trace}");
    }
    let (made, trace) = made_by(&[I::Make(0, 5)]);
    assert_eq!(made, 1, "it is put where others look\n{trace}");
}

#[test]
fn what_is_known_only_as_a_whole_is_dropped_in_traces() {
    let codes: [&[O]; 7] = [
        &[O::Drop],
        &[O::Later],
        &[O::Give],
        &[O::Either],
        &[O::Helper],
        &[O::Some],
        &[O::Later, O::Either, O::Helper, O::Some, O::Drop],
    ];
    for code in codes {
        let code: Vec<O> = code.iter().copied().chain([O::Again]).collect();
        let run = agree(&format!("{code:?}"), || opaque::run(&code, 200));
        assert!(run.output.ends_with("owners: 1"), "all have been dropped: {}", run.output);
        assert!(run.statistics.loops > 0, "{code:?} is compiled: {:?}", run.statistics);
        let aborts = &run.statistics.aborts;
        assert!(!aborts.contains_key("owned-drop"), "{code:?}: {aborts:?}");
    }
}

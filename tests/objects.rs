//! The collected heap and the JIT together: the machine of objects in every mode, also with a
//! collection at each allocation and with so little memory that the guest has to deal with it.

#[path = "interpreters/code_objects.rs"]
mod code_objects;
#[path = "interpreters/objects.rs"]
mod objects;

use jitgen::modes::{MODES, Run, made, run_with, traces};
use jitgen_core::ir::{Aux, End, Inst, Op, Trace};
use jitgen_core::tracer::ALLOCATION_CLASS;
use objects::vm::Insn as I;
use objects::{REGISTERS, Tally};
use oorandom::Rand32;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// What is set besides, in each mode.
const HEAPS: [&str; 3] = ["gc_threshold=8388608", "gc_stress=on", "gc_threshold=10000"];

/// Runs in every mode with every heap; all do the same, and drop what they have made. Gives the
/// run at threshold 1 with collections now and then.
#[track_caller]
fn agree(name: &str, heaps: &[&str], code: &[I]) -> Run {
    let mut expected: Option<String> = None;
    let mut chosen = None;
    for heap in heaps {
        for (mode, settings) in MODES {
            let tally = Arc::<Tally>::default();
            let done = run_with(&format!("{settings},{heap}"), || objects::run(code, &tally));
            let context = format!("{name}: mode `{mode}`, {heap}");
            assert_eq!(done.statistics.check_failures, 0, "{context}: a wrong trace");
            let (made, dropped) = (&tally.made, &tally.dropped);
            let counts = [made, dropped].map(|count| count.load(Ordering::Relaxed));
            assert_eq!(counts[0], counts[1], "{context}: made and dropped");
            match &expected {
                None => expected = Some(done.output.clone()),
                Some(expected) => assert_eq!(&done.output, expected, "{context} differs"),
            }
            if *mode == "threshold 1" {
                chosen = Some(done);
            }
        }
    }
    chosen.expect("there is such a mode")
}

/// A program that does something `rounds` times, with register 7 as the counter.
fn repeated(rounds: i64, before: &[I], body: &[I]) -> Vec<I> {
    let mut code = vec![I::Int(7, rounds)];
    code.extend_from_slice(before);
    let start = code.len();
    code.extend_from_slice(body);
    code.extend([I::Loop(7, start), I::Halt]);
    code
}

#[test]
fn a_list_is_built_and_summed() {
    let code = [
        I::Int(7, 300),
        I::Nil(0),
        // 2
        I::Cons(0, 7, 0),
        I::Loop(7, 2),
        I::Int(1, 0),
        // 5
        I::Unless(0, 10),
        I::Head(2, 0),
        I::Add(1, 1, 2),
        I::Tail(0, 0),
        I::Jump(5),
        // 10
        I::Halt,
    ];
    let run = agree("list", &HEAPS, &code);
    assert!(run.output.contains("45150"), "{}", run.output);
    assert!(run.statistics.loops > 1, "{:?}", run.statistics);
}

#[test]
fn what_compiled_code_alone_holds_is_kept() {
    // Garbage around the one list that lives, so that what is freed by mistake is used again.
    let body = [
        I::Cons(1, 7, 0),
        I::Cons(1, 1, 1),
        I::Cons(0, 7, 0),
        I::Cons(2, 7, 7),
        I::Tail(3, 0),
        I::Unless(3, 11),
        I::Head(4, 3),
        I::Set(5, 6, 0),
    ];
    let before = [I::Nil(0), I::Array(5, 4), I::Int(6, 2)];
    let run = agree("garbage", &HEAPS, &repeated(600, &before, &body));
    let heap = run.statistics.heap;
    assert!(heap.collections > 0 && heap.freed > 500, "{heap:?}");
}

#[test]
fn closures_share_variables_and_boxes_are_matched() {
    let body = [
        I::Nil(1),
        I::Close(1, 1, 7),
        I::Call(2, 1, 7),
        I::Close(1, 1, 7),
        I::Call(2, 1, 7),
        I::Call(3, 1, 2),
        I::Wrap(4, 3),
        I::Unwrap(5, 4),
        I::Wrap(4, 4),
        I::Wrap(4, 4),
        I::Unwrap(5, 4),
        I::Own(5),
        I::Unwrap(5, 5),
        I::Same(6, 4, 4),
        I::Add(0, 0, 6),
    ];
    let run = agree("closures", &HEAPS, &repeated(200, &[I::Int(0, 0)], &body));
    assert!(run.output.contains("\"200\""), "{}", run.output);
    assert!(run.statistics.loops > 0);
}

#[test]
fn a_full_heap_is_an_error_that_the_guest_catches() {
    // Each round builds a list until there is no memory, drops it, and builds a short one.
    let code = [
        I::Int(7, 4),
        I::Catch(0, 4),
        // 2
        I::Cons(0, 7, 0),
        I::Jump(2),
        // 4: numbers go over what is left of pointers in the interpreter's locals
        I::Int(0, 1),
        I::Int(1, 50),
        // 6
        I::Cons(0, 1, 0),
        I::Loop(1, 6),
        I::Head(2, 0),
        I::Loop(7, 2),
        I::Int(7, 3),
        I::Own(3),
        I::Halt,
    ];
    let run = agree("full", &["gc_limit=200000"], &code);
    assert!(run.output.starts_with("Ok(\"owner"), "{}", run.output);
    assert!(run.output.contains("full: true"), "{}", run.output);
    let heap = run.statistics.heap;
    assert!(heap.collections >= 4 && heap.held_bytes <= 200_000, "{heap:?}");
}

fn random_program(seed: u64) -> Vec<I> {
    let random = &mut Rand32::new(seed);
    let below = |random: &mut Rand32, end: u32| random.rand_range(0..end) as usize;
    let mut body = vec![];
    for _ in 0..6 + below(random, 14) {
        // Register 7 counts, 6 is mostly a small number.
        let [to, a, b] = [0; 3].map(|_| below(random, REGISTERS as u32 - 2));
        let small = REGISTERS - 2;
        body.push(match below(random, 22) {
            0 => I::Int(to, below(random, 5) as i64 - 1),
            1 => I::Float(to, below(random, 4) as f64 / 4.0),
            2 => I::Nil(to),
            3 => I::Move(to, a),
            4 | 5 => I::Add(to, a, b),
            6..=8 => I::Cons(to, a, b),
            9 => I::Head(to, a),
            10 => I::Tail(to, a),
            11 => I::SetHead(a, b),
            12 => I::Array(to, below(random, 5)),
            13 => I::Get(to, a, small),
            14 => I::Set(a, small, b),
            15 => I::Close(to, below(random, 4) as i64, a),
            16 => I::Call(to, a, b),
            17 => I::Wrap(to, a),
            18 => I::Own(to),
            19 => I::Unwrap(to, a),
            20 => I::Same(to, a, b),
            _ => I::Int(small, below(random, 4) as i64),
        });
    }
    let start = 1 + REGISTERS;
    // Some jumps over what follows.
    let length = body.len();
    for _ in 0..below(random, 3) {
        let (at, register) = (below(random, length as u32), below(random, 6));
        body[at] = I::Unless(register, start + length.min(at + 1 + below(random, 4)));
    }
    let before: Vec<_> = (0..REGISTERS - 1).map(|to| I::Int(to, to as i64)).collect();
    let before = [&[I::Nil(0)][..], &before].concat();
    repeated(60, &before, &body)
}

#[test]
fn random_programs_do_the_same_in_all_modes() {
    let count = std::env::var("JITGEN_PROGRAMS").ok().and_then(|n| n.parse().ok()).unwrap_or(6);
    for seed in 0..count {
        let code = random_program(seed);
        // A list that contains itself can be shown: only so far down.
        agree(&format!("seed {seed}: {code:?}"), &["gc_stress=on", "gc_threshold=70000"], &code);
    }
}

/// The last trace that has a body behind a peeled round, and which is a loop.
fn loop_of(code: &[I]) -> Trace {
    let tally = Arc::<Tally>::default();
    let settings = "threshold=5,bridge_threshold=1000,background=off,log=trace";
    let all = traces(settings, || drop(objects::run(code, &tally)));
    let peeled = all.into_iter().rfind(|trace| trace.blocks.len() == 2);
    peeled.expect("a loop is compiled")
}

#[test]
fn an_object_is_made_without_a_call() {
    let trace = loop_of(&repeated(100, &[I::Nil(0)], &[I::Cons(0, 7, 0)]));
    let body = &trace.blocks[1];
    let calls = body.insts.iter().filter(|inst| inst.op.is_call());
    let cells = |inst: &Inst| trace.calls[inst.call().index()].cells().is_some();
    assert!(calls.clone().all(|inst| inst.op == Op::New && cells(inst)), "{trace}");
    assert_eq!(made(&trace), 1, "{trace}");
    // Each round looks whether there is room.
    let heap = |inst: &&Inst| inst.aux == Aux::class(ALLOCATION_CLASS);
    let heap: Vec<Op> = body.insts.iter().filter(heap).map(|inst| inst.op).collect();
    assert_eq!(heap, [Op::Load, Op::Load], "{trace}");
}

#[test]
fn where_cells_are_used_up_a_bridge_makes_the_object() {
    let tally = Arc::<Tally>::default();
    let settings = "threshold=5,bridge_threshold=2,background=off,log=trace,gc_stress=on";
    let code = repeated(100, &[I::Nil(0)], &[I::Cons(0, 7, 0)]);
    let all = traces(settings, || drop(objects::run(&code, &tally)));
    let makes = |trace: &&Trace| trace.calls.iter().any(|call| call.symbol.contains("::TryNew<"));
    let is_bridge = |trace: &Trace| matches!(trace.blocks[0].end, End::Leave(_));
    let (bridges, loops): (Vec<&Trace>, _) = all.iter().filter(makes).partition(|t| is_bridge(t));
    assert!(!bridges.is_empty() && loops.is_empty(), "{all:?}");
    assert!(all.len() < 6, "no bridge is for what never happens: {}", all.len());
}

#[test]
fn code_keeps_the_objects_that_it_knows() {
    let left = |settings: &str| {
        let run = run_with(settings, || format!("{:?}", code_objects::run(20)));
        assert_eq!(run.statistics.check_failures, 0);
        run
    };
    let plain = left("jit=off");
    let (sums, _) = plain.output.split_once(']').expect("a list of sums");
    for (mode, settings) in &MODES[1..] {
        let run = left(settings);
        assert!(run.output.starts_with(sums), "{mode}: {}", run.output);
        if run.statistics.loops >= 20 {
            assert!(run.output.ends_with("], 20, 20)"), "{mode}: {}", run.output);
        }
    }
    // So it is not the stack that keeps them.
    let words = plain.output.rsplit([' ', ',', ')']).filter(|word| !word.is_empty());
    let counts: Vec<usize> = words.take(2).map(|word| word.parse().expect("a count")).collect();
    assert!(counts.iter().all(|count| *count < 5), "{}", plain.output);
    assert!(left(MODES[2].1).statistics.loops >= 20, "there is a loop for each");
}

/// Objects of types that are known only as a whole are made in traces, in every mode.
#[track_caller]
fn made_in_traces(name: &str, body: &[I]) {
    let run = agree(name, &HEAPS, &repeated(60, &[], body));
    assert!(run.statistics.loops > 0, "{name}: {:?}", run.statistics);
    assert!(run.statistics.aborts.is_empty(), "{name}: {:?}", run.statistics.aborts);
}

#[test]
fn objects_of_many_words_are_made_in_traces() {
    made_in_traces("large", &[I::Large(7)]);
    made_in_traces("both", &[I::Large(7), I::Last(1)]);
}

#[test]
fn objects_of_many_words_that_own_something_are_made_in_traces() {
    made_in_traces("chest", &[I::Chest(7), I::Empty(1)]);
}

#[test]
fn objects_with_enums_of_any_layout_are_made_in_traces() {
    made_in_traces("sketch", &[I::Sketch(7), I::Trace(7)]);
    made_in_traces("figure", &[I::Figure(7)]);
}

#[test]
fn objects_with_a_ref_cell_are_made_in_traces() {
    made_in_traces("table", &[I::Table(7)]);
}

#[test]
fn what_does_not_last_is_not_made() {
    let codes: [&[I]; 3] = [
        &[I::Cons(1, 7, 7), I::Head(2, 1), I::Add(0, 0, 2)],
        // Objects in objects, and the same one twice.
        &[I::Cons(1, 7, 7), I::Cons(2, 1, 1), I::Tail(3, 2), I::Head(3, 3), I::Same(4, 1, 2)],
        &[I::Cons(1, 7, 7), I::Cons(2, 1, 7), I::SetHead(1, 2), I::Cons(3, 2, 1)],
    ];
    for code in codes {
        let before = [I::Int(0, 0), I::Cons(1, 0, 0)];
        let trace = loop_of(&repeated(100, &before, code));
        assert_eq!(made(&trace), 0, "{code:?}\n{trace}");
        let stores = trace.blocks[1].insts.iter().filter(|inst| inst.op == Op::Store);
        assert_eq!(stores.count(), 0, "nor is it put into a register: {code:?}\n{trace}");
        agree(&format!("{code:?}"), &HEAPS, &repeated(100, &before, code));
    }
    // What has a destructor is made; nobody else needs it.
    let trace = loop_of(&repeated(100, &[], &[I::Wrap(1, 7), I::Unwrap(2, 1)]));
    let body = &trace.blocks[1].insts;
    assert_eq!(body.iter().filter(|inst| inst.op == Op::NewKept).count(), 1, "{trace}");
    assert!(body.iter().all(|inst| inst.op == Op::NewKept || !inst.op.is_call()), "{trace}");
    // It is put where others look.
    let trace = loop_of(&repeated(
        100,
        &[I::Array(1, 3), I::Int(2, 1)],
        &[I::Cons(3, 7, 7), I::Set(1, 2, 3)],
    ));
    assert_eq!(made(&trace), 1, "{trace}");
}

//! Hints: what each does to the trace, and that no mode does otherwise than the interpreter.
//!
//! Counts are those of the block that runs at each round.

#[path = "interpreters/conditional.rs"]
mod conditional;
#[path = "interpreters/hints.rs"]
mod hints;

use conditional::vm::Insn as Conditional;
use hints::Insn::{self, *};
use jitgen::modes::{self, Run};
use jitgen_core::ir::{Block, Trace};

/// Runs in every mode; gives the run at threshold 1.
#[track_caller]
fn agree(code: &[Insn], rounds: i64) -> Run {
    modes::agree(&format!("{code:?}"), || hints::run(code, rounds))
}

/// The first trace of a program.
#[track_caller]
fn trace(code: &[Insn]) -> Trace {
    let settings = "threshold=3,bridge_threshold=1000,background=off,log=trace";
    let traces = modes::traces(settings, || {
        hints::run(code, 20);
    });
    traces.into_iter().next().unwrap_or_else(|| panic!("{code:?} is not compiled"))
}

fn count(block: &Block, op: &str) -> usize {
    block.insts.iter().filter(|inst| inst.op.mnemonic() == op).count()
}

/// How often these ops are in the round of a program's loop.
#[track_caller]
fn check(code: &[Insn], expected: &[(&str, usize)]) {
    agree(code, 300);
    let trace = trace(code);
    let body = trace.blocks.last().expect("a trace has a block");
    for (op, number) in expected {
        assert_eq!(count(body, op), *number, "{op} in\n{trace}");
    }
}

#[test]
fn an_elidable_function_of_constants_is_its_result() {
    let code = [Fold(12)];
    check(&code, &[("call_pure", 0), ("call", 0), ("guard_not", 2)]);
    assert_eq!(count(&trace(&code).blocks[0], "call_pure"), 0);
    check(&[Find(7)], &[("call_pure", 0), ("call", 0)]);
    check(&[Find(8)], &[("call_pure", 0), ("call", 0)]);
}

#[test]
fn an_elidable_function_is_called_once_for_the_same_arguments() {
    let code = [Call, Call];
    check(&code, &[("call_pure", 0)]);
    assert_eq!(count(&trace(&code).blocks[0], "call_pure"), 1);
    check(&[Call, Step], &[]);
    // Both the call and the guard of its panic are there if the argument changes.
    check(&[Vary], &[("call_pure", 1), ("load", 1)]);
}

#[test]
fn an_elidable_function_is_no_effect() {
    check(&[Behind], &[("call_pure", 1)]);
    let trace = trace(&[Call, Vary]);
    let body = trace.blocks.last().expect("a trace has a block");
    let first = body.insts.iter().find(|inst| inst.op.is_guard()).expect("there are guards");
    assert!(trace.exit(first.exit()).log.is_empty(), "{trace}");
}

#[test]
fn an_elidable_function_panics_where_it_is_called() {
    // 1000 is the argument that panics.
    for code in [vec![Vary], vec![Quiet, Vary], vec![Vary, Behind], vec![Behind, Quiet, Vary]] {
        let run = agree(&code, 4100);
        assert!(run.output.contains("square of 1000"), "{}", run.output);
    }
    let run = agree(&[Fold(1000)], 1500);
    assert!(run.output.contains("square of 1000"), "{}", run.output);
}

#[test]
fn nothing_is_left_of_a_panic_in_an_elidable_function() {
    // The same thread goes on, in compiled code that makes calls.
    modes::agree("after a panic", || {
        let code = std::rc::Rc::new(vec![Quiet, Vary]);
        let first = hints::run_shared(&code, 1500);
        let second = hints::run_shared(&code, 900);
        assert!(first.contains("square of 1000") && second.starts_with("Ok"), "{second}");
        first + &second
    });
}

#[test]
fn immutable_fields_are_loaded_once_and_folded_at_constant_addresses() {
    // Field, vector and element are loaded once in a round: the call in between changes none of them.
    check(&[Shape], &[("call", 1)]);
    let shape = trace(&[Shape]);
    let body = shape.blocks.last().expect("a trace has a block");
    let fixed = body.insts.iter().filter(|inst| inst.class().is_immutable());
    assert_eq!(fixed.count(), 4, "{shape}");
    check(&[Promoted], &[("call", 0)]);
    let text = trace(&[Promoted]).to_string();
    assert!(!text.contains('!'), "nothing immutable is loaded:\n{text}");
    let run = modes::run_with("threshold=3,check=on", || hints::run(&[Spoil], 50));
    assert!(run.statistics.aborts.contains_key("immutable-store"), "{:?}", run.statistics.aborts);
    agree(&[Shape, Promoted, Step], 600);
}

#[test]
fn a_quasi_immutable_cell_is_a_constant_until_it_changes() {
    // Nothing is left of the cell in a loop without calls; with one, the flag is looked at.
    check(&[Limit], &[("load", 0), ("guard_not", 2)]);
    let flags = |code: &[Insn]| {
        let text = trace(code).to_string();
        text.lines().filter(|line| line.contains("load.bool") && line.ends_with("@4")).count()
    };
    assert_eq!((flags(&[Limit]), flags(&[Limit, Quiet])), (1, 2));
    for code in [
        vec![Limit, SetLimit],
        vec![SetLimit, Limit],
        vec![Limit, Disturb, Limit],
        vec![Disturb, Limit, Step, Limit],
        vec![Limit, Nested, Limit],
        vec![Vary, Limit, Nested, Limit, Disturb, Step],
    ] {
        let run = agree(&code, 900);
        assert!(run.statistics.invalidations > 3, "{code:?} {:?}", run.statistics);
        // There is code again afterwards.
        assert!(run.statistics.loops > 3, "{code:?} {:?}", run.statistics);
    }
    assert_eq!(agree(&[Limit, Quiet], 900).statistics.invalidations, 0);
}

#[test]
fn a_loop_goes_on_without_the_tree_that_a_bridge_has_made_invalid() {
    let run = agree(&[Behind, LimitOften, SetLimitLate], 4_000);
    let statistics = &run.statistics;
    assert!(statistics.invalidations > 7 && statistics.regions > 7, "{statistics:?}");
    // What leads to the loop leads to the older version of it, without coming back to the runtime.
    assert!(statistics.enters < statistics.bridges + 8, "{statistics:?}");
}

#[test]
fn versions_for_phases_of_a_loop_become_invalid_as_other_traces_do() {
    // `Step` begins a new phase of what is promoted at every 64th round.
    assert!(agree(&[Promote, Step], 2_000).statistics.versions > 0);
    let run = agree(&[Promote, Limit, SetLimitLate, Step], 2_000);
    let numbers = (run.statistics.versions, run.statistics.invalidations);
    assert!(numbers.0 > 0 && numbers.1 > 0, "{numbers:?}");
}

#[test]
fn promoting_makes_the_call_vanish() {
    check(&[Promote], &[("call_pure", 0), ("call", 0), ("mul", 0)]);
    let run = agree(&[Promote, Step], 600);
    assert!(run.statistics.bridges > 0, "{:?}", run.statistics);
}

#[test]
fn memory_that_a_function_does_not_write_stays_known() {
    // Nothing is loaded again but what was stored.
    check(&[Quiet], &[("call", 1), ("load", 1)]);
    // The field that it writes, and the flag.
    check(&[Counts], &[("call", 1), ("load", 2)]);
    check(&[Many], &[("call", 1)]);
    let text = trace(&[Counts]).to_string();
    assert!(text.contains("no_escape"), "{text}");
    let text = trace(&[Many]).to_string();
    assert!(text.contains("reads(@"), "{text}");
}

#[test]
fn a_wrong_claim_is_found_while_recording() {
    let run = |insn: Insn, settings: &str| {
        modes::run_with(settings, || hints::run(&[insn], 50)).statistics.aborts
    };
    let on = "threshold=3,check=on,check_effects=on";
    assert!(run(Lies, on).contains_key("wrong-effects"));
    assert!(!run(Lies, "threshold=3,check=off,check_effects=off").contains_key("wrong-effects"));
    for honest in [Quiet, Counts, Many, Call, Fold(3), Find(7)] {
        let aborts = run(honest, on);
        assert!(aborts.is_empty(), "{honest:?} {aborts:?}");
    }
}

#[test]
fn what_is_not_in_the_trace_is_not() {
    check(&[Notice], &[("call", 0)]);
    let settings = "threshold=3,bridge_threshold=1000,background=off";
    let run = modes::run_with(settings, || {
        hints::run(&[Notice], 300);
        hints::NOTICED.get().to_string()
    });
    // Only rounds before there is code count, and those that end by a failing guard go on behind it.
    assert!(run.statistics.replays > 5, "{:?}", run.statistics);
    assert_eq!(run.output, "4");
}

#[test]
fn a_loop_invariant_is_computed_before_the_loop() {
    check(&[Invariant, Invariant], &[("call_pure", 0)]);
    assert_eq!(count(&trace(&[Invariant]).blocks[0], "call_pure"), 1);
}

#[test]
fn a_loop_over_a_constant_is_unrolled_and_another_one_called() {
    check(&[Inside(3)], &[("call", 0)]);
    check(&[Outside], &[("call", 1)]);
    check(&[InsideBehind(2)], &[("call", 1)]);
    agree(&[InsideBehind(2), Outside, Inside(2), Step], 600);
}

#[test]
fn what_is_green_is_told_from_what_is_not() {
    check(&[Green], &[]);
    let settings = "threshold=3,check=on";
    let run = modes::run_with(settings, || hints::run(&[NotGreen], 50));
    assert!(run.statistics.aborts.contains_key("not-green"), "{:?}", run.statistics.aborts);
    let run = modes::run_with(settings, || hints::run(&[Green], 50));
    assert!(run.statistics.aborts.is_empty(), "{:?}", run.statistics.aborts);
}

#[test]
fn traced_code_can_ask_what_it_is() {
    for code in [Ask, AskBehind, Jitted] {
        check(&[code], &[("call", 0)]);
    }
    agree(&[AskBehind, Ask, Jitted, Step], 600);
    // The objects are the trace's own until they are stored: only then there is a call.
    check(&[AskObject], &[("call", 1)]);
    agree(&[AskObject, Step, AskBehind], 600);
}

#[test]
fn what_is_exact_needs_no_guard() {
    // The only guards are those of the loop.
    check(&[Exact], &[("guard", 0), ("guard_not", 2), ("mul", 0)]);
}

/// A program is one loop without bridges, whichever way its conditions go, and does the same in all
/// modes.
#[track_caller]
fn straight(code: &[Insn], expected: &[(&str, usize)]) {
    check(code, expected);
    let settings = "threshold=3,bridge_threshold=2,background=off,check=on";
    let run = modes::run_with(settings, || hints::run(code, 300));
    let statistics = &run.statistics;
    assert_eq!((statistics.loops, statistics.bridges), (1, 0), "{code:?} {statistics:?}");
    assert!(statistics.aborts.is_empty(), "{code:?} {:?}", statistics.aborts);
}

#[test]
fn a_conditional_call_is_no_branch_of_the_trace() {
    // The guards are those of the loop, of two overflows, and of a panic.
    straight(&[CallIf], &[("call_if", 1), ("guard", 0), ("guard_not", 4)]);
    straight(&[CallElse, Empty], &[("call_if", 2)]);
    agree(&[CallIfBehind], 600);
    agree(&[CallIfBehind, Step, CallIf], 600);
}

#[test]
fn methods_are_called_conditionally() {
    use Conditional::{Associated, Behind, Known, Method, Value};
    let cases = [
        (Method, "call_if", 1),
        (Associated, "call_if", 1),
        (Value, "call_if_pure", 1),
        (Known, "call_pure", 0),
        (Behind, "call_if", 1),
    ];
    for (insn, op, number) in cases {
        modes::agree(&format!("{insn:?}"), || conditional::run(&[insn], 300));
        let settings = "threshold=3,bridge_threshold=1000,background=off,log=trace";
        let traces = modes::traces(settings, || drop(conditional::run(&[insn], 20)));
        let trace = traces.into_iter().next().unwrap_or_else(|| panic!("{insn:?} is not compiled"));
        let body = trace.blocks.last().expect("a trace has blocks");
        let calls = body.insts.iter().filter(|inst| inst.op.is_call()).count();
        assert_eq!((count(body, op), calls), (number, number), "{insn:?} in\n{trace}");
    }
    let all = [Method, Associated, Value, Behind, Known];
    modes::agree("all", || conditional::run(&all, 600));
}

#[test]
fn a_method_makes_what_is_not_there_yet() {
    use Conditional::{Empty, Fill, FillAssociated, FillBehind, Method};
    for (insn, number) in [(Fill, 2), (FillAssociated, 2), (FillBehind, 2)] {
        let code = [insn, Empty];
        modes::agree(&format!("{insn:?}"), || conditional::run(&code, 300));
        let settings = "threshold=3,bridge_threshold=1000,background=off,log=trace";
        let traces = modes::traces(settings, || drop(conditional::run(&code, 20)));
        let trace = traces.into_iter().next().unwrap_or_else(|| panic!("{insn:?} is not compiled"));
        let body = trace.blocks.last().expect("a trace has blocks");
        assert_eq!(count(body, "call_if"), number, "{insn:?} in\n{trace}");
    }
    let all = [Fill, Empty, FillBehind, Method, FillAssociated, Fill];
    modes::agree("all", || conditional::run(&all, 600));
}

#[test]
fn what_is_filled_when_it_is_asked_for_is_no_branch_of_the_trace() {
    straight(&[Fill, Empty], &[("call_if", 2)]);
    agree(&[Fill, Empty, Fill, Step], 600);
}

#[test]
fn a_conditional_call_of_an_elidable_function_is_made_once_for_the_same_operands() {
    straight(&[CallIfElidable], &[("call_if_pure", 1), ("call_if", 0), ("call_pure", 0)]);
    agree(&[CallIfElidableBehind], 600);
    agree(&[CallIfElidableBehind, CallIfElidable, Step], 600);
}

#[test]
fn a_condition_that_is_known_is_no_condition() {
    check(&[CallIfKnown], &[("call_if", 0), ("call_if_pure", 0), ("call", 1), ("call_pure", 1)]);
    agree(&[CallIfKnown, Step], 600);
}

#[test]
fn a_conditional_call_may_panic() {
    let run = agree(&[PanicIf, CallIf], 300);
    assert!(run.output.contains("it is 150"), "{}", run.output);
    let run = agree(&[CallIf, PanicIfElidable], 300);
    assert!(run.output.contains("is not known"), "{}", run.output);
}

#[test]
fn virtualizable_state_is_known_behind_calls_that_are_not_handed_it() {
    // The loads are those of a panic's flag, and of `left` outside of the frame.
    check(&[Frame], &[("call", 1), ("load", 2)]);
    check(&[FramePair], &[("call", 1), ("load", 2)]);
    agree(&[Frame, FramePair, Step], 600);
}

#[test]
fn virtualizable_state_is_not_known_behind_calls_that_are_handed_it() {
    for code in [FrameHanded, FrameOwner, FrameElements, FrameInside] {
        check(&[code, Frame], &[("call", 2)]);
        let trace = trace(&[code]);
        let body = trace.blocks.last().expect("a trace has a block");
        assert!(count(body, "load") > 2, "{trace}");
    }
    agree(&[FrameHanded, Frame, FrameOwner, FrameElements, FramePair, FrameInside, Step], 600);
}

#[test]
fn a_function_that_sees_virtualizable_state_behind_its_back_is_found_while_recording() {
    let settings = "threshold=3,check=on,check_effects=on";
    let run = modes::run_with(settings, || hints::run(&[Cheat], 50));
    assert!(run.statistics.aborts.contains_key("wrong-effects"), "{:?}", run.statistics.aborts);
}

#[test]
fn a_call_whose_result_is_known_is_not_made() {
    check(&[Known], &[("call_pure", 0), ("result_of", 0)]);
    agree(&[KnownBehind, Known, Vary], 600);
}

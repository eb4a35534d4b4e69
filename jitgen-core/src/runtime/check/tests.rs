//! The check finds what it is for: each test breaks a trace that was fine.

use super::{Stopped, check};
use crate::ir::{Const, ResumeId, Trace, Ty, parse};
use crate::tracer::journal::Event;

/// A loop as its twin has gone through it: a counter in memory, a call, a flag.
const FINE: &str = "
trace @loop {
b0(v0: ptr, v1: i64):
    v2 = load.i64 v0+0
    v3 = lt_s.i64 v2, 100
    guard v3 else exit0
    store.i64 v0+0, v1
    v4 = call.i64 @f(v1, i64 7)
    v5 = load.i64 v0+0
    v6 = eq.i64 v4, 3
    guard v6 else exit1
    v7 = add.i64 v1, v5
    jump b0(v0, v7)
exit0: resume 4 [v0, v1]
exit1: resume 4 [v0, v1] log [load v2, store, call v4, load v5]
}";

fn journal() -> Vec<Event> {
    let i64 = Const::i64;
    vec![
        Event::Resume { id: ResumeId(4), reds: vec![Const::new(Ty::Ptr, 0x5000), i64(10)] },
        Event::Load { address: 0x5000, size: 8, bits: 5 },
        Event::Store { address: 0x5000, size: 8, bits: 10 },
        Event::Call {
            symbol: "f".to_owned(),
            args: vec![Some(i64(10)), None],
            result: Some(i64(3)),
        },
        // The call has changed memory.
        Event::Load { address: 0x5000, size: 8, bits: 20 },
    ]
}

fn stopped() -> Stopped {
    Stopped::At(vec![Const::new(Ty::Ptr, 0x5000), Const::i64(30)])
}

fn trace(text: &str) -> Trace {
    parse(text).expect("it parses").remove(0)
}

#[track_caller]
fn finds(from: &str, to: &str, message: &str) {
    assert!(FINE.contains(from), "{from}");
    let broken = trace(&FINE.replace(from, to));
    let found = check(&broken, &journal(), None, Some(&stopped()));
    let error = found.expect_err("the trace is broken");
    assert!(error.contains(message), "{error}");
}

#[test]
fn a_right_trace_passes() {
    assert_eq!(check(&trace(FINE), &journal(), None, Some(&stopped())), Ok(()));
}

#[test]
fn a_wrong_guard() {
    finds("lt_s.i64 v2, 100", "lt_s.i64 v2, 5", "a guard of exit0 fails");
}

#[test]
fn a_wrong_address() {
    finds("v2 = load.i64 v0+0", "v2 = load.i64 v0+8", "it reads 0x5008");
}

#[test]
fn a_load_moved_before_the_call() {
    finds("v7 = add.i64 v1, v5", "v7 = add.i64 v1, v2", "it ends with");
}

#[test]
fn a_lost_store() {
    finds("    store.i64 v0+0, v1\n", "", "before the call of f");
}

#[test]
fn a_wrong_argument() {
    finds("@f(v1,", "@f(v2,", "the twin f");
}

#[test]
fn a_wrong_constant_argument_cannot_be_known() {
    let other = trace(&FINE.replace("i64 7", "i64 8"));
    assert_eq!(check(&other, &journal(), None, Some(&stopped())), Ok(()));
}

#[test]
fn a_lost_call() {
    finds("    v4 = call.i64 @f(v1, i64 7)\n", "    v4 = add.i64 0, 3\n", "the twin has gone on");
}

#[test]
fn wrong_reds() {
    finds("exit1: resume 4 [v0, v1]", "exit1: resume 4 [v0, v2]", "exit1 has the reds");
}

#[test]
fn an_unknown_resume_point() {
    finds("exit1: resume 4", "exit1: resume 5", "resume point 5 was not passed");
}

#[test]
fn a_wrong_end() {
    finds("jump b0(v0, v7)", "jump b0(v0, v1)", "it ends with");
}

#[test]
fn a_store_too_many_is_seen_at_the_end() {
    let mut journal = journal();
    journal.push(Event::Store { address: 0x5000, size: 8, bits: 1 });
    let error = check(&trace(FINE), &journal, None, Some(&stopped()));
    assert!(error.is_err_and(|error| error.contains("the twin wrote 1")));
}

#[test]
fn what_the_portal_returns_is_compared() {
    let text = "
trace @returns {
b0(v0: ptr, v1: i64):
    v2 = add.i64 v1, 1
    leave exit0
exit0: resume 4 [] log [result 16, part +0 i64 1, part +8 v2]
}";
    let journal = [Event::Resume {
        id: ResumeId(4),
        reds: vec![Const::new(Ty::Ptr, 0x5000), Const::i64(10)],
    }];
    let bytes = |word: u8| {
        let mut bytes = vec![0; 16];
        (bytes[0], bytes[8]) = (1, word);
        bytes
    };
    let check = |text: &str, stopped| check(&trace(text), &journal, None, Some(&stopped));
    assert_eq!(check(text, Stopped::Returned(bytes(11))), Ok(()));
    let error = check(text, Stopped::Returned(bytes(12))).expect_err("another result");
    assert!(error.contains("it returns"), "{error}");
    check(text, stopped()).expect_err("the twin has not returned");
    let goes_on = text.replace("[] log [result 16, part +0 i64 1, part +8 v2]", "[v0, v2]");
    let error = check(&goes_on, Stopped::Returned(bytes(11))).expect_err("it does not return");
    assert!(error.contains("the twin returned"), "{error}");
}

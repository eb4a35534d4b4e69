//! Tests of what the recorder knows of memory, and of what it declares.

use super::{Address, Green, Opnd, Plan, Recorder, Recursion, Session, Step, Word, alias_class};
use crate::ir::{Arg, Class, Const, Effects, Op, Ty};

/// A recorder of a trace with two pointers, and words of class 7 and of any class at the first.
fn recorder() -> (Recorder, [Address; 3]) {
    let mut recorder = Recorder::new("test".to_owned(), &[Ty::Ptr, Ty::Ptr], 0);
    let at = |pointer: usize, offset, class| Address {
        base: Opnd::Ssa(recorder.param(pointer)),
        base_now: 0x1000 * (1 + pointer as u64),
        offset,
        frozen: false,
        class,
        owner: false,
    };
    let (seven, any, other) = (at(0, 0, 7), at(0, 8, 0), at(1, 0, 8));
    recorder.load(seven, Const::i64(1));
    recorder.load(any, Const::i64(2));
    (recorder, [seven, any, other])
}

fn known(recorder: &Recorder, addresses: [Address; 3]) -> [bool; 3] {
    addresses.map(|address| recorder.known(address).is_some())
}

#[test]
fn classes_are_numbered_by_first_use() {
    let first = alias_class("Vm", 8);
    assert_eq!([alias_class("Vm", 16), alias_class("[u8]", 0)], [first + 1, first + 2]);
    assert_eq!([alias_class("Vm", 8), alias_class("[u8]", 0)], [first, first + 2]);
    assert!(first > super::FLAG_CLASS.0, "0 is any, and some are the recorder's own");
}

#[test]
fn a_store_ends_what_its_class_may_touch() {
    let word = |c| Word { now: c, opnd: Opnd::Const };
    let (mut r, at) = recorder();
    r.store(at[2], word(Const::new(Ty::I8, 3)), true);
    assert_eq!(known(&r, at), [true, false, true], "another class, of another type");
    r.store(Address { class: 7, ..at[2] }, word(Const::new(Ty::I8, 3)), true);
    assert_eq!(known(&r, at), [false, false, true], "the same class");
    let (mut r, at) = recorder();
    r.store(Address { offset: 4, class: 9, ..at[0] }, word(Const::new(Ty::I32, 3)), true);
    assert_eq!(known(&r, at), [false, true, false], "bytes of the same word");
}

#[test]
fn a_call_ends_what_it_declares_to_write() {
    let writes = |classes| Effects { writes: Some(classes), ..Effects::default() };
    for (op, effects, expected) in [
        (Op::Call, Effects::default(), [false, false, false]),
        (Op::Call, writes(vec![]), [true, false, false]),
        (Op::Call, writes(vec![Class(8)]), [true, false, false]),
        (Op::Call, writes(vec![Class(7)]), [false, false, false]),
        (Op::CallRead, Effects::default(), [true, false, false]),
    ] {
        let (mut r, at) = recorder();
        r.call(op, "f", &[], None, None, effects.clone());
        assert_eq!(known(&r, at), expected, "{op:?} {effects:?}");
    }
}

#[test]
fn accesses_have_their_class_and_calls_also_write_what_the_recorder_reads() {
    let (mut r, at) = recorder();
    r.store(at[2], Word { now: Const::i64(3), opnd: Opnd::Const }, true);
    let effects = Effects { writes: Some(vec![]), reads: Some(vec![Class(8)]), no_escape: true };
    r.call(Op::Call, "f", &[], None, None, effects.clone());
    r.guard_flag(0x10);
    r.call(Op::Call, "g", &[], Some((16, 8)), None, effects);
    r.load_scratch(16, 0, Const::i64(4));
    r.call(Op::CallRead, "h", &[], None, None, Effects::default());
    r.call(Op::Call, "k", &[], None, None, Effects::default());
    r.leave();
    let (trace, _) = r.finish(None);
    let lines = trace.to_string();
    let lines: Vec<&str> = lines.lines().map(str::trim).filter(|l| l.contains('@')).collect();
    let expected = [
        "trace @test {",
        "v2 = load.i64 v0+0 @7",
        "store.i64 v1+0 @8, 3",
        "call @f() writes(@2, @3, @4) reads(@8, @1) no_escape",
        "v4 = load.bool 0x10+0 @2",
        "call @g(v5) writes(@2, @3, @4, @1) reads(@8, @1) no_escape",
        "v7 = load.i64 v6+0 @1",
        "call_read @h() writes(@2, @3, @4)",
        "call @k()",
    ];
    assert_eq!(lines, expected);
}

#[test]
fn what_is_computed_and_guarded_once_is_not_recorded_again_before_a_cut() {
    let mut r = Recorder::new("test".to_owned(), &[Ty::I64], 0);
    let three = Arg::Const(Const::i64(3));
    let step = |r: &mut Recorder, x: Arg| {
        let sum = r.op(Op::Add, Ty::I64, x, three);
        let less = r.op(Op::LtS, Ty::I64, sum.into(), three);
        r.guard(less, true);
        (sum, r.len())
    };
    let x = r.param(0).into();
    assert_eq!(step(&mut r, x), step(&mut r, x));
    let (sum, _) = step(&mut r, x);
    let less = r.op(Op::LtS, Ty::I64, sum.into(), three);
    r.guard(less, false);
    assert_eq!(r.len(), 4, "another way for the same condition");
    let again = r.rename(&[Word { now: Const::i64(1), opnd: Opnd::Ssa(r.param(0)) }]);
    assert_ne!(Arg::from(again[0]), x, "a copy is another value");
    let (other, len) = step(&mut r, x);
    assert!(other != sum && len == 8, "what was computed before the cut is gone");
}

/// The merge points of a recording, up to the one where it stops.
fn passed(points: impl Iterator<Item = u64>) -> usize {
    let plan = Plan {
        name: "test".to_owned(),
        first_resume: 0,
        params: vec![Ty::I64],
        start: None,
        rounds: 1,
        limit: 1000,
        check_effects: false,
        scratch: 0..64,
        is_compiled: Box::new(|_| false),
        is_circle: Box::new(|_| false),
        join: Box::new(|_| false),
        recurses: Box::new(|_, _| Recursion::None),
        call_cell: Box::new(|_, _| 0x100),
        may_return: true,
        inline_depth: 4,
        panic_flag: 0,
    };
    let mut s = Session::record(plan, vec![]);
    let red = Word { now: Const::i64(1), opnd: s.param(0) };
    let green = |key| vec![Green { key, bits: key, keep: None }];
    points.take_while(|point| s.merge(green(*point), &[red]) != Step::Stop).count()
}

#[test]
fn a_recursion_closes_one_round_after_it_was_found() {
    // The place of the call, then rounds of three; the fifth begins at number 13.
    let down = std::iter::once(9).chain([1, 2, 3].into_iter().cycle().take(300));
    assert_eq!(passed(down), 16);
}

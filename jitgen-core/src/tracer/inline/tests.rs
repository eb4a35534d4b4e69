//! Logs of helpers, by the calls that twins make.

use super::{Image, Inlined};
use crate::ir::{Const, LogEntry, Trace, Ty};
use crate::tracer::{Address, Opnd, Plan, Recursion, Replayed, Session, Step, Word};

/// A session that records, at its first merge point, with a pointer and an integer as reds.
fn session() -> (Session, Word, Word) {
    let plan = Plan {
        name: "test".to_owned(),
        first_resume: 0,
        params: vec![Ty::Ptr, Ty::I64],
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
    let word = |s: &Session, index, now| Word { now, opnd: s.param(index) };
    let pointer = word(&s, 0, Const::new(Ty::Ptr, 0x1000));
    let number = word(&s, 1, Const::i64(7));
    s.merge(vec![], &[pointer, number]);
    (s, pointer, number)
}

fn store(s: &mut Session, base: Word, offset: i32, word: Word) {
    let address = Address {
        base: base.opnd,
        base_now: base.now.bits,
        offset,
        frozen: false,
        class: 0,
        owner: false,
    };
    assert!(s.begin_store());
    s.end_store(&[(address, word)]);
}

fn load(s: &mut Session, base: Word, offset: i32, now: i64) -> Word {
    let address = Address {
        base: base.opnd,
        base_now: base.now.bits,
        offset,
        frozen: false,
        class: 0,
        owner: false,
    };
    let now = Const::i64(now);
    assert_eq!(s.begin_load(address, Ty::I64), None);
    Word { now, opnd: s.end_load(address, now) }
}

fn begin(s: &mut Session, args: &[Opnd]) -> Inlined {
    s.begin_inline(&args.iter().collect::<Vec<_>>()).expect("nothing is replayed")
}

/// A helper returns a word.
fn end(s: &mut Session, call: &Inlined, result: Word) {
    if s.collapses(call, result.opnd) {
        let mut image = Image::new(8);
        image.put(0, result);
        s.end_inline(call, &image);
    }
}

/// The log of a guard that stands here.
fn log_here(mut s: Session, condition: Word) -> Vec<LogEntry> {
    let zero = Word { now: Const::i64(0), opnd: Opnd::Const };
    let opnd = s.op(crate::ir::Op::Ne, Ty::I64, condition, Some(zero));
    s.branch(Word { now: Const::bool(true), opnd });
    s.returns(Image::new(0));
    let trace: Trace = s.recorded.expect("the trace has ended").trace;
    trace.exits[0].log.clone()
}

#[test]
fn a_helper_becomes_its_result() {
    let (mut s, pointer, number) = session();
    let call = begin(&mut s, &[pointer.opnd, number.opnd]);
    let inner = begin(&mut s, &[]);
    end(&mut s, &inner, number);
    let x = load(&mut s, pointer, 0, 3);
    store(&mut s, pointer, 8, number);
    let y = load(&mut s, pointer, 16, 4);
    store(&mut s, pointer, 0, y);
    end(&mut s, &call, x);
    let log = log_here(s, number);
    let part = LogEntry::Part { offset: 0, arg: crate::tracer::Recorder::arg(x), frozen: false };
    assert_eq!(log, [LogEntry::Return { call: 0, next: 2, size: 8 }, part]);
}

#[test]
fn a_helper_that_knows_a_local_of_the_twin_stays() {
    for given in [true, false] {
        let (mut s, pointer, number) = session();
        let local = Opnd::Local(0);
        let parts = s.aggregate(vec![crate::tracer::Part::word(8, Ty::Ptr, local)]);
        let args = [Opnd::Const, if given { parts } else { Opnd::Const }];
        let call = begin(&mut s, &args);
        let x = load(&mut s, pointer, 0, 3);
        store(&mut s, pointer, 8, x);
        let result = if given { x } else { Word { now: Const::new(Ty::Ptr, 1), opnd: local } };
        end(&mut s, &call, result);
        assert!(matches!(log_here(s, number)[..], [LogEntry::Load(_), LogEntry::Store]));
    }
}

#[test]
fn a_result_that_costs_more_than_the_log_stays_out_of_it() {
    let (mut s, pointer, number) = session();
    let call = begin(&mut s, &[]);
    store(&mut s, pointer, 0, number);
    end(&mut s, &call, number);
    assert_eq!(log_here(s, number), [LogEntry::Store]);
}

#[test]
fn a_merge_point_inside_of_a_helper_keeps_the_log() {
    let (mut s, pointer, number) = session();
    let call = begin(&mut s, &[]);
    s.merge(vec![], &[pointer, number]);
    let x = load(&mut s, pointer, 0, 3);
    store(&mut s, pointer, 8, x);
    end(&mut s, &call, x);
    assert!(matches!(log_here(s, number)[..], [LogEntry::Load(_), LogEntry::Store]));
}

#[test]
fn replay_skips_the_call_that_has_returned_and_no_other() {
    let part = |offset, now| Replayed::Part {
        offset,
        word: Word { now, opnd: Opnd::Const },
        frozen: false,
    };
    let constant = Const::new(Ty::I64, 0x0807_0605_0403_0201);
    let mut s = Session::direct(vec![
        Replayed::Return { call: 2, next: 5, size: 12 },
        part(0, constant),
        part(4, Const::new(Ty::I16, 0xffff)),
        part(8, Const::new(Ty::I32, 9)),
        Replayed::Return { call: 6, next: 7, size: 0 },
        Replayed::Store,
    ]);
    s.merge(vec![], &[]);
    begin(&mut s, &[]);
    begin(&mut s, &[]);
    let image = s.begin_inline(&[]).expect_err("the third has returned");
    assert_eq!(image.bytes, [1, 2, 3, 4, 0xff, 0xff, 7, 8, 9, 0, 0, 0]);
    begin(&mut s, &[]);
    assert_eq!(s.begin_inline(&[]).expect_err("the seventh has returned"), Image::new(0));
    assert!(!s.begin_store());
    assert!(!s.is_replaying());
}

#[test]
fn constants_of_any_length_come_back() {
    for size in 0..20usize {
        let mut image = Image::new(size);
        image.bytes.iter_mut().enumerate().for_each(|(at, byte)| *byte = at as u8 + 1);
        let mut log = vec![LogEntry::Result { size: size as u32 }];
        log.extend(image.parts());
        assert_eq!(Image::bytes_of(&log, || None), Some(image.bytes));
    }
}

static PORTAL: crate::tracer::Portal = crate::tracer::Portal { name: "test", greens: &[] };

#[test]
fn merge_points_of_inner_portals_have_numbers_too() {
    let returned = |call| Replayed::Return { call, next: call + 1, size: 0 };
    let mut s = Session::direct(vec![returned(2), Replayed::Store, returned(3)]);
    s.merge(vec![], &[]);
    let call = begin(&mut s, &[]);
    s.enter_level(&PORTAL, &call);
    // The first is no hand-over: what the log has next is a helper that has returned.
    assert_eq!(s.merge(vec![], &[]), Step::Go);
    assert_eq!(s.begin_inline(&[]), Err(Image::new(0)));
    assert!(!s.begin_store());
    assert_eq!(s.merge(vec![], &[]), Step::Stop);
    s.leave_level();
    assert!(!s.is_replaying());
    assert_eq!(s.merge(vec![], &[]), Step::Stop);
}

#[test]
fn an_inner_portal_is_handed_over_where_it_has_a_loop() {
    let (mut s, pointer, number) = session();
    let call = begin(&mut s, &[]);
    s.enter_level(&PORTAL, &call);
    assert_eq!(s.merge(vec![], &[pointer, number]), Step::Go);
    s.mark_header();
    assert_eq!(s.merge(vec![], &[pointer, number]), Step::Stop);
    let function = crate::tracer::Function { symbol: "from", address: 1 };
    assert_eq!(s.begin_call(), None);
    let result = Const::i64(5);
    let reds = [pointer, number];
    let handed = crate::tracer::Handed::Word(result);
    let opnd = s.end_handed_over(function, &PORTAL, &[], &reds, handed);
    s.leave_level();
    let result = Word { now: result, opnd };
    // While the level is open the log says where it was handed over, then only what it gave.
    let inside = s.recording.as_ref().expect("it records").recorder.log_len();
    assert_eq!(inside, 2);
    end(&mut s, &call, result);
    let log = log_here(s, result);
    assert!(
        matches!(log[..], [LogEntry::Return { call: 2, next: 3, .. }, LogEntry::Call(_)]),
        "{log:?}"
    );
}

#[test]
fn inner_portals_are_inlined_to_a_depth() {
    let (mut s, ..) = session();
    let green = |key| vec![crate::tracer::Green { key, bits: key, keep: None }];
    // At most four levels, and at most two of them at the same place.
    let mut steps = vec![];
    for key in [1, 1, 1] {
        let call = begin(&mut s, &[]);
        s.enter_level(&PORTAL, &call);
        steps.push(s.merge(green(key), &[]));
    }
    assert_eq!(steps, [Step::Go, Step::Go, Step::Stop]);
    let (mut s, ..) = session();
    let steps: Vec<Step> = (0..6)
        .map(|key| {
            let call = begin(&mut s, &[]);
            s.enter_level(&PORTAL, &call);
            s.merge(green(key), &[])
        })
        .collect();
    assert_eq!(steps, [Step::Go, Step::Go, Step::Go, Step::Go, Step::Stop, Step::Stop]);
}

#[test]
fn a_level_begins_where_its_own_entry_says() {
    let part = Replayed::Part {
        offset: 8,
        word: Word { now: Const::i64(9), opnd: Opnd::Const },
        frozen: false,
    };
    let level = Replayed::Level { call: 2, next: 6, size: 16 };
    let mut s = Session::direct(vec![level, part, Replayed::Store]);
    s.merge(vec![], &[]);
    // One that has left nothing in the log; it ends before its first merge point.
    let call = begin(&mut s, &[]);
    s.enter_level(&PORTAL, &call);
    assert_eq!(s.level_state(), None);
    s.leave_level();
    begin(&mut s, &[]);
    let call = begin(&mut s, &[]);
    s.enter_level(&PORTAL, &call);
    let state = s.level_state().expect("it is past a merge point");
    assert_eq!((state.bytes[0], state.bytes[8]), (0, 9));
    assert!(!s.is_started(), "it is at the merge point from which it starts");
    assert_eq!(s.merge(vec![], &[]), Step::Go);
    assert!(s.is_started());
    // The next helper has number 6.
    assert_eq!(begin(&mut s, &[]).number, 6);
    assert!(!s.begin_store());
}

//! One run of a twin: what it does to guest memory, and what is recorded of it.
//!
//! A twin runs in one of three modes, which follow from two facts: is there a recorder, and is
//! there something left to replay?
//!
//! | recorder | replay | mode |
//! |---|---|---|
//! | yes | empty | *record*: do it, append it to the trace |
//! | yes | left | start of a bridge behind an effect: take results and operands from the log |
//! | no | left | *replay*: take results from the log, touch nothing |
//! | no | empty | *direct*: do it |
//!
//! The session ends at a merge point: when the trace is closed, or, without a recorder, at the
//! first merge point after the one it started from.
//!
//! Invariants: `once` (an effect is performed or taken from the log, never both), `in-step`
//! (replay meets the entries of the log in the order in which they were made; asserted by kind).
//!
//! Its merge points (`session/merge.rs`), loads and stores (`session/access.rs`) and residual calls
//! (`session/call.rs`) are in files of their own.
//!
//! Not here: reading and writing guest memory (`macro_support`, which asks here first), what
//! becomes of a finished trace (`runtime`).

mod access;
mod call;
mod merge;

pub use merge::{Green, MergeState, Resume, Step, keys};

use super::circles::Circles;
use super::journal::Event;
use super::plan::Plan;
use super::recorder::{Close, Recorder};
use super::tags::Possible;
use super::{AbortReason, Blob, Condition, Level, Local, Opnd, Part, Replayed, Validity, Word};
use crate::ir::{Arg, Const, Op, Trace, Ty, ValueId};
use std::any::Any;
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;

/// A portal: one annotated dispatch loop. There is one `static` of it per portal.
#[derive(Debug)]
pub struct Portal {
    /// Its name in logs.
    pub name: &'static str,
    /// The names of its greens.
    pub greens: &'static [&'static str],
}

/// A residual function as compiled code calls it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Function {
    /// Its name in traces.
    pub symbol: &'static str,
    /// The address of its thunk.
    pub address: usize,
}

/// What recording has given.
#[derive(Debug)]
pub struct Recorded {
    /// The trace: a loop, or a straight line that ends with `leave`.
    pub trace: Trace,
    /// What the twin did meanwhile.
    pub journal: Vec<Event>,
    /// The keys of the greens at the loop's head, or where the straight line leads.
    pub target: Box<[u64]>,
    /// The residual functions that the trace calls.
    pub functions: Vec<Function>,
    /// What the portal has returned, if the trace ends by that.
    pub result: Option<Vec<u8>>,
    /// Whether the trace is still true, if it depends on cells.
    pub validity: Option<Rc<Validity>>,
    /// Parameters that the twin has taken for others, because some of their bytes mean nothing.
    pub cleared: Vec<(usize, Const)>,
}

pub(super) struct Recording {
    pub(super) recorder: Recorder,
    pub(super) validity: Option<Rc<Validity>>,
    pub(super) plan: Plan,
    functions: Vec<Function>,
    headers: Vec<merge::Header>,
    circles: Circles,
    /// Where inner portals have begun.
    pub(super) begun: Vec<super::Place>,
}

/// One run of a twin.
#[derive(Default)]
pub struct Session {
    pub(super) recording: Option<Recording>,
    pub(super) replay: VecDeque<Replayed>,
    pub(super) parts: Vec<Vec<Part>>,
    /// Helpers called since the last merge point.
    pub(super) calls: u32,
    /// Merge points passed.
    pub(super) merges: u32,
    pub(super) blobs: Vec<Blob>,
    locals: Vec<Local>,
    pub(super) tags: HashMap<ValueId, Possible>,
    pub(super) pending: Vec<ValueId>,
    pub(super) equal: HashMap<ValueId, Const>,
    cleared: Vec<(ValueId, Const)>,
    /// Words of the log as the twin has them, and as they came.
    retyped: HashMap<ValueId, (ValueId, Ty)>,
    /// The portals that the twin has entered inside of its own.
    pub(super) levels: Vec<Level>,
    /// An inner portal goes on where the log says, and has not come to that merge point yet.
    pub(super) resumes_level: bool,
    start_greens: VecDeque<Green>,
    /// The condition of the next call.
    pub(super) condition: Option<Condition>,
    /// What the next call would give, which is not made.
    pub(super) known: Option<Word>,
    pub(super) pins: Vec<Rc<dyn Any>>,
    pub(super) shared: Vec<Opnd>,
    started: bool,
    pub(super) at_header: bool,
    /// The merge points passed while recording, the first numbered `Plan::first_resume`.
    pub resumes: Vec<Resume>,
    /// Greens to which the trace may hold pointers, other than those of resume points.
    pub kept: Vec<Green>,
    /// Words of constant memory that the trace may lead to, which may be pointers.
    pub pinned: Vec<u64>,
    /// Why recording was given up, if it was.
    pub abort: Option<AbortReason>,
    /// Where the trace was found to go in circles: the keys of the merge points.
    pub circles: Vec<Box<[u64]>>,
    /// Where a portal has begun within itself.
    pub recursions: Vec<super::Place>,
    /// What else there is to say of that.
    pub detail: Option<String>,
    /// What recording gave, if it succeeded.
    pub recorded: Option<Recorded>,
}

impl Session {
    /// A session without recorder: replay of `log`, then direct.
    pub fn direct(log: Vec<Replayed>) -> Session {
        Session { replay: log.into(), ..Session::default() }
    }

    /// A session that records, after having taken `log` from the trace it continues.
    pub fn record(plan: Plan, log: Vec<Replayed>) -> Session {
        let recorder = Recorder::new(plan.name.clone(), &plan.params, plan.scratch.start);
        let recording = Recording {
            recorder,
            validity: None,
            plan,
            functions: vec![],
            headers: vec![],
            circles: Circles::default(),
            begun: vec![],
        };
        Session { recording: Some(recording), replay: log.into(), ..Session::default() }
    }

    /// Is a trace being recorded?
    pub fn is_recording(&self) -> bool {
        self.recording.is_some()
    }

    /// Is something left to replay?
    pub fn is_replaying(&self) -> bool {
        !self.replay.is_empty()
    }

    /// Gives recording up; the twin goes on in direct mode.
    pub fn abort(&mut self, reason: AbortReason) {
        if self.recording.take().is_some() {
            self.abort = Some(reason);
            self.pending.clear();
        }
    }

    /// The recorder, if a trace is being recorded.
    pub(super) fn recorder(&mut self) -> Option<&mut Recorder> {
        self.recording.as_mut().map(|recording| &mut recording.recorder)
    }

    /// The type of a value of the trace that is being recorded.
    pub(super) fn value_type(&self, v: ValueId) -> Option<Ty> {
        self.recording.as_ref().map(|recording| recording.recorder.type_of(v))
    }

    /// A reference is made to a local of the twin.
    pub fn refer(&mut self, local: Local) -> Opnd {
        let index = self.locals.iter().position(|other| *other == local).unwrap_or_else(|| {
            self.locals.push(local);
            self.locals.len() - 1
        });
        Opnd::Local(index as u32)
    }

    /// The local that such a reference leads to.
    pub fn local(&self, id: u32) -> Local {
        self.locals[id as usize]
    }

    /// The operand of the trace's parameter of that number.
    pub fn param(&self, index: usize) -> Opnd {
        self.recording.as_ref().map_or(Opnd::Const, |r| Opnd::Ssa(r.recorder.param(index)))
    }

    /// A word that came from outside has bytes that mean nothing in the variant that it belongs to;
    /// the twin goes on with `now`, where they are zero.
    pub fn clear(&mut self, opnd: Opnd, now: Const) {
        if let Opnd::Ssa(v) = opnd {
            let (v, ty) = self.retyped.get(&v).copied().unwrap_or((v, now.ty));
            self.cleared.push((v, Const::new(ty, now.bits)));
        }
    }

    /// Has the twin passed the merge point from which it (or its innermost portal) started?
    pub fn is_started(&self) -> bool {
        self.started && !self.resumes_level
    }

    /// Keeps a green alive as long as the twin runs.
    pub fn keep(&mut self, green: Rc<dyn Any>) {
        self.pins.push(green);
    }

    /// The word may be a pointer, and is in memory that the trace takes for constant.
    pub fn pin(&mut self, word: u64) {
        self.pinned.push(word);
    }

    /// A pure operation: its operand, when the twin has computed `now`.
    pub fn op(&mut self, op: Op, ty: Ty, a: Word, b: Option<Word>) -> Opnd {
        if a.opnd.is_const() && b.is_none_or(|b| b.opnd.is_const()) {
            return Opnd::Const;
        }
        self.emit(|r| {
            let b = b.map_or(Arg::NONE, Recorder::arg);
            Opnd::Ssa(r.op(op, ty, Recorder::arg(a), b))
        })
    }

    /// The twin goes the way of `condition`.
    pub fn branch(&mut self, condition: Word) {
        if let Opnd::Ssa(v) = condition.opnd {
            self.flush();
            self.emit(|r| {
                r.guard(v, condition.now.is_true());
                Opnd::Const
            });
        }
    }

    /// From here on the word is the constant that it is now.
    pub fn promote(&mut self, word: Word) {
        let Opnd::Ssa(v) = word.opnd else { return };
        if !self.is_recording() {
            return;
        }
        let known = word.now;
        let ty = word.now.ty;
        let word = if ty.is_float() {
            let bits = if ty == Ty::F64 { Ty::I64 } else { Ty::I32 };
            let opnd = self.op(Op::Bitcast, bits, word, None);
            Word { now: Const::new(bits, word.now.bits), opnd }
        } else {
            word
        };
        let now = Word { now: word.now, opnd: Opnd::Const };
        let opnd = self.op(Op::Eq, word.now.ty, word, Some(now));
        self.branch(Word { now: Const::bool(true), opnd });
        self.learn_equal(v, known);
    }

    pub(super) fn finish(&mut self, close: Option<Close>, target: Box<[u64]>) {
        let Some(recording) = self.recording.take() else {
            return;
        };
        let params = &recording.recorder;
        let cleared = self.cleared.iter();
        let cleared =
            cleared.filter_map(|(v, now)| Some((params.param_index(*v)?, *now))).collect();
        let (trace, journal) = recording.recorder.finish(close);
        let Recording { functions, validity, .. } = recording;
        self.recorded =
            Some(Recorded { trace, journal, target, functions, result: None, validity, cleared });
    }

    pub(super) fn emit(&mut self, f: impl FnOnce(&mut Recorder) -> Opnd) -> Opnd {
        self.emit_call(|recorder, _| f(recorder))
    }

    pub(super) fn emit_call(&mut self, f: impl FnOnce(&mut Recorder, u64) -> Opnd) -> Opnd {
        let Some(recording) = &mut self.recording else {
            return Opnd::Const;
        };
        let opnd = f(&mut recording.recorder, recording.plan.panic_flag);
        // Twice the limit: a handler that is too long by itself never reaches a merge point.
        if recording.recorder.len() > 2 * recording.plan.limit {
            self.abort(AbortReason::TooLong);
        }
        opnd
    }
}

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
//! Not here: reading and writing guest memory (`macro_support`, which asks here first), what
//! becomes of a finished trace (`runtime`).

use super::circles::Circles;
use super::journal::Event;
use super::plan::Plan;
use super::recorder::{Close, Recorder};
use super::tags::Possible;
use super::{
    AbortReason, Address, Blob, Callee, Condition, Level, Local, Opnd, Part, Replayed, Validity,
    Word,
};
use crate::ir::{Arg, Const, Op, ResumeId, Trace, Ty, ValueId};
use std::any::Any;
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;

/// A green at a merge point.
#[derive(Clone, Debug)]
pub struct Green {
    /// What identifies it.
    pub key: u64,
    /// The bits with which a twin or the interpreter goes on.
    pub bits: u64,
    /// What keeps the bits meaningful.
    pub keep: Option<Rc<dyn Any>>,
}

/// The state at a merge point: all that the interpreter, its twin and compiled code exchange.
#[derive(Clone, Debug, Default)]
pub struct MergeState {
    /// The greens.
    pub greens: Vec<Green>,
    /// The words of the reds.
    pub reds: Vec<Const>,
}

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

/// A merge point that recording has passed.
#[derive(Clone, Debug)]
pub struct Resume {
    /// Its greens.
    pub greens: Vec<Green>,
    /// The types of its reds' words.
    pub reds: Vec<Ty>,
}

/// The keys of greens.
pub fn keys(greens: &[Green]) -> Box<[u64]> {
    greens.iter().map(|green| green.key).collect()
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
    headers: Vec<Header>,
    circles: Circles,
    /// Where inner portals have begun.
    pub(super) begun: Vec<super::Place>,
}

struct Header {
    greens: Box<[u64]>,
    position: usize,
    journal: usize,
    params: Vec<ValueId>,
    /// Rounds until the loop is closed.
    rounds: u32,
}

/// What a merge point says to the twin.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Step {
    /// Go on.
    Go,
    /// Go on with these operands of the reds' words.
    Rename(Vec<ValueId>),
    /// Return the state.
    Stop,
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

    /// A green that lives in memory, as it is at the merge point from which the twin starts.
    pub fn start_green(&mut self, green: Green) {
        self.start_greens.push_back(green);
    }

    /// That green, at that merge point.
    pub fn take_start_green(&mut self) -> Option<Green> {
        self.start_greens.pop_front()
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

    /// A load begins: its result, if the log has it.
    pub fn begin_load(&mut self, address: Address, ty: Ty) -> Option<Word> {
        match self.replay.pop_front()? {
            Replayed::Load(word) => {
                let (had, now) = (word.now.ty, Const::new(ty, word.now.bits));
                assert_eq!(had.size(), ty.size(), "replay is out of step: a load of another size");
                // The log does not say what may be taken for constant, but its address does.
                let frozen = address.frozen && ty == Ty::Ptr && word.opnd.is_const();
                let opnd = if frozen { Opnd::Frozen } else { self.part(word.opnd, 0, now) };
                if let (Opnd::Ssa(from), Opnd::Ssa(to)) = (word.opnd, opnd) {
                    self.retyped.insert(to, (from, had));
                }
                Some(Word { now, opnd })
            }
            other => panic!("replay is out of step: a load met {other:?}"),
        }
    }

    /// A load has given `now`: its operand.
    pub fn end_load(&mut self, address: Address, now: Const) -> Opnd {
        self.flush();
        let opnd = self.emit(|r| {
            if address.frozen {
                r.log_known(Word { now, opnd: Opnd::Const });
                let pointer = now.ty == Ty::Ptr;
                return if pointer { Opnd::Frozen } else { Opnd::Const };
            }
            match r.known(address) {
                Some(word) if word.now == now => {
                    r.log_known(word);
                    word.opnd
                }
                _ => r.load(address, now),
            }
        });
        self.resolve(opnd, now)
    }

    /// What the next thing is that replay takes from the log.
    pub fn next_replayed(&self) -> Option<&Replayed> {
        self.replay.front()
    }

    /// Like [`end_load`](Self::end_load), of a word that no log has: in replay nobody asks for it.
    pub fn end_peek(&mut self, address: Address, now: Const) -> Opnd {
        self.flush();
        let opnd = self.emit(|r| r.peek(address, now));
        self.resolve(opnd, now)
    }

    /// Memory at `address` holds `word` in all that follows, until it is written.
    pub fn learn(&mut self, address: Address, word: Word) {
        if let Some(recording) = &mut self.recording {
            recording.recorder.learn(address, word);
        }
    }

    /// A store begins: is it to be performed?
    pub fn begin_store(&mut self) -> bool {
        match self.replay.pop_front() {
            None => true,
            Some(Replayed::Store) => false,
            Some(other) => panic!("replay is out of step: a store met {other:?}"),
        }
    }

    /// A store of a value that consists of these words has been performed.
    pub fn end_store(&mut self, words: &[(Address, Word)]) {
        self.flush();
        self.emit(|r| {
            for (index, (address, word)) in words.iter().enumerate() {
                r.store(*address, *word, index == 0);
            }
            if words.is_empty() {
                r.log_nothing_stored();
            }
            Opnd::Const
        });
    }

    /// Puts words into scratch memory for a call: the address as a word.
    pub fn spill(&mut self, words: &[(u32, Word)], size: u32) -> Word {
        let nowhere = Word { now: Const::new(Ty::Ptr, 0), opnd: Opnd::Const };
        let Some(offset) = self.reserve(size) else { return nowhere };
        let now = Const::new(Ty::Ptr, super::SCRATCH_BASE + offset as u64);
        let opnd = self.emit(|r| Opnd::Ssa(r.store_scratch(offset, words)));
        Word { now, opnd }
    }

    pub(super) fn reserve(&mut self, size: u32) -> Option<i32> {
        let recording = self.recording.as_mut()?;
        let offset = recording.recorder.reserve_scratch(size);
        if recording.recorder.scratch_size() as u32 > recording.plan.scratch.end {
            self.abort(AbortReason::ScratchFull);
            return None;
        }
        Some(offset)
    }

    /// A residual call begins: its entry of the log, if there is one.
    pub fn begin_call(&mut self) -> Option<Option<Word>> {
        match self.replay.pop_front()? {
            Replayed::Call(word) => Some(word),
            other => panic!("replay is out of step: a call met {other:?}"),
        }
    }

    /// The bytes of the result of the call that has just been taken from the log, and the operand.
    pub fn replayed_blob(&mut self, tag: Option<Word>) -> (Vec<u8>, Opnd) {
        match self.replay.pop_front() {
            Some(Replayed::Blob(bytes, offset)) => {
                if !self.is_recording() {
                    return (bytes, Opnd::Const);
                }
                let tag = tag.map(|word| word.opnd);
                let opnd = self.add_blob(Blob { tag, offset });
                (bytes, opnd)
            }
            other => panic!("replay is out of step: a call's result met {other:?}"),
        }
    }

    /// Was the call that has just been taken from the log the last thing in it?
    pub fn is_last_call(&self) -> bool {
        !self.is_recording() && self.replay.iter().all(|e| matches!(e, Replayed::Blob(..)))
    }

    /// A function without effects has given `now`; it is not logged, since replay computes it.
    pub fn end_pure_call(&mut self, function: Function, args: &[Word], now: Const) -> Opnd {
        if args.iter().all(|word| word.opnd.is_const()) {
            return Opnd::Const;
        }
        self.uses(function);
        self.emit(|r| Opnd::Ssa(r.call_pure(function.symbol, args, now.ty)))
    }

    /// A residual call has given a word, or nothing.
    pub fn end_call(&mut self, callee: &Callee, args: &[Word], result: Option<Const>) -> Opnd {
        self.uses(callee.function);
        self.flush();
        let symbol = callee.function.symbol;
        self.emit_call(|r, flag| {
            let value = match (result, &callee.condition) {
                (_, Some(condition)) => r.call_if(condition, symbol, args, result, callee),
                (Some(result), _) if callee.pure => Some(r.call_elidable(symbol, args, result)),
                _ => r.call(Op::Call, symbol, args, None, result, callee.effects.clone()),
            };
            r.guard_flag(flag);
            if callee.pure && callee.condition.is_some() {
                r.log_call(value.map(Arg::Value));
            }
            value.map_or(Opnd::Const, Opnd::Ssa)
        })
    }

    /// A residual call has given `size` bytes; `tag` is the word that its thunk returns, if the
    /// bytes alone do not say which variant they are.
    pub fn end_blob_call(
        &mut self,
        callee: &Callee,
        args: &[Word],
        tag: Option<Const>,
        size: u32,
    ) -> Opnd {
        self.uses(callee.function);
        self.flush();
        let Some(offset) = self.reserve(size) else { return Opnd::Const };
        let (mut blob, place) = (None, Some((offset, size)));
        self.emit_call(|r, flag| {
            let (symbol, effects) = (callee.function.symbol, callee.effects.clone());
            let tag = r.call(Op::Call, symbol, args, place, tag, effects);
            r.guard_flag(flag);
            blob = Some(Blob { tag: tag.map(Opnd::Ssa), offset });
            Opnd::Const
        });
        blob.map_or(Opnd::Const, |blob| self.add_blob(blob))
    }

    /// The word that says which variant a call's result is, where its bytes do not.
    pub fn blob_tag(&self, blob: u32) -> Option<Opnd> {
        self.blobs[blob as usize].tag
    }

    /// `can_enter_jit!()`: the next merge point may be a loop's head.
    pub fn mark_header(&mut self) {
        self.at_header = true;
    }

    /// The twin is at a merge point.
    pub fn merge(&mut self, greens: Vec<Green>, reds: &[Word]) -> Step {
        if !self.levels.is_empty() {
            return self.merge_within(&greens, reds);
        }
        assert!(self.replay.is_empty() || !self.started, "replay ends before the next merge point");
        self.calls = 0;
        self.merges += 1;
        let at_header = std::mem::take(&mut self.at_header);
        self.flush();
        if !std::mem::replace(&mut self.started, true) {
            self.start(greens, reds);
            return Step::Go;
        }
        let Some(recording) = &mut self.recording else {
            return Step::Stop;
        };
        if recording.recorder.len() + self.resumes.len() > recording.plan.limit {
            self.abort(AbortReason::TooLong);
            return Step::Stop;
        }
        let keys = keys(&greens);
        let at_header = at_header || (recording.plan.is_circle)(&keys);
        let begins_round = !at_header && recording.circles.pass(&keys);
        if begins_round {
            self.circles.push(keys.clone());
        }
        let at_header = at_header || begins_round;
        if at_header {
            recording.circles.forget();
        }
        let mut first_visit = at_header;
        if at_header && let Some(place) = recording.headers.iter().position(|h| h.greens == keys) {
            first_visit = false;
            let header = &mut recording.headers[place];
            header.rounds -= 1;
            if header.rounds == 0 {
                self.close(place, reds);
                return Step::Stop;
            }
        }
        let id = ResumeId(recording.plan.first_resume + self.resumes.len() as u32);
        self.resumes.push(Resume { greens, reds: reds.iter().map(|red| red.now.ty).collect() });
        let args: Vec<Arg> = reds.iter().map(|red| Recorder::arg(*red)).collect();
        if first_visit && (recording.plan.is_compiled)(&keys) {
            recording.recorder.resume_at(id, args, vec![]);
            recording.recorder.leave();
            self.finish(None, keys);
            return Step::Stop;
        }
        let now = reds.iter().map(|red| red.now).collect();
        recording.recorder.journal.push(Event::Resume { id, reds: now });
        if !first_visit {
            recording.recorder.pass(id, args);
            return Step::Go;
        }
        let journal = recording.recorder.journal.len() - 1;
        let params = recording.recorder.rename(reds);
        let position = recording.recorder.len();
        let header = Header { greens: keys, position, journal, params: params.clone(), rounds: 1 };
        recording.headers.push(header);
        recording.recorder.resume_at(id, params.iter().map(|v| (*v).into()).collect(), vec![]);
        Step::Rename(params)
    }

    /// The merge point from which the session starts.
    fn start(&mut self, greens: Vec<Green>, reds: &[Word]) {
        let Some(recording) = &mut self.recording else {
            return;
        };
        let now: Vec<Const> = reds.iter().map(|red| red.now).collect();
        let params: Vec<ValueId> = (0..reds.len()).map(|i| recording.recorder.param(i)).collect();
        let args = params.iter().map(|v| Arg::Value(*v)).collect();
        let (id, log) = match &recording.plan.start {
            Some((id, log)) => {
                recording.circles.pass(&keys(&greens));
                self.kept.extend(greens);
                (*id, log.clone())
            }
            None => {
                let greens_keys = keys(&greens);
                let types = now.iter().map(|c| c.ty).collect();
                self.resumes.push(Resume { greens, reds: types });
                let rounds = recording.plan.rounds;
                let header =
                    Header { greens: greens_keys, position: 0, journal: 0, params, rounds };
                recording.headers.push(header);
                (ResumeId(recording.plan.first_resume), vec![])
            }
        };
        recording.recorder.journal.push(Event::Resume { id, reds: now });
        recording.recorder.resume_at(id, args, log);
    }

    fn close(&mut self, place: usize, reds: &[Word]) {
        let Some(recording) = &mut self.recording else {
            return;
        };
        let header = recording.headers.swap_remove(place);
        let close = Close {
            position: header.position,
            journal: header.journal,
            params: header.params,
            args: reds.iter().map(|red| Recorder::arg(*red)).collect(),
        };
        self.finish(Some(close), header.greens);
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

    pub(super) fn uses(&mut self, function: Function) {
        if let Some(recording) = &mut self.recording
            && !recording.functions.contains(&function)
        {
            recording.functions.push(function);
        }
    }

    pub(super) fn add_blob(&mut self, blob: Blob) -> Opnd {
        self.blobs.push(blob);
        Opnd::Blob(self.blobs.len() as u32 - 1)
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

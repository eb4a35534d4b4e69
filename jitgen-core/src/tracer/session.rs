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

use super::journal::Event;
use super::recorder::{Close, Recorder};
use super::{AbortReason, Address, Blob, Level, Opnd, Part, Word};
use crate::ir::{Arg, Const, LogEntry, Op, ResumeId, Trace, Ty, ValueId};
use std::any::Any;
use std::cell::RefCell;
use std::collections::VecDeque;
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

/// An entry of a log on its way into a twin.
#[derive(Clone, PartialEq, Debug)]
pub enum Replayed {
    /// A load's result.
    Load(Word),
    /// A store that has happened.
    Store,
    /// A call's result.
    Call(Option<Word>),
    /// A call's result in bytes.
    Blob(Vec<u8>, i32),
    /// A helper has returned; its result is in the parts that follow.
    Return {
        /// The number of the call.
        call: u32,
        /// The number of the next one.
        next: u32,
        /// Bytes of the result.
        size: u32,
    },
    /// An inner portal is past a merge point; its state there is in the parts that follow.
    Level {
        /// The number of its call.
        call: u32,
        /// The number of the next call.
        next: u32,
        /// Bytes of the state.
        size: u32,
    },
    /// A word of a result.
    Part {
        /// Its offset in bytes.
        offset: u32,
        /// The word.
        word: Word,
        /// Does it point to memory that may be taken for constant?
        frozen: bool,
    },
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
}

/// Answers whether there is compiled code for these keys of greens.
pub type IsCompiled = Box<dyn Fn(&[u64]) -> bool>;

/// How a recording is to go.
pub struct Plan {
    /// The trace's name.
    pub name: String,
    /// The number that the first new resume point gets.
    pub first_resume: u32,
    /// The types of the trace's parameters: words of reds, then operands of the log.
    pub params: Vec<Ty>,
    /// Where it starts: an existing resume point and its log (a bridge), or a loop header.
    pub start: Option<(ResumeId, Vec<LogEntry>)>,
    /// Rounds of the loop from whose header it starts, before it is closed.
    pub rounds: u32,
    /// Operations before the recording is given up.
    pub limit: usize,
    /// The part of a frame's scratch memory that this trace may use for itself, in bytes.
    pub scratch: std::ops::Range<u32>,
    /// Is there compiled code for these greens?
    pub is_compiled: IsCompiled,
    /// May it end because the portal returns?
    pub may_return: bool,
    /// How many portals may be inside of each other in it, besides its own.
    pub inline_depth: usize,
    /// The address of the byte that says that a residual call has panicked.
    pub panic_flag: u64,
}

pub(super) struct Recording {
    pub(super) recorder: Recorder,
    pub(super) plan: Plan,
    functions: Vec<Function>,
    headers: Vec<Header>,
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
    /// The portals that the twin has entered inside of its own.
    pub(super) levels: Vec<Level>,
    /// An inner portal goes on where the log says, and has not come to that merge point yet.
    pub(super) resumes_level: bool,
    blobs: Vec<Blob>,
    start_greens: VecDeque<Green>,
    pins: Vec<Rc<dyn Any>>,
    started: bool,
    pub(super) at_header: bool,
    /// The merge points passed while recording, the first numbered `Plan::first_resume`.
    pub resumes: Vec<Resume>,
    /// Greens to which the trace may hold pointers, other than those of resume points.
    pub kept: Vec<Green>,
    /// Why recording was given up, if it was.
    pub abort: Option<AbortReason>,
    /// What recording gave, if it succeeded.
    pub recorded: Option<Recorded>,
}

thread_local! {
    static SESSION: RefCell<Option<Session>> = const { RefCell::new(None) };
}

/// Runs `f` with this thread's session.
///
/// # Panics
/// If no twin is running on this thread.
pub fn with<R>(f: impl FnOnce(&mut Session) -> R) -> R {
    SESSION.with_borrow_mut(|session| f(session.as_mut().expect("a twin runs within a session")))
}

/// Puts a session back when it is dropped, also by a panic.
struct Restore(Option<Session>);

impl Drop for Restore {
    fn drop(&mut self) {
        SESSION.replace(self.0.take());
    }
}

/// Runs `f` within a new session; gives the session back as it is then. It is also gone when `f`
/// panics.
pub fn run_within<R>(session: Session, f: impl FnOnce() -> R) -> (R, Session) {
    let restore = Restore(SESSION.replace(Some(session)));
    let result = f();
    let session = SESSION.take().expect("the session is put back after residual calls");
    drop(restore);
    (result, session)
}

/// Runs `f` (residual code) outside of the session, so that it can run portals of its own.
pub fn outside<R>(f: impl FnOnce() -> R) -> R {
    let restore = Restore(SESSION.take());
    let result = f();
    drop(restore);
    result
}

impl Session {
    /// A session without recorder: replay of `log`, then direct.
    pub fn direct(log: Vec<Replayed>) -> Session {
        Session { replay: log.into(), ..Session::default() }
    }

    /// A session that records, after having taken `log` from the trace it continues.
    pub fn record(plan: Plan, log: Vec<Replayed>) -> Session {
        let recorder = Recorder::new(plan.name.clone(), &plan.params, plan.scratch.start);
        let recording = Recording { recorder, plan, functions: vec![], headers: vec![] };
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
        }
    }

    /// The operand of the trace's parameter of that number.
    pub fn param(&self, index: usize) -> Opnd {
        self.recording.as_ref().map_or(Opnd::Const, |r| Opnd::Ssa(r.recorder.param(index)))
    }

    /// Has the twin passed the merge point from which it (or its innermost portal) started?
    pub fn is_started(&self) -> bool {
        self.started && !self.resumes_level
    }

    /// Keeps a green alive as long as the twin runs.
    pub fn keep(&mut self, green: Rc<dyn Any>) {
        self.pins.push(green);
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
            self.emit(|r| {
                r.guard(v, condition.now.is_true());
                Opnd::Const
            });
        }
    }

    /// From here on the word is the constant that it is now.
    pub fn promote(&mut self, word: Word) {
        if !matches!(word.opnd, Opnd::Ssa(_)) {
            return;
        }
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
    }

    /// A load begins: its result, if the log has it.
    pub fn begin_load(&mut self, address: Address, ty: Ty) -> Option<Word> {
        match self.replay.pop_front()? {
            Replayed::Load(word) => {
                assert_eq!(word.now.ty, ty, "replay is out of step: load of another type");
                // The log does not say what may be taken for constant, but its address does.
                let frozen = address.frozen && ty == Ty::Ptr && word.opnd.is_const();
                Some(if frozen { Word { opnd: Opnd::Frozen, ..word } } else { word })
            }
            other => panic!("replay is out of step: a load met {other:?}"),
        }
    }

    /// A load has given `now`: its operand.
    pub fn end_load(&mut self, address: Address, now: Const) -> Opnd {
        self.emit(|r| {
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
        })
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

    /// A store has been performed.
    pub fn end_store(&mut self, address: Address, word: Word) {
        self.emit(|r| {
            r.store(address, word);
            Opnd::Const
        });
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
                let opnd = match tag {
                    Some(Word { opnd: Opnd::Ssa(tag), .. }) => self.add_blob(Blob { tag, offset }),
                    _ => Opnd::Const,
                };
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
    pub fn end_call(
        &mut self,
        op: Op,
        function: Function,
        args: &[Word],
        result: Option<Const>,
    ) -> Opnd {
        self.uses(function);
        self.emit_call(|r, flag| {
            let value = r.call(op, function.symbol, args, None, result);
            r.guard_flag(flag);
            value.map_or(Opnd::Const, Opnd::Ssa)
        })
    }

    /// A residual call has given `size` bytes; `tag` is the word that its thunk returns.
    pub fn end_blob_call(
        &mut self,
        function: Function,
        args: &[Word],
        tag: Const,
        size: u32,
    ) -> Opnd {
        self.uses(function);
        let Some(recording) = &mut self.recording else {
            return Opnd::Const;
        };
        let offset = recording.recorder.reserve_scratch(size);
        if recording.recorder.scratch_size() as u32 > recording.plan.scratch.end {
            self.abort(AbortReason::ScratchFull);
            return Opnd::Const;
        }
        let mut blob = None;
        self.emit_call(|r, flag| {
            let tag = r.call(Op::Call, function.symbol, args, Some((offset, size)), Some(tag));
            r.guard_flag(flag);
            blob = tag.map(|tag| Blob { tag, offset });
            Opnd::Const
        });
        blob.map_or(Opnd::Const, |blob| self.add_blob(blob))
    }

    /// The twin goes on with the variant `tag` of a blob, whose payload (if it has a word) is
    /// `payload` at that byte offset: the payload's operand.
    pub fn split_blob(&mut self, blob: u32, tag: Const, payload: Option<(u32, Const)>) -> Opnd {
        let Blob { tag: value, offset } = self.blobs[blob as usize];
        let word = Word { now: tag, opnd: Opnd::Ssa(value) };
        self.promote(word);
        let Some((at, now)) = payload else {
            return Opnd::Const;
        };
        self.emit(|r| Opnd::Ssa(r.load_scratch(offset, at, now)))
    }

    /// An aggregate of these parts; constant if they all are.
    pub fn aggregate(&mut self, parts: Vec<Part>) -> Opnd {
        if parts.iter().all(|part| part.opnd.is_const()) {
            return Opnd::Const;
        }
        self.parts.push(parts);
        Opnd::Agg(self.parts.len() as u32 - 1)
    }

    /// The operand of the part of `whole` at byte `offset`.
    pub fn part(&self, whole: Opnd, offset: u32) -> Opnd {
        match whole {
            Opnd::Agg(id) => self.parts[id as usize]
                .iter()
                .find(|part| part.offset == offset)
                .map_or(Opnd::Const, |part| part.opnd),
            other => other,
        }
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
        let (trace, journal) = recording.recorder.finish(close);
        let functions = recording.functions;
        self.recorded = Some(Recorded { trace, journal, target, functions, result: None });
    }

    fn uses(&mut self, function: Function) {
        if let Some(recording) = &mut self.recording
            && !recording.functions.contains(&function)
        {
            recording.functions.push(function);
        }
    }

    fn add_blob(&mut self, blob: Blob) -> Opnd {
        self.blobs.push(blob);
        Opnd::Blob(self.blobs.len() as u32 - 1)
    }

    fn emit(&mut self, f: impl FnOnce(&mut Recorder) -> Opnd) -> Opnd {
        self.emit_call(|recorder, _| f(recorder))
    }

    fn emit_call(&mut self, f: impl FnOnce(&mut Recorder, u64) -> Opnd) -> Opnd {
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

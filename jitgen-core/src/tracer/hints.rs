//! What a session does for hints.
//!
//! Replay does not know what was constant while recording. So whatever depends on that leaves an
//! entry in the log: the answer to a question, the result of an elidable function, that a function
//! is called that might have been looked into.
//!
//! Not here: what the hints mean to an author (`docs/hints.md`).

use super::classes::class_name;
use super::recorder::Recorder;
use super::{
    AbortReason, Address, Callee, Condition, Function, Image, Inlined, Opnd, Replayed, Session,
    Word, validity,
};
use crate::ir::{Const, LogEntry};

impl Session {
    /// The trace depends on the cell of that watch, which it is about to read.
    pub fn depend(&mut self, watch: u64) {
        self.flush();
        let Some(recording) = &mut self.recording else { return };
        let validity = recording.validity.get_or_insert_default();
        validity::depend(watch, validity);
        let address = validity.address();
        if validity.is_over() {
            return self.abort(AbortReason::Invalidated);
        }
        recording.recorder.guard_validity(address);
    }

    /// Is a value constant in the trace?
    pub fn ask_constant(&mut self, opnd: Opnd) -> bool {
        self.answer(|_| opnd.is_const())
    }

    /// Is one of these words the address of an object that the trace has allocated, or of what is in
    /// it, and nobody else has got to know it?
    pub fn ask_virtual(&mut self, words: &[Opnd]) -> bool {
        self.answer(|recorder| {
            let is_private = |opnd: &Opnd| match opnd {
                Opnd::Ssa(v) => recorder.private.has(recorder.private.place((*v).into(), 0).0),
                _ => false,
            };
            words.iter().any(is_private)
        })
    }

    /// A question to the recorder. The answer is in the log, since replay does not know.
    fn answer(&mut self, question: impl FnOnce(&Recorder) -> bool) -> bool {
        match self.replay.pop_front() {
            Some(Replayed::Load(word)) => word.now.is_true(),
            Some(other) => panic!("replay is out of step: a question met {other:?}"),
            None => {
                let constant = self.recorder().is_some_and(|recorder| question(recorder));
                let now = Const::bool(constant);
                self.emit(|r| {
                    r.log_known(Word { now, opnd: Opnd::Const });
                    Opnd::Const
                });
                constant
            }
        }
    }

    /// The next call is made only under a condition.
    pub fn only_if(&mut self, condition: Condition) {
        self.condition = Some(condition);
    }

    /// The condition of this call, if it has one.
    pub fn take_condition(&mut self) -> Option<Condition> {
        self.condition.take()
    }

    /// Is the next call made only under a condition, or not at all?
    pub fn is_conditional(&self) -> bool {
        self.condition.is_some() || self.known.is_some()
    }

    /// The next call, of an elidable function, is not made, but its result is known.
    pub fn know_result(&mut self, result: Word) {
        self.known = Some(result);
    }

    /// The result of this call, if that is all that is said of it.
    pub fn take_known(&mut self) -> Option<Word> {
        self.known.take()
    }

    /// A call of an elidable function would give that result.
    pub fn record_result(&mut self, function: Function, args: &[Word], result: Word) {
        // Recording calls such a function where its arguments are constant.
        if args.iter().all(|arg| arg.opnd.is_const()) {
            return;
        }
        self.uses(function);
        self.flush();
        self.emit(|r| {
            r.result_of(function.symbol, args, result);
            Opnd::Const
        });
    }

    /// A call is not made, in no execution of the trace: the log has it all the same, since replay
    /// does not know what was constant.
    pub fn skip_call(&mut self, result: Option<Word>) {
        self.flush();
        self.emit(|r| {
            r.log_call(result.map(Recorder::arg));
            Opnd::Const
        });
    }

    /// Memory is virtualizable: so many bytes from `address` on, or all of the object there.
    pub fn own(&mut self, address: Address, size: Option<u32>) {
        if let Some(recorder) = self.recorder() {
            recorder.own(address, size);
        }
    }

    /// The words of memory that a function must not write, as far as they are known: address
    /// and content.
    pub fn kept_by(&self, callee: &Callee, args: &[Word]) -> Vec<(u64, Const, u32)> {
        let recording = self.recording.as_ref().filter(|r| r.plan.check_effects);
        recording.map(|r| r.recorder.kept_by(callee, args)).unwrap_or_default()
    }

    /// A function has written memory that it declares not to write.
    pub fn blame(&mut self, function: Function, class: u32) {
        if self.is_recording() {
            let (symbol, kind) = (function.symbol, class_name(class));
            self.detail = Some(format!("{symbol} has changed {kind}, which it must not write"));
            self.abort(AbortReason::WrongEffects);
        }
    }

    /// A function without effects has returned, which is not run again in replay.
    pub fn end_elidable(&mut self, call: &Inlined, result: &Image) {
        let (number, next) = (call.number, self.calls);
        let size = result.bytes.len() as u32;
        if let Some(recorder) = self.recorder() {
            recorder.log_returned(LogEntry::Return { call: number, next, size }, result);
        }
    }

    /// Is a function looked into that may also be called? Where it is called the log says so, since
    /// replay does not know what was constant.
    pub fn looks_inside(&mut self, call: &Inlined, constant: bool) -> bool {
        if self.is_replaying() {
            return true;
        }
        let entry = LogEntry::Return { call: call.number, next: self.calls, size: 0 };
        match self.recorder() {
            Some(recorder) if !constant => recorder.log_returned(entry, &Image::default()),
            Some(_) => return true,
            None => (),
        }
        false
    }
}

//! Residual calls, as a session has them: from the log, or made and recorded.
//!
//! ```text
//! begin_call    replay: the result, from the log       record, direct: none, so the caller calls
//! end_call      what the callee has returned: the operand
//! ```
//!
//! What is longer than a word goes through scratch memory: arguments are spilled there, a result is
//! a *blob* there.
//!
//! Not here: helpers that are traced (`inline`), calls of compiled code (`levels`).

use super::{Function, Session};
use crate::ir::{Arg, Const, Op, Ty};
use crate::tracer::{AbortReason, Blob, Callee, Opnd, Replayed, SCRATCH_BASE, Word};

impl Session {
    /// Puts words into scratch memory for a call: the address as a word.
    pub fn spill(&mut self, words: &[(u32, Word)], size: u32) -> Word {
        // Guards before it and behind it may share an exit only if nothing is written in between.
        self.flush();
        let nowhere = Word { now: Const::new(Ty::Ptr, 0), opnd: Opnd::Const };
        let Some(offset) = self.reserve(size) else { return nowhere };
        let now = Const::new(Ty::Ptr, SCRATCH_BASE + offset as u64);
        let opnd = self.emit(|r| Opnd::Ssa(r.store_scratch(offset, words)));
        Word { now, opnd }
    }

    pub(in crate::tracer) fn reserve(&mut self, size: u32) -> Option<i32> {
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

    pub(in crate::tracer) fn uses(&mut self, function: Function) {
        if let Some(recording) = &mut self.recording
            && !recording.functions.contains(&function)
        {
            recording.functions.push(function);
        }
    }

    pub(in crate::tracer) fn add_blob(&mut self, blob: Blob) -> Opnd {
        self.blobs.push(blob);
        Opnd::Blob(self.blobs.len() as u32 - 1)
    }
}

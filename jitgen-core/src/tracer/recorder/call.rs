//! Calls in the trace: residual, conditional, without effects, and of compiled code.
//!
//! ```text
//! v3 = call @f v1, v2        what it may write is forgotten; log: call v3
//! v4 = call_pure @g v1       no effect: nothing is forgotten; logged only where it has returned
//! call_code @portal …        the callee's result is in scratch memory
//! ```
//!
//! Not here: which of them it is (`session`), the guard behind it.

use super::Recorder;
use crate::ir::{Arg, Aux, Call, Const, Effects, Inst, LogEntry, Op, Ty, ValueId};
use crate::tracer::classes::{ALLOCATION_CLASS, FLAG_CLASS, SCRATCH_CLASS, VALIDITY_CLASS};
use crate::tracer::journal::Event;
use crate::tracer::{Callee, Condition, Handed, Image, Word};

impl Recorder {
    /// Appends a residual call. `blob`: where in scratch memory the callee has put its result.
    /// `effects` are those of the callee; what the recorder itself has the callee do (set the flag
    /// of a panic, write the blob) is added.
    pub fn call(
        &mut self,
        op: Op,
        symbol: &str,
        args: &[Word],
        blob: Option<(i32, u32)>,
        result: Option<Const>,
        mut effects: Effects,
    ) -> Option<ValueId> {
        let keeps = self.keeps(&effects, args);
        if op.unconditional() != Op::Call {
            effects.writes.get_or_insert_default();
        }
        if let Some(classes) = &mut effects.writes {
            // Whatever else it writes, it may run a portal.
            classes.extend([FLAG_CLASS, ALLOCATION_CLASS, VALIDITY_CLASS]);
            classes.extend(blob.map(|_| SCRATCH_CLASS));
        }
        if let Some(classes) = &mut effects.reads {
            classes.push(SCRATCH_CLASS);
        }
        let mut operands: Vec<Arg> = args.iter().map(|word| Self::arg(*word)).collect();
        let mut seen: Vec<Option<Const>> = args.iter().map(|word| Some(word.now)).collect();
        if let Some((offset, _)) = blob {
            operands.push(self.scratch_address(offset).into());
            seen.push(None);
        }
        let call = Call {
            symbol: symbol.to_owned(),
            args: operands,
            has_result: result.is_some(),
            effects,
            keeps,
        };
        call.args.iter().for_each(|arg| self.private.leak(*arg));
        let (ownership, private) = (&self.ownership, &self.private);
        self.facts.retain(|fact| {
            !call.may_write(op, fact.class)
                || private.has(fact.base)
                || ownership.contains(&call.keeps, fact.base, fact.offset, fact.now)
        });
        let aux = Aux::Call(self.trace.add_call(call));
        let ty = result.map_or(Ty::I64, |c| c.ty);
        let dst = result.map(|_| self.trace.add_value(ty));
        self.block.insts.push(Inst { op, ty, dst, a: Arg::NONE, b: Arg::NONE, imm: 0, aux });
        self.log(LogEntry::Call(dst.map(Arg::Value)), true);
        if let Some((offset, size)) = blob {
            self.log(LogEntry::Blob { offset, size }, true);
        }
        self.journal.push(Event::Call { symbol: symbol.to_owned(), args: seen, result });
        dst
    }

    /// Appends the call of a portal, which finds its cell and what is constant at these addresses,
    /// and has scratch memory from byte `offset` on, where its result is then. Gives the word of the
    /// result that a residual function would return.
    pub fn call_code(
        &mut self,
        symbol: &str,
        constants: [u64; 2],
        reds: &[Word],
        result: Handed,
        offset: i32,
    ) -> Option<ValueId> {
        let place = self.scratch_address(offset);
        let constants = constants.map(|address| Const::new(Ty::Ptr, address));
        let mut args: Vec<Arg> = constants.iter().map(|address| Arg::Const(*address)).collect();
        args.push(place.into());
        args.extend(reds.iter().map(|red| Self::arg(*red)));
        let seen = constants.iter().map(|address| Some(*address)).chain([None]);
        let seen = seen.chain(reds.iter().map(|red| Some(red.now))).collect();
        let effects = Effects::default();
        let (symbol_name, keeps) = (symbol.to_owned(), vec![]);
        let call = Call { symbol: symbol_name, args, has_result: false, effects, keeps };
        call.args.iter().for_each(|arg| self.private.leak(*arg));
        let private = &self.private;
        self.facts
            .retain(|fact| private.has(fact.base) || !call.may_write(Op::CallCode, fact.class));
        let call = self.trace.add_call(call);
        self.push(Op::CallCode, Ty::I64, Arg::NONE, Arg::NONE, 0, Aux::Call(call));
        self.journal.push(Event::Call { symbol: symbol.to_owned(), args: seen, result: None });
        let word = match result {
            Handed::Word(now) => Some(self.load_scratch(offset, 0, now)),
            Handed::Bytes { size, variant: Some(now) } => {
                Some(self.load_scratch(offset, size.next_multiple_of(8), now))
            }
            Handed::Bytes { variant: None, .. } => None,
        };
        self.log(LogEntry::Call(word.map(Arg::Value)), true);
        if let Handed::Bytes { size: size @ 1.., .. } = result {
            self.log(LogEntry::Blob { offset, size }, true);
        }
        word
    }

    /// Appends a call that is made only under a condition. One of a pure function is logged when it
    /// has returned, see [`Recorder::log_call`].
    pub fn call_if(
        &mut self,
        condition: &Condition,
        symbol: &str,
        args: &[Word],
        result: Option<Const>,
        callee: &Callee,
    ) -> Option<ValueId> {
        let dst = match result {
            Some(result) if callee.pure => Some(self.call_elidable(symbol, args, result)),
            _ => self.call(Op::CallIf, symbol, args, None, result, callee.effects.clone()),
        };
        let inst = self.block.insts.last_mut().expect("just appended");
        inst.op = if callee.pure && dst.is_some() { Op::CallIfPure } else { Op::CallIf };
        inst.a = Self::arg(condition.holds);
        inst.b = condition.otherwise.map_or(Arg::NONE, Self::arg);
        // It may be the result.
        self.private.leak(inst.b);
        if !condition.holds.now.is_true() {
            // The twin has not made it.
            self.journal.pop();
        }
        dst
    }

    /// Logs a call that replay takes for one, though it is no effect.
    pub fn log_call(&mut self, result: Option<Arg>) {
        self.log(LogEntry::Call(result), false);
    }

    /// Appends the call of an elidable function. It is logged when it has returned, since one that
    /// panics is called again.
    pub fn call_elidable(&mut self, symbol: &str, args: &[Word], result: Const) -> ValueId {
        let writes = Some(vec![FLAG_CLASS, ALLOCATION_CLASS]);
        let effects = Effects { writes, ..Effects::default() };
        let operands = args.iter().map(|word| Self::arg(*word)).collect();
        let call = Call {
            symbol: symbol.to_owned(),
            args: operands,
            has_result: true,
            effects,
            keeps: vec![],
        };
        call.args.iter().for_each(|arg| self.private.leak(*arg));
        self.forget_written(Op::CallPure, &call);
        let call = self.trace.add_call(call);
        let args = args.iter().map(|word| word.now).collect();
        self.journal.push(Event::Pure { symbol: symbol.to_owned(), args, result });
        self.push(Op::CallPure, result.ty, Arg::NONE, Arg::NONE, 0, Aux::Call(call))
            .expect("a pure call has a result")
    }

    /// What such a call may write is not known any more.
    pub(in crate::tracer) fn forget_written(&mut self, op: Op, call: &Call) {
        let private = &self.private;
        self.facts.retain(|fact| private.has(fact.base) || !call.may_write(op, fact.class));
    }

    /// Appends what a call of a function without effects would give.
    pub fn result_of(&mut self, symbol: &str, args: &[Word], result: Word) {
        let args = args.iter().map(|word| Self::arg(*word)).collect();
        let (symbol, effects) = (symbol.to_owned(), Effects::default());
        let call = Call { symbol, args, has_result: false, effects, keeps: vec![] };
        let aux = Aux::Call(self.trace.add_call(call));
        self.push(Op::ResultOf, result.now.ty, Self::arg(result), Arg::NONE, 0, aux);
    }

    /// Logs that a call without effects has returned, and its result.
    pub fn log_returned(&mut self, entry: LogEntry, result: &Image) {
        self.log(entry, false);
        result.parts().into_iter().for_each(|part| self.log(part, false));
    }

    /// Appends a call without effects.
    pub fn call_pure(&mut self, symbol: &str, args: &[Word], ty: Ty) -> ValueId {
        let args: Vec<Arg> = args.iter().map(|word| Self::arg(*word)).collect();
        args.iter().for_each(|arg| self.private.leak(*arg));
        let effects = Effects::default();
        let call =
            Call { symbol: symbol.to_owned(), args, has_result: true, effects, keeps: vec![] };
        let call = self.trace.add_call(call);
        self.push(Op::CallPure, ty, Arg::NONE, Arg::NONE, 0, Aux::Call(call))
            .expect("a pure call has a result")
    }
}

//! Allocations of the program that is recorded.
//!
//! For the log both are calls: one that has given a word, and one that has given nothing. Whether
//! there was room for an object of the collected heap is logged before, as a load of a constant.
//!
//! Not here: who takes the memory, and what is put there (`macro_support::allocate`).

use super::journal::Event;
use super::{Function, Opnd, Recorder, Replayed, Session, Word};
use crate::ir::{Arg, Aux, Call, Const, Effects, Inst, LogEntry, Op, Ty, ValueId};

impl Session {
    /// Memory has been allocated by `op`, with these operands: the operand of its address.
    pub fn end_new(
        &mut self,
        op: Op,
        function: Function,
        args: &[Const],
        effects: Effects,
        now: Const,
    ) -> Opnd {
        self.uses(function);
        self.flush();
        self.emit(|r| Opnd::Ssa(r.allocate(op, function.symbol, args, effects, now)))
    }

    /// Allocated memory has been freed.
    pub fn end_free(&mut self, function: Function, pointer: Word, layout: (Word, u64)) {
        self.uses(function);
        self.flush();
        self.emit(|r| {
            r.free(function.symbol, pointer, layout);
            Opnd::Const
        });
    }

    /// Is there room for an object? What the log says.
    pub fn begin_room(&mut self) -> Option<bool> {
        match self.replay.pop_front()? {
            Replayed::Load(word) => Some(word.now.is_true()),
            other => panic!("replay is out of step: an allocation met {other:?}"),
        }
    }

    /// That has been found out, and what follows depends on it.
    pub fn end_room(&mut self, room: bool) {
        self.flush();
        self.emit(|r| {
            r.log_known(Word { now: Const::bool(room), opnd: Opnd::Const });
            Opnd::Const
        });
    }

    /// Is a trace being recorded for what most executions meet, as far as the word there goes? Not
    /// in a bridge that looks at it for the first time: that may be for the others.
    pub fn is_usual(&self, address: u64) -> bool {
        let recording = self.recording.as_ref().filter(|_| self.replay.is_empty());
        recording.is_some_and(|recording| {
            recording.plan.start.is_none() || recording.recorder.has_touched(address)
        })
    }
}

impl Recorder {
    /// Appends an allocation that has given `now`; the first operand is its size.
    fn allocate(
        &mut self,
        op: Op,
        symbol: &str,
        args: &[Const],
        effects: Effects,
        now: Const,
    ) -> ValueId {
        let size = args[0].bits;
        let args = args.iter().map(|arg| Arg::Const(*arg)).collect();
        let symbol = symbol.to_owned();
        let call = Call { symbol, args, has_result: true, effects, keeps: vec![] };
        self.forget_written(op, &call);
        let aux = Aux::Call(self.trace.add_call(call));
        let number = self.allocations;
        self.allocations += 1;
        let object = self.push(op, Ty::Ptr, Arg::NONE, Arg::NONE, number, aux);
        let object = object.expect("an allocation has a result");
        self.private.add(object);
        self.log(LogEntry::Call(Some(object.into())), true);
        let (number, address) = (number as u32, now.bits);
        self.journal.push(Event::New { number, address, size });
        object
    }

    /// Appends the end of what has been allocated.
    fn free(&mut self, symbol: &str, pointer: Word, (size, align): (Word, u64)) {
        let align = Const::i64(align as i64).into();
        let args = vec![Self::arg(pointer), Self::arg(size), align];
        let (symbol, effects) = (symbol.to_owned(), Effects::default());
        let call = Call { symbol, args, has_result: false, effects, keeps: vec![] };
        let aux = Aux::Call(self.trace.add_call(call));
        let (a, ty) = (Arg::NONE, Ty::I64);
        self.block.insts.push(Inst { op: Op::Free, ty, dst: None, a, b: a, imm: 0, aux });
        self.log(LogEntry::Call(None), true);
        self.journal.push(Event::Free { address: pointer.now.bits });
    }
}

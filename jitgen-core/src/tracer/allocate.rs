//! Allocations of the program that is recorded.
//!
//! For the log both are calls: one that has given a word, and one that has given nothing.
//!
//! Not here: who takes the memory, and what is put there (`macro_support::allocate`).

use super::journal::Event;
use super::{Function, Opnd, Recorder, Session, Word};
use crate::ir::{Arg, Aux, Call, Const, Effects, Inst, LogEntry, Op, Ty, ValueId};

impl Session {
    /// Memory has been allocated, of that size and alignment: the operand of its address.
    pub fn end_new(&mut self, function: Function, layout: (u64, u64), now: Const) -> Opnd {
        self.uses(function);
        self.flush();
        self.emit(|r| Opnd::Ssa(r.allocate(function.symbol, layout, now)))
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
}

impl Recorder {
    /// Appends an allocation that has given `now`: so many bytes, aligned like that.
    fn allocate(&mut self, symbol: &str, (size, align): (u64, u64), now: Const) -> ValueId {
        let args = [size, align].map(|word| Const::i64(word as i64).into()).to_vec();
        let effects = Effects { reads: Some(vec![]), ..Effects::default() };
        let symbol = symbol.to_owned();
        let call = Call { symbol, args, has_result: true, effects, keeps: vec![] };
        let aux = Aux::Call(self.trace.add_call(call));
        let number = self.allocations;
        self.allocations += 1;
        let object = self.push(Op::New, Ty::Ptr, Arg::NONE, Arg::NONE, number, aux);
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

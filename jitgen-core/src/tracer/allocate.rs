//! Allocations of the program that is recorded.
//!
//! For the log both are calls: one that has given a word, and one that has given nothing.
//!
//! Not here: who takes the memory, and what is put there (`macro_support::allocate`).

use super::{Function, Opnd, Session, Word};
use crate::ir::Const;

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

//! Allocations out of free cells in a row, between two addresses that are in memory.
//!
//! ```text
//! v1 = new.ptr @object(i64 16, i64 32, i64 0x7f…, ptr 0x5…8, ptr 0x5…0) writes(@3) reads() #0
//!
//!     cell = *cursor                        cursor: 0x5…8, limit: 0x5…0
//!     if cell == *limit: v1 = object(..)    does the same, once it has found more cells
//!     else:              *cursor = cell + 32;  *cell = 0x7f…;  v1 = cell + 8
//! ```
//!
//! So a collector's object is made in a few instructions where it has to be made, and stays one
//! operation for those who find out whether it has to.
//!
//! Invariant `no-collection`: the symbol's function does not look into objects and frees none. What
//! has been made before may not have been filled yet. (A trace asks before whether it is time for
//! that, by loads of cursor and limit, and is left if it is.)
//!
//! Not here: what a header says.

use super::{Arg, Call, Const, Ty};

/// The cells out of which a `new` takes one: its operands from the second on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cells {
    /// Bytes of a cell.
    pub size: u64,
    /// The first word of the cell: the result is the address of the one behind.
    pub header: u64,
    /// Where the address of the next free cell is.
    pub cursor: u64,
    /// Where the address is at which there are none.
    pub limit: u64,
}

impl Cells {
    /// Bytes of the header.
    pub const HEADER: u64 = 8;

    /// As operands of a `new`, behind its size.
    pub fn args(&self) -> [Const; 4] {
        [
            Const::i64(self.size as i64),
            Const::i64(self.header as i64),
            Const::new(Ty::Ptr, self.cursor),
            Const::new(Ty::Ptr, self.limit),
        ]
    }
}

impl Call {
    /// The cells that a `new` with these operands takes one of; none if it always calls.
    pub fn cells(&self) -> Option<Cells> {
        let [_, size, header, cursor, limit] = self.args.as_slice() else { return None };
        let bits = |arg: &Arg, ty: Ty| arg.as_const().filter(|c| c.ty == ty).map(|c| c.bits);
        Some(Cells {
            size: bits(size, Ty::I64)?,
            header: bits(header, Ty::I64)?,
            cursor: bits(cursor, Ty::Ptr)?,
            limit: bits(limit, Ty::Ptr)?,
        })
    }
}

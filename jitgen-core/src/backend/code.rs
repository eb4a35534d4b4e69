//! Code: a compiled trace, and the way into it.
//!
//! What makes running compiled code sound are two promises: `well-formed` (what is installed was
//! lowered from a trace, so it has the signature of a piece), kept here, and `alive-while-inside`
//! (the code that is entered, and what it is linked to, is not dropped meanwhile), kept by whoever
//! calls [`enter`].
//!
//! Not here: which pieces there are, who links them, how many.

use super::exit_cell::RETURNED;
use super::memory::{CodePtr, Memory};
use super::{ExitCell, Frame, stubs};
use crate::ir::ExitId;
use std::time::Duration;

/// What compiling took, by phase.
#[derive(Clone, Copy, Default, Debug)]
pub struct Timings {
    /// From the trace to Cranelift's IR.
    pub lowering: Duration,
    /// Cranelift.
    pub cranelift: Duration,
    /// From Cranelift's buffer to executable memory.
    pub install: Duration,
}

/// The text of a piece of code.
#[derive(Clone, Debug)]
pub struct Disassembly {
    /// Cranelift's IR.
    pub clif: String,
    /// The machine code.
    pub machine: String,
}

/// A compiled trace: its machine code and its exit cells. Dropping it frees both.
///
/// It may be dropped when nobody is inside and no cell of other code is linked to it; see [`enter`].
pub struct Code {
    pub(super) memory: Memory,
    pub(super) cells: Box<[ExitCell]>,
    pub(super) timings: Timings,
    pub(super) disassembly: Option<Disassembly>,
}

impl Code {
    /// Where to enter.
    pub fn entry(&self) -> CodePtr {
        self.memory.entry()
    }

    /// The cell of an exit. That of an exit linked within the trace is never left through.
    ///
    /// # Panics
    /// If the trace has no such exit.
    pub fn exit_cell(&self, exit: ExitId) -> &ExitCell {
        &self.cells[exit.index()]
    }

    /// The cells of all exits, by exit number.
    pub fn exit_cells(&self) -> &[ExitCell] {
        &self.cells
    }

    /// Bytes of machine code, constants included. The memory taken is this, rounded up to pages.
    pub fn code_size(&self) -> usize {
        self.memory.size()
    }

    /// What compiling took.
    pub fn timings(&self) -> Timings {
        self.timings
    }

    /// The text of the code, if `Options::disassemble` asked for it.
    pub fn disassembly(&self) -> Option<&Disassembly> {
        self.disassembly.as_ref()
    }
}

/// Enters code and returns the cell through which it was left: one that is not linked, one whose
/// budget has come to 0, or that of an exit by which the portal returns. The exit's operands are then
/// in the first slots of the frame; a portal's result is where the scratch area begins.
///
/// # Safety
/// - `frame` is one, and nobody else writes to it before this call returns; functions that the code
///   calls may read it. Its first slots hold the values that the code's entry takes, of the right types, and
///   the trace was right to rely on them (an address that it reads can be read, and so on).
/// - If the code calls other code, the [`Stacks`](super::Stacks) that it was compiled with are true.
/// - The [`Code`] that `entry` belongs to, and any that can be reached from it by linked cells, are
///   not dropped before this call returns, neither by functions that the code calls; and each cell
///   is linked to code that takes what the cell's exit leaves in the slots.
/// - The functions that the code calls have the signatures that the trace assumes, and do not unwind.
pub unsafe fn enter(entry: CodePtr, frame: *mut Frame) -> *const ExitCell {
    let Ok(stubs) = stubs::stubs() else {
        unreachable!("an entry exists, so the stubs were compiled before it")
    };
    // SAFETY: `stubs.enter` is alive for ever and has the signature of `EnterFn`. `entry` is a piece
    // of code (there is no other `CodePtr`) and alive, as the caller guarantees, and so is all that
    // it goes on in. It reads and writes `frame`, which nobody else writes to, and memory that the
    // caller vouches for.
    let cell = unsafe { (stubs.enter)(frame, entry.address()) };
    std::ptr::with_exposed_provenance(cell & !RETURNED)
}

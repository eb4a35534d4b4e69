//! The backend: from a trace to machine code that can be entered, left and linked.
//!
//! One trace (or region of traces) becomes one function, a *piece* of code:
//!
//! ```text
//! tail fn(frame: &mut [u64; SLOTS], cell: *const ExitCell) -> *const ExitCell
//!
//! b0(v0: ptr, v1: i64)           v0 = frame[0], v1 = frame[1]: the slots of a Frame
//! guard v2 else exit0            branch to a cold block that stores exit0's operands to slots
//! exit0: resume 0 [v0, v1]       count down cells[0].budget; go on at cells[0].target
//! exit1: resume 0 [v0] -> b3     branch to b3 of the same function
//! exit2: resume 0 [] log [result …]   store the result's bytes where frame.scratch begins; return
//! ```
//!
//! Phases of [`Compiler::compile`]: check the limits, `plan` (what is computed where), `lower` (to
//! Cranelift's IR), `machine` (run Cranelift), `memory` (make the result executable).
//!
//! Invariants: `code-is-never-patched` (pieces are linked by storing an address into an
//! [`ExitCell`]), `no-relocations` (calls and jumps to elsewhere go through addresses in registers
//! or cells), `slots-in-order` (a piece takes and leaves its values in slots 0, 1, 2, …, each in its
//! type's own size at the slot's address).
//!
//! Not here: when to compile, to link or to free. What a spent budget means is the runtime's
//! business, too.

mod call_cell;
mod code;
mod compiler;
mod error;
mod exit_cell;
mod frame;
mod lower;
mod machine;
mod memory;
mod plan;
mod stubs;

pub use call_cell::{CallCell, STACKS, Stacks};
pub use code::{Code, Disassembly, Timings, enter};
pub use compiler::{Compiler, Options, Symbols};
pub use error::CompileError;
pub use exit_cell::ExitCell;
pub use frame::{Frame, SCRATCH_WORDS, SLOTS};
pub use memory::CodePtr;

//! Recording: from the twin's execution to a trace.
//!
//! ```text
//! twin (generated)  ->  macro_support (typed shells)  ->  session (mode, merge points)  ->  recorder (trace)
//! ```
//!
//! The twin of an interpreter function computes on traced values: each is the concrete Rust value
//! and its [`Opnd`] in the trace. Running it does the work once and writes the trace on the way.
//!
//! Not here: machine code, the store of compiled traces, raw memory.

mod abort;
mod allocate;
mod callee;
mod current;
mod hints;
mod inline;
pub mod journal;
mod levels;
mod operand;
pub mod panics;
mod private;
pub mod pure;
mod recorder;
mod replayed;
mod session;
mod tags;
#[cfg(test)]
mod tests;
pub mod validity;
mod values;

pub use abort::AbortReason;
pub use callee::{Callee, Condition};
pub use current::{Outside, each_word, outside, run_within, try_with, with};
pub use inline::{Image, Inlined};
pub use levels::{Level, Site};
pub use operand::{Address, Blob, Local, Opnd, Part, Word};
pub use recorder::{ALLOCATION_CLASS, FLAG_CLASS, Recorder, SCRATCH_BASE, alias_class};
pub use replayed::Replayed;
pub use session::{
    Function, Green, IsCompiled, MergeState, Plan, Portal, Recorded, Resume, Session, Step, keys,
};
pub use tags::Tag;
pub use validity::Validity;

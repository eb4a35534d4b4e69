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
mod circles;
mod classes;
mod current;
mod hints;
mod inline;
pub mod journal;
mod levels;
mod operand;
mod owned;
pub mod panics;
mod plan;
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

pub use crate::ir::{Map, Words};
pub use abort::AbortReason;
pub use callee::{Callee, Condition};
pub use classes::{ALLOCATION_CLASS, FLAG_CLASS, alias_class};
pub use current::{Outside, each_word, outside, run_within, try_with, with};
pub use inline::{Image, Inlined};
pub use levels::{Handed, Level, Site};
pub use operand::{Address, Blob, Local, Opnd, Part, Word};
pub use plan::{Asks, AsksOf, Place, Plan, Recursion};
pub use recorder::{Recorder, SCRATCH_BASE};
pub use replayed::Replayed;
pub use session::{Function, Green, MergeState, Portal, Recorded, Resume, Session, Step, keys};
pub use tags::Tag;
pub use validity::Validity;

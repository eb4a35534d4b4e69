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
pub mod journal;
mod operand;
pub mod panics;
pub mod pure;
mod recorder;
mod session;

pub use abort::AbortReason;
pub use operand::{Address, Blob, Opnd, Part, Word};
pub use recorder::{Recorder, SCRATCH_BASE};
pub use session::{
    Function, Green, IsCompiled, MergeState, Plan, Portal, Recorded, Replayed, Resume, Session,
    Step, keys, outside, run_within, with,
};

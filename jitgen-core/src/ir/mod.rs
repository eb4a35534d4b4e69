//! The intermediate representation: traces, the op table, and their text.
//!
//! A trace is what recording an interpreter gives: a straight line of operations on machine words
//! with guards in between. See `trace` for a worked example, `ops` for the table, `verify` for what
//! must hold of every trace.
//!
//! Text goes both ways: `parse(print(t)) == t`, so a log line can be pasted into a test.
//!
//! Not here: addresses, thresholds, Cranelift, languages. Helpers are symbols (`@name`), resume
//! points are numbers.

mod cells;
mod effects;
mod gone;
mod hash;
mod ops;
mod parse;
mod print;
mod trace;
mod ty;
mod verify;
mod way;

pub use cells::Cells;
pub use effects::{Class, Effects};
pub use gone::Gone;
pub use hash::{Map, Set, Words};
pub use ops::{Domain, Effect, Op, Sig};
pub use parse::{ParseError, parse};
pub use trace::{
    Arg, Aux, Block, BlockId, Call, CallId, End, Exit, ExitId, Inst, Kept, LogEntry, PendingStore,
    Renumbering, ResumeId, Trace, ValueId, operand_count,
};
pub use ty::{Const, Ty};
pub use verify::{Violation, verify};
pub use way::{Leg, way};

//! What the twin really did while recording: the witness against which the evaluator checks the
//! recorded trace, raw and optimized.
//!
//! Not here: the comparison (`runtime::check`).

use crate::ir::{Const, ResumeId};

/// Something that touched guest memory or went outside.
#[derive(Clone, PartialEq, Debug)]
pub enum Event {
    /// Memory was read.
    Load {
        /// Where.
        address: u64,
        /// How many bytes.
        size: u32,
        /// What was there.
        bits: u64,
    },
    /// Memory was written.
    Store {
        /// Where.
        address: u64,
        /// How many bytes.
        size: u32,
        /// What is there now.
        bits: u64,
    },
    /// A residual function was called.
    Call {
        /// Its symbol.
        symbol: String,
        /// Its arguments; an argument that is an address in the scratch area is `None`.
        args: Vec<Option<Const>>,
        /// The result word, if it has one.
        result: Option<Const>,
    },
    /// Memory was allocated.
    New {
        /// The number of the allocation.
        number: u32,
        /// Where.
        address: u64,
        /// How many bytes.
        size: u64,
    },
    /// Allocated memory was freed.
    Free {
        /// Where it was.
        address: u64,
    },
    /// A function was called whose result depends on its arguments alone.
    Pure {
        /// Its symbol.
        symbol: String,
        /// Its arguments.
        args: Vec<Const>,
        /// The result.
        result: Const,
    },
    /// A merge point was passed.
    Resume {
        /// Its number.
        id: ResumeId,
        /// The reds at that moment.
        reds: Vec<Const>,
    },
}

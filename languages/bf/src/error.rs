//! What can go wrong, as values that print as one line.
//!
//! ```text
//! 3:7: `[` without a matching `]`
//! 12:1: `<` moved left of the first cell
//! ```
//!
//! Invariants: `errors-are-copy` ([`Error`] owns nothing, so passing one through the interpreter
//! costs no drop), `says-where` (an error made by an instruction carries its line and column).
//! Not here: the name of the source file; the command line puts it in front.

use jitgen_core::Traced;
use std::{error, fmt, io};

use crate::program::Position;

/// A program that cannot be parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    /// Line of the offending bracket, from one.
    pub line: usize,
    /// Column of the offending bracket in characters, from one.
    pub column: usize,
    /// What is wrong with it.
    pub message: String,
}

/// A program that failed while it ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Traced)]
pub struct Error {
    /// The failing instruction.
    pub at: Position,
    /// What happened.
    pub problem: Problem,
}

/// What an instruction could not do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    /// `<` on the first cell.
    LeftEdge,
    /// `>` on the last cell that the tape may have.
    TapeLimit {
        /// The largest allowed number of cells.
        limit: usize,
    },
    /// The system gave no memory for a longer tape.
    OutOfMemory {
        /// The number of cells the tape should have got.
        cells: usize,
    },
    /// `,` failed.
    Input(Cause),
    /// `.` failed, or writing what earlier ones had left in the buffer.
    Output(Cause),
}

/// Why the system refused to read or write: an `io::Error` reduced to what can be copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cause {
    kind: io::ErrorKind,
    os_code: Option<i32>,
}

impl From<io::Error> for Cause {
    fn from(error: io::Error) -> Cause {
        Cause { kind: error.kind(), os_code: error.raw_os_error() }
    }
}

impl fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.message)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.at, self.problem)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::LeftEdge => write!(f, "`<` moved left of the first cell"),
            Problem::TapeLimit { limit } => {
                write!(f, "`>` moved past the tape limit of {limit} cells")
            }
            Problem::OutOfMemory { cells } => write!(f, "no memory for a tape of {cells} cells"),
            Problem::Input(cause) => write!(f, "cannot read input: {cause}"),
            Problem::Output(cause) => write!(f, "cannot write output: {cause}"),
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.os_code {
            Some(code) => io::Error::from_raw_os_error(code).fmt(f),
            None => self.kind.fmt(f),
        }
    }
}

impl error::Error for SyntaxError {}
impl error::Error for Error {}
impl error::Error for Problem {}

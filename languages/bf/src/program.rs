//! What is run: one instruction per command character of the source.
//!
//! ```text
//! +[-]      =>      0 Increment, 1 Open { close: 3 }, 2 Decrement, 3 Close { open: 1 }
//! ```
//!
//! Invariants: `brackets-match` (`close` and `open` point at each other), `one-offset-per-insn`
//! (`code` and `offsets` have the same length).
//! Not here: comments; they live on only in `source`, for the sake of line and column.

use jitgen_core::Traced;
use std::fmt;

/// One instruction. Jump targets are indices into [`Program::code`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Traced)]
pub enum Insn {
    /// `>`: the next cell.
    Right,
    /// `<`: the previous cell.
    Left,
    /// `+`: add one, wrapping.
    Increment,
    /// `-`: subtract one, wrapping.
    Decrement,
    /// `.`: write the cell.
    Output,
    /// `,`: read into the cell.
    Input,
    /// `[`: go behind the matching `]` if the cell is zero.
    Open {
        /// Index of the matching `]`.
        close: usize,
    },
    /// `]`: go behind the matching `[` unless the cell is zero.
    Close {
        /// Index of the matching `[`.
        open: usize,
    },
}

/// A parsed program; it does not change while it runs.
#[derive(Clone, Debug, Traced)]
pub struct Program {
    /// The instructions in source order.
    pub code: Vec<Insn>,
    /// Byte offset in `source` of each instruction.
    offsets: Vec<usize>,
    source: String,
}

impl Program {
    /// Joins the instructions with what is needed to locate them.
    pub(crate) fn new(code: Vec<Insn>, offsets: Vec<usize>, source: String) -> Program {
        Program { code, offsets, source }
    }

    /// Where in the source instruction `pc` stands.
    ///
    /// Counted anew at each call: only error messages ask.
    pub fn position(&self, pc: usize) -> Position {
        Position::of(&self.source, self.offsets[pc])
    }
}

/// Line and column, both counted from one; columns count characters, not bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The character within the line.
    pub column: usize,
}

impl Position {
    /// The position of byte `offset` in `source`.
    pub(crate) fn of(source: &str, offset: usize) -> Position {
        let before = &source[..offset];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Position {
            line: before.bytes().filter(|&byte| byte == b'\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

//! The coverage report: what becomes of each function of an interpreter.
//!
//! ```text
//! function          line  treatment                  loops  branches  matches  indices  arithmetic  calls
//! vm::run             40  portal                         1         0        1        1           1      3
//! vm::add             71  traced                         0         0        0        2           0      1
//! vm::print           75  residual: marked               0         0        0        0           1      0
//! ```
//!
//! The numbers count places in the source where guards may be recorded. Nothing runs before `main`:
//! the twins make themselves known when they first run, those of an interpreter module all together
//! with its portal's. A residual function of a single item is known once it has been recorded.
//!
//! Not here: what has been recorded (`statistics`).

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

/// What becomes of a function.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Treatment {
    /// It has the dispatch loop.
    Portal,
    /// It is looked into.
    Traced,
    /// It is called, because it is marked `#[residual]`.
    Marked,
    /// It is called, because it has a loop and is not marked `#[unroll]`.
    Looping {
        /// The line of the loop.
        line: u32,
    },
}

impl fmt::Display for Treatment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Treatment::Portal => f.pad("portal"),
            Treatment::Traced => f.pad("traced"),
            Treatment::Marked => f.pad("residual: marked"),
            Treatment::Looping { line } => f.pad(&format!("residual: loop at line {line}")),
        }
    }
}

/// One function.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Coverage {
    /// Its path.
    pub name: &'static str,
    /// Its line.
    pub line: u32,
    /// What becomes of it.
    pub treatment: Treatment,
    /// Loops in its body.
    pub loops: u32,
    /// `if`, `while`, `&&`, `||`, `assert!`: a guard each, unless the condition is constant.
    pub branches: u32,
    /// `match`, `if let`, `?`: guards for what the chosen arm needs.
    pub matches: u32,
    /// `a[i]`: a guard each, unless the index is constant.
    pub indices: u32,
    /// Operators that may overflow or divide by zero.
    pub arithmetic: u32,
    /// Calls of functions and methods.
    pub calls: u32,
}

/// The functions that become known together.
#[derive(Debug)]
pub struct CoverageTable {
    seen: AtomicBool,
    functions: &'static [Coverage],
}

static KNOWN: Mutex<Vec<&'static CoverageTable>> = Mutex::new(vec![]);

impl CoverageTable {
    /// A table that is not known yet.
    pub const fn new(functions: &'static [Coverage]) -> CoverageTable {
        CoverageTable { seen: AtomicBool::new(false), functions }
    }

    /// Makes it known.
    pub fn seen(&'static self) {
        if !self.seen.load(Ordering::Relaxed) && !self.seen.swap(true, Ordering::Relaxed) {
            KNOWN.lock().unwrap_or_else(PoisonError::into_inner).push(self);
        }
    }
}

/// What becomes of each function of the interpreters of this process whose portals have been
/// recorded so far, sorted by name and line.
pub fn coverage() -> Report {
    let known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let mut functions: Vec<Coverage> =
        known.iter().flat_map(|table| table.functions).copied().collect();
    functions.sort_by_key(|function| (function.name, function.line));
    Report { functions }
}

/// The coverage report; `{}` prints it as a table.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Report {
    /// A row for each function.
    pub functions: Vec<Coverage>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.functions.iter().map(|function| function.name.len());
        let width = names.max().unwrap_or(0).max("function".len());
        writeln!(
            f,
            "{:width$}  line  {:28}  loops  branches  matches  indices  arithmetic  calls",
            "function", "treatment"
        )?;
        for row in &self.functions {
            writeln!(
                f,
                "{:width$}  {:4}  {:28}  {:5}  {:8}  {:7}  {:7}  {:10}  {:5}",
                row.name,
                row.line,
                row.treatment,
                row.loops,
                row.branches,
                row.matches,
                row.indices,
                row.arithmetic,
                row.calls
            )?;
        }
        Ok(())
    }
}

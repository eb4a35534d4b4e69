//! The plan of a recording: where it starts, how far it may go, and what it asks of those who know the
//! program's compiled code.
//!
//! Not here: who makes plans (`runtime`).

use super::session::Portal;
use crate::ir::{LogEntry, ResumeId, Ty};

/// A portal and keys of its greens.
pub type Place = (&'static Portal, Box<[u64]>);

/// Answers a question about the location with these keys of greens.
pub type Asks<R = bool> = Box<dyn Fn(&[u64]) -> R>;

/// The same of a location of any portal.
pub type AsksOf<R> = Box<dyn Fn(&'static Portal, &[u64]) -> R>;

/// Whether a portal calls itself at a place of the guest program.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Debug)]
pub enum Recursion {
    /// Not as far as has been seen.
    #[default]
    None,
    /// A call makes one such call.
    Line,
    /// It makes several.
    Tree,
}

/// How a recording is to go.
pub struct Plan {
    /// The trace's name.
    pub name: String,
    /// The number that the first new resume point gets.
    pub first_resume: u32,
    /// The types of the trace's parameters: words of reds, then operands of the log.
    pub params: Vec<Ty>,
    /// Where it starts: an existing resume point and its log (a bridge), or a loop header.
    pub start: Option<(ResumeId, Vec<LogEntry>)>,
    /// Rounds of the loop from whose header it starts, before it is closed.
    pub rounds: u32,
    /// Operations before the recording is given up.
    pub limit: usize,
    /// Is what is declared of residual functions compared with what they do?
    pub check_effects: bool,
    /// The part of a frame's scratch memory that this trace may use for itself, in bytes.
    pub scratch: std::ops::Range<u32>,
    /// Is there compiled code for these greens?
    pub is_compiled: Asks,
    /// Has a trace been found to go in circles there?
    pub is_circle: Asks,
    /// What does it do at the merge point with these keys of greens? It is asked at each, in order.
    pub join: Asks,
    /// May it end because the portal returns?
    pub may_return: bool,
    /// How many portals may be inside of each other in it, besides its own.
    pub inline_depth: usize,
    /// Does that portal call itself there?
    pub recurses: AsksOf<Recursion>,
    /// Gives the address of the cell by which code calls the code for these greens of a portal.
    pub call_cell: AsksOf<u64>,
    /// The address of the byte that says that a residual call has panicked.
    pub panic_flag: u64,
}

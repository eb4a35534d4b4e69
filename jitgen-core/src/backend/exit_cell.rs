//! Exit cells: where a piece of code is left, and where execution goes on.
//!
//! Every exit that is not linked within its piece has a cell. Leaving through it costs:
//!
//! ```text
//! cell.budget -= 1
//! if cell.budget == 0 { return cell }     to whoever called `enter`
//! jump cell.target                        the leave stub (which returns the cell) or other code
//! ```
//!
//! An exit by which the portal returns is neither counted nor linked: code gives the cell's address
//! with [`RETURNED`] in it, so that calling code knows at once that there is a result.
//!
//! Invariants: `cell-address-is-stable` (compiled code holds it as a constant; `Code` owns the cells
//! in a box), `target-is-code` (the leave stub or the entry of a piece).
//!
//! Compiled code counts without synchronisation: two threads that leave through the same cell at
//! once may lose a count, and one of them may miss the zero.

use super::memory::CodePtr;
use super::stubs;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

/// The bit in a cell's address, as code gives it, that says that the portal has returned.
pub(super) const RETURNED: usize = 1;

/// Where a piece of code is left: one per exit.
#[repr(C)]
#[derive(Debug)]
pub struct ExitCell {
    target: AtomicUsize,
    budget: AtomicI64,
    /// The number that the piece of code was compiled with.
    pub code: u32,
    /// The exit's number within the trace.
    pub exit: u32,
}

impl ExitCell {
    /// An unlinked cell with budget 0.
    pub(super) fn new(code: u32, exit: u32, leave: CodePtr) -> ExitCell {
        ExitCell {
            target: AtomicUsize::new(leave.address()),
            budget: AtomicI64::new(0),
            code,
            exit,
        }
    }

    /// Lets execution go on in `target`, whose entry must take what this exit leaves in the slots.
    ///
    /// The code of `target` must then live as long as this cell may be left through (see
    /// [`super::enter`]).
    pub fn link(&self, target: CodePtr) {
        self.target.store(target.address(), Ordering::Release);
    }

    /// Lets execution return to Rust again.
    pub fn unlink(&self) {
        if let Ok(stubs) = stubs::stubs() {
            self.link(stubs.leave);
        }
    }

    /// Does execution go on in other code?
    pub fn is_linked(&self) -> bool {
        let leave = stubs::stubs().map(|stubs| stubs.leave.address());
        leave != Ok(self.target.load(Ordering::Acquire))
    }

    /// What is left of the budget. It goes on below 0 if nobody sets it again.
    pub fn budget(&self) -> i64 {
        self.budget.load(Ordering::Relaxed)
    }

    /// Lets the `budget`-th exit from now return to Rust even if the cell is linked. With 0 or a
    /// negative budget none does.
    pub fn set_budget(&self, budget: i64) {
        self.budget.store(budget, Ordering::Relaxed);
    }

    /// The offset of the target within a cell.
    pub(super) const TARGET_OFFSET: i32 = std::mem::offset_of!(ExitCell, target) as i32;

    /// The offset of the budget within a cell.
    pub(super) const BUDGET_OFFSET: i32 = std::mem::offset_of!(ExitCell, budget) as i32;
}

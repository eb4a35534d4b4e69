//! What compiled code that calls other compiled code looks at: data, since code is never patched.
//!
//! ```text
//! call_code @f(cell, site, v0, v1, v2)     v0: the callee's frame, within the caller's scratch area
//!
//! v0.slots[..] = v1, v2                    the arguments
//! cell = null
//! if stack pointer > stacks.native && v0 < stacks.frames {
//!     stacks.current = v0
//!     cell = cell.entry(v0, null)
//! }
//! if !returned(cell) { f(site, v0, cell) }
//! stacks.current = frame                   the result is where v0 begins
//! ```
//!
//! A callee that has no code is the leave stub, which gives null: then, as where there is no room for
//! another level, `f` does all, and where the callee has left otherwise than by returning, `f` does
//! the rest.
//!
//! Invariants: `entry-is-code` (the leave stub, or code that takes the arguments which the cell's
//! callers pass), `current-is-innermost` (the innermost frame of this thread's code that runs begins
//! at `current`, whenever a function is called).
//!
//! Not here: whose cell it is, and what `f` does (`runtime`).

use super::memory::CodePtr;
use super::{Frame, stubs};
use std::sync::atomic::{AtomicUsize, Ordering};

/// The symbol by which traces that call code find the thread's [`Stacks`].
pub const STACKS: &str = "jitgen::stacks";

/// Where a callee's code begins: what calling code reads.
#[repr(C)]
#[derive(Debug)]
pub struct CallCell {
    entry: AtomicUsize,
}

impl Default for CallCell {
    fn default() -> CallCell {
        CallCell::new()
    }
}

impl CallCell {
    /// A cell of a callee that has no code.
    pub fn new() -> CallCell {
        let cell = CallCell { entry: AtomicUsize::new(0) };
        cell.unlink();
        cell
    }

    /// Lets callers call `code`, which must take the arguments that they pass and live as long as
    /// they may (see [`super::enter`]).
    pub fn link(&self, code: CodePtr) {
        self.entry.store(code.address(), Ordering::Release);
    }

    /// The callee has no code any more. (Where the stubs could not be compiled, no code that reads
    /// the cell can be, either.)
    pub fn unlink(&self) {
        if let Ok(stubs) = stubs::stubs() {
            self.link(stubs.leave);
        }
    }

    /// Has the callee code?
    pub fn is_linked(&self) -> bool {
        let leave = stubs::stubs().map(|stubs| stubs.leave.address());
        leave != Ok(self.entry.load(Ordering::Acquire))
    }

    /// The offset of the entry within a cell.
    pub(super) const ENTRY_OFFSET: i32 = std::mem::offset_of!(CallCell, entry) as i32;
}

/// How far a thread's calls may go, and how far they have gone.
#[repr(C)]
#[derive(Debug, Default)]
pub struct Stacks {
    native: AtomicUsize,
    frames: AtomicUsize,
    current: AtomicUsize,
}

impl Stacks {
    /// Below this address of the native stack no code calls other code; gives the one before.
    pub fn set_native(&self, lowest: usize) -> usize {
        self.native.swap(lowest, Ordering::Relaxed)
    }

    /// The innermost frame; and the address from which on a frame is too far for code to use it:
    /// up to there, and for a frame that begins there, there must be memory.
    pub fn set_frames(&self, current: *mut Frame, end: usize) {
        self.current.store(current.expose_provenance(), Ordering::Relaxed);
        self.frames.store(end, Ordering::Relaxed);
    }

    /// Where the innermost frame begins.
    pub fn current(&self) -> *mut Frame {
        std::ptr::with_exposed_provenance_mut(self.current.load(Ordering::Relaxed))
    }

    /// The address from which on a frame is too far.
    pub fn end(&self) -> usize {
        self.frames.load(Ordering::Relaxed)
    }

    pub(super) const NATIVE_OFFSET: i32 = std::mem::offset_of!(Stacks, native) as i32;
    pub(super) const FRAMES_OFFSET: i32 = std::mem::offset_of!(Stacks, frames) as i32;
    pub(super) const CURRENT_OFFSET: i32 = std::mem::offset_of!(Stacks, current) as i32;
}

//! Quasi-immutable cells: what is in them is constant in traces, until it changes.
//!
//! ```text
//! limit: Quasi<i64>        limit.get()   a constant; the trace depends on the cell
//!                          limit.set(9)  the traces that depend on it are not used any more
//! ```
//!
//! Not here: how traces find out (`tracer::validity`), what becomes of their code (`invalidate`).

use crate::tracer::validity;
use std::cell::Cell;
use std::fmt;

/// A cell for what seldom changes, and much depends on: a global function, a mode, a class.
///
/// In traces [`Quasi::get`] is a constant, if the cell is at a constant address (behind a green, or
/// promoted); else it is a load. [`Quasi::set`] makes all traces useless that have such a constant:
/// code that is running leaves before it relies on the cell again.
#[derive(Default)]
#[repr(C)]
pub struct Quasi<T> {
    value: Cell<T>,
    /// Who depends on it; 0 for nobody.
    watch: Cell<u64>,
}

impl<T: Copy> Quasi<T> {
    /// A cell with that value.
    pub const fn new(value: T) -> Quasi<T> {
        Quasi { value: Cell::new(value), watch: Cell::new(0) }
    }

    /// What is in it.
    #[inline(always)]
    pub fn get(&self) -> T {
        self.value.get()
    }

    /// Puts something in.
    #[inline]
    pub fn set(&self, value: T) {
        self.value.set(value);
        let watch = self.watch.replace(0);
        if watch != 0 {
            super::invalidate::changed(watch);
        }
    }

    /// Where the value is.
    pub(crate) fn content(&self) -> *mut T {
        self.value.as_ptr()
    }

    /// The watch for a trace that is going to depend on it.
    pub(crate) fn watch(&self) -> u64 {
        if self.watch.get() == 0 {
            self.watch.set(validity::new_watch());
        }
        self.watch.get()
    }
}

impl<T: Copy + fmt::Debug> fmt::Debug for Quasi<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Quasi").field(&self.get()).finish()
    }
}

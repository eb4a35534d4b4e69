//! The configuration of a heap, and the error of one that is full.
//!
//! Not here: what follows from it (`heap`).

use std::fmt;

/// The configuration of a thread's heap.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct HeapConfig {
    /// Bytes in objects, external ones included, at which the first collection happens, and below
    /// which none does.
    pub initial_threshold: usize,
    /// The next collection happens when the bytes in objects are so many times those that the last
    /// one has left.
    pub growth: f64,
    /// The most that the heap may hold: blocks in use, large objects, external bytes.
    pub limit: usize,
    /// Collect at every allocation, to find pointers that the collector does not see.
    pub stress: bool,
    /// Finalizers wait for `gc::run_finalizers` instead of running at the end of each collection.
    pub defer_finalizers: bool,
}

impl Default for HeapConfig {
    fn default() -> HeapConfig {
        HeapConfig {
            initial_threshold: 8 << 20,
            growth: 2.0,
            limit: usize::MAX,
            stress: false,
            defer_finalizers: false,
        }
    }
}

/// An object does not fit in the heap, not even after a collection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OutOfMemory {
    /// Bytes that were asked for.
    pub bytes: usize,
    /// The heap's limit.
    pub limit: usize,
}

impl fmt::Display for OutOfMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "out of memory: no room for {} bytes", self.bytes)?;
        if self.limit < usize::MAX {
            write!(f, " in a heap limited to {} bytes", self.limit)?;
        }
        Ok(())
    }
}

impl std::error::Error for OutOfMemory {}

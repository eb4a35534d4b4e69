//! Counters: how the plain interpreter notices that a place of the guest program is hot.
//!
//! ```text
//! can_enter_jit!()   =>   tick(portal, keys):  n = table[hash(portal, keys)]
//!                                              n <= 1: the slow path decides     else: n -= 1
//! ```
//!
//! The table is small and hashed: two locations may share a counter, and then one is looked at
//! earlier than it should be. Nothing but time depends on it. A location with compiled code keeps
//! its counter at 1, so that every tick leads to the slow path, which enters the code.
//!
//! Invariant `off-is-free`: a thread without a table (JIT off, or no portal entered yet) pays for a
//! tick one thread-local load and a branch.
//!
//! Not here: what a location is, what becomes of a hot one (`location`, `driver`).

use crate::tracer::Portal;
use std::cell::Cell;

const BITS: u32 = 12;

/// The counters of a thread.
pub(super) struct Counters {
    loops: [Cell<u32>; 1 << BITS],
    /// Those of portals that begin, which have a threshold of their own.
    calls: [Cell<u32>; 1 << BITS],
}

thread_local! {
    /// Const-initialised and without destructor: to look costs one load.
    static COUNTERS: Cell<Option<&'static Counters>> = const { Cell::new(None) };
    static STARTED: Cell<bool> = const { Cell::new(false) };
}

/// Counts the interpreter's coming by `can_enter_jit!()`; answers whether to go the slow way.
#[inline(always)]
pub fn tick<const N: usize>(portal: &'static Portal, keys: &[u64; N]) -> bool {
    let Some(counters) = COUNTERS.get() else {
        return false;
    };
    // Where the JIT is off, the interpreter's loop stays in one piece; where it is on, it is soon left.
    std::hint::cold_path();
    tick_cell(&counters.loops[hash(portal, keys)])
}

/// Counts that a portal begins which traced code calls; answers whether to go the slow way.
#[inline(always)]
pub fn tick_call<const N: usize>(portal: &'static Portal, keys: &[u64; N]) -> bool {
    let Some(counters) = COUNTERS.get() else {
        return false;
    };
    tick_cell(&counters.calls[hash(portal, keys)])
}

/// Has this thread entered a portal before? Says yes from then on.
#[inline(always)]
pub(super) fn is_started() -> bool {
    STARTED.get()
}

/// Starts to count, from the thresholds (of loops, of calls) down; or not at all.
pub(super) fn start(thresholds: Option<(u32, u32)>) {
    STARTED.set(true);
    COUNTERS.set(thresholds.map(|(loops, calls)| {
        let cells = |threshold| std::array::from_fn(|_| Cell::new(threshold));
        // Never freed, 32 KiB for each thread with a JIT, so that a tick needs no check.
        let counters = Box::new(Counters { loops: cells(loops), calls: cells(calls) });
        let counters: &'static Counters = Box::leak(counters);
        counters
    }));
}

/// Stops counting: the thread ends.
pub(super) fn stop() {
    // It may have ended so far that its thread-locals are gone; then nobody counts either.
    let _ = COUNTERS.try_with(|counters| counters.set(None));
}

/// Sets what is left to count at a location.
pub(super) fn arm(portal: &'static Portal, keys: &[u64], ticks: u32) {
    if let Some(counters) = COUNTERS.get() {
        let index = hash(portal, keys);
        counters.loops[index].set(ticks);
        counters.calls[index].set(ticks);
    }
}

#[inline(always)]
fn tick_cell(cell: &Cell<u32>) -> bool {
    let left = cell.get();
    if left <= 1 {
        std::hint::cold_path();
        return true;
    }
    cell.set(left - 1);
    false
}

#[inline(always)]
fn hash(portal: &'static Portal, keys: &[u64]) -> usize {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut hash = std::ptr::from_ref(portal) as u64;
    for key in keys {
        hash = (hash.rotate_left(5) ^ key).wrapping_mul(FACTOR);
    }
    (hash.wrapping_mul(FACTOR) >> (64 - BITS)) as usize
}

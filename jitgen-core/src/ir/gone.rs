//! What stands for the address of an object that has been freed without having been made.
//!
//! ```text
//! v1 = new …;  free @dealloc(v1)        exits behind it that list v1: ptr 0xfeed000000000010
//! ```
//!
//! Nobody may access what has been freed, so its address means nothing, but that it is not null and
//! differs from all others: replay compares pointers again.
//!
//! Invariant `apart`: no memory is at such an address, on any machine that we run on.

use super::{Const, Ty, ValueId};

/// Addresses of what is gone.
pub struct Gone;

impl Gone {
    const FIRST: u64 = 0xfeed << 48;

    /// The address of the object that `v` was.
    pub fn address(v: ValueId) -> Const {
        Const::new(Ty::Ptr, Gone::FIRST + 16 * (u64::from(v.0) + 1))
    }

    /// Is that such an address?
    pub fn is(bits: u64) -> bool {
        bits >> 48 == Gone::FIRST >> 48
    }
}

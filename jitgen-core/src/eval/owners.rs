//! The promise of `load_owned`, as far as a run can see whether it is kept.
//!
//! ```text
//! v2 = load_owned.ptr v0+8          the word at v0+8 owns 0x5000
//! v3 = load_owned.ptr v1+8          is 0x5000, too: two owners, if nothing has been written there since
//! ```
//!
//! A word that is not written between two loads of owners was one at the first of them, if it is one
//! at the second. So the two own different memory, or the promise of `ir::effects` is broken.
//!
//! Not checked: where objects end; what calls leave alone (they may have written any word).

use std::collections::HashMap;

/// Empty containers have no memory; what their pointers are is below this.
const SMALLEST: u64 = 0x1000;

/// The words that have been owners.
#[derive(Default)]
pub(super) struct Owners {
    /// By address: what it owned, and when.
    seen: HashMap<u64, (u64, u64)>,
    /// When bytes have been written.
    written: HashMap<u64, u64>,
    now: u64,
}

impl Owners {
    pub fn wrote(&mut self, address: u64, size: u32) {
        self.now += 1;
        let bytes = (0..u64::from(size)).map(|byte| address.wrapping_add(byte));
        self.written.extend(bytes.map(|byte| (byte, self.now)));
    }

    /// A call may have written anything.
    pub fn called(&mut self) {
        self.seen.clear();
    }

    /// A load of an owner has given `object`; is it the only one?
    pub fn owns(&mut self, address: u64, object: u64) -> bool {
        self.now += 1;
        let bytes = (0..8).filter_map(|byte| self.written.get(&address.wrapping_add(byte)));
        let since = bytes.max().copied().unwrap_or(0);
        let other = |(at, (owned, when)): (&u64, &(u64, u64))| {
            *at != address && *owned == object && *when > since
        };
        let shared = object >= SMALLEST && self.seen.iter().any(other);
        self.seen.insert(address, (object, self.now));
        !shared
    }
}

//! Does the author's crate check arithmetic?
//!
//! A macro cannot see that. So each module (or item) with twins has one [`Checked`], whose probe is
//! compiled in the author's crate: it adds, and panics on overflow or not. A build that cannot be probed
//! counts as checked, which is always right.
//!
//! Not here: what is guarded in a checked build (`ops`).

use std::hint::black_box;
use std::panic::catch_unwind;
use std::sync::atomic::{AtomicU8, Ordering};

/// The answer for one crate, found at the first question.
pub struct Checked {
    state: AtomicU8,
    probe: fn(u8, u8) -> u8,
}

const UNKNOWN: u8 = 0;
const NO: u8 = 1;
const YES: u8 = 2;

/// Of operators that cannot overflow.
pub(super) static UNCHECKED: Checked = Checked { state: AtomicU8::new(NO), probe: |_, _| 0 };

impl Checked {
    /// `known`: the crate is checked, whatever the probe would do.
    pub const fn new(known: bool, probe: fn(u8, u8) -> u8) -> Checked {
        Checked { state: AtomicU8::new(if known { YES } else { UNKNOWN }), probe }
    }

    /// Does arithmetic panic on overflow?
    pub fn get(&self) -> bool {
        if self.state.load(Ordering::Relaxed) == UNKNOWN {
            let overflows = || (self.probe)(black_box(u8::MAX), black_box(1));
            let yes = catch_unwind(overflows).is_err();
            self.state.store(if yes { YES } else { NO }, Ordering::Relaxed);
        }
        self.state.load(Ordering::Relaxed) == YES
    }
}

//! Lines: some bytes of a place, in which words are looked for.
//!
//! ```text
//! v0+56 .. v0+63    line 0 of v0          an i64 at v0+60 is in the list of line 0, and goes on in line 1
//! v0+64 .. v0+127   line 1 of v0
//! ```
//!
//! Invariant `first`: a word belongs to the line of its first byte, so one that has a byte in common with
//! an access is in the lines of the access, or in the one before.
//!
//! Not here: the lists of words (`words`).

use super::address::{Address, Place};
use super::words::Access;

/// How many bytes of a place are in one line.
pub(super) const LINE: i64 = 64;

/// Words are no larger than this, in bytes.
pub(super) const MAX_SIZE: i64 = 8;

/// Where words are: some bytes of a place.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Line {
    place: Place,
    number: i64,
}

impl Line {
    /// Where a word with that address is.
    pub fn of(address: Address) -> Line {
        Line { place: address.place, number: address.offset.div_euclid(LINE) }
    }
}

/// The lines where words are that have a byte in common with an access.
pub(super) struct Around {
    pub here: Line,
    /// Also in the one before, and the one behind?
    pub before: bool,
    pub behind: bool,
}

impl Around {
    /// Those of an access, if words cross from one line to the next.
    pub fn of(access: &Access, crosses: bool) -> Around {
        let start = access.address.offset.rem_euclid(LINE);
        Around {
            here: Line::of(access.address),
            before: crosses && start < MAX_SIZE - 1,
            behind: start + i64::from(access.ty.size()) > LINE,
        }
    }

    /// What is found first in these lines, from the first to the last.
    pub fn find<R>(&self, access: &Access, mut found: impl FnMut(Line) -> Option<R>) -> Option<R> {
        let near = |bytes| Line::of(access.address.shifted(bytes));
        let before = if self.before { found(near(1 - MAX_SIZE)) } else { None };
        before.or_else(|| found(self.here)).or_else(|| {
            let last = i64::from(access.ty.size()) - 1;
            if self.behind { found(near(last)) } else { None }
        })
    }
}

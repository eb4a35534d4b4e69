//! Accesses with numbers for their places: for whoever compares each of a trace with many others.
//!
//! ```text
//! store.i64 v0+8 @3, v1        ;; Site { place 0, offset 8, @3, i64 }
//! v2 = load.i64 v4+16 @3       ;; Site { place 1, offset 16, @3, i64 }: the class decides
//! ```
//!
//! Invariant `same`: sites of one table are equal if their accesses are, and may touch each other if
//! their accesses may.
//!
//! Not here: a map by places (`words`).

use super::address::Place;
use super::owners::Apart;
use super::words::Access;
use crate::ir::{Class, Map, Ty};

/// An access.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Site {
    place: u32,
    pub class: Class,
    offset: i64,
    pub ty: Ty,
}

impl Site {
    /// Have both a byte in common, if they are at the same place?
    fn overlaps(self, other: Site) -> bool {
        let distance = self.offset.wrapping_sub(other.offset);
        (distance as u64) < other.ty.size().into()
            || (distance.wrapping_neg() as u64) < self.ty.size().into()
    }

    /// Are all bytes of this among those of `other`, for sure?
    pub fn is_within(self, other: Site) -> bool {
        let start = self.offset.wrapping_sub(other.offset) as u64;
        let end = start.checked_add(self.ty.size().into());
        self.place == other.place && end.is_some_and(|end| end <= other.ty.size().into())
    }

    /// Is it the same word by the same type, whatever the class?
    pub fn is_same_word(self, other: Site) -> bool {
        self.place == other.place && self.offset == other.offset && self.ty == other.ty
    }
}

/// The places of a trace.
#[derive(Default)]
pub(super) struct Sites {
    numbers: Map<Place, u32>,
    places: Vec<Place>,
}

impl Sites {
    /// The access as a site.
    pub fn site(&mut self, access: &Access) -> Site {
        let Access { ty, class, address } = *access;
        let new = self.places.len() as u32;
        let place = *self.numbers.entry(address.place).or_insert(new);
        if place == new {
            self.places.push(address.place);
        }
        Site { place, class, offset: address.offset, ty }
    }

    /// May both touch the same byte?
    pub fn may_touch(&self, apart: &Apart, a: Site, b: Site) -> bool {
        if a.place == b.place {
            return a.overlaps(b);
        }
        let base = |site: Site| self.places[site.place as usize].base();
        a.class.may_alias(b.class) && !apart.bases(base(a), base(b))
    }
}

//! Owners in random traces: what they own is accessed, and given to others.
//!
//! Only what is here stores to owners: two of them are exchanged, so that each buffer and each leaf
//! keeps having one. Between the two stores the word that has been moved from still has its old
//! pointer, as in Rust, and nobody loads it as an owner.

use super::{Generator, Place};
use crate::typed_world::{ARRAYS, FIELDS, Pointee};
use crate::world::pick;
use jitgen_core::ir::{Arg, Op, Ty};

/// The number of the kind of these words: behind that of fields and arrays.
const KIND: usize = FIELDS.len() + ARRAYS.len();

impl Generator {
    /// A word that is no owner.
    pub(super) fn word_of(&mut self, pointer: Arg, points: Pointee) -> Place {
        let (offset, ty) = pick(&mut self.rng, points.words());
        // Who owns them tells buffers, leaves and their owners apart.
        let kind = if points == Pointee::Holder { KIND } else { KIND + 1 };
        (pointer, offset, ty, None, kind)
    }

    /// An owner of what this points to.
    fn owner_of(&mut self, target: Pointee) -> Option<Place> {
        let owns = |points: Option<Pointee>| {
            points.filter(|points| !points.owners().0.is_empty() && points.owners().1 == target)
        };
        let holders = self.pool.iter().filter_map(|value| Some((value.arg, owns(value.points)?)));
        let holders: Vec<(Arg, Pointee)> = holders.collect();
        if holders.is_empty() {
            return None;
        }
        let (holder, points) = pick(&mut self.rng, &holders);
        let offset = pick(&mut self.rng, points.owners().0);
        Some((holder, offset, Ty::Ptr, Some(target), KIND + 1))
    }

    /// An owner is loaded, or exchanged with another one.
    pub(super) fn owner(&mut self) {
        let target = pick(&mut self.rng, &[Pointee::Buffer, Pointee::Buffer, Pointee::Leaf]);
        let (Some(one), Some(other)) = (self.owner_of(target), self.owner_of(target)) else {
            return;
        };
        match self.chance(1, 3) {
            true => self.exchange(one, other, target),
            false => drop(self.through(one, target)),
        }
    }

    /// Goes on to a word of what another word owns.
    fn through(&mut self, owner: Place, target: Pointee) -> Place {
        let op = if self.chance(7, 8) { Op::LoadOwned } else { Op::Load };
        let owned = self.load_by(op, owner);
        let word = self.word_of(owned, target);
        match self.chance(1, 2) {
            true => drop(self.load(word)),
            false => self.store(word, None),
        }
        if self.chance(1, 2) {
            self.hot.push(word);
        }
        word
    }

    /// Each of two owners gets what the other one had. It can still be reached by the old pointers.
    fn exchange(&mut self, one: Place, other: Place, target: Pointee) {
        let word = self.through(one, target);
        let (first, second) = (self.load(one), self.load(other));
        self.store(other, Some(first));
        if self.chance(1, 2) {
            self.through(other, target);
        }
        self.store(one, Some(second));
        if self.chance(1, 2) {
            // What is known of the owners ends, and that of the word is known again.
            let some = self.pool.iter().filter(|value| value.points == Some(target));
            let some: Vec<Arg> = some.map(|value| value.arg).collect();
            let place = (pick(&mut self.rng, &some), word.1, word.2, word.3, word.4);
            self.store(place, None);
            self.load(word);
        }
        let again = self.through(other, target).0;
        self.store((again, word.1, word.2, word.3, word.4), None);
        self.load(word);
    }
}

//! A map from words in memory that knows which of them an access may touch.
//!
//! ```text
//! ;; known: v0+8 @3
//! store.i64 v0+0 @3, v1       ;; same place, other bytes: still known
//! store.i64 v2+8 @4, v1       ;; another place, but also another class: still known
//! store.i64 v2+0, v1          ;; any class: not known any more
//! ```
//!
//! At the same place (`base + root * scale`) the bytes are compared, exactly. Elsewhere (another
//! base or another index) the alias classes decide.
//!
//! Invariant `types-say-nothing`: which type a word is accessed at has no influence on aliasing,
//! but for its size.
//!
//! Not here: what is known of the words (`memory`, `backward`).

use super::address::{Address, Defs, Place};
use crate::ir::{Call, Class, Inst, Ty};
use std::collections::HashMap;

/// Which bytes an access touches.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Access {
    pub ty: Ty,
    pub class: Class,
    pub address: Address,
}

impl Access {
    /// The access of a load or store to this address.
    pub fn new(inst: &Inst, address: Address) -> Access {
        Access { ty: inst.ty, class: inst.class(), address }
    }

    /// May both touch the same byte?
    pub fn may_touch(&self, other: &Access) -> bool {
        if self.address.place == other.address.place {
            return self.start_in(other).is_some() || other.start_in(self).is_some();
        }
        self.class.may_alias(other.class)
    }

    /// Are all bytes of this among those of `other`, for sure?
    pub fn is_within(&self, other: &Access) -> bool {
        let end = self.start_in(other).map(|start| start + self.ty.size());
        end.is_some_and(|end| end <= other.ty.size())
    }

    /// Which byte of `other` the first of this is, if both are at one place and it is one of them.
    pub fn start_in(&self, other: &Access) -> Option<u32> {
        let distance = self.address.offset.wrapping_sub(other.address.offset) as u64;
        let inside = distance < u64::from(other.ty.size());
        (self.address.place == other.address.place && inside).then_some(distance as u32)
    }
}

/// The memory that a call leaves alone.
#[derive(Debug)]
pub(super) struct Untouched(Vec<(Address, Option<u32>)>);

impl Untouched {
    /// What a call keeps, whose operands are defined by `defs`.
    pub fn by(call: &Call, defs: &Defs) -> Untouched {
        let kept = call.keeps.iter().map(|kept| match kept.range {
            Some((offset, size)) => (defs.address(kept.base, offset.into()), Some(size)),
            None => (defs.address(kept.base, 0), None),
        });
        // Constant addresses have one base, and belong to many objects.
        let known = |(address, size): &(Address, Option<u32>)| {
            size.is_some() || address.place.base.as_value().is_some()
        };
        Untouched(kept.filter(known).collect())
    }

    /// Are all bytes of the word among that?
    pub fn contains(&self, word: &Access) -> bool {
        self.0.iter().any(|(address, size)| match size {
            None => address.place.base == word.address.place.base,
            Some(size) => {
                let start = word.address.offset.wrapping_sub(address.offset) as u64;
                let end = start.checked_add(word.ty.size().into());
                address.place == word.address.place && end.is_some_and(|end| end <= (*size).into())
            }
        })
    }
}

/// Words with something known of each.
#[derive(Clone, Debug)]
pub(super) struct Words<T> {
    places: HashMap<Place, Vec<(Access, T)>>,
}

impl<T> Default for Words<T> {
    fn default() -> Words<T> {
        Words { places: HashMap::new() }
    }
}

impl<T: Copy> Words<T> {
    /// What is known of that very word, by this type.
    pub fn get(&self, access: Access) -> Option<T> {
        let same =
            |word: &Access| word.ty == access.ty && word.address.offset == access.address.offset;
        self.at_place(access).find(|(word, _)| same(word)).map(|(_, known)| known)
    }

    /// The words at the place of `access`, in the order in which they were added.
    pub fn at_place(&self, access: Access) -> impl Iterator<Item = (Access, T)> + '_ {
        self.places.get(&access.address.place).into_iter().flatten().copied()
    }

    /// Sets a word; the caller has removed what it replaces.
    pub fn insert(&mut self, access: Access, known: T) {
        let words = self.places.entry(access.address.place).or_default();
        let (ty, address) = (access.ty, access.address);
        words.retain(|(word, _)| word.ty != ty || word.address != address);
        words.push((access, known));
    }

    /// Removes the words that an access may touch.
    pub fn remove_aliases(&mut self, access: Access) {
        self.retain(|word| !word.may_touch(&access));
    }

    /// Removes the words of which `keep` does not hold.
    pub fn retain(&mut self, keep: impl Fn(&Access) -> bool) {
        self.places.retain(|_, words| {
            words.retain(|(word, _)| keep(word));
            !words.is_empty()
        });
    }

    pub fn clear(&mut self) {
        self.places.clear();
    }

    /// All words, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (Access, T)> + '_ {
        self.places.values().flatten().copied()
    }
}

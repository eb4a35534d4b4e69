//! The objects that a model's `new`s have made: where they are, and names for them.
//!
//! ```text
//! raw        v5 = new …   at 0x1000_0000_0000     v9 = new …   at 0x1000_0000_0100    exit [v9]
//! optimized                                       v9 = new …   at 0x1000_0000_0000    exit [v9]
//! ```
//!
//! The optimizer may drop a `new`, and machine code may do it later, so the address of an object
//! tells nothing. What is compared instead are names: [`Names`] numbers the objects in the order in
//! which whoever looks at memory comes across pointers to them.
//!
//! Invariant `apart`: two objects are never neighbours, and no address is used twice.
//!
//! Not here: what is in them (they are regions of the model like others).

use crate::ir::Gone;
use std::collections::{BTreeMap, BTreeSet};

/// The bytes of a fresh object: no pointer, no truth value, no small number.
pub(super) const FRESH: u8 = 0xa5;

/// Bytes between two objects.
const GAP: u64 = 16;

/// Names have this as their upper half, and neither small numbers nor addresses do.
const NAME: u64 = 0x0b9e_c700 << 32;

/// The name of all objects that have been freed: what is left of them is a word that nobody uses.
const GONE: u64 = 0x0b9e_c7ff << 32;

/// Where objects are.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Objects {
    /// Bytes by address, also of those that have been freed.
    sizes: BTreeMap<u64, u64>,
    freed: BTreeSet<u64>,
    start: u64,
    next: u64,
    end: u64,
}

impl Default for Objects {
    fn default() -> Objects {
        Objects::between(0x1000_0000_0000, 0x10ff_0000_0000)
    }
}

impl Objects {
    /// Objects lie between these addresses.
    pub fn between(start: u64, end: u64) -> Objects {
        let (sizes, freed) = (BTreeMap::new(), BTreeSet::new());
        Objects { sizes, freed, start, next: start.next_multiple_of(GAP), end }
    }

    /// The address of a new one, if there is room.
    pub fn make(&mut self, size: u64) -> Option<u64> {
        let address = self.next;
        let next = (address + size).next_multiple_of(GAP) + GAP;
        if next > self.end {
            return None;
        }
        self.next = next;
        self.sizes.insert(address, size);
        Some(address)
    }

    /// Objects that were there.
    pub fn free(&mut self, address: u64) {
        self.freed.insert(address);
    }

    /// May objects be there?
    pub fn has(&self, address: u64) -> bool {
        (self.start..self.end).contains(&address)
    }

    /// Is that the address of an object that has been freed?
    pub fn is_gone(&self, address: u64) -> bool {
        self.freed.contains(&address)
    }

    /// The object that an address lies in, and how far.
    pub fn find(&self, address: u64) -> Option<(u64, u64)> {
        let (start, size) = self.sizes.range(..=address).next_back()?;
        (address - start < *size).then_some((*start, address - start))
    }
}

/// Names of objects.
pub(super) struct Names<'a> {
    objects: &'a Objects,
    /// In the order of their names.
    pub seen: Vec<u64>,
}

impl<'a> Names<'a> {
    pub fn new(objects: &'a Objects) -> Names<'a> {
        Names { objects, seen: vec![] }
    }

    /// A word, with the name instead of the address if it is that of an object.
    pub fn word(&mut self, bits: u64) -> u64 {
        if Gone::is(bits) {
            return GONE;
        }
        let Some((object, offset)) = self.objects.find(bits) else { return bits };
        if self.objects.is_gone(object) {
            return GONE;
        }
        let known = self.seen.iter().position(|seen| *seen == object);
        let number = known.unwrap_or_else(|| {
            self.seen.push(object);
            self.seen.len() - 1
        });
        NAME | (number as u64) << 16 | offset
    }

    /// The words of a region.
    pub fn bytes(&mut self, bytes: &[u8]) -> Vec<u8> {
        let words = bytes.chunks(8).flat_map(|chunk| match <[u8; 8]>::try_from(chunk) {
            Ok(word) => self.word(u64::from_le_bytes(word)).to_le_bytes().to_vec(),
            Err(_) => chunk.to_vec(),
        });
        words.collect()
    }
}

//! Numbers for keys: 0, 1, 2 and so on, in the order in which they come.
//!
//! ```text
//! number(x) = 0    number(y) = 1    number(x) = 0        keys:    x  y
//!                                                        buckets: -  1  -  0
//! ```
//!
//! What is known of keys then stands in vectors. A bucket holds the number of a key and nothing else, so
//! most of what a map costs (to make it, to fill and to copy it) is not there.
//!
//! Invariants: `found` (from the bucket that its hash names, a key's number is met before an empty
//! bucket), `half` (at least half of the buckets are empty).
//!
//! Not here: keys that go (`ir::Map`).

use crate::ir::Words;
use std::hash::{Hash, Hasher};

/// The number of no key.
const NONE: u32 = u32::MAX;

/// So many buckets there are at least, if there are any.
const MIN_BUCKETS: usize = 16;

/// Keys with their numbers.
#[derive(Clone, Debug)]
pub(super) struct Numbered<K> {
    keys: Vec<K>,
    /// A power of two, or none.
    buckets: Vec<u32>,
}

impl<K> Default for Numbered<K> {
    fn default() -> Numbered<K> {
        Numbered { keys: vec![], buckets: vec![] }
    }
}

impl<K: Copy + Eq + Hash> Numbered<K> {
    /// No keys, but room for so many.
    pub fn with_room(keys: usize) -> Numbered<K> {
        let buckets = (2 * keys).next_power_of_two().max(MIN_BUCKETS);
        Numbered { keys: Vec::with_capacity(keys), buckets: vec![NONE; buckets] }
    }

    /// The key of that number.
    pub fn key(&self, number: u32) -> &K {
        &self.keys[number as usize]
    }

    /// The number of a key, if it has one.
    pub fn get(&self, key: &K) -> Option<u32> {
        let mut at = self.first(key)?;
        while let Some(known) = self.keys.get(self.buckets[at] as usize) {
            if known == key {
                return Some(self.buckets[at]);
            }
            at = self.next(at);
        }
        None
    }

    /// Gives a key the next number; it has none.
    pub fn add(&mut self, key: K) -> u32 {
        let number = self.keys.len() as u32;
        self.keys.push(key);
        if self.buckets.len() < 2 * self.keys.len() {
            let buckets = (2 * self.buckets.len()).max(MIN_BUCKETS);
            self.buckets.clear();
            self.buckets.resize(buckets, NONE);
            (0..number).for_each(|number| self.place(number));
        }
        self.place(number);
        number
    }

    /// Writes a number into the first bucket that is empty.
    fn place(&mut self, number: u32) {
        let mut at = self.first(&self.keys[number as usize]).expect("there are buckets");
        while self.buckets[at] != NONE {
            at = self.next(at);
        }
        self.buckets[at] = number;
    }

    /// The bucket where a key is looked for first.
    fn first(&self, key: &K) -> Option<usize> {
        let mask = self.buckets.len().checked_sub(1)?;
        let mut hasher = Words::default();
        key.hash(&mut hasher);
        Some(hasher.finish() as usize & mask)
    }

    fn next(&self, at: usize) -> usize {
        (at + 1) & (self.buckets.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hashes of this kind meet in one bucket.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    struct Key(u32);

    impl Hash for Key {
        fn hash<H: Hasher>(&self, state: &mut H) {
            state.write_u32(self.0 % 3);
        }
    }

    #[test]
    fn each_key_keeps_its_number() {
        let mut numbered = Numbered::default();
        for key in 0..100 {
            assert_eq!(numbered.get(&Key(7 * key)), None);
            assert_eq!(numbered.add(Key(7 * key)), key);
            for known in 0..=key {
                assert_eq!(numbered.get(&Key(7 * known)), Some(known));
                assert_eq!(*numbered.key(known), Key(7 * known));
            }
        }
    }
}

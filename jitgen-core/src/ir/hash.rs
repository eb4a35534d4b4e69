//! A hash of words: for maps that are looked into for each operation of a twin or of a trace, and at
//! every exit.
//!
//! ```text
//! hash = (hash <<< 5 ^ word) * odd        for each word, or eight bytes
//! ```
//!
//! Keys are numbers and addresses of this process: nobody can choose them to collide. The hash is the
//! same each time, but the order of a map depends on its history all the same: nothing may depend on it.
//!
//! Not here: the table of counters, which has a hash of its own (`runtime::counters`).

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};

/// A map by words.
pub type Map<K, V> = HashMap<K, V, BuildHasherDefault<Words>>;

/// A set of words.
pub type Set<T> = HashSet<T, BuildHasherDefault<Words>>;

/// See the head of the file.
#[derive(Clone, Copy, Default)]
pub struct Words(u64);

impl Hasher for Words {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.write_u64(u64::from_le_bytes(word));
        }
    }

    fn write_u64(&mut self, word: u64) {
        const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(FACTOR);
    }

    fn write_u8(&mut self, word: u8) {
        self.write_u64(word.into());
    }

    fn write_u16(&mut self, word: u16) {
        self.write_u64(word.into());
    }

    fn write_u32(&mut self, word: u32) {
        self.write_u64(word.into());
    }

    fn write_usize(&mut self, word: usize) {
        self.write_u64(word as u64);
    }

    fn finish(&self) -> u64 {
        // A multiplication leaves the low bits, by which maps find places, to the low bits alone.
        self.0.rotate_left(26)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::hash::BuildHasher;

    #[test]
    fn keys_that_differ_in_high_bits_do_not_meet_in_low_ones() {
        let build = BuildHasherDefault::<Words>::default();
        let place = |high: u64| build.hash_one([high << 40, 7]) & 0xfff;
        let places: HashSet<u64> = (0..1000).map(place).collect();
        assert!(places.len() > 600, "{} places of 1000 keys", places.len());
    }
}

//! Circles: merge points that a trace comes back to although none of them is marked as a loop's head.
//!
//! ```text
//! sum(n) = n < 1 ? 0 : sum(n - 1) + n       greens: function, pc; the guest's frames are in memory
//!
//! merge points   main:7  sum:0 sum:1  sum:0 sum:1  sum:0 sum:1  sum:0 sum:1  sum:0
//!                                                                            here: four times the same
//! ```
//!
//! That is how a recursion looks whose frames the interpreter keeps itself: going down it meets the
//! function's beginning again and again, coming up the place behind the call. Unrolled, it would be
//! a trace for each depth. But a merge point is a merge point: where a trace has made some rounds,
//! that is the head of a loop, whose rounds push a frame each, or pop one. Functions that are called
//! one after the other make no circle, because the places that they are called from differ.
//!
//! One round proves little: a function that calls itself from two places returns to one of them several
//! times in a row by chance, and a loop up that is mostly left in its first round is slower than a line.
//!
//! Invariant `whole-rounds`: a circle is found only behind `ROUNDS` rounds with the same merge points in
//! the same order, none of which is marked as a loop's head.
//!
//! Not here: what is done at the head of a loop (`session`), portals that call themselves (`levels`).

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

/// So many rounds make a circle.
const ROUNDS: usize = 4;

/// The merge points that a recording has passed since the last loop's head.
#[derive(Default, Debug)]
pub(super) struct Circles {
    /// Their keys, hashed: two that are taken for the same by mistake only make a head of a loop.
    passed: Vec<u64>,
    /// Where each was passed last.
    last: HashMap<u64, usize>,
}

impl Circles {
    /// The trace is at a merge point that is not marked: does it begin one more round of a circle?
    pub fn pass(&mut self, keys: &[u64]) -> bool {
        let mut hasher = DefaultHasher::new();
        keys.hash(&mut hasher);
        let hash = hasher.finish();
        let here = self.passed.len();
        self.passed.push(hash);
        let Some(before) = self.last.insert(hash, here) else {
            return false;
        };
        let length = here - before;
        let Some(start) = here.checked_sub(ROUNDS * length) else {
            return false;
        };
        (start + length..here).all(|at| self.passed[at] == self.passed[at - length])
    }

    /// It is at the head of a loop.
    pub fn forget(&mut self) {
        self.passed.clear();
        self.last.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::{Circles, ROUNDS};

    /// At which of these merge points is a circle found?
    fn found(points: &str) -> Vec<usize> {
        let mut circles = Circles::default();
        let found = points.bytes().map(|point| circles.pass(&[u64::from(point), 1]));
        found.enumerate().filter(|(_, found)| *found).map(|(at, _)| at).collect()
    }

    #[test]
    fn the_fifth_round_begins_with_a_circle() {
        assert_eq!(found("mabcabcabcabcabc"), [13, 14, 15]);
        assert_eq!(found("aaaa"), [0; 0]);
        assert_eq!(found("aaaaa"), [4]);
        // Coming up again.
        assert_eq!(found("mabcabrsrsrsrsrs")[0], 14);
    }

    #[test]
    fn calls_one_after_the_other_are_none() {
        assert_eq!(found("mabnabpabqab"), [0; 0]);
        // Another way in the second round, and in the fourth.
        assert_eq!(found("mabcabdabcabcab"), [0; 0]);
        assert_eq!(found("mabcabcabcabdabc"), [0; 0]);
    }

    #[test]
    fn the_head_of_a_loop_begins_anew() {
        let mut circles = Circles::default();
        for _ in 0..ROUNDS {
            for point in [1, 2, 3] {
                assert!(!circles.pass(&[point]));
            }
        }
        circles.forget();
        assert!(!circles.pass(&[1]));
    }
}

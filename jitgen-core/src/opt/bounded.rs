//! Guards that compare sums of one word with the same bound: the one of the largest sum is enough.
//!
//! ```text
//! guard_not eq v0, -1 else exit0       ;; v0 + 1 is not 0    guard lt_u v0, -2 else exit0
//! v2 = add.i64 v0, 1                                         v2 = add.i64 v0, 1
//! guard lt_u v2, v1 else exit0                         =>    v3 = add.i64 v0, 2
//! v3 = add.i64 v0, 2                                         guard lt_u v3, v1 else exit0
//! guard lt_u v3, v1 else exit0
//! ```
//!
//! If `v0 + 2` does not wrap and is less than `v1`, `v0 + 1` is less, too, and there is no need to ask.
//! That it does not wrap may follow from the very guard that goes (`v0 + 1 < v1` says that `v0 + 1` is not the largest
//! word). So a guard before, which says something about `v0`, says that as well: it becomes a test of the
//! range of words for which the largest sum does not wrap.
//!
//! Invariants: those of `tested`. What passes the guards that are left is what has passed all of them.
//!
//! Not here: bounds that are constants (`tested`), sums that are smaller than one that has been tested.

use super::forward::Forward;
use super::node::Node;
use super::rules::Rule;
use super::tested::{Range, max};
use crate::ir::{Arg, ExitId, Inst, Op, ValueId};

/// `word + by <u limit`
#[derive(Clone, Copy, PartialEq, Eq)]
struct Bound {
    word: ValueId,
    by: u64,
    limit: ValueId,
}

impl Forward<'_> {
    /// A guard stands here that passes if `condition` is `wanted`: lets an earlier one of its exit, for
    /// a smaller sum and the same bound, test this; then it needs not be emitted.
    pub fn merge_bound(&mut self, exit: ExitId, condition: Arg, wanted: bool) -> bool {
        let Some(new) = self.bound_of(condition, wanted) else { return false };
        let Bound { word, by, limit } = new;
        let width = self.ty(word.into()).width();
        let fits = Range::new(width, 0, max(width) - by);
        if self.known_of(word.into()).umax > fits.last() {
            return false;
        }
        let (mut weaker, mut range) = (None, None);
        for place in self.guards_before(exit) {
            let (condition, wanted) = (self.insts[place].a, self.insts[place].op == Op::Guard);
            let is_weaker = |old: Bound| old.by < by && (old.word, old.limit) == (word, limit);
            if weaker.is_none() && self.bound_of(condition, wanted).is_some_and(is_weaker) {
                weaker = Some(place);
            }
            if let Some((_, of)) = self.range_of(condition, wanted).filter(|(of, _)| *of == word) {
                range = range.or(Some((place, of)));
            }
        }
        let (Some(weaker), Some((place, old))) = (weaker, range) else { return false };
        let Some(common) = old.common(fits) else { return false };
        // From behind, so that places before stay what they are.
        if place > weaker && common != old && !self.test_range(place, word, common) {
            return false;
        }
        let mut at = weaker;
        let sum = self.defs.get(condition).map(|less| less.a);
        for value in [sum, Some(condition)].into_iter().flatten() {
            self.hoist(&mut at, value);
        }
        self.pass_if(at, condition);
        if place < weaker && common != old && !self.test_range(place, word, common) {
            unreachable!("a range of integers that is not full can be tested");
        }
        self.fired.fire(Rule::GuardBound);
        true
    }

    /// Computes a value before the instruction at `at`, which moves on, if that was done behind it.
    fn hoist(&mut self, at: &mut usize, value: Arg) {
        let made = |inst: &Inst| inst.dst.map(Arg::Value) == Some(value);
        if let Some(behind) = self.insts[*at..].iter().position(made) {
            let inst = self.insts.remove(*at + behind);
            self.insts.insert(*at, inst);
            *at += 1;
        }
    }

    fn bound_of(&self, condition: Arg, wanted: bool) -> Option<Bound> {
        let Node { op: Op::LtU, ty, a: Arg::Value(sum), b: Arg::Value(limit), .. } =
            self.defs.get(condition)?
        else {
            return None;
        };
        if !ty.is_int() || !wanted {
            return None;
        }
        let (word, by) = match self.defs.get(sum.into()) {
            Some(Node { op: Op::Add, a: Arg::Value(word), b: Arg::Const(by), .. }) => {
                (word, by.bits)
            }
            _ => (sum, 0),
        };
        Some(Bound { word, by, limit })
    }
}

//! Guards that test the same word: two of one exit become one test of a range.
//!
//! ```text
//! guard_not eq v0, -1 else exit0             guard lt_u v0, 1023 else exit0
//! v1 = add.i64 v0, 1                   =>    v1 = add.i64 v0, 1
//! guard lt_u v1, 1024 else exit0
//! ```
//!
//! A comparison of a word (plus a constant) with a constant holds for a range of words, one that may
//! go around from the largest to 0. Words that pass both guards are in both ranges. If what these have in common
//! is a range again, the first guard tests that, and the other vanishes: whether it says more than the
//! first one (`x != 0`, then `x == 5`), or both say something (`lo <= x`, then `x <= hi`).
//!
//! Invariants: `same-exit` (between the two guards there is nothing that has an effect, and no other
//! exit; so whatever fails leaves by the same exit, from the same state), `exact` (what passes the
//! one guard is what passes both).
//!
//! Not here: what a guard tells of the word (`guards`, `domain`), guards that always pass, and a word
//! whose bound is not a constant (`bounded`).

use super::forward::Forward;
use super::node::Node;
use super::rules::Rule;
use crate::ir::{Arg, Aux, Const, Effect, ExitId, Inst, Op, Ty, ValueId};

/// So many instructions back another guard is looked for.
const MAX_DISTANCE: usize = 32;

/// So many additions are looked through.
const MAX_SUMS: usize = 4;

/// The words from `first` up to `last`, which is in it; past the largest comes 0. Never empty.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Range {
    width: u32,
    first: u64,
    last: u64,
}

impl Range {
    pub fn new(width: u32, first: u64, last: u64) -> Range {
        let max = max(width);
        let (first, last) = (first & max, last & max);
        match last.wrapping_add(1) & max == first {
            true => Range { width, first: 0, last: max },
            false => Range { width, first, last },
        }
    }

    /// The words `x` for which `x op c` (or `c op x`, if the constant comes first) holds, if there are
    /// any.
    fn of(op: Op, width: u32, c: u64, is_first: bool) -> Option<Range> {
        let low: u64 = match op {
            Op::LtS | Op::LeS => 1 << (width - 1),
            _ => 0,
        };
        let high = low.wrapping_sub(1) & max(width);
        let range = |first, last| Some(Range::new(width, first, last));
        match (op, is_first) {
            (Op::Eq, _) => range(c, c),
            (Op::Ne, _) => range(c, c)?.others(),
            (Op::LtU | Op::LtS, false) if c == low => None,
            (Op::LtU | Op::LtS, false) => range(low, c.wrapping_sub(1)),
            (Op::LeU | Op::LeS, false) => range(low, c),
            (Op::LtU | Op::LtS, true) if c == high => None,
            (Op::LtU | Op::LtS, true) => range(c.wrapping_add(1), high),
            (Op::LeU | Op::LeS, true) => range(c, high),
            _ => None,
        }
    }

    pub fn last(self) -> u64 {
        self.last
    }

    /// How many there are, but for one.
    fn span(self) -> u64 {
        self.last.wrapping_sub(self.first) & max(self.width)
    }

    fn is_full(self) -> bool {
        self.span() == max(self.width)
    }

    /// The words that are not in it.
    fn others(self) -> Option<Range> {
        let all_but =
            || Range::new(self.width, self.last.wrapping_add(1), self.first.wrapping_sub(1));
        (!self.is_full()).then(all_but)
    }

    /// The words `x` for which `x + by` is in it.
    fn shifted_back(self, by: u64) -> Range {
        Range::new(self.width, self.first.wrapping_sub(by), self.last.wrapping_sub(by))
    }

    /// The words that are in both, if they are one range.
    pub fn common(self, other: Range) -> Option<Range> {
        if self.is_full() || other.is_full() {
            return Some(if self.is_full() { other } else { self });
        }
        // Counted from the begin of this one.
        let (span, max) = (self.span(), max(self.width));
        let from = other.first.wrapping_sub(self.first) & max;
        let to = other.last.wrapping_sub(self.first) & max;
        let range = |from: u64, to: u64| {
            let at = |place: u64| self.first.wrapping_add(place);
            Some(Range::new(self.width, at(from), at(to.min(span))))
        };
        match (from <= to, from <= span) {
            (true, true) => range(from, to),
            (true, false) => None,
            // The other one goes around: it has the begin of this one, and maybe its end, too.
            (false, false) => range(0, to),
            (false, true) => None,
        }
    }
}

/// The largest word.
pub(super) fn max(width: u32) -> u64 {
    u64::MAX >> (64 - width)
}

/// A comparison with a constant, of the word plus another constant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Test {
    plus: u64,
    op: Op,
    c: u64,
    /// Is the constant the first operand?
    is_first: bool,
}

impl Test {
    /// The test of a range that is not full.
    fn of(range: Range) -> Test {
        let Range { width, first, last } = range;
        let (low, high) = (1u64 << (width - 1), (1u64 << (width - 1)) - 1);
        let test = |op, c, is_first| Test { plus: 0, op, c: c & max(width), is_first };
        if first == last {
            return test(Op::Eq, first, false);
        }
        if last.wrapping_add(2) & max(width) == first {
            return test(Op::Ne, last.wrapping_add(1), false);
        }
        match (first, last) {
            (0, last) => test(Op::LtU, last.wrapping_add(1), false),
            (first, last) if last == max(width) => test(Op::LtU, first.wrapping_sub(1), true),
            (first, last) if first == low => test(Op::LtS, last.wrapping_add(1), false),
            (first, last) if last == high => test(Op::LtS, first.wrapping_sub(1), true),
            _ => {
                let plus = first.wrapping_neg() & max(width);
                Test { plus, ..test(Op::LtU, range.span().wrapping_add(1), false) }
            }
        }
    }
}

impl Forward<'_> {
    /// A guard stands here that passes if `condition` is `wanted`: makes an earlier one of its exit test
    /// what both do, if that can be; then it needs not be emitted.
    pub fn merge_guard(&mut self, exit: ExitId, condition: Arg, wanted: bool) -> bool {
        let Some((word, range)) = self.range_of(condition, wanted) else {
            return self.merge_bound(exit, condition, wanted);
        };
        let mut guards = self.guards_before(exit);
        let found = guards.find_map(|place| {
            let Inst { op, a, .. } = self.insts[place];
            let (other, earlier) = self.range_of(a, op == Op::Guard)?;
            (other == word).then(|| earlier.common(range))?.map(|common| (place, common))
        });
        drop(guards);
        let tested = found.is_some_and(|(place, common)| self.test_range(place, word, common));
        if tested {
            self.fired.fire(Rule::GuardRange);
        }
        tested
    }

    /// The places of guards that leave by the same exit as one that stands here, from the same state;
    /// the last one first.
    pub fn guards_before(&self, exit: ExitId) -> impl Iterator<Item = usize> + '_ {
        let last = self.insts.iter().enumerate().rev().take(MAX_DISTANCE);
        let between = last.take_while(move |(_, inst)| match inst.op.effect() {
            Effect::Exit => inst.aux == Aux::Exit(exit),
            effect => matches!(effect, Effect::None | Effect::Read) && !inst.op.is_call(),
        });
        between.filter(move |(_, inst)| inst.aux == Aux::Exit(exit)).map(|(place, _)| place)
    }

    /// The word and the range of it for which a comparison with a constant is `wanted`.
    pub fn range_of(&self, condition: Arg, wanted: bool) -> Option<(ValueId, Range)> {
        let Node { op, ty, a, b, .. } = self.defs.get(condition)?;
        if !(ty.is_int() || ty == Ty::Ptr) {
            return None;
        }
        let (word, c, is_first) = match (a, b) {
            (Arg::Value(_), Arg::Const(c)) => (a, c, false),
            (Arg::Const(c), Arg::Value(_)) => (b, c, true),
            _ => return None,
        };
        let range = Range::of(op, ty.width(), c.bits, is_first);
        let mut range = if wanted { range? } else { range.and_then(Range::others)? };
        let mut word = word;
        for _ in 0..MAX_SUMS {
            let Some(Node { op: Op::Add, a, b: Arg::Const(by), .. }) = self.defs.get(word) else {
                break;
            };
            (word, range) = (a, range.shifted_back(by.bits));
        }
        Some((word.as_value()?, range))
    }

    /// Lets the guard at `place` test whether the word is in the range; answers whether it can.
    pub fn test_range(&mut self, place: usize, word: ValueId, range: Range) -> bool {
        let ty = self.ty(word.into());
        if range.is_full() {
            return false;
        }
        let Test { plus, op, c, is_first } = Test::of(range);
        // Pointers are equal or not.
        if ty == Ty::Ptr && !matches!(op, Op::Eq | Op::Ne) {
            return false;
        }
        let mut at = place;
        let mut word = Arg::Value(word);
        if plus != 0 {
            word = self.insert(&mut at, Node::binary(Op::Add, ty, word, Const::new(ty, plus)));
        }
        let c = Const::new(ty, c).into();
        let (a, b) = if is_first { (c, word) } else { (word, c) };
        let condition = self.insert(&mut at, Node::binary(op, ty, a, b));
        self.pass_if(at, condition);
        true
    }

    /// Lets the guard at that place pass if the condition holds.
    pub fn pass_if(&mut self, at: usize, condition: Arg) {
        self.insts[at] = Inst { op: Op::Guard, a: condition, ..self.insts[at] };
    }

    /// Puts a pure operation before the instruction at `at`, which moves on.
    fn insert(&mut self, at: &mut usize, node: Node) -> Arg {
        let result = node.op.result(node.ty).expect("a pure op has a result");
        let value = self.out.add_value(result);
        self.insts.insert(*at, node.inst(value));
        self.define(value, &node, None);
        *at += 1;
        value.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::opt::fold::constant;

    const WIDTH: u32 = 3;

    fn ranges() -> impl Iterator<Item = Range> {
        let firsts = 0..=max(WIDTH);
        firsts.flat_map(|first| (0..=max(WIDTH)).map(move |last| Range::new(WIDTH, first, last)))
    }

    fn has(range: Range, word: u64) -> bool {
        word.wrapping_sub(range.first) & max(range.width) <= range.span()
    }

    #[test]
    fn what_two_ranges_have_in_common_is_what_is_in_both() {
        let mut found = 0;
        for (a, b) in ranges().flat_map(|a| ranges().map(move |b| (a, b))) {
            let both: Vec<u64> = (0..=max(WIDTH)).filter(|x| has(a, *x) && has(b, *x)).collect();
            let Some(common) = a.common(b) else {
                let is_range = ranges().any(|range| {
                    (0..=max(WIDTH)).filter(|x| has(range, *x)).eq(both.iter().copied())
                });
                assert!(!is_range || both.is_empty(), "{a:?} and {b:?} have {both:?}");
                continue;
            };
            let members = (0..=max(WIDTH)).filter(|x| has(common, *x));
            assert!(members.eq(both.iter().copied()), "{a:?} and {b:?}: {common:?}");
            found += 1;
        }
        assert!(found > 1000, "{found}");
    }

    fn truth(op: Op, a: u64, b: u64) -> bool {
        constant::integer(op, 8, 8, a, b) == Some(1)
    }

    #[test]
    fn a_comparison_holds_for_the_words_of_its_range() {
        for op in [Op::Eq, Op::Ne, Op::LtU, Op::LeU, Op::LtS, Op::LeS] {
            for (c, is_first) in (0..256).flat_map(|c| [(c, false), (c, true)]) {
                let range = Range::of(op, 8, c, is_first);
                for x in 0..256 {
                    let holds = if is_first { truth(op, c, x) } else { truth(op, x, c) };
                    assert_eq!(range.is_some_and(|range| has(range, x)), holds, "{op:?} {x} {c}");
                }
            }
        }
        for first in 0..256 {
            let spans = [0, 1, 2, 5, 126, 127, 128, 129, 253, 254].map(|span| first + span);
            spans.into_iter().chain([0, 127, 128, 255]).for_each(|last| tests_it(first, last));
        }
    }

    fn tests_it(first: u64, last: u64) {
        let range = Range::new(8, first, last);
        if range.is_full() {
            return;
        }
        let Test { plus, op, c, is_first } = Test::of(range);
        for x in 0..256 {
            let sum = (x + plus) & 255;
            let holds = if is_first { truth(op, c, sum) } else { truth(op, sum, c) };
            assert_eq!(holds, has(range, x), "{range:?}: {op:?} {c} of {x}");
        }
    }
}

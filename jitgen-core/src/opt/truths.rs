//! Comparisons that guards have decided.
//!
//! ```text
//! guard lt_s.i64 v0, v1       ;; of v0 and v1: lt_s, le_s and ne are true; eq is false,
//!                             ;; and so are lt_s and le_s of v1 and v0
//! ```
//!
//! What is said of two operands is a few bits, so a guard with all that follows from it is one entry.
//!
//! Not here: what follows from a comparison (`guards`), or from several (`implied`).

use super::dense::Growing;
use super::node::Node;
use crate::ir::{Arg, Map, Op, Ty};
use std::hash::{Hash, Hasher};

/// Decided comparisons.
#[derive(Clone, Debug, Default)]
pub(super) struct Truths {
    pairs: Map<Pair, Said>,
    /// What is no comparison by order: whether something overflows, say.
    others: Map<Node, bool>,
    /// By value: is something said of it?
    marked: Growing<bool>,
}

/// Two operands, in the order that [`Node::key`] has them in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Pair {
    a: Arg,
    b: Arg,
    ty: Ty,
}

/// Three words.
impl Hash for Pair {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.a.hash(state);
        self.b.hash(state);
        state.write_u64(self.ty as u64);
    }
}

/// A set of comparisons of two operands: a bit for each.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Comparisons(u16);

/// Comparisons by bit; those that are not symmetric are followed by the same with the operands in the
/// other order.
const BY_BIT: [(Op, bool); 16] = [
    (Op::Eq, false),
    (Op::Ne, false),
    (Op::LtS, false),
    (Op::LtS, true),
    (Op::LeS, false),
    (Op::LeS, true),
    (Op::LtU, false),
    (Op::LtU, true),
    (Op::LeU, false),
    (Op::LeU, true),
    (Op::FEq, false),
    (Op::FNe, false),
    (Op::FLt, false),
    (Op::FLt, true),
    (Op::FLe, false),
    (Op::FLe, true),
];

impl Comparisons {
    pub const NONE: Comparisons = Comparisons(0);

    /// That one, of the operands in their order.
    pub fn of(op: Op) -> Comparisons {
        Comparisons(match op {
            Op::Eq => 1,
            Op::Ne => 1 << 1,
            Op::LtS => 1 << 2,
            Op::LeS => 1 << 4,
            Op::LtU => 1 << 6,
            Op::LeU => 1 << 8,
            Op::FEq => 1 << 10,
            Op::FNe => 1 << 11,
            Op::FLt => 1 << 12,
            Op::FLe => 1 << 14,
            _ => 0,
        })
    }

    pub fn and(self, other: Comparisons) -> Comparisons {
        Comparisons(self.0 | other.0)
    }

    pub fn has(self, op: Op) -> bool {
        self.0 & Comparisons::of(op).0 != 0
    }

    /// The same of the operands in the other order.
    pub fn back(self) -> Comparisons {
        const SYMMETRIC: u16 = 0b0000_1100_0000_0011;
        const FIRST: u16 = 0b0101_0001_0101_0100;
        let (first, second) = (self.0 & FIRST, self.0 & (FIRST << 1));
        Comparisons(self.0 & SYMMETRIC | first << 1 | second >> 1)
    }
}

/// What is said of a pair: what has been decided, and of that what is true.
#[derive(Clone, Copy, Debug, Default)]
struct Said {
    decided: u16,
    truth: u16,
}

impl Truths {
    /// Nothing is said, but there is room for so many guards and values.
    pub fn with_room(guards: usize, values: usize) -> Truths {
        Truths {
            pairs: Map::with_capacity_and_hasher(guards, Default::default()),
            others: Map::default(),
            marked: Vec::with_capacity(values).into(),
        }
    }

    /// Is something said of it, besides that it is a constant?
    pub fn tell_of(&self, arg: Arg) -> bool {
        arg.as_value().is_none_or(|v| self.marked.get(v.index()) == Some(&true))
    }

    /// What the operation, which gives a truth value, is known to give.
    pub fn get(&self, node: &Node) -> Option<bool> {
        if !self.tell_of(node.a) || !self.tell_of(node.b) {
            return None;
        }
        let wanted = Comparisons::of(node.op);
        if wanted == Comparisons::NONE {
            return self.others.get(&node.key()).copied();
        }
        let (pair, is_back) = pair(node.ty, node.a, node.b);
        let Comparisons(bit) = if is_back { wanted.back() } else { wanted };
        let said = self.pairs.get(&pair)?;
        (said.decided & bit != 0).then_some(said.truth & bit != 0)
    }

    /// The comparisons of two operands that are known to be true.
    pub fn holding(&self, ty: Ty, a: Arg, b: Arg) -> Comparisons {
        if !self.tell_of(a) || !self.tell_of(b) {
            return Comparisons::NONE;
        }
        let (pair, is_back) = pair(ty, a, b);
        let holding = self.pairs.get(&pair).map_or(0, |said| said.truth);
        if is_back { Comparisons(holding).back() } else { Comparisons(holding) }
    }

    pub fn insert(&mut self, node: Node, truth: bool) {
        let one = Comparisons::of(node.op);
        if one == Comparisons::NONE {
            self.mark(node.a);
            self.mark(node.b);
            self.others.insert(node.key(), truth);
            return;
        }
        let none = Comparisons::NONE;
        let (yes, no) = if truth { (one, none) } else { (none, one) };
        self.say(node.ty, node.a, node.b, yes, no);
    }

    /// Notes that of two operands some comparisons are true, and some are not.
    pub fn say(&mut self, ty: Ty, a: Arg, b: Arg, yes: Comparisons, no: Comparisons) {
        self.mark(a);
        self.mark(b);
        let (pair, is_back) = pair(ty, a, b);
        let (yes, no) = if is_back { (yes.back(), no.back()) } else { (yes, no) };
        let said = self.pairs.entry(pair).or_default();
        said.decided |= yes.0 | no.0;
        said.truth = said.truth & !no.0 | yes.0;
    }

    /// Where ways meet: keeps what the others say, too.
    pub fn narrow_to(&mut self, others: &[&Truths]) {
        self.pairs.retain(|pair, said| {
            for other in others {
                let there = other.pairs.get(pair).copied().unwrap_or_default();
                said.decided &= there.decided & !(said.truth ^ there.truth);
            }
            said.truth &= said.decided;
            said.decided != 0
        });
        self.others
            .retain(|node, truth| others.iter().all(|other| other.others.get(node) == Some(truth)));
    }

    fn mark(&mut self, arg: Arg) {
        if let Arg::Value(v) = arg {
            if self.marked.len() <= v.index() {
                self.marked.resize(v.index() + 1, false);
            }
            self.marked[v.index()] = true;
        }
    }

    /// All of them, as keys, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (Node, bool)> + '_ {
        let pairs = self.pairs.iter().flat_map(|(pair, said)| {
            let mut left = said.decided;
            std::iter::from_fn(move || {
                // There are 16 zeros if none is left.
                let bit = left.trailing_zeros();
                let (op, is_back) = *BY_BIT.get(bit as usize)?;
                left &= left - 1;
                let (a, b) = if is_back { (pair.b, pair.a) } else { (pair.a, pair.b) };
                Some((Node::binary(op, pair.ty, a, b), said.truth & 1 << bit != 0))
            })
        });
        pairs.chain(self.others.iter().map(|(node, truth)| (*node, *truth)))
    }
}

/// The operands as a pair, and whether they have changed places.
fn pair(ty: Ty, a: Arg, b: Arg) -> (Pair, bool) {
    match Node::exchanges(a, b) {
        true => (Pair { a: b, b: a, ty }, true),
        false => (Pair { a, b, ty }, false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::{Const, ValueId};

    /// Each comparison of two operands, in both orders, is its own.
    #[test]
    fn what_is_said_is_what_is_got() {
        let operands = [Arg::Value(ValueId(1)), Arg::Value(ValueId(4)), Const::i64(7).into()];
        let ops = [Op::AddOvfS, Op::SubOvfS].into_iter().chain(BY_BIT.map(|(op, _)| op));
        let pairs = operands.map(|a| operands.map(|b| (a, b))).concat();
        let nodes = ops.flat_map(|op| {
            let pairs = pairs.iter().filter(|(a, b)| a != b);
            pairs.map(move |(a, b)| Node::binary(op, Ty::I64, *a, *b))
        });
        let mut keys: Vec<Node> = nodes.map(Node::key).collect();
        keys.sort_by_key(|node| format!("{node:?}"));
        keys.dedup();
        let mut truths = Truths::default();
        for (k, node) in keys.iter().enumerate() {
            assert_eq!(truths.get(node), None, "{node:?} has not been said");
            truths.insert(*node, k % 3 == 0);
        }
        for (k, node) in keys.iter().enumerate() {
            assert_eq!(truths.get(node), Some(k % 3 == 0), "{node:?}");
        }
        assert_eq!(truths.iter().count(), keys.len());
        assert!(truths.iter().all(|(node, truth)| {
            node == node.key()
                && keys.iter().position(|key| *key == node).map(|k| k % 3 == 0) == Some(truth)
        }));
    }
}

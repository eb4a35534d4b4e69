//! Comparisons that follow from those that guards have decided.
//!
//! ```text
//! guard i < n, guard n <= m       i < m, i != m, not m <= i
//! guard i < n                     i + 1 <= n
//! guard i <s n, 0 <= i            i <u n
//! ```
//!
//! One direction is asked, "is `a < b` (or `a <= b`) certain?"; the other comparisons are this one, of
//! the operands in either order.
//!
//! Invariant `bounded`: a question looks at a few decided comparisons, however many there are.
//!
//! Not here: what a guard says directly (`guards`), bits and bounds (`values`).

use super::forward::Forward;
use super::node::Node;
use super::passes::Passes;
use crate::ir::{Arg, Map, Op, Ty};

/// How many comparisons may stand between the two sides.
const MAX_DEPTH: u32 = 3;

/// How many upper bounds of one operand are kept, the last ones.
const MAX_ABOVE: usize = 4;

/// Upper bounds that guards have shown: of an operand, by signed or unsigned order, and whether it is
/// less or may be equal.
pub(super) type Above = Map<(Arg, bool), [Option<(Arg, bool)>; MAX_ABOVE]>;

/// An order: signed or not, strict or not.
#[derive(Clone, Copy)]
struct Order {
    signed: bool,
    strict: bool,
}

impl Order {
    fn op(self) -> Op {
        match (self.signed, self.strict) {
            (false, false) => Op::LeU,
            (false, true) => Op::LtU,
            (true, false) => Op::LeS,
            (true, true) => Op::LtS,
        }
    }
}

impl Forward<'_> {
    /// Notes that `a` is less than `b`, or not greater.
    pub fn note_above(&mut self, op: Op, a: Arg, b: Arg) {
        let signed = matches!(op, Op::LtS | Op::LeS);
        let strict = matches!(op, Op::LtS | Op::LtU);
        // Bounds by constants are in the domain.
        if a.as_const().is_some() || b.as_const().is_some() {
            return;
        }
        let above = self.above.entry((a, signed)).or_default();
        above.rotate_left(1);
        above[MAX_ABOVE - 1] = Some((b, strict));
    }

    /// What a comparison must be, if that follows from what guards have decided.
    pub fn implied(&mut self, node: &Node) -> Option<bool> {
        let Node { op, ty, a, b, .. } = *node;
        if ty.is_float() || ty == Ty::Bool {
            return None;
        }
        // What bits and bounds say, has been found if operations are folded.
        if !self.passes.contains(Passes::FOLD)
            && let Some(truth) = self.compared(node)
        {
            return Some(truth);
        }
        if !self.has_order(a) && !self.has_order(b) {
            return None;
        }
        let order = |signed, strict| Order { signed, strict };
        let (signed, strict) = match op {
            Op::LtS => (true, true),
            Op::LeS => (true, false),
            Op::LtU => (false, true),
            Op::LeU => (false, false),
            Op::Eq | Op::Ne => {
                let sides = [(true, a, b), (true, b, a), (false, a, b), (false, b, a)];
                let mut sides = sides.into_iter();
                let apart = sides
                    .any(|(signed, x, y)| self.certain(order(signed, true), ty, x, y, MAX_DEPTH));
                return apart.then_some(op == Op::Ne);
            }
            _ => return None,
        };
        if self.certain(order(signed, strict), ty, a, b, MAX_DEPTH) {
            return Some(true);
        }
        self.certain(order(signed, !strict), ty, b, a, MAX_DEPTH).then_some(false)
    }

    /// Has a guard compared it, or what it is the sum of?
    fn has_order(&self, arg: Arg) -> bool {
        let told = |arg: Arg| arg.as_value().is_some() && self.truths.tell_of(arg);
        told(arg) || matches!(self.defs.get(arg), Some(Node { op: Op::Add, a, .. }) if told(a))
    }

    fn certain(&mut self, order: Order, ty: Ty, a: Arg, b: Arg, depth: u32) -> bool {
        let Order { signed, strict } = order;
        if a == b {
            return !strict;
        }
        let holding = self.truths.holding(ty, a, b);
        if holding.has(order.op()) {
            return true;
        }
        // Both orders are one where neither side is negative.
        let other = Order { signed: !signed, strict };
        let is_other = depth > 0 && holding.has(other.op());
        // What bits and bounds say of the operands in question has been found.
        if is_other || depth < MAX_DEPTH {
            let (low, high) = (self.known_of(a), self.known_of(b));
            let by_bounds = match order {
                Order { signed: true, strict: true } => low.smax < high.smin,
                Order { signed: true, strict: false } => low.smax <= high.smin,
                Order { signed: false, strict: true } => low.umax < high.umin,
                Order { signed: false, strict: false } => low.umax <= high.umin,
            };
            if by_bounds || is_other && low.smin >= 0 && high.smin >= 0 {
                return true;
            }
        }
        let Some(depth) = depth.checked_sub(1) else {
            return false;
        };
        // x < b says x + 1 <= b, and that x + 1 does not wrap.
        if !strict
            && let Some(Node { op: Op::Add, a: x, b: Arg::Const(c), .. }) = self.defs.get(a)
            && c.bits == 1
            && self.certain(Order { signed, strict: true }, ty, x, b, depth)
        {
            return true;
        }
        if !self.truths.tell_of(a) {
            return false;
        }
        let above = self.above.get(&(a, signed)).copied().unwrap_or_default();
        above.into_iter().flatten().any(|(middle, less)| {
            self.certain(Order { signed, strict: strict && !less }, ty, middle, b, depth)
        })
    }
}

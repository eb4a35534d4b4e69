//! Rules of bitwise operations and shifts.
//!
//! ```text
//! (x & c) & d => x & (c & d)      x ^ x => 0      (x << c) << d => x << (c + d)
//! ((x << 32) | y) & 255 => y & 255                ((x << 32) | zext y) >>u 32 => x & mask
//! ```
//!
//! Shift amounts count modulo the width, also in the rules.
//!
//! Not here: bits known one by one; `ranges` knows how many there can be.

use super::super::forward::Forward;
use super::super::node::Node;
use super::super::rules::Rule;
use super::{Fold, again, constant, to, with_constant};
use crate::ir::{Arg, Op, Ty};

pub(super) fn and(cx: &Forward, n: Node) -> Fold {
    // x & x => x
    if n.a == n.b {
        return to(Rule::AndSelf, n.a);
    }
    let c = n.b.as_const()?;
    // x & 0 => 0
    if c.bits == 0 {
        return to(Rule::AndZero, c);
    }
    // x & -1 => x
    if c.bits == n.ty.mask() {
        return to(Rule::AndOnes, n.a);
    }
    // (x & c) & d => x & (c & d)
    if let Some((x, d)) = with_constant(cx, n.a, Op::And) {
        let both = constant(n, c.bits & d.bits);
        return again(Rule::AndAnd, Node::binary(Op::And, n.ty, x, both));
    }
    let possible = cx.possible_bits(n.a);
    // x & c => 0, where c has none of the bits that x can have
    if possible & c.bits == 0 {
        return to(Rule::AndDisjoint, constant(n, 0));
    }
    // x & c => x, where c has all bits that x can have
    if possible & !c.bits == 0 {
        return to(Rule::AndRange, n.a);
    }
    // (x | y) & c => y & c, where c has none of the bits that x can have
    let kept = needed_of_or(cx, n.a, c.bits)?;
    again(Rule::AndOr, Node { a: kept, ..n })
}

/// Of `x | y` the one operand that can have bits of `mask`.
pub(super) fn needed_of_or(cx: &Forward, or: Arg, mask: u64) -> Option<Arg> {
    let node = cx.defs.get(or).filter(|node| node.op == Op::Or)?;
    let needed = |arg| cx.possible_bits(arg) & mask != 0;
    match (needed(node.a), needed(node.b)) {
        (true, false) => Some(node.a),
        (false, true) => Some(node.b),
        _ => None,
    }
}

pub(super) fn or(cx: &Forward, n: Node) -> Fold {
    // x | x => x
    if n.a == n.b {
        return to(Rule::OrSelf, n.a);
    }
    let c = n.b.as_const()?;
    // x | 0 => x
    if c.bits == 0 {
        return to(Rule::OrZero, n.a);
    }
    // x | -1 => -1
    if c.bits == n.ty.mask() {
        return to(Rule::OrOnes, c);
    }
    // (x | c) | d => x | (c | d)
    let (x, d) = with_constant(cx, n.a, Op::Or)?;
    let either = constant(n, c.bits | d.bits);
    again(Rule::OrOr, Node::binary(Op::Or, n.ty, x, either))
}

pub(super) fn xor(cx: &Forward, n: Node) -> Fold {
    // x ^ x => 0
    if n.a == n.b {
        return to(Rule::XorSelf, constant(n, 0));
    }
    let c = n.b.as_const()?;
    // x ^ 0 => x
    if c.bits == 0 {
        return to(Rule::XorZero, n.a);
    }
    // (x ^ c) ^ d => x ^ (c ^ d)
    if let Some((x, d)) = with_constant(cx, n.a, Op::Xor) {
        let both = constant(n, c.bits ^ d.bits);
        return again(Rule::XorXor, Node::binary(Op::Xor, n.ty, x, both));
    }
    // x ^ -1 => not x
    (c.bits == n.ty.mask()).then_some(())?;
    again(Rule::XorOnes, Node::unary(Op::Not, n.ty, n.a))
}

pub(super) fn not(cx: &Forward, n: Node) -> Fold {
    let node = cx.defs.get(n.a)?;
    // not not x => x
    if node.op == Op::Not {
        return to(Rule::NotNot, node.a);
    }
    if n.ty != Ty::Bool {
        return None;
    }
    // not (x == y) => x != y, not (x < y) => y <= x; not for floats, which may be unordered
    let (op, swap) = match node.op {
        Op::Eq => (Op::Ne, false),
        Op::Ne => (Op::Eq, false),
        Op::FEq => (Op::FNe, false),
        Op::FNe => (Op::FEq, false),
        Op::LtS => (Op::LeS, true),
        Op::LtU => (Op::LeU, true),
        Op::LeS => (Op::LtS, true),
        Op::LeU => (Op::LtU, true),
        _ => return None,
    };
    let (a, b) = if swap { (node.b, node.a) } else { (node.a, node.b) };
    again(Rule::NotCompare, Node { op, a, b, ..node })
}

pub(super) fn shift(cx: &mut Forward, n: Node) -> Fold {
    // 0 << x => 0
    if n.a.as_const().is_some_and(|c| c.bits == 0) {
        return to(Rule::ZeroShift, n.a);
    }
    let width = u64::from(n.ty.width());
    let by = n.b.as_const()?.bits & (width - 1);
    // x << 0 => x
    if by == 0 {
        return to(Rule::ShiftZero, n.a);
    }
    // (x << c) << d => x << (c + d)
    if let Some((x, c)) = with_constant(cx, n.a, n.op) {
        let sum = (c.bits & (width - 1)) + by;
        if sum < width {
            let sum = constant(n, sum);
            return again(Rule::ShiftShift, Node::binary(n.op, n.ty, x, sum));
        }
        // All bits are out; of an arithmetic shift the sign stays.
        if n.op == Op::ShrS {
            let all = constant(n, width - 1);
            return again(Rule::ShiftShift, Node::binary(n.op, n.ty, x, all));
        }
        return to(Rule::ShiftShift, constant(n, 0));
    }
    if n.op == Op::ShrU {
        return shift_right(cx, n, by);
    }
    if n.op != Op::Shl {
        return None;
    }
    // (x >>u c) << c => x & mask
    if let Some((x, c)) = with_constant(cx, n.a, Op::ShrU)
        && c.bits & (width - 1) == by
    {
        let mask = constant(n, u64::MAX << by);
        return again(Rule::ShlShrU, Node::binary(Op::And, n.ty, x, mask));
    }
    // (x + c) << k => (x << k) + (c << k)
    let (x, c) = with_constant(cx, n.a, Op::Add)?;
    let shifted = cx.pure(Node { a: x, ..n });
    let rest = constant(n, c.bits << by);
    again(Rule::ShlAdd, Node::binary(Op::Add, n.ty, shifted, rest))
}

/// `x >>u by`, where `by` is neither 0 nor as much as the width.
fn shift_right(cx: &Forward, n: Node, by: u64) -> Fold {
    let stays = n.ty.mask() << by & n.ty.mask();
    // x >>u c => 0, where x < 2^c
    if cx.possible_bits(n.a) & stays == 0 {
        return to(Rule::ShiftOut, constant(n, 0));
    }
    // (x << c) >>u c => x & mask
    if let Some((x, c)) = with_constant(cx, n.a, Op::Shl)
        && c.bits & u64::from(n.ty.width() - 1) == by
    {
        let mask = constant(n, n.ty.mask() >> by);
        return again(Rule::ShlShrU, Node::binary(Op::And, n.ty, x, mask));
    }
    // (x | y) >>u c => x >>u c, where y < 2^c
    let kept = needed_of_or(cx, n.a, stays)?;
    again(Rule::ShiftOr, Node { a: kept, ..n })
}

//! Rules of integer arithmetic.
//!
//! ```text
//! (x + 1) + 2 => x + 3        x - 1 => x + -1        x * 8 => x << 3
//! ```
//!
//! Sums are kept as `x + c` with one constant, so that positions that differ by constants are seen
//! to do so.
//!
//! Not here: overflow predicates (`overflow`), bits and shifts (`bits`).

use super::super::forward::Forward;
use super::super::node::Node;
use super::super::rules::Rule;
use super::{Fold, again, constant, to, with_constant};
use crate::ir::{Arg, Const, Op};

pub(super) fn add(cx: &Forward, n: Node) -> Fold {
    if let Some(c) = n.b.as_const() {
        // x + 0 => x
        if c.bits == 0 {
            return to(Rule::AddZero, n.a);
        }
        // (x + c) + d => x + (c + d)
        let (x, d) = with_constant(cx, n.a, Op::Add)?;
        let sum = constant(n, c.bits.wrapping_add(d.bits));
        return again(Rule::AddAdd, Node::binary(Op::Add, n.ty, x, sum));
    }
    // (x - y) + y => x
    for (difference, y) in [(n.a, n.b), (n.b, n.a)] {
        if let Some(sub) = cx.defs.get(difference)
            && sub.op == Op::Sub
            && sub.b == y
        {
            return to(Rule::AddSubCancel, sub.a);
        }
    }
    None
}

pub(super) fn sub(cx: &Forward, n: Node) -> Fold {
    // x - x => 0
    if n.a == n.b {
        return to(Rule::SubSelf, constant(n, 0));
    }
    // x - c => x + -c
    if let Some(c) = n.b.as_const() {
        let minus = constant(n, c.bits.wrapping_neg());
        return again(Rule::SubConstant, Node::binary(Op::Add, n.ty, n.a, minus));
    }
    // 0 - x => neg x
    if is(n.a, 0) {
        return again(Rule::SubFromZero, Node::unary(Op::Neg, n.ty, n.b));
    }
    // (x + c) - (x + d) => c - d
    let (x, c) = base(cx, n.a);
    let (y, d) = base(cx, n.b);
    if x == y {
        return to(Rule::SubSameBase, constant(n, c.wrapping_sub(d)));
    }
    // (x + y) - y => x
    let sum = cx.defs.get(n.a).filter(|node| node.op == Op::Add)?;
    if sum.b == n.b {
        return to(Rule::SubAddCancel, sum.a);
    }
    (sum.a == n.b).then_some(())?;
    to(Rule::SubAddCancel, sum.b)
}

/// `x + c` as `(x, c)`, anything else with `c = 0`.
pub(super) fn base(cx: &Forward, arg: Arg) -> (Arg, u64) {
    match with_constant(cx, arg, Op::Add) {
        Some((x, c)) => (x, c.bits),
        None => (arg, 0),
    }
}

fn is(arg: Arg, bits: u64) -> bool {
    arg.as_const().is_some_and(|c| c.bits == bits)
}

pub(super) fn mul(cx: &mut Forward, n: Node) -> Fold {
    let c = n.b.as_const()?;
    match c.bits {
        // x * 0 => 0
        0 => return to(Rule::MulZero, c),
        // x * 1 => x
        1 => return to(Rule::MulOne, n.a),
        // x * -1 => neg x
        bits if bits == n.ty.mask() => {
            return again(Rule::MulMinusOne, Node::unary(Op::Neg, n.ty, n.a));
        }
        _ => (),
    }
    // x * 2^k => x << k
    if c.bits.is_power_of_two() {
        let k = constant(n, u64::from(c.bits.trailing_zeros()));
        return again(Rule::MulPowerOfTwo, Node::binary(Op::Shl, n.ty, n.a, k));
    }
    // (x * c) * d => x * (c * d)
    if let Some((x, d)) = with_constant(cx, n.a, Op::Mul) {
        let product = constant(n, c.bits.wrapping_mul(d.bits));
        return again(Rule::MulMul, Node::binary(Op::Mul, n.ty, x, product));
    }
    // (x + c) * d => x * d + c * d
    let (x, d) = with_constant(cx, n.a, Op::Add)?;
    let product = cx.pure(Node { a: x, ..n });
    let rest = constant(n, c.bits.wrapping_mul(d.bits));
    again(Rule::MulAdd, Node::binary(Op::Add, n.ty, product, rest))
}

pub(super) fn div(n: Node) -> Fold {
    let c = n.b.as_const()?;
    // x / 1 => x
    if c.bits == 1 {
        return to(Rule::DivOne, n.a);
    }
    // x /u 2^k => x >>u k
    let unsigned = n.op == Op::DivU && c.bits.is_power_of_two();
    unsigned.then_some(())?;
    let k = Const::new(n.ty, u64::from(c.bits.trailing_zeros()));
    again(Rule::DivPowerOfTwo, Node::binary(Op::ShrU, n.ty, n.a, k))
}

pub(super) fn rem(n: Node) -> Fold {
    let c = n.b.as_const()?;
    // x % 1 => 0
    if c.bits == 1 {
        return to(Rule::RemOne, constant(n, 0));
    }
    // x %u 2^k => x & (2^k - 1)
    let unsigned = n.op == Op::RemU && c.bits.is_power_of_two();
    unsigned.then_some(())?;
    let mask = constant(n, c.bits - 1);
    again(Rule::RemPowerOfTwo, Node::binary(Op::And, n.ty, n.a, mask))
}

pub(super) fn neg(cx: &Forward, n: Node) -> Fold {
    let node = cx.defs.get(n.a)?;
    match node.op {
        // neg neg x => x
        Op::Neg => to(Rule::NegNeg, node.a),
        // neg (x - y) => y - x
        Op::Sub => again(Rule::NegSub, Node::binary(Op::Sub, n.ty, node.b, node.a)),
        _ => None,
    }
}

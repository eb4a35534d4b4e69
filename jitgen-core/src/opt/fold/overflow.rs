//! Rules of overflow predicates: most become comparisons, which guards know about.
//!
//! ```text
//! v1 = lt_u.i64 v0, v9          ;; known true: v0 is an index
//! v2 = add_ovf_u.i64 v0, 1      =>      v2 = eq.i64 v0, -1      =>      false
//! ```
//!
//! Not here: the sums themselves, which wrap.

use super::super::forward::Forward;
use super::super::node::Node;
use super::super::ranges::signed_max;
use super::super::rules::Rule;
use super::{Fold, again, constant, to};
use crate::ir::{Arg, Const, Op};

pub(super) fn add(cx: &Forward, n: Node) -> Fold {
    let signed = n.op == Op::AddOvfS;
    let max = limit(n, signed);
    // The ranges' sum fits.
    let (a, b) = (cx.range(n.a), cx.range(n.b));
    let non_negative = a.high <= max && b.high <= max;
    if non_negative && a.high.checked_add(b.high).is_some_and(|sum| sum <= max) {
        let rule = zero_or_range(n);
        return to(rule, Const::bool(false));
    }
    let c = n.b.as_const()?;
    // overflow of x + c => MAX - c < x; of a negative c: x < MIN - c
    let rule = Rule::AddOverflowConstant;
    if !signed {
        return again(rule, less(n, Op::LtU, constant(n, max - c.bits), n.a));
    }
    if c.signed() >= 0 {
        return again(rule, less(n, Op::LtS, constant(n, max - c.bits), n.a));
    }
    let min = constant(n, (max + 1).wrapping_sub(c.bits));
    again(rule, less(n, Op::LtS, n.a, min))
}

pub(super) fn sub(cx: &Forward, n: Node) -> Fold {
    if n.b.as_const().is_some_and(|c| c.bits == 0) {
        return to(Rule::OverflowZero, Const::bool(false));
    }
    // unsigned overflow of x - y => x < y
    if n.op == Op::SubOvfU {
        return again(Rule::SubOverflowUnsigned, less(n, Op::LtU, n.a, n.b));
    }
    // The difference of two that are not negative fits.
    if cx.non_negative(n.a) && cx.non_negative(n.b) {
        return to(Rule::OverflowRange, Const::bool(false));
    }
    // signed overflow of x - c => that of x + -c, where there is -c
    let c = n.b.as_const()?;
    if c.bits == signed_max(n.ty) + 1 {
        // x - MIN => x > -1
        let minus_one = constant(n, u64::MAX);
        return again(Rule::SubOverflowConstant, less(n, Op::LtS, minus_one, n.a));
    }
    let b = constant(n, c.bits.wrapping_neg()).into();
    let op = Op::AddOvfS;
    again(Rule::SubOverflowConstant, Node { op, b, ..n })
}

pub(super) fn mul(cx: &Forward, n: Node) -> Fold {
    let signed = n.op == Op::MulOvfS;
    let max = limit(n, signed);
    let (a, b) = (cx.range(n.a), cx.range(n.b));
    let non_negative = a.high <= max && b.high <= max;
    if non_negative && a.high.checked_mul(b.high).is_some_and(|product| product <= max) {
        let rule = zero_or_range(n);
        return to(rule, Const::bool(false));
    }
    let c = n.b.as_const()?;
    // x * 0, x * 1; as an i8 whose bits are 1 is 1 in both signednesses
    if c.bits <= 1 && n.ty.width() > 1 {
        return to(Rule::OverflowZero, Const::bool(false));
    }
    // unsigned overflow of x * c => MAX / c < x
    (!signed).then_some(())?;
    let quotient = constant(n, max / c.bits);
    again(Rule::MulOverflowConstant, less(n, Op::LtU, quotient, n.a))
}

fn limit(n: Node, signed: bool) -> u64 {
    if signed { signed_max(n.ty) } else { n.ty.mask() }
}

fn zero_or_range(n: Node) -> Rule {
    match n.b.as_const() {
        Some(c) if c.bits <= 1 => Rule::OverflowZero,
        _ => Rule::OverflowRange,
    }
}

fn less(n: Node, op: Op, a: impl Into<Arg>, b: impl Into<Arg>) -> Node {
    Node::binary(op, n.ty, a.into(), b)
}

//! Rules of casts.
//!
//! ```text
//! trunc.i8 (zext.i64 v0) => v0        zext.i64 (trunc.i8 v0) => v0 & 255
//! trunc.i32 (v0 << 32 | v1) => trunc.i32 v1
//! ```
//!
//! Not here: float conversions, which round.

use super::super::forward::Forward;
use super::super::node::Node;
use super::super::rules::Rule;
use super::bits::needed_of_or;
use super::{Fold, again, constant, to};
use crate::ir::Op;

pub(super) fn trunc(cx: &Forward, n: Node) -> Fold {
    let inner = cx.defs.get(n.a)?;
    let from = cx.ty(inner.a);
    // trunc x => 0, where all bits of x are cut off
    if cx.possible_bits(n.a) & n.ty.mask() == 0 {
        return to(Rule::TruncZero, constant(n, 0));
    }
    match inner.op {
        // trunc (x | y) => trunc y, where all bits of x are cut off
        Op::Or => {
            let kept = needed_of_or(cx, n.a, n.ty.mask())?;
            again(Rule::TruncOr, Node { a: kept, ..n })
        }
        // trunc (x & c) => trunc x, where c has all bits that stay
        Op::And if inner.b.as_const().is_some_and(|c| c.bits & n.ty.mask() == n.ty.mask()) => {
            again(Rule::TruncAnd, Node { a: inner.a, ..n })
        }
        // trunc (trunc x) => trunc x
        Op::Trunc => again(Rule::TruncTrunc, Node { a: inner.a, ..n }),
        Op::Zext | Op::Sext if from == n.ty => to(Rule::TruncExtend, inner.a),
        Op::Zext | Op::Sext if from.width() > n.ty.width() => {
            again(Rule::TruncExtend, Node { a: inner.a, ..n })
        }
        Op::Zext | Op::Sext => again(Rule::TruncExtend, Node::unary(inner.op, n.ty, inner.a)),
        _ => None,
    }
}

pub(super) fn extend(cx: &Forward, n: Node) -> Fold {
    let inner = cx.defs.get(n.a)?;
    match (n.op, inner.op) {
        // zext (zext x) => zext x, sext (sext x) => sext x, sext (zext x) => zext x
        (Op::Zext, Op::Zext) | (Op::Sext, Op::Sext | Op::Zext) => {
            again(Rule::ExtendExtend, Node::unary(inner.op, n.ty, inner.a))
        }
        // zext (trunc x) => x & mask
        (Op::Zext, Op::Trunc) if cx.ty(inner.a) == n.ty => {
            let mask = constant(n, inner.ty.mask());
            again(Rule::ZextTrunc, Node::binary(Op::And, n.ty, inner.a, mask))
        }
        _ => None,
    }
}

pub(super) fn bitcast(cx: &Forward, n: Node) -> Fold {
    let inner = cx.defs.get(n.a).filter(|node| node.op == Op::Bitcast)?;
    if cx.ty(inner.a) == n.ty {
        return to(Rule::BitcastBitcast, inner.a);
    }
    again(Rule::BitcastBitcast, Node { a: inner.a, ..n })
}

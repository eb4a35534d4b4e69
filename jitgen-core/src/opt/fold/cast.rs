//! Rules of casts.
//!
//! ```text
//! trunc.i8 (zext.i64 v0) => v0        zext.i64 (trunc.i8 v0) => v0 & 255
//! ```
//!
//! Not here: float conversions, which round.

use super::super::forward::Forward;
use super::super::node::Node;
use super::super::rules::Rule;
use super::{Fold, again, constant, to};
use crate::ir::Op;

pub(super) fn trunc(cx: &Forward, n: Node) -> Fold {
    let inner = cx.defs.get(n.a)?;
    let from = cx.ty(inner.a);
    match inner.op {
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

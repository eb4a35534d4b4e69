//! Rules of floats: few, because every bit of a NaN and every sign of a zero counts.
//!
//! ```text
//! fneg fneg x => x        x / 4.0 => x * 0.25
//! ```
//!
//! Not here, because wrong: `x + 0.0 => x` (loses the sign of -0.0), `x * 1.0 => x` (keeps a
//! signalling NaN), `x - x => 0.0`, reassociation.

use super::super::forward::Forward;
use super::super::node::Node;
use super::super::rules::Rule;
use super::{Fold, again, to};
use crate::ir::{Const, Op, Ty};

pub(super) fn neg(cx: &Forward, n: &Node) -> Fold {
    // fneg fneg x => x
    let inner = cx.defs.get(n.a).filter(|node| node.op == Op::FNeg)?;
    to(Rule::FNegFNeg, inner.a)
}

/// `not (feq x, y) => fne x, y`, and back; the orders have no such pair, since either may be
/// unordered.
pub(super) fn not(cx: &Forward, n: &Node) -> Fold {
    let node = cx.defs.get(n.a)?;
    let op = match node.op {
        Op::FEq => Op::FNe,
        Op::FNe => Op::FEq,
        _ => return None,
    };
    again(Rule::NotFCompare, Node { op, ..node })
}

/// `x / 2^k => x * 2^-k`, where 2^-k is a normal number: both round the same exact value.
pub(super) fn div(n: &Node) -> Fold {
    let c = n.b.as_const()?;
    let (mantissa, reciprocal, normal) = match c.ty {
        Ty::F32 => {
            let x = 1.0 / f32::from_bits(c.bits as u32);
            (23, u64::from(x.to_bits()), x.is_normal())
        }
        _ => {
            let x = 1.0 / f64::from_bits(c.bits);
            (52, x.to_bits(), x.is_normal())
        }
    };
    let power = c.bits & ((1 << mantissa) - 1) == 0;
    let finite = match c.ty {
        Ty::F32 => f32::from_bits(c.bits as u32).is_normal(),
        _ => f64::from_bits(c.bits).is_normal(),
    };
    (power && normal && finite).then_some(())?;
    let b = Const::new(c.ty, reciprocal);
    again(Rule::FDivPowerOfTwo, Node::binary(Op::FMul, n.ty, n.a, b))
}

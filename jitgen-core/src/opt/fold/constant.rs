//! Constant folding: an operation on constants is its result.
//!
//! ```text
//! v0 = add.i8 -1, 2       =>      1
//! ```
//!
//! Invariant `defined-only`: what the op table leaves undefined (division by zero) is not folded,
//! and neither is a float operation whose result is a NaN, because its payload is the machine's.
//!
//! Not here: the evaluator. It computes the same table for another purpose, and each checks the
//! other.

use super::super::node::Node;
use crate::ir::{Const, Op, Ty};

/// The result, where all operands are constants and it is defined.
pub(super) fn fold(n: Node) -> Option<Const> {
    let a = n.a.as_const()?;
    let both = |f: &dyn Fn(Const, Const) -> Option<Const>| f(a, n.b.as_const()?);
    let word = |bits: u64| Some(Const::new(n.ty, bits));
    let truth = |b: bool| Some(Const::bool(b));
    let width = n.ty.width();
    let by = |b: Const| (b.bits % u64::from(width)) as u32;
    match n.op {
        Op::Add => both(&|a, b| word(a.bits.wrapping_add(b.bits))),
        Op::Sub => both(&|a, b| word(a.bits.wrapping_sub(b.bits))),
        Op::Mul => both(&|a, b| word(a.bits.wrapping_mul(b.bits))),
        Op::DivS => both(&|a, b| word(divide(a, b)?.0)),
        Op::RemS => both(&|a, b| word(divide(a, b)?.1)),
        Op::DivU => both(&|a, b| word(a.bits.checked_div(b.bits)?)),
        Op::RemU => both(&|a, b| word(a.bits.checked_rem(b.bits)?)),
        Op::And => both(&|a, b| word(a.bits & b.bits)),
        Op::Or => both(&|a, b| word(a.bits | b.bits)),
        Op::Xor => both(&|a, b| word(a.bits ^ b.bits)),
        Op::Shl => both(&|a, b| word(a.bits << by(b))),
        Op::ShrU => both(&|a, b| word(a.bits >> by(b))),
        Op::ShrS => both(&|a, b| word((a.signed() >> by(b)) as u64)),
        Op::Neg => word(a.bits.wrapping_neg()),
        Op::Not => word(!a.bits),
        Op::AddOvfS => both(&|a, b| truth(!fits_s(n.ty, wide_s(a) + wide_s(b)))),
        Op::SubOvfS => both(&|a, b| truth(!fits_s(n.ty, wide_s(a) - wide_s(b)))),
        Op::MulOvfS => both(&|a, b| truth(!fits_s(n.ty, wide_s(a) * wide_s(b)))),
        Op::AddOvfU => both(&|a, b| truth(wide_u(a) + wide_u(b) > wide_u(limit(n.ty)))),
        Op::SubOvfU => both(&|a, b| truth(a.bits < b.bits)),
        Op::MulOvfU => both(&|a, b| truth(wide_u(a) * wide_u(b) > wide_u(limit(n.ty)))),
        Op::Eq => both(&|a, b| truth(a.bits == b.bits)),
        Op::Ne => both(&|a, b| truth(a.bits != b.bits)),
        Op::LtS => both(&|a, b| truth(a.signed() < b.signed())),
        Op::LeS => both(&|a, b| truth(a.signed() <= b.signed())),
        Op::LtU => both(&|a, b| truth(a.bits < b.bits)),
        Op::LeU => both(&|a, b| truth(a.bits <= b.bits)),
        Op::FAdd | Op::FSub | Op::FMul | Op::FDiv => both(&|a, b| float(n.op, a, b)),
        Op::FNeg => word(a.bits ^ (1 << (width - 1))),
        Op::FEq => both(&|a, b| truth(real(a) == real(b))),
        Op::FNe => both(&|a, b| truth(real(a) != real(b))),
        Op::FLt => both(&|a, b| truth(real(a) < real(b))),
        Op::FLe => both(&|a, b| truth(real(a) <= real(b))),
        Op::Trunc | Op::Zext | Op::Bitcast | Op::Copy => word(a.bits),
        Op::Sext => word(a.signed() as u64),
        Op::FromS | Op::FromU => Some(from_int(n.op, n.ty, a)),
        Op::ToS | Op::ToU => word(to_int(n.op, n.ty, a)),
        Op::FCvt => convert(n.ty, a),
        Op::PtrAdd => both(&|a, b| word(a.bits.wrapping_add(b.bits))),
        Op::Scratch
        | Op::Load
        | Op::Store
        | Op::Call
        | Op::CallRead
        | Op::CallPure
        | Op::New
        | Op::Free
        | Op::Guard
        | Op::GuardNot => None,
    }
}

fn limit(ty: Ty) -> Const {
    Const::new(ty, u64::MAX)
}

fn wide_s(c: Const) -> i128 {
    i128::from(c.signed())
}

fn wide_u(c: Const) -> u128 {
    u128::from(c.bits)
}

fn fits_s(ty: Ty, value: i128) -> bool {
    let half = 1i128 << (ty.width() - 1);
    (-half..half).contains(&value)
}

/// Signed quotient and remainder, where they are defined.
fn divide(a: Const, b: Const) -> Option<(u64, u64)> {
    let (a_value, b_value) = (a.signed(), b.signed());
    if b_value == 0 || b_value == -1 && !fits_s(a.ty, -wide_s(a)) {
        return None;
    }
    Some(((a_value / b_value) as u64, (a_value % b_value) as u64))
}

/// The float as `f64`, which holds every `f32` exactly.
fn real(c: Const) -> f64 {
    match c.ty {
        Ty::F32 => f64::from(f32::from_bits(c.bits as u32)),
        _ => f64::from_bits(c.bits),
    }
}

fn float(op: Op, a: Const, b: Const) -> Option<Const> {
    macro_rules! apply {
        ($a:expr, $b:expr) => {
            match op {
                Op::FAdd => $a + $b,
                Op::FSub => $a - $b,
                Op::FMul => $a * $b,
                _ => $a / $b,
            }
        };
    }
    let bits = match a.ty {
        Ty::F32 => {
            let x = apply!(f32::from_bits(a.bits as u32), f32::from_bits(b.bits as u32));
            (!x.is_nan()).then_some(u64::from(x.to_bits()))?
        }
        _ => {
            let x = apply!(f64::from_bits(a.bits), f64::from_bits(b.bits));
            (!x.is_nan()).then_some(x.to_bits())?
        }
    };
    Some(Const::new(a.ty, bits))
}

fn from_int(op: Op, ty: Ty, a: Const) -> Const {
    let bits = match (ty, op) {
        (Ty::F32, Op::FromS) => u64::from((a.signed() as f32).to_bits()),
        (Ty::F32, _) => u64::from((a.bits as f32).to_bits()),
        (_, Op::FromS) => (a.signed() as f64).to_bits(),
        _ => (a.bits as f64).to_bits(),
    };
    Const::new(ty, bits)
}

fn to_int(op: Op, ty: Ty, a: Const) -> u64 {
    let x = real(a);
    if op == Op::ToU {
        return (x as u64).min(ty.mask());
    }
    let max = (ty.mask() >> 1) as i64;
    (x as i64).clamp(-max - 1, max) as u64
}

fn convert(ty: Ty, a: Const) -> Option<Const> {
    let x = real(a);
    if x.is_nan() {
        return None;
    }
    let bits = match ty {
        Ty::F32 => u64::from((x as f32).to_bits()),
        _ => x.to_bits(),
    };
    Some(Const::new(ty, bits))
}

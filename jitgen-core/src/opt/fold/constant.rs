//! Constant folding: an operation on constants is its result.
//!
//! ```text
//! v0 = add.i8 -1, 2       =>      1
//! ```
//!
//! Invariant `defined-only`: what the op table leaves undefined (division by zero) is not folded,
//! and neither is a float operation whose result is a NaN, because its payload is the machine's.
//!
//! [`integer`] is what the proofs of the rules and the tests of the domain compute with, at any width.
//!
//! Not here: the evaluator. It computes the same table for another purpose, and each checks the
//! other.

use super::super::domain::{mask, signed, signed_max, signed_min};
use super::super::node::Node;
use crate::ir::{Const, Op, Ty};

/// The result, where all operands are constants and it is defined.
#[inline]
pub(in super::super) fn fold(n: &Node) -> Option<Const> {
    // What an operation does not use is a constant, too.
    of(n.op, n.ty, n.a.as_const()?, n.b.as_const()?)
}

fn of(op: Op, ty: Ty, a: Const, b: Const) -> Option<Const> {
    let truth = |b: bool| Some(Const::bool(b));
    match op {
        Op::FAdd | Op::FSub | Op::FMul | Op::FDiv => float(op, a, b),
        Op::FNeg => Some(Const::new(ty, a.bits ^ (1 << (ty.width() - 1)))),
        Op::FEq => truth(real(a) == real(b)),
        Op::FNe => truth(real(a) != real(b)),
        Op::FLt => truth(real(a) < real(b)),
        Op::FLe => truth(real(a) <= real(b)),
        Op::FromS | Op::FromU => Some(from_int(op, ty, a)),
        Op::ToS | Op::ToU => Some(Const::new(ty, to_int(op, ty, a))),
        Op::FCvt => convert(ty, a),
        op => {
            let bits = integer(op, ty.width(), a.ty.width(), a.bits, b.bits)?;
            Some(Const::new(op.result(ty)?, bits))
        }
    }
}

/// The result of an operation on integers (or what counts as such: truth values, addresses) of any
/// width, where there is one and it is defined. `width` is that of the type suffix, `from` that of
/// the operands; operations with one operand ignore `b`.
pub(in super::super) fn integer(op: Op, width: u32, from: u32, a: u64, b: u64) -> Option<u64> {
    let (sa, sb) = (signed(from, a), signed(from, b));
    let (wide_a, wide_b) = (i128::from(sa), i128::from(sb));
    let by = (b % u64::from(width)) as u32;
    let fits_s = |value: i128| {
        (i128::from(signed_min(from))..=i128::from(signed_max(from))).contains(&value)
    };
    let fits_u = |value: u128| value <= u128::from(mask(from));
    let bits = match op {
        Op::Add | Op::PtrAdd => a.wrapping_add(b),
        Op::Sub => a.wrapping_sub(b),
        Op::Mul => a.wrapping_mul(b),
        Op::DivS | Op::RemS if b == 0 || sb == -1 && sa == signed_min(from) => return None,
        Op::DivS => (sa / sb) as u64,
        Op::RemS => (sa % sb) as u64,
        Op::DivU => a.checked_div(b)?,
        Op::RemU => a.checked_rem(b)?,
        Op::And => a & b,
        Op::Or => a | b,
        Op::Xor => a ^ b,
        Op::Shl => a << by,
        Op::ShrU => a >> by,
        Op::ShrS => (sa >> by) as u64,
        Op::Neg => a.wrapping_neg(),
        Op::Not => !a,
        Op::AddOvfS => u64::from(!fits_s(wide_a + wide_b)),
        Op::SubOvfS => u64::from(!fits_s(wide_a - wide_b)),
        Op::MulOvfS => u64::from(!fits_s(wide_a * wide_b)),
        Op::AddOvfU => u64::from(!fits_u(u128::from(a) + u128::from(b))),
        Op::SubOvfU => u64::from(a < b),
        Op::MulOvfU => u64::from(!fits_u(u128::from(a) * u128::from(b))),
        Op::Eq => u64::from(a == b),
        Op::Ne => u64::from(a != b),
        Op::LtS => u64::from(sa < sb),
        Op::LeS => u64::from(sa <= sb),
        Op::LtU => u64::from(a < b),
        Op::LeU => u64::from(a <= b),
        Op::Trunc | Op::Zext | Op::Bitcast | Op::Copy => a,
        Op::Sext => sa as u64,
        Op::FAdd
        | Op::FSub
        | Op::FMul
        | Op::FDiv
        | Op::FNeg
        | Op::FEq
        | Op::FNe
        | Op::FLt
        | Op::FLe
        | Op::FromS
        | Op::FromU
        | Op::ToS
        | Op::ToU
        | Op::FCvt
        | Op::Scratch
        | Op::Load
        | Op::LoadOwned
        | Op::Store
        | Op::Call
        | Op::CallRead
        | Op::CallCode
        | Op::CallPure
        | Op::New
        | Op::NewKept
        | Op::Free
        | Op::CallIf
        | Op::CallIfPure
        | Op::ResultOf
        | Op::Guard
        | Op::GuardNot => return None,
    };
    Some(bits & mask(width))
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

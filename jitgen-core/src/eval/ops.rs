//! What the ops compute that are neither memory, calls nor guards.
//!
//! Bits of a NaN are defined, because a trace can look at them (`bitcast`): the result is the first
//! operand that is a NaN, made quiet; a NaN made from numbers is the processor's default one.
//!
//! Invariant `canonical`: every result is built with `Const::new`.
//!
//! Not here: control and memory (`run`).

use crate::ir::{Const, Op, Ty};
use std::fmt;

/// What the op table leaves undefined.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Undefined {
    /// A divisor of 0.
    DivisionByZero,
    /// The smallest integer divided by -1.
    DivisionOverflow,
    /// A `result_of` that is not true.
    WrongResult,
    /// A `load_owned` of what another word owns, too.
    TwoOwners,
}

impl fmt::Display for Undefined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Undefined::DivisionByZero => "division by zero",
            Undefined::DivisionOverflow => "division overflow",
            Undefined::WrongResult => "wrong result",
            Undefined::TwoOwners => "memory that two words own",
        })
    }
}

impl std::error::Error for Undefined {}

/// The result of `op.ty a, b`. Ops of one operand ignore `b`.
///
/// # Errors
/// If the op table leaves the result undefined.
///
/// # Panics
/// If the op is memory, a call or a guard.
pub fn compute(op: Op, ty: Ty, a: Const, b: Const) -> Result<Const, Undefined> {
    let (x, y) = (a.bits, b.bits);
    let int = |bits: u64| Const::new(ty, bits);
    let (signed_x, signed_y) = (i128::from(a.signed()), i128::from(b.signed()));
    Ok(match op {
        Op::Add => int(x.wrapping_add(y)),
        Op::Sub => int(x.wrapping_sub(y)),
        Op::Mul => int(x.wrapping_mul(y)),
        Op::DivS => {
            signed_division(a, b).map(|()| int(a.signed().wrapping_div(b.signed()) as u64))?
        }
        Op::RemS => {
            signed_division(a, b).map(|()| int(a.signed().wrapping_rem(b.signed()) as u64))?
        }
        Op::DivU => int(x.checked_div(y).ok_or(Undefined::DivisionByZero)?),
        Op::RemU => int(x.checked_rem(y).ok_or(Undefined::DivisionByZero)?),
        Op::And => int(x & y),
        Op::Or => int(x | y),
        Op::Xor => int(x ^ y),
        Op::Shl => int(x << shift(ty, b)),
        Op::ShrS => int((a.signed() >> shift(ty, b)) as u64),
        Op::ShrU => int(x >> shift(ty, b)),
        Op::Neg => int(x.wrapping_neg()),
        Op::Not => int(!x),
        Op::AddOvfS => overflows_signed(ty, signed_x + signed_y),
        Op::AddOvfU => overflows_unsigned(ty, i128::from(x) + i128::from(y)),
        Op::SubOvfS => overflows_signed(ty, signed_x - signed_y),
        Op::SubOvfU => overflows_unsigned(ty, i128::from(x) - i128::from(y)),
        Op::MulOvfS => overflows_signed(ty, signed_x * signed_y),
        Op::MulOvfU => Const::bool(u128::from(x) * u128::from(y) > u128::from(ty.mask())),
        Op::Eq => Const::bool(x == y),
        Op::Ne => Const::bool(x != y),
        Op::LtS => Const::bool(a.signed() < b.signed()),
        Op::LeS => Const::bool(a.signed() <= b.signed()),
        Op::LtU => Const::bool(x < y),
        Op::LeU => Const::bool(x <= y),
        Op::FAdd | Op::FSub | Op::FMul | Op::FDiv => float_binary(op, ty, a, b),
        Op::FNeg => int(x ^ (1 << (ty.width() - 1))),
        Op::FEq => Const::bool(as_f64(a) == as_f64(b)),
        Op::FNe => Const::bool(as_f64(a) != as_f64(b)),
        Op::FLt => Const::bool(as_f64(a) < as_f64(b)),
        Op::FLe => Const::bool(as_f64(a) <= as_f64(b)),
        Op::Trunc | Op::Zext | Op::Bitcast | Op::Copy => int(x),
        Op::Sext => int(a.signed() as u64),
        Op::FromS if ty == Ty::F32 => int(u64::from((a.signed() as f32).to_bits())),
        Op::FromS => int((a.signed() as f64).to_bits()),
        Op::FromU if ty == Ty::F32 => int(u64::from((x as f32).to_bits())),
        Op::FromU => int((x as f64).to_bits()),
        Op::ToS => int(to_signed(ty, as_f64(a))),
        Op::ToU => int(to_unsigned(ty, as_f64(a))),
        Op::FCvt => float_convert(ty, a),
        Op::PtrAdd => Const::new(Ty::Ptr, x.wrapping_add(y)),
        Op::Scratch
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
        | Op::GuardNot => panic!("{} computes nothing by itself", op.mnemonic()),
    })
}

fn signed_division(a: Const, b: Const) -> Result<(), Undefined> {
    let smallest = 1u64 << (a.ty.width() - 1);
    if b.bits == 0 {
        Err(Undefined::DivisionByZero)
    } else if a.bits == smallest && b.signed() == -1 {
        Err(Undefined::DivisionOverflow)
    } else {
        Ok(())
    }
}

fn shift(ty: Ty, b: Const) -> u64 {
    b.bits % u64::from(ty.width())
}

fn overflows_signed(ty: Ty, exact: i128) -> Const {
    let half = 1i128 << (ty.width() - 1);
    Const::bool(!(-half..half).contains(&exact))
}

fn overflows_unsigned(ty: Ty, exact: i128) -> Const {
    Const::bool(!(0..=i128::from(ty.mask())).contains(&exact))
}

/// The number, exactly. Of a NaN only that it is one.
fn as_f64(c: Const) -> f64 {
    if c.ty == Ty::F32 { f64::from(f32::from_bits(c.bits as u32)) } else { f64::from_bits(c.bits) }
}

fn float_binary(op: Op, ty: Ty, a: Const, b: Const) -> Const {
    if let Some(nan) = [a, b].into_iter().find(|c| as_f64(*c).is_nan()) {
        return Const::new(ty, nan.bits | quiet_bit(ty));
    }
    let bits = if ty == Ty::F32 {
        let (x, y) = (f32::from_bits(a.bits as u32), f32::from_bits(b.bits as u32));
        let result = match op {
            Op::FAdd => x + y,
            Op::FSub => x - y,
            Op::FMul => x * y,
            _ => x / y,
        };
        if result.is_nan() { default_nan(ty) } else { u64::from(result.to_bits()) }
    } else {
        let (x, y) = (as_f64(a), as_f64(b));
        let result = match op {
            Op::FAdd => x + y,
            Op::FSub => x - y,
            Op::FMul => x * y,
            _ => x / y,
        };
        if result.is_nan() { default_nan(ty) } else { result.to_bits() }
    };
    Const::new(ty, bits)
}

fn float_convert(to: Ty, a: Const) -> Const {
    let value = as_f64(a);
    let bits = match to {
        // The payload keeps its upper bits.
        Ty::F32 if value.is_nan() => {
            a.bits >> 32 & 0x8000_0000 | a.bits >> 29 & 0x003f_ffff | 0x7fc0_0000
        }
        Ty::F32 => u64::from((value as f32).to_bits()),
        _ if value.is_nan() => {
            (a.bits & 0x8000_0000) << 32 | (a.bits & 0x003f_ffff) << 29 | 0x7ff8_0000_0000_0000
        }
        _ => value.to_bits(),
    };
    Const::new(to, bits)
}

fn quiet_bit(ty: Ty) -> u64 {
    if ty == Ty::F32 { 1 << 22 } else { 1 << 51 }
}

/// What the processor makes of `0.0 / 0.0`; x86 sets the sign.
fn default_nan(ty: Ty) -> u64 {
    let positive = if ty == Ty::F32 { 0x7fc0_0000 } else { 0x7ff8_0000_0000_0000 };
    let sign = u64::from(cfg!(target_arch = "x86_64")) << (ty.width() - 1);
    positive | sign
}

fn to_signed(ty: Ty, value: f64) -> u64 {
    match ty {
        Ty::I8 => value as i8 as u64,
        Ty::I16 => value as i16 as u64,
        Ty::I32 => value as i32 as u64,
        _ => value as i64 as u64,
    }
}

fn to_unsigned(ty: Ty, value: f64) -> u64 {
    match ty {
        Ty::I8 => u64::from(value as u8),
        Ty::I16 => u64::from(value as u16),
        Ty::I32 => u64::from(value as u32),
        _ => value as u64,
    }
}

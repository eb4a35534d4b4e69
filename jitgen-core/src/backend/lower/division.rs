//! Division by constants, as multiplication.
//!
//! ```text
//! v1 = div_u.i32 v0, 10      =>    shift_u(high_u(v0 * 0xcccccccd), 3)
//! v1 = div_s.i32 v0, 7       =>    q = shift_s(high_s(v0 * 0x92492493) + v0, 2);  q - (v0 < 0 ? -1 : 0)
//! ```
//!
//! A quotient is the dividend times the reciprocal, of which as many bits are taken as it needs to be
//! right for each dividend (Granlund and Montgomery, 1994). A processor divides in 10 to 40 cycles,
//! and multiplies in 3.
//!
//! Bytes and 16-bit integers are divided as 32-bit ones. What a remainder is follows from the
//! quotient.
//!
//! Not here: powers of two that are shifts (`opt::fold`), constants that divide by nothing but
//! an instruction: 0, 1 and -1.

use super::{Lowering, clif_type};
use crate::ir::{Arg, Const, Inst, Op, Ty};
use cranelift_codegen::ir::{InstBuilder, Type, Value, types};

/// A quotient of unsigned numbers `n`, from `high = (n * factor) >> width`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Unsigned {
    /// `high >> shift`.
    Short { factor: u64, shift: u32 },
    /// `(high + (n - high) / 2) >> shift`: the factor has one bit more, which is not in it.
    Long { factor: u64, shift: u32 },
}

/// How to divide by `divisor`, which is at least 2.
fn unsigned(divisor: u64, width: u32) -> Unsigned {
    let (d, one) = (u128::from(divisor), 1u128);
    let most = 64 - (divisor - 1).leading_zeros();
    for shift in 0..most {
        let factor = (one << (width + shift)).div_ceil(d);
        let error = factor * d - (one << (width + shift));
        if factor < one << width && error <= one << shift {
            return Unsigned::Short { factor: factor as u64, shift };
        }
    }
    let factor = (one << width) * ((one << most) - d) / d + 1;
    Unsigned::Long { factor: factor as u64, shift: most - 1 }
}

/// A quotient of signed numbers `n` by a number without its sign: `(high + n) >> shift`, and one more
/// if `n` is negative, where `high = (n * factor) >> width`. The factor is a signed number.
fn signed(divisor: u64, width: u32) -> (i64, u32) {
    let bits = (64 - (divisor - 1).leading_zeros()).max(1);
    let factor = (1u128 << (width + bits - 1)) / u128::from(divisor) + 1;
    // Less 2^width: the dividend is added instead.
    (factor.wrapping_sub(1 << width) as i64, bits - 1)
}

impl Lowering<'_> {
    /// `div_s`, `div_u`, `rem_s`, `rem_u`.
    pub(super) fn division(&mut self, inst: &Inst) -> Value {
        let is_signed = matches!(inst.op, Op::DivS | Op::RemS);
        let divisor = inst.b.as_const().filter(|c| by_multiplying(*c, is_signed));
        let a = self.value(inst.a);
        let Some(divisor) = divisor else {
            let b = self.value(inst.b);
            return match inst.op {
                Op::DivS => self.builder.ins().sdiv(a, b),
                Op::DivU => self.builder.ins().udiv(a, b),
                Op::RemS => self.builder.ins().srem(a, b),
                _ => self.builder.ins().urem(a, b),
            };
        };
        let narrow = matches!(inst.ty, Ty::I8 | Ty::I16);
        let (n, ty) = match narrow {
            true if is_signed => (self.builder.ins().sextend(types::I32, a), types::I32),
            true => (self.builder.ins().uextend(types::I32, a), types::I32),
            false => (a, clif_type(inst.ty)),
        };
        let quotient = match is_signed {
            true => self.signed_quotient(n, divisor.signed(), ty),
            false => self.unsigned_quotient(n, divisor.bits, ty),
        };
        let result = match inst.op {
            Op::DivS | Op::DivU => quotient,
            _ => {
                let divisor = if is_signed { divisor.signed() } else { divisor.bits as i64 };
                let divisor = self.word(divisor, ty);
                let product = self.builder.ins().imul(quotient, divisor);
                self.builder.ins().isub(n, product)
            }
        };
        if narrow { self.builder.ins().ireduce(clif_type(inst.ty), result) } else { result }
    }

    fn unsigned_quotient(&mut self, n: Value, divisor: u64, ty: Type) -> Value {
        let recipe = unsigned(divisor, ty.bits());
        let (Unsigned::Short { factor, shift } | Unsigned::Long { factor, shift }) = recipe;
        let factor = self.word(factor as i64, ty);
        let ins = &mut self.builder;
        let high = ins.ins().umulhi(n, factor);
        let sum = match recipe {
            Unsigned::Short { .. } => high,
            Unsigned::Long { .. } => {
                let rest = ins.ins().isub(n, high);
                let half = ins.ins().ushr_imm_u(rest, 1);
                ins.ins().iadd(high, half)
            }
        };
        ins.ins().ushr_imm_u(sum, i64::from(shift))
    }

    fn signed_quotient(&mut self, n: Value, divisor: i64, ty: Type) -> Value {
        let (factor, shift) = signed(divisor.unsigned_abs(), ty.bits());
        let factor = self.word(factor, ty);
        let ins = &mut self.builder;
        let high = ins.ins().smulhi(n, factor);
        let sum = ins.ins().iadd(high, n);
        let rounded = ins.ins().sshr_imm_u(sum, i64::from(shift));
        let sign = ins.ins().sshr_imm_u(n, i64::from(ty.bits() - 1));
        match divisor < 0 {
            true => ins.ins().isub(sign, rounded),
            false => ins.ins().isub(rounded, sign),
        }
    }

    fn word(&mut self, bits: i64, ty: Type) -> Value {
        let ty = if ty == types::I64 { Ty::I64 } else { Ty::I32 };
        self.value(Arg::Const(Const::new(ty, bits as u64)))
    }
}

/// Is a division by this a multiplication?
fn by_multiplying(divisor: Const, is_signed: bool) -> bool {
    match is_signed {
        true => divisor.signed().unsigned_abs() > 1,
        false => divisor.bits > 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn divide_unsigned(n: u64, divisor: u64, width: u32) -> u64 {
        let high = |factor: u64| ((u128::from(n) * u128::from(factor)) >> width) as u64;
        match unsigned(divisor, width) {
            Unsigned::Short { factor, shift } => high(factor) >> shift,
            Unsigned::Long { factor, shift } => {
                let high = high(factor);
                (high + (n - high) / 2) >> shift
            }
        }
    }

    fn divide_signed(n: i64, divisor: i64, width: u32) -> i64 {
        let (factor, shift) = signed(divisor.unsigned_abs(), width);
        // The factor as a number of that width.
        let factor = (factor << (64 - width)) >> (64 - width);
        let high = ((i128::from(n) * i128::from(factor)) >> width) as i64;
        let rounded = ((high + n) >> shift) + i64::from(n < 0);
        if divisor < 0 { -rounded } else { rounded }
    }

    /// The recipes know no width but the one that they are asked for, so 8 bits tell about all.
    #[test]
    fn all_quotients_of_bytes() {
        for divisor in 2..256u64 {
            for n in 0..256u64 {
                assert_eq!(divide_unsigned(n, divisor, 8), n / divisor, "{n} / {divisor}");
            }
        }
        for divisor in (-128..128i64).filter(|divisor| divisor.unsigned_abs() > 1) {
            for n in -128..128i64 {
                assert_eq!(divide_signed(n, divisor, 8), n / divisor, "{n} / {divisor}");
            }
        }
    }

    #[test]
    fn quotients_around_multiples() {
        for width in [32, 64] {
            let mask = u64::MAX >> (64 - width);
            let near = |n: u64| (0..5).map(move |k| n.wrapping_add(k).wrapping_sub(2) & mask);
            let powers = (0..width).flat_map(|k| near(1 << k));
            let divisors: Vec<u64> = powers.chain([7, 10, 100, 250, 641, 1_000_003]).collect();
            for divisor in divisors.iter().copied().filter(|d| *d > 1) {
                for n in divisors.iter().flat_map(|n| near((mask / divisor).wrapping_mul(*n))) {
                    assert_eq!(divide_unsigned(n, divisor, width), n / divisor, "{n} / {divisor}");
                    let of = |bits: u64| ((bits << (64 - width)) as i64) >> (64 - width);
                    let (n, divisor) = (of(n), of(divisor));
                    if divisor.unsigned_abs() > 1 {
                        let quotient = divide_signed(n, divisor, width);
                        assert_eq!(quotient, n / divisor, "{n} / {divisor}");
                    }
                }
            }
        }
    }
}

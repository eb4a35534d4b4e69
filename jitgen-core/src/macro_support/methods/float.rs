//! Methods of floats.
//!
//! Bits, signs and tests are operations; the rest is called, and gives what Rust's method gives on
//! this machine, since it is that method.
//!
//! Not here: methods that give a tuple (`sin_cos`) or an `Ordering`.

use super::{op1, op2, pure_call};
use crate::ir::{Const, Op};
use crate::macro_support::traced::{Machine, Scalar, Tv, lift};
use crate::tracer::Function;

calls! {
    /// What floats have, by calls.
    trait FloatCalls: Scalar for [f32 f64] {
        pure sqrt__traced = sqrt() -> Self;
        pure cbrt__traced = cbrt() -> Self;
        pure floor__traced = floor() -> Self;
        pure ceil__traced = ceil() -> Self;
        pure trunc__traced = trunc() -> Self;
        pure round__traced = round() -> Self;
        pure round_ties_even__traced = round_ties_even() -> Self;
        pure fract__traced = fract() -> Self;
        pure signum__traced = signum() -> Self;
        pure min__traced = min(other: Self) -> Self;
        pure max__traced = max(other: Self) -> Self;
        pure mul_add__traced = mul_add(by: Self, plus: Self) -> Self;
        pure powi__traced = powi(exp: i32) -> Self;
        pure powf__traced = powf(exp: Self) -> Self;
        pure exp__traced = exp() -> Self;
        pure exp2__traced = exp2() -> Self;
        pure exp_m1__traced = exp_m1() -> Self;
        pure ln__traced = ln() -> Self;
        pure ln_1p__traced = ln_1p() -> Self;
        pure log__traced = log(base: Self) -> Self;
        pure log2__traced = log2() -> Self;
        pure log10__traced = log10() -> Self;
        pure hypot__traced = hypot(other: Self) -> Self;
        pure sin__traced = sin() -> Self;
        pure cos__traced = cos() -> Self;
        pure tan__traced = tan() -> Self;
        pure asin__traced = asin() -> Self;
        pure acos__traced = acos() -> Self;
        pure atan__traced = atan() -> Self;
        pure atan2__traced = atan2(other: Self) -> Self;
        pure sinh__traced = sinh() -> Self;
        pure cosh__traced = cosh() -> Self;
        pure tanh__traced = tanh() -> Self;
        pure to_degrees__traced = to_degrees() -> Self;
        pure to_radians__traced = to_radians() -> Self;
        pure div_euclid__traced = div_euclid(by: Self) -> Self;
        pure rem_euclid__traced = rem_euclid(by: Self) -> Self;
    }
}

/// What floats have, by operations.
pub trait Float: Scalar {
    /// The integer of the same size.
    type Bits: Scalar;
    /// The twin of `to_bits`.
    fn to_bits__traced(&self, this: Tv<Self>) -> Tv<Self::Bits>;
    /// The twin of `from_bits`.
    fn from_bits__traced(bits: Tv<Self::Bits>) -> Tv<Self>;
    /// The twin of `abs`.
    fn abs__traced(&self, this: Tv<Self>) -> Tv<Self>;
    /// The twin of `copysign`.
    fn copysign__traced(&self, this: Tv<Self>, sign: Tv<Self>) -> Tv<Self>;
    /// The twin of `recip`.
    fn recip__traced(&self, this: Tv<Self>) -> Tv<Self>;
    /// The twin of `is_nan`.
    fn is_nan__traced(&self, this: Tv<Self>) -> Tv<bool>;
    /// The twin of `is_finite`.
    fn is_finite__traced(&self, this: Tv<Self>) -> Tv<bool>;
    /// The twin of `is_infinite`.
    fn is_infinite__traced(&self, this: Tv<Self>) -> Tv<bool>;
    /// The twin of `is_sign_negative`.
    fn is_sign_negative__traced(&self, this: Tv<Self>) -> Tv<bool>;
    /// The twin of `is_sign_positive`.
    fn is_sign_positive__traced(&self, this: Tv<Self>) -> Tv<bool>;
}

macro_rules! floats {
    ($($t:ty, $bits:ty);+) => {$(
        impl Float for $t {
            type Bits = $bits;
            fn to_bits__traced(&self, this: Tv<$t>) -> Tv<$bits> {
                op1(Op::Bitcast, <$bits>::TY, this, this.nat().to_bits())
            }
            fn from_bits__traced(bits: Tv<$bits>) -> Tv<$t> {
                op1(Op::Bitcast, <$t>::TY, bits, <$t>::from_bits(bits.nat()))
            }
            fn abs__traced(&self, this: Tv<$t>) -> Tv<$t> {
                let (bits, mask) = (self.to_bits__traced(this), lift(<$bits>::MAX >> 1));
                Self::from_bits__traced(op2(Op::And, <$bits>::TY, bits, mask, bits.nat() & mask.nat()))
            }
            fn copysign__traced(&self, this: Tv<$t>, sign: Tv<$t>) -> Tv<$t> {
                let size = self.to_bits__traced(self.abs__traced(this));
                let (sign, mask) = (self.to_bits__traced(sign), lift(!(<$bits>::MAX >> 1)));
                let sign = op2(Op::And, <$bits>::TY, sign, mask, sign.nat() & mask.nat());
                Self::from_bits__traced(op2(Op::Or, <$bits>::TY, size, sign, size.nat() | sign.nat()))
            }
            fn recip__traced(&self, this: Tv<$t>) -> Tv<$t> {
                op2(Op::FDiv, <$t>::TY, lift::<$t>(1.0), this, this.nat().recip())
            }
            fn is_nan__traced(&self, this: Tv<$t>) -> Tv<bool> {
                op2(Op::FNe, <$t>::TY, this, this, this.nat().is_nan())
            }
            fn is_finite__traced(&self, this: Tv<$t>) -> Tv<bool> {
                let size = self.abs__traced(this);
                op2(Op::FLt, <$t>::TY, size, lift(<$t>::INFINITY), this.nat().is_finite())
            }
            fn is_infinite__traced(&self, this: Tv<$t>) -> Tv<bool> {
                let size = self.abs__traced(this);
                op2(Op::FEq, <$t>::TY, size, lift(<$t>::INFINITY), this.nat().is_infinite())
            }
            fn is_sign_negative__traced(&self, this: Tv<$t>) -> Tv<bool> {
                let bits = self.to_bits__traced(this);
                let zero = lift::<$bits>(0);
                op2(Op::LtS, <$bits>::TY, bits, zero, this.nat().is_sign_negative())
            }
            fn is_sign_positive__traced(&self, this: Tv<$t>) -> Tv<bool> {
                let bits = self.to_bits__traced(this);
                let zero = lift::<$bits>(0);
                op2(Op::LeS, <$bits>::TY, zero, bits, this.nat().is_sign_positive())
            }
        }
    )+};
}
floats!(f32, u32; f64, u64);

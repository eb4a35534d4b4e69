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
        pure sqrt__twin = sqrt() -> Self;
        pure cbrt__twin = cbrt() -> Self;
        pure floor__twin = floor() -> Self;
        pure ceil__twin = ceil() -> Self;
        pure trunc__twin = trunc() -> Self;
        pure round__twin = round() -> Self;
        pure round_ties_even__twin = round_ties_even() -> Self;
        pure fract__twin = fract() -> Self;
        pure signum__twin = signum() -> Self;
        pure min__twin = min(other: Self) -> Self;
        pure max__twin = max(other: Self) -> Self;
        pure mul_add__twin = mul_add(by: Self, plus: Self) -> Self;
        pure powi__twin = powi(exp: i32) -> Self;
        pure powf__twin = powf(exp: Self) -> Self;
        pure exp__twin = exp() -> Self;
        pure exp2__twin = exp2() -> Self;
        pure exp_m1__twin = exp_m1() -> Self;
        pure ln__twin = ln() -> Self;
        pure ln_1p__twin = ln_1p() -> Self;
        pure log__twin = log(base: Self) -> Self;
        pure log2__twin = log2() -> Self;
        pure log10__twin = log10() -> Self;
        pure hypot__twin = hypot(other: Self) -> Self;
        pure sin__twin = sin() -> Self;
        pure cos__twin = cos() -> Self;
        pure tan__twin = tan() -> Self;
        pure asin__twin = asin() -> Self;
        pure acos__twin = acos() -> Self;
        pure atan__twin = atan() -> Self;
        pure atan2__twin = atan2(other: Self) -> Self;
        pure sinh__twin = sinh() -> Self;
        pure cosh__twin = cosh() -> Self;
        pure tanh__twin = tanh() -> Self;
        pure to_degrees__twin = to_degrees() -> Self;
        pure to_radians__twin = to_radians() -> Self;
        pure div_euclid__twin = div_euclid(by: Self) -> Self;
        pure rem_euclid__twin = rem_euclid(by: Self) -> Self;
    }
}

/// What floats have, by operations.
pub trait Float: Scalar {
    /// The integer of the same size.
    type Bits: Scalar;
    /// The twin of `to_bits`.
    fn to_bits__twin(&self, this: Tv<Self>) -> Tv<Self::Bits>;
    /// The twin of `from_bits`.
    fn from_bits__twin(bits: Tv<Self::Bits>) -> Tv<Self>;
    /// The twin of `abs`.
    fn abs__twin(&self, this: Tv<Self>) -> Tv<Self>;
    /// The twin of `copysign`.
    fn copysign__twin(&self, this: Tv<Self>, sign: Tv<Self>) -> Tv<Self>;
    /// The twin of `recip`.
    fn recip__twin(&self, this: Tv<Self>) -> Tv<Self>;
    /// The twin of `is_nan`.
    fn is_nan__twin(&self, this: Tv<Self>) -> Tv<bool>;
    /// The twin of `is_finite`.
    fn is_finite__twin(&self, this: Tv<Self>) -> Tv<bool>;
    /// The twin of `is_infinite`.
    fn is_infinite__twin(&self, this: Tv<Self>) -> Tv<bool>;
    /// The twin of `is_sign_negative`.
    fn is_sign_negative__twin(&self, this: Tv<Self>) -> Tv<bool>;
    /// The twin of `is_sign_positive`.
    fn is_sign_positive__twin(&self, this: Tv<Self>) -> Tv<bool>;
}

macro_rules! floats {
    ($($t:ty, $bits:ty);+) => {$(
        impl Float for $t {
            type Bits = $bits;
            fn to_bits__twin(&self, this: Tv<$t>) -> Tv<$bits> {
                op1(Op::Bitcast, <$bits>::TY, this, this.nat().to_bits())
            }
            fn from_bits__twin(bits: Tv<$bits>) -> Tv<$t> {
                op1(Op::Bitcast, <$t>::TY, bits, <$t>::from_bits(bits.nat()))
            }
            fn abs__twin(&self, this: Tv<$t>) -> Tv<$t> {
                let (bits, mask) = (self.to_bits__twin(this), lift(<$bits>::MAX >> 1));
                Self::from_bits__twin(op2(Op::And, <$bits>::TY, bits, mask, bits.nat() & mask.nat()))
            }
            fn copysign__twin(&self, this: Tv<$t>, sign: Tv<$t>) -> Tv<$t> {
                let size = self.to_bits__twin(self.abs__twin(this));
                let (sign, mask) = (self.to_bits__twin(sign), lift(!(<$bits>::MAX >> 1)));
                let sign = op2(Op::And, <$bits>::TY, sign, mask, sign.nat() & mask.nat());
                Self::from_bits__twin(op2(Op::Or, <$bits>::TY, size, sign, size.nat() | sign.nat()))
            }
            fn recip__twin(&self, this: Tv<$t>) -> Tv<$t> {
                op2(Op::FDiv, <$t>::TY, lift::<$t>(1.0), this, this.nat().recip())
            }
            fn is_nan__twin(&self, this: Tv<$t>) -> Tv<bool> {
                op2(Op::FNe, <$t>::TY, this, this, this.nat().is_nan())
            }
            fn is_finite__twin(&self, this: Tv<$t>) -> Tv<bool> {
                let size = self.abs__twin(this);
                op2(Op::FLt, <$t>::TY, size, lift(<$t>::INFINITY), this.nat().is_finite())
            }
            fn is_infinite__twin(&self, this: Tv<$t>) -> Tv<bool> {
                let size = self.abs__twin(this);
                op2(Op::FEq, <$t>::TY, size, lift(<$t>::INFINITY), this.nat().is_infinite())
            }
            fn is_sign_negative__twin(&self, this: Tv<$t>) -> Tv<bool> {
                let bits = self.to_bits__twin(this);
                let zero = lift::<$bits>(0);
                op2(Op::LtS, <$bits>::TY, bits, zero, this.nat().is_sign_negative())
            }
            fn is_sign_positive__twin(&self, this: Tv<$t>) -> Tv<bool> {
                let bits = self.to_bits__twin(this);
                let zero = lift::<$bits>(0);
                op2(Op::LeS, <$bits>::TY, zero, bits, this.nat().is_sign_positive())
            }
        }
    )+};
}
floats!(f32, u32; f64, u64);

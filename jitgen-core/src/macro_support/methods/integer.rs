//! Methods of integers.
//!
//! What is an operation of the trace, or a few of them, is one here: wrapping arithmetic, shifts
//! and rotations, `min`, `max`, `abs`. Everything else is a call (`table`).
//!
//! Not here: `checked_*` and `overflowing_*` (`checked`).

use super::{assume, op1, op2, pure_call, select, word};
use crate::ir::{Const, Op, Ty};
use crate::macro_support::traced::{Machine, Scalar, Tv, lift};
use crate::tracer::Function;
use std::ops::Not;

calls! {
    /// What all integers have, by calls.
    trait IntegerCalls: Scalar for [u8 u16 u32 u64 usize i8 i16 i32 i64 isize] {
        pure count_ones__twin = count_ones() -> u32;
        pure count_zeros__twin = count_zeros() -> u32;
        pure leading_zeros__twin = leading_zeros() -> u32;
        pure leading_ones__twin = leading_ones() -> u32;
        pure trailing_zeros__twin = trailing_zeros() -> u32;
        pure trailing_ones__twin = trailing_ones() -> u32;
        pure swap_bytes__twin = swap_bytes() -> Self;
        pure reverse_bits__twin = reverse_bits() -> Self;
        pure saturating_add__twin = saturating_add(other: Self) -> Self;
        pure saturating_sub__twin = saturating_sub(other: Self) -> Self;
        pure saturating_mul__twin = saturating_mul(other: Self) -> Self;
        pure saturating_pow__twin = saturating_pow(exp: u32) -> Self;
        pure wrapping_pow__twin = wrapping_pow(exp: u32) -> Self;
        nonzero wrapping_div_euclid__twin = wrapping_div_euclid(by: Self) -> Self;
        nonzero wrapping_rem_euclid__twin = wrapping_rem_euclid(by: Self) -> Self;
        nonzero saturating_div__twin = saturating_div(by: Self) -> Self;
        fallible pow__twin = pow(exp: u32) -> Self, checked_pow or wrapping_pow;
        fallible div_euclid__twin = div_euclid(by: Self) -> Self, checked_div_euclid or zero;
        fallible rem_euclid__twin = rem_euclid(by: Self) -> Self, checked_rem_euclid or zero;
        fallible ilog2__twin = ilog2() -> u32, checked_ilog2 or zero;
        fallible ilog10__twin = ilog10() -> u32, checked_ilog10 or zero;
        fallible ilog__twin = ilog(base: Self) -> u32, checked_ilog or zero;
    }
}

calls! {
    /// What unsigned integers have, by calls.
    trait UnsignedCalls: Scalar for [u8 u16 u32 u64 usize] {
        pure isqrt__twin = isqrt() -> Self;
        pure is_power_of_two__twin = is_power_of_two() -> bool;
        nonzero div_ceil__twin = div_ceil(by: Self) -> Self;
        fallible next_power_of_two__twin = next_power_of_two() -> Self,
            checked_next_power_of_two or zero;
    }
}

calls! {
    /// What signed integers have, by calls.
    trait SignedCalls: Signed for [i8 i16 i32 i64 isize] {
        fallible isqrt__twin = isqrt() -> Self, checked_isqrt or zero;
        fallible abs__twin = abs() -> Self, checked_abs or wrapping_abs;
        pure signum__twin = signum() -> Self;
        pure unsigned_abs__twin = unsigned_abs() -> Unsigned;
        pure abs_diff__twin = abs_diff(other: Self) -> Unsigned;
        pure saturating_abs__twin = saturating_abs() -> Self;
        pure saturating_neg__twin = saturating_neg() -> Self;
    }
}

/// The unsigned integer of the same size.
pub trait Signed: Scalar {
    /// It.
    type Unsigned: Scalar;
}

macro_rules! unsigned_of {
    ($($t:ty => $unsigned:ty),+) => {$(
        impl Signed for $t { type Unsigned = $unsigned; }
    )+};
}
unsigned_of!(i8 => u8, i16 => u16, i32 => u32, i64 => u64, isize => usize);

/// What all integers have, by operations.
pub trait Integer: Scalar {
    /// The twin of `wrapping_add`.
    fn wrapping_add__twin(&self, this: Tv<Self>, other: Tv<Self>) -> Tv<Self>;
    /// The twin of `wrapping_sub`.
    fn wrapping_sub__twin(&self, this: Tv<Self>, other: Tv<Self>) -> Tv<Self>;
    /// The twin of `wrapping_mul`.
    fn wrapping_mul__twin(&self, this: Tv<Self>, other: Tv<Self>) -> Tv<Self>;
    /// The twin of `wrapping_div`.
    fn wrapping_div__twin(&self, this: Tv<Self>, by: Tv<Self>) -> Tv<Self>;
    /// The twin of `wrapping_rem`.
    fn wrapping_rem__twin(&self, this: Tv<Self>, by: Tv<Self>) -> Tv<Self>;
    /// The twin of `wrapping_neg`.
    fn wrapping_neg__twin(&self, this: Tv<Self>) -> Tv<Self>;
    /// The twin of `wrapping_shl`.
    fn wrapping_shl__twin(&self, this: Tv<Self>, by: Tv<u32>) -> Tv<Self>;
    /// The twin of `wrapping_shr`.
    fn wrapping_shr__twin(&self, this: Tv<Self>, by: Tv<u32>) -> Tv<Self>;
    /// The twin of `rotate_left`.
    fn rotate_left__twin(&self, this: Tv<Self>, by: Tv<u32>) -> Tv<Self>;
    /// The twin of `rotate_right`.
    fn rotate_right__twin(&self, this: Tv<Self>, by: Tv<u32>) -> Tv<Self>;
    /// The twin of `min`.
    fn min__twin(&self, this: Tv<Self>, other: Tv<Self>) -> Tv<Self>;
    /// The twin of `max`.
    fn max__twin(&self, this: Tv<Self>, other: Tv<Self>) -> Tv<Self>;
    /// The twin of `clamp`.
    fn clamp__twin(&self, this: Tv<Self>, low: Tv<Self>, high: Tv<Self>) -> Tv<Self>;
}

/// `u32` is the amount of every shift; a trace shifts by a word of the same type.
fn amount<X: Scalar>(by: Tv<u32>, now: X) -> Tv<X> {
    match X::TY.size().cmp(&4) {
        std::cmp::Ordering::Less => op1(Op::Trunc, X::TY, by, now),
        std::cmp::Ordering::Equal => word(now, by.opnd()),
        std::cmp::Ordering::Greater => op1(Op::Zext, X::TY, by, now),
    }
}

fn less<X: Scalar + PartialOrd>(a: Tv<X>, b: Tv<X>) -> Tv<bool> {
    op2(if X::SIGNED { Op::LtS } else { Op::LtU }, X::TY, a, b, a.nat() < b.nat())
}

/// Guards that `by` is not 0, and whether it is the divisor by which the smallest number cannot be
/// divided; answers that.
fn is_minus_one<X: Integer + Default + Not<Output = X>>(by: Tv<X>) -> bool {
    let (zero, ones) = (lift(X::default()), lift(!X::default()));
    let now = |c: Tv<X>| by.nat().bits() == c.nat().bits();
    assume(op2(Op::Eq, X::TY, by, zero, now(zero)));
    if X::SIGNED {
        assume(op2(Op::Eq, X::TY, by, ones, now(ones)));
    }
    X::SIGNED && now(ones)
}

macro_rules! integers {
    ($($t:ty, $unsigned:ty);+) => {$(
        impl Integer for $t {
            fn wrapping_add__twin(&self, this: Tv<$t>, other: Tv<$t>) -> Tv<$t> {
                op2(Op::Add, <$t>::TY, this, other, this.nat().wrapping_add(other.nat()))
            }
            fn wrapping_sub__twin(&self, this: Tv<$t>, other: Tv<$t>) -> Tv<$t> {
                op2(Op::Sub, <$t>::TY, this, other, this.nat().wrapping_sub(other.nat()))
            }
            fn wrapping_mul__twin(&self, this: Tv<$t>, other: Tv<$t>) -> Tv<$t> {
                op2(Op::Mul, <$t>::TY, this, other, this.nat().wrapping_mul(other.nat()))
            }
            fn wrapping_div__twin(&self, this: Tv<$t>, by: Tv<$t>) -> Tv<$t> {
                if is_minus_one(by) {
                    return self.wrapping_neg__twin(this);
                }
                let op = if <$t>::SIGNED { Op::DivS } else { Op::DivU };
                op2(op, <$t>::TY, this, by, this.nat().wrapping_div(by.nat()))
            }
            fn wrapping_rem__twin(&self, this: Tv<$t>, by: Tv<$t>) -> Tv<$t> {
                if is_minus_one(by) {
                    return lift(0);
                }
                let op = if <$t>::SIGNED { Op::RemS } else { Op::RemU };
                op2(op, <$t>::TY, this, by, this.nat().wrapping_rem(by.nat()))
            }
            fn wrapping_neg__twin(&self, this: Tv<$t>) -> Tv<$t> {
                op1(Op::Neg, <$t>::TY, this, this.nat().wrapping_neg())
            }
            fn wrapping_shl__twin(&self, this: Tv<$t>, by: Tv<u32>) -> Tv<$t> {
                let by = amount(by, by.nat() as $t);
                op2(Op::Shl, <$t>::TY, this, by, this.nat().wrapping_shl(by.nat() as u32))
            }
            fn wrapping_shr__twin(&self, this: Tv<$t>, by: Tv<u32>) -> Tv<$t> {
                let by = amount(by, by.nat() as $t);
                let op = if <$t>::SIGNED { Op::ShrS } else { Op::ShrU };
                op2(op, <$t>::TY, this, by, this.nat().wrapping_shr(by.nat() as u32))
            }
            fn rotate_left__twin(&self, this: Tv<$t>, by: Tv<u32>) -> Tv<$t> {
                // Both shifts are modulo the width, so a rotation by 0 is `x | x`.
                let by = amount::<$t>(by, by.nat() as $t);
                let back = op1(Op::Neg, <$t>::TY, by, by.nat().wrapping_neg());
                let high = this.nat().wrapping_shl(by.nat() as u32);
                let low = (this.nat() as $unsigned).wrapping_shr(back.nat() as u32) as $t;
                let high = op2(Op::Shl, <$t>::TY, this, by, high);
                let low = op2(Op::ShrU, <$t>::TY, this, back, low);
                op2(Op::Or, <$t>::TY, high, low, high.nat() | low.nat())
            }
            fn rotate_right__twin(&self, this: Tv<$t>, by: Tv<u32>) -> Tv<$t> {
                let back = op1(Op::Neg, Ty::I32, by, by.nat().wrapping_neg());
                self.rotate_left__twin(this, back)
            }
            fn min__twin(&self, this: Tv<$t>, other: Tv<$t>) -> Tv<$t> {
                select(less(other, this), other, this)
            }
            fn max__twin(&self, this: Tv<$t>, other: Tv<$t>) -> Tv<$t> {
                select(less(this, other), other, this)
            }
            fn clamp__twin(&self, this: Tv<$t>, low: Tv<$t>, high: Tv<$t>) -> Tv<$t> {
                assume(less(high, low));
                let _panics = this.nat().clamp(low.nat(), high.nat());
                let up = self.max__twin(this, low);
                self.min__twin(up, high)
            }
        }
    )+};
}
integers!(
    u8, u8; u16, u16; u32, u32; u64, u64; usize, usize;
    i8, u8; i16, u16; i32, u32; i64, u64; isize, usize
);

/// What unsigned integers have, by operations.
pub trait Unsigned: Integer {
    /// The twin of `abs_diff`.
    fn abs_diff__twin(&self, this: Tv<Self>, other: Tv<Self>) -> Tv<Self>;
}

macro_rules! unsigned {
    ($($t:ty)+) => {$(
        impl Unsigned for $t {
            fn abs_diff__twin(&self, this: Tv<$t>, other: Tv<$t>) -> Tv<$t> {
                let (high, low) = (self.max__twin(this, other), self.min__twin(this, other));
                op2(Op::Sub, <$t>::TY, high, low, high.nat() - low.nat())
            }
        }
    )+};
}
unsigned!(u8 u16 u32 u64 usize);

/// What signed integers have, by operations.
pub trait SignedOps: Integer {
    /// The twin of `wrapping_abs`.
    fn wrapping_abs__twin(&self, this: Tv<Self>) -> Tv<Self>;
    /// The twin of `is_negative`.
    fn is_negative__twin(&self, this: Tv<Self>) -> Tv<bool>;
    /// The twin of `is_positive`.
    fn is_positive__twin(&self, this: Tv<Self>) -> Tv<bool>;
}

macro_rules! signed {
    ($($t:ty)+) => {$(
        impl SignedOps for $t {
            fn wrapping_abs__twin(&self, this: Tv<$t>) -> Tv<$t> {
                // x ^ s - s, where s is the sign in every bit.
                let width = lift((<$t>::BITS - 1) as $t);
                let sign = op2(Op::ShrS, <$t>::TY, this, width, this.nat() >> width.nat());
                let flipped = op2(Op::Xor, <$t>::TY, this, sign, this.nat() ^ sign.nat());
                op2(Op::Sub, <$t>::TY, flipped, sign, flipped.nat().wrapping_sub(sign.nat()))
            }
            fn is_negative__twin(&self, this: Tv<$t>) -> Tv<bool> {
                less(this, lift(0))
            }
            fn is_positive__twin(&self, this: Tv<$t>) -> Tv<bool> {
                less(lift(0), this)
            }
        }
    )+};
}
signed!(i8 i16 i32 i64 isize);

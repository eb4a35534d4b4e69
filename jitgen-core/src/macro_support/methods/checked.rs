//! Methods of integers that say whether they have failed: `checked_*`, `overflowing_*`.
//!
//! ```text
//! a.checked_add(b)       guard_not add_ovf_s a, b; Some(add a, b)     or guard …; None
//! a.overflowing_add(b)   (add a, b; add_ovf_s a, b)
//! ```
//!
//! Which variant a `checked_*` gives is guarded at once: whoever calls it asks next.
//!
//! Not here: methods of `Option` itself.

use super::integer::Integer;
use super::{assume, op2, pure_call};
use crate::ir::{Const, Op};
use crate::macro_support::call::{made, some, whole};
use crate::macro_support::traced::{CONSTANT, Machine, Scalar, Tv, lift};
use crate::tracer::Function;

/// `None` if it has failed, else the value.
fn some_unless<X: Scalar>(fails: Tv<bool>, value: impl FnOnce() -> Tv<X>) -> Tv<Option<X>> {
    assume(fails);
    if fails.nat() {
        return lift(None);
    }
    some(value())
}

/// A value, and whether it has overflowed.
fn pair<X: Scalar>(value: Tv<X>, fails: Tv<bool>) -> Tv<(X, bool)> {
    let x = (value.nat(), fails.nat());
    let parts = [made(&x.0, value.opnd()), made(&x.1, fails.opnd())];
    whole(&raw const x, CONSTANT, &parts, x)
}

options! {
    /// What all integers have, by calls.
    trait CheckedCalls: Scalar for [u8 u16 u32 u64 usize i8 i16 i32 i64 isize] {
        checked_div__twin = checked_div(by: Self) -> Self;
        checked_rem__twin = checked_rem(by: Self) -> Self;
        checked_div_euclid__twin = checked_div_euclid(by: Self) -> Self;
        checked_rem_euclid__twin = checked_rem_euclid(by: Self) -> Self;
        checked_neg__twin = checked_neg() -> Self;
        checked_shl__twin = checked_shl(by: u32) -> Self;
        checked_shr__twin = checked_shr(by: u32) -> Self;
        checked_pow__twin = checked_pow(exp: u32) -> Self;
        checked_ilog2__twin = checked_ilog2() -> u32;
        checked_ilog10__twin = checked_ilog10() -> u32;
    }
}

options! {
    /// What signed integers have, by calls.
    trait CheckedSigned: Scalar for [i8 i16 i32 i64 isize] {
        checked_abs__twin = checked_abs() -> Self;
    }
}

options! {
    /// What unsigned integers have, by calls.
    trait CheckedUnsigned: Scalar for [u8 u16 u32 u64 usize] {
        checked_next_power_of_two__twin = checked_next_power_of_two() -> Self;
    }
}

/// What all integers have, by operations.
pub trait Checked: Integer {
    /// The twin of `checked_add`.
    fn checked_add__twin(&self, this: Tv<Self>, other: Tv<Self>) -> Tv<Option<Self>>;
    /// The twin of `checked_sub`.
    fn checked_sub__twin(&self, this: Tv<Self>, other: Tv<Self>) -> Tv<Option<Self>>;
    /// The twin of `checked_mul`.
    fn checked_mul__twin(&self, this: Tv<Self>, other: Tv<Self>) -> Tv<Option<Self>>;
    /// The twin of `overflowing_add`.
    fn overflowing_add__twin(&self, this: Tv<Self>, other: Tv<Self>) -> Tv<(Self, bool)>;
    /// The twin of `overflowing_sub`.
    fn overflowing_sub__twin(&self, this: Tv<Self>, other: Tv<Self>) -> Tv<(Self, bool)>;
    /// The twin of `overflowing_mul`.
    fn overflowing_mul__twin(&self, this: Tv<Self>, other: Tv<Self>) -> Tv<(Self, bool)>;
}

macro_rules! checked {
    ($($t:ty)+) => {$(
        impl Checked for $t {
            fn checked_add__twin(&self, this: Tv<$t>, other: Tv<$t>) -> Tv<Option<$t>> {
                let fails = overflows(Op::AddOvfS, Op::AddOvfU, this, other, this.nat().checked_add(other.nat()));
                some_unless(fails, || self.wrapping_add__twin(this, other))
            }
            fn checked_sub__twin(&self, this: Tv<$t>, other: Tv<$t>) -> Tv<Option<$t>> {
                let fails = overflows(Op::SubOvfS, Op::SubOvfU, this, other, this.nat().checked_sub(other.nat()));
                some_unless(fails, || self.wrapping_sub__twin(this, other))
            }
            fn checked_mul__twin(&self, this: Tv<$t>, other: Tv<$t>) -> Tv<Option<$t>> {
                let fails = overflows(Op::MulOvfS, Op::MulOvfU, this, other, this.nat().checked_mul(other.nat()));
                some_unless(fails, || self.wrapping_mul__twin(this, other))
            }
            fn overflowing_add__twin(&self, this: Tv<$t>, other: Tv<$t>) -> Tv<($t, bool)> {
                let fails = overflows(Op::AddOvfS, Op::AddOvfU, this, other, this.nat().checked_add(other.nat()));
                pair(self.wrapping_add__twin(this, other), fails)
            }
            fn overflowing_sub__twin(&self, this: Tv<$t>, other: Tv<$t>) -> Tv<($t, bool)> {
                let fails = overflows(Op::SubOvfS, Op::SubOvfU, this, other, this.nat().checked_sub(other.nat()));
                pair(self.wrapping_sub__twin(this, other), fails)
            }
            fn overflowing_mul__twin(&self, this: Tv<$t>, other: Tv<$t>) -> Tv<($t, bool)> {
                let fails = overflows(Op::MulOvfS, Op::MulOvfU, this, other, this.nat().checked_mul(other.nat()));
                pair(self.wrapping_mul__twin(this, other), fails)
            }
        }
    )+};
}
checked!(u8 u16 u32 u64 usize i8 i16 i32 i64 isize);

/// Does the operation overflow? `now` is what it gives.
fn overflows<X: Scalar>(signed: Op, unsigned: Op, a: Tv<X>, b: Tv<X>, now: Option<X>) -> Tv<bool> {
    op2(if X::SIGNED { signed } else { unsigned }, X::TY, a, b, now.is_none())
}

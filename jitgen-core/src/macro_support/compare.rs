//! `<` and the like: of words, of what references lead to, of texts.
//!
//! ```text
//! a < b       words: an operation;  `&i64`: loads, then that;  `Rc<str>`: a call
//! ```
//!
//! Not here: `==` and `!=` (`equal`), other operators (`ops`), patterns.

use super::call::residual;
use super::ops::{Bin, bin, binary};
use super::place::{Place, local, shared};
use super::reach::deref;
use super::traced::{Scalar, Traced, Tv};
use crate::ir::{Const, Ty};
use crate::tracer::{Function, panics};
use std::cmp::Ordering;
use std::rc::Rc;

/// What `<` compares.
#[diagnostic::on_unimplemented(
    message = "comparisons of `{Self}` cannot be traced",
    label = "not a machine word",
    note = "move the comparison into a #[residual] function, or take the value apart with `match`"
)]
pub trait Comparable: Traced {
    /// `a op b`; `now` computes it natively.
    fn compare(op: Bin, a: Tv<Self>, b: Tv<Self>, now: impl FnOnce() -> bool) -> Tv<bool>;
    /// The same of values in places.
    fn compare_in(op: Bin, a: Place<Self>, b: Place<Self>) -> Tv<bool>;
}

/// `a op b`.
pub fn compare<X: Comparable>(op: Bin, a: Tv<X>, b: Tv<X>, now: impl FnOnce() -> bool) -> Tv<bool> {
    X::compare(op, a, b, now)
}

/// Of words in places.
pub fn compare_words<X: Scalar>(op: Bin, a: Place<X>, b: Place<X>) -> Tv<bool> {
    let (a, b): (Tv<X>, Tv<X>) = (a.get(), b.get());
    let (x, y) = (a.word(), b.word());
    let now = decide(op, X::SIGNED, x.now, y.now);
    Tv::of(now, binary(op, false, X::SIGNED, x, y, Const::bool(now)))
}

/// The result for bits.
fn decide(op: Bin, signed: bool, a: Const, b: Const) -> bool {
    let order = match a.ty {
        Ty::F64 => f64::from_bits(a.bits).partial_cmp(&f64::from_bits(b.bits)),
        Ty::F32 => f32::from_bits(a.bits as u32).partial_cmp(&f32::from_bits(b.bits as u32)),
        _ if signed => Some(a.signed().cmp(&b.signed())),
        _ => Some(a.bits.cmp(&b.bits)),
    };
    match op {
        Bin::Eq => order == Some(Ordering::Equal),
        Bin::Ne => order != Some(Ordering::Equal),
        Bin::Lt => order == Some(Ordering::Less),
        Bin::Le => matches!(order, Some(Ordering::Less | Ordering::Equal)),
        Bin::Gt => order == Some(Ordering::Greater),
        Bin::Ge => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
        _ => unreachable!("not a comparison"),
    }
}

/// Of words.
pub fn compare_scalars<X: Scalar>(
    op: Bin,
    a: Tv<X>,
    b: Tv<X>,
    now: impl FnOnce() -> bool,
) -> Tv<bool> {
    bin(op, false, a, b, now())
}

macro_rules! words {
    ($([$($g:tt)*] $t:ty;)+) => {$(
        impl<$($g)*> Comparable for $t {
            fn compare(op: Bin, a: Tv<Self>, b: Tv<Self>, now: impl FnOnce() -> bool) -> Tv<bool> {
                compare_scalars(op, a, b, now)
            }
            fn compare_in(op: Bin, a: Place<Self>, b: Place<Self>) -> Tv<bool> {
                compare_words(op, a, b)
            }
        }
    )+};
}
words! {
    [] u8; [] u16; [] u32; [] u64; [] usize; [] i8; [] i16; [] i32; [] i64; [] isize;
    [] bool; [] char; [] f32; [] f64;
    [T] *const T; [T] *mut T;
}

macro_rules! references {
    ($($t:ty),+) => {$(
        impl<T: Comparable> Comparable for $t {
            fn compare(
                op: Bin,
                mut a: Tv<Self>,
                mut b: Tv<Self>,
                _: impl FnOnce() -> bool,
            ) -> Tv<bool> {
                // What they lead to may be elsewhere while a log is replayed.
                Self::compare_in(op, local(&mut a), local(&mut b))
            }
            fn compare_in(op: Bin, a: Place<Self>, b: Place<Self>) -> Tv<bool> {
                T::compare_in(op, deref(a), deref(b))
            }
        }
    )+};
}
references!(&T, &mut T);

extern "C" fn ordering_thunk<T: Ord>(a: *const T, b: *const T, _out: *mut u8) -> u64 {
    panics::guarded(0, || {
        // SAFETY: a trace passes the addresses of live values.
        let order = unsafe { (*a).cmp(&*b) };
        order as i64 as u64
    })
}

/// Of values that only their own `Ord` can compare.
pub(super) fn compare_called<X: Traced + Ord>(op: Bin, a: Place<X>, b: Place<X>) -> Tv<bool> {
    let function = Function {
        symbol: std::any::type_name::<fn(X) -> Ordering>(),
        address: ordering_thunk::<X> as *const () as usize,
    };
    let words = [shared(a).word(), shared(b).word()];
    let (x, y) = (a.addr(), b.addr());
    // SAFETY: live values are there whenever the call is made.
    let order = residual(function, &words, move || unsafe { (*x).cmp(&*y) } as i64);
    let zero = super::traced::lift(0i64);
    let now = decide(op, true, order.word().now, zero.word().now);
    bin(op, false, order, zero, now)
}

macro_rules! texts {
    ($($t:ty),+) => {$(
        impl Comparable for $t {
            fn compare(
                op: Bin,
                mut a: Tv<Self>,
                mut b: Tv<Self>,
                _: impl FnOnce() -> bool,
            ) -> Tv<bool> {
                Self::compare_in(op, local(&mut a), local(&mut b))
            }
            fn compare_in(op: Bin, a: Place<Self>, b: Place<Self>) -> Tv<bool> {
                compare_called(op, a, b)
            }
        }
    )+};
}
texts!(Rc<str>, String);

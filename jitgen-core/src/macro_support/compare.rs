//! `<` and the like: of words, of what references lead to, of texts.
//!
//! ```text
//! a < b       words: an operation;  `&i64`: loads, then that;  `Rc<str>`: a call
//! ```
//!
//! Not here: `==` and `!=` (`equal`), other operators (`ops`), patterns.

use super::ask;
use super::call::residual;
use super::ops::{Bin, binary};
use super::place::{Place, local, shared};
use super::reach::deref;
use super::traced::{Scalar, Traced, Tv};
use crate::ir::{Const, Ty};
use crate::tracer::{AbortReason, Function, Opnd, Word, panics};
use std::cmp::Ordering;
use std::rc::Rc;

/// What `<` compares.
#[diagnostic::on_unimplemented(
    message = "comparisons of `{Self}` cannot be traced",
    label = "not a machine word",
    note = "move the comparison into a #[residual] function, or take the value apart with `match`"
)]
pub trait Comparable: Traced {
    /// `a op b`.
    fn compare(op: Bin, a: Tv<Self>, b: Tv<Self>) -> Tv<bool>;
    /// The same of values in places.
    fn compare_in(op: Bin, a: Place<Self>, b: Place<Self>) -> Tv<bool> {
        Self::compare(op, a.get(), b.get())
    }
}

/// `a op b`.
pub fn compare<X: Comparable>(op: Bin, a: Tv<X>, b: Tv<X>) -> Tv<bool> {
    X::compare(op, a, b)
}

/// Of words.
pub fn compare_scalars<X: Scalar + PartialOrd>(op: Bin, a: Tv<X>, b: Tv<X>) -> Tv<bool> {
    let (x, y) = (a.nat(), b.nat());
    let now = match op {
        Bin::Lt => x < y,
        Bin::Le => x <= y,
        Bin::Gt => x > y,
        _ => x >= y,
    };
    compared(op, X::SIGNED, a.word(), b.word(), now)
}

/// A comparison of words, which is `now`.
pub(super) fn compared(op: Bin, signed: bool, a: Word, b: Word, now: bool) -> Tv<bool> {
    if decide(op, signed, a.now, b.now) != now {
        // An enum that is compared by a function of the author's.
        ask::abort(AbortReason::OpaqueValue);
    }
    Tv::of(now, binary(op, false, signed, a, b, Const::bool(now)))
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

/// The comparisons of words, and those that look at values where they are: `by trait`.
macro_rules! comparisons {
    (words by $by:ident::$values:ident, $scalars:ident: $([$($g:tt)*] $t:ty;)+) => {$(
        impl<$($g)*> $by for $t {
            fn $values(op: Bin, a: Tv<Self>, b: Tv<Self>) -> Tv<bool> {
                $scalars(op, a, b)
            }
        }
    )+};
    (places by $by:ident::$values:ident, $places:ident:
     $([$($g:tt)*] $t:ty, |$op:ident, $a:ident, $b:ident| $how:expr;)+) => {$(
        impl<$($g)*> $by for $t {
            fn $values(op: Bin, mut a: Tv<Self>, mut b: Tv<Self>) -> Tv<bool> {
                // What they lead to may be elsewhere while a log is replayed.
                Self::$places(op, local(&mut a), local(&mut b))
            }
            fn $places($op: Bin, $a: Place<Self>, $b: Place<Self>) -> Tv<bool> {
                $how
            }
        }
    )+};
    // Both for all types of the standard library.
    (all by $by:ident::$values:ident, $places:ident, $scalars:ident) => {
        $crate::macro_support::compare::comparisons! {
            words by $by::$values, $scalars:
            [] u8; [] u16; [] u32; [] u64; [] usize; [] i8; [] i16; [] i32; [] i64; [] isize;
            [] bool; [] char; [] f32; [] f64;
            [T] *const T; [T] *mut T;
        }
        $crate::macro_support::compare::comparisons! {
            places by $by::$values, $places:
            [T: $by] &T, |op, a, b| T::$places(op, deref(a), deref(b));
            [T: $by] &mut T, |op, a, b| T::$places(op, deref(a), deref(b));
            [] Rc<str>, |op, a, b| compare_called(op, a, b);
            [] String, |op, a, b| compare_called(op, a, b);
        }
    };
}
pub(super) use comparisons;

comparisons!(all by Comparable::compare, compare_in, compare_scalars);

extern "C" fn ordering_thunk<T: Ord>(a: *const T, b: *const T, _out: *mut u8) -> u64 {
    panics::guarded_with(0, || {
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
    let (order, zero) = (order.word(), Word { now: Const::i64(0), opnd: Opnd::Const });
    compared(op, true, order, zero, decide(op, true, order.now, zero.now))
}

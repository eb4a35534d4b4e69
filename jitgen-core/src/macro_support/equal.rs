//! `==` and `!=`.
//!
//! ```text
//! a == b        words, enums without fields: one operation
//! v == w        other types that are `Copy`: a call of the author's `PartialEq`, which may be
//!               anything
//! ```
//!
//! Not here: the other operators (`ops`), patterns (`pattern`).

use super::call::residual;
use super::carrier::Plain;
use super::ops::{Bin, bin};
use super::passing::{AbiOf, from_abi, nothing, word};
use super::traced::{Scalar, Traced, Tv};
use crate::tracer::{Function, panics};

/// What can be compared in traced code.
#[diagnostic::on_unimplemented(
    message = "operators on `{Self}` cannot be traced",
    label = "neither a machine word nor a traced type that is `Copy`",
    note = "move the operation into a #[residual] function, or take the value apart with `match`"
)]
pub trait Equal: Traced {
    /// `a op b`, which is `now`.
    fn equal(op: Bin, a: Tv<Self>, b: Tv<Self>, now: bool) -> Tv<bool>;
}

/// `a == b` or `a != b`, which is `now`.
pub fn equal<A: Equal>(op: Bin, a: Tv<A>, b: Tv<A>, now: bool) -> Tv<bool> {
    A::equal(op, a, b, now)
}

/// The comparison of words.
pub fn equal_words<A: Scalar>(op: Bin, a: Tv<A>, b: Tv<A>, now: bool) -> Tv<bool> {
    bin(op, false, a, b, now)
}

/// The comparison by the author's function.
pub fn equal_called<A>(op: Bin, a: Tv<A>, b: Tv<A>, now: bool) -> Tv<bool>
where
    A: Traced<O = Plain> + Copy + PartialEq,
{
    if a.opnd().is_const() && b.opnd().is_const() {
        return super::traced::lift(now);
    }
    let words = [word(&a), word(&b)];
    let function = Function {
        symbol: std::any::type_name::<fn(A, A) -> bool>(),
        address: equal_thunk::<A> as *const () as usize,
    };
    let same = residual(function, &words, || now == (op == Bin::Eq));
    match op {
        Bin::Eq => same,
        _ => super::ops::un(super::ops::Un::Not, false, same, !same.nat()),
    }
}

extern "C" fn equal_thunk<A>(a: AbiOf<A>, b: AbiOf<A>, _: *mut u8) -> bool
where
    A: Traced<O = Plain> + Copy + PartialEq,
{
    panics::guarded(nothing::<bool>(), || {
        // SAFETY: a trace passes them.
        let (a, b) = unsafe { (from_abi::<A>(a), from_abi::<A>(b)) };
        a == b
    })
}

impl<T> Equal for Option<T>
where
    Option<T>: Traced<O = Plain> + Copy + PartialEq,
{
    fn equal(op: Bin, a: Tv<Self>, b: Tv<Self>, now: bool) -> Tv<bool> {
        equal_called(op, a, b, now)
    }
}

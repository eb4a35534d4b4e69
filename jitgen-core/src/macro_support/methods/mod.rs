//! Methods of the standard library in twins.
//!
//! ```text
//! x.count_ones()   =>   match receive_local(&mut x) { r => r.0.count_ones__twin(r.1) }
//! ```
//!
//! A twin is found as its method is: rustc resolves `m__twin` on the real receiver. For types of
//! the standard library the twins are here, as traits that every twin body imports. By their first
//! argument they say how they take `self`: a [`Place`] is `self` by reference, a [`Tv`] by value;
//! [`receive`] gives either, before the other arguments are evaluated.
//!
//! Three kinds: compositions of operations, pure calls, and pure calls that may fail (`table`).
//! The concrete result is always computed by the method itself.
//!
//! Invariant `total`: a thunk gives some result for every argument; what makes a method panic is
//! guarded before.
//!
//! Not here: methods of collections other than vectors.

#![allow(non_snake_case, reason = "`m__twin` is the twin of `m`")]

#[macro_use]
mod table;
mod cells;
mod checked;
mod convert;
mod counted;
mod float;
mod grow;
mod heap;
pub(super) mod integer;
mod letter;
mod made;
mod optional;
mod quasi;
mod sequence;
mod vector;

pub use counted::{Share, clone_called, clone_of, clone_shared};
pub use heap::same_object;

pub use counted::CloneTwin;

/// What twins are found by. Underscores: an import of everything here must not hide a name of the
/// author's.
pub mod found {
    pub use super::cells::{CellTwin as _, RefCellTwin as _};
    pub use super::checked::{
        Checked as _, CheckedCalls as _, CheckedSigned as _, CheckedUnsigned as _,
    };
    pub use super::convert::{FromTwin as _, IntoTwin as _, TryFromTwin as _};
    pub use super::counted::{CloneTwin as _, Counted as _};
    pub use super::float::{Float as _, FloatCalls as _};
    pub use super::integer::{
        Integer as _, IntegerCalls as _, SignedCalls as _, SignedOps as _, Unsigned as _,
        UnsignedCalls as _,
    };
    pub use super::letter::{Ascii as _, Letter as _};
    pub use super::made::{HoldsOne as _, MadeEmpty as _};
    pub use super::optional::{Fallible as _, Optional as _, OptionalReference as _};
    pub use super::quasi::QuasiTwin as _;
    pub use super::sequence::{Sequence as _, Text as _};
    pub use super::vector::{Elements as _, Vector as _};
}

use super::ask;
use super::kind::HasKind;
use super::place::{Place, of_local};
use super::reach::Auto;
use super::traced::{Scalar, Traced, Tv};
use crate::ir::{Const, Op, Ty};
use crate::tracer::{Function, Opnd, Word, pure};
use std::ops::{BitAnd, BitXor, Not};

/// How a twin takes its receiver: by reference (the place itself) or by value.
pub trait Receive<T: ?Sized> {
    /// Takes it.
    fn receive(place: Place<T>) -> Self;
}

impl<T: ?Sized> Receive<T> for Place<T> {
    fn receive(place: Place<T>) -> Self {
        place
    }
}

impl<T: Traced> Receive<T> for Tv<T> {
    fn receive(place: Place<T>) -> Self {
        place.get()
    }
}

/// The receiver of a method, behind the references at a place: by this reference rustc finds the
/// method's twin, which takes the other.
///
/// # Safety
/// Only the type and the address of the reference may be used.
pub unsafe fn receive<'a, T: Auto, R: Receive<T::Target>>(place: Place<T>) -> (&'a T::Target, R) {
    let place = T::auto(place);
    // SAFETY: the caller's promise.
    (unsafe { &*place.address }, R::receive(place))
}

/// The same of a local variable of the twin.
///
/// # Safety
/// As for [`receive`].
pub unsafe fn receive_local<'a, T, R>(x: &mut Tv<T>) -> (&'a T::Target, R)
where
    T: Auto + Traced,
    R: Receive<T::Target>,
{
    let place = T::auto(of_local!(T, x));
    // SAFETY: the caller's promise.
    (unsafe { &*place.address }, R::receive(place))
}

/// A word and what it is in the trace.
fn word<X: Scalar>(now: X, o: Opnd) -> Tv<X> {
    Tv::of(now, o)
}

/// An operation on one word.
fn op1<A: Scalar, R: Scalar>(op: Op, ty: Ty, a: Tv<A>, now: R) -> Tv<R> {
    word(now, ask::op(op, ty, a.word(), None))
}

/// An operation on two words.
fn op2<A: Scalar, B: Scalar, R: Scalar>(op: Op, ty: Ty, a: Tv<A>, b: Tv<B>, now: R) -> Tv<R> {
    word(now, ask::op(op, ty, a.word(), Some(b.word())))
}

/// Guards that the word is what it is now.
fn assume(condition: Tv<bool>) {
    ask::branch(condition.word());
}

/// `if condition { a } else { b }`, without a branch.
fn select<X>(condition: Tv<bool>, a: Tv<X>, b: Tv<X>) -> Tv<X>
where
    X: Scalar + BitXor<Output = X> + BitAnd<Output = X> + Not<Output = X> + From<bool>,
{
    let one = op1(Op::Zext, X::TY, condition, X::from(condition.nat()));
    let zero = X::from(false);
    let mask = op1(Op::Neg, X::TY, one, if condition.nat() { !zero } else { zero });
    let differ = op2(Op::Xor, X::TY, a, b, a.nat() ^ b.nat());
    let chosen = op2(Op::And, X::TY, differ, mask, differ.nat() & mask.nat());
    op2(Op::Xor, X::TY, b, chosen, b.nat() ^ chosen.nat())
}

/// A call of a function whose result depends on its arguments alone; it is `now`.
fn pure_call<R: Scalar>(
    function: Function,
    evaluator: pure::Evaluator,
    args: &[Word],
    now: R,
) -> Tv<R> {
    if args.iter().any(|word| !word.opnd.is_const()) {
        pure::register(function.symbol, evaluator);
    }
    let result = Const::new(R::TY, now.bits());
    word(now, ask::end_pure_call(function, args, result))
}

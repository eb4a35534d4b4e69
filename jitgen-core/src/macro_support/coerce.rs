//! Deref coercions: where Rust takes a `&Box<T>` for a `&T`.
//!
//! ```text
//! fn eval(expr: &Expr)        fn twin(expr: Tv<impl Reaches<Expr>>)     a parameter
//! env = outer.unwrap();       env = coerced(outer.unwrap(), &env);      a local that has a type
//! ```
//!
//! The callee's signature asks for a coercion, since only there the type is written out. A type
//! parameter leaves nothing to coerce to, so parameters with one are as they are.
//!
//! Not here: field access and method calls, which go further (`reach`).

use super::ask;
use super::carrier::Carrier;
use super::elements::{Indexable, as_slice};
use super::place::{Place, local, shared, unique};
use super::reach::deref;
use super::traced::{Ptr, Traced, Tv};
use crate::ir::Ty;
use crate::tracer::{Opnd, Part};
use std::cell::{Ref, RefMut};
use std::ptr::NonNull;
use std::rc::Rc;

/// What a `&T` is expected for.
#[diagnostic::on_unimplemented(
    message = "a reference to `{T}` is expected in traced code, and found `{Self}`",
    note = "references to `Box`, `Rc`, `Vec` and borrows become references to what is inside"
)]
pub trait Reaches<T: ?Sized>: Traced {
    /// The operand and the address.
    fn reach(x: Tv<Self>) -> (Ptr<T>, Opnd);
}

/// What a `&mut T` is expected for.
#[diagnostic::on_unimplemented(
    message = "a mutable reference to `{T}` is expected in traced code, and found `{Self}`",
    note = "references to `Box`, `Vec` and borrows become references to what is inside"
)]
pub trait ReachesUnique<T: ?Sized>: Traced {
    /// The operand and the address.
    fn reach(x: Tv<Self>) -> (Ptr<T>, Opnd);
}

/// What a value of another type is expected for.
pub trait CoercesTo<T: Traced>: Traced {
    /// That value.
    fn coerce(x: Tv<Self>) -> Tv<T>;
}

/// The argument for a parameter of type `&T`.
pub fn reached<'a, T: ?Sized, X: Reaches<T>>(x: Tv<X>) -> Tv<&'a T>
where
    &'a T: Traced<V = Ptr<T>>,
{
    let (pointer, opnd) = X::reach(x);
    Tv(Carrier::new(pointer, opnd))
}

/// The argument for a parameter of type `&mut T`.
pub fn reached_unique<'a, T: ?Sized, X: ReachesUnique<T>>(x: Tv<X>) -> Tv<&'a mut T>
where
    &'a mut T: Traced<V = Ptr<T>>,
{
    let (pointer, opnd) = X::reach(x);
    Tv(Carrier::new(pointer, opnd))
}

/// The value for a variable that already has a type.
pub fn coerced<X: CoercesTo<T>, T: Traced>(x: Tv<X>, _variable: &Tv<T>) -> Tv<T> {
    X::coerce(x)
}

/// The pointer in a reference.
fn parts<T: ?Sized, R: Traced<V = Ptr<T>>>(x: Tv<R>) -> (Ptr<T>, Opnd) {
    let opnd = x.opnd();
    (x.0.into_value(), opnd)
}

/// The pointer in a reference to elements: their address and number.
fn slice<T>(place: Place<[T]>) -> (Ptr<[T]>, Opnd) {
    let pointer = NonNull::new(place.addr()).expect("a place has an address");
    let (first, len) = <[T]>::elements(place);
    let opnd = match (first.pointer(), len.opnd) {
        (constant @ (Opnd::Const | Opnd::Frozen), Opnd::Const | Opnd::Frozen) => constant,
        (first, len) => {
            let parts = vec![Part::word(0, Ty::Ptr, first), Part::word(8, Ty::I64, len)];
            ask::settle(parts)
        }
    };
    (Ptr(pointer), opnd)
}

macro_rules! same {
    ($($how:ident $t:ty => $target:ty;)+) => {$(
        impl<T> $how<$target> for $t {
            fn reach(x: Tv<Self>) -> (Ptr<$target>, Opnd) {
                parts(x)
            }
        }
    )+};
}
same! {
    Reaches &T => T;
    Reaches &mut T => T;
    Reaches &[T] => [T];
    Reaches &mut [T] => [T];
    ReachesUnique &mut T => T;
    ReachesUnique &mut [T] => [T];
}

impl Reaches<str> for &str {
    fn reach(x: Tv<Self>) -> (Ptr<str>, Opnd) {
        parts(x)
    }
}

impl Reaches<str> for &Rc<str> {
    fn reach(mut x: Tv<Self>) -> (Ptr<str>, Opnd) {
        let place = deref(deref(local(&mut x)));
        let (pointer, opnd) = slice(place.bytes());
        let text = pointer.0.as_ptr() as *mut str;
        (Ptr(NonNull::new(text).expect("a place has an address")), opnd)
    }
}

macro_rules! through {
    ($($how:ident $borrow:ident $t:ty;)+) => {$(
        impl<T> $how<T> for $t {
            fn reach(mut x: Tv<Self>) -> (Ptr<T>, Opnd) {
                parts($borrow(deref(deref(local(&mut x)))))
            }
        }
    )+};
}
through! {
    Reaches shared &Box<T>;
    Reaches shared &mut Box<T>;
    Reaches shared &Rc<T>;
    Reaches shared &mut Rc<T>;
    Reaches shared &&T;
    Reaches shared &&mut T;
    Reaches shared &Ref<'_, T>;
    Reaches shared &RefMut<'_, T>;
    ReachesUnique unique &mut Box<T>;
    ReachesUnique unique &mut &mut T;
    ReachesUnique unique &mut RefMut<'_, T>;
}

impl<T> Reaches<[T]> for &Vec<T> {
    fn reach(mut x: Tv<Self>) -> (Ptr<[T]>, Opnd) {
        slice(as_slice(deref(local(&mut x))))
    }
}

impl<T> Reaches<[T]> for &mut Vec<T> {
    fn reach(mut x: Tv<Self>) -> (Ptr<[T]>, Opnd) {
        slice(as_slice(deref(local(&mut x))))
    }
}

impl<T> ReachesUnique<[T]> for &mut Vec<T> {
    fn reach(mut x: Tv<Self>) -> (Ptr<[T]>, Opnd) {
        slice(as_slice(deref(local(&mut x))))
    }
}

impl<T, const N: usize> Reaches<[T]> for &[T; N] {
    fn reach(mut x: Tv<Self>) -> (Ptr<[T]>, Opnd) {
        slice(as_slice(deref(local(&mut x))))
    }
}

impl<T: Traced> CoercesTo<T> for T {
    fn coerce(x: Tv<T>) -> Tv<T> {
        x
    }
}

macro_rules! coercions {
    ($($t:ty => $target:ty;)+) => {$(
        impl<'b, T> CoercesTo<&'b $target> for $t {
            fn coerce(x: Tv<Self>) -> Tv<&'b $target> {
                reached(x)
            }
        }
    )+};
}
coercions! {
    &Box<T> => T;
    &Rc<T> => T;
    &mut T => T;
    &Vec<T> => [T];
}

//! `clone`, and the functions of `Rc`.
//!
//! A clone of an `Rc` is one more in its count, and the same bits. A type whose fields are all like
//! that says `#[traced(clone)]`: then its clones are made in the trace too. Other clones are
//! residual calls.
//!
//! Not here: drops (`own`).

use crate::macro_support::call::residual;
use crate::macro_support::ops::{Bin, bin};
use crate::macro_support::overflow::UNCHECKED;
use crate::macro_support::own::count_up;
use crate::macro_support::passing::{RetOf, deliver, nothing};
use crate::macro_support::place::local;
use crate::macro_support::place::{Place, shared};
use crate::macro_support::reach::deref;
use crate::macro_support::reach::{Peel, pointer_in};
use crate::macro_support::traced::{Traced, Tv};
use crate::tracer::{Function, panics};
use std::rc::Rc;

/// A type whose clone has the same bits.
#[diagnostic::on_unimplemented(
    message = "clones of `{Self}` cannot be made in a trace",
    note = "numbers, references and `Rc`s can, and types made of these with `#[traced(clone)]`"
)]
pub trait Share: Traced {
    /// There is one more of it.
    fn share(place: Place<Self>);
}

/// A clone of what a place holds, behind references.
pub fn clone_of<T: Peel>(place: Place<T>) -> Tv<T::End>
where
    T::End: CloneTwin + Sized,
{
    let place = T::peel(place);
    T::End::clone__twin(place)
}

/// What `clone` is on.
pub trait CloneTwin: Traced {
    /// The twin of `clone`.
    fn clone__twin(this: Place<Self>) -> Tv<Self>;
}

/// A clone that has the same bits.
pub fn clone_shared<X: Share>(place: Place<X>) -> Tv<X> {
    X::share(place);
    place.unmoved().get()
}

extern "C" fn clone_thunk<X: Traced + Clone>(x: *const X, out: *mut u8) -> RetOf<X> {
    panics::guarded_with(nothing::<X>(), || {
        // SAFETY: the trace passes the address of a live value, and scratch memory.
        unsafe { deliver::<X>((*x).clone(), out) }
    })
}

/// A clone by a call.
pub fn clone_called<X: Traced + Clone>(place: Place<X>) -> Tv<X> {
    let function = Function {
        symbol: std::any::type_name::<fn(&X) -> X>(),
        address: clone_thunk::<X> as *const () as usize,
    };
    let args = [shared(place).word()];
    let x = place.addr();
    // SAFETY: a live value is there whenever the call is made.
    residual(function, &args, move || unsafe { &*x }.clone())
}

macro_rules! copies {
    ($([$($g:tt)*] $t:ty;)+) => {$(
        impl<$($g)*> Share for $t {
            fn share(_: Place<Self>) {}
        }
        impl<$($g)*> CloneTwin for $t {
            fn clone__twin(this: Place<Self>) -> Tv<Self> {
                this.unmoved().get()
            }
        }
    )+};
}
copies! {
    [] u8; [] u16; [] u32; [] u64; [] usize; [] i8; [] i16; [] i32; [] i64; [] isize;
    [] bool; [] char; [] f32; [] f64; [] ();
}

macro_rules! counted {
    ($([$($g:tt)*] $t:ty;)+) => {$(
        impl<$($g)*> Share for $t {
            fn share(place: Place<Self>) {
                count_up(pointer_in(place));
            }
        }
        impl<$($g)*> CloneTwin for $t {
            fn clone__twin(this: Place<Self>) -> Tv<Self> {
                clone_shared(this)
            }
        }
    )+};
}
counted! { [T] Rc<T>; [T] Rc<[T]>; [] Rc<str>; }

macro_rules! called {
    ($([$($g:tt)*] $t:ty;)+) => {$(
        impl<$($g)*> CloneTwin for $t {
            fn clone__twin(this: Place<Self>) -> Tv<Self> {
                clone_called(this)
            }
        }
    )+};
}
called! { [] String; [T: Clone] Vec<T>; [T: Clone] Box<T>; }

impl<T: Share> Share for Option<T> {
    fn share(place: Place<Self>) {
        super::optional::share_inside(place);
    }
}

impl<T: Share> CloneTwin for Option<T> {
    fn clone__twin(this: Place<Self>) -> Tv<Self> {
        clone_shared(this)
    }
}

/// The functions of `Rc` that are called by their path.
pub trait Counted: Sized {
    /// The twin of `ptr_eq`.
    fn ptr_eq__twin(a: Tv<&Self>, b: Tv<&Self>) -> Tv<bool>;
}

macro_rules! pointers {
    ($([$($g:tt)*] $t:ty;)+) => {$(
        impl<$($g)*> Counted for $t {
            fn ptr_eq__twin(mut a: Tv<&Self>, mut b: Tv<&Self>) -> Tv<bool> {
                let (a, b) = (deref(local(&mut a)), deref(local(&mut b)));
                let (a, b) = (pointer_in(a), pointer_in(b));
                let (a, b): (Tv<*const u8>, Tv<*const u8>) = (Tv::from_word(a), Tv::from_word(b));
                bin(Bin::Eq, &UNCHECKED, &a, &b, a.nat() == b.nat())
            }
        }
    )+};
}
pointers! { [T] Rc<T>; [T] Rc<[T]>; [] Rc<str>; }

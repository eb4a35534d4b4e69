//! `promote`: what is a constant of the trace from here on.
//!
//! ```text
//! promote(n)             guard n == 5                                   then: 5
//! promote(&f.code)       v1 = load <the Rc>;  guard v1 == 0x55…         then: a green pointer
//! ```
//!
//! A reference to an `Rc` is promoted as a green is: the trace owns a share of the `Rc`, so what is
//! reached through it is constant, too.
//!
//! Invariant `kept`: a pointer that is constant in a trace leads to what lives as long as the trace,
//! so that its address is never that of something else. Types whose pointers nobody keeps cannot be
//! promoted.
//!
//! Not here: greens at merge points (`portal`).

use super::ask;
use super::carrier::Carrier;
use super::place::local;
use super::reach::{deref, pointer_in, shared_by};
use super::traced::{Ptr, Traced, Tv};
use crate::gc::Gc;
use crate::tracer::{Opnd, with};
use std::marker::PhantomData;
use std::ptr::NonNull;
use std::rc::Rc;

/// Says how values of a type are promoted: rustc looks for a method of `PromoteShared` first.
pub struct Promoting<X>(PhantomData<X>);

impl<X: Traced> Promoting<X> {
    /// For the type of this value.
    pub fn of(_: &Tv<X>) -> Promoting<X> {
        Promoting(PhantomData)
    }
}

/// Values that lead to nothing, or only to what a trace keeps alive that holds them.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be promoted",
    note = "a trace would hold its address when what is there has been freed: promote a word, a `Gc`, or a reference to an `Rc`"
)]
pub trait Promotable {}

/// References to `Rc`s.
pub trait PromoteShared<X: Traced> {
    /// The value, which is a constant from here on.
    fn promote(self, x: Tv<X>) -> Tv<X>;
}

/// Words, and what consists of them.
pub trait PromoteWords<X: Traced> {
    /// The value, which is a constant from here on.
    fn promote(self, x: Tv<X>) -> Tv<X>
    where
        X: Promotable;
}

impl<'a, T: 'static> PromoteShared<&'a Rc<T>> for Promoting<&'a Rc<T>> {
    fn promote(self, mut x: Tv<&'a Rc<T>>) -> Tv<&'a Rc<T>> {
        // The reference itself may lead to what is moved or dropped later.
        let pointer = pointer_in(deref(local(&mut x)));
        ask::promote(pointer);
        let keep = Rc::new(shared_by(pointer));
        let fixed = Tv(Carrier::new(Ptr(NonNull::from(&*keep)), Opnd::Frozen));
        with(|s| s.keep_with_trace(keep));
        fixed
    }
}

impl<X: Traced> PromoteWords<X> for &Promoting<X> {
    fn promote(self, x: Tv<X>) -> Tv<X>
    where
        X: Promotable,
    {
        let words = x.words(false);
        for (_, word) in words {
            ask::promote(word);
        }
        // What leads to frozen memory still does.
        let opnd = if x.opnd() == Opnd::Frozen { Opnd::Frozen } else { Opnd::Const };
        Tv::of(x.native(), opnd)
    }
}

macro_rules! promotable {
    ($([$($g:tt)*] $t:ty;)+) => {$( impl<$($g)*> Promotable for $t {} )+};
}

promotable! {
    [] u8; [] u16; [] u32; [] u64; [] usize; [] i8; [] i16; [] i32; [] i64; [] isize;
    [] bool; [] char; [] f32; [] f64; [] ();
    [T: ?Sized] Gc<T>;
    [T: Promotable] Option<T>;
    [T: Promotable, const N: usize] [T; N];
    [A: Promotable, B: Promotable] (A, B);
    [A: Promotable, B: Promotable, C: Promotable] (A, B, C);
    [A: Promotable, B: Promotable, C: Promotable, D: Promotable] (A, B, C, D);
}

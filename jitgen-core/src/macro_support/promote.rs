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
//! Not here: greens at merge points (`portal`).

use super::ask;
use super::carrier::Carrier;
use super::place::local;
use super::reach::{deref, pointer_in, shared_by};
use super::traced::{Ptr, Traced, Tv};
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

/// References to `Rc`s.
pub trait PromoteShared<X: Traced> {
    /// The value, which is a constant from here on.
    fn promote(self, x: Tv<X>) -> Tv<X>;
}

/// Words, and what consists of them.
pub trait PromoteWords<X: Traced> {
    /// The value, which is a constant from here on.
    fn promote(self, x: Tv<X>) -> Tv<X>;
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
    fn promote(self, x: Tv<X>) -> Tv<X> {
        let words = x.words(false);
        for (_, word) in words {
            ask::promote(word);
        }
        // What leads to frozen memory still does.
        let opnd = if x.opnd() == Opnd::Frozen { Opnd::Frozen } else { Opnd::Const };
        Tv::of(x.native(), opnd)
    }
}

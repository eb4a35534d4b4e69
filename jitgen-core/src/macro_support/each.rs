//! `for` over elements, unrolled.
//!
//! ```text
//! for x in &vec { .. }    guard 0 < len;  x = &vec[0];  ..  guard 1 < len;  x = &vec[1];  ..
//! ```
//!
//! The number of elements is taken once, as an iterator over a slice does; how many there are is
//! known where they are constant, else it is a guard in each round.
//!
//! Not here: ranges (`ops`), iterators.

use super::elements::{Indexable, as_slice, element, inside};
use super::place::{Place, shared};
use super::reach::deref;
use super::traced::Tv;
use crate::ir::Const;
use crate::tracer::{Opnd, Word};

/// What `for` goes through by reference.
#[diagnostic::on_unimplemented(
    message = "`for` over `{Self}` is not supported yet in traced code",
    note = "ranges, `&Vec`, `&[T]` and `&[T; N]` are"
)]
pub trait Each: Sized {
    /// The elements.
    type Item;
    /// All of them.
    fn all(place: Place<Self>) -> Place<[Self::Item]>;
}

macro_rules! each {
    ($([$($g:tt)*] $t:ty;)+) => {$(
        impl<$($g)*> Each for $t {
            type Item = T;
            fn all(place: Place<Self>) -> Place<[T]> {
                as_slice(deref(place))
            }
        }
    )+};
}
each! { [T] &Vec<T>; [T] &[T]; [T, const N: usize] &[T; N]; }

/// The elements of a reference.
pub fn each<T: Each>(place: Place<T>) -> Place<[T::Item]> {
    T::all(place)
}

/// The element of that number, if there is one.
pub fn next_of_each<'a, T>(all: Place<[T]>, at: &mut usize) -> Option<Tv<&'a T>> {
    let (first, len) = <[T]>::elements(all);
    let index = Word { now: Const::i64(*at as i64), opnd: Opnd::Const };
    if !inside(index, len) {
        return None;
    }
    *at += 1;
    Some(shared(element(first, index)))
}

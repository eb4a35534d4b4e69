//! `std::mem::replace` and its like.
//!
//! Not here: assignment (`place`).

use super::place::{Place, local};
use super::reach::deref;
use super::traced::{Traced, Tv, UNIT, lift};

fn behind<T: Traced>(reference: &mut Tv<&mut T>) -> Place<T> {
    deref(local(reference))
}

/// `std::mem::replace`.
pub fn mem_replace<T: Traced>(mut place: Tv<&mut T>, value: Tv<T>) -> Tv<T> {
    let place = behind(&mut place);
    let old = place.get();
    place.put(value);
    old
}

/// `std::mem::take`.
pub fn mem_take<T: Traced + Default>(place: Tv<&mut T>) -> Tv<T> {
    mem_replace(place, lift(T::default()))
}

/// `std::mem::swap`.
pub fn mem_swap<T: Traced>(mut a: Tv<&mut T>, mut b: Tv<&mut T>) -> Tv<()> {
    let (a, b) = (behind(&mut a), behind(&mut b));
    let (x, y) = (a.get(), b.get());
    a.put(y);
    b.put(x);
    UNIT
}

//! What makes containers: calls, since they take memory from the allocator.
//!
//! Not here: what is done with them (`vector`, `counted`).

use crate::macro_support::call::residual;
use crate::macro_support::passing::{AbiOf, RetOf, deliver, from_abi, nothing, word};
use crate::macro_support::traced::{Traced, Tv, lift};
use crate::tracer::{Function, panics};
use std::rc::Rc;

/// A container that holds one value.
pub trait HoldsOne<T: Traced>: Traced {
    /// The twin of `new`.
    fn new__twin(value: Tv<T>) -> Tv<Self>;
}

macro_rules! holders {
    ($($t:ident $thunk:ident;)+) => {$(
        impl<T: Traced> HoldsOne<T> for $t<T> {
            fn new__twin(value: Tv<T>) -> Tv<Self> {
                let words = [word(&value)];
                let function = Function {
                    symbol: std::any::type_name::<fn(T) -> $t<T>>(),
                    address: $thunk::<T> as *const () as usize,
                };
                residual(function, &words, move || $t::new(value.native()))
            }
        }

        extern "C" fn $thunk<T: Traced>(value: AbiOf<T>, out: *mut u8) -> RetOf<$t<T>> {
            panics::guarded(nothing::<$t<T>>(), || {
                // SAFETY: a trace passes the value, and scratch memory for the result.
                unsafe { deliver::<$t<T>>($t::new(from_abi::<T>(value)), out) }
            })
        }
    )+};
}
holders! { Rc rc_thunk; Box box_thunk; }

/// A container that is made empty.
pub trait MadeEmpty: Traced {
    /// The twin of `new`.
    fn new__twin() -> Tv<Self>;
    /// The twin of `with_capacity`.
    fn with_capacity__twin(capacity: Tv<usize>) -> Tv<Self>;
}

extern "C" fn vec_thunk<T>(capacity: AbiOf<usize>, out: *mut u8) -> RetOf<Vec<T>> {
    panics::guarded(nothing::<Vec<T>>(), || {
        // SAFETY: a trace passes the number, and scratch memory for the result.
        unsafe { deliver::<Vec<T>>(Vec::with_capacity(from_abi::<usize>(capacity)), out) }
    })
}

impl<T> MadeEmpty for Vec<T> {
    fn new__twin() -> Tv<Self> {
        lift(Vec::new())
    }
    fn with_capacity__twin(capacity: Tv<usize>) -> Tv<Self> {
        let function = Function {
            symbol: std::any::type_name::<fn(usize) -> Vec<T>>(),
            address: vec_thunk::<T> as *const () as usize,
        };
        let words = [word(&capacity)];
        residual(function, &words, move || Vec::with_capacity(capacity.nat()))
    }
}

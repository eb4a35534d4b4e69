//! Methods of quasi-immutable cells.
//!
//! Not here: what a trace depends on (`tracer::validity`).

use crate::macro_support::call::residual;
use crate::macro_support::passing::{AbiOf, from_abi, word};
use crate::macro_support::place::{Place, shared};
use crate::macro_support::traced::{Traced, Tv};
use crate::runtime::Quasi;
use crate::tracer::{Function, panics, with};

/// What `Quasi` cells have.
pub trait QuasiTwin {
    /// What is inside.
    type Item: Traced;
    /// The twin of `get`.
    fn get__twin(&self, this: Place<Self>) -> Tv<Self::Item>;
    /// The twin of `set`.
    fn set__twin(&self, this: Place<Self>, value: Tv<Self::Item>) -> Tv<()>;
}

impl<T: Traced + Copy> QuasiTwin for Quasi<T> {
    type Item = T;

    fn get__twin(&self, this: Place<Self>) -> Tv<T> {
        // SAFETY: only the address of the content is computed, and in replay nobody reads there.
        let content = this.thawed().shifted(unsafe { (*this.addr()).content() });
        if !content.has_constant_address() {
            return content.get();
        }
        if with(|s| s.is_recording() && !s.is_replaying()) {
            // SAFETY: nothing is replayed, so the cell is alive.
            let watch = unsafe { (*this.addr()).watch() };
            with(|s| s.depend(watch));
        }
        content.fixed().get()
    }

    fn set__twin(&self, this: Place<Self>, value: Tv<T>) -> Tv<()> {
        let function = Function {
            symbol: std::any::type_name::<fn(Quasi<T>)>(),
            address: set_thunk::<T> as *const () as usize,
        };
        let cell: Tv<&Quasi<T>> = shared(this);
        let words = [word(&cell), word(&value)];
        residual(function, &words, move || cell.native().set(value.native()))
    }
}

extern "C" fn set_thunk<T: Traced + Copy>(cell: *const Quasi<T>, value: AbiOf<T>) {
    panics::guarded(&mut || {
        // SAFETY: the trace passes a live cell and a value.
        unsafe { (*cell).set(from_abi::<T>(value)) }
    })
}

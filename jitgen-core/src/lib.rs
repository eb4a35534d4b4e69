//! jitgen core.

pub mod backend;
pub mod eval;
pub mod gc;
pub mod ir;
#[doc(hidden)]
pub mod macro_support;
pub mod opt;
pub mod runtime;
pub mod tracer;

pub use jitgen_macros::{
    Traced, elidable, interpreter, loop_invariant, not_in_trace, portal, residual, traced, unroll,
};
/// Types that a twin can hold; `derive(Traced)` implements it.
pub use macro_support::Traced;
pub use runtime::coverage::{Coverage, Report, Treatment, coverage};
pub use runtime::{Config, Quasi, Statistics, configure, statistics};

/// What an annotated interpreter imports.
pub mod prelude {
    pub use crate::Quasi;
    pub use crate::gc::{Collect, Gc};
    pub use crate::{
        assert_green, conditional_call, conditional_value, is_constant, is_virtual, promote,
        record_exact, record_known, we_are_jitted,
    };
    pub use jitgen_macros::{
        Traced, elidable, loop_invariant, not_in_trace, portal, residual, traced, unroll,
    };
}

/// From here on, a trace may take the value for constant: it is compared once, and what follows is
/// specialised to it. In the interpreter it is the identity.
#[inline(always)]
pub fn promote<T>(value: T) -> T {
    value
}

/// The value is constant in every trace; a recording in which it is not is given up. In the
/// interpreter it is the identity.
#[inline(always)]
pub fn assert_green<T>(value: T) -> T {
    value
}

/// Is the value constant in the trace that is being recorded? In the interpreter it is not. Both
/// answers must lead to the same outcome.
#[inline(always)]
pub fn is_constant<T>(_value: T) -> bool {
    false
}

/// Does the value lead to an object that the trace which is being recorded has allocated, and of
/// which nobody else has got to know the address? In the interpreter it does not. Both answers must
/// lead to the same outcome.
#[inline(always)]
pub fn is_virtual<T: Copy>(_value: T) -> bool {
    false
}

/// Is this traced code, and not the interpreter? Both must have the same outcome.
#[inline(always)]
pub fn we_are_jitted() -> bool {
    false
}

/// The first argument, which the author knows to be equal to the second one: a trace uses that
/// instead, without a guard.
///
/// # Panics
/// In debug builds, if they differ.
#[inline(always)]
#[track_caller]
pub fn record_exact<T: PartialEq>(value: T, known: T) -> T {
    debug_assert!(value == known, "`record_exact` was told what is not so");
    value
}

/// Calls a function if a condition holds: `if condition { f(a) }`, and with a third argument
/// `if condition { f(a) } else { otherwise }`. A trace does that without a guard: it goes on the same
/// way in both cases.
///
/// The function is `#[residual]` or `#[elidable]`; its arguments, and the third one, are places and
/// literals, because a trace evaluates them whether it calls or not.
#[macro_export]
macro_rules! conditional_call {
    ($condition:expr, $call:expr $(,)?) => {
        if $condition {
            $call
        }
    };
    ($condition:expr, $call:expr, $otherwise:expr $(,)?) => {
        if $condition { $call } else { $otherwise }
    };
}

/// What is in an `Option` of a reference or pointer, or else what a function gives, which mostly
/// fills that: `match option { Some(x) => x, None => f(a) }`. A trace does that without a guard; see
/// [`conditional_call!`].
#[macro_export]
macro_rules! conditional_value {
    ($option:expr, $call:expr $(,)?) => {
        match $option {
            ::core::option::Option::Some(value) => value,
            ::core::option::Option::None => $call,
        }
    };
}

/// Says that an `#[elidable]` function would give that result: `record_known!(f(a), x)`. A trace does
/// without the call then. In the interpreter it does nothing.
///
/// Debug builds call the function and compare, so it must not fail. Its arguments are places and
/// literals.
#[macro_export]
macro_rules! record_known {
    ($call:expr, $result:expr $(,)?) => {
        ::core::debug_assert!($call == $result, "`record_known!` was told what is not so")
    };
}

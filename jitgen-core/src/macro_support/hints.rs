//! Hints that are no constructs of Rust: what they are in a twin.
//!
//! Not here: functions that can be left out (`elidable`), declared effects (`effects`).

use super::ask;
use super::traced::{Traced, Tv, UNIT, lift};
use crate::tracer::{AbortReason, Opnd, outside, with};

/// The call of a function that the trace does without: it is made where the interpreter would make
/// it, but not where compiled code has been.
pub fn not_in_trace(f: impl FnOnce()) -> Tv<()> {
    if !ask::is_replaying() {
        outside(f);
    }
    UNIT
}

/// A value that is constant, or recording is given up.
pub fn assert_green<X: Traced>(x: Tv<X>) -> Tv<X> {
    if !x.opnd().is_const() {
        ask::abort(AbortReason::NotGreen);
    }
    x
}

/// Is the value constant in the trace?
pub fn is_constant<X: Traced>(x: Tv<X>) -> Tv<bool> {
    lift(ask::ask_constant(x.opnd()))
}

/// Is the value the address of an object that the trace has allocated and nobody else knows yet?
pub fn is_virtual<X: Traced + Copy>(x: Tv<X>) -> Tv<bool> {
    let words = if X::SHAPE.is_opaque() { vec![] } else { x.words(false) };
    let words: Vec<Opnd> = words.into_iter().map(|(_, word)| word.opnd).collect();
    lift(ask::ask_virtual(&words))
}

/// Does traced code ask?
pub fn we_are_jitted() -> Tv<bool> {
    lift(true)
}

/// From here on, `x` is what `value` is.
///
/// # Panics
/// In debug builds, if it is not.
#[track_caller]
pub fn record_exact<X: Traced + Copy + PartialEq>(x: Tv<X>, value: Tv<X>) -> Tv<X> {
    debug_assert!(x.nat() == value.nat(), "`record_exact` was told what is not so");
    if value.opnd().is_const() {
        for ((_, word), (_, known)) in x.words(false).into_iter().zip(value.words(false)) {
            if let Opnd::Ssa(v) = word.opnd {
                with(|s| s.learn_equal(v, known.now));
            }
        }
    }
    value
}

//! Elidable functions: calls whose result depends on the arguments alone.
//!
//! ```text
//! slot(shape, name)     both constant      nothing: the call was made while recording
//!                       else               v3 = call_pure.i64 @slot(v1, 7) writes(@2, @3)
//!                                          v4 = load.bool <panic flag> @2;  guard_not v4 else exit
//! ```
//!
//! Such a call is no effect: exits around it need no log because of it. Where there is a log, the
//! call is an entry of it when it has returned, as a helper is. One that panics in compiled code is
//! called again by whoever takes over there, and panics at its own place.
//!
//! What is not passed in registers is called as a function that writes nothing.
//!
//! Invariant `once-or-equal`: called again with the same arguments, it gives the same result.
//!
//! Not here: the thunk (`jitgen_macros::residual`).

use super::ask;
use super::call::{observed, residual};
use super::inline::{Entered, to_log};
use super::passing::recorded;
use super::traced::{Traced, Tv};
use crate::tracer::{AbortReason, Callee, Function, Opnd, Word};

/// A call that can be left out.
pub struct Elidable {
    /// The call of the log.
    pub call: Entered,
    /// What is called.
    pub function: Function,
    /// Is it enough to have called it while recording?
    pub constant: bool,
    /// Are arguments and result in registers?
    pub plain: bool,
}

/// An elidable call in a twin.
pub fn elidable<R: Traced>(e: Elidable, args: &[Word], f: impl FnOnce() -> R) -> Tv<R> {
    let callee = if e.plain { Callee::pure(e.function) } else { Callee::reading(e.function) };
    if !(e.constant || e.plain) || ask::is_replaying() {
        return residual(callee, args, f);
    }
    let result = observed(&callee, args, f);
    let opnd = match e.constant {
        true => Opnd::Const,
        false => recorded(&result, &callee, args),
    };
    let result = Tv::of(result, opnd);
    match to_log(&result) {
        Some(image) => ask::end_elidable(e.call.call(), &image),
        None => ask::abort(AbortReason::OpaqueValue),
    }
    result
}

/// Is the value the same at every execution of the trace?
pub fn is_fixed<X: Traced>(x: &Tv<X>) -> bool {
    x.opnd().is_const()
}

/// Whether a call is made must not decide who drops its arguments.
pub const fn takes_no_owner<X>() {
    assert!(
        !std::mem::needs_drop::<X>(),
        "an elidable function takes words and references, no values with destructors"
    );
}

//! Conditional calls: calls that a trace makes only where a condition holds, without a guard.
//!
//! ```text
//! conditional_call!(full, grow(vm))        v3 = …;  call_if v3 @grow(v0)
//! conditional_value!(cache, fill(vm))      v4 = eq.ptr v1, null;  v5 = call_if.ptr v4, v1 @fill(v0)
//! ```
//!
//! The condition is handed to the twin of the function through the session, which has it from
//! [`OnlyIf::begin`] on until the call takes it.
//!
//! Invariant `one-entry`: each conditional call is one entry of the log, whether it is made or not,
//! since replay does not know which conditions were constant.
//!
//! A call whose result is known takes the same way: `record_known!(f(a), x)` makes none at all, and
//! leaves no entry.
//!
//! Not here: what may stand in the arguments (`jitgen_macros`), the call itself (`call`).

use super::ask;
use super::call::residual;
use super::passing::{in_register, replayed, word};
use super::shape::TagAt;
use super::traced::{Traced, Tv, UNIT};
use crate::ir::{Const, Op};
use crate::tracer::{Callee, Condition, Function, Opnd, Word, outside};
use std::marker::PhantomData;

/// A condition of a call that gives an `R`.
pub struct OnlyIf<R: Traced> {
    condition: Condition,
    result: PhantomData<fn() -> R>,
}

impl<R: Traced> OnlyIf<R> {
    fn new(holds: Word, otherwise: Option<Word>) -> OnlyIf<R> {
        OnlyIf { condition: Condition { holds, otherwise }, result: PhantomData }
    }

    /// The call follows.
    pub fn begin(&self) {
        ask::only_if(self.condition);
    }

    /// Its result.
    pub fn result(self, result: Tv<R>) -> Tv<R> {
        result
    }
}

/// The call of a function without result.
pub fn only_if(holds: Tv<bool>) -> OnlyIf<()> {
    OnlyIf::new(holds.word(), None)
}

/// The call of a function instead of which there is another value.
pub fn only_if_else<R: Traced + Copy>(holds: Tv<bool>, otherwise: Tv<R>) -> OnlyIf<R> {
    const { assert!(in_register::<R>(), "a conditional call gives a machine word") };
    OnlyIf::new(holds.word(), Some(word(&otherwise)))
}

/// The call of a function that makes what is not there yet.
pub fn unless_some<T: Traced + Copy>(option: Tv<Option<T>>) -> OnlyIf<T> {
    const {
        let niche = matches!(<Option<T>>::TAG, TagAt::Niche { offset: 0, .. });
        assert!(
            T::NONNULL && niche && in_register::<T>(),
            "what a conditional call fills is an `Option` of a reference or pointer"
        );
    }
    let given = option.word();
    let TagAt::Niche { none, ty, .. } = <Option<T>>::TAG else {
        unreachable!("asserted");
    };
    let nothing = Word { now: Const::new(ty, none), opnd: Opnd::Const };
    let opnd = ask::op(Op::Eq, ty, given, Some(nothing));
    let now = Const::bool(given.now.bits == none);
    let holds = Word { now, opnd: ask::resolve(opnd, now) };
    OnlyIf::new(holds, Some(given))
}

/// Whether a call is made must not decide who drops its arguments.
pub fn not_an_owner<X: Traced>(_: &Tv<X>) {
    const {
        assert!(
            !std::mem::needs_drop::<X>(),
            "a function that is called conditionally takes no values with destructors"
        );
    }
}

/// Is the next call a conditional one?
pub fn is_conditional() -> bool {
    ask::is_conditional()
}

/// What the call of an elidable function would give.
pub struct Known<R: Traced>(Word, PhantomData<fn() -> R>);

/// That it would give this.
pub fn known<R: Traced + Copy>(result: Tv<R>) -> Known<R> {
    const { assert!(in_register::<R>(), "what is known of a call is a machine word") };
    Known(word(&result), PhantomData)
}

impl<R: Traced> Known<R> {
    /// The call follows.
    pub fn begin(&self) {
        ask::know_result(self.0);
    }

    /// It would have given this.
    pub fn result(self, _: Tv<R>) -> Tv<()> {
        UNIT
    }
}

/// A call of an elidable function that is conditional, or only spoken of; `plain`: arguments and
/// result are in registers.
pub fn elidable_if<R: Traced>(
    function: Function,
    plain: bool,
    args: &[Word],
    f: impl FnOnce() -> R,
) -> Tv<R> {
    if let Some(known) = ask::take_known() {
        if cfg!(debug_assertions) && !ask::is_replaying() {
            let result = word(&Tv::of(outside(f), Opnd::Const));
            assert!(result.now == known.now, "`record_known!` was told what is not so");
        }
        if plain {
            ask::record_result(function, args, known);
        }
        return replayed(Some(known));
    }
    let callee = if plain { Callee::pure(function) } else { Callee::reading(function) };
    residual(callee, args, f)
}

//! Portals that traced code calls.
//!
//! ```text
//! run(code, x)    =>    run::twin: enter_level; run::portal_twin(Entry::Call((code, x))); leave_level
//!                           (Entry::Resume(state), where the log has it past a merge point)
//!                           Outcome::Return(result)     the level has been inlined
//!                           Outcome::Merge(state)       hand_over: the plain portal from that state
//! ```
//!
//! The plain portal from a state is a second entry of it (`run::from`). Compiled code calls the code
//! for the state's greens, and a thunk where there is none, or that has left otherwise than by
//! returning: the thunk takes a [`Site`] (what is constant), the callee's frame and how it was left
//! ([`Begun`]), and gives the result as the code would have.
//!
//! Invariant `bounded`: each level of recursion looks at what is left of the native stack: compiled
//! code before it calls, a plain portal where it begins ([`is_deep`]).
//!
//! Not here: when a level is handed over (`tracer::levels`).

use super::ask;
use super::inline::Entered;
use super::passing::{hand_back, handed, replayed};
use super::portal::{Entry, Outcome, State};
use super::traced::{Traced, Tv};
use crate::runtime::{self, Begun};
use crate::tracer::{Function, Portal, Site, outside, panics, with};

/// What a portal does that is not to begin, if its author does not say anything else.
///
/// # Panics
/// Always.
#[cold]
pub fn overflow(portal: &Portal) -> ! {
    panic!("the guest program recurses too deeply in {}", portal.name)
}

/// Stands for a portal that is called only natively, as far as its own file shows.
pub struct NotRecursive;

/// What a portal must be to be called by traced code.
#[diagnostic::on_unimplemented(
    message = "traced code calls a portal that is not marked for it",
    label = "it begins a portal",
    note = "write `#[portal(.., recursive)]` on the portal, or call it from a #[residual] function"
)]
pub trait CalledByTwins {}

/// The twin is about to enter a portal: at a merge point, if the log says so.
pub fn enter_level(portal: &'static Portal, call: &Entered) -> Option<State> {
    with(|s| {
        s.enter_level(portal, call.call());
        s.level_state()
    })
    .map(|image| State::of_level(portal, &image))
}

/// It has come back.
pub fn leave_level() {
    ask::leave_level();
}

/// A level ends in the plain portal, from the state at a merge point; gives the portal's result.
pub fn hand_over<R: Traced>(
    portal: &'static Portal,
    state: State,
    function: Function,
    from: fn(State) -> R,
) -> Tv<R> {
    if let Some(word) = ask::begin_call() {
        if ask::is_last_call() {
            panics::resume();
        }
        return replayed(word);
    }
    let (at, reds) = state.into_parts();
    let greens = at.greens.clone();
    let result = outside(|| from(State::new(runtime::give(portal, at))));
    let opnd = ask::end_handed_over(function, portal, &greens, &reds, handed(&result));
    Tv::of(result, opnd)
}

/// A call that compiled code has begun, as its thunk is told of it.
///
/// # Safety
/// The arguments must be those of the thunk, while it runs.
pub unsafe fn begun<'a>(site: *const Site, frame: *mut (), cell: *const ()) -> Begun<'a> {
    // SAFETY: the caller's promise.
    unsafe { Begun::new(site, frame, cell) }
}

/// Finishes such a call; `from` is the plain portal from a state.
///
/// # Safety
/// The portal must be the one that the call is for, so that the result is one that the trace expects.
pub unsafe fn finish<P, R: Traced>(
    call: &Begun<'_>,
    twin: fn(Entry<P>) -> Outcome<R>,
    from: fn(State) -> R,
) {
    let left = super::enter::outcome(twin, |twin| runtime::go_on(call, twin));
    let result = match left {
        Some(Outcome::Return(result)) => result.native(),
        Some(Outcome::Merge(state)) => from(state),
        None => from(State::new(call.state())),
    };
    // SAFETY: the trace has reserved scratch memory for a result of this portal there.
    unsafe { hand_back(result, call.place()) }
}

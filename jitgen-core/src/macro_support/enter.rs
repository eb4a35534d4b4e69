//! The way from the plain interpreter into the runtime: a typed shell over `runtime::enter`.
//!
//! Not here: what the runtime does.

use super::inline::{bits_from_log, has_returned};
use super::portal::{Entry, Outcome, State};
use super::traced::{Traced, lift};
use crate::runtime::{self, Left};
use crate::tracer::Portal;

/// What the interpreter does when [`super::tick`] says so: goes on by twin or compiled code, and
/// gives the state at a merge point, or what the portal has returned. `at_entry`: is the portal at
/// its first merge point?
pub fn enter<P, R: Traced>(
    portal: &'static Portal,
    state: State,
    at_entry: bool,
    twin: fn(Entry<P>) -> Outcome<R>,
) -> Outcome<R> {
    let outcome = outcome(twin, |twin| {
        Some(runtime::enter(portal, state.into_merge_state(), at_entry, twin))
    });
    outcome.expect("the runtime has answered")
}

/// What the runtime gives that is handed a portal's twin.
pub(super) fn outcome<P, R: Traced>(
    twin: fn(Entry<P>) -> Outcome<R>,
    run: impl FnOnce(runtime::Twin<'_>) -> Option<Left>,
) -> Option<Outcome<R>> {
    let mut returned = None;
    let left = run(&mut |state| match twin(Entry::Resume(State::new(state))) {
        Outcome::Merge(state) => Some(state.into_merge_state()),
        Outcome::Return(result) => {
            has_returned(&result);
            returned = Some(result);
            None
        }
    });
    Some(match left? {
        Left::At(state) => Outcome::Merge(State::new(state)),
        Left::Result(image) => Outcome::Return(lift(bits_from_log(&image))),
        Left::Returned => Outcome::Return(returned.expect("the twin has returned a result")),
    })
}

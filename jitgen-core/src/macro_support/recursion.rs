//! Portals that traced code calls.
//!
//! ```text
//! run(code, x)    =>    run::twin: enter_level; run::portal_twin(Entry::Call((code, x))); leave_level
//!                           (Entry::Resume(state), where the log has it past a merge point)
//!                           Outcome::Return(result)     the level has been inlined
//!                           Outcome::Merge(state)       hand_over: the plain portal from that state
//! ```
//!
//! The plain portal from a state is a second entry of it (`run::from`). Compiled code calls it by a
//! thunk, which takes a [`Site`] (what is constant) and the reds' words in scratch memory. It goes
//! on in compiled code if there is some for these greens.
//!
//! Invariant `bounded`: each level of recursion passes the beginning of a plain portal, which looks
//! at what is left of the native stack ([`is_deep`]).
//!
//! Not here: when a level is handed over (`tracer::levels`).

use super::ask;
use super::call::residual;
use super::memory;
use super::portal::{Entry, Outcome, State};
use super::traced::{Traced, Tv};
use crate::runtime;
use crate::tracer::{Function, Inlined, MergeState, Portal, Site, with};

/// Bytes of native stack below which no further portal begins. Twins, recording and compiling on
/// the guest's thread need some.
const MARGIN: usize = 256 << 10;

/// Is so little left of the native stack that a portal must not begin?
#[inline(always)]
pub fn is_deep() -> bool {
    stacker::remaining_stack().is_some_and(|left| left < MARGIN)
}

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
pub fn enter_level(portal: &'static Portal, call: &Inlined) -> Option<State> {
    with(|s| {
        s.enter_level(portal, call);
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
    let (at, words) = state.into_parts();
    let args = ask::hand_over(portal, &at.greens, &words);
    residual(function, &args, move || from(State::new(runtime::give(portal, at))))
}

/// The state at which compiled code has handed a level over.
///
/// # Safety
/// `site` must be alive, and `reds` point to the words that it says.
pub unsafe fn state_at(site: *const Site, reds: *const u64) -> State {
    // SAFETY: the caller's promise.
    let site = unsafe { &*site };
    let words = site.reds.iter().enumerate().map(|(index, ty)| {
        let at = reds.wrapping_add(index) as u64;
        // SAFETY: the caller's promise.
        unsafe { memory::read(at, *ty) }
    });
    State::new(MergeState { greens: site.greens.clone(), reds: words.collect() })
}

/// Goes on where compiled code has handed a level over, by the code for it; nothing if there is
/// none, or if so little is left of the native stack that the plain portal must see to it.
///
/// # Safety
/// As for [`state_at`].
pub unsafe fn enter_at<P, R: Traced>(
    site: *const Site,
    reds: *const u64,
    twin: fn(Entry<P>) -> Outcome<R>,
) -> Option<Outcome<R>> {
    if is_deep() {
        return None;
    }
    // SAFETY: the caller's promise.
    let site = unsafe { &*site };
    // SAFETY: the caller's promise.
    let red = |index: usize, ty| unsafe { memory::read(reds.wrapping_add(index) as u64, ty) };
    super::enter::outcome(twin, |twin| runtime::call(site, &red, twin))
}

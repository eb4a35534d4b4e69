//! Locations: the places of the guest program where compiled code may begin, and their states.
//!
//! ```text
//!            hot                  recorded                installed
//! Counting ------->  Recording  ------------>  Compiling  ----------->  Compiled
//!     ^                  |                         |
//!     +--- back off -----+------- given up --------+
//! ```
//!
//! A location is a portal and the keys of its greens. Backing off is counting from a higher number:
//! it doubles with each failure in a row, so a location is never given up for good, and success
//! sets it back.
//!
//! Not here: counting (`counters`), what is compiled (`store`).

use super::Jit;
use super::store::PieceId;
use crate::backend::CallCell;
use crate::tracer::{Map, Portal, Recursion};
use std::rc::Rc;

/// What is known of a location.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum State {
    /// It is not hot.
    Counting,
    /// A recording that began there is under way, further out on this thread's stack.
    Recording,
    /// A trace of it is being compiled.
    Compiling,
    /// There is code for it.
    Compiled(PieceId),
}

/// A place of the guest program where compiled code may begin.
#[derive(Debug)]
pub(super) struct Location {
    pub state: State,
    /// Recordings from here given up in a row.
    pub failures: u32,
    /// Rounds of the loop that one trace has: more than one where the guest takes two ways in turn.
    pub rounds: u32,
    /// It is not marked as a loop's head, but a trace has been found to go in circles here.
    pub is_circle: bool,
    /// Ways of the guest program meet here (`joins`).
    pub is_join: bool,
    /// Pieces that end here and have been compiled before there was code for it.
    pub awaited_by: Vec<PieceId>,
    /// How often compiled code comes here before it is recorded: no tick need count here.
    pub due: Option<u32>,
    /// How often it has been recorded again because of a change of phase (`versions`).
    pub renewals: u32,
    /// Its code, while it is recorded again.
    pub older: Option<PieceId>,
    /// Whether the portal begins here within itself.
    pub recursion: Recursion,
    /// By which code calls the code for it, if there are such calls.
    pub call: Option<Rc<CallCell>>,
}

/// All locations of a thread.
#[derive(Default)]
pub(super) struct Locations {
    by_portal: Map<usize, Map<Box<[u64]>, Location>>,
}

impl Locations {
    /// The location, made if there is none.
    pub fn get_or_create(&mut self, portal: &'static Portal, keys: &[u64]) -> &mut Location {
        let locations = self.by_portal.entry(std::ptr::from_ref(portal) as usize).or_default();
        if !locations.contains_key(keys) {
            let (state, failures, rounds) = (State::Counting, 0, 1);
            let location = Location {
                state,
                failures,
                rounds,
                is_circle: false,
                is_join: false,
                awaited_by: vec![],
                due: None,
                renewals: 0,
                older: None,
                recursion: Recursion::None,
                call: None,
            };
            locations.insert(keys.into(), location);
        }
        locations.get_mut(keys).expect("it has just been made")
    }

    /// The code for a location.
    pub fn compiled(&self, portal: &'static Portal, keys: &[u64]) -> Option<PieceId> {
        match self.get(portal, keys)?.state {
            State::Compiled(piece) => Some(piece),
            State::Counting | State::Recording | State::Compiling => None,
        }
    }

    /// The location, if it has been spoken of.
    pub fn get(&self, portal: &'static Portal, keys: &[u64]) -> Option<&Location> {
        self.by_portal.get(&(std::ptr::from_ref(portal) as usize))?.get(keys)
    }

    /// Is there code for a location, or will there be soon? Traces may lead to it: what they are
    /// compiled to is installed after it.
    pub fn is_taken(&self, portal: &'static Portal, keys: &[u64]) -> bool {
        let location = self.get(portal, keys);
        location.is_some_and(|l| matches!(l.state, State::Compiling | State::Compiled(_)))
    }
}

impl Jit {
    /// The address of the cell by which code calls the code for a location; the cell lives as long
    /// as the thread's code.
    pub(super) fn call_cell(&mut self, portal: &'static Portal, keys: &[u64]) -> u64 {
        let location = self.locations.get_or_create(portal, keys);
        if let Some(cell) = &location.call {
            return Rc::as_ptr(cell).expose_provenance() as u64;
        }
        let cell = Rc::new(CallCell::new());
        location.call = Some(Rc::clone(&cell));
        let address = Rc::as_ptr(&cell).expose_provenance() as u64;
        if let State::Compiled(piece) = location.state {
            self.store.call_by(piece, cell);
        }
        address
    }
}

/// How long to count before the next attempt, after so many failures in a row.
pub(super) fn back_off(threshold: u32, failures: u32) -> u32 {
    threshold.max(1).saturating_mul(1 << failures.min(16))
}

/// How often an exit is taken before it is hot, by how much its log has to be replayed each time: some
/// entries cost as much as leaving and entering.
pub(super) fn bridge_budget(threshold: u32, log: usize) -> u32 {
    const ENTRIES: usize = 8;
    threshold.div_ceil(1 + (log / ENTRIES) as u32)
}

/// The location as the event log shows it: `bf::run@[pc=12]`.
pub(super) fn label(portal: &Portal, keys: &[u64]) -> String {
    let greens = portal.greens.iter().zip(keys).map(|(name, key)| {
        if *key < 1 << 32 { format!("{name}={key}") } else { format!("{name}={key:#x}") }
    });
    format!("{}@[{}]", portal.name, greens.collect::<Vec<_>>().join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exit_with_a_long_log_is_hot_sooner() {
        let budgets = [0, 7, 8, 30, 100_000].map(|log| bridge_budget(100, log));
        assert_eq!(budgets, [100, 100, 50, 25, 1]);
        assert_eq!(bridge_budget(1, 50), 1);
    }
}

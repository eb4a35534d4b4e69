//! The runtime: what is counted, recorded, compiled, entered, linked and thrown together, and when.
//!
//! ```text
//! counters  --hot-->  driver  --record-->  tracer  --trace-->  install  <--->  queue (produce, worker)
//!                       |  ^                                        |
//!                    enter |  exit: state, log                    store (pieces, units, links)
//!                       v  |                                        |
//!                      code                                       region (pieces that belong together)
//! ```
//!
//! There is one `Jit` per thread, in a thread-local, and a worker of its own that compiles for it
//! (`queue`); nothing else is shared between threads. It is borrowed only for moments: never while a
//! twin or compiled code runs, since residual functions may run portals of their own.
//!
//! Not here: any particular language; typed shells for generated code (`macro_support`).

mod account;
mod check;
mod config;
mod counters;
pub mod coverage;
mod driver;
mod events;
mod exit;
mod fail_guards;
mod frames;
mod install;
mod invalidate;
mod joins;
mod location;
mod produce;
mod quasi;
mod queue;
mod record;
mod region;
mod roots;
mod statistics;
mod store;
mod tree;
mod versions;
mod way;
mod worker;

pub use config::{Config, ConfigError, EventSink, HeapSettings, Log, VARIABLE};
pub use counters::{tick, tick_call};
pub use driver::{Begun, Left, Twin, enter, go_on};
pub use frames::is_deep;
pub use quasi::Quasi;
pub use statistics::Statistics;

use crate::backend::{STACKS, Stacks};
use crate::tracer::{AbortReason, Green, Map, MergeState, Portal, keys};
use account::Account;
use events::Events;
use frames::Frames;
use joins::Joins;
use location::Locations;
use produce::Settings;
use queue::Queue;
use std::cell::RefCell;
use std::sync::Arc;
use store::Store;

/// The runtime's state on a thread.
struct Jit {
    config: Config,
    events: Events,
    statistics: Statistics,
    locations: Locations,
    joins: Joins,
    store: Store,
    queue: Queue,
    account: Account,
    frames: Frames,
    /// The first number for resume points that no recording has reserved.
    next_resume: u32,
    /// The number in the name of the next trace.
    next_trace: u32,
    /// Greens that the interpreter was given, by portal and keys: what they point to lives on.
    given: Map<usize, Map<Box<[u64]>, Vec<Green>>>,
    /// Greens at which bridges began: their traces hold pointers to them.
    kept: Vec<Green>,
    is_full: bool,
    /// Recordings under way, inside of each other.
    open: u32,
    pinned: roots::Pinned,
    _roots: crate::gc::Roots,
}

thread_local! {
    static JIT: RefCell<Option<Jit>> = const { RefCell::new(None) };
    static CONFIG: RefCell<Option<Config>> = const { RefCell::new(None) };
}

/// Sets this thread's configuration, instead of what the environment says.
///
/// # Errors
/// If the thread has already entered a portal.
pub fn configure(config: Config) -> Result<(), ConfigError> {
    if counters::is_started() {
        return Err(ConfigError::TooLate);
    }
    CONFIG.set(Some(config));
    Ok(())
}

/// What the runtime has done on this thread so far.
pub fn statistics() -> Statistics {
    JIT.with_borrow(|jit| jit.as_ref().map(Jit::statistics))
        .unwrap_or_else(|| Statistics { heap: crate::gc::statistics(), ..Statistics::default() })
}

/// A portal begins: the first time on a thread, the runtime starts.
#[inline(always)]
pub fn enter_portal() {
    if !counters::is_started() {
        start();
    }
}

#[cold]
fn start() {
    let config = CONFIG.take().unwrap_or_else(|| {
        Config::from_env().unwrap_or_else(|error| {
            events::complain(&format!("jitgen: {error}"));
            Config::default()
        })
    });
    config.heap.apply();
    counters::start(config.jit.then(|| (config.threshold, config.call_threshold())));
    JIT.set(Some(Jit::new(config)));
}

/// The state with which the plain interpreter goes on: what its greens point to lives on.
pub fn give(portal: &'static Portal, state: MergeState) -> MergeState {
    with_jit(|jit| jit.give(portal, state))
}

/// Runs `f` on this thread's runtime, then writes the events that it has caused.
fn with_jit<R>(f: impl FnOnce(&mut Jit) -> R) -> R {
    let (result, pending) = JIT.with_borrow_mut(|jit| {
        let jit = jit.as_mut().expect("a thread that counts has a runtime");
        (f(jit), jit.events.take())
    });
    if let Some(mut pending) = pending {
        events::write(&mut pending);
        JIT.with_borrow_mut(|jit| {
            if let Some(jit) = jit {
                jit.events.restore(pending.0);
            }
        });
    }
    result
}

impl Jit {
    fn new(mut config: Config) -> Jit {
        let events = Events::new(config.log, config.event_sink.take());
        let background = config.is_background();
        let queue = Queue::new(Settings::new(&config), background);
        let (frames, mut store) = (Frames::default(), Store::default());
        let stacks: *const Stacks = frames.stacks();
        Arc::make_mut(&mut store.symbols).insert(STACKS, stacks.expose_provenance());
        Jit {
            config,
            events,
            statistics: Statistics::default(),
            locations: Locations::default(),
            joins: Joins::default(),
            store,
            queue,
            account: Account::new(background),
            frames,
            next_resume: 0,
            next_trace: 0,
            given: Map::default(),
            kept: vec![],
            is_full: false,
            open: 0,
            pinned: roots::Pinned::default(),
            _roots: roots::register(),
        }
    }

    /// Reports what the code keeps alive, and what it works on.
    fn report_words(&self, tracer: &mut crate::gc::Tracer<'_>) {
        self.pinned.report(tracer);
        self.frames.report(tracer);
    }

    fn statistics(&self) -> Statistics {
        let mut statistics = self.statistics.clone();
        statistics.heap = crate::gc::statistics();
        statistics.guest_ms = statistics::ms(self.account.spent());
        for unit in self.store.units() {
            for ((piece, exit), taken) in unit.exits.iter().zip(&unit.taken) {
                if *taken > 0 {
                    let name = format!("{}/exit{}", self.store.piece(*piece).trace.name, exit.0);
                    *statistics.exits.entry(name).or_default() += taken;
                }
            }
        }
        statistics
    }

    /// Notes that something was given up.
    fn note_abort(&mut self, label: &str, reason: AbortReason, detail: Option<String>) {
        *self.statistics.aborts.entry(reason.name().to_owned()).or_default() += 1;
        self.events.line(|| {
            let detail = detail.map(|detail| format!(" ({detail})")).unwrap_or_default();
            format!("abort {label} {reason}{detail}; {}", reason.hint())
        });
    }

    /// A state that the interpreter may have: what its greens point to is kept alive.
    fn give(&mut self, portal: &'static Portal, state: MergeState) -> MergeState {
        if state.greens.iter().all(|green| green.keep.is_none()) {
            return state;
        }
        let given = self.given.entry(std::ptr::from_ref(portal) as usize).or_default();
        let keys = keys(&state.greens);
        if let Some(known) = given.get(&keys) {
            return MergeState { greens: known.clone(), reds: state.reds };
        }
        given.insert(keys, state.greens.clone());
        state
    }
}

impl Drop for Jit {
    fn drop(&mut self) {
        counters::stop();
        if self.config.log.coverage {
            events::complain(&format!("jitgen: coverage\n{}", coverage::coverage()));
        }
        if self.config.stats {
            events::complain(&format!("jitgen: {}", self.statistics().to_json()));
        }
    }
}

//! The queue: what is being compiled, and by whom.
//!
//! ```text
//! order --+-- background off --> produce --> deliver            before `order` returns
//!         +-- background on  --> worker ....... poll --> deliver
//! ```
//!
//! Polling happens where the guest's thread is in the runtime anyway: at the slow path of a tick, at
//! an exit, at a spent budget. It costs a look at an empty queue, or one atomic load.
//!
//! Publishing: code reaches this thread through a channel, so its bytes are written before they are
//! seen, and the system call that makes pages executable lies between. On x86-64 nothing else is
//! needed. Machines whose instruction caches are not coherent need a barrier on this thread before
//! the first entry (on AArch64 `isb`, or `membarrier` by whoever makes the pages executable).
//!
//! The worker of a thread that ends finishes the job that it is at, at most, and drops it. Jobs hold
//! addresses of the guest's memory but only as numbers: optimizing, checking and compiling do not
//! read it.
//!
//! Not here: what is ordered (`install`, `region`), how the thread works (`worker`).

use super::Jit;
use super::install::Recording;
use super::produce::{Producer, Product, Request, Settings};
use super::region::Region;
use super::store::{Symbols, UnitId};
use super::worker::Worker;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

/// Requests that may wait at a time. With more, nothing is recorded: the guest's thread would get
/// ahead of the worker, and its traces would be old when they are compiled.
const MOST_WAITING: usize = 4;

/// What is ordered.
pub(super) enum Work {
    Piece(Box<Recording>),
    Region(Region),
}

/// An order, as it is remembered until it is delivered.
pub(super) struct Ordered {
    pub unit: UnitId,
    pub work: Work,
}

/// What is being compiled, and by whom.
pub(super) struct Queue {
    settings: Settings,
    /// Who produces on this thread.
    producer: Option<Producer>,
    /// Who produces on another one.
    worker: Option<Worker<Request, Product>>,
    /// Orders that the worker has.
    waiting: VecDeque<Ordered>,
    background: bool,
}

impl Queue {
    pub fn new(settings: Settings, background: bool) -> Queue {
        Queue { settings, producer: None, worker: None, waiting: VecDeque::new(), background }
    }

    /// Lets the worker get ready, if there is to be one and it has not begun.
    pub fn warm_up(&mut self) {
        self.worker();
    }

    /// Is there room for another request?
    pub fn has_room(&self) -> bool {
        self.waiting.len() < MOST_WAITING
    }

    fn worker(&mut self) -> Option<&Worker<Request, Product>> {
        if self.background && self.worker.is_none() {
            let settings = self.settings;
            let make = move || {
                let mut producer = Producer::new(settings);
                producer.get_ready();
                move |request| producer.produce(request)
            };
            self.worker = Worker::start(make).ok();
            self.background = self.worker.is_some();
        }
        self.worker.as_ref()
    }
}

impl Jit {
    /// Orders code; `request` is given the addresses of functions and the number of the unit.
    pub(super) fn order(&mut self, work: Work, request: impl FnOnce(Arc<Symbols>, u32) -> Request) {
        let unit = self.store.reserve_unit();
        let request = request(Arc::clone(&self.store.symbols), unit.0);
        let ordered = Ordered { unit, work };
        if let Some(worker) = self.queue.worker() {
            worker.submit(request);
            self.queue.waiting.push_back(ordered);
            let waiting = self.queue.waiting.len() as u64;
            self.statistics.queue = self.statistics.queue.max(waiting);
            return;
        }
        let settings = self.queue.settings;
        let producer = self.queue.producer.get_or_insert_with(|| Producer::new(settings));
        let product = producer.produce(request);
        self.deliver(ordered, Some(product));
    }

    /// Installs what has been compiled meanwhile.
    #[inline]
    pub(super) fn poll(&mut self) {
        if !self.queue.waiting.is_empty() {
            self.collect();
        }
    }

    fn collect(&mut self) {
        while let Some(worker) = &mut self.queue.worker
            && let Some(product) = worker.poll()
            && let Some(ordered) = self.queue.waiting.pop_front()
        {
            let start = Instant::now();
            self.statistics.background += 1;
            self.deliver(ordered, product);
            self.account.charge(start.elapsed());
        }
    }

    /// May something be recorded or ordered now? It need not be covered if it is `paid` for.
    pub(super) fn may_spend(&mut self, paid: bool) -> bool {
        let may = self.queue.has_room() && (paid || self.account.covers());
        self.statistics.postponed += u64::from(!may);
        may
    }
}

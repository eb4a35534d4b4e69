//! A collection: mark, clear weak pointers, find what to finalize, sweep, drop, finalize.
//!
//! ```text
//! mark    roots, pending values, finalizers that wait, stack -> all that is reachable
//! owners  objects that own a buffer which the stack points into, and what they reach
//! weak    pointers to what is not marked are cleared
//! revive  unmarked objects with a finalizer: the finalizer is to run, the object is marked
//! sweep   what is not marked is freed, or doomed if it must be dropped
//! drop    the doomed, one by one; then they are free
//! run     the finalizers
//! ```
//!
//! Up to `sweep` nothing has changed but marks, so a collection can be given up: when a `RefCell`
//! is met that is mutably borrowed, when a tracing function panics. Dropping and finalizing run
//! author's code, one object at a time, and a panic there leaves the rest for the next time.
//!
//! Not here: when a collection takes place (`heap`).

use super::block::Slot;
use super::heap::{Heap, Phase};
use super::object::Object;
use super::pointer::Gc;
use super::stack::Noted;
use super::trace::Tracer;
use super::weak::WeakCell;
use std::collections::HashSet;
use std::time::Instant;

/// What is to be done when an object is dead.
pub struct Finalizer {
    object: Slot,
    run: Box<dyn FnOnce()>,
}

/// What marking has found besides marks.
struct Dead {
    weak: Vec<Gc<WeakCell>>,
    /// The payloads of objects whose finalizers are to run.
    finalizable: HashSet<usize>,
}

/// Sets the phase back, whatever happens.
struct During<'a>(&'a Heap);

impl Drop for During<'_> {
    fn drop(&mut self) {
        self.0.phase.set(Phase::Idle);
    }
}

impl Heap {
    /// Collects, and runs finalizers. False if it could not be done.
    #[inline(never)]
    pub fn collect(&self) -> bool {
        let noted = Noted::here();
        if self.phase.get() != Phase::Idle {
            return false;
        }
        let done = {
            let _during = During(self);
            let start = Instant::now();
            let done = self.cycle(&noted);
            let pause = start.elapsed().as_nanos() as u64;
            self.count(|counts| {
                counts.pause_last_ns = pause;
                counts.pause_max_ns = counts.pause_max_ns.max(pause);
                counts.pause_total_ns += pause;
            });
            done
        };
        if !self.config.get().defer_finalizers {
            self.run_finalizers();
        }
        done
    }

    fn cycle(&self, noted: &Noted) -> bool {
        self.phase.set(Phase::Dropping);
        // Left behind by a panic.
        self.drop_doomed();
        self.phase.set(Phase::Marking);
        self.space.retire();
        let Some(dead) = self.mark(noted) else {
            self.count(|counts| counts.postponed += 1);
            // Not again at once.
            let in_use = self.in_use();
            self.threshold.set(in_use.saturating_add((in_use / 8).max(64 << 10)));
            return false;
        };
        self.count(|counts| counts.weak_cleared += dead.weak.len() as u64);
        dead.weak.iter().for_each(|cell| cell.clear());
        self.weak.borrow_mut().retain(|cell| cell.slot().is_marked());
        let mut alive = self.finalizers.borrow_mut();
        let is_dead =
            |finalizer: &mut Finalizer| dead.finalizable.contains(&finalizer.object.address());
        // What was made last is finalized first.
        let mut ready: Vec<Finalizer> = alive.extract_if(.., is_dead).collect();
        drop(alive);
        ready.reverse();
        self.ready.borrow_mut().extend(ready);
        self.sweep();
        self.phase.set(Phase::Dropping);
        self.count(|counts| counts.collections += 1);
        self.set_threshold();
        self.drop_doomed();
        self.space.trim(self.threshold.get().saturating_sub(self.in_use()));
        true
    }

    /// Marks what is alive. None if it could not be found out.
    fn mark(&self, noted: &Noted) -> Option<Dead> {
        let memory = self.space.memory.borrow();
        memory.blocks.iter().for_each(|block| block.clear_marks());
        memory.large.values().filter(|slot| !slot.is_free()).for_each(|slot| {
            slot.preamble().marked.set(false);
        });
        let mut tracer = Tracer::new(&memory);
        self.trace_pending(&mut tracer);
        self.roots.trace(&mut tracer);
        self.ready.borrow().iter().for_each(|finalizer| tracer.mark(finalizer.object));
        if !self.stack.scan(noted, &mut tracer) {
            return None;
        }
        tracer.finish();
        let cells = memory.blocks.iter().flat_map(|block| block.slots());
        tracer.keep_owners(cells.chain(memory.large.values().copied()));
        let is_dead = |slot: Slot| !slot.is_marked();
        let weak = self.weak.borrow();
        let weak = weak.iter().filter(|cell| cell.target().is_some_and(is_dead));
        let weak = weak.copied().collect();
        let finalizers = self.finalizers.borrow();
        let dead: Vec<Slot> = finalizers
            .iter()
            .map(|finalizer| finalizer.object)
            .filter(|slot| is_dead(*slot))
            .collect();
        dead.iter().for_each(|slot| tracer.mark(*slot));
        tracer.finish();
        let finalizable = dead.iter().map(|slot| slot.address()).collect();
        (!tracer.is_postponed()).then_some(Dead { weak, finalizable })
    }

    /// Frees what is not marked, and dooms what must be dropped first.
    fn sweep(&self) {
        let mut doomed = self.doomed.borrow_mut();
        let (mut freed, mut live) = (0, 0);
        let mut waiting = HashSet::new();
        let memory = self.space.memory.borrow();
        for block in &memory.blocks {
            let swept = block.sweep(&mut doomed);
            freed += (swept.freed + swept.doomed) as u64;
            live += swept.live * block.size();
            if swept.doomed > 0 {
                waiting.insert(block.address());
            }
        }
        let mut dead = vec![];
        for slot in memory.large.values() {
            let Some(info) = slot.info() else {
                continue;
            };
            if slot.is_marked() {
                live += slot.preamble().size;
            } else {
                freed += 1;
                if info.drop.is_some() { doomed.push(*slot) } else { dead.push(*slot) }
            }
        }
        drop(memory);
        dead.into_iter().for_each(|slot| self.space.free_large(slot));
        self.space.sort(|block| waiting.contains(&block.address()));
        self.space.set_used(live);
        self.count(|counts| {
            counts.freed += freed;
            counts.live_bytes = live as u64;
        });
    }

    /// Drops dead objects and frees their cells.
    fn drop_doomed(&self) {
        loop {
            let next = self.doomed.borrow_mut().pop();
            let Some(slot) = next else {
                break;
            };
            let _free = Free { heap: self, slot };
            if let Some(drop) = slot.info().and_then(|info| info.drop) {
                // SAFETY: the header says what the object is, and nobody reaches it any more. It
                // has left the list, so it is dropped once, even if that panics.
                unsafe { drop(slot.payload()) };
            }
        }
    }

    /// Runs the finalizers that are ready, and those that become ready meanwhile. How many?
    pub fn run_finalizers(&self) -> usize {
        if self.finalizing.get() || self.phase.get() != Phase::Idle {
            return 0;
        }
        struct Finalizing<'a>(&'a Heap);
        impl Drop for Finalizing<'_> {
            fn drop(&mut self) {
                self.0.finalizing.set(false);
            }
        }
        self.finalizing.set(true);
        let _finalizing = Finalizing(self);
        let mut count = 0;
        loop {
            let next = self.ready.borrow_mut().pop_front();
            let Some(finalizer) = next else {
                return count;
            };
            count += 1;
            self.count(|counts| counts.finalized += 1);
            (finalizer.run)();
        }
    }

    /// Runs the finalizers of all objects, dead or alive. How many?
    pub fn finalize_all(&self) -> usize {
        let mut all = self.finalizers.take();
        all.reverse();
        self.ready.borrow_mut().extend(all);
        self.run_finalizers()
    }

    /// The thread ends: all objects are dropped.
    pub fn end(&self) {
        self.phase.set(Phase::Ending);
        self.space.retire();
        self.doomed.borrow_mut().clear();
        let memory = self.space.memory.borrow();
        let cells = memory.blocks.iter().flat_map(|block| block.slots());
        for slot in cells.chain(memory.large.values().copied()) {
            if let Some(drop) = slot.info().and_then(|info| info.drop) {
                // SAFETY: the header says what the object is. It is dropped here alone: what was
                // doomed is too.
                unsafe { drop(slot.payload()) };
            }
        }
    }
}

/// Frees a cell when its object has been dropped, or that has failed.
struct Free<'a> {
    heap: &'a Heap,
    slot: Slot,
}

impl Drop for Free<'_> {
    fn drop(&mut self) {
        let space = &self.heap.space;
        if self.slot.is_large() {
            space.free_large(self.slot);
        } else {
            let block = self.slot.block();
            if block.free_doomed(self.slot) {
                space.settle(block);
            }
        }
    }
}

impl<T: ?Sized + Object + 'static> Gc<T> {
    /// When the object is dead, the function is called with it, after the collection and once: it
    /// may make the object reachable again. Objects that were made later are finalized earlier.
    pub fn set_finalizer(self, finalizer: fn(Gc<T>)) {
        let finalizer = Finalizer { object: self.slot(), run: Box::new(move || finalizer(self)) };
        super::heap::with(|heap| heap.finalizers.borrow_mut().push(finalizer));
    }
}

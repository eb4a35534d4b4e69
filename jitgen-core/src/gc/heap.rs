//! A thread's heap: configuration, when to collect, the slow path of allocation.
//!
//! ```text
//! span used up -> enough in use to collect? -> next span | new block -> no room? collect, try again
//! ```
//!
//! The heap is made on first use and goes with its thread: then its objects are dropped.
//!
//! Invariants: `one-at-a-time` (no collection begins in a collection), `no-births` (nothing is
//! allocated while objects are marked).
//!
//! Not here: the collection itself (`cycle`).

use super::block::{BLOCK, HEADER, LARGEST, SIZES, Slot, class_of};
use super::config::{HeapConfig, OutOfMemory};
use super::cycle::Finalizer;
use super::header::LARGE;
use super::pointer::Gc;
use super::roots::Registry;
use super::space::Space;
use super::stack::Stack;
use super::statistics::HeapStatistics;
use super::trace::Tracer;
use super::weak::WeakCell;
use std::alloc::{Layout, handle_alloc_error};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::ptr::null;
use std::rc::Rc;

/// The least that is allocated between two collections.
const STEP: usize = 64 << 10;

/// What is missing when the system has no memory.
const BLOCK_LAYOUT: Layout = match Layout::from_size_align(BLOCK, BLOCK) {
    Ok(layout) => layout,
    Err(_) => panic!("the layout of a block"),
};

/// What the heap is doing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Phase {
    /// Nothing: the author's code runs.
    Idle,
    /// Marking: no object may be made.
    Marking,
    /// Sweeping is over and dead objects are dropped: no collection may begin.
    Dropping,
    /// The thread ends: no object may be made.
    Ending,
}

/// Reports the pointers of a value that is about to be an object.
type Report<'a> = dyn Fn(&mut Tracer<'_>) + 'a;

/// A report as long as the call of [`Heap::allocate`] that was given it.
struct Pending(*const Report<'static>);

/// Ends that.
struct WhilePending<'a>(&'a Heap);

impl Drop for WhilePending<'_> {
    fn drop(&mut self) {
        self.0.pending.borrow_mut().pop();
    }
}

/// A thread's heap.
pub struct Heap {
    pub space: Space,
    pub config: Cell<HeapConfig>,
    pub phase: Cell<Phase>,
    /// Bytes in objects at which the next collection happens.
    pub threshold: Cell<usize>,
    /// Bytes outside of the heap that its objects own.
    pub external: Cell<usize>,
    pub roots: Rc<Registry>,
    /// Values that are about to be objects: an allocation may run finalizers, which allocate.
    pending: RefCell<Vec<Pending>>,
    /// All cells of weak pointers.
    pub weak: RefCell<Vec<Gc<WeakCell>>>,
    /// Finalizers of objects that are alive.
    pub finalizers: RefCell<Vec<Finalizer>>,
    /// Finalizers that are to run.
    pub ready: RefCell<VecDeque<Finalizer>>,
    pub finalizing: Cell<bool>,
    /// Dead objects that are to be dropped.
    pub doomed: RefCell<Vec<Slot>>,
    /// What cannot be read off elsewhere.
    pub counts: Cell<HeapStatistics>,
    pub stack: Stack,
}

thread_local! {
    /// This thread's heap, or null.
    static CURRENT: Cell<*const Heap> = const { Cell::new(null()) };
    /// Ends it.
    static OWNER: Owner = const { Owner };
}

/// Calls a function with this thread's heap.
#[inline(always)]
pub fn with<R>(f: impl FnOnce(&Heap) -> R) -> R {
    let mut heap = CURRENT.get();
    if heap.is_null() {
        heap = create();
    }
    // SAFETY: the heap lives until the thread ends, and is used by shared references only.
    f(unsafe { &*heap })
}

/// Calls a function with this thread's heap, if there is one.
pub fn existing<R>(f: impl FnOnce(&Heap) -> R) -> Option<R> {
    // SAFETY: as in `with`.
    unsafe { CURRENT.get().as_ref() }.map(f)
}

#[cold]
fn create() -> *const Heap {
    let heap = Box::into_raw(Box::new(Heap::new()));
    CURRENT.set(heap);
    // In the last moments of a thread there is no owner any more; then the heap stays.
    let _ = OWNER.try_with(|_| ());
    heap
}

struct Owner;

impl Drop for Owner {
    fn drop(&mut self) {
        let heap = CURRENT.get();
        if heap.is_null() {
            return;
        }
        // SAFETY: as in `with`.
        unsafe { &*heap }.end();
        CURRENT.set(null());
        // SAFETY: `create` made it of a box, and nobody has it any more: who had is not `'static`.
        drop(unsafe { Box::from_raw(heap.cast_mut()) });
    }
}

/// The flag of an object whose cell has so many bytes.
pub const fn flag(bytes: usize) -> usize {
    if bytes > LARGEST { LARGE } else { 0 }
}

impl Heap {
    fn new() -> Heap {
        let config = HeapConfig::default();
        Heap {
            space: Space::new(),
            config: Cell::new(config),
            phase: Cell::new(Phase::Idle),
            threshold: Cell::new(config.initial_threshold),
            external: Cell::new(0),
            roots: Registry::current(),
            pending: RefCell::default(),
            weak: RefCell::default(),
            finalizers: RefCell::default(),
            ready: RefCell::default(),
            finalizing: Cell::new(false),
            doomed: RefCell::default(),
            counts: Cell::default(),
            stack: Stack::current(),
        }
    }

    /// From now on.
    pub fn configure(&self, config: HeapConfig) {
        self.config.set(config);
        self.set_threshold();
        // What is left of longer spans would not meet the slow path.
        self.space.retire();
    }

    /// A free cell for an object of so many bytes, header included, found slowly. What is pending
    /// is kept by a collection: the object to be made is not in the heap yet.
    ///
    /// # Panics
    /// While objects are marked.
    #[cold]
    #[inline(never)]
    pub fn allocate(&self, bytes: usize, pending: &Report<'_>) -> Result<Slot, OutOfMemory> {
        // SAFETY: the types differ in the lifetime only; the pointer is taken away before this
        // function is left, in whatever way.
        let report =
            unsafe { std::mem::transmute::<*const Report<'_>, *const Report<'static>>(pending) };
        self.pending.borrow_mut().push(Pending(report));
        let _while_pending = WhilePending(self);
        match self.phase.get() {
            Phase::Idle | Phase::Dropping => (),
            Phase::Marking => panic!("an object is made while objects are marked"),
            Phase::Ending => return Err(self.out_of_memory(bytes)),
        }
        let in_use = self.in_use().saturating_add(if bytes > LARGEST { bytes } else { 0 });
        let due = self.config.get().stress || in_use >= self.threshold.get();
        let collected = due && self.collect();
        if let Some(slot) = self.find(bytes) {
            return Ok(slot);
        }
        if !collected && self.collect() {
            return self.find(bytes).ok_or_else(|| self.out_of_memory(bytes));
        }
        Err(self.out_of_memory(bytes))
    }

    /// Makes that the next object of this class needs no slow path; `pending` is as for
    /// [`allocate`](Self::allocate). It may collect, but finalizers wait for the next collection,
    /// and it may fail: then the allocation will say so.
    pub fn prepare(&self, class: usize, pending: &Report<'_>) {
        let (cursor, limit) = self.space.point(class).span();
        if cursor != limit {
            return;
        }
        struct Restore<'a>(&'a Heap, bool);
        impl Drop for Restore<'_> {
            fn drop(&mut self) {
                self.0.finalizing.set(self.1);
            }
        }
        let _restore = Restore(self, self.finalizing.replace(true));
        if let Ok(slot) = self.allocate(SIZES[class], pending) {
            self.space.give_back(class, slot);
        }
    }

    /// A free cell of that class, at once: what others have made may not be filled yet, so this does
    /// not collect, and it takes a block beyond the limit if there is no room below. Where either
    /// would be due it takes one cell only, so that who looks next at the point of this class finds
    /// nothing there, and comes to [`allocate`](Self::allocate).
    ///
    /// # Panics
    /// While objects are marked, and when the thread ends.
    #[cold]
    #[inline(never)]
    pub fn allocate_now(&self, class: usize) -> Slot {
        let phase = self.phase.get();
        assert!(
            matches!(phase, Phase::Idle | Phase::Dropping),
            "an object is made while {phase:?}"
        );
        let config = self.config.get();
        let due = config.stress || self.in_use() >= self.threshold.get();
        let longest = if due { 1 } else { usize::MAX };
        self.refill(class, longest)
            .or_else(|| self.space.refill(class, 1, usize::MAX))
            .unwrap_or_else(|| handle_alloc_error(BLOCK_LAYOUT))
    }

    /// A free cell, without collecting.
    fn find(&self, bytes: usize) -> Option<Slot> {
        let config = self.config.get();
        let limit = config.limit.checked_sub(self.external.get())?;
        let Some(class) = class_of(bytes) else {
            return self.space.large(bytes, limit);
        };
        // A finalizer may have left a span.
        let longest = if config.stress { 1 } else { usize::MAX };
        self.space.bump(class).or_else(|| self.refill(class, longest))
    }

    /// A free cell of a new span, within the limit; `allocate_now` may have left a block too many.
    fn refill(&self, class: usize, longest: usize) -> Option<Slot> {
        let limit = self.config.get().limit.checked_sub(self.external.get())?;
        let fits = self.space.held() <= limit;
        fits.then(|| self.space.refill(class, longest, limit)).flatten()
    }

    pub fn out_of_memory(&self, bytes: usize) -> OutOfMemory {
        OutOfMemory { bytes: bytes - HEADER, limit: self.config.get().limit }
    }

    /// Reports the pointers of values that are about to be objects.
    pub fn trace_pending(&self, tracer: &mut Tracer<'_>) {
        for pending in self.pending.borrow().iter() {
            // SAFETY: the call that put it here has not ended.
            let report = unsafe { &*pending.0 };
            report(tracer);
        }
    }

    /// Bytes in objects, external ones included.
    pub fn in_use(&self) -> usize {
        self.space.used().saturating_add(self.external.get())
    }

    /// Sets the threshold according to what is in use now.
    pub fn set_threshold(&self) {
        let config = self.config.get();
        let in_use = self.in_use();
        let grown = (in_use as f64 * config.growth) as usize;
        let threshold = config.initial_threshold.max(grown).max(in_use.saturating_add(STEP));
        self.threshold.set(threshold);
    }

    /// Changes a count.
    pub fn count(&self, change: impl FnOnce(&mut HeapStatistics)) {
        let mut counts = self.counts.get();
        change(&mut counts);
        self.counts.set(counts);
    }

    pub fn statistics(&self) -> HeapStatistics {
        let allocated = self.space.allocated();
        HeapStatistics {
            allocations: allocated.objects,
            allocated_bytes: allocated.bytes,
            large_objects: allocated.large,
            held_bytes: self.space.held() as u64,
            external_bytes: self.external.get() as u64,
            threshold_bytes: self.threshold.get() as u64,
            ..self.counts.get()
        }
    }
}

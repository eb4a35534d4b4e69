//! Objects for tests of the collector: they count their drops, and nothing stale is on the stack.

#![allow(dead_code, reason = "each test uses a part")]

use jitgen_core::gc::{self, Collect, Gc, HeapConfig, Tracer};
use std::cell::{Cell, RefCell};
use std::hint::black_box;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;

/// How often each number has been dropped.
#[derive(Clone, Default)]
pub struct Drops(Rc<RefCell<Vec<u32>>>);

impl Drops {
    /// Something that counts its drop under a new number.
    pub fn next(&self) -> Counted {
        let mut counts = self.0.borrow_mut();
        counts.push(0);
        Counted { number: counts.len() - 1, drops: self.clone() }
    }

    pub fn count(&self, number: usize) -> u32 {
        self.0.borrow()[number]
    }

    /// How many numbers there are.
    pub fn made(&self) -> usize {
        self.0.borrow().len()
    }

    /// All drops so far.
    pub fn total(&self) -> u32 {
        self.0.borrow().iter().sum()
    }
}

/// A value that counts its drop.
pub struct Counted {
    pub number: usize,
    drops: Drops,
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.drops.0.borrow_mut()[self.number] += 1;
    }
}

// SAFETY: there is no pointer to an object in it, and the destructor only counts.
unsafe impl Collect for Counted {
    const NEEDS_TRACE: bool = false;
    fn trace(&self, _: &mut Tracer<'_>) {}
}

/// A node of a graph.
#[derive(Collect)]
pub struct Node {
    pub counted: Counted,
    pub next: Cell<Option<Gc<Node>>>,
    pub many: RefCell<Vec<Gc<Node>>>,
    pub slots: Cell<Option<Gc<[Slot]>>>,
}

/// A field of a node.
pub type Slot = Cell<Option<Gc<Node>>>;

/// A node without edges.
pub fn node(drops: &Drops) -> Gc<Node> {
    Gc::new(Node {
        counted: drops.next(),
        next: Cell::new(None),
        many: RefCell::default(),
        slots: Cell::new(None),
    })
}

/// Runs a test on a thread, hence a heap and a stack, of its own. The stack is so large that the
/// system does not use it again: the next thread of a test finds no words of this one there.
pub fn alone(test: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(64 << 20).spawn(test);
    if let Err(payload) = thread.expect("a thread can be started").join() {
        resume_unwind(payload);
    }
}

/// Forgets a pointer.
pub fn forget<T: ?Sized>(_: Gc<T>) {}

/// Calls a function, and leaves none of its words on the stack.
#[inline(never)]
pub fn apart<R>(f: impl FnOnce() -> R) -> R {
    let result = deep(f);
    wipe();
    result
}

#[inline(never)]
fn deep<R>(f: impl FnOnce() -> R) -> R {
    black_box(f)()
}

#[inline(never)]
fn wipe() {
    black_box([0usize; 32768]);
}

/// Collects where nothing stale is on the stack.
#[inline(never)]
pub fn collect() -> bool {
    wipe();
    gc::collect()
}

/// Configures this thread's heap.
pub fn configure(change: impl FnOnce(&mut HeapConfig)) {
    let mut config = HeapConfig { initial_threshold: 64 << 10, ..HeapConfig::default() };
    change(&mut config);
    gc::configure(config);
}

/// The message of the panic in a function.
pub fn panic_of<R>(f: impl FnOnce() -> R) -> String {
    let Err(payload) = catch_unwind(AssertUnwindSafe(f)) else {
        return "no panic".into();
    };
    match payload.downcast_ref::<String>() {
        Some(message) => message.clone(),
        None => payload.downcast_ref::<&str>().map_or("?".into(), |text| (*text).to_owned()),
    }
}

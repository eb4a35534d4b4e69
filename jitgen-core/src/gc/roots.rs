//! Roots other than the stack: what Rust data outside of the heap keeps alive.
//!
//! ```text
//! let names = Root::new(RefCell::new(vec![gc]));        values, traced by `Collect`
//! let roots = gc::register_roots(|tracer| ...);         anything that can report its pointers
//! ```
//!
//! Not here: the stack (`stack`).

use super::trace::{Collect, Tracer};
use std::cell::RefCell;
use std::fmt;
use std::ops::Deref;
use std::rc::Rc;

/// A function that reports pointers. It must not allocate objects.
type Report = Rc<dyn Fn(&mut Tracer<'_>)>;

thread_local! {
    /// This thread's. It is there before the heap, so that who may have pointers registers itself
    /// without making one.
    static REGISTRY: Rc<Registry> = Rc::default();
}

/// The registered functions of a thread.
#[derive(Default)]
pub struct Registry {
    entries: RefCell<Vec<Option<Report>>>,
    free: RefCell<Vec<usize>>,
}

impl Registry {
    /// This thread's; one that nobody asks in the last moments of a thread.
    pub fn current() -> Rc<Registry> {
        REGISTRY.try_with(Rc::clone).unwrap_or_default()
    }

    pub fn add(self: &Rc<Self>, report: Report) -> Roots {
        let index = match self.free.borrow_mut().pop() {
            Some(index) => index,
            None => {
                self.entries.borrow_mut().push(None);
                self.entries.borrow().len() - 1
            }
        };
        self.entries.borrow_mut()[index] = Some(report);
        Roots { registry: self.clone(), index }
    }

    pub fn trace(&self, tracer: &mut Tracer<'_>) {
        self.entries.borrow().iter().flatten().for_each(|report| report(tracer));
    }
}

/// A registration; dropping it ends it.
#[must_use = "the roots are registered while this lives"]
pub struct Roots {
    registry: Rc<Registry>,
    index: usize,
}

impl Drop for Roots {
    fn drop(&mut self) {
        let report = self.registry.entries.borrow_mut()[self.index].take();
        self.registry.free.borrow_mut().push(self.index);
        // Only now: what it owns may be registrations.
        drop(report);
    }
}

impl fmt::Debug for Roots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Roots({})", self.index)
    }
}

/// Registers a function that each collection of this thread's heap calls to be told pointers. It
/// must neither allocate objects nor register roots.
pub fn register_roots(report: impl Fn(&mut Tracer<'_>) + 'static) -> Roots {
    Registry::current().add(Rc::new(report))
}

/// A value outside of the heap whose objects live as long as it does. To change it, have a `Cell`
/// or a `RefCell` in it.
pub struct Root<T> {
    value: Rc<T>,
    _roots: Roots,
}

impl<T: Collect + 'static> Root<T> {
    /// Registers a value.
    pub fn new(value: T) -> Root<T> {
        let value = Rc::new(value);
        let traced = value.clone();
        Root { value, _roots: register_roots(move |tracer| traced.as_ref().trace(tracer)) }
    }
}

impl<T> Deref for Root<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: fmt::Debug> fmt::Debug for Root<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}

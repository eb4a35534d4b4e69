//! `Weak<T>`: a pointer that does not keep its object alive.
//!
//! ```text
//! Weak --strong--> cell --not traced--> object
//! ```
//!
//! The cell is an object of its own. When a collection finds the target dead it empties the cell,
//! before finalizers run: an object that a finalizer brings back is lost to those who had weak
//! pointers to it.
//!
//! Not here: finding the dead (`cycle`).

use super::block::Slot;
use super::config::OutOfMemory;
use super::heap;
use super::pointer::Gc;
use super::trace::{Collect, Tracer};
use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;
use std::ptr::NonNull;

/// A pointer that does not keep its object alive. It is copied freely, as a [`Gc`] is.
pub struct Weak<T: ?Sized> {
    cell: Gc<WeakCell>,
    target: PhantomData<*const T>,
}

/// What a weak pointer leads to.
pub struct WeakCell {
    /// The object's payload.
    target: Cell<Option<NonNull<u8>>>,
}

impl WeakCell {
    /// The object, if it has not been collected.
    pub fn target(&self) -> Option<Slot> {
        // SAFETY: the pointer is to a payload, and is taken away before the object is freed.
        self.target.get().map(|payload| unsafe { Slot::of_payload(payload) })
    }

    pub fn clear(&self) {
        self.target.set(None);
    }
}

// SAFETY: what it points to is not kept alive, and not used without a look at the cell.
unsafe impl Collect for WeakCell {
    const NEEDS_TRACE: bool = false;
    fn trace(&self, _: &mut Tracer<'_>) {}
}

// SAFETY: it reports its cell.
unsafe impl<T: ?Sized> Collect for Weak<T> {
    fn trace(&self, tracer: &mut Tracer<'_>) {
        tracer.visit(self.cell);
    }
}

impl<T: ?Sized> Clone for Weak<T> {
    fn clone(&self) -> Weak<T> {
        *self
    }
}

impl<T: ?Sized> Copy for Weak<T> {}

impl<T: ?Sized> Weak<T> {
    /// The object, if it has not been collected.
    pub fn upgrade(self) -> Option<Gc<T>> {
        // SAFETY: the target is set to nothing before it is freed.
        self.cell.target.get().map(|payload| unsafe { Gc::from_raw(payload) })
    }
}

impl<T: ?Sized> fmt::Debug for Weak<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Weak({:?})", self.upgrade())
    }
}

impl<T: ?Sized> Gc<T> {
    /// A pointer that does not keep the object alive. It takes an object of its own.
    pub fn try_downgrade(self) -> Result<Weak<T>, OutOfMemory> {
        let cell = Gc::try_new(WeakCell { target: Cell::new(Some(self.into_raw())) })?;
        heap::with(|heap| heap.weak.borrow_mut().push(cell));
        // The cell does not keep the object alive while it is being made.
        std::hint::black_box(self);
        Ok(Weak { cell, target: PhantomData })
    }

    /// A pointer that does not keep the object alive.
    ///
    /// # Panics
    /// If the heap is full.
    #[track_caller]
    pub fn downgrade(self) -> Weak<T> {
        self.try_downgrade().unwrap_or_else(|error| panic!("{error}"))
    }
}

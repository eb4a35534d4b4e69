//! Methods of `Cell` and `RefCell`.
//!
//! What is in a cell may change although the memory around it does not, so it is loaded. The flag
//! of a `RefCell` is counted as the standard library counts it, and a borrow ends where the
//! original's ends; the optimizer removes what cancels out.
//!
//! Not here: the guards of a borrow as values (`borrowed`).

use crate::macro_support::ask;
use crate::macro_support::borrowed::{Borrow, borrow};
use crate::macro_support::place::Place;
use crate::macro_support::std_types::REF_CELL_CONTENT;
use crate::macro_support::traced::{Traced, Tv, UNIT, lift};
use crate::tracer::Opnd;
use std::cell::{Cell, Ref, RefCell, RefMut};

/// What `Cell`s have.
pub trait CellTwin {
    /// What is inside.
    type Item: Traced;
    /// The twin of `new`.
    fn new__twin(value: Tv<Self::Item>) -> Tv<Self>
    where
        Self: Traced;
    /// The twin of `get`.
    fn get__twin(&self, this: Place<Self>) -> Tv<Self::Item>
    where
        Self::Item: Copy;
    /// The twin of `set`.
    fn set__twin(&self, this: Place<Self>, value: Tv<Self::Item>) -> Tv<()>;
    /// The twin of `replace`.
    fn replace__twin(&self, this: Place<Self>, value: Tv<Self::Item>) -> Tv<Self::Item>;
    /// The twin of `take`.
    fn take__twin(&self, this: Place<Self>) -> Tv<Self::Item>
    where
        Self::Item: Default;
}

/// The place of what is in a cell.
fn content<T>(this: Place<Cell<T>>) -> Place<T> {
    this.thawed().shifted(this.addr().cast::<T>())
}

impl<T: Traced> CellTwin for Cell<T> {
    type Item = T;
    fn new__twin(value: Tv<T>) -> Tv<Self> {
        let opnd = value.opnd();
        Tv::of(Cell::new(value.native()), opnd)
    }
    fn get__twin(&self, this: Place<Self>) -> Tv<T>
    where
        T: Copy,
    {
        content(this).get()
    }
    fn set__twin(&self, this: Place<Self>, value: Tv<T>) -> Tv<()> {
        content(this).set(value);
        UNIT
    }
    fn replace__twin(&self, this: Place<Self>, value: Tv<T>) -> Tv<T> {
        let old = content(this).get();
        content(this).put(value);
        old
    }
    fn take__twin(&self, this: Place<Self>) -> Tv<T>
    where
        T: Default,
    {
        self.replace__twin(this, lift(T::default()))
    }
}

/// What `RefCell`s have.
pub trait RefCellTwin {
    /// What is inside.
    type Item;
    /// The twin of `new`.
    fn new__twin(value: Tv<Self::Item>) -> Tv<Self>
    where
        Self: Traced,
        Self::Item: Traced;
    /// The twin of `borrow`.
    ///
    /// # Panics
    /// As the method does.
    fn borrow__twin<'a>(&self, this: Place<Self>) -> Tv<Ref<'a, Self::Item>>
    where
        Self::Item: 'a;
    /// The twin of `borrow_mut`.
    ///
    /// # Panics
    /// As the method does.
    fn borrow_mut__twin<'a>(&self, this: Place<Self>) -> Tv<RefMut<'a, Self::Item>>
    where
        Self::Item: 'a;
}

impl<T> RefCellTwin for RefCell<T> {
    type Item = T;
    fn new__twin(value: Tv<T>) -> Tv<Self>
    where
        Self: Traced,
        T: Traced,
    {
        let (size, content) = (size_of::<Self>() as u32, (REF_CELL_CONTENT, size_of::<T>() as u32));
        let opnd = ask::replace(Opnd::Const, size, content, value.opnd());
        Tv::of(RefCell::new(value.native()), opnd)
    }
    fn borrow__twin<'a>(&self, this: Place<Self>) -> Tv<Ref<'a, T>>
    where
        T: 'a,
    {
        borrow(this, Borrow::Shared)
    }
    fn borrow_mut__twin<'a>(&self, this: Place<Self>) -> Tv<RefMut<'a, T>>
    where
        T: 'a,
    {
        borrow(this, Borrow::Unique)
    }
}

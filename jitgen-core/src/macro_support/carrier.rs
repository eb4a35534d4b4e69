//! Carriers: how a twin holds a value.
//!
//! A value without destructor is *flat*: bits and operand, freely copied where the type is `Copy`.
//! A value with one is *owned*: moved as the original moves it, and dropped where the original
//! drops it, which is recorded. Types say which they are by a type-level choice, so that generic
//! types (`Option<T>`) inherit it.
//!
//! What the macro moves out of a place by hand (a binding in a pattern, a receiver by value) is
//! noted in the carrier: bytes that have been moved are not dropped again.
//!
//! Invariant `same-bytes`: a carrier begins with the value's own bytes, so the address of a local
//! is the address of its value.
//!
//! Not here: what dropping means in a trace (`own`).

use super::own;
use super::traced::Traced;
use crate::tracer::Opnd;
use std::mem::ManuallyDrop;

/// Bits and operand.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Flat<V> {
    /// The concrete value.
    pub c: V,
    /// What it is in the trace.
    pub o: Opnd,
}

/// A value with a destructor, and its operand.
#[repr(C)]
pub struct Own<X: Traced> {
    c: ManuallyDrop<X::V>,
    o: Opnd,
    moved: Moved,
}

/// The bytes of a value that have been moved away: offset and size.
pub type Moved = Vec<(u32, u32)>;

impl<X: Traced> Drop for Own<X> {
    fn drop(&mut self) {
        let this = (&raw mut *self.c).cast::<X>();
        let moved = std::mem::take(&mut self.moved);
        // SAFETY: the value is dropped once, here, but for the bytes that have been moved away.
        unsafe { own::drop_value(this, self.o, &moved) }
    }
}

/// What a carrier can do.
pub trait Carrier<V>: Sized {
    /// A carrier of that value.
    fn new(value: V, opnd: Opnd) -> Self;
    /// The operand.
    fn opnd(&self) -> Opnd;
    /// The value is something else in the trace from here on.
    fn set_opnd(&mut self, opnd: Opnd);
    /// Where the operand is.
    fn slot(&mut self) -> *mut Opnd;
    /// Where the value is.
    fn value(&self) -> *const V;
    /// The value, which is then the caller's.
    fn into_value(self) -> V;
    /// Where it is noted which bytes have been moved away; null if nobody needs to know.
    fn moved(&mut self) -> *mut Moved;
}

impl<V> Carrier<V> for Flat<V> {
    fn new(c: V, o: Opnd) -> Self {
        Flat { c, o }
    }
    fn opnd(&self) -> Opnd {
        self.o
    }
    fn set_opnd(&mut self, opnd: Opnd) {
        self.o = opnd;
    }
    fn slot(&mut self) -> *mut Opnd {
        &raw mut self.o
    }
    fn value(&self) -> *const V {
        &raw const self.c
    }
    fn into_value(self) -> V {
        self.c
    }
    fn moved(&mut self) -> *mut Moved {
        std::ptr::null_mut()
    }
}

impl<X: Traced> Carrier<X::V> for Own<X> {
    fn new(c: X::V, o: Opnd) -> Self {
        Own { c: ManuallyDrop::new(c), o, moved: vec![] }
    }
    fn opnd(&self) -> Opnd {
        self.o
    }
    fn set_opnd(&mut self, opnd: Opnd) {
        self.o = opnd;
    }
    fn slot(&mut self) -> *mut Opnd {
        &raw mut self.o
    }
    fn value(&self) -> *const X::V {
        &raw const *self.c
    }
    fn into_value(self) -> X::V {
        let mut this = ManuallyDrop::new(self);
        drop(std::mem::take(&mut this.moved));
        // SAFETY: `this` is not used again and not dropped, so the value is moved out once.
        unsafe { ManuallyDrop::take(&mut this.c) }
    }
    fn moved(&mut self) -> *mut Moved {
        &raw mut self.moved
    }
}

/// Has a type a destructor?
pub trait Ownership {
    /// How a twin holds its values; `V` is the bits that it holds instead of an `X`.
    type Carrier<X: Traced>: Carrier<X::V>;
    /// Together with another one.
    type And<B: Ownership>: Ownership;
}

/// No destructor.
pub enum Plain {}

/// A destructor.
pub enum Owned {}

impl Ownership for Plain {
    type Carrier<X: Traced> = Flat<X::V>;
    type And<B: Ownership> = B;
}

impl Ownership for Owned {
    type Carrier<X: Traced> = Own<X>;
    type And<B: Ownership> = Owned;
}

/// The choice by `needs_drop`.
pub struct Drops<const D: bool>;

/// See [`Drops`].
pub trait Choose {
    /// What it comes to.
    type O: Ownership;
}

impl Choose for Drops<false> {
    type O = Plain;
}

impl Choose for Drops<true> {
    type O = Owned;
}

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

use super::kind::HasKind;
use super::traced::Traced;
use crate::tracer::Opnd;
use std::mem::{ManuallyDrop, offset_of};

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
        // SAFETY: the value is dropped once, here, but for the bytes that have been moved away.
        unsafe { X::KIND.drop_value(&raw mut *self as *mut u8, self.o, &self.moved) }
    }
}

/// What a carrier can do. All else is done by whoever knows its layout (`kind`).
pub trait Carrier<V>: Sized {
    /// Where the operand is, in bytes.
    const OPND: usize;
    /// Where it is noted which bytes have been moved away; `None` if nobody needs to know.
    const MOVED: Option<usize>;
    /// A carrier of that value.
    fn new(value: V, opnd: Opnd) -> Self;
    /// The value, which is then the caller's.
    fn into_value(self) -> V;
}

impl<V> Carrier<V> for Flat<V> {
    const OPND: usize = offset_of!(Self, o);
    const MOVED: Option<usize> = None;
    fn new(c: V, o: Opnd) -> Self {
        Flat { c, o }
    }
    fn into_value(self) -> V {
        self.c
    }
}

impl<X: Traced> Carrier<X::V> for Own<X> {
    const OPND: usize = offset_of!(Self, o);
    const MOVED: Option<usize> = Some(offset_of!(Self, moved));
    fn new(c: X::V, o: Opnd) -> Self {
        Own { c: ManuallyDrop::new(c), o, moved: vec![] }
    }
    fn into_value(self) -> X::V {
        let mut this = ManuallyDrop::new(self);
        drop(std::mem::take(&mut this.moved));
        // SAFETY: `this` is not used again and not dropped, so the value is moved out once.
        unsafe { ManuallyDrop::take(&mut this.c) }
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

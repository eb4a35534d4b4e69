//! What a derive asks of the types of fields, which may be traced or not.
//!
//! `Probe::<F, D>::FIELD` is the inherent constant if `F` is traced, else that of the trait: rustc
//! prefers what is inherent, and drops it where its bounds do not hold.
//!
//! `D` is a type parameter of the function that asks, and means nothing: constants that depend on a
//! parameter are not evaluated by rustc's lints, which look into every function of the author's,
//! but only when the description of the type is needed.
//!
//! Not here: the impls that are composed of this (`jitgen_macros`).

use super::kind::{HasKind, Kind};
use super::place::Place;
use super::shape::Shape;
use super::traced::Traced;
use crate::ir::Ty;
use std::marker::PhantomData;

/// Asks about a type.
pub struct Probe<T, D>(PhantomData<(T, D)>);

/// What is known of the type of a field.
pub struct Field {
    pub(super) size: u32,
    pub(super) shape: &'static Shape,
    /// Are its bytes all that there is to it?
    pub(super) bits: bool,
    /// Is it known how to drop it?
    pub(super) known: bool,
    /// If it is traced.
    kind: Option<&'static Kind>,
}

impl Field {
    /// Calls `f` with the distance from `base` and type of every word that is known to be
    /// initialized.
    ///
    /// # Safety
    /// A value of the type must be there.
    pub(super) unsafe fn leaves(&self, this: *const u8, base: u64, f: &mut dyn FnMut(u32, Ty)) {
        if let Some(kind) = self.kind {
            // SAFETY: the caller's promise.
            unsafe { kind.each_leaf(this, base, f) };
        }
    }

    /// Drops it, unless its bytes have been moved away; `base` is the address of the whole.
    ///
    /// # Safety
    /// The place must be that of a value of the twin that is not used again, unless it has been
    /// moved.
    pub(super) unsafe fn drop(&self, place: Place<u8>, base: u64, moved: &[(u32, u32)]) {
        if let Some(kind) = self.kind {
            // SAFETY: the caller's promise.
            unsafe { kind.drop_field(place, base, moved) };
        }
    }
}

impl<T: Traced, D> Probe<T, D> {
    /// What is known of it.
    pub const FIELD: Field = Field {
        size: size_of::<T>() as u32,
        shape: T::KIND.shape,
        bits: T::BITS,
        known: true,
        kind: Some(T::KIND),
    };
}

/// The answers for a type that is not traced.
pub trait Unknown {
    /// The type.
    type Of;
    /// What is known of it.
    const FIELD: Field = Field {
        size: size_of::<Self::Of>() as u32,
        shape: &Shape::OPAQUE,
        bits: false,
        known: !std::mem::needs_drop::<Self::Of>(),
        kind: None,
    };
}

impl<T, D> Unknown for Probe<T, D> {
    type Of = T;
}

#[allow(drop_bounds, reason = "the question is whether the type itself implements `Drop`")]
impl<T: Drop, D> Probe<T, D> {
    /// Does the type itself implement `Drop`?
    pub const DROPS: bool = true;
}

/// The answer for a type that does not implement `Drop`.
pub trait UnknownDrop {
    /// Does the type itself implement `Drop`?
    const DROPS: bool = false;
}

impl<T, D> UnknownDrop for Probe<T, D> {}

/// The bits of an enum without fields.
pub fn enum_bits<X: Copy>(x: X) -> u64 {
    let at = (&raw const x).cast::<u8>();
    let mut bytes = [0; 8];
    // SAFETY: an enum without fields is an initialized integer of its size, at most 8 bytes.
    unsafe { at.copy_to_nonoverlapping(bytes.as_mut_ptr(), size_of::<X>().min(8)) };
    u64::from_le_bytes(bytes)
}

/// The enum without fields of these bits, which came from a value of it.
pub fn enum_from_bits<X: Copy>(bits: u64) -> X {
    assert!(size_of::<X>() <= 8);
    // SAFETY: the bits came from a value of this type, which is an integer of its size.
    unsafe { std::mem::transmute_copy::<[u8; 8], X>(&bits.to_le_bytes()) }
}

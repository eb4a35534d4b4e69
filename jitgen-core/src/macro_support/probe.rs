//! What a derive asks of the types of fields, which may be traced or not.
//!
//! `Probe::<F>::SHAPE` is the inherent constant if `F` is traced, else that of the trait: rustc
//! prefers what is inherent, and drops it where its bounds do not hold.
//!
//! Not here: the impls that are composed of this (`jitgen_macros`).

use super::kind::{HasKind, Kind};
use super::place::Place;
use super::shape::{Shape, TagAt};
use super::traced::Traced;
use crate::ir::Ty;
use std::marker::PhantomData;

/// Asks about a type.
pub struct Probe<T>(PhantomData<T>);

/// What is known of the type of a field.
pub struct Field {
    pub(super) size: u32,
    pub(super) opaque: bool,
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

impl<T: Traced> Probe<T> {
    /// Its words.
    pub const SHAPE: Shape = T::SHAPE;
    /// Are its bytes all that there is to it?
    pub const BITS: bool = T::BITS;
    /// The rest.
    pub const FIELD: Field = Field {
        size: size_of::<T>() as u32,
        opaque: T::SHAPE.is_opaque(),
        known: true,
        kind: Some(T::KIND),
    };
}

/// The answers for a type that is not traced.
pub trait Unknown {
    /// The type.
    type Of;
    /// Its words.
    const SHAPE: Shape = Shape::OPAQUE;
    /// Are its bytes all that there is to it?
    const BITS: bool = false;
    /// The rest.
    const FIELD: Field = Field {
        size: size_of::<Self::Of>() as u32,
        opaque: true,
        known: !std::mem::needs_drop::<Self::Of>(),
        kind: None,
    };
}

impl<T> Unknown for Probe<T> {
    type Of = T;
}

#[allow(drop_bounds, reason = "the question is whether the type itself implements `Drop`")]
impl<T: Drop> Probe<T> {
    /// Does the type itself implement `Drop`?
    pub const DROPS: bool = true;
}

/// The answer for a type that does not implement `Drop`.
pub trait UnknownDrop {
    /// Does the type itself implement `Drop`?
    const DROPS: bool = false;
}

impl<T> UnknownDrop for Probe<T> {}

/// A tag of that type at the beginning; `numbers` are those of the variants.
pub const fn tag_word(ty: Ty, numbers: &[u64]) -> TagAt {
    let (mut all, mut index) = (0, 0);
    while index < numbers.len() {
        if numbers[index] >= 64 {
            return TagAt::Word { offset: 0, ty, all: 0 };
        }
        all |= 1 << numbers[index];
        index += 1;
    }
    TagAt::Word { offset: 0, ty, all }
}

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

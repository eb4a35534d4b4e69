//! What a derive asks of the types of fields, which may be traced or not.
//!
//! `Probe::<F>::SHAPE` is the inherent constant if `F` is traced, else that of the trait: rustc
//! prefers what is inherent, and drops it where its bounds do not hold.
//!
//! Not here: the impls that are composed of this (`jitgen_macros`).

use super::own;
use super::place::Place;
use super::shape::{Shape, TagAt};
use super::traced::Traced;
use crate::ir::Ty;
use std::marker::PhantomData;

/// Asks about a type.
pub struct Probe<T>(PhantomData<T>);

impl<T: Traced> Probe<T> {
    /// Its words.
    pub const SHAPE: Shape = T::SHAPE;
    /// Are its bytes all that there is to it?
    pub const BITS: bool = T::BITS;
    /// Is it known how to drop it?
    pub const KNOWN: bool = true;

    /// Its initialized words, at their distance from `base`.
    ///
    /// # Safety
    /// `this` must point to a value.
    pub unsafe fn leaves(this: *const T, base: u64, f: &mut dyn FnMut(u32, Ty)) {
        // SAFETY: the caller's promise.
        unsafe { T::leaves(this, base, f) }
    }

    /// Drops it.
    ///
    /// # Safety
    /// As for `drop_field`.
    pub unsafe fn drop_field(place: Place<T>, base: u64, moved: &[(u32, u32)]) {
        // SAFETY: the caller's promise.
        unsafe { own::drop_field(place, base, moved) }
    }
}

/// The answers for a type that is not traced.
pub trait Unknown {
    /// The type.
    type Of;
    /// Its words.
    const SHAPE: Shape = Shape::OPAQUE;
    /// Are its bytes all that there is to it?
    const BITS: bool = false;
    /// Is it known how to drop it?
    const KNOWN: bool = !std::mem::needs_drop::<Self::Of>();

    /// None are known.
    ///
    /// # Safety
    /// None.
    unsafe fn leaves(_: *const Self::Of, _: u64, _: &mut dyn FnMut(u32, Ty)) {}

    /// There is nothing to drop.
    ///
    /// # Safety
    /// None.
    unsafe fn drop_field(_: Place<Self::Of>, _: u64, _: &[(u32, u32)]) {}
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

/// The tag of the variant of that name.
pub fn tag_named(name: &str, tags: &[(&str, u64)]) -> Option<u64> {
    tags.iter().find(|(of, _)| *of == name).map(|(_, tag)| *tag)
}

/// Has the variant that a value is something to drop? The trace asks for those that have, one after
/// the other.
pub fn has_to_drop<X: Traced>(place: Place<X>, variant: u64, variants: &[(&str, bool)]) -> bool {
    let head = super::pattern::head_at(place);
    let mut numbered = variants.iter().zip(0..).filter(|((_, drops), _)| *drops);
    numbered.any(|((name, _), number)| head.test(name, number == variant))
}

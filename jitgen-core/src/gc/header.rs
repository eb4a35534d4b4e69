//! The header word of an object: what its type is, for whoever meets the object without knowing.
//!
//! ```text
//! cell:  | header | payload ...              |      header = address of a TypeInfo + flags
//!                 ^ a Gc<T> points here
//! ```
//!
//! A header of zero says that the cell is free. The one flag says that the object has an
//! allocation of its own. The address of a [`TypeInfo`] does not identify a type: the compiler may
//! make several for one.
//!
//! Not here: where objects lie (`block`, `space`).

use super::object::Object;
use super::trace::{Collect, Tracer};
use std::ptr::NonNull;

/// The flag of objects that have an allocation of their own.
pub const LARGE: usize = 1;

/// Flags are in these bits.
const FLAGS: usize = 7;

/// What the collector knows of a type.
#[repr(align(8))]
pub struct TypeInfo {
    /// Reports the pointers in the payload, if the type can have any.
    pub trace: Option<unsafe fn(NonNull<u8>, &mut Tracer<'_>)>,
    /// Drops the payload, if that does anything.
    pub drop: Option<unsafe fn(NonNull<u8>)>,
    /// The name of the type, for messages.
    pub name: fn() -> &'static str,
}

/// The [`TypeInfo`] of a type.
trait Described {
    const INFO: &'static TypeInfo;
}

impl<T: ?Sized + Object + Collect> Described for T {
    const INFO: &'static TypeInfo = &TypeInfo {
        trace: if T::NEEDS_TRACE { Some(trace::<T>) } else { None },
        drop: if T::NEEDS_DROP { Some(drop::<T>) } else { None },
        name: std::any::type_name::<T>,
    };
}

/// The header of objects of a type, without flags.
pub fn header_of<T: ?Sized + Object + Collect>() -> usize {
    std::ptr::from_ref(<T as Described>::INFO).expose_provenance()
}

/// What a header says of the type.
///
/// # Safety
/// The header is one that [`header_of`] has made, with or without flags; not zero.
pub unsafe fn info(header: usize) -> &'static TypeInfo {
    let address = std::ptr::with_exposed_provenance::<TypeInfo>(header & !FLAGS);
    // SAFETY: it is the address of a static `TypeInfo`, exposed when the header was made.
    unsafe { &*address }
}

/// # Safety
/// A live `T` has its payload there.
unsafe fn trace<T: ?Sized + Object + Collect>(payload: NonNull<u8>, tracer: &mut Tracer<'_>) {
    // SAFETY: the caller's promise. Exclusive references to objects are not to be had.
    unsafe { T::of_payload(payload).as_ref() }.trace(tracer);
}

/// # Safety
/// A live `T` has its payload there, and nobody uses it afterwards.
unsafe fn drop<T: ?Sized + Object>(payload: NonNull<u8>) {
    // SAFETY: the caller's promise.
    unsafe { T::of_payload(payload).drop_in_place() }
}

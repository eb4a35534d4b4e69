//! What can be an object: any sized type, slices and strings; all behind a pointer of one word.
//!
//! ```text
//! T      | header | T ...                 |
//! [T]    | header | length | T | T | ...  |
//! str    | header | length | bytes ...    |
//! ```
//!
//! The length lies in the object, so that a `Gc<[T]>` is as thin as a `Gc<T>`.
//!
//! Not here: making objects (`pointer`).

use std::ptr::NonNull;

/// Objects' payloads are aligned to this.
pub const ALIGNMENT: usize = 8;

/// Bytes before the first item of a slice or the first byte of a string.
pub const ITEMS: usize = 8;

/// What can be behind a [`Gc`](super::Gc).
///
/// # Safety
/// `of_payload` gives the place of the value in a payload.
pub unsafe trait Object {
    /// Does dropping do anything?
    #[doc(hidden)]
    const NEEDS_DROP: bool;

    /// The value in a payload.
    ///
    /// # Safety
    /// There is a payload of this type, its length (if it has one) written.
    #[doc(hidden)]
    unsafe fn of_payload(payload: NonNull<u8>) -> NonNull<Self>;
}

// SAFETY: the payload is the value.
unsafe impl<T> Object for T {
    const NEEDS_DROP: bool = std::mem::needs_drop::<T>();

    #[inline(always)]
    unsafe fn of_payload(payload: NonNull<u8>) -> NonNull<T> {
        payload.cast()
    }
}

// SAFETY: the payload is a length and as many items.
unsafe impl<T> Object for [T] {
    const NEEDS_DROP: bool = std::mem::needs_drop::<T>();

    #[inline(always)]
    unsafe fn of_payload(payload: NonNull<u8>) -> NonNull<[T]> {
        // SAFETY: the length is there, aligned.
        let length = unsafe { payload.cast::<usize>().read() };
        // SAFETY: the items follow it, in the same allocation.
        NonNull::slice_from_raw_parts(unsafe { payload.add(ITEMS) }.cast(), length)
    }
}

// SAFETY: the payload is that of the bytes.
unsafe impl Object for str {
    const NEEDS_DROP: bool = false;

    #[inline(always)]
    unsafe fn of_payload(payload: NonNull<u8>) -> NonNull<str> {
        // SAFETY: a string has the payload of its bytes.
        let bytes = unsafe { <[u8]>::of_payload(payload) };
        // SAFETY: the pointer is not null.
        unsafe { NonNull::new_unchecked(bytes.as_ptr() as *mut str) }
    }
}

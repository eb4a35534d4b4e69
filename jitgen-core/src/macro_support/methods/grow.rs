//! Vectors that grow in the trace: new memory, the elements moved, the old memory freed.
//!
//! ```text
//! v.push(x), 2 of 2    v1 = new.ptr @alloc(i64 32, i64 8) #0;  2 loads, 2 stores;  free @dealloc(v0, ..)
//! ```
//!
//! So a vector that is made and dropped in the trace need not be made. Only one that is the twin's
//! own, and whose length is constant: others are grown by a call.
//!
//! Not here: that call, and when a vector grows (`vector`).

use crate::ir::{Const, Ty};
use crate::macro_support::allocate::{self, MAX_BYTES, MAX_DROPPED, Way};
use crate::macro_support::ask;
use crate::macro_support::elements::{elements_of_vec, find, vec_layout};
use crate::macro_support::kind::{HasKind, Kind, erased};
use crate::macro_support::place::Place;
use crate::macro_support::reach::led_to;
use crate::macro_support::shape::{Owner, TypeName};
use crate::macro_support::traced::{Traced, Tv};
use crate::tracer::{Opnd, Word};
use std::alloc::Layout;

fn constant(value: u64) -> Word {
    Word { now: Const::i64(value as i64), opnd: Opnd::Const }
}

/// The capacity after the next one of so many elements of that size, as the standard library has it.
fn next_capacity(size: usize, capacity: u64) -> u64 {
    let least = match size {
        1 => 8,
        2..=1024 => 4,
        _ => 1,
    };
    (2 * capacity).max(least)
}

/// Makes room in a vector that is full; `false` if it is to be grown by a call.
pub(super) fn grow_here<T: Traced>(this: Place<Vec<T>>) -> bool {
    let names = [std::any::type_name::<Vec<T>>, std::any::type_name::<[T]>];
    // SAFETY: a live `Vec` is there, which is full.
    let Some((pointer, count, capacity)) = (unsafe { moved(T::KIND, erased!(this), names) }) else {
        return false;
    };
    std::mem::forget(this.get().native());
    let start = pointer.now.bits as *mut T;
    // SAFETY: the memory has been allocated for so many elements, by the same allocator, and the
    // elements are there.
    let vec = unsafe { Vec::from_raw_parts(start, count as usize, capacity as usize) };
    let opnd = ask::replace(Opnd::Const, 24, (vec_layout().pointer, 8), pointer.opnd);
    this.put(Tv::of(vec, opnd));
    true
}

/// Moves the elements of a vector of this kind to new memory, and frees the old; gives where they
/// are, how many, and for how many there is room. Nothing if that is to be done by a call.
///
/// # Safety
/// A live `Vec` must be there that is full; its elements are not used again where they were.
unsafe fn moved(kind: &Kind, this: Place<u8>, names: [TypeName; 2]) -> Option<(Word, u64, u64)> {
    let size = kind.size as usize;
    if size == 0 || kind.shape.is_opaque() || !this.is_in_twin() {
        return None;
    }
    // SAFETY: the caller's promise.
    let (first, len) = unsafe { elements_of_vec(this, names) };
    let count = len.now.bits;
    let capacity = next_capacity(size, count);
    let here = match allocate::way_taken() {
        // A call gives a vector by memory.
        Way::Call => allocate::word_was_given(),
        Way::Words => false,
        Way::Open => {
            let fits = count <= MAX_DROPPED && capacity <= (MAX_BYTES / size) as u64;
            fits && len.opnd.is_const() && ask::is_recording()
        }
    };
    let layout =
        Layout::from_size_align(size.saturating_mul(capacity as usize), kind.align as usize);
    let (true, Ok(layout)) = (here, layout) else { return None };
    let pointer = allocate::allocate(layout);
    let to = led_to(pointer, 0, false).owned_by(Owner::Field(names[1], 0));
    for index in 0..count {
        let index = constant(index);
        // SAFETY: the caller's promise; there is room for the elements in the new memory.
        unsafe { kind.transfer(find(first, index, size as i64), find(to, index, size as i64)) };
    }
    if count > 0 {
        let size = constant(count * size as u64);
        let old = Word { now: Const::new(Ty::Ptr, first.addr() as u64), opnd: first.pointer() };
        // SAFETY: the vector was full, so its capacity is its length; the elements have been moved.
        unsafe { allocate::free(old, size, kind.align as usize) };
    }
    Some((pointer, count, capacity))
}

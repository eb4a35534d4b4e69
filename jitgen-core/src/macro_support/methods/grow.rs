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
use crate::macro_support::elements::{Indexable, element, element_of, vec_layout};
use crate::macro_support::place::Place;
use crate::macro_support::reach::follow;
use crate::macro_support::traced::{Traced, Tv};
use crate::tracer::{Opnd, Word};
use std::alloc::Layout;

fn constant(value: u64) -> Word {
    Word { now: Const::i64(value as i64), opnd: Opnd::Const }
}

/// The capacity after the next one of so many elements, as the standard library has it.
fn next_capacity<T>(capacity: u64) -> u64 {
    let least = match size_of::<T>() {
        1 => 8,
        2..=1024 => 4,
        _ => 1,
    };
    (2 * capacity).max(least)
}

/// Makes room in a vector that is full; `false` if it is to be grown by a call.
pub(super) fn grow_here<T: Traced>(this: Place<Vec<T>>) -> bool {
    if size_of::<T>() == 0 || T::SHAPE.is_opaque() || !this.is_in_twin() {
        return false;
    }
    let (first, len) = Vec::elements(this);
    let count = len.now.bits;
    let capacity = next_capacity::<T>(count);
    let here = match allocate::way_taken() {
        // A call gives a vector by memory.
        Way::Call => allocate::word_was_given(),
        Way::Words => false,
        Way::Open => {
            let fits = count <= MAX_DROPPED && capacity <= (MAX_BYTES / size_of::<T>()) as u64;
            fits && len.opnd.is_const() && ask::is_recording()
        }
    };
    let (true, Ok(layout)) = (here, Layout::array::<T>(capacity as usize)) else { return false };
    let pointer = allocate::allocate(layout);
    let to = follow::<T>(pointer, 0, false).owned_by(element_of::<T>());
    for index in 0..count {
        let value = element(first, constant(index)).get();
        element(to, constant(index)).write(value);
    }
    if count > 0 {
        let size = constant(count * size_of::<T>() as u64);
        let old = Word { now: Const::new(Ty::Ptr, first.addr() as u64), opnd: first.pointer() };
        // SAFETY: the vector was full, so its capacity is its length; the elements have been moved.
        unsafe { allocate::free(old, size, align_of::<T>()) };
    }
    std::mem::forget(this.get().native());
    let start = pointer.now.bits as *mut T;
    // SAFETY: the memory has been allocated for so many elements, by the same allocator, and the
    // elements are there.
    let vec = unsafe { Vec::from_raw_parts(start, count as usize, capacity as usize) };
    let opnd = ask::replace(Opnd::Const, 24, (vec_layout().pointer, 8), pointer.opnd);
    this.put(Tv::of(vec, opnd));
    true
}

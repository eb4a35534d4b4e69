//! Memory in twins, from the allocator or the collected heap: taken, filled, freed, each of which the
//! trace sees.
//!
//! ```text
//! Rc::new(value)     v1 = new.ptr @alloc(i64 32, i64 8) #0;  store v1, 1;  store v1+8, 1;  store v1+16, value
//! its last drop      store v1, 0;  the value's drop;  free @dealloc(v1, i64 32, i64 8)
//! Gc::new(value)     v1 = new.ptr @object(i64 16, i64 32, ..) #0;  store v1, value
//! ```
//!
//! So the optimizer can do without objects that nobody else gets to know. A value whose words are
//! not known is made, and dropped, by a residual call.
//!
//! What a container holds can be dropped in a trace only if its type is traced, which the container
//! does not ask for. So those that a twin has made say how ([`Contents`]), by the type's id.
//!
//! Invariants: `same-layout` (memory is taken with the size and alignment with which the standard
//! library frees it, and the other way round), `log-decides` (which of two ways recording has taken,
//! replay sees from the next entry of the log, since what recording knew need not be known then).
//!
//! Not here: whether there is room on the collected heap (`methods::heap`).

use super::ask;
use super::place::Place;
use super::traced::Traced;
use crate::gc::{self, AllocationPoint};
use crate::ir::{Cells, Const, Effects, Op, Ty};
use crate::tracer::{ALLOCATION_CLASS, Function, Opnd, Replayed, Word, with};
use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::any::TypeId;
use std::cell::RefCell;
use std::collections::HashMap;
use std::marker::PhantomData;

/// Vectors that take more bytes than this are made by a call.
pub(super) const MAX_BYTES: usize = 1024;

/// So many elements are dropped one by one in a trace.
pub(super) const MAX_DROPPED: u64 = 16;

extern "C" fn alloc_thunk(size: usize, align: usize) -> *mut u8 {
    let Ok(layout) = Layout::from_size_align(size, align) else {
        unreachable!("a trace has the layout of a type")
    };
    // SAFETY: traces allocate no types without bytes.
    let pointer = unsafe { alloc(layout) };
    if pointer.is_null() {
        handle_alloc_error(layout);
    }
    pointer
}

extern "C" fn dealloc_thunk(pointer: *mut u8, size: usize, align: usize) {
    let Ok(layout) = Layout::from_size_align(size, align) else {
        unreachable!("a trace has the layout of a type")
    };
    // SAFETY: the trace has what the allocator gave for this layout, and does not use it again.
    unsafe { dealloc(pointer, layout) };
}

extern "C" fn object_thunk(_: usize, cell: usize, header: usize) -> *mut u8 {
    // SAFETY: a trace has this of an allocation point of its thread, and writes what it makes
    // before it calls anything that may collect.
    unsafe { gc::allocate_now(header, cell) }.as_ptr()
}

const ALLOC: fn() -> Function =
    || Function { symbol: "alloc", address: alloc_thunk as *const () as usize };

/// It is passed two words more than it takes.
const OBJECT: fn() -> Function =
    || Function { symbol: "object", address: object_thunk as *const () as usize };

const DEALLOC: fn() -> Function =
    || Function { symbol: "dealloc", address: dealloc_thunk as *const () as usize };

fn constant(bits: u64) -> Word {
    Word { now: Const::i64(bits as i64), opnd: Opnd::Const }
}

/// Takes memory: its address, which the log may have.
pub(super) fn allocate(layout: Layout) -> Word {
    debug_assert!(layout.size() > 0, "there is something to allocate");
    if let Some(word) = ask::begin_call() {
        return word.expect("an allocation has a result");
    }
    let pointer = alloc_thunk(layout.size(), layout.align());
    let now = Const::new(Ty::Ptr, pointer as u64);
    let args = [layout.size(), layout.align()].map(|word| Const::i64(word as i64));
    let effects = Effects { reads: Some(vec![]), ..Effects::default() };
    Word { now, opnd: ask::end_new(Op::New, ALLOC(), &args, effects, now) }
}

/// Takes the next free cell of a point for an object of so many bytes, and makes it one: the address
/// of its payload, which the log may have. `op` says whether it can be done without.
///
/// # Safety
/// The point is one of this thread's heap, for such objects. The payload is written before a
/// collection takes place.
pub(super) unsafe fn allocate_cell(op: Op, point: AllocationPoint, size: usize) -> Word {
    if let Some(word) = ask::begin_call() {
        return word.expect("an allocation has a result");
    }
    // SAFETY: the caller's promise.
    let pointer = unsafe { gc::allocate_now(point.header, point.size) };
    let now = Const::new(Ty::Ptr, pointer.addr().get() as u64);
    let cells = Cells {
        size: point.size as u64,
        header: point.header as u64,
        cursor: point.cursor as u64,
        limit: point.limit as u64,
    };
    let args = [&[Const::i64(size as i64)][..], &cells.args()].concat();
    let writes = Some(vec![ALLOCATION_CLASS]);
    let effects = Effects { reads: Some(vec![]), writes, ..Effects::default() };
    Word { now, opnd: ask::end_new(op, OBJECT(), &args, effects, now) }
}

/// Frees memory, unless it has been according to the log.
///
/// # Safety
/// It must be what was allocated for `size` bytes aligned like that, by whomever, and not be used
/// again.
pub(super) unsafe fn free(pointer: Word, size: Word, align: usize) {
    if ask::begin_call().is_some() {
        return;
    }
    dealloc_thunk(pointer.now.bits as *mut u8, size.now.bits as usize, align);
    ask::end_free(DEALLOC(), pointer, (size, align as u64));
}

/// Frees memory of a known layout.
///
/// # Safety
/// As [`free`].
pub(super) unsafe fn free_layout(pointer: Word, layout: Layout) {
    // SAFETY: the caller's promise.
    unsafe { free(pointer, constant(layout.size() as u64), layout.align()) };
}

/// How recording has gone on, as the log says.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// By a call.
    Call,
    /// By loads and stores.
    Words,
    /// The log says nothing: it is being recorded or done.
    Open,
}

/// Which of two ways recording has taken from here.
pub(super) fn way_taken() -> Way {
    with(|s| match s.next_replayed() {
        None => Way::Open,
        Some(Replayed::Call(_)) => Way::Call,
        Some(_) => Way::Words,
    })
}

/// Does the log go on with a call that has given a word?
pub(super) fn word_was_given() -> bool {
    with(|s| matches!(s.next_replayed(), Some(Replayed::Call(Some(_)))))
}

/// Drops what is at a place.
pub(super) type DropAt = fn(Place<u8>);

thread_local! {
    static KNOWN: RefCell<HashMap<TypeId, DropAt>> = RefCell::default();
}

fn known(id: TypeId) -> Option<DropAt> {
    KNOWN.with_borrow(|known| known.get(&id).copied())
}

fn note(id: TypeId, drop_at: DropAt) {
    KNOWN.with_borrow_mut(|known| {
        known.entry(id).or_insert(drop_at);
    });
}

fn nothing_to_drop() -> Option<DropAt> {
    Some(|_| ())
}

/// What is in containers.
pub(super) struct Contents<T>(PhantomData<T>);

impl<T> Contents<T> {
    /// The type's id, without regard to lifetimes, whatever it is.
    fn id() -> TypeId {
        trait Id {
            fn id(&self) -> TypeId
            where
                Self: 'static;
        }
        impl<T> Id for PhantomData<T> {
            fn id(&self) -> TypeId
            where
                Self: 'static,
            {
                TypeId::of::<T>()
            }
        }
        let it = PhantomData::<T>;
        let it: &dyn Id = &it;
        // SAFETY: only the lifetimes within `T` are taken for others, and they are no part of what
        // the method does: it looks at no value.
        let it = unsafe { std::mem::transmute::<&dyn Id, &(dyn Id + 'static)>(it) };
        it.id()
    }

    /// Gives how it is dropped in a trace, if that is known.
    pub const DROP_AT: fn() -> Option<DropAt> =
        if std::mem::needs_drop::<T>() { Self::drop_at } else { nothing_to_drop };

    fn drop_at() -> Option<DropAt> {
        known(Self::id())
    }
}

impl<T: Traced> Contents<T> {
    /// From now on it is known how it is dropped.
    pub fn note() {
        if const { std::mem::needs_drop::<T>() && !T::SHAPE.is_opaque() && size_of::<T>() > 0 } {
            note(Self::id(), |place| {
                let place: Place<T> = place.shifted(place.addr().cast());
                drop(place.get());
            });
        }
    }
}

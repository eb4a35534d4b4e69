//! `Gc<T>`: a pointer to an object of the heap, and how objects are made.
//!
//! ```text
//! let list = Gc::new(Node { value: 1, next: Cell::new(None) });
//! let name = Gc::<str>::from("x");
//! let slots = Gc::<[Cell<Value>]>::try_from_fn(8, |_| Cell::new(Value::Nil))?;
//! ```
//!
//! It is one word, never null, and copied freely. It keeps its object alive where the collector
//! sees it: on the stack, in registers, in objects, in roots.
//!
//! Invariant `whole`: an object has its header only if what `Collect::trace` reads is initialized.
//!
//! Not here: where cells come from (`heap`).

use super::block::{HEADER, LARGEST, SIZES, Slot, class_of};
use super::config::OutOfMemory;
use super::header::header_of;
use super::heap::{self, Heap};
use super::object::{ALIGNMENT, ITEMS, Object};
use super::trace::{Collect, Tracer};
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::ptr::NonNull;

/// A pointer to an object of this thread's heap: a `T`, or a slice or string that has its length
/// with it.
#[repr(transparent)]
pub struct Gc<T: ?Sized> {
    payload: NonNull<u8>,
    target: PhantomData<*const T>,
}

impl<T: ?Sized> Clone for Gc<T> {
    #[inline(always)]
    fn clone(&self) -> Gc<T> {
        *self
    }
}

impl<T: ?Sized> Copy for Gc<T> {}

impl<T: ?Sized> Gc<T> {
    /// Do both lead to the same object?
    #[inline(always)]
    pub fn ptr_eq(self, other: Gc<T>) -> bool {
        self.payload == other.payload
    }

    /// The address of the object's payload: of the value, or of the length before a slice's items.
    #[inline(always)]
    pub fn address(self) -> usize {
        self.payload.addr().get()
    }

    /// The pointer as compiled code has it.
    #[inline(always)]
    pub fn into_raw(self) -> NonNull<u8> {
        self.payload
    }

    /// The reverse of [`into_raw`](Self::into_raw).
    ///
    /// # Safety
    /// The pointer comes from there, from an object that is alive.
    #[inline(always)]
    pub unsafe fn from_raw(payload: NonNull<u8>) -> Gc<T> {
        Gc { payload, target: PhantomData }
    }

    #[inline(always)]
    pub(super) fn slot(self) -> Slot {
        // SAFETY: a `Gc` leads to the payload of a cell.
        unsafe { Slot::of_payload(self.payload) }
    }
}

impl<T: ?Sized + Object> Gc<T> {
    /// The value, as a pointer.
    #[inline(always)]
    pub fn as_ptr(self) -> *const T {
        self.check();
        // SAFETY: the payload is a `T`'s, and alive: the caller's `Gc` is where the collector sees
        // it (the author's promise, see the module `gc`).
        unsafe { T::of_payload(self.payload) }.as_ptr()
    }

    #[inline(always)]
    fn check(self) {
        if cfg!(debug_assertions) && self.slot().is_free() {
            collected();
        }
    }
}

#[cold]
fn collected() -> ! {
    panic!(
        "the object has been collected: its pointers were only where the collector cannot see them"
    )
}

impl<T: ?Sized + Object> Deref for Gc<T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: a live `T` is there, that nobody has a `&mut` to: there is no way to get one.
        // While the reference is used, or what has been borrowed from it, there is an address in a
        // register or on the stack that is in the object, or in memory that it owns, or in another
        // object: each keeps what it leads to (`Tracer::keep_owners`).
        unsafe { &*self.as_ptr() }
    }
}

impl<T: ?Sized> fmt::Debug for Gc<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Gc({:p})", self.payload)
    }
}

impl<T: ?Sized> fmt::Pointer for Gc<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Pointer::fmt(&self.payload, f)
    }
}

impl<T: Collect + 'static> Gc<T> {
    /// Bytes of the cell of such an object.
    const BYTES: usize = {
        assert!(align_of::<T>() <= ALIGNMENT, "objects are aligned to 8 bytes at most");
        HEADER + if size_of::<T>() > 0 { size_of::<T>() } else { 1 }
    };
    const CLASS: usize = class_index(Self::BYTES);

    /// Makes an object.
    ///
    /// # Panics
    /// If the heap is full. A guest program must not be able to cause that: see
    /// [`try_new`](Self::try_new).
    #[inline]
    #[track_caller]
    pub fn new(value: T) -> Gc<T> {
        Gc::try_new(value).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Makes an object. This may collect; what the value points to is kept.
    #[inline]
    pub fn try_new(value: T) -> Result<Gc<T>, OutOfMemory> {
        heap::with(|heap| {
            let fast = if Self::BYTES <= LARGEST { heap.space.bump(Self::CLASS) } else { None };
            let slot = match fast {
                Some(slot) => slot,
                None => heap.allocate(Self::BYTES, &|tracer| value.trace(tracer))?,
            };
            // SAFETY: the cell is free and large and aligned enough (`BYTES`); the header is that
            // of what is written (`whole`).
            unsafe {
                slot.payload().cast::<T>().write(value);
                slot.set_header(header_of::<T>() | heap::flag(Self::BYTES));
            }
            Ok(Gc { payload: slot.payload(), target: PhantomData })
        })
    }

    /// Makes that compiled code, or who else uses the allocation point, can make the next object
    /// of this type, if there is memory. It may collect; `value` is kept.
    pub fn make_room(value: &T) {
        if Self::BYTES <= LARGEST {
            heap::with(|heap| heap.prepare(Self::CLASS, &|tracer| value.trace(tracer)));
        }
    }

    /// What compiled code needs to make such objects in this thread's heap; none if they are so
    /// large that each has an allocation of its own.
    pub fn allocation_point() -> Option<AllocationPoint> {
        heap::with(|heap| {
            (Self::BYTES <= LARGEST).then(|| {
                let (cursor, limit) = heap.space.point(Self::CLASS).addresses();
                let size = SIZES[Self::CLASS];
                AllocationPoint { cursor, limit, size, header: header_of::<T>() }
            })
        })
    }
}

/// The class of cells for so many bytes, or any if there is none.
const fn class_index(bytes: usize) -> usize {
    let mut class = 0;
    while class < SIZES.len() - 1 && SIZES[class] < bytes {
        class += 1;
    }
    class
}

/// How compiled code makes an object of one type:
///
/// ```text
/// cell = *cursor;  next = cell + size
/// if next > *limit: payload = gc::allocate(header, ..)      the slow path, which may collect
/// else:             *cursor = next;  *cell = header;  payload = cell + 8
/// ```
///
/// The payload is to be written before anything else can allocate or unwind: the collector reads
/// it. The addresses stay valid until the thread ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AllocationPoint {
    /// Where the address of the next free cell is.
    pub cursor: *mut *mut u8,
    /// Where the end of the free cells is.
    pub limit: *mut *mut u8,
    /// Bytes of a cell, header included.
    pub size: usize,
    /// The header word of the object.
    pub header: usize,
}

/// Bytes from the start of a cell to the payload, where `Gc`s point.
pub const PAYLOAD: usize = HEADER;

/// The slow path of an [`AllocationPoint`]: makes a cell for an object with this header, collecting
/// if it is time. Finalizers may run, and panic.
///
/// # Safety
/// Header and size are those of one allocation point of this thread. The payload is written before
/// anything else allocates or unwinds.
pub unsafe fn allocate(header: usize, size: usize) -> Result<NonNull<u8>, OutOfMemory> {
    heap::with(|heap| {
        let slot = match class_of(size).and_then(|class| heap.space.bump(class)) {
            Some(slot) => slot,
            None => heap.allocate(size, &|_| ())?,
        };
        // SAFETY: the caller writes the payload before the collector can see it.
        unsafe { slot.set_header(header) };
        Ok(slot.payload())
    })
}

/// As [`allocate`], at once: no collection takes place, so what has been made before need not have
/// been written yet, and there is always memory, if need be one block beyond the limit. When it is
/// time to collect, or there is no room, the point's free cells are used up afterwards.
///
/// # Safety
/// Header and size are those of one allocation point of this thread. The payload is written before
/// a collection takes place.
pub unsafe fn allocate_now(header: usize, size: usize) -> NonNull<u8> {
    heap::with(|heap| {
        let class = class_of(size).expect("points are for cells of blocks");
        let slot = heap.space.bump(class).unwrap_or_else(|| heap.allocate_now(class));
        // SAFETY: the caller writes the payload before the collector can see it.
        unsafe { slot.set_header(header) };
        slot.payload()
    })
}

impl<T: Collect + 'static> Gc<[T]> {
    /// Makes a slice of so many items. The function may allocate; if it panics, the items that are
    /// there will be dropped when the object is swept.
    pub fn try_from_fn(
        length: usize,
        mut item: impl FnMut(usize) -> T,
    ) -> Result<Gc<[T]>, OutOfMemory> {
        let slice = Self::with_room(length, &|_| ())?;
        for index in 0..length {
            let value = item(index);
            // SAFETY: there is room for `length` items.
            unsafe { slice.push(index, value) };
        }
        Ok(std::hint::black_box(slice))
    }

    /// Makes a slice of the items of a vector.
    pub fn try_from_vec(items: Vec<T>) -> Result<Gc<[T]>, OutOfMemory> {
        let slice = Self::with_room(items.len(), &|tracer| items.trace(tracer))?;
        for (index, value) in items.into_iter().enumerate() {
            // SAFETY: there is room for all items.
            unsafe { slice.push(index, value) };
        }
        Ok(slice)
    }

    /// Makes a slice of so many copies of an item.
    pub fn try_repeat(item: T, length: usize) -> Result<Gc<[T]>, OutOfMemory>
    where
        T: Clone,
    {
        let slice = Self::with_room(length, &|tracer| item.trace(tracer))?;
        for index in 0..length {
            // SAFETY: there is room for `length` items.
            unsafe { slice.push(index, item.clone()) };
        }
        Ok(std::hint::black_box(slice))
    }

    /// Makes a copy of a slice.
    pub fn try_copy(items: &[T]) -> Result<Gc<[T]>, OutOfMemory>
    where
        T: Copy,
    {
        let slice = Self::with_room(items.len(), &|tracer| items.trace(tracer))?;
        // SAFETY: there is room for all items, in new memory.
        unsafe {
            let to = slice.payload.add(ITEMS).cast::<T>();
            to.as_ptr().copy_from_nonoverlapping(items.as_ptr(), items.len());
            slice.payload.cast::<usize>().write(items.len());
        }
        Ok(slice)
    }

    /// A slice without items that has room for some.
    fn with_room(length: usize, pending: &dyn Fn(&mut Tracer<'_>)) -> Result<Gc<[T]>, OutOfMemory> {
        const { assert!(align_of::<T>() <= ALIGNMENT, "objects are aligned to 8 bytes at most") };
        let items = length.checked_mul(size_of::<T>());
        let bytes = items.and_then(|bytes| bytes.checked_add(HEADER + ITEMS));
        heap::with(|heap| {
            let bytes = bytes.ok_or_else(|| heap.out_of_memory(usize::MAX))?;
            let slot = take(heap, bytes, pending)?;
            // SAFETY: the cell is free, and is an empty slice once the length is written (`whole`).
            unsafe {
                slot.payload().cast::<usize>().write(0);
                slot.set_header(header_of::<[T]>() | heap::flag(bytes));
            }
            Ok(Gc { payload: slot.payload(), target: PhantomData })
        })
    }

    /// Adds an item behind the ones that are there.
    ///
    /// # Safety
    /// There are `index` items, and there is room for one more. Nobody else has the object.
    unsafe fn push(self, index: usize, value: T) {
        // SAFETY: the caller's promise; the length counts what is initialized (`whole`).
        unsafe {
            self.payload.add(ITEMS).cast::<T>().add(index).write(value);
            self.payload.cast::<usize>().write(index + 1);
        }
    }
}

impl Gc<str> {
    /// Makes a copy of a string.
    pub fn try_copy(text: &str) -> Result<Gc<str>, OutOfMemory> {
        let bytes = Gc::<[u8]>::try_copy(text.as_bytes())?;
        // SAFETY: the cell has the payload of a string, and is new.
        unsafe {
            let flag = bytes.slot().header() & 7;
            bytes.slot().set_header(header_of::<str>() | flag);
        }
        Ok(Gc { payload: bytes.payload, target: PhantomData })
    }
}

fn take(heap: &Heap, bytes: usize, pending: &dyn Fn(&mut Tracer<'_>)) -> Result<Slot, OutOfMemory> {
    match class_of(bytes).and_then(|class| heap.space.bump(class)) {
        Some(slot) => Ok(slot),
        None => heap.allocate(bytes, pending),
    }
}

impl<T: Collect + 'static> From<Vec<T>> for Gc<[T]> {
    /// # Panics
    /// If the heap is full.
    fn from(items: Vec<T>) -> Gc<[T]> {
        Gc::try_from_vec(items).unwrap_or_else(|error| panic!("{error}"))
    }
}

impl From<&str> for Gc<str> {
    /// # Panics
    /// If the heap is full.
    fn from(text: &str) -> Gc<str> {
        Gc::<str>::try_copy(text).unwrap_or_else(|error| panic!("{error}"))
    }
}

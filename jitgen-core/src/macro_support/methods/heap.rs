//! Making objects of the collected heap, and comparing pointers to them.
//!
//! ```text
//! Gc::new(node)    v1 = load.ptr cursor;  v2 = load.ptr limit;  guard v1 != v2
//!                  v3 = new.ptr @object(.., cursor, limit);  store v3, value;  store v3+8, next
//! ```
//!
//! The guard asks whether it is time for the slow path, which may collect: where the free cells are
//! used up the trace is left, and a bridge calls it. The `new` does not collect and does not fail,
//! so the optimizer may make the object later, in an exit, or not at all. What has been found out is
//! in the log.
//!
//! Invariant `at-once`: between a `new` and the last word of a value nothing is called that may
//! collect, so the collector never sees half an object.
//!
//! Not here: what is done with pointers (`macro_support::heap`), taking cells
//! (`macro_support::allocate`).

use crate::gc::{AllocationPoint, Collect, Gc, Object, OutOfMemory};
use crate::ir::{Const, Op, Ty};
use crate::macro_support::allocate::allocate_cell;
use crate::macro_support::call::{ok, residual};
use crate::macro_support::heap::{content_of, payload_of};
use crate::macro_support::memory;
use crate::macro_support::methods::counted::{CloneTwin, Share};
use crate::macro_support::ops::{Bin, bin};
use crate::macro_support::overflow::UNCHECKED;
use crate::macro_support::passing::{AbiOf, RetOf, deliver, from_abi, nothing, word};
use crate::macro_support::place::{Place, local};
use crate::macro_support::reach::{Peel, follow};
use crate::macro_support::traced::{Traced, Tv};
use crate::tracer::{ALLOCATION_CLASS, Address, Function, Opnd, Word, outside, panics, with};
use std::any::type_name;

/// The place of the cursor, or at 8 bytes from it of the limit, of an allocation point.
fn point_at(point: AllocationPoint, offset: i32) -> Address {
    let base_now = point.cursor as u64;
    let class = ALLOCATION_CLASS.0;
    Address { base: Opnd::Const, base_now, offset, frozen: false, class, owner: false }
}

/// Is there a free cell at a point? If not, it is time for the slow path. `make_room` looks for one.
fn has_room(point: AllocationPoint, make_room: &dyn Fn()) -> bool {
    if let Some(room) = with(|s| s.begin_room()) {
        return room;
    }
    let distance = point.limit as i64 - point.cursor as i64;
    let (cursor, limit) = (point_at(point, 0), point_at(point, distance as i32));
    let usual = with(|s| s.is_usual(cursor.now()));
    if usual {
        // What is recorded is the way of most executions.
        outside(make_room);
    }
    // SAFETY: the addresses of a point are valid until the thread ends.
    let ends = [cursor, limit].map(|at| unsafe { memory::read(at.now(), Ty::Ptr) });
    let full = ends[0] == ends[1];
    // Where there is no room although it has been looked for, the slow path is taken always: what
    // memory held before is not what it holds now.
    if !(full && usual) {
        let peek = |at, now| Word { now, opnd: with(|s| s.end_peek(at, now)) };
        let (cell, end) = (peek(cursor, ends[0]), peek(limit, ends[1]));
        let opnd = with(|s| s.op(Op::Eq, Ty::Ptr, cell, Some(end)));
        with(|s| s.branch(Word { now: Const::bool(full), opnd }));
    }
    with(|s| s.end_room(!full));
    !full
}

/// An object that is made in the trace; the value if it has to be made by a call.
fn in_trace<T: Traced + Collect + 'static>(value: Tv<T>) -> Result<Tv<Gc<T>>, Tv<T>> {
    if T::SHAPE.is_opaque() {
        return Err(value);
    }
    let Some(point) = Gc::<T>::allocation_point() else { return Err(value) };
    // SAFETY: the carrier holds a value.
    if !has_room(point, &|| Gc::make_room(unsafe { &*value.raw() })) {
        return Err(value);
    }
    // An object with a destructor must be there for it to run.
    let op = if const { std::mem::needs_drop::<T>() } { Op::NewKept } else { Op::New };
    // SAFETY: the point is for such objects; the value is written at once.
    let payload = unsafe { allocate_cell(op, point, size_of::<T>().max(1)) };
    follow::<T>(payload, 0, false).owned_by(content_of::<T>()).write(value);
    Ok(Tv::from_word(payload))
}

// What residual functions are called in traces.
struct New<T>(T);
struct TryNew<T>(T);
struct FromVec<T>(T);
struct Repeat<T>(T);

/// A residual function of one argument.
macro_rules! called {
    ($thunk:ident::<$t:ident>, $kind:ty, $argument:ty => $result:ty, $value:expr, $f:expr) => {{
        let argument = $value;
        let function =
            Function { symbol: type_name::<$kind>(), address: $thunk::<$t> as *const () as usize };
        let words = [word(&argument)];
        let f: fn($argument) -> $result = $f;
        residual(function, &words, move || f(argument.native()))
    }};
}

macro_rules! thunk {
    ($name:ident<$t:ident: $($bound:path),+>($argument:ty) -> $result:ty, $f:expr) => {
        extern "C" fn $name<$t: $($bound +)+ 'static>(
            argument: AbiOf<$argument>,
            out: *mut u8,
        ) -> RetOf<$result> {
            panics::guarded_with(nothing::<$result>(), || {
                let f: fn($argument) -> $result = $f;
                // SAFETY: a trace passes the argument, and scratch memory for the result.
                unsafe { deliver::<$result>(f(from_abi::<$argument>(argument)), out) }
            })
        }
    };
}

thunk!(new_thunk<T: Traced, Collect>(T) -> Gc<T>, Gc::new);
thunk!(try_new_thunk<T: Traced, Collect>(T) -> Result<Gc<T>, OutOfMemory>, Gc::try_new);
thunk!(vec_thunk<T: Collect>(Vec<T>) -> Result<Gc<[T]>, OutOfMemory>, Gc::try_from_vec);

impl<T: Traced + Collect + 'static> Gc<T> {
    /// The twin of `new`.
    #[doc(hidden)]
    pub fn new__twin(value: Tv<T>) -> Tv<Gc<T>> {
        in_trace(value)
            .unwrap_or_else(|value| called!(new_thunk::<T>, New<T>, T => Gc<T>, value, Gc::new))
    }

    /// The twin of `try_new`.
    #[doc(hidden)]
    pub fn try_new__twin(value: Tv<T>) -> Tv<Result<Gc<T>, OutOfMemory>> {
        match in_trace(value) {
            Ok(gc) => ok(gc),
            Err(value) => called!(
                try_new_thunk::<T>,
                TryNew<T>,
                T => Result<Gc<T>, OutOfMemory>,
                value,
                Gc::try_new
            ),
        }
    }
}

extern "C" fn repeat_thunk<T: Traced + Collect + Clone + 'static>(
    item: AbiOf<T>,
    length: u64,
    out: *mut u8,
) -> RetOf<Result<Gc<[T]>, OutOfMemory>> {
    panics::guarded_with(nothing::<Result<Gc<[T]>, OutOfMemory>>(), || {
        // SAFETY: a trace passes the arguments, and scratch memory for the result.
        unsafe {
            let slice = Gc::try_repeat(from_abi::<T>(item), length as usize);
            deliver::<Result<Gc<[T]>, OutOfMemory>>(slice, out)
        }
    })
}

impl<T: Collect + 'static> Gc<[T]> {
    /// The twin of `try_from_vec`.
    #[doc(hidden)]
    pub fn try_from_vec__twin(items: Tv<Vec<T>>) -> Tv<Result<Gc<[T]>, OutOfMemory>> {
        called!(
            vec_thunk::<T>,
            FromVec<T>,
            Vec<T> => Result<Gc<[T]>, OutOfMemory>,
            items,
            Gc::try_from_vec
        )
    }

    /// The twin of `try_repeat`.
    #[doc(hidden)]
    pub fn try_repeat__twin(item: Tv<T>, length: Tv<usize>) -> Tv<Result<Gc<[T]>, OutOfMemory>>
    where
        T: Traced + Clone,
    {
        let function = Function {
            symbol: type_name::<Repeat<T>>(),
            address: repeat_thunk::<T> as *const () as usize,
        };
        let words = [word(&item), word(&length)];
        residual(function, &words, move || Gc::try_repeat(item.native(), length.native()))
    }
}

/// `a.ptr_eq(b)`, behind references.
pub fn same_object<P: Peel<End = Gc<T>>, T: ?Sized>(a: Place<P>, mut b: Tv<Gc<T>>) -> Tv<bool> {
    let (a, b) = (payload_of(P::peel(a)), payload_of(local(&mut b)));
    let (a, b): (Tv<*const u8>, Tv<*const u8>) = (Tv::from_word(a), Tv::from_word(b));
    bin(Bin::Eq, &UNCHECKED, &a, &b, a.nat() == b.nat())
}

impl<T: ?Sized> Gc<T> {
    /// The twin of `ptr_eq`, called by its path.
    #[doc(hidden)]
    pub fn ptr_eq__twin(mut a: Tv<Gc<T>>, b: Tv<Gc<T>>) -> Tv<bool> {
        same_object(local(&mut a), b)
    }
}

impl<T: Object> Gc<T> {
    /// The twin of `as_ptr`, called by its path.
    #[doc(hidden)]
    pub fn as_ptr__twin(mut this: Tv<Gc<T>>) -> Tv<*const T> {
        Tv::from_word(payload_of(local(&mut this)))
    }
}

impl<T: ?Sized> Share for Gc<T> {
    fn share(_: Place<Self>) {}
}

impl<T: ?Sized> CloneTwin for Gc<T> {
    fn clone__twin(this: Place<Self>) -> Tv<Self> {
        this.get()
    }
}

impl CloneTwin for OutOfMemory {
    fn clone__twin(this: Place<Self>) -> Tv<Self> {
        this.get()
    }
}

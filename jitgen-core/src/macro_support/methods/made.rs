//! What makes containers: memory from the allocator, and stores to it.
//!
//! Not here: what is done with them (`vector`, `counted`), and how they end (`own`).

use crate::ir::{Const, Op, Ty};
use crate::macro_support::allocate::{self, Contents, MAX_BYTES, Way};
use crate::macro_support::ask;
use crate::macro_support::call::residual;
use crate::macro_support::elements::vec_layout;
use crate::macro_support::own;
use crate::macro_support::passing::{AbiOf, RetOf, deliver, from_abi, nothing, word};
use crate::macro_support::reach::{follow, rc_distance};
use crate::macro_support::traced::{Traced, Tv, lift};
use crate::tracer::{Function, Opnd, Word, panics};
use std::alloc::Layout;
use std::rc::Rc;

/// A container that holds one value.
pub trait HoldsOne<T: Traced>: Traced {
    /// The twin of `new`.
    fn new__twin(value: Tv<T>) -> Tv<Self>;
}

/// Is a value of that type made by a call, since its words are not known, or it has none?
const fn by_call<T: Traced>() -> bool {
    T::SHAPE.is_opaque() || size_of::<T>() == 0
}

impl<T: Traced> HoldsOne<T> for Box<T> {
    fn new__twin(value: Tv<T>) -> Tv<Self> {
        if by_call::<T>() {
            return called(value, Box::new, box_thunk::<T>);
        }
        Contents::<T>::note();
        let pointer = allocate::allocate(Layout::new::<T>());
        follow::<T>(pointer, 0, false).write(value);
        Tv::from_word(pointer)
    }
}

impl<T: Traced> HoldsOne<T> for Rc<T> {
    fn new__twin(value: Tv<T>) -> Tv<Self> {
        let layout = own::counted_layout::<T>().filter(|_| !by_call::<T>());
        let Some(layout) = layout else { return called(value, Rc::new, rc_thunk::<T>) };
        Contents::<T>::note();
        let pointer = allocate::allocate(layout);
        own::begin_counts(pointer);
        follow::<T>(pointer, rc_distance::<T>(), false).write(value);
        Tv::from_word(pointer)
    }
}

type Thunk<T, C> = extern "C" fn(AbiOf<T>, *mut u8) -> RetOf<C>;

fn called<T: Traced, C: Traced>(value: Tv<T>, new: fn(T) -> C, thunk: Thunk<T, C>) -> Tv<C> {
    let words = [word(&value)];
    let function = Function {
        symbol: std::any::type_name::<fn(T) -> C>(),
        address: thunk as *const () as usize,
    };
    residual(function, &words, move || new(value.native()))
}

macro_rules! thunks {
    ($($t:ident $thunk:ident;)+) => {$(
        extern "C" fn $thunk<T: Traced>(value: AbiOf<T>, out: *mut u8) -> RetOf<$t<T>> {
            panics::guarded_with(nothing::<$t<T>>(), || {
                // SAFETY: a trace passes the value, and scratch memory for the result.
                unsafe { deliver::<$t<T>>($t::new(from_abi::<T>(value)), out) }
            })
        }
    )+};
}
thunks! { Rc rc_thunk; Box box_thunk; }

/// A container that is made empty.
pub trait MadeEmpty: Traced {
    /// The twin of `new`.
    fn new__twin() -> Tv<Self>;
    /// The twin of `with_capacity`.
    fn with_capacity__twin(capacity: Tv<usize>) -> Tv<Self>;
}

extern "C" fn vec_thunk<T>(capacity: AbiOf<usize>, out: *mut u8) -> RetOf<Vec<T>> {
    panics::guarded_with(nothing::<Vec<T>>(), || {
        // SAFETY: a trace passes the number, and scratch memory for the result.
        unsafe { deliver::<Vec<T>>(Vec::with_capacity(from_abi::<usize>(capacity)), out) }
    })
}

impl<T> MadeEmpty for Vec<T> {
    fn new__twin() -> Tv<Self> {
        lift(Vec::new())
    }
    fn with_capacity__twin(capacity: Tv<usize>) -> Tv<Self> {
        let number = capacity.word();
        if empty::<T>(number) {
            return lift(Vec::new());
        }
        if is_made_here::<T>(number) {
            let pointer = allocate::allocate(array::<T>(number));
            let at = vec_layout().pointer;
            let opnd = ask::replace(Opnd::Const, 24, (at, 8), pointer.opnd);
            let first = pointer.now.bits as *mut T;
            // SAFETY: the memory has been allocated for so many elements, by the same allocator,
            // and is nobody else's.
            return Tv::of(
                unsafe { Vec::from_raw_parts(first, 0, number.now.bits as usize) },
                opnd,
            );
        }
        let function = Function {
            symbol: std::any::type_name::<fn(usize) -> Vec<T>>(),
            address: vec_thunk::<T> as *const () as usize,
        };
        let words = [word(&capacity)];
        residual(function, &words, move || Vec::with_capacity(capacity.nat()))
    }
}

/// Is there nothing to allocate? A guard says so, where that is not constant.
fn empty<T>(number: Word) -> bool {
    let zero = Word { now: Const::i64(0), opnd: Opnd::Const };
    let empty = number.now.bits == 0;
    let opnd = ask::op(Op::Eq, Ty::I64, number, Some(zero));
    ask::branch(Word { now: Const::bool(empty), opnd });
    empty || size_of::<T>() == 0
}

/// Does the trace allocate the memory of so many elements itself?
fn is_made_here<T>(number: Word) -> bool {
    match allocate::way_taken() {
        // A call gives a vector by memory.
        Way::Call => allocate::word_was_given(),
        Way::Words => false,
        Way::Open => {
            let fits = number.now.bits <= (MAX_BYTES / size_of::<T>()) as u64;
            fits && (number.opnd.is_const() || !ask::is_recording())
        }
    }
}

fn array<T>(number: Word) -> Layout {
    let Ok(layout) = Layout::array::<T>(number.now.bits as usize) else {
        unreachable!("it is small")
    };
    layout
}

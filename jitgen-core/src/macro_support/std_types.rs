//! Traced types of the standard library.
//!
//! | type | words |
//! |---|---|
//! | `&T`, `&mut T`, `Box<T>`, `Rc<T>`, `NonNull<T>`, `*const T` | a pointer |
//! | `&[T]`, `Rc<[T]>`, … | a pointer and a length |
//! | `Option<pointer>` | a pointer, null for `None` |
//! | `Option<enum>` | the enum's words, another tag for `None` |
//! | `Option<integer or float>` | a tag and the word |
//! | `Result`, other `Option`s | known by variant where they are made or come from a call |
//! | tuples, arrays, cells | those of what they hold |
//!
//! Not here: what is done with them (`methods`).

use super::carrier::{Owned, Ownership, Plain};
use super::derived::Case;
use super::elements::vec_layout;
use super::kind::{DropFields, HasKind, Leaves};
use super::own;
use super::passing::{ByMemory, ByWord};
use super::place::Place;
use super::probe::{Field, Probe};
use super::shape::{Shape, TagAt};
use super::traced::{Machine, Ptr, Traced};
use crate::ir::{Const, Ty};
use std::any::type_name;
use std::cell::{Cell, RefCell};
use std::mem::{needs_drop, offset_of};
use std::num::TryFromIntError;
use std::ptr::NonNull;
use std::rc::{Rc, Weak};

macro_rules! references {
    ($($t:ty, $freezes:literal;)+) => {$(
        // SAFETY: `Ptr` is transparent over `NonNull`, which has the layout of a reference.
        unsafe impl<T> Traced for $t {
            type V = Ptr<T>;
            type O = Plain;
            type Pass = ByWord;
            const SHAPE: Shape = Shape::word(Ty::Ptr);
            const NONNULL: bool = true;
            const FREEZES: bool = $freezes;
        }
    )+};
}
references! { &T, true; &mut T, false; }

const FAT: Shape = Shape::EMPTY.with_any(0, Ty::Ptr).with_any(8, Ty::I64);

macro_rules! fat_references {
    ($($t:ty),+) => {$(
        // SAFETY: `Ptr` is transparent over `NonNull`, which has the layout of a reference: an
        // address and a length.
        unsafe impl<T> Traced for $t {
            type V = Ptr<[T]>;
            type O = Plain;
            type Pass = ByMemory;
            const SHAPE: Shape = FAT;
        }
    )+};
}
fat_references!(&[T], &mut [T]);

// SAFETY: as for `&[T]`.
unsafe impl Traced for &str {
    type V = Ptr<str>;
    type O = Plain;
    type Pass = ByMemory;
    const SHAPE: Shape = FAT;
}

macro_rules! raw_pointers {
    ($($t:ty),+) => {$(
        // SAFETY: the bits are the type itself, an address.
        unsafe impl<T> Traced for $t {
            type V = $t;
            type O = Plain;
            type Pass = ByWord;
            const SHAPE: Shape = Shape::word(Ty::Ptr);
        }
        impl<T> Machine for $t {
            const TY: Ty = Ty::Ptr;
            type Abi = u64;
            fn bits(self) -> u64 { self as u64 }
            fn from_bits(bits: u64) -> Self { bits as $t }
        }
        impl<T> super::traced::Scalar for $t {}
    )+};
}
raw_pointers!(*const T, *mut T);

// SAFETY: the bits are the type itself, an address.
unsafe impl<T> Traced for NonNull<T> {
    type V = Ptr<T>;
    type O = Plain;
    type Pass = ByWord;
    const SHAPE: Shape = Shape::word(Ty::Ptr);
    const NONNULL: bool = true;
}

// SAFETY: a type without bytes (asserted).
unsafe impl Traced for TryFromIntError {
    type V = TryFromIntError;
    type O = Plain;
    type Pass = ByMemory;
    const SHAPE: Shape = {
        assert!(size_of::<TryFromIntError>() == 0);
        Shape::EMPTY
    };
}

// SAFETY: a type without bytes.
unsafe impl Traced for () {
    type V = ();
    type O = Plain;
    type Pass = ByMemory;
    const SHAPE: Shape = Shape::EMPTY;
}

// SAFETY: as far as the trace is concerned an opaque type, whose bits are itself.
unsafe impl Traced for String {
    type V = String;
    type O = Owned;
    type Pass = ByMemory;
    const SHAPE: Shape = THREE_WORDS;
}

// SAFETY: a box of a sized type is one pointer.
unsafe impl<T> Traced for Box<T> {
    type V = Box<T>;
    type O = Owned;
    type Pass = ByMemory;
    const SHAPE: Shape = Shape::word(Ty::Ptr);
    const NONNULL: bool = true;
    const DROP_FIELDS: Option<DropFields> = Some(own::drop_box::<T>);
}

// SAFETY: an address and a length.
unsafe impl<T> Traced for Box<[T]> {
    type V = Box<[T]>;
    type O = Owned;
    type Pass = ByMemory;
    const SHAPE: Shape = FAT;
}

/// # Safety
/// As for [`Leaves`], of a `Vec`.
unsafe fn leaves_of_vec(this: *const u8, base: u64, f: &mut dyn FnMut(u32, Ty)) {
    // Which word the address is, is not known when the shape is made.
    let (first, address) = ((this as u64 - base) as u32, vec_layout().pointer);
    for offset in [0, 8, 16] {
        f(first + offset, if offset == address { Ty::Ptr } else { Ty::I64 });
    }
}

/// A `String` is moved as three words, whatever each of them is.
const THREE_WORDS: Shape =
    Shape::EMPTY.with_any(0, Ty::I64).with_any(8, Ty::I64).with_any(16, Ty::I64);

// SAFETY: three words.
unsafe impl<T> Traced for Vec<T> {
    type V = Vec<T>;
    type O = Owned;
    type Pass = ByMemory;
    const SHAPE: Shape = {
        assert!(size_of::<Vec<T>>() == 24);
        let name = type_name::<Vec<T>>;
        Shape::EMPTY.with(0, &Shape::word(Ty::I64), name).with(8, &Shape::word(Ty::I64), name).with(
            16,
            &Shape::word(Ty::I64),
            name,
        )
    };
    const LEAVES: Option<Leaves> = Some(leaves_of_vec);
    const DROP_FIELDS: Option<DropFields> = Some(own::drop_vec::<T>);
}

// SAFETY: an `Rc` of a sized type is one pointer.
unsafe impl<T> Traced for Rc<T> {
    type V = Rc<T>;
    type O = Owned;
    type Pass = ByMemory;
    const SHAPE: Shape = Shape::word(Ty::Ptr);
    const NONNULL: bool = true;
    const DROP_FIELDS: Option<DropFields> = Some(own::drop_rc::<T>);
}

// SAFETY: an address and a length.
unsafe impl<T> Traced for Rc<[T]> {
    type V = Rc<[T]>;
    type O = Owned;
    type Pass = ByMemory;
    const SHAPE: Shape = FAT;
    const DROP_FIELDS: Option<DropFields> = Some(own::drop_counted::<Self>);
}

// SAFETY: an address and a length.
unsafe impl Traced for Rc<str> {
    type V = Rc<str>;
    type O = Owned;
    type Pass = ByMemory;
    const SHAPE: Shape = FAT;
    const DROP_FIELDS: Option<DropFields> = Some(own::drop_counted::<Self>);
}

// SAFETY: a `Weak` of a sized type is one pointer.
unsafe impl<T> Traced for Weak<T> {
    type V = Weak<T>;
    type O = Owned;
    type Pass = ByMemory;
    const SHAPE: Shape = Shape::word(Ty::Ptr);
}

// SAFETY: a cell has the layout of what it holds.
unsafe impl<T: Traced> Traced for Cell<T> {
    type V = Cell<T>;
    type O = T::O;
    type Pass = ByMemory;
    const SHAPE: Shape = T::SHAPE;
}

/// Distance of the content of a `RefCell` from its beginning, where its flag is.
pub(super) const REF_CELL_CONTENT: u32 = 8;

// SAFETY: the flag comes first, since the content may be unsized (`tests/layout.rs` looks); where
// the content begins follows from its alignment.
unsafe impl<T: Traced> Traced for RefCell<T> {
    type V = RefCell<T>;
    type O = T::O;
    type Pass = ByMemory;
    const SHAPE: Shape = {
        let flag = Shape::EMPTY.with(0, &Shape::word(Ty::I64), type_name::<RefCell<()>>);
        let unknown = align_of::<T>() > REF_CELL_CONTENT as usize;
        flag.with_inner(REF_CELL_CONTENT as usize, &T::SHAPE).unless(unknown)
    };
    const LEAVES: Option<Leaves> = Some(leaves_of_cell::<T>);
    const DROP_FIELDS: Option<DropFields> = Some(drop_content::<T>);
}

/// # Safety
/// As for [`Leaves`], of a `RefCell<T>`.
unsafe fn leaves_of_cell<T: Traced>(this: *const u8, base: u64, f: &mut dyn FnMut(u32, Ty)) {
    f((this as u64 - base) as u32, Ty::I64);
    // SAFETY: the caller's promise; only the address is computed.
    let content = unsafe { (*this.cast::<RefCell<T>>()).as_ptr() };
    // SAFETY: the caller's promise.
    unsafe { T::KIND.each_leaf(content as *const u8, base, f) };
}

/// # Safety
/// As for [`DropFields`], of a `RefCell<T>`.
unsafe fn drop_content<T: Traced>(place: Place<u8>, moved: &[(u32, u32)]) -> bool {
    let base = place.addr() as u64;
    // SAFETY: the caller's promise; only the address is computed.
    let content = unsafe { (*place.addr().cast::<RefCell<T>>()).as_ptr() };
    // SAFETY: the caller's promise.
    unsafe { own::drop_field(place.shifted(content), base, moved) };
    true
}

// SAFETY: elements lie one behind the other.
unsafe impl<T: Traced, const N: usize> Traced for [T; N] {
    type V = [T; N];
    type O = T::O;
    type Pass = ByMemory;
    const SHAPE: Shape = Shape::repeat(&T::SHAPE, size_of::<T>(), N, type_name::<[T; 0]>);
    const LEAVES: Option<Leaves> = Some(leaves_of_elements::<T, N>);
}

/// # Safety
/// As for [`Leaves`], of an array.
unsafe fn leaves_of_elements<T: Traced, const N: usize>(
    this: *const u8,
    base: u64,
    f: &mut dyn FnMut(u32, Ty),
) {
    for index in 0..N {
        // SAFETY: the caller's promise: an element of the array.
        unsafe { T::KIND.each_leaf(this.add(index * size_of::<T>()), base, f) };
    }
}

/// The words of an `Option`.
const fn option_shape<T: Traced>() -> Shape {
    match option_tag::<T>() {
        TagAt::Nowhere => Shape::OPAQUE,
        _ if size_of::<Option<T>>() == size_of::<T>() => T::SHAPE,
        _ => Shape::EMPTY.with(0, &Shape::word(tag_type::<T>()), type_name::<Option<T>>).with(
            size_of::<T>(),
            &T::SHAPE,
            type_name::<Option<T>>,
        ),
    }
}

/// The integer as wide as what lies behind it.
const fn tag_type<T>() -> Ty {
    match size_of::<T>() {
        1 => Ty::I8,
        2 => Ty::I16,
        4 => Ty::I32,
        _ => Ty::I64,
    }
}

/// Where an `Option` says that it is `None`, for the types of which that is known.
const fn option_tag<T: Traced>() -> TagAt {
    let niche = size_of::<Option<T>>() == size_of::<T>();
    if niche && T::NONNULL && T::SHAPE.is_word() {
        return TagAt::Niche { offset: 0, ty: Ty::Ptr, none: 0 };
    }
    match T::TAG {
        // Of numbers that begin with 0, rustc takes the first that no variant has.
        TagAt::Word { offset, ty, all } if niche && all != 0 && all & (all + 1) == 0 => {
            TagAt::Niche { offset, ty, none: 64 - all.leading_zeros() as u64 }
        }
        TagAt::Nowhere
            if T::SHAPE.is_word()
                && T::VARIANTS == 0
                && size_of::<Option<T>>() == 2 * size_of::<T>() =>
        {
            TagAt::Niche { offset: 0, ty: tag_type::<T>(), none: 0 }
        }
        _ => TagAt::Nowhere,
    }
}

// SAFETY: the shapes are those that rustc uses (`tests/layout.rs` looks), and others are opaque.
unsafe impl<T: Traced> Traced for Option<T> {
    type V = Option<T>;
    type O = T::O;
    type Pass = ByMemory;
    const SHAPE: Shape = option_shape::<T>();
    const TAG: TagAt = option_tag::<T>();
    const VARIANTS: u64 = if matches!(option_tag::<T>(), TagAt::Nowhere) { 0b11 } else { 0 };
    const FIELDS: &'static [Field] = &[Probe::<T, ()>::FIELD];
    const CASES: &'static [Case] =
        &[Case::new("None", 0, false), Case::new("Some", 1, needs_drop::<T>())];
    unsafe fn variant(this: *const Self) -> u64 {
        // SAFETY: the caller's promise.
        u64::from(unsafe { &*this }.is_some())
    }
    unsafe fn fields(this: *const Self, f: &mut dyn FnMut(*const u8, usize)) -> u64 {
        // SAFETY: the caller's promise.
        match unsafe { &*this } {
            None => 0,
            Some(inner) => {
                f(&raw const *inner as *const u8, 0);
                1
            }
        }
    }
}

// SAFETY: opaque, its bits are itself.
unsafe impl<T: Traced, E: Traced> Traced for Result<T, E> {
    type V = Result<T, E>;
    type O = <T::O as Ownership>::And<E::O>;
    type Pass = ByMemory;
    const SHAPE: Shape = Shape::OPAQUE;
    const VARIANTS: u64 = 0b11;
    const FIELDS: &'static [Field] = &[Probe::<T, ()>::FIELD, Probe::<E, ()>::FIELD];
    const CASES: &'static [Case] =
        &[Case::new("Ok", 0, needs_drop::<T>()), Case::new("Err", 1, needs_drop::<E>())];
    unsafe fn variant(this: *const Self) -> u64 {
        // SAFETY: the caller's promise.
        u64::from(unsafe { &*this }.is_err())
    }
    unsafe fn fields(this: *const Self, f: &mut dyn FnMut(*const u8, usize)) -> u64 {
        // SAFETY: the caller's promise.
        match unsafe { &*this } {
            Ok(inner) => {
                f(&raw const *inner as *const u8, 0);
                0
            }
            Err(inner) => {
                f(&raw const *inner as *const u8, 1);
                1
            }
        }
    }
}

macro_rules! tuples {
    ($($($x:ident $i:tt),+;)+) => {$(
        // SAFETY: offsets come from rustc.
        unsafe impl<$($x: Traced),+> Traced for ($($x,)+) {
            type V = ($($x,)+);
            type O = tuples!(@and $($x)+);
            type Pass = ByMemory;
            const SHAPE: Shape = Shape::EMPTY
                $(.with(offset_of!(Self, $i), &$x::SHAPE, type_name::<Self>))+;
            const FIELDS: &'static [Field] = &[$(Probe::<$x, ()>::FIELD),+];
            unsafe fn fields(this: *const Self, f: &mut dyn FnMut(*const u8, usize)) -> u64 {
                // SAFETY: only addresses of fields are computed.
                unsafe { $(f(&raw const (*this).$i as *const u8, $i);)+ }
                0
            }
        }
    )+};
    (@and $x:ident) => { $x::O };
    (@and $x:ident $($rest:ident)+) => {
        <$x::O as Ownership>::And<tuples!(@and $($rest)+)>
    };
}
tuples! {
    A 0, B 1;
    A 0, B 1, C 2;
    A 0, B 1, C 2, D 3;
    A 0, B 1, C 2, D 3, E 4;
    A 0, B 1, C 2, D 3, E 4, F 5;
}

/// What the bits of `None` are, as rustc lays them out; for the test of the shapes.
pub fn none_bits<T: Traced>() -> Option<(Const, Const)> {
    let TagAt::Niche { offset, ty, none } = Option::<T>::TAG else { return None };
    let value: Option<T> = None;
    let at = (&raw const value) as u64 + u64::from(offset);
    // SAFETY: the tag of an enum is initialized in each of its variants.
    let found = unsafe { super::memory::read(at, ty) };
    std::mem::forget(value);
    Some((found, Const::new(ty, none)))
}

//! What is reached through references and smart pointers.
//!
//! ```text
//! *r            deref: one step
//! r.field       auto: as many steps as rustc's own field access takes
//! match r { }   peel: through references, remembering that names bind references then
//! ```
//!
//! Each step through a pointer in memory is a recorded load.
//!
//! Invariant `frozen`: a pointer that was read from frozen memory leads to frozen memory, except
//! through cells.
//!
//! Not here: elements (`elements`).

use super::ask;
use super::kind::{HasKind, erased, holding};
use super::pattern::{Binding, Shared};
use super::place::{At, Inside, Place, of_local};
use super::shape::Owner;
use super::traced::{Traced, Tv};
use crate::ir::Ty;
use crate::tracer::{Opnd, Word};
use std::rc::Rc;

/// What field access, indexing and method calls reach through references and smart pointers.
#[diagnostic::on_unimplemented(
    message = "fields, elements and methods of `{Self}` cannot be traced",
    note = "write `#[derive(Traced)]` on the type"
)]
pub trait Auto: Sized {
    /// The type at the end of the references.
    type Target: ?Sized;
    /// Follows the references.
    fn auto(place: Place<Self>) -> Place<Self::Target>;
}

/// What patterns reach through references.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be matched in traced code",
    note = "write `#[derive(Traced)]` on the type"
)]
pub trait Peel: Sized {
    /// The type at the end of the references.
    type End: ?Sized;
    /// How names bind there.
    type Then<M: Binding>: Binding;
    /// Follows the references.
    fn peel(place: Place<Self>) -> Place<Self::End>;
}

/// What `*` can be applied to.
pub trait Deref: Sized {
    /// What it points to.
    type Target: ?Sized;
    /// Follows it.
    fn deref(place: Place<Self>) -> Place<Self::Target>;
}

/// Follows references to what has fields.
pub fn auto<T: Auto>(place: Place<T>) -> Place<T::Target> {
    T::auto(place)
}

/// The same of a local variable of the twin.
#[inline(never)]
pub fn root<T: Auto + Traced>(x: &mut Tv<T>) -> Place<T::Target> {
    T::auto(of_local!(T, x))
}

/// `*e`: the place that a reference points to.
pub fn deref<R: Deref>(place: Place<R>) -> Place<R::Target> {
    R::deref(place)
}

/// The place to which a pointer leads, `distance` bytes behind what it holds.
pub(super) fn follow<T>(pointer: Word, distance: u64, frozen: bool) -> Place<T> {
    holding!(T, led_to(pointer, distance, frozen))
}

/// The same, whatever lives there.
pub(super) fn led_to(pointer: Word, distance: u64, frozen: bool) -> Place<u8> {
    let address = pointer.now.bits.wrapping_add(distance);
    let at = if let Opnd::Local(id) = pointer.opnd {
        At::Value(Inside { local: ask::local(id), moved: std::ptr::null_mut() })
    } else {
        At::behind(address, pointer, frozen || pointer.opnd == Opnd::Frozen)
    };
    Place { address: address as *mut u8, at }
}

/// What a shared reference leads to.
///
/// # Safety
/// A live reference must be there.
unsafe fn behind_shared(place: Place<u8>) -> Place<u8> {
    // SAFETY: the caller's promise.
    let word = unsafe { place.word(0, Ty::Ptr, Owner::Place) };
    let target = led_to(word, 0, place.is_frozen() && word.opnd.is_const());
    match ask::is_shared(word.opnd) {
        true => target.owned_by(Owner::Frozen),
        false => target,
    }
}

/// What another pointer leads to, `distance` bytes behind what it holds.
///
/// # Safety
/// A live pointer must be there.
unsafe fn behind_pointer(place: Place<u8>, distance: u64) -> Place<u8> {
    // SAFETY: the caller's promise.
    led_to(unsafe { place.word(0, Ty::Ptr, Owner::Place) }, distance, false)
}

/// Another share of the `Rc` that consists of this pointer; not recorded.
///
/// A trace that has compared the pointer keeps the `Rc` alive; a twin has just loaded it.
pub(super) fn shared_by<T>(pointer: Word) -> Rc<T> {
    let contents = pointer.now.bits.wrapping_add(rc_distance::<T>()) as *const T;
    // SAFETY: the word is the pointer of a live `Rc<T>` (see above), whose contents lie there.
    unsafe {
        Rc::increment_strong_count(contents);
        Rc::from_raw(contents)
    }
}

/// Distance from what the pointer in an `Rc<T>` holds to the `T`: measured, since the standard
/// library does not say. It depends on the alignment alone, as `Rc::from_raw` of a trait object
/// could not do otherwise.
pub(super) fn rc_distance<T>() -> u64 {
    const { assert!(size_of::<Rc<T>>() == 8) };
    if const { align_of::<T>() <= align_of::<u64>() } {
        measured_distance::<u64>()
    } else {
        measured_distance::<T>()
    }
}

fn measured_distance<T>() -> u64 {
    let rc: Rc<std::mem::MaybeUninit<T>> = Rc::new_uninit();
    let contents = Rc::as_ptr(&rc) as u64;
    // SAFETY: an `Rc` of a sized type is one pointer (asserted above); it is only looked at.
    let pointer = unsafe { (&raw const rc).cast::<u64>().read() };
    contents - pointer
}

/// One step through a pointer, and with `Auto` the others. Neither calls the other, so that there
/// is less to compile of each type.
macro_rules! through {
    ($($t:ty, $place:ident => $target:expr;)+) => {$(
        impl<T> Deref for $t {
            type Target = T;
            fn deref($place: Place<Self>) -> Place<T> {
                // SAFETY: a live pointer of that type is here.
                unsafe { $target }
            }
        }
        impl<T: Auto> Auto for $t {
            type Target = T::Target;
            fn auto($place: Place<Self>) -> Place<T::Target> {
                // SAFETY: a live pointer of that type is here.
                T::auto(unsafe { $target })
            }
        }
    )+};
}

through! {
    &T, place => holding!(T, behind_shared(erased!(place)));
    &mut T, place => holding!(T, behind_pointer(erased!(place), 0));
    Box<T>, place => follow(place.owner_word(0, Owner::Place), 0, false);
    // One pointer, to the counts before the contents.
    Rc<T>, place => holding!(T, behind_pointer(erased!(place), rc_distance::<T>()));
}

macro_rules! fat {
    ($($t:ty => $target:ty, $word:ident($($of:tt)*) $(, $owns:ident)?;)+) => {$(
        impl<T> Auto for $t {
            type Target = $target;
            fn auto(place: Place<Self>) -> Place<$target> {
                <$t as Deref>::deref(place)
            }
        }
        impl<T> Deref for $t {
            type Target = $target;
            fn deref(place: Place<Self>) -> Place<$target> {
                // SAFETY: a live fat pointer is here: address, then length.
                let (pointer, len) = unsafe {
                    (place.$word($($of)*, Owner::Place), place.word(8, Ty::I64, Owner::Any))
                };
                let frozen = place.is_frozen() && pointer.opnd.is_const();
                let elements = fat(pointer, 0, len, frozen);
                $(erased!(place).$owns(erased!(elements));)?
                if place.is_fixed() { elements.fixed() } else { elements }
            }
        }
    )+};
}
fat! {
    &[T] => [T], word(0, Ty::Ptr);
    &mut [T] => [T], word(0, Ty::Ptr);
    Box<[T]> => [T], owner_word(0), owns;
}

impl<T> Deref for Rc<[T]> {
    type Target = [T];
    fn deref(place: Place<Self>) -> Place<[T]> {
        // SAFETY: a live fat pointer is here: address of the counts, then length.
        let (pointer, len) =
            unsafe { (place.word(0, Ty::Ptr, Owner::Place), place.word(8, Ty::I64, Owner::Any)) };
        let elements = fat(pointer, rc_distance::<[T; 0]>(), len, false);
        if place.is_fixed() { elements.fixed() } else { elements }
    }
}

impl<T> Auto for Rc<[T]> {
    type Target = [T];
    fn auto(place: Place<Self>) -> Place<[T]> {
        Self::deref(place)
    }
}

impl Deref for Rc<str> {
    type Target = str;
    fn deref(place: Place<Self>) -> Place<str> {
        // SAFETY: a live fat pointer is here: address of the counts, then length.
        let (pointer, len) =
            unsafe { (place.word(0, Ty::Ptr, Owner::Place), place.word(8, Ty::I64, Owner::Any)) };
        text(fat(pointer, rc_distance::<[u8; 0]>(), len, false))
    }
}

impl Deref for &str {
    type Target = str;
    fn deref(place: Place<Self>) -> Place<str> {
        // SAFETY: a live fat pointer is here: address, then length.
        let (pointer, len) =
            unsafe { (place.word(0, Ty::Ptr, Owner::Place), place.word(8, Ty::I64, Owner::Any)) };
        text(fat(pointer, 0, len, place.is_frozen() && pointer.opnd.is_const()))
    }
}

macro_rules! texts {
    ($([$($g:tt)*] $t:ty;)+) => {$(
        impl<$($g)*> Auto for $t {
            type Target = str;
            fn auto(place: Place<Self>) -> Place<str> {
                Self::deref(place)
            }
        }
        impl<$($g)*> Peel for $t {
            type End = $t;
            type Then<M: Binding> = M;
            fn peel(place: Place<Self>) -> Place<$t> {
                place
            }
        }
    )+};
}
texts! { [] Rc<str>; ['a] &'a str; }

/// Bytes that are a text.
fn text(bytes: Place<[u8]>) -> Place<str> {
    Place { address: bytes.address as *mut str, at: bytes.at }
}

/// The elements to which a fat pointer leads.
fn fat<T>(pointer: Word, distance: u64, len: Word, frozen: bool) -> Place<[T]> {
    let first = follow::<T>(pointer, distance, frozen);
    elements_at(first, len)
}

/// `len` elements from a place on.
pub(super) fn elements_at<T>(first: Place<T>, length: Word) -> Place<[T]> {
    let address = std::ptr::slice_from_raw_parts_mut(first.addr(), length.now.bits as usize);
    let mut at = first.at;
    if let At::Memory { len, .. } = &mut at {
        *len = length.opnd;
    }
    Place { address, at }
}

macro_rules! itself {
    ($([$($g:tt)*] $t:ty;)+) => {$(
        impl<$($g)*> Auto for $t {
            type Target = $t;
            fn auto(place: Place<Self>) -> Place<$t> { place }
        }
        impl<$($g)*> Peel for $t {
            type End = $t;
            type Then<M: Binding> = M;
            fn peel(place: Place<Self>) -> Place<$t> { place }
        }
    )+};
}

itself! {
    [] u8; [] u16; [] u32; [] u64; [] usize; [] i8; [] i16; [] i32; [] i64; [] isize;
    [] bool; [] char; [] f32; [] f64; [] ();
    [T] Vec<T>;
    [] String;
    [T, const N: usize] [T; N];
    [T] Option<T>;
    [T, E] Result<T, E>;
    [T] std::cell::Cell<T>;
    [T] std::cell::RefCell<T>;
    [T] crate::runtime::Quasi<T>;
    [T] std::rc::Weak<T>;
    [A, B] (A, B);
    [A, B, C] (A, B, C);
    [A, B, C, D] (A, B, C, D);
    [A, B, C, D, E] (A, B, C, D, E);
    [A, B, C, D, E, F] (A, B, C, D, E, F);
}

impl<T: Peel> Peel for &T {
    type End = T::End;
    type Then<M: Binding> = T::Then<Shared>;
    fn peel(place: Place<Self>) -> Place<T::End> {
        T::peel(<&T as Deref>::deref(place))
    }
}

impl<T> Peel for &[T] {
    type End = [T];
    type Then<M: Binding> = Shared;
    fn peel(place: Place<Self>) -> Place<[T]> {
        Self::deref(place)
    }
}

impl<T> Peel for &mut [T] {
    type End = [T];
    type Then<M: Binding> = M::UnderUnique;
    fn peel(place: Place<Self>) -> Place<[T]> {
        Self::deref(place)
    }
}

impl<T: Peel> Peel for &mut T {
    type End = T::End;
    type Then<M: Binding> = T::Then<M::UnderUnique>;
    fn peel(place: Place<Self>) -> Place<T::End> {
        T::peel(<&mut T as Deref>::deref(place))
    }
}

macro_rules! matched_whole {
    ($($t:ty),+) => {$(
        impl<T> Peel for $t {
            type End = $t;
            type Then<M: Binding> = M;
            fn peel(place: Place<Self>) -> Place<$t> { place }
        }
    )+};
}
matched_whole!(Box<T>, Rc<T>, Rc<[T]>, Box<[T]>, *const T, *mut T);

/// The words of a pointer that a twin holds, for types that consist of one.
pub(super) fn pointer_in<T>(place: Place<T>) -> Word {
    // SAFETY: only asked of places of a type whose first word is a pointer.
    unsafe { place.word(0, Ty::Ptr, Owner::Place) }
}

//! Elements: `place[index]`, lengths, bounds.
//!
//! An index is compared with the length: a guard in the trace, a panic as Rust's where it fails.
//! An index that is a value of the trace becomes an address of its own; a constant one a distance.
//!
//! Not here: pointers (`reach`), methods of `Vec` (`methods`).

use super::ask;
use super::kind::{erased, holding};
use super::place::{At, Place};
use super::reach::{elements_at, led_to};
use super::shape::{Owner, TypeName};
use super::traced::{Traced, Tv};
use crate::ir::{Const, Op, Ty};
use crate::tracer::{Opnd, Word};

/// What can be indexed with a `usize`: an address and a length.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be indexed in traced code",
    note = "`Vec`, arrays and slices can; move anything else into a #[residual] function"
)]
pub trait Indexable {
    /// The type of the elements.
    type Item;
    /// The first element's place and the length.
    fn elements(place: Place<Self>) -> (Place<Self::Item>, Word);
}

impl<T, const N: usize> Indexable for [T; N] {
    type Item = T;
    fn elements(place: Place<Self>) -> (Place<T>, Word) {
        let first = place.shifted(place.addr().cast::<T>()).owned_by(element_of::<T>());
        (first, Word { now: Const::i64(N as i64), opnd: Opnd::Const })
    }
}

impl<T> Indexable for [T] {
    type Item = T;
    fn elements(place: Place<Self>) -> (Place<T>, Word) {
        let len = match place.at {
            At::Memory { len, .. } => len,
            At::Value(_) => Opnd::Const,
        };
        let now = Const::i64(place.addr().len() as i64);
        let first = place.shifted(place.addr().cast::<T>()).owned_by(element_of::<T>());
        (first, Word { now, opnd: len })
    }
}

impl<T> Indexable for Vec<T> {
    type Item = T;
    fn elements(place: Place<Self>) -> (Place<T>, Word) {
        let names = [std::any::type_name::<Vec<T>>, std::any::type_name::<[T]>];
        // SAFETY: a live `Vec` is here.
        let (first, len) = unsafe { elements_of_vec(erased!(place), names) };
        (holding!(T, first), len)
    }
}

/// The first element's place and the length of a vector; the names are those of it and of a slice.
///
/// # Safety
/// A live `Vec` must be there.
pub(super) unsafe fn elements_of_vec(
    place: Place<u8>,
    [vec, slice]: [TypeName; 2],
) -> (Place<u8>, Word) {
    let layout = vec_layout();
    // SAFETY: the caller's promise: pointer and length are at the measured offsets.
    let (pointer, len) = unsafe {
        (
            place.owner_word(layout.pointer, Owner::Field(vec, layout.pointer)),
            place.word(layout.len, Ty::I64, Owner::Field(vec, layout.len)),
        )
    };
    let first = led_to(pointer, 0, false);
    place.owns(first);
    let first = first.owned_by(Owner::Field(slice, 0));
    // What is immutable is the whole of a vector.
    (if place.is_fixed() { first.fixed() } else { first }, len)
}

/// Elements are told apart from all else, not from each other.
pub(super) fn element_of<T>() -> Owner {
    Owner::Field(std::any::type_name::<[T]>, 0)
}

/// A word of the header of a `Vec`.
pub(super) fn vec_word<T>(offset: u32) -> Owner {
    Owner::Field(std::any::type_name::<Vec<T>>, offset)
}

/// Where a `Vec` keeps its words, in bytes.
#[derive(Clone, Copy)]
pub(super) struct VecLayout {
    pub pointer: u32,
    pub len: u32,
    pub capacity: u32,
}

/// The layout of a `Vec`: measured, since the standard library does not say.
pub(super) fn vec_layout() -> VecLayout {
    static LAYOUT: std::sync::OnceLock<VecLayout> = std::sync::OnceLock::new();
    *LAYOUT.get_or_init(|| {
        let mut v: Vec<u16> = Vec::with_capacity(5);
        v.extend([1, 2, 3]);
        const { assert!(size_of::<Vec<u16>>() == 24) };
        // SAFETY: a `Vec` is three initialized words (asserted by its size: pointer, capacity,
        // length, none of them padding).
        let words = unsafe { (&raw const v).cast::<[u64; 3]>().read() };
        let find = |word: u64| {
            let index = words.iter().position(|w| *w == word).expect("a Vec holds this word");
            index as u32 * 8
        };
        let (pointer, len) = (find(v.as_ptr() as u64), find(3));
        VecLayout { pointer, len, capacity: 24 - pointer - len }
    })
}

/// `place[index]`.
///
/// # Panics
/// As indexing does, if the index is out of bounds.
#[inline(never)]
#[track_caller]
pub fn index<T: Indexable + ?Sized>(place: Place<T>, index: Tv<usize>) -> Place<T::Item> {
    let (first, len) = T::elements(place);
    let size = size_of::<T::Item>() as i64;
    holding!(T::Item, element_inside(erased!(first), len, index.word(), size))
}

#[track_caller]
fn element_inside(first: Place<u8>, len: Word, index: Word, size: i64) -> Place<u8> {
    if !inside(index, len) {
        out_of_bounds(len.now.bits, index.now.bits);
    }
    find(first, index, size)
}

/// Is the index below the length? A guard in the trace.
pub(super) fn inside(index: Word, len: Word) -> bool {
    let inside = Const::bool(index.now.bits < len.now.bits);
    let opnd = ask::op(Op::LtU, Ty::I64, index, Some(len));
    ask::branch(Word { now: inside, opnd });
    inside.is_true()
}

#[cold]
#[track_caller]
fn out_of_bounds(len: u64, index: u64) -> ! {
    panic!("index out of bounds: the len is {len} but the index is {index}")
}

/// The element with that number, which exists.
pub(super) fn element<T>(first: Place<T>, index: Word) -> Place<T> {
    holding!(T, find(erased!(first), index, size_of::<T>() as i64))
}

/// From the first element of that size to another one.
pub(super) fn find(first: Place<u8>, index: Word, size: i64) -> Place<u8> {
    let distance = (index.now.bits as usize).wrapping_mul(size as usize);
    let address = first.address.wrapping_add(distance);
    let mut at = first.at;
    shift(&mut at, [first.address as u64, address as u64], index, size);
    Place { address, at }
}

fn shift(at: &mut At, [from, to]: [u64; 2], index: Word, size: i64) {
    let At::Memory { address, len, .. } = at else {
        if let Opnd::Ssa(_) = index.opnd {
            // Which part of the twin's own value is meant is not the same at every execution.
            ask::promote(index);
        }
        return;
    };
    let near = i32::try_from(index.now.bits as i64 * size).is_ok_and(|d| d < 1 << 28);
    if near && !matches!(index.opnd, Opnd::Ssa(_)) {
        return at.shift(from, to);
    }
    // The distance is not a small constant: the address is a value of the trace.
    let size = Word { now: Const::i64(size), opnd: Opnd::Const };
    let distance = if size.now.bits == 1 {
        index
    } else {
        let now = Const::i64((index.now.bits as i64).wrapping_mul(size.now.signed()));
        Word { now, opnd: ask::op(Op::Mul, Ty::I64, index, Some(size)) }
    };
    let base = Word { now: Const::new(Ty::Ptr, address.base_now), opnd: address.base };
    address.base = ask::op(Op::PtrAdd, Ty::Ptr, base, Some(distance));
    address.frozen &= !matches!(address.base, Opnd::Ssa(_));
    address.base_now = to.wrapping_sub(address.offset as i64 as u64);
    *len = Opnd::Const;
}

/// `place.len()`.
#[inline(never)]
pub fn len<T: Indexable + ?Sized>(place: Place<T>) -> Tv<usize> {
    let (_, len) = T::elements(place);
    Tv::from_word(len)
}

/// `place.is_empty()`.
pub fn is_empty<T: Indexable + ?Sized>(place: Place<T>) -> Tv<bool> {
    let len = len(place);
    let now = len.nat() == 0;
    super::ops::bin(
        super::ops::Bin::Eq,
        &super::overflow::UNCHECKED,
        &len,
        &super::traced::lift(0usize),
        now,
    )
}

/// `&place[..]`: all elements, as a slice.
pub fn as_slice<T: Indexable + ?Sized>(place: Place<T>) -> Place<[T::Item]> {
    let (first, len) = T::elements(place);
    elements_at(first, len)
}

/// `[value; N]`.
pub fn repeated<X: Traced + Copy, const N: usize>(value: Tv<X>) -> Tv<[X; N]> {
    let array = [value.nat(); N];
    let size = size_of::<X>() as u32;
    let opnd = value.opnd();
    let whole = if opnd.is_const() {
        opnd
    } else {
        (0..N as u32).fold(Opnd::Const, |whole, index| {
            ask::replace(whole, size * N as u32, (index * size, size), opnd)
        })
    };
    Tv::of(array, whole)
}

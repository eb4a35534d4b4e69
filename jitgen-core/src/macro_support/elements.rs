//! Elements: `place[index]`, lengths, bounds.
//!
//! An index is compared with the length: a guard in the trace, a panic as Rust's where it fails.
//! An index that is a value of the trace becomes an address of its own; a constant one a distance.
//!
//! Not here: pointers (`reach`), methods of `Vec` (`methods`).

use super::ask;
use super::place::{At, Place};
use super::reach::{elements_at, follow};
use super::shape::Owner;
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
        let layout = vec_layout();
        // SAFETY: a live `Vec` is here, with its pointer and length at the measured offsets.
        let (pointer, len) = unsafe {
            (
                place.owner_word(layout.pointer, vec_word::<T>(layout.pointer)),
                place.word(layout.len, Ty::I64, vec_word::<T>(layout.len)),
            )
        };
        let first = place.owns(follow::<T>(pointer, 0, false)).owned_by(element_of::<T>());
        // What is immutable is the whole of a vector.
        (if place.is_fixed() { first.fixed() } else { first }, len)
    }
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
    let word = index.word();
    if !inside(word, len) {
        out_of_bounds(len.now.bits, word.now.bits);
    }
    element(first, word)
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
    let now = first.address.wrapping_add(index.now.bits as usize);
    let mut at = first.at;
    find(&mut at, [first.address as u64, now as u64], index, size_of::<T>() as i64);
    Place { address: now, at }
}

/// From the first element to another one; both addresses are given.
fn find(at: &mut At, [from, to]: [u64; 2], index: Word, size: i64) {
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
        len,
        super::traced::lift(0usize),
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

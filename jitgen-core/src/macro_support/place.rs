//! Places: where values live, as the interpreter's place expressions name them.
//!
//! ```text
//! machine.tape[pos]   =>   index(project(auto(local(&mut machine)), &raw mut (*…).tape), pos)
//! ```
//!
//! Each step that goes through a pointer in memory is a recorded load; each index is a recorded
//! bounds guard. The address itself is computed by rustc, so no offset is ever declared.
//!
//! Invariant `in-bounds`: a place's address lies inside a live object whenever the session does
//! not replay.

use super::memory;
use super::traced::{Leaves, Machine, Ptr, Scalar, Traced, Tv};
use crate::ir::{Const, Op, Ty};
use crate::tracer::{AbortReason, Address, Opnd, Word, alias_class, with};
use std::ptr::NonNull;
use std::rc::Rc;

/// Where a value lives.
pub struct Place<T: ?Sized> {
    address: *mut T,
    at: At,
}

#[derive(Clone, Copy)]
enum At {
    /// In guest memory. `len`: the operand of a slice's length.
    Memory { address: Address, len: Opnd },
    /// In the twin itself, as a part of a traced value.
    Value { whole: Opnd, offset: u32 },
}

impl<T: ?Sized> Clone for Place<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: ?Sized> Copy for Place<T> {}

/// What field access, indexing and method calls reach through references and smart pointers.
#[diagnostic::on_unimplemented(
    message = "fields and elements of `{Self}` cannot be traced",
    note = "write `#[derive(Traced)]` on the type"
)]
pub trait Auto: Sized {
    /// The type at the end of the references.
    type Target: ?Sized;
    /// Follows the references.
    fn auto(place: Place<Self>) -> Place<Self::Target>;
}

/// The place of a local variable of the twin.
pub fn local<X: Traced>(x: &mut Tv<X>) -> Place<X> {
    Place { address: (&raw mut x.c).cast(), at: At::Value { whole: x.o, offset: 0 } }
}

/// Follows references to what has fields.
pub fn auto<T: Auto>(place: Place<T>) -> Place<T::Target> {
    T::auto(place)
}

/// `*e`: the place that a reference points to.
pub fn deref<R: Deref>(place: Place<R>) -> Place<R::Target> {
    R::deref(place)
}

/// What `*` can be applied to.
pub trait Deref: Sized {
    /// What it points to.
    type Target: ?Sized;
    /// Follows it.
    fn deref(place: Place<Self>) -> Place<Self::Target>;
}

impl<T: ?Sized> Place<T> {
    /// The concrete address.
    pub fn addr(self) -> *mut T {
        self.address
    }

    fn memory(address: *mut T, base: Opnd, frozen: bool, len: Opnd) -> Place<T> {
        let base_now = address.cast::<u8>() as u64;
        Place {
            address,
            at: At::Memory {
                address: Address { base, base_now, offset: 0, frozen, class: 0 },
                len,
            },
        }
    }

    fn is_frozen(self) -> bool {
        matches!(self.at, At::Memory { address: Address { frozen: true, .. }, .. })
    }

    fn class(self) -> u32 {
        match self.at {
            At::Memory { address, .. } => address.class,
            At::Value { .. } => 0,
        }
    }

    /// The same place in memory of this class.
    fn of_class(mut self, class: impl FnOnce() -> u32) -> Place<T> {
        if let At::Memory { address, .. } = &mut self.at {
            address.class = class();
        }
        self
    }

    /// The place of a field, whose address rustc has computed.
    pub fn project<F>(self, field: *mut F) -> Place<F> {
        let delta = (field as u64).wrapping_sub(self.address.cast::<u8>() as u64);
        let at = match self.at {
            At::Memory { address, .. } => {
                let offset = address.offset + delta as i32;
                At::Memory { address: Address { offset, ..address }, len: Opnd::Const }
            }
            At::Value { whole, offset } => At::Value { whole, offset: offset + delta as u32 },
        };
        let class = || alias_class(std::any::type_name::<T>(), delta as u32);
        Place { address: field, at }.of_class(class)
    }

    /// Reads one word at a byte distance.
    ///
    /// # Safety
    /// A value of that word type must live there.
    unsafe fn word(self, offset: u32, ty: Ty) -> Word {
        match self.at {
            At::Memory { address, .. } => {
                let address = Address { offset: address.offset + offset as i32, ..address };
                // SAFETY: the caller's promise.
                unsafe { memory::load(address, ty) }
            }
            At::Value { whole, offset: base } => {
                let at = self.address.cast::<u8>().wrapping_add(offset as usize);
                // SAFETY: the twin's own value lives there.
                let now = unsafe { memory::read(at as u64, ty) };
                Word { now, opnd: with(|s| s.part(whole, base + offset)) }
            }
        }
    }

    /// The pointer that an `Rc` at this place consists of.
    pub(super) fn inner_pointer(self) -> Word {
        // SAFETY: only asked of places of an `Rc`, which is one pointer.
        unsafe { self.word(0, Ty::Ptr) }
    }

    /// The operand of the address.
    fn pointer(self) -> Opnd {
        match self.at {
            At::Value { .. } => {
                with(|s| s.abort(AbortReason::OpaqueValue));
                Opnd::Const
            }
            At::Memory { address, .. } => match address.base {
                Opnd::Ssa(_) if address.offset != 0 => {
                    let base =
                        Word { now: Const::new(Ty::Ptr, address.base_now), opnd: address.base };
                    let distance = Const::i64(address.offset.into());
                    let distance = Word { now: distance, opnd: Opnd::Const };
                    with(|s| s.op(Op::PtrAdd, Ty::Ptr, base, Some(distance)))
                }
                Opnd::Ssa(_) => address.base,
                _ if address.frozen => Opnd::Frozen,
                _ => Opnd::Const,
            },
        }
    }
}

impl<X: Traced> Place<X>
where
    X::C: Leaves + Copy,
{
    /// Reads the value.
    pub fn get(self) -> Tv<X> {
        if X::C::OPAQUE {
            return self.get_opaque();
        }
        let mut leaves = vec![];
        X::C::leaves(&mut |offset, ty| leaves.push((offset, ty)));
        // SAFETY: a live `X` is here (`in-bounds`), so its words are.
        let words: Vec<Word> =
            leaves.iter().map(|(offset, ty)| unsafe { self.word(*offset, *ty) }).collect();
        Tv::from_words(&words)
    }

    fn get_opaque(self) -> Tv<X> {
        let constant = match self.at {
            At::Memory { .. } => self.is_frozen(),
            At::Value { whole, .. } => whole.is_const(),
        };
        if !constant {
            with(|s| s.abort(AbortReason::OpaqueValue));
        }
        // SAFETY: a live `X` is here: opaque values are read only through frozen memory (which
        // the greens keep alive, in replay too), from the twin's own values, or in direct mode.
        let c = unsafe { self.address.cast::<X::C>().read() };
        Tv { c, o: Opnd::Const }
    }

    /// Writes the value.
    pub fn set(self, value: Tv<X>) {
        let At::Memory { address, .. } = self.at else {
            with(|s| s.abort(AbortReason::OpaqueValue));
            // SAFETY: the twin's own value lives there, of this type.
            unsafe { self.address.cast::<X::C>().write(value.c) };
            return;
        };
        if X::C::OPAQUE {
            with(|s| s.abort(AbortReason::OpaqueValue));
            // SAFETY: `in-bounds`; recording has been given up and an opaque store is never
            // followed by a log, so this is direct mode.
            unsafe { self.address.cast::<X::C>().write(value.c) };
            return;
        }
        let mut offsets = vec![];
        X::C::leaves(&mut |offset, _| offsets.push(offset));
        for (word, offset) in value.words().into_iter().zip(offsets) {
            let address = Address { offset: address.offset + offset as i32, ..address };
            // SAFETY: a live `X` is here (`in-bounds`) and the word is one of an `X`.
            unsafe { memory::store(address, word) };
        }
    }
}

/// `&place` and `&mut place`, as a reference type that the context gives.
pub fn addr_of<T, R>(place: Place<T>) -> Tv<R>
where
    R: Traced<C = Ptr<T>>,
{
    let pointer = NonNull::new(place.address).expect("a place has an address");
    Tv { c: Ptr(pointer), o: place.pointer() }
}

/// `&place`.
pub fn shared<'a, T>(place: Place<T>) -> Tv<&'a T> {
    addr_of(place)
}

/// `&mut place`.
pub fn unique<'a, T>(place: Place<T>) -> Tv<&'a mut T> {
    addr_of(place)
}

impl<T> Deref for &T {
    type Target = T;
    fn deref(place: Place<Self>) -> Place<T> {
        // SAFETY: a live reference is here.
        let word = unsafe { place.word(0, Ty::Ptr) };
        let frozen = word.opnd == Opnd::Frozen || place.is_frozen() && word.opnd.is_const();
        Place::memory(word.now.bits as *mut T, word.opnd, frozen, Opnd::Const)
    }
}

impl<T> Deref for &mut T {
    type Target = T;
    fn deref(place: Place<Self>) -> Place<T> {
        // SAFETY: a live reference is here.
        let word = unsafe { place.word(0, Ty::Ptr) };
        Place::memory(word.now.bits as *mut T, word.opnd, word.opnd == Opnd::Frozen, Opnd::Const)
    }
}

impl<T> Deref for Box<T> {
    type Target = T;
    fn deref(place: Place<Self>) -> Place<T> {
        // SAFETY: a live box is here: one pointer to its contents.
        let word = unsafe { place.word(0, Ty::Ptr) };
        Place::memory(word.now.bits as *mut T, word.opnd, word.opnd == Opnd::Frozen, Opnd::Const)
    }
}

impl<T> Deref for Rc<T> {
    type Target = T;
    fn deref(place: Place<Self>) -> Place<T> {
        // SAFETY: a live `Rc` is here: one pointer, to the counts before the contents.
        let word = unsafe { place.word(0, Ty::Ptr) };
        let distance = rc_distance::<T>();
        let address = (word.now.bits + distance) as *mut T;
        let mut place = Place::memory(address, word.opnd, word.opnd == Opnd::Frozen, Opnd::Const);
        if let At::Memory { address, .. } = &mut place.at {
            address.base_now = word.now.bits;
            address.offset = distance as i32;
        }
        place
    }
}

/// Distance from what the pointer in an `Rc<T>` holds to the `T`: measured, since the standard
/// library does not say.
fn rc_distance<T>() -> u64 {
    let rc: Rc<std::mem::MaybeUninit<T>> = Rc::new_uninit();
    let contents = Rc::as_ptr(&rc) as u64;
    // SAFETY: an `Rc` of a sized type is one pointer (asserted).
    const { assert!(size_of::<Rc<T>>() == 8) };
    // SAFETY: as above; the pointer is only looked at.
    let pointer = unsafe { (&raw const rc).cast::<u64>().read() };
    contents - pointer
}

macro_rules! auto_through {
    ($($t:ty),+) => {$(
        impl<T: Auto> Auto for $t {
            type Target = T::Target;
            fn auto(place: Place<Self>) -> Place<T::Target> {
                T::auto(<$t as Deref>::deref(place))
            }
        }
    )+};
}
auto_through!(&T, &mut T, Box<T>, Rc<T>);

impl<T> Auto for Vec<T> {
    type Target = Vec<T>;
    fn auto(place: Place<Self>) -> Place<Vec<T>> {
        place
    }
}

impl<T, const N: usize> Auto for [T; N] {
    type Target = [T; N];
    fn auto(place: Place<Self>) -> Place<[T; N]> {
        place
    }
}

macro_rules! auto_slice {
    ($($t:ty),+) => {$(
        impl<T> Auto for $t {
            type Target = [T];
            fn auto(place: Place<Self>) -> Place<[T]> {
                // SAFETY: a live fat pointer is here: address, then length.
                let (pointer, len) = unsafe { (place.word(0, Ty::Ptr), place.word(8, Ty::I64)) };
                let address = std::ptr::slice_from_raw_parts_mut(
                    pointer.now.bits as *mut T,
                    len.now.bits as usize,
                );
                Place::memory(address, pointer.opnd, pointer.opnd == Opnd::Frozen, len.opnd)
            }
        }
    )+};
}
auto_slice!(&[T], &mut [T], Box<[T]>);

/// What can be indexed with a `usize`: an address and a length.
pub trait Indexable {
    /// The type of the elements.
    type Item;
    /// The first element's place and the length.
    fn elements(place: Place<Self>) -> (Place<Self::Item>, Word);
}

impl<T, const N: usize> Indexable for [T; N] {
    type Item = T;
    fn elements(place: Place<Self>) -> (Place<T>, Word) {
        let first = place.project(place.addr().cast::<T>()).of_class(element_class::<T>);
        (first, Word { now: Const::i64(N as i64), opnd: Opnd::Const })
    }
}

impl<T> Indexable for [T] {
    type Item = T;
    fn elements(place: Place<Self>) -> (Place<T>, Word) {
        let len = match place.at {
            At::Memory { len, .. } => len,
            At::Value { .. } => Opnd::Const,
        };
        let now = Const::i64(place.addr().len() as i64);
        let first = place.project(place.addr().cast::<T>()).of_class(element_class::<T>);
        (first, Word { now, opnd: len })
    }
}

impl<T> Indexable for Vec<T> {
    type Item = T;
    fn elements(place: Place<Self>) -> (Place<T>, Word) {
        let (pointer, len) = vec_layout();
        let header = |at| place.of_class(|| alias_class(std::any::type_name::<Vec<T>>(), at));
        // SAFETY: a live `Vec` is here, with its pointer and length at the measured offsets.
        let (pointer, len) =
            unsafe { (header(pointer).word(pointer, Ty::Ptr), header(len).word(len, Ty::I64)) };
        let frozen = pointer.opnd == Opnd::Frozen;
        let address = pointer.now.bits as *mut T;
        let first = Place::memory(address, pointer.opnd, frozen, Opnd::Const);
        (first.of_class(element_class::<T>), len)
    }
}

/// The class of the elements of arrays and slices.
fn element_class<T>() -> u32 {
    alias_class(std::any::type_name::<[T]>(), 0)
}

/// Byte offsets of a `Vec`'s pointer and length: measured, since the standard library does not say.
fn vec_layout() -> (u32, u32) {
    static LAYOUT: std::sync::OnceLock<(u32, u32)> = std::sync::OnceLock::new();
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
        (find(v.as_ptr() as u64), find(3))
    })
}

/// `place[index]`.
///
/// # Panics
/// As indexing does, if the index is out of bounds.
#[track_caller]
pub fn index<T: Indexable + ?Sized>(place: Place<T>, index: Tv<usize>) -> Place<T::Item> {
    let (first, len) = T::elements(place);
    let word = index.word();
    let inside = Const::bool(word.now.bits < len.now.bits);
    with(|s| {
        let opnd = s.op(Op::LtU, Ty::I64, word, Some(len));
        s.branch(Word { now: inside, opnd });
    });
    if !inside.is_true() {
        out_of_bounds(len.now.bits, word.now.bits);
    }
    element(first, word)
}

#[cold]
#[track_caller]
fn out_of_bounds(len: u64, index: u64) -> ! {
    panic!("index out of bounds: the len is {len} but the index is {index}")
}

fn element<T>(first: Place<T>, index: Word) -> Place<T> {
    let size = size_of::<T>() as i64;
    let now = first.address.wrapping_add(index.now.bits as usize);
    let Opnd::Ssa(_) = index.opnd else {
        let near = i32::try_from(index.now.bits as i64 * size).is_ok_and(|d| d < 1 << 28);
        let class = || first.class();
        return if near {
            first.project(now).of_class(class)
        } else {
            far_element(first, now, index, size)
        };
    };
    far_element(first, now, index, size)
}

/// An element whose distance is not a small constant: its address is a value of the trace.
fn far_element<T>(first: Place<T>, now: *mut T, index: Word, size: i64) -> Place<T> {
    let At::Memory { address, .. } = first.at else {
        with(|s| s.abort(AbortReason::OpaqueValue));
        return Place { address: now, at: first.at };
    };
    let size = Word { now: Const::i64(size), opnd: Opnd::Const };
    let opnd = with(|s| {
        let distance = if size.now.bits == 1 {
            index
        } else {
            let now = Const::i64((index.now.bits as i64).wrapping_mul(size.now.signed()));
            Word { now, opnd: s.op(Op::Mul, Ty::I64, index, Some(size)) }
        };
        let base = Word { now: Const::new(Ty::Ptr, address.base_now), opnd: address.base };
        s.op(Op::PtrAdd, Ty::Ptr, base, Some(distance))
    });
    let frozen = address.frozen && !matches!(opnd, Opnd::Ssa(_));
    let mut place = Place::memory(now, opnd, frozen, Opnd::Const);
    if let At::Memory { address: moved, .. } = &mut place.at {
        moved.class = address.class;
        moved.offset = address.offset;
        moved.base_now = (now as u64).wrapping_sub(address.offset as i64 as u64);
    }
    place
}

/// `place.len()`.
pub fn len<T: Indexable + ?Sized>(place: Place<T>) -> Tv<usize> {
    let (_, len) = T::elements(place);
    Tv::from_word(len)
}

/// `place.is_empty()`.
pub fn is_empty<T: Indexable + ?Sized>(place: Place<T>) -> Tv<bool> {
    let len = len(place);
    let zero = super::traced::lift(0usize);
    super::ops::bin(super::ops::Bin::Eq, false, len, zero, len.c == 0)
}

/// A word that is a constant from here on.
pub fn promote<X: Traced>(x: Tv<X>) -> Tv<X>
where
    X::C: Machine,
{
    with(|s| s.promote(x.word()));
    Tv { c: x.c, o: Opnd::Const }
}

/// What is known of a green in memory after its merge point: it is constant.
pub(super) fn learn<X: Scalar>(place: Place<X>, value: Tv<X>) {
    if let At::Memory { address, .. } = place.at {
        with(|s| s.learn(address, value.word()));
    }
}

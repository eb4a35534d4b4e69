//! The guards of a `RefCell`'s borrow: `Ref` and `RefMut`.
//!
//! ```text
//! cell.borrow_mut()    guard flag == 0;  store flag, -1     value: address of the content, of the flag
//! dropped              v1 = load flag;  store flag, v1 + 1
//! ```
//!
//! Both are two addresses; in which order is measured, since the standard library does not say.
//! The flag comes first in a `RefCell` and its content last, because the content may be unsized.
//!
//! Not here: the methods (`methods`).

use super::ask;
use super::carrier::{Carrier, Owned};
use super::kind::DropFields;
use super::passing::ByMemory;
use super::place::Place;
use super::reach::{Auto, Deref, follow};
use super::shape::{Owner, Shape};
use super::traced::{Traced, Tv, bits_of};
use crate::ir::{Const, Op, Ty};
use crate::tracer::{Opnd, Part, Word, outside};
use std::cell::{Ref, RefCell, RefMut};

/// Which kind of borrow.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Borrow {
    Shared,
    Unique,
}

/// Where a borrow keeps the address of the content, in bytes; that of the flag is in the other word.
fn content_word() -> u32 {
    static OFFSET: std::sync::OnceLock<u32> = std::sync::OnceLock::new();
    *OFFSET.get_or_init(|| {
        let cell = RefCell::new(0u64);
        let content = cell.as_ptr() as u64;
        let words = |borrow: *const [u64; 2]| {
            // SAFETY: a borrow of a sized type is two initialized words (asserted).
            let words = unsafe { borrow.read() };
            words.iter().position(|word| *word == content).expect("a borrow leads to the content")
        };
        const {
            assert!(size_of::<Ref<u64>>() == 16 && size_of::<RefMut<u64>>() == 16);
        };
        let shared = words((&raw const *std::mem::ManuallyDrop::new(cell.borrow())).cast());
        let cell = RefCell::new(0u64);
        let content = cell.as_ptr() as u64;
        let guard = std::mem::ManuallyDrop::new(cell.borrow_mut());
        // SAFETY: as above.
        let unique = unsafe { (&raw const *guard).cast::<[u64; 2]>().read() };
        assert_eq!(unique[shared], content, "both kinds of borrow look alike");
        shared as u32 * 8
    })
}

fn flag_owner() -> Owner {
    Owner::Field(std::any::type_name::<RefCell<()>>, 0)
}

/// Borrows the content of a cell.
#[track_caller]
pub(super) fn borrow<T, R: Traced<V = R>>(this: Place<RefCell<T>>, kind: Borrow) -> Tv<R> {
    let flag = this.thawed().shifted(this.addr().cast::<isize>()).owned_by(flag_owner());
    // SAFETY: the flag of a live cell is there.
    let now = unsafe { flag.word(0, Ty::I64, Owner::Place) };
    let zero = Word { now: Const::i64(0), opnd: Opnd::Const };
    let (free, by) = match kind {
        Borrow::Shared => {
            let negative = ask::op(Op::LtS, Ty::I64, now, Some(zero));
            let is = now.now.signed() < 0;
            ask::branch(Word { now: Const::bool(is), opnd: negative });
            (!is, 1)
        }
        Borrow::Unique => {
            let equal = ask::op(Op::Eq, Ty::I64, now, Some(zero));
            let is = now.now.bits == 0;
            ask::branch(Word { now: Const::bool(is), opnd: equal });
            (is, -1)
        }
    };
    if !free {
        let cell = this.addr();
        // SAFETY: nothing is replayed behind the guard, so a live cell is there. It panics.
        outside(|| unsafe {
            match kind {
                Borrow::Shared => drop((*cell).borrow()),
                Borrow::Unique => drop((*cell).borrow_mut()),
            }
        });
    }
    change(flag, now, by);
    // SAFETY: only an address is computed; the cell itself is not read.
    let content = unsafe { (*this.addr()).as_ptr() };
    let content = this.thawed().shifted(content);
    let at = content_word();
    let word = |bits: u64| Const::new(Ty::Ptr, bits);
    let bits = bits_of(&[(at, word(content.addr() as u64)), (8 - at, word(flag.addr() as u64))]);
    let parts = vec![
        Part::word(at, Ty::Ptr, thawed(content.pointer())),
        Part::word(8 - at, Ty::Ptr, thawed(flag.pointer())),
    ];
    Tv(Carrier::new(bits, ask::settle(parts)))
}

/// What is in a cell is not frozen with what is around it.
fn thawed(opnd: Opnd) -> Opnd {
    if opnd == Opnd::Frozen { Opnd::Const } else { opnd }
}

fn change(flag: Place<isize>, now: Word, by: i64) {
    let changed = Const::i64(now.now.signed().wrapping_add(by));
    let by = Word { now: Const::i64(by), opnd: Opnd::Const };
    let opnd = ask::op(Op::Add, Ty::I64, now, Some(by));
    // SAFETY: the flag of a live cell is there.
    unsafe { flag.set_word(0, Word { now: changed, opnd }, Owner::Place) };
}

/// A borrow ends.
fn release(place: Place<u8>, by: i64) {
    // SAFETY: a borrow has the address of the flag in that word.
    let pointer = unsafe { place.word(8 - content_word(), Ty::Ptr, Owner::Place) };
    let flag = follow::<isize>(pointer, 0, false).thawed().owned_by(flag_owner());
    // SAFETY: the flag of a live cell is there.
    let now = unsafe { flag.word(0, Ty::I64, Owner::Place) };
    change(flag, now, by);
}

/// # Safety
/// As for [`DropFields`], of a `Ref`.
unsafe fn release_shared(place: Place<u8>, _: &[(u32, u32)]) -> bool {
    release(place, -1);
    true
}

/// # Safety
/// As for [`DropFields`], of a `RefMut`.
unsafe fn release_unique(place: Place<u8>, _: &[(u32, u32)]) -> bool {
    release(place, 1);
    true
}

/// The content that a borrow leads to.
fn content<R, T>(place: Place<R>) -> Place<T> {
    // SAFETY: a borrow has the address of the content in that word.
    let pointer = unsafe { place.word(content_word(), Ty::Ptr, Owner::Place) };
    follow::<T>(pointer, 0, false).thawed()
}

const TWO_POINTERS: Shape =
    Shape::EMPTY.with(0, &Shape::word(Ty::Ptr), name).with(8, &Shape::word(Ty::Ptr), name);

fn name() -> &'static str {
    "borrow"
}

macro_rules! borrows {
    ($($t:ident, $release:ident;)+) => {$(
        // SAFETY: two addresses.
        unsafe impl<'b, T> Traced for $t<'b, T> {
            type V = $t<'b, T>;
            type O = Owned;
            type Pass = ByMemory;
            const SHAPE: Shape = TWO_POINTERS;
            const DROP_FIELDS: Option<DropFields> = Some($release);
        }
        impl<T> Deref for $t<'_, T> {
            type Target = T;
            fn deref(place: Place<Self>) -> Place<T> {
                content(place)
            }
        }
        impl<T: Auto> Auto for $t<'_, T> {
            type Target = T::Target;
            fn auto(place: Place<Self>) -> Place<T::Target> {
                T::auto(content(place))
            }
        }
    )+};
}
borrows! { Ref, release_shared; RefMut, release_unique; }

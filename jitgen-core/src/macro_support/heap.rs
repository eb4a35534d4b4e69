//! Objects of the collected heap in twins: `Gc<T>` is one word, and what it leads to is memory.
//!
//! ```text
//! node.next.get()     v1 = load.ptr v0+8          v0: the payload, which a Gc points to
//! items[i]            v1 = load.i64 v0;  guard i < v1;  load v0 + i * size + 8
//! ```
//!
//! What is in an object may change even where the pointer to it was read from frozen memory: then
//! the pointer is a constant like any other.
//!
//! Not here: making objects (`methods::heap`), what keeps them (`runtime::roots`).

use super::carrier::Plain;
use super::elements::element_of;
use super::passing::{ByMemory, ByWord};
use super::pattern::Binding;
use super::place::Place;
use super::portal::Green;
use super::reach::{Auto, Deref, Peel, elements_at, follow};
use super::shape::{Owner, Shape};
use super::traced::{Machine, Ptr, Traced, Tv};
use crate::gc::{Collect, Gc, ITEMS, OutOfMemory, Root, Weak};
use crate::ir::Ty;
use crate::tracer::{self, Opnd, Word, with};
use std::any::{Any, type_name};
use std::mem::offset_of;
use std::rc::Rc;

// SAFETY: `Ptr` is transparent over `NonNull`, as a `Gc` is.
unsafe impl<T: ?Sized> Traced for Gc<T> {
    type V = Ptr<u8>;
    type O = Plain;
    type Pass = ByWord;
    const SHAPE: Shape = Shape::word(Ty::Ptr);
    const NONNULL: bool = true;
}

// SAFETY: one pointer, to the cell that knows whether the object is alive.
unsafe impl<T: ?Sized> Traced for Weak<T> {
    type V = Ptr<u8>;
    type O = Plain;
    type Pass = ByWord;
    const SHAPE: Shape = Shape::word(Ty::Ptr);
    const NONNULL: bool = true;
}

// SAFETY: the bits are the type itself; offsets come from rustc.
unsafe impl Traced for OutOfMemory {
    type V = OutOfMemory;
    type O = Plain;
    type Pass = ByMemory;
    const SHAPE: Shape = Shape::EMPTY
        .with(offset_of!(OutOfMemory, bytes), &Shape::word(Ty::I64), type_name::<OutOfMemory>)
        .with(offset_of!(OutOfMemory, limit), &Shape::word(Ty::I64), type_name::<OutOfMemory>);
}

/// What is in an object is told apart by its type, as far as its words do not say themselves.
pub(super) fn content_of<T: ?Sized>() -> Owner {
    Owner::Field(type_name::<Gc<T>>, 0)
}

/// The pointer of a `Gc`, whose object is not frozen.
pub(super) fn payload_of<T: ?Sized>(place: Place<Gc<T>>) -> Word {
    // SAFETY: a `Gc` is here, which is one pointer.
    let word = unsafe { place.word(0, Ty::Ptr, Owner::Place) };
    let opnd = if word.opnd == Opnd::Frozen { Opnd::Const } else { word.opnd };
    Word { opnd, ..word }
}

impl<T> Deref for Gc<T> {
    type Target = T;
    fn deref(place: Place<Self>) -> Place<T> {
        follow::<T>(payload_of(place), 0, false).owned_by(content_of::<T>())
    }
}

impl<T> Deref for Gc<[T]> {
    type Target = [T];
    fn deref(place: Place<Self>) -> Place<[T]> {
        let payload = payload_of(place);
        let length = follow::<usize>(payload, 0, false).owned_by(content_of::<[T]>());
        // SAFETY: the payload of a slice begins with its length.
        let length = unsafe { length.word(0, Ty::I64, Owner::Place) };
        elements_at(follow::<T>(payload, ITEMS as u64, false).owned_by(element_of::<T>()), length)
    }
}

impl<T: Auto> Auto for Gc<T> {
    type Target = T::Target;
    fn auto(place: Place<Self>) -> Place<T::Target> {
        T::auto(Self::deref(place))
    }
}

impl<T> Auto for Gc<[T]> {
    type Target = [T];
    fn auto(place: Place<Self>) -> Place<[T]> {
        Self::deref(place)
    }
}

impl<T: ?Sized> Peel for Gc<T> {
    type End = Gc<T>;
    type Then<M: Binding> = M;
    fn peel(place: Place<Self>) -> Place<Self> {
        place
    }
}

/// A pointer is not looked through for what is not known.
macro_rules! itself {
    ($([$($g:tt)*] $t:ty;)+) => {$(
        impl<$($g)*> Auto for $t {
            type Target = $t;
            fn auto(place: Place<Self>) -> Place<$t> {
                place
            }
        }
    )+};
}
itself! { [T: ?Sized] Weak<T>; [] OutOfMemory; }

impl<T: ?Sized> Peel for Weak<T> {
    type End = Weak<T>;
    type Then<M: Binding> = M;
    fn peel(place: Place<Self>) -> Place<Self> {
        place
    }
}

impl Peel for OutOfMemory {
    type End = OutOfMemory;
    type Then<M: Binding> = M;
    fn peel(place: Place<Self>) -> Place<Self> {
        place
    }
}

impl<T: ?Sized + 'static> Green for Gc<T>
where
    Gc<T>: Collect,
{
    #[inline(always)]
    fn key(value: &Ptr<u8>) -> u64 {
        value.bits()
    }
    fn fix(value: &mut Tv<Self>) -> tracer::Green {
        if with(|s| s.is_started()) {
            with(|s| s.promote(value.word()));
        }
        value.0.o = Opnd::Const;
        let bits = value.0.c.bits();
        // The code for this green holds the pointer as long as it is there.
        let keep: Rc<dyn Any> = Rc::new(Root::new(value.native()));
        with(|s| s.keep(Rc::clone(&keep)));
        tracer::Green { key: bits, bits, keep: Some(keep) }
    }
}

//! `Collect` for the types of the standard library.
//!
//! A `RefCell` that is mutably borrowed may hold anything at that moment, so meeting one postpones
//! the collection. A shared value outside of the heap (`Rc`) is traced once per collection.
//!
//! Whether there can be pointers behind a `Box`, a `Vec` and so on is not asked: a type may have
//! itself there, and then the question has no answer.
//!
//! Containers report the memory that they own, too ([`Tracer::owns`]).
//!
//! Not here: references (but for `'static` ones), `Mutex`, `Weak`: objects belong to one thread,
//! and what does not keep its contents alive does not keep objects alive.

use super::pointer::Gc;
use super::trace::{Collect, Tracer};
use std::cell::{Cell, OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet, VecDeque};
use std::marker::PhantomData;
use std::rc::Rc;
use std::sync::Arc;

// SAFETY: it reports itself.
unsafe impl<T: ?Sized> Collect for Gc<T> {
    #[inline]
    fn trace(&self, tracer: &mut Tracer<'_>) {
        tracer.visit(*self);
    }
}

macro_rules! without_pointers {
    ($($t:ty),+) => {$(
        // SAFETY: there is no pointer in it.
        unsafe impl Collect for $t {
            const NEEDS_TRACE: bool = false;
            #[inline]
            fn trace(&self, _: &mut Tracer<'_>) {}
        }
    )+};
}
without_pointers!(
    (),
    bool,
    char,
    u8,
    u16,
    u32,
    u64,
    u128,
    usize,
    i8,
    i16,
    i32,
    i64,
    i128,
    isize,
    f32,
    f64,
    str,
    std::num::NonZeroU32,
    std::num::NonZeroU64,
    std::num::NonZeroUsize,
    std::cmp::Ordering,
    std::time::Duration,
    std::time::Instant
);

// SAFETY: it has no pointers.
unsafe impl Collect for String {
    fn trace(&self, tracer: &mut Tracer<'_>) {
        tracer.owns(self.as_ptr(), self.capacity());
    }
}

// SAFETY: what it leads to is not given up.
unsafe impl<T: Collect + ?Sized> Collect for &'static T {
    fn trace(&self, tracer: &mut Tracer<'_>) {
        (**self).trace(tracer);
    }
}

// SAFETY: it owns its contents, which are reported.
unsafe impl<T: Collect + ?Sized> Collect for Box<T> {
    #[inline]
    fn trace(&self, tracer: &mut Tracer<'_>) {
        tracer.owns((&raw const **self).cast(), size_of_val(&**self));
        (**self).trace(tracer);
    }
}

// SAFETY: all items are reported.
unsafe impl<T: Collect> Collect for Vec<T> {
    #[inline]
    fn trace(&self, tracer: &mut Tracer<'_>) {
        tracer.owns(self.as_ptr().cast(), self.capacity() * size_of::<T>());
        self.as_slice().trace(tracer);
    }
}

// SAFETY: all items are reported.
unsafe impl<T: Collect> Collect for VecDeque<T> {
    fn trace(&self, tracer: &mut Tracer<'_>) {
        let (front, back) = self.as_slices();
        for part in [front, back] {
            tracer.owns(part.as_ptr().cast(), size_of_val(part));
            part.trace(tracer);
        }
    }
}

// SAFETY: all items are reported.
unsafe impl<T: Collect> Collect for BinaryHeap<T> {
    fn trace(&self, tracer: &mut Tracer<'_>) {
        let items = self.as_slice();
        tracer.owns(items.as_ptr().cast(), size_of_val(items));
        items.trace(tracer);
    }
}

// SAFETY: all items are reported.
unsafe impl<T: Collect> Collect for BTreeSet<T> {
    fn trace(&self, tracer: &mut Tracer<'_>) {
        for item in self {
            owns_around(item, NODE * size_of::<T>(), tracer);
            item.trace(tracer);
        }
    }
}

/// A node of a tree has fewer items.
const NODE: usize = 12;

/// The value owns what is so far around an item: the library does not say where its tables and
/// nodes begin and end, and too much does no harm.
fn owns_around<T>(item: &T, bytes: usize, tracer: &mut Tracer<'_>) {
    // For links and counts.
    let bytes = bytes + 256;
    tracer.owns((&raw const *item).cast::<u8>().wrapping_sub(bytes), 2 * bytes);
}

/// The value owns the table that these items are in. Iterators have pointers to its control bytes,
/// which are behind the items: one for each place, and a group more.
fn owns_table<'a, T: 'a>(
    items: impl Iterator<Item = &'a T>,
    capacity: usize,
    size: usize,
    tracer: &mut Tracer<'_>,
) {
    if tracer.asks() {
        let bounds = items.fold((usize::MAX, 0), |(low, high), item| {
            let address = (&raw const *item).addr();
            (low.min(address), high.max(address))
        });
        // Twice the capacity is more than the number of places.
        let places = 2 * capacity + 64;
        if bounds.1 > 0 {
            let low = bounds.0.saturating_sub(64);
            let high = bounds.1 + places * (size + 1);
            tracer.owns(std::ptr::without_provenance(low), high - low);
        }
    }
}

macro_rules! sequences {
    ($needs:expr; $($t:ty),+) => {$(
        // SAFETY: all items are reported.
        unsafe impl<T: Collect> Collect for $t {
            const NEEDS_TRACE: bool = $needs;
            #[inline]
            fn trace(&self, tracer: &mut Tracer<'_>) {
                if T::NEEDS_TRACE {
                    self.iter().for_each(|item| item.trace(tracer));
                }
            }
        }
    )+};
}
sequences!(T::NEEDS_TRACE; [T], Option<T>);

// SAFETY: all items are reported.
unsafe impl<T: Collect, const N: usize> Collect for [T; N] {
    const NEEDS_TRACE: bool = T::NEEDS_TRACE;
    fn trace(&self, tracer: &mut Tracer<'_>) {
        self.as_slice().trace(tracer);
    }
}

// SAFETY: both sides are reported.
unsafe impl<T: Collect, E: Collect> Collect for Result<T, E> {
    const NEEDS_TRACE: bool = T::NEEDS_TRACE || E::NEEDS_TRACE;
    fn trace(&self, tracer: &mut Tracer<'_>) {
        match self {
            Ok(value) => value.trace(tracer),
            Err(error) => error.trace(tracer),
        }
    }
}

// SAFETY: all keys and values are reported; no pointer to an object is in the hasher's state, since
// that can be sent to other threads and a `Gc` cannot.
unsafe impl<K: Collect, V: Collect, S: Send> Collect for HashMap<K, V, S> {
    fn trace(&self, tracer: &mut Tracer<'_>) {
        owns_table(self.values(), self.capacity(), size_of::<(K, V)>(), tracer);
        owns_table(self.keys(), self.capacity(), size_of::<(K, V)>(), tracer);
        for (key, value) in self {
            key.trace(tracer);
            value.trace(tracer);
        }
    }
}

// SAFETY: as for maps.
unsafe impl<K: Collect, S: Send> Collect for HashSet<K, S> {
    fn trace(&self, tracer: &mut Tracer<'_>) {
        owns_table(self.iter(), self.capacity(), size_of::<K>(), tracer);
        self.iter().for_each(|key| key.trace(tracer));
    }
}

// SAFETY: all keys and values are reported.
unsafe impl<K: Collect, V: Collect> Collect for BTreeMap<K, V> {
    fn trace(&self, tracer: &mut Tracer<'_>) {
        for (key, value) in self {
            owns_around(key, NODE * (size_of::<K>() + size_of::<V>()), tracer);
            owns_around(value, NODE * (size_of::<K>() + size_of::<V>()), tracer);
            key.trace(tracer);
            value.trace(tracer);
        }
    }
}

// SAFETY: the contents are reported, once, whoever else owns them.
unsafe impl<T: Collect + ?Sized> Collect for Rc<T> {
    fn trace(&self, tracer: &mut Tracer<'_>) {
        tracer.owns(Rc::as_ptr(self).cast(), size_of_val(&**self));
        let alone = Rc::strong_count(self) == 1;
        if T::NEEDS_TRACE && (alone || tracer.first_time(Rc::as_ptr(self).cast())) {
            (**self).trace(tracer);
        }
    }
}

// SAFETY: no pointer to an object is in what threads may share, since `Gc` cannot be shared.
unsafe impl<T: Send + Sync + ?Sized> Collect for Arc<T> {
    fn trace(&self, tracer: &mut Tracer<'_>) {
        tracer.owns(Arc::as_ptr(self).cast(), size_of_val(&**self));
    }
}

// SAFETY: the contents are reported.
unsafe impl<T: Collect> Collect for Cell<T> {
    const NEEDS_TRACE: bool = T::NEEDS_TRACE;
    #[inline]
    fn trace(&self, tracer: &mut Tracer<'_>) {
        // SAFETY: nobody has a reference to the contents of a cell, other than those who were
        // given one by `get_mut`, hence have the cell for themselves; nobody changes them while
        // they are traced (`Collect::trace` does not).
        unsafe { &*self.as_ptr() }.trace(tracer);
    }
}

// SAFETY: the contents are reported, or the collection does not take place.
unsafe impl<T: Collect + ?Sized> Collect for RefCell<T> {
    const NEEDS_TRACE: bool = T::NEEDS_TRACE;
    fn trace(&self, tracer: &mut Tracer<'_>) {
        match self.try_borrow() {
            Ok(contents) => contents.trace(tracer),
            Err(_) if T::NEEDS_TRACE => tracer.postpone(),
            Err(_) => (),
        }
    }
}

// SAFETY: the contents are reported.
unsafe impl<T: Collect> Collect for OnceCell<T> {
    const NEEDS_TRACE: bool = T::NEEDS_TRACE;
    fn trace(&self, tracer: &mut Tracer<'_>) {
        if let Some(value) = self.get() {
            value.trace(tracer);
        }
    }
}

// SAFETY: there is nothing in it.
unsafe impl<T: ?Sized> Collect for PhantomData<T> {
    const NEEDS_TRACE: bool = false;
    fn trace(&self, _: &mut Tracer<'_>) {}
}

macro_rules! tuples {
    ($($name:ident)+) => {
        // SAFETY: all fields are reported.
        unsafe impl<$($name: Collect),+> Collect for ($($name,)+) {
            const NEEDS_TRACE: bool = false $(|| $name::NEEDS_TRACE)+;
            #[expect(non_snake_case, reason = "a field has the name of its type")]
            #[inline]
            fn trace(&self, tracer: &mut Tracer<'_>) {
                let ($($name,)+) = self;
                $($name.trace(tracer);)+
            }
        }
    };
}
tuples!(A);
tuples!(A B);
tuples!(A B C);
tuples!(A B C D);
tuples!(A B C D E);
tuples!(A B C D E F);
tuples!(A B C D E F G);
tuples!(A B C D E F G H);

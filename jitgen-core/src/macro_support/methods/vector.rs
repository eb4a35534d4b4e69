//! Methods of `Vec` and slices that change something, or give references to elements.
//!
//! ```text
//! stack.push(x)    guard len != capacity;  store the element;  store len + 1       else: grow
//! stack.pop()      guard len != 0;  store len - 1;  load the element
//! ```
//!
//! Not here: `len`, `is_empty` (`sequence`); iterators.

use super::super::allocate::Contents;
use super::super::ask;
use super::counted::CloneTwin;
use super::grow::grow_here;
use crate::ir::{Const, Op, Ty};
use crate::macro_support::call::{residual, some};
use crate::macro_support::elements::{Indexable, element, index, inside, vec_layout, vec_word};
use crate::macro_support::passing::{AbiOf, RetOf, deliver, from_abi, nothing, word};
use crate::macro_support::place::{Place, local, shared, unique};
use crate::macro_support::traced::{Traced, Tv, UNIT, lift};
use crate::tracer::{Function, Opnd, Word, panics};

fn constant(value: u64) -> Word {
    Word { now: Const::i64(value as i64), opnd: Opnd::Const }
}

/// `a + by`, of lengths.
fn plus(a: Word, by: i64) -> Word {
    let now = Const::i64(a.now.signed().wrapping_add(by));
    let by = Word { now: Const::i64(by), opnd: Opnd::Const };
    Word { now, opnd: ask::op(Op::Add, Ty::I64, a, Some(by)) }
}

/// Are they equal? A guard says so.
fn equal(a: Word, b: Word) -> bool {
    let yes = a.now == b.now;
    let opnd = ask::op(Op::Eq, Ty::I64, a, Some(b));
    ask::branch(Word { now: Const::bool(yes), opnd });
    yes
}

fn set_len<T>(place: Place<Vec<T>>, len: Word) {
    let at = vec_layout().len;
    // SAFETY: a live `Vec` is there; the elements below `len` are initialized.
    unsafe { place.set_word(at, len, vec_word::<T>(at)) };
}

extern "C" fn grow_thunk<T>(vec: *mut Vec<T>) {
    panics::guarded(&mut || {
        // SAFETY: the trace passes the address of a live `Vec`.
        unsafe { &mut *vec }.reserve(1);
    });
}

fn grown<T>(mut vec: Vec<T>) -> Vec<T> {
    vec.reserve(1);
    vec
}

extern "C" fn grow_value_thunk<T>(vec: AbiOf<Vec<T>>, out: *mut u8) -> RetOf<Vec<T>> {
    panics::guarded_with(nothing::<Vec<T>>(), || {
        // SAFETY: a trace passes a `Vec` that it does not use again, and scratch memory.
        unsafe { deliver::<Vec<T>>(grown(from_abi::<Vec<T>>(vec)), out) }
    })
}

/// Makes room for one more.
fn grow<T>(place: Place<Vec<T>>) {
    let function = Function {
        symbol: std::any::type_name::<fn(Vec<T>) -> Place<T>>(),
        address: grow_thunk::<T> as *const () as usize,
    };
    if place.is_in_twin() {
        // It has no address in the trace: it goes to the call, and comes back.
        let vec = place.get();
        let function = Function {
            symbol: std::any::type_name::<fn(Vec<T>) -> Vec<T>>(),
            address: grow_value_thunk::<T> as *const () as usize,
        };
        let args = [word(&vec)];
        place.put(residual(function, &args, move || grown(vec.native())));
        return;
    }
    let args = [shared(place).word()];
    let vec = place.addr();
    // SAFETY: a live `Vec` is there whenever the call is made.
    residual(function, &args, move || unsafe { &mut *vec }.reserve(1));
}

/// What `Vec`s have.
pub trait Vector {
    /// The type of the elements.
    type Item: Traced;
    /// The twin of `push`.
    fn push__twin(&self, this: Place<Self>, value: Tv<Self::Item>) -> Tv<()>;
    /// The twin of `pop`.
    fn pop__twin(&self, this: Place<Self>) -> Tv<Option<Self::Item>>;
    /// The twin of `truncate`.
    fn truncate__twin(&self, this: Place<Self>, len: Tv<usize>) -> Tv<()>;
    /// The twin of `resize`.
    fn resize__twin(&self, this: Place<Self>, len: Tv<usize>, value: Tv<Self::Item>) -> Tv<()>
    where
        Self::Item: CloneTwin;
    /// The twin of `clear`.
    fn clear__twin(&self, this: Place<Self>) -> Tv<()>;
}

impl<T: Traced> Vector for Vec<T> {
    type Item = T;
    fn push__twin(&self, this: Place<Self>, value: Tv<T>) -> Tv<()> {
        Contents::<T>::note();
        let at = vec_layout().capacity;
        let (_, len) = Vec::elements(this);
        // SAFETY: a live `Vec` is there, with its capacity at the measured offset.
        let capacity = unsafe { this.word(at, Ty::I64, vec_word::<T>(at)) };
        if equal(len, capacity) && !grow_here(this) {
            grow(this);
        }
        let (first, len) = Vec::elements(this);
        element(first, len).write(value);
        set_len(this, plus(len, 1));
        UNIT
    }
    fn pop__twin(&self, this: Place<Self>) -> Tv<Option<T>> {
        let (first, len) = Vec::elements(this);
        if equal(len, constant(0)) {
            return lift(None);
        }
        let last = plus(len, -1);
        set_len(this, last);
        some(element(first, last).get())
    }
    fn truncate__twin(&self, this: Place<Self>, len: Tv<usize>) -> Tv<()> {
        loop {
            let (_, now) = Vec::elements(this);
            if !std::mem::needs_drop::<T>() {
                if inside(len.word(), now) {
                    set_len(this, len.word());
                }
                return UNIT;
            }
            if !inside(len.word(), now) {
                return UNIT;
            }
            // From the end, unlike `truncate`: each is dropped where the trace can see it.
            drop(self.pop__twin(this));
        }
    }
    fn resize__twin(&self, this: Place<Self>, len: Tv<usize>, mut value: Tv<T>) -> Tv<()>
    where
        T: CloneTwin,
    {
        loop {
            let (_, now) = Vec::elements(this);
            if !inside(now, len.word()) {
                return self.truncate__twin(this, len);
            }
            let one = T::clone__twin(local(&mut value));
            self.push__twin(this, one);
        }
    }
    fn clear__twin(&self, this: Place<Self>) -> Tv<()> {
        self.truncate__twin(this, lift(0))
    }
}

/// What gives references to elements.
pub trait Elements: Indexable {
    /// The twin of `get`.
    fn get__twin<'a>(&self, this: Place<Self>, at: Tv<usize>) -> Tv<Option<&'a Self::Item>>
    where
        Self::Item: 'a;
    /// The twin of `get_mut`.
    fn get_mut__twin<'a>(&self, this: Place<Self>, at: Tv<usize>) -> Tv<Option<&'a mut Self::Item>>
    where
        Self::Item: 'a;
    /// The twin of `first`.
    fn first__twin<'a>(&self, this: Place<Self>) -> Tv<Option<&'a Self::Item>>
    where
        Self::Item: 'a;
    /// The twin of `last`.
    fn last__twin<'a>(&self, this: Place<Self>) -> Tv<Option<&'a Self::Item>>
    where
        Self::Item: 'a;
    /// The twin of `last_mut`.
    fn last_mut__twin<'a>(&self, this: Place<Self>) -> Tv<Option<&'a mut Self::Item>>
    where
        Self::Item: 'a;
    /// The twin of `swap`.
    ///
    /// # Panics
    /// As the method does.
    fn swap__twin(&self, this: Place<Self>, a: Tv<usize>, b: Tv<usize>) -> Tv<()>;
}

/// The element with that number, if there is one.
fn find<T: Indexable + ?Sized>(this: Place<T>, at: Word) -> Option<Place<T::Item>> {
    let (first, len) = T::elements(this);
    inside(at, len).then(|| element(first, at))
}

/// The last element.
fn last<T: Indexable + ?Sized>(this: Place<T>) -> Option<Place<T::Item>> {
    let (first, len) = T::elements(this);
    (!equal(len, constant(0))).then(|| element(first, plus(len, -1)))
}

impl<T: Indexable + ?Sized> Elements for T
where
    T::Item: Traced,
{
    fn get__twin<'a>(&self, this: Place<Self>, at: Tv<usize>) -> Tv<Option<&'a T::Item>>
    where
        T::Item: 'a,
    {
        find(this, at.word()).map_or_else(|| lift(None), |place| some(shared(place)))
    }
    fn get_mut__twin<'a>(&self, this: Place<Self>, at: Tv<usize>) -> Tv<Option<&'a mut T::Item>>
    where
        T::Item: 'a,
    {
        find(this, at.word()).map_or_else(|| lift(None), |place| some(unique(place)))
    }
    fn first__twin<'a>(&self, this: Place<Self>) -> Tv<Option<&'a T::Item>>
    where
        T::Item: 'a,
    {
        find(this, constant(0)).map_or_else(|| lift(None), |place| some(shared(place)))
    }
    fn last__twin<'a>(&self, this: Place<Self>) -> Tv<Option<&'a T::Item>>
    where
        T::Item: 'a,
    {
        last(this).map_or_else(|| lift(None), |place| some(shared(place)))
    }
    fn last_mut__twin<'a>(&self, this: Place<Self>) -> Tv<Option<&'a mut T::Item>>
    where
        T::Item: 'a,
    {
        last(this).map_or_else(|| lift(None), |place| some(unique(place)))
    }
    fn swap__twin(&self, this: Place<Self>, a: Tv<usize>, b: Tv<usize>) -> Tv<()> {
        let (a, b) = (index(this, a), index(this, b));
        let (x, y) = (a.get(), b.get());
        a.write(y);
        b.write(x);
        UNIT
    }
}

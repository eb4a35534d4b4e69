//! Dropping a value with a destructor in a twin.
//!
//! ```text
//! Value::Obj(rc) goes out of scope
//!     guard tag == Obj;  v1 = load count;  guard v1 != 1;  store count, v1 - 1
//! ```
//!
//! A type that is derived is dropped field by field, so that a variant without anything to drop
//! costs a guard of its tag and no call. What boxes, `Rc`s and vectors hold is dropped before their
//! memory is freed, where a twin knows how (`allocate`); all other destructors are residual calls,
//! which take the bytes of the value: nothing need be known of them.
//!
//! Invariant `once`: compiled code that has dropped a value has logged that; replay forgets it.
//!
//! Not here: when values are dropped (rustc does that, see `carrier`).

use super::allocate::{self, Contents, DropAt, MAX_DROPPED, Way};
use super::ask;
use super::carrier::Moved;
use super::elements::{elements_of_vec, find, vec_layout};
use super::kind::{DropFields, HasKind, Kind, erased};
use super::passing::{self, ByMemory};
use super::place::{Place, dropping};
use super::reach::{follow, led_to, rc_distance};
use super::shape::{Owner, TypeName};
use super::traced::Traced;
use crate::ir::{Const, Op, Ty};
use crate::tracer::{AbortReason, Function, Opnd, Outside, Word, panics};
use std::alloc::Layout;
use std::rc::Rc;

/// What dropping a type means, for the cores.
pub(super) struct Destructor {
    /// `drop_in_place`.
    whole: unsafe fn(*mut u8),
    /// See `Traced::DROP_FIELDS`.
    pub fields: Option<DropFields>,
    /// Does a derived type implement `Drop` itself?
    pub itself: bool,
    symbol: TypeName,
    thunk: extern "C" fn(*mut u8),
}

impl Destructor {
    pub const fn of<X: Traced>() -> Destructor {
        Destructor {
            whole: drop_at::<X>,
            fields: X::DROP_FIELDS,
            itself: X::DROPS,
            symbol: std::any::type_name::<fn(ByMemory, X)>,
            thunk: drop_thunk::<X>,
        }
    }
}

/// # Safety
/// A value must be there that is not used again.
unsafe fn drop_at<X>(this: *mut u8) {
    // SAFETY: the caller's promise.
    unsafe { std::ptr::drop_in_place(this as *mut X) }
}

/// Drops a field, unless its bytes have been moved away; `base` is the address of the whole.
///
/// # Safety
/// The place must be that of a value of the twin that is not used again, unless it has been moved.
pub unsafe fn drop_field<F: Traced>(place: Place<F>, base: u64, moved: &[(u32, u32)]) {
    // SAFETY: the caller's promise.
    unsafe { F::KIND.drop_field(erased!(place), base, moved) };
}

impl Kind {
    /// Drops a value, but for bytes that have been moved away.
    ///
    /// # Safety
    /// A value of this kind must be there that is not used again.
    pub unsafe fn drop_value(&'static self, this: *mut u8, opnd: Opnd, moved: &[(u32, u32)]) {
        let Some(destructor) = &self.destructor else { return };
        if moved.contains(&(0, self.size)) {
            return;
        }
        let running = ask::is_running();
        if moved.is_empty() && (!running || std::thread::panicking()) {
            // SAFETY: the caller's promise; no twin is running that could record it.
            return unsafe { (destructor.whole)(this) };
        }
        let (mut slot, mut list): (Opnd, Moved) = (opnd, vec![]);
        let place = dropping(self, this, &mut slot, &mut list);
        // SAFETY: the caller's promise.
        if unsafe { self.drop_fields(place, moved) } {
            return;
        }
        if !moved.is_empty() {
            // What is left of a value that has partly been moved away, and of which no more is
            // known.
            ask::abort(AbortReason::OwnedDrop);
            return;
        }
        // SAFETY: the caller's promise.
        unsafe { self.drop_whole(place) };
    }

    /// # Safety
    /// As for [`drop_field`].
    pub unsafe fn drop_field(&'static self, place: Place<u8>, base: u64, moved: &[(u32, u32)]) {
        if !self.drops {
            return;
        }
        let offset = (place.addr() as u64 - base) as u32;
        let Some(inner) = moved_within(moved, offset, offset + self.size) else { return };
        // SAFETY: the caller's promise.
        unsafe { self.drop_value(place.addr(), self.opnd_in_twin(place), &inner) };
    }

    /// Drops a whole value by a residual call.
    ///
    /// # Safety
    /// The place must be that of a value of the twin that is not used again.
    unsafe fn drop_whole(&self, place: Place<u8>) {
        let Some(destructor) = &self.destructor else { return };
        if ask::begin_call().is_some() {
            if ask::is_last_call() {
                panics::resume();
            }
            return;
        }
        // SAFETY: the caller's promise.
        let argument = unsafe {
            // The type's own destructor takes the value's bytes, whether these are known or not.
            passing::spilled(self, place.addr(), self.opnd_in_twin(place))
        };
        {
            let _outside = Outside::begin();
            // SAFETY: the caller's promise.
            unsafe { (destructor.whole)(place.addr()) };
        }
        let function =
            Function { symbol: (destructor.symbol)(), address: destructor.thunk as usize };
        ask::end_call(&function.into(), &[argument], None);
    }
}

/// What has been moved away of a part, unless that is all of it.
fn moved_within(moved: &[(u32, u32)], offset: u32, end: u32) -> Option<Moved> {
    if moved.iter().any(|(at, len)| *at <= offset && end <= at + len) {
        return None;
    }
    let inside = moved.iter().filter(|(at, len)| offset <= *at && at + len <= end);
    Some(inside.map(|(at, len)| (at - offset, *len)).collect())
}

extern "C" fn drop_thunk<X>(spilled: *mut u8) {
    panics::guarded(&mut || {
        // SAFETY: a trace has spilled a value there that it does not use again; scratch memory is
        // aligned for words only, hence the copy.
        drop(unsafe { spilled.cast::<X>().read_unaligned() });
    });
}

/// Distance of the strong count from what the pointer in an `Rc` holds: measured, since the
/// standard library does not say.
pub(super) fn strong_distance() -> u64 {
    static DISTANCE: std::sync::OnceLock<u64> = std::sync::OnceLock::new();
    *DISTANCE.get_or_init(|| {
        let rc = Rc::new(0xFFFF_u64);
        let others: Vec<Rc<u64>> = (0..4).map(|_| Rc::clone(&rc)).collect();
        let weak: Vec<_> = (0..8).map(|_| Rc::downgrade(&rc)).collect();
        let value = Rc::as_ptr(&rc) as u64;
        // SAFETY: an `Rc` of a sized type is one pointer; it is only looked at.
        let pointer = unsafe { (&raw const rc).cast::<u64>().read() };
        let words = (value - pointer) / 8;
        let found = (0..words).find(|index| {
            // SAFETY: the counts before the value are initialized words.
            let word = unsafe { ((pointer + index * 8) as *const u64).read() };
            word == others.len() as u64 + 1
        });
        drop(weak);
        found.expect("an `Rc` counts its owners before its value") * 8
    })
}

fn count_class() -> Owner {
    Owner::Field(std::any::type_name::<Rc<()>>, 0)
}

/// The place of the strong count of the `Rc` that consists of this pointer.
fn strong(pointer: Word) -> Place<usize> {
    follow::<usize>(pointer, strong_distance(), false).thawed().owned_by(count_class())
}

/// Another owner.
pub(super) fn count_up(pointer: Word) {
    let place = strong(pointer);
    // SAFETY: a live `Rc` counts there.
    let count = unsafe { place.word(0, Ty::I64, Owner::Place) };
    let now = Const::i64(count.now.bits.wrapping_add(1) as i64);
    let one = Word { now: Const::i64(1), opnd: Opnd::Const };
    let opnd = ask::op(Op::Add, Ty::I64, count, Some(one));
    // SAFETY: as above.
    unsafe { place.set_word(0, Word { now, opnd }, Owner::Place) };
}

/// An owner less; `false` if it is the last one: then nothing has been done.
pub(super) fn count_down(pointer: Word) -> bool {
    let place = strong(pointer);
    // SAFETY: a live `Rc` counts there.
    let count = unsafe { place.word(0, Ty::I64, Owner::Place) };
    let one = Word { now: Const::i64(1), opnd: Opnd::Const };
    let last = count.now.bits == 1;
    let opnd = ask::op(Op::Eq, Ty::I64, count, Some(one));
    ask::branch(Word { now: Const::bool(last), opnd });
    if last {
        return false;
    }
    let now = Const::i64(count.now.bits.wrapping_sub(1) as i64);
    let opnd = ask::op(Op::Sub, Ty::I64, count, Some(one));
    // SAFETY: as above.
    unsafe { place.set_word(0, Word { now, opnd }, Owner::Place) };
    true
}

/// The place of the count of the weak pointers to the `Rc` that consists of this pointer; all
/// owners together count as one.
fn weak(pointer: Word) -> Place<usize> {
    let (_, distance) = counts_of();
    let class = Owner::Field(std::any::type_name::<Rc<()>>, 8);
    follow::<usize>(pointer, distance, false).thawed().owned_by(class)
}

fn constant(count: i64) -> Word {
    Word { now: Const::i64(count), opnd: Opnd::Const }
}

/// Distances of the counts of owners and of weak pointers in what an `Rc` points to.
pub fn counts_of() -> (u64, u64) {
    (strong_distance(), 8 - strong_distance().min(8))
}

/// The layout of what an `Rc` points to: two counts, then the value. `None` if the counts are
/// somewhere else: then traces do not make one.
pub fn counted_layout<T>() -> Option<Layout> {
    layout_with_counts(Layout::new::<T>(), rc_distance::<T>())
}

fn layout_with_counts(value: Layout, distance: u64) -> Option<Layout> {
    if strong_distance() > 8 || !(16..=1 << 16).contains(&distance) {
        return None;
    }
    let align = value.align().max(align_of::<usize>());
    let size = (distance as usize + value.size()).next_multiple_of(align);
    Layout::from_size_align(size, align).ok()
}

/// The counts of a new `Rc`.
pub(super) fn begin_counts(pointer: Word) {
    // SAFETY: memory has been allocated for an `Rc`, which counts there.
    unsafe {
        strong(pointer).set_word(0, constant(1), Owner::Place);
        weak(pointer).set_word(0, constant(1), Owner::Place);
    }
}

/// Does recording go on by loads and stores, when `known` says whether it could?
fn in_words(known: bool) -> bool {
    match allocate::way_taken() {
        Way::Call => false,
        Way::Words => true,
        Way::Open => known && ask::is_recording(),
    }
}

/// What a container holds, for the cores.
struct Held {
    /// How it is dropped in a trace, if that is known.
    drop_at: fn() -> Option<DropAt>,
    layout: Layout,
    drops: bool,
}

impl Held {
    const fn of<T>() -> Held {
        let (drop_at, layout) = (Contents::<T>::DROP_AT, Layout::new::<T>());
        Held { drop_at, layout, drops: std::mem::needs_drop::<T>() }
    }
}

/// Drops an `Rc` of a sized type: a count, or its value.
///
/// # Safety
/// The place must be that of an `Rc` that is not used again.
pub(super) unsafe fn drop_rc<T>(place: Place<u8>, _: &[(u32, u32)]) -> bool {
    let kind = <Rc<T>>::KIND;
    // SAFETY: the caller's promise.
    unsafe { drop_rc_of(kind, place, const { &Held::of::<T>() }, rc_distance::<T>()) };
    true
}

/// # Safety
/// As for [`drop_rc`].
unsafe fn drop_rc_of(kind: &'static Kind, place: Place<u8>, held: &Held, distance: u64) {
    let pointer = super::reach::pointer_in(place);
    if count_down(pointer) {
        return;
    }
    let (drop_at, layout) = ((held.drop_at)(), layout_with_counts(held.layout, distance));
    if !in_words(drop_at.is_some() && layout.is_some()) {
        // SAFETY: the caller's promise.
        unsafe { kind.drop_whole(place) };
        return;
    }
    // SAFETY: a live `Rc` counts there.
    unsafe { strong(pointer).set_word(0, constant(0), Owner::Place) };
    let contents = led_to(pointer, distance, false).thawed();
    drop_at.expect("recording knew it")(contents);
    // SAFETY: as above.
    let count = unsafe { weak(pointer).word(0, Ty::I64, Owner::Place) };
    let last = count.now.bits == 1;
    let opnd = ask::op(Op::Eq, Ty::I64, count, Some(constant(1)));
    ask::branch(Word { now: Const::bool(last), opnd });
    if last {
        // SAFETY: nobody counts any more.
        unsafe { allocate::free_layout(pointer, layout.expect("recording knew it")) };
        return;
    }
    let now = Const::i64(count.now.bits.wrapping_sub(1) as i64);
    let opnd = ask::op(Op::Sub, Ty::I64, count, Some(constant(1)));
    // SAFETY: as above.
    unsafe { weak(pointer).set_word(0, Word { now, opnd }, Owner::Place) };
}

/// Drops a `Box` of a sized type, if its value can be dropped in a trace.
///
/// # Safety
/// The place must be that of a `Box` that is not used again.
pub(super) unsafe fn drop_box<T>(place: Place<u8>, _: &[(u32, u32)]) -> bool {
    // SAFETY: the caller's promise.
    unsafe { drop_box_of(place, const { &Held::of::<T>() }) }
}

/// # Safety
/// As for [`drop_box`].
unsafe fn drop_box_of(place: Place<u8>, held: &Held) -> bool {
    let drop_at = (held.drop_at)();
    if held.layout.size() == 0 || !in_words(drop_at.is_some()) {
        // By a call, also in the log: there it is either that of the whole, or that of the memory.
        return false;
    }
    let pointer = super::reach::pointer_in(place);
    drop_at.expect("recording knew it")(led_to(pointer, 0, false));
    // SAFETY: the caller's promise; the value has been dropped.
    unsafe { allocate::free_layout(pointer, held.layout) };
    true
}

/// Drops a `Vec`, if its elements can be dropped in a trace, and their number is constant.
///
/// # Safety
/// The place must be that of a `Vec` that is not used again.
pub(super) unsafe fn drop_vec<T>(place: Place<u8>, _: &[(u32, u32)]) -> bool {
    let names = [std::any::type_name::<Vec<T>>, std::any::type_name::<[T]>];
    // SAFETY: the caller's promise.
    unsafe { drop_vec_of(place, names, const { &Held::of::<T>() }) }
}

/// # Safety
/// As for [`drop_vec`].
unsafe fn drop_vec_of(place: Place<u8>, names: [TypeName; 2], held: &Held) -> bool {
    if held.layout.size() == 0 {
        return false;
    }
    // SAFETY: the caller's promise.
    let (first, len) = unsafe { elements_of_vec(place, names) };
    let at = vec_layout().capacity;
    // SAFETY: a live `Vec` is there, with its capacity at the measured offset.
    let capacity = unsafe { place.word(at, Ty::I64, Owner::Field(names[0], at)) };
    let none = capacity.now.bits == 0;
    let opnd = ask::op(Op::Eq, Ty::I64, capacity, Some(constant(0)));
    ask::branch(Word { now: Const::bool(none), opnd });
    if none {
        return true;
    }
    let drop_at = (held.drop_at)();
    let constants = len.opnd.is_const() && capacity.opnd.is_const();
    if !in_words(drop_at.is_some() && constants && len.now.bits <= MAX_DROPPED) {
        return false;
    }
    let size = held.layout.size() as i64;
    if held.drops {
        for index in 0..len.now.bits {
            let element = find(first, constant(index as i64), size);
            drop_at.expect("recording knew it")(element);
        }
    }
    let size = constant(capacity.now.signed().wrapping_mul(size));
    let pointer = Word { now: Const::new(Ty::Ptr, first.addr() as u64), opnd: first.pointer() };
    // SAFETY: the caller's promise; the elements have been dropped.
    unsafe { allocate::free(pointer, size, held.layout.align()) };
    true
}

/// Drops an `Rc`: a count, or the residual end of its value.
///
/// # Safety
/// The place must be that of an `Rc` that is not used again.
pub(super) unsafe fn drop_counted<X: Traced>(place: Place<u8>, _: &[(u32, u32)]) -> bool {
    let pointer = super::reach::pointer_in(place);
    if !count_down(pointer) {
        // SAFETY: the caller's promise.
        unsafe { X::KIND.drop_whole(place) };
    }
    true
}

//! Types as values: what the cores of generic shells know of a type.
//!
//! ```text
//! place.get::<X>()  =  X::KIND.get(place as Place<u8>, room for a carrier of an X)
//! ```
//!
//! What a shell does is compiled in every interpreter, once for each type; what a core does is
//! compiled here, once. So all that is more than a line is in a core, which makes whole carriers:
//! it knows where they have the value, the operand and the list of what has been moved. In a build
//! without optimization every function that a shell calls is one more for each type; so shells call
//! a core and little else (`carried`, `erased`, `holding` and the like are macros for that reason),
//! and a kind has no function where a type does nothing of its own. It is the number of functions
//! that counts: one of two lines costs rustc a million instructions, a line more ten thousand.
//! What depends on a part of a type alone has that part for parameter (`pattern::Shown`: the
//! field, not what it is in), so that fewer are made.
//!
//! Invariants: `true-kind` (a core is given the kind of the type that lives at the address),
//! `at-compile-time` (what is in a kind is chosen by constants, so that rustc compiles no function
//! that is not chosen).
//!
//! Not here: what a value is in the trace (`tracer::values`).

use super::ask;
use super::carrier::{Carrier, Moved};
use super::derived::Case;
use super::memory;
use super::own::Destructor;
use super::passing::Passing;
use super::place::{At, Inside, Place, class_at, class_of, refuse_store, without_depth};
use super::probe::Field;
use super::shape::{Owner, Shape, TagAt, TypeName};
use super::traced::{Carried, Traced, Tv, owner_at, settled};
use crate::ir::{Const, Ty};
use crate::tracer::{AbortReason, Address, Local, Opnd, Part, Word};
use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};

/// What is known of a type.
pub(super) struct Kind {
    pub name: TypeName,
    pub size: u32,
    pub align: u32,
    /// Has it a destructor?
    pub drops: bool,
    pub shape: &'static Shape,
    pub tag: TagAt,
    pub variants: u64,
    /// Is it passed in a register?
    pub in_register: bool,
    /// The types of the fields of a derived type, each once.
    pub of: &'static [Field],
    pub cases: &'static [Case],
    /// Are there fields that never change?
    pub immutable: bool,
    /// Where the fields of a derived struct are, each with its type (its number in `of`).
    pub members: &'static [(usize, usize)],
    /// How its fields are visited, if it has any and is no derived struct.
    pub fields: Option<Fields<u8>>,
    pub destructor: Option<Destructor>,
    /// See `Traced::LEAVES`.
    pub words: Option<Leaves>,
    /// Where a carrier has its operand.
    opnd: u32,
    /// Where a carrier has the list of what has been moved away, if it has one.
    moved: Option<u32>,
}

/// Calls a function with the address and the type (its number in `Kind::of`) of every field of the
/// variant that a value is, and gives that variant's number.
pub type Fields<X> = unsafe fn(*const X, &mut dyn FnMut(*const u8, usize)) -> u64;

/// Calls a function with the distance and the type of every word that is initialized.
pub type Leaves = unsafe fn(*const u8, u64, &mut dyn FnMut(u32, Ty));

/// Drops the fields of a value, but for bytes that have been moved away; `false` if it can only be
/// dropped as a whole.
pub type DropFields = unsafe fn(Place<u8>, &[(u32, u32)]) -> bool;

/// The name of a type that nobody asks for.
fn no_name() -> &'static str {
    ""
}

/// The kind of each type.
pub(super) trait HasKind: Traced {
    const KIND: &'static Kind = &Kind {
        // Asked for only of these.
        name: if Self::VARIANTS == 0 { no_name } else { std::any::type_name::<Self> },
        size: size_of::<Self>() as u32,
        align: align_of::<Self>() as u32,
        drops: std::mem::needs_drop::<Self>(),
        shape: &Self::SHAPE,
        tag: Self::TAG,
        variants: Self::VARIANTS,
        in_register: <Self::Pass as Passing<Self>>::IN_REGISTER,
        of: Self::FIELDS,
        cases: Self::CASES,
        immutable: !Self::IMMUTABLE.is_empty(),
        members: Self::SAID.members,
        fields: if Self::FIELDS.is_empty() && Self::CASES.is_empty()
            || !Self::SAID.members.is_empty()
        {
            None
        } else {
            // SAFETY: functions of a thin pointer, whatever it points to, are called in the same
            // way.
            Some(unsafe {
                std::mem::transmute::<Fields<Self>, Fields<u8>>(Self::fields as Fields<Self>)
            })
        },
        destructor: if std::mem::needs_drop::<Self>() {
            Some(Destructor::of::<Self>())
        } else {
            None
        },
        words: Self::LEAVES,
        opnd: {
            assert!(size_of::<Self>() == size_of::<Self::V>());
            assert!(align_of::<Self>() == align_of::<Self::V>());
            <Carried<Self> as Carrier<Self::V>>::OPND as u32
        },
        moved: match <Carried<Self> as Carrier<Self::V>>::MOVED {
            Some(at) => Some(at as u32),
            None => None,
        },
    };
}

impl<X: Traced> HasKind for X {}

/// Room for what a core makes: a `MaybeUninit` that a literal makes instead of a function, of which
/// there would be one for each type.
pub(super) union Room<T> {
    pub nothing: (),
    pub made: std::mem::ManuallyDrop<T>,
}

/// A carrier of an `X` that a core has put together at `$to`.
macro_rules! carried {
    ($to:ident => $core:expr) => {{
        let mut room = $crate::macro_support::kind::Room { nothing: () };
        let $to = &raw mut room as *mut u8;
        $core;
        std::mem::ManuallyDrop::into_inner(room.made)
    }};
}
pub(super) use carried;

/// A place whose type is not known.
macro_rules! erased {
    ($place:expr) => {
        Place { address: $place.address as *mut u8, at: $place.at }
    };
}
pub(super) use erased;

/// A place where a `$ty` lives.
macro_rules! holding {
    ($ty:ty, $place:expr) => {{
        let place: Place<u8> = $place;
        Place { address: place.address as *mut $ty, at: place.at }
    }};
}
pub(super) use holding;

/// The initialized words of a value that is somewhere.
///
/// Invariant `zero-else`: whoever takes words of a value takes them from here, so bytes that mean
/// nothing in the variant that it is are zero in all words.
pub struct Initialized {
    base: u64,
    words: Vec<(u32, Ty)>,
}

impl Initialized {
    /// Has nothing in it a meaning?
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// The word at that offset: of the type that the value has there, if that is one word.
    ///
    /// # Safety
    /// The value must still be there, and no other.
    pub unsafe fn word(&self, offset: u32, ty: Ty) -> Const {
        let mut bits = 0;
        for (at, leaf) in &self.words {
            let (from, to) = (offset.max(*at), (offset + ty.size()).min(at + leaf.size()));
            if from >= to {
                continue;
            }
            // SAFETY: it is an initialized word of the value.
            let now = unsafe { memory::read(self.base + u64::from(*at), *leaf) };
            if (*at, leaf.size()) == (offset, ty.size()) {
                return now;
            }
            let bytes = now.bits >> (8 * (from - at)) & u64::MAX >> (64 - 8 * (to - from));
            bits |= bytes << (8 * (from - offset));
        }
        Const::new(ty, bits)
    }
}

impl Kind {
    /// The operand of a carrier.
    ///
    /// # Safety
    /// A carrier of this kind must be there.
    pub unsafe fn opnd(&self, carrier: *const u8) -> Opnd {
        // SAFETY: the caller's promise.
        unsafe { *carrier.add(self.opnd as usize).cast::<Opnd>() }
    }

    /// The value of a carrier is something else in the trace from here on.
    ///
    /// # Safety
    /// A carrier of this kind must be there.
    pub unsafe fn set_opnd(&self, carrier: *mut u8, opnd: Opnd) {
        // SAFETY: the caller's promise.
        unsafe { *carrier.add(self.opnd as usize).cast::<Opnd>() = opnd };
    }

    /// Makes a carrier of a value that has been put where one is to be.
    ///
    /// # Safety
    /// There must be room for a carrier of this kind, and a value there.
    pub unsafe fn finish(&self, carrier: *mut u8, opnd: Opnd) {
        // SAFETY: the caller's promise.
        unsafe {
            carrier.add(self.opnd as usize).cast::<Opnd>().write(opnd);
            if let Some(moved) = self.moved {
                carrier.add(moved as usize).cast::<Moved>().write(vec![]);
            }
        }
    }

    /// The value of a carrier is the caller's: the carrier is not used again.
    ///
    /// # Safety
    /// A carrier of this kind must be there.
    pub unsafe fn give_away(&self, carrier: *mut u8) {
        if let Some(moved) = self.moved {
            // SAFETY: the caller's promise.
            unsafe { carrier.add(moved as usize).cast::<Moved>().drop_in_place() };
        }
    }

    /// Makes a carrier of a value that is somewhere else, which is not used there again.
    ///
    /// # Safety
    /// A value of this kind must be there, and room for a carrier at `to`.
    pub unsafe fn carry(&self, from: *const u8, opnd: Opnd, to: *mut u8) {
        // SAFETY: the caller's promise.
        unsafe {
            self.copy(from, to);
            self.finish(to, opnd);
        }
    }

    /// Makes a carrier of a value that consists of one word.
    ///
    /// # Safety
    /// The word must be one of this kind, and there must be room for a carrier.
    pub unsafe fn carry_word(&self, word: Word, to: *mut u8) {
        debug_assert_eq!(word.now.ty.size(), self.size, "a machine word");
        // SAFETY: the caller's promise.
        unsafe {
            memory::write(to as u64, word.now);
            self.finish(to, word.opnd);
        }
    }

    /// Makes a carrier of a value that came in words from outside.
    ///
    /// # Safety
    /// There must be room for a carrier of this kind, and the words be those of a value.
    pub unsafe fn carry_received(&self, words: &[(u32, Word)], to: *mut u8) {
        // SAFETY: the caller's promise.
        unsafe {
            let opnd = self.receive(to, words);
            self.finish(to, opnd);
        }
    }

    /// The word of a carrier whose value is one.
    ///
    /// # Safety
    /// A carrier of this kind must be there.
    pub unsafe fn word(&self, carrier: *const u8) -> Word {
        // SAFETY: the caller's promise: a value of one word lives there.
        let now = unsafe { memory::read(carrier as u64, self.shape.first()) };
        // SAFETY: the caller's promise.
        Word { now, opnd: settled(unsafe { self.opnd(carrier) }) }
    }

    /// Makes a carrier of the value at a place. If it has a destructor, it has been moved.
    ///
    /// # Safety
    /// There must be room for a carrier of this kind, and a value at the place (`in-bounds`).
    pub unsafe fn get(&self, place: Place<u8>, to: *mut u8) {
        // SAFETY: the caller's promise.
        unsafe {
            let opnd = self.take(place, to);
            self.finish(to, opnd);
        }
    }

    /// Moves the value of a carrier to a place that holds nothing.
    ///
    /// # Safety
    /// A carrier of this kind must be there, which is not used again, and room for a value at the
    /// place (`in-bounds`).
    pub unsafe fn write(&self, place: Place<u8>, carrier: *mut u8) {
        // SAFETY: the caller's promise.
        unsafe {
            self.put(place, carrier, self.opnd(carrier));
            self.give_away(carrier);
        }
    }

    /// The place of the value of a carrier that is a local of the twin.
    pub fn at_local(&self, carrier: *mut u8) -> At {
        let slot = carrier as usize + self.opnd as usize;
        let moved = match self.moved {
            Some(moved) => (carrier as usize + moved as usize) as *mut Moved,
            None => std::ptr::null_mut(),
        };
        let local = Local { slot, base: carrier as u64, size: self.size, of: (self.name)() };
        At::Value(Inside { local, moved })
    }

    /// Is it a word that has no variants?
    pub fn is_plain_word(&self) -> bool {
        self.shape.is_word() && matches!(self.tag, TagAt::Nowhere) && self.variants == 0
    }

    /// The initialized words of a value.
    ///
    /// # Safety
    /// A value of this kind must be there.
    pub unsafe fn leaves(&self, this: *const u8) -> Initialized {
        let mut words = vec![];
        // SAFETY: the caller's promise.
        unsafe { self.each_leaf(this, this as u64, &mut |offset, ty| words.push((offset, ty))) };
        Initialized { base: this as u64, words }
    }

    /// The words of a value as it is outside of a twin, of the types that the shape says.
    ///
    /// # Safety
    /// A value of this kind must be there.
    pub unsafe fn exact(&self, this: *const u8) -> Vec<Const> {
        // SAFETY: the caller's promise.
        let leaves = unsafe { self.leaves(this) };
        let words = self.shape.words().iter().map(|at| {
            // SAFETY: the value is still there.
            Const::new(at.ty, unsafe { leaves.word(at.offset, at.ty) }.bits)
        });
        words.collect()
    }

    /// Can there be several of a value, because nothing is in it that could be dropped?
    ///
    /// # Safety
    /// A value of this kind must be there.
    pub unsafe fn is_bare(&self, this: *const u8) -> bool {
        // SAFETY: the caller's promise.
        let bare = || unsafe { self.plain_inside(this) && self.leaves(this).is_empty() };
        !self.drops || self.variants != 0 && self.shape.is_opaque() && bare()
    }

    /// The words of a value, with their offsets; `exact`: of the types that the shape says.
    ///
    /// # Safety
    /// A value of this kind must be there.
    pub unsafe fn words(&self, this: *const u8, whole: Opnd, exact: bool) -> Vec<(u32, Word)> {
        // SAFETY: the caller's promise.
        let leaves = unsafe { self.leaves(this) };
        let words = self.shape.words().iter().map(|word| {
            // SAFETY: the value is still there.
            let natural = unsafe { leaves.word(word.offset, word.ty) };
            let now = if exact { Const::new(word.ty, natural.bits) } else { natural };
            let opnd = settled(ask::part(whole, word.offset, now));
            (word.offset, Word { now, opnd })
        });
        words.collect()
    }

    /// Puts a value together that came in words from outside; gives its operand.
    ///
    /// # Safety
    /// There must be room for a value of this kind, and the words be those of one.
    pub unsafe fn receive(&self, to: *mut u8, words: &[(u32, Word)]) -> Opnd {
        // SAFETY: the caller's promise.
        let opnd = unsafe { compose(to, words) };
        // SAFETY: the value has just been put there.
        unsafe { self.clear(to, words) };
        opnd
    }

    /// A value has been put together from these words, which came from outside: the bytes of them that
    /// mean nothing in its variant are zero for the twin.
    ///
    /// # Safety
    /// The value must be there.
    pub unsafe fn clear(&self, this: *const u8, words: &[(u32, Word)]) {
        let opaque = self.shape.is_opaque();
        let is_one_word = !opaque && self.tag.word().is_none() && self.shape.words().len() <= 1;
        // SAFETY: the caller's promise.
        if is_one_word || !unsafe { self.plain_inside(this) } {
            return;
        }
        // SAFETY: the caller's promise.
        let leaves = unsafe { self.leaves(this) };
        for (offset, word) in words {
            // SAFETY: the value is still there.
            let natural = unsafe { leaves.word(*offset, word.now.ty) };
            if natural.bits != word.now.bits {
                ask::clear(word.opnd, Const::new(word.now.ty, natural.bits));
            }
        }
    }

    /// Copies the value at a place to `to`, and gives its operand. If it has a destructor, it has
    /// been moved.
    ///
    /// # Safety
    /// There must be room for a value of this kind, which must be the place's (`in-bounds`).
    pub unsafe fn take(&self, place: Place<u8>, to: *mut u8) -> Opnd {
        match place.at {
            // SAFETY: the caller's promise.
            At::Value(inside) => unsafe { self.take_inside(place, inside, to) },
            At::Memory { address, .. } if self.shape.is_opaque() => {
                if !address.frozen {
                    ask::abort(AbortReason::OpaqueValue);
                }
                // SAFETY: a live value is here: opaque values are read only through frozen memory
                // (which the greens keep alive, in replay too) or in direct mode.
                unsafe { self.copy(place.addr(), to) };
                if place.is_frozen() { Opnd::Frozen } else { Opnd::Const }
            }
            At::Memory { address, owner, fixed, .. } => {
                // SAFETY: the caller's promise.
                let words = unsafe { self.load(place.addr(), address, owner, fixed) };
                // SAFETY: the caller's promise; the words are those of the value.
                unsafe { self.receive(to, &words) }
            }
        }
    }

    unsafe fn copy(&self, from: *const u8, to: *mut u8) {
        // SAFETY: the caller's promise, of both.
        unsafe { from.copy_to_nonoverlapping(to, self.size as usize) };
    }

    unsafe fn take_inside(&self, place: Place<u8>, inside: Inside, to: *mut u8) -> Opnd {
        let offset = place.distance(inside);
        if self.drops && !inside.moved.is_null() {
            // SAFETY: the list belongs to the carrier of the same value.
            unsafe { (*inside.moved).push((offset, self.size)) };
        }
        // SAFETY: the twin's own value lives there; if it has a destructor, the carrier knows now
        // that it has been moved.
        unsafe { self.copy(place.addr(), to) };
        // SAFETY: see above.
        unsafe { self.opnd_inside(place, inside) }
    }

    /// The operand of a value of the twin.
    ///
    /// # Safety
    /// The place must be in the twin, and a value of this kind there.
    pub unsafe fn opnd_in_twin(&self, place: Place<u8>) -> Opnd {
        let At::Value(inside) = place.at else { unreachable!("a value of the twin") };
        // SAFETY: the caller's promise.
        unsafe { self.opnd_inside(place, inside) }
    }

    unsafe fn opnd_inside(&self, place: Place<u8>, inside: Inside) -> Opnd {
        let (whole, offset) = (inside.whole(), place.distance(inside));
        if self.shape.is_word() {
            // SAFETY: a value of one word lives there.
            let now = unsafe { memory::read(place.addr() as u64, self.shape.first()) };
            ask::part(whole, offset, now)
        } else if offset == 0 && inside.local.size == self.size {
            whole
        } else {
            ask::slice(whole, offset, self.size)
        }
    }

    unsafe fn load(
        &self,
        this: *const u8,
        base: Address,
        owner: Owner,
        fixed: bool,
    ) -> Vec<(u32, Word)> {
        let mut leaves: Option<Initialized> = None;
        let mut words = Vec::with_capacity(self.shape.words().len());
        for word in self.shape.words() {
            let class = class_at(owner_at(word.owner, owner), fixed);
            let address = Address { offset: base.offset + word.offset as i32, class, ..base };
            let loaded = match ask::begin_load(address, word.ty) {
                Some(loaded) => loaded,
                None => {
                    // SAFETY: nothing is replayed, so a live value is here (`in-bounds`).
                    let leaves = leaves.get_or_insert_with(|| unsafe { self.leaves(this) });
                    // SAFETY: the live value is still there.
                    let now = unsafe { leaves.word(word.offset, word.ty) };
                    Word { now, opnd: ask::end_load(address, now) }
                }
            };
            words.push((word.offset, without_depth(loaded, fixed)));
        }
        words
    }

    /// Moves a value from `from` to a place that holds nothing.
    ///
    /// # Safety
    /// A value of this kind must be at `from`, and room for one at the place (`in-bounds`).
    pub unsafe fn put(&self, place: Place<u8>, from: *const u8, opnd: Opnd) {
        if place.is_fixed() {
            refuse_store();
        }
        match place.at {
            At::Value(inside) => {
                // SAFETY: the twin's own value lives there, of this kind.
                unsafe { self.copy(from, place.addr()) };
                if place.distance(inside) == 0 && self.size == inside.local.size {
                    inside.set_whole(opnd);
                } else {
                    place.replace(inside, (place.distance(inside), self.size), opnd);
                }
            }
            At::Memory { .. } if self.shape.is_opaque() => {
                ask::abort(AbortReason::OpaqueValue);
                // SAFETY: `in-bounds`; recording has been given up and an opaque store is never
                // followed by a log, so this is direct mode.
                unsafe { self.copy(from, place.addr()) };
            }
            // If it has been stored, the value is there, and not here.
            At::Memory { address, owner, .. } if ask::begin_store() => {
                let words = match ask::is_recording() {
                    // SAFETY: the caller's promise.
                    true => unsafe { self.words(from, opnd, false) },
                    false => vec![],
                };
                // SAFETY: nothing is replayed, so a live value is here (`in-bounds`), whose bits
                // this call replaces; what they were has been moved away or needs no drop.
                unsafe { self.copy(from, place.addr()) };
                // All words, also those that mean nothing in this variant: so what the trace finds
                // in memory is what the twin has found there.
                let words = self.shape.words().iter().zip(words).map(|(at, (offset, word))| {
                    let class = class_of(owner_at(at.owner, owner));
                    (Address { offset: address.offset + offset as i32, class, ..address }, word)
                });
                let words: Vec<_> = words.collect();
                ask::end_store(&words);
            }
            At::Memory { .. } => (),
        }
    }

    /// Moves the value at a place to another one, in memory that holds nothing.
    ///
    /// # Safety
    /// A value of this kind must be at the place, and room for one at the other.
    pub unsafe fn transfer(&self, from: Place<u8>, to: Place<u8>) {
        let room = Layout::from_size_align(self.size as usize, self.align as usize);
        let room = room.expect("a type has a layout");
        debug_assert!(self.size > 0, "there is something to move");
        // SAFETY: the caller's promise; what is in between is freed, and nothing in it dropped.
        unsafe {
            let between = alloc(room);
            if between.is_null() {
                handle_alloc_error(room);
            }
            let opnd = self.take(from, between);
            self.put(to, between, opnd);
            dealloc(between, room);
        }
    }

    /// A value at a place is about to be changed.
    pub fn changes(&self, at: &At) {
        if self.immutable && matches!(at, At::Memory { .. }) {
            refuse_store();
        }
    }

    /// Nothing of the value at a place has been moved away any more.
    pub fn is_whole(&self, place: Place<u8>) {
        if let At::Value(inside) = place.at
            && !inside.moved.is_null()
        {
            let offset = place.distance(inside);
            let end = offset + self.size;
            // SAFETY: the list belongs to the carrier of the same value.
            unsafe { (*inside.moved).retain(|(at, size)| at + size <= offset || *at >= end) };
        }
    }

    /// Has the value at a place been moved away?
    pub fn is_moved(&self, place: Place<u8>) -> bool {
        let At::Value(inside) = place.at else { return false };
        let offset = place.distance(inside);
        if inside.moved.is_null() {
            return false;
        }
        // SAFETY: the list belongs to the carrier of the same value.
        let moved = unsafe { &*inside.moved };
        moved.iter().any(|(at, len)| *at <= offset && offset + self.size <= at + len)
    }
}

/// The distances and types of the words of a value that are initialized; for the test of the
/// shapes, as are the next two.
pub fn leaves_of<X: Traced>(value: &Tv<X>) -> Vec<(u32, Ty)> {
    // SAFETY: the carrier holds a value.
    unsafe { X::KIND.leaves(value.raw() as *const u8) }.words
}

/// The tag of the variant of that name (its number in `VARIANTS`, if there is no tag).
pub fn tag_named<X: Traced>(name: &str) -> Option<u64> {
    X::KIND.tag_named(name)
}

/// Which variant a value is, as in `VARIANTS`.
pub fn variant_of<X: Traced>(value: &X) -> u64 {
    // SAFETY: it is a value.
    unsafe { X::KIND.variant(&raw const *value as *const u8) }
}

/// Writes words to where a value is put together; gives its operand.
///
/// # Safety
/// There must be room for all of them.
pub(super) unsafe fn compose(to: *mut u8, words: &[(u32, Word)]) -> Opnd {
    for (offset, word) in words {
        // SAFETY: the caller's promise.
        unsafe { memory::write(to as u64 + u64::from(*offset), word.now) };
    }
    let parts = words.iter().map(|(at, word)| Part::word(*at, word.now.ty, word.opnd));
    ask::settle(parts.collect())
}

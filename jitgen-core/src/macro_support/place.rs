//! Places: where values live, as the interpreter's place expressions name them.
//!
//! ```text
//! machine.tape[pos]   =>   index(auto(project(root(&mut machine), &raw mut (*…).tape)), pos)
//! ```
//!
//! A place is in guest memory, or in the twin itself: a local, a part of one. What is done to
//! memory is asked of the session first (replay takes it from the log); what is done to the
//! twin's own values is done in every mode, because replay computes them again. The address is
//! computed by rustc, so no offset is ever declared.
//!
//! Invariant `in-bounds`: a place's address lies inside a live object whenever the session does
//! not replay; that of a place in the twin always does.
//!
//! Not here: what is reached through pointers (`reach`), elements (`elements`).

use super::ask;
use super::carrier::Moved;
use super::kind::{HasKind, Kind, carried, erased};
use super::memory;
use super::shape::{Owner, Shape, TypeName};
use super::traced::{Ptr, Scalar, Traced, Tv, owner_at};
use crate::ir::{Class, Const, Op, Ty};
use crate::tracer::{AbortReason, Address, Local, Opnd, Word, alias_class};
use std::mem::ManuallyDrop;

/// Where a value lives.
pub struct Place<T: ?Sized> {
    /// The concrete address, for rustc to compute addresses of fields and to find methods.
    pub address: *mut T,
    pub(super) at: At,
}

/// In which world.
#[derive(Clone, Copy)]
pub(super) enum At {
    /// In guest memory. `len`: the operand of a slice's length. `owner`: what the place is part of.
    /// `fixed`: it never changes, but what it points to may. `state`: it is part of what is
    /// virtualizable.
    Memory { address: Address, len: Opnd, owner: Owner, fixed: bool, state: bool },
    /// In the twin itself.
    Value(Inside),
}

/// A part of a value of the twin.
#[derive(Clone, Copy)]
pub(super) struct Inside {
    /// The whole value's operand, address and size.
    pub local: Local,
    /// Where it is noted what has been moved away.
    pub moved: *mut Moved,
}

impl<T: ?Sized> Clone for Place<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: ?Sized> Copy for Place<T> {}

/// The place of a local variable of the twin, for shells that call no other one.
macro_rules! of_local {
    ($ty:ty, $x:expr) => {{
        let base = &raw mut *$x as *mut $ty;
        Place { address: base, at: <$ty>::KIND.at_local(base as *mut u8) }
    }};
}
pub(super) use of_local;

/// The place of a local variable of the twin.
#[inline(never)]
pub fn local<X: Traced>(x: &mut Tv<X>) -> Place<X> {
    of_local!(X, x)
}

impl Inside {
    /// The whole value's operand.
    pub fn whole(self) -> Opnd {
        // SAFETY: the twin's own value lives there: a place of it is used only while the original
        // may use the variable, and references follow the borrows of the original.
        unsafe { *(self.local.slot as *const Opnd) }
    }

    pub(super) fn set_whole(self, opnd: Opnd) {
        // SAFETY: as above.
        unsafe { *(self.local.slot as *mut Opnd) = opnd };
    }
}

impl<T: ?Sized> Place<T> {
    /// The concrete address.
    pub fn addr(self) -> *mut T {
        self.address
    }

    /// What is there, for rustc to find the twins of its methods.
    ///
    /// # Safety
    /// Only the type and the address may be used.
    pub unsafe fn here<'a>(&self) -> &'a T {
        // SAFETY: the caller's promise.
        unsafe { &*self.address }
    }

    /// Is it a part of one of the twin's own values?
    pub(super) fn is_in_twin(self) -> bool {
        matches!(self.at, At::Value(_))
    }

    pub(super) fn is_frozen(self) -> bool {
        self.at.is_frozen()
    }

    pub(super) fn is_fixed(self) -> bool {
        self.at.is_fixed()
    }

    pub(super) fn has_constant_address(self) -> bool {
        matches!(self.at, At::Memory { address, .. } if address.base.is_const())
    }

    /// The same place, which never changes, although what it points to may. At a constant address
    /// it is constant.
    pub(super) fn fixed(mut self) -> Place<T> {
        self.at.fix();
        self
    }

    /// The same place, whose content may change although the memory around it does not.
    pub(super) fn thawed(mut self) -> Place<T> {
        self.at.thaw();
        self
    }

    /// The same place, out of which nothing is moved.
    pub(super) fn unmoved(mut self) -> Place<T> {
        if let At::Value(inside) = &mut self.at {
            inside.moved = std::ptr::null_mut();
        }
        self
    }

    /// The same place as part of something that is told apart from others.
    pub(super) fn owned_by(mut self, by: Owner) -> Place<T> {
        self.at.own(by);
        self
    }

    /// A place at another address in the same object.
    pub(super) fn shifted<F>(mut self, field: *mut F) -> Place<F> {
        self.at.shift(self.address as *mut u8 as u64, field as u64);
        Place { address: field, at: self.at }
    }

    /// Reads one word at a byte distance.
    ///
    /// # Safety
    /// A value of that word type must live there.
    pub(super) unsafe fn word(self, offset: u32, ty: Ty, owner: Owner) -> Word {
        // SAFETY: the caller's promise.
        unsafe { erased!(self).word_at(offset, ty, owner, false) }
    }

    /// Reads the pointer at a byte distance, which owns what it points to: as long as it does,
    /// nothing else owns that, and it lies elsewhere itself.
    ///
    /// # Safety
    /// The pointer of a live `Box`, `Vec` or the like must be there.
    pub(super) unsafe fn owner_word(self, offset: u32, owner: Owner) -> Word {
        // SAFETY: the caller's promise.
        unsafe { erased!(self).word_at(offset, Ty::Ptr, owner, true) }
    }

    /// Writes one word at a byte distance.
    ///
    /// # Safety
    /// The word must be valid for what lives there.
    pub(super) unsafe fn set_word(self, offset: u32, word: Word, owner: Owner) {
        // SAFETY: the caller's promise.
        unsafe { erased!(self).set_word_at(offset, word, owner) };
    }

    /// The operand of the address.
    pub(super) fn pointer(self) -> Opnd {
        erased!(self).pointer_of()
    }
}

impl At {
    /// Where a pointer leads, or behind that.
    pub(super) fn behind(address: u64, pointer: Word, frozen: bool) -> At {
        let base_now = pointer.now.bits;
        let offset = address.wrapping_sub(base_now) as i32;
        let address =
            Address { base: pointer.opnd, base_now, offset, frozen, class: 0, owner: false };
        At::Memory { address, len: Opnd::Const, owner: Owner::Any, fixed: false, state: false }
    }

    fn given(&self) -> &Opnd {
        match self {
            At::Memory { address, .. } => &address.base,
            At::Value(_) => &Opnd::Local(0),
        }
    }

    fn is_frozen(&self) -> bool {
        matches!(self, At::Memory { address: Address { frozen: true, .. }, fixed: false, .. })
    }

    fn is_fixed(&self) -> bool {
        matches!(self, At::Memory { fixed: true, .. })
    }

    /// See [`Place::fixed`].
    fn fix(&mut self) {
        if let At::Memory { address, fixed, .. } = self
            && !address.frozen
        {
            address.frozen = address.base.is_const();
            *fixed = true;
        }
    }

    /// See [`Place::thawed`].
    fn thaw(&mut self) {
        if let At::Memory { address, owner, fixed, .. } = self {
            address.frozen = false;
            *fixed = false;
            if let Owner::Frozen = owner {
                *owner = Owner::Any;
            }
        }
    }

    /// See [`Place::owned_by`].
    fn own(&mut self, by: Owner) {
        if let At::Memory { owner, .. } = self {
            *owner = by;
        }
    }

    /// From one address to another one.
    pub(super) fn shift(&mut self, from: u64, to: u64) {
        if let At::Memory { address, len, .. } = self {
            address.offset += to.wrapping_sub(from) as i32;
            *len = Opnd::Const;
        }
    }

    /// From a value to a field of a variant, as far from it as `field` is from `head`; gives the
    /// address.
    pub(super) fn inner(
        &mut self,
        from: u64,
        [head, field]: [u64; 2],
        of: &Fields,
        size: usize,
    ) -> u64 {
        let distance = field.wrapping_sub(head);
        let to = from.wrapping_add(distance);
        self.project(from, to, of, size);
        // What is part of a raw word is told apart as that is.
        if let Some(owner @ (Owner::Field(..) | Owner::Any)) = of.shape.owner_of(distance as u32) {
            self.own(owner);
        }
        to
    }

    /// See [`At::project`].
    fn projected(&self, from: u64, to: u64, of: &Fields, size: usize) -> At {
        let mut at = *self;
        at.project(from, to, of, size);
        at
    }

    /// From a value to one of its fields, of that size.
    fn project(&mut self, from: u64, to: u64, of: &Fields, size: usize) {
        let delta = to.wrapping_sub(from) as u32;
        if let (At::Memory { address, state, .. }, true) = (&mut *self, of.state) {
            ask::own(*address, Some(of.size as u32));
            *state = true;
        }
        self.shift(from, to);
        if of.immutable.contains(&(delta as usize)) {
            self.fix();
        }
        // A struct around a single field is no memory of its own.
        if size != of.size {
            self.own(Owner::Field(of.name, delta));
        }
    }
}

/// What has a field that is asked for.
pub(super) struct Fields {
    immutable: &'static [usize],
    /// Is it virtualizable?
    state: bool,
    name: TypeName,
    size: usize,
    shape: &'static Shape,
}

/// A type that has fields.
pub(super) trait HasFields: Traced {
    const OF: &'static Fields = &Fields {
        immutable: Self::IMMUTABLE,
        state: Self::VIRTUALIZABLE,
        name: std::any::type_name::<Self>,
        size: size_of::<Self>(),
        shape: &Self::SHAPE,
    };
}

impl<X: Traced> HasFields for X {}

impl Place<u8> {
    /// What a pointer here leads to belongs to the same as the pointer.
    pub(super) fn owns(self, target: Place<u8>) {
        if let (At::Memory { state: true, .. }, At::Memory { address, .. }) = (self.at, target.at) {
            ask::own(address, None);
        }
    }

    /// Bytes from the beginning of the twin's own value.
    pub(super) fn distance(self, inside: Inside) -> u32 {
        (self.address.cast::<u8>() as u64 - inside.local.base) as u32
    }

    /// Reads one word at a byte distance. `owns`: it is the pointer of a `Box` or the like.
    ///
    /// # Safety
    /// A value of that word type must live there.
    unsafe fn word_at(self, offset: u32, ty: Ty, owner: Owner, owns: bool) -> Word {
        match self.at {
            At::Memory { address, owner: own, fixed, .. } => {
                let class = class_at(owner_at(owner, own), fixed);
                let offset = address.offset + offset as i32;
                let address = Address { offset, class, owner: owns, ..address };
                // SAFETY: the caller's promise.
                let word = unsafe { memory::load(address, ty) };
                without_depth(word, fixed)
            }
            At::Value(inside) => {
                let at = (self.address.cast::<u8>() as u64) + u64::from(offset);
                // SAFETY: the twin's own value lives there.
                let now = unsafe { memory::read(at, ty) };
                let offset = self.distance(inside) + offset;
                Word { now, opnd: ask::part(inside.whole(), offset, now) }
            }
        }
    }

    /// Writes one word at a byte distance.
    ///
    /// # Safety
    /// The word must be valid for what lives there.
    unsafe fn set_word_at(self, offset: u32, word: Word, owner: Owner) {
        match self.at {
            At::Memory { address, owner: own, fixed, .. } => {
                if fixed {
                    refuse_store();
                }
                let class = class_of(owner_at(owner, own));
                let offset = address.offset + offset as i32;
                // SAFETY: the caller's promise.
                unsafe { memory::store(Address { offset, class, ..address }, word) }
            }
            At::Value(inside) => {
                let at = (self.address.cast::<u8>() as u64) + u64::from(offset);
                // SAFETY: the caller's promise; the twin's own value lives there.
                unsafe { memory::write(at, word.now) };
                let range = (self.distance(inside) + offset, word.now.ty.size());
                self.replace(inside, range, word.opnd);
            }
        }
    }

    pub(super) fn replace(self, inside: Inside, range: (u32, u32), new: Opnd) {
        let size = inside.local.size;
        inside.set_whole(ask::replace(inside.whole(), size, range, new));
    }

    /// The operand of the address.
    fn pointer_of(self) -> Opnd {
        match self.at {
            At::Value(inside) => ask::refer(inside.local),
            At::Memory { address, .. } => match address.base {
                Opnd::Ssa(_) if address.offset != 0 => {
                    let base =
                        Word { now: Const::new(Ty::Ptr, address.base_now), opnd: address.base };
                    let distance = Const::i64(address.offset.into());
                    let distance = Word { now: distance, opnd: Opnd::Const };
                    ask::op(Op::PtrAdd, Ty::Ptr, base, Some(distance))
                }
                Opnd::Ssa(_) => address.base,
                _ if self.is_frozen() => Opnd::Frozen,
                _ => Opnd::Const,
            },
        }
    }
}

impl Place<str> {
    /// The bytes of a text.
    pub(super) fn bytes(self) -> Place<[u8]> {
        Place { address: self.address as *mut [u8], at: self.at }
    }
}

impl<T> super::inline::Given for Place<T> {
    fn given(&self) -> &Opnd {
        self.at.given()
    }
}

/// The place of a field, whose address rustc has computed, of what is at a place.
pub fn project<T: Traced, F>(field: *mut F, of: &Place<T>) -> Place<F> {
    let at = of.at.projected(of.address as u64, field as u64, T::OF, size_of::<F>());
    Place { address: field, at }
}

/// Something immutable is about to be written.
pub(super) fn refuse_store() {
    ask::abort(AbortReason::ImmutableStore);
}

/// The alias class of a word.
pub(super) fn class_of(owner: Owner) -> u32 {
    match owner {
        Owner::Field(name, offset) => alias_class(name(), offset),
        Owner::Frozen => alias_class("behind a red", 0),
        Owner::Place | Owner::Any => 0,
    }
}

/// The alias class of a word, which may be one that nothing writes.
pub(super) fn class_at(owner: Owner, fixed: bool) -> u32 {
    let class = Class(class_of(owner));
    if fixed { class.immutable().0 } else { class.0 }
}

/// A word of memory that is constant by itself: what it points to need not be.
pub(super) fn without_depth(word: Word, fixed: bool) -> Word {
    match word.opnd {
        Opnd::Frozen if fixed => Word { opnd: Opnd::Const, ..word },
        _ => word,
    }
}

impl<X: Traced> Place<X> {
    /// Reads the value; one that has a destructor is moved out.
    #[inline(never)]
    pub fn get(&self) -> Tv<X> {
        // SAFETY: an `X` lives here (`in-bounds`).
        unsafe { carried!(to => X::KIND.get(erased!(self), to)) }
    }

    /// Writes the value; what was there before is dropped.
    #[inline(never)]
    pub fn set(&self, value: Tv<X>) {
        X::KIND.changes(&self.at);
        if const { !std::mem::needs_drop::<X>() } {
            return self.write(value);
        }
        let old = if X::KIND.is_moved(erased!(self)) { None } else { Some(self.get()) };
        self.put(value);
        drop(old);
    }

    /// Writes the value over one that has been moved out.
    pub(super) fn put(&self, value: Tv<X>) {
        self.write(value);
        X::KIND.is_whole(erased!(self));
    }

    /// Writes the value over bytes that hold nothing.
    pub(super) fn write(&self, value: Tv<X>) {
        let mut value = ManuallyDrop::new(value);
        // SAFETY: an `X` is moved, which is not used again, to where one lives (`in-bounds`).
        unsafe { X::KIND.write(erased!(self), &raw mut value as *mut u8) };
    }
}

/// A reference to a place, for shells that call no other one.
macro_rules! reference {
    ($ty:ty, $place:expr) => {
        // SAFETY: the bits of an `R` are a pointer to a `T`: this one, which is the address of a
        // place.
        unsafe { carried!(to => <$ty>::KIND.carry_address(erased!($place), to)) }
    };
}

/// `&place` and `&mut place`, as a reference type that the context gives.
#[inline(never)]
pub fn addr_of<T, R>(place: Place<T>) -> Tv<R>
where
    R: Traced<V = Ptr<T>>,
{
    reference!(R, place)
}

impl Kind {
    /// Makes a carrier of a reference to what is at a place.
    ///
    /// # Safety
    /// There must be room for a carrier of this kind, which is that of such references.
    unsafe fn carry_address(&self, place: Place<u8>, to: *mut u8) {
        let (address, opnd) = (place.address, place.pointer_of());
        // SAFETY: the caller's promise.
        unsafe { self.carry(&raw const address as *const u8, opnd, to) };
    }
}

/// `&place`.
pub fn shared<'a, T>(place: Place<T>) -> Tv<&'a T> {
    reference!(&'a T, place)
}

/// `&mut place`.
pub fn unique<'a, T>(place: Place<T>) -> Tv<&'a mut T> {
    reference!(&'a mut T, place)
}

/// What is known of a green in memory after its merge point: it is constant.
pub(super) fn learn<X: Scalar>(place: Place<X>, value: Tv<X>) {
    if let At::Memory { address, owner, .. } = place.at {
        let address = Address { class: class_of(owner), ..address };
        ask::learn(address, value.word());
    }
}

/// A value of the twin that nobody has named: it lives in `slot`.
pub fn place_in<X: Traced>(slot: &mut Option<Tv<X>>, value: Tv<X>) -> Place<X> {
    *slot = Some(value);
    let Some(value) = slot else { unreachable!("just put there") };
    of_local!(X, value)
}

/// A place that only names where a value lies that is about to be dropped.
pub(super) fn dropping(
    kind: &Kind,
    this: *mut u8,
    slot: &mut Opnd,
    moved: &mut Moved,
) -> Place<u8> {
    let (slot, base) = (std::ptr::from_mut(slot) as usize, this as u64);
    let local = Local { slot, base, size: kind.size, of: (kind.name)() };
    Place { address: this, at: At::Value(Inside { local, moved }) }
}

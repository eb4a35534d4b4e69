//! What derived types, `Option` and `Result` have in common: one function that visits the fields of a value does for all.
//!
//! ```text
//! enum     fields(this, f):  match *this { Add { to, a } => { f(&to, 0); f(&a, 0) } … }     0: `u8`
//! struct   a list of offsets, which says the same without a function
//! here     leaves, what is inside, dropping: f, with what is known of the types of the fields;
//!          this is so for every type that does not say otherwise
//! ```
//!
//! Invariant `in-order`: fields are dropped in the order of their declaration, as rustc does.
//!
//! Not here: what is known of a field's type (`probe`), of a type by itself (`kind`).

use super::ask;
use super::kind::{HasKind, Kind, carried};
use super::pattern::{has_to_drop, test_value};
use super::place::Place;
use super::probe::Field;
use super::shape::{Shape, TagAt, TypeName};
use super::traced::{Traced, Tv};
use crate::ir::Ty;
use crate::tracer::Opnd;
use std::mem::ManuallyDrop;

/// A variant of a derived enum.
pub struct Case {
    /// Its name.
    pub name: &'static str,
    /// Its tag; its number, if the tag is nowhere.
    pub tag: u64,
    /// Is there something to drop in it?
    pub drops: bool,
}

impl Case {
    /// A variant.
    pub const fn new(name: &'static str, tag: u64, drops: bool) -> Case {
        Case { name, tag, drops }
    }
}

/// What a derive says of a type.
pub struct Derived {
    pub(super) shape: Shape,
    pub(super) tag: TagAt,
    pub(super) variants: u64,
    pub(super) bits: bool,
    pub(super) members: &'static [(usize, usize)],
    pub(super) fields: &'static [Field],
    pub(super) cases: &'static [Case],
    pub(super) itself_drops: bool,
    pub(super) immutable: &'static [usize],
    pub(super) virtualizable: bool,
}

/// What is in a struct.
pub struct Members {
    /// The offset and the type (its number in `types`) of each field, as they are declared.
    pub fields: &'static [(usize, usize)],
    /// The types of all fields, each once.
    pub types: &'static [Field],
}

/// What is in an enum.
pub struct Parts {
    /// Its variants, in the order of their numbers.
    pub cases: &'static [Case],
    /// The types of all fields, each once.
    pub types: &'static [Field],
}

impl Derived {
    /// Nothing: for a type that is not derived.
    pub const NOTHING: Derived = Derived {
        shape: Shape::OPAQUE,
        tag: TagAt::Nowhere,
        variants: 0,
        bits: false,
        members: &[],
        fields: &[],
        cases: &[],
        itself_drops: false,
        immutable: &[],
        virtualizable: false,
    };

    /// A struct of that size.
    pub const fn structure(
        name: TypeName,
        size: usize,
        Members { fields, types }: Members,
    ) -> Derived {
        let mut shape = Shape::EMPTY;
        let mut index = 0;
        while index < fields.len() {
            let (offset, ty) = fields[index];
            shape = shape.with(offset, types[ty].shape, name);
            index += 1;
        }
        if let [(_, ty)] = fields {
            let only = &types[*ty];
            shape = Shape::only(only.shape, only.size as usize, size, shape);
        }
        Derived { shape, members: fields, fields: types, ..Derived::NOTHING }
    }

    /// An enum of that size and alignment; `tag`: the type of its tag, if that lies at the
    /// beginning.
    pub const fn enumeration(
        name: TypeName,
        (size, align): (usize, usize),
        tag: Option<Ty>,
        Parts { cases, types }: Parts,
    ) -> Derived {
        let (mut plain, mut opaque, mut bits) = (true, false, true);
        let mut index = 0;
        while index < types.len() {
            plain = plain && types[index].shape.is_plain();
            opaque = opaque || types[index].shape.is_opaque();
            bits = bits && types[index].bits;
            index += 1;
        }
        let all = if cases.len() < 64 { (1 << cases.len()) - 1 } else { 0 };
        let (shape, tag, variants) = match tag {
            None => (Shape::OPAQUE, TagAt::Nowhere, all),
            Some(ty) => {
                (Shape::tagged(ty, size, align, plain, name).unless(opaque), tag_word(ty, cases), 0)
            }
        };
        Derived { shape, tag, variants, bits, cases, fields: types, ..Derived::NOTHING }
    }

    /// The same of a type that implements `Drop` itself, or does not.
    pub const fn dropping(self, itself: bool) -> Derived {
        Derived { itself_drops: itself, ..self }
    }

    /// The same with fields at these offsets that never change.
    pub const fn immutable(self, immutable: &'static [usize]) -> Derived {
        Derived { immutable, ..self }
    }

    /// The same of a type that is virtualizable.
    pub const fn virtualizable(self) -> Derived {
        Derived { virtualizable: true, ..self }
    }
}

/// A tag of that type at the beginning.
const fn tag_word(ty: Ty, cases: &[Case]) -> TagAt {
    let (mut all, mut index) = (0, 0);
    while index < cases.len() {
        if cases[index].tag >= 64 {
            return TagAt::Word { offset: 0, ty, all: 0 };
        }
        all |= 1 << cases[index].tag;
        index += 1;
    }
    TagAt::Word { offset: 0, ty, all }
}

/// A value that has just been made of values with these operands, one for each field.
#[inline(never)]
pub fn built<X: Traced>(opnds: &[Opnd], x: X) -> Tv<X> {
    let x = ManuallyDrop::new(x);
    // SAFETY: `x` is a value, which is not used again.
    unsafe { carried!(to => X::KIND.carry_built(opnds, &raw const x as *const u8, to)) }
}

impl Kind {
    /// The tag of the variant of that name.
    pub fn tag_named(&self, name: &str) -> Option<u64> {
        self.cases.iter().find(|case| case.name == name).map(|case| case.tag)
    }

    /// Visits the fields, if it has any.
    ///
    /// # Safety
    /// A value of the type must be there.
    unsafe fn visit(&self, this: *const u8, f: &mut dyn FnMut(*const u8, usize)) -> u64 {
        if let Some(fields) = self.fields {
            // SAFETY: the caller's promise.
            return unsafe { fields(this, f) };
        }
        for (offset, ty) in self.members {
            // SAFETY: the caller's promise: a field of the struct.
            f(unsafe { this.add(*offset) }, *ty);
        }
        0
    }

    /// Makes a carrier of a value that has just been made, which is not used again.
    ///
    /// # Safety
    /// A value of the type must be there, and room for a carrier at `to`.
    pub unsafe fn carry_built(&self, opnds: &[Opnd], this: *const u8, to: *mut u8) {
        assert!(!self.of.is_empty(), "only derived types know where their fields are");
        // SAFETY: the caller's promise.
        unsafe { self.carry(this, self.composed(this, opnds), to) };
    }

    /// The operand of a value whose fields have these.
    ///
    /// # Safety
    /// A value of the type must be there.
    unsafe fn composed(&self, this: *const u8, opnds: &[Opnd]) -> Opnd {
        let (mut whole, mut opnds) = (Opnd::Const, opnds.iter());
        let mut add = |at: *const u8, ty: usize| {
            let Some(opnd) = opnds.next() else { unreachable!("a constructor takes all fields") };
            if *opnd != Opnd::Const || whole != Opnd::Const {
                let range = ((at as u64 - this as u64) as u32, self.of[ty].size);
                whole = ask::replace(whole, self.size, range, *opnd);
            }
        };
        // SAFETY: the caller's promise.
        unsafe { self.visit(this, &mut add) };
        whole
    }

    /// Which variant it is, as in `VARIANTS`.
    ///
    /// # Safety
    /// A value of the type must be there.
    pub unsafe fn variant(&self, this: *const u8) -> u64 {
        // SAFETY: the caller's promise.
        unsafe { self.visit(this, &mut |_, _| ()) }
    }

    /// Is a value of the twin the variant with that number? The trace asks. With the place of the
    /// last field of the variant that it is.
    ///
    /// # Safety
    /// A carrier of the type must be there, which is a local of the twin.
    pub unsafe fn part_of(&'static self, carrier: *mut u8, number: usize) -> (bool, Place<u8>) {
        let place = Place { address: carrier, at: self.at_local(carrier) };
        let mut part = place.address;
        // SAFETY: the caller's promise.
        let variant = unsafe { self.visit(part, &mut |at, _| part = at.cast_mut()) };
        let yes = variant == number as u64;
        // SAFETY: the caller's promise.
        unsafe { test_value(self, place, self.cases[number].name, yes) };
        (yes, place.shifted(part))
    }

    /// Calls `f` with the distance from `base` and type of every word that is initialized.
    ///
    /// # Safety
    /// A value of the type must be there.
    pub unsafe fn each_leaf(&self, this: *const u8, base: u64, f: &mut dyn FnMut(u32, Ty)) {
        if let Some(leaves) = self.words {
            // SAFETY: the caller's promise.
            return unsafe { leaves(this, base, f) };
        }
        let distance = (this as u64 - base) as u32;
        if self.of.is_empty() {
            // Without fields in variants, all words are initialized.
            let words = self.shape.words().iter();
            words.for_each(|word| f(distance + word.offset, word.ty));
            return;
        }
        let Some((at, ty)) = self.tag.word() else {
            // SAFETY: the caller's promise: these are fields of the value, with their types.
            unsafe { self.visit(this, &mut |at, ty| self.of[ty].leaves(at, base, f)) };
            return;
        };
        let tag = (distance + at, ty);
        f(tag.0, tag.1);
        // The tag of an `Option` may be a word of what it holds.
        let mut other = |at, ty| {
            if tag != (at, ty) {
                f(at, ty);
            }
        };
        // SAFETY: as above.
        unsafe { self.visit(this, &mut |at, ty| self.of[ty].leaves(at, base, &mut other)) };
    }

    /// Has all that is inside of the variant that it is a known shape?
    ///
    /// # Safety
    /// A value of the type must be there.
    pub unsafe fn plain_inside(&self, this: *const u8) -> bool {
        if !self.shape.is_opaque() {
            return true;
        }
        if self.of.is_empty() && self.cases.is_empty() {
            return false;
        }
        let mut plain = true;
        // SAFETY: the caller's promise.
        unsafe { self.visit(this, &mut |_, ty| plain &= !self.of[ty].shape.is_opaque()) };
        plain
    }

    /// Drops the fields of the variant that it is, but for bytes that have been moved away; `false`
    /// if it can only be dropped as a whole.
    ///
    /// # Safety
    /// The place must be that of a value, which is not used again.
    pub unsafe fn drop_fields(&'static self, place: Place<u8>, moved: &[(u32, u32)]) -> bool {
        let Some(destructor) = &self.destructor else { return true };
        if let Some(fields) = destructor.fields {
            // SAFETY: the caller's promise.
            return unsafe { fields(place, moved) };
        }
        if destructor.itself || self.of.is_empty() || !self.of.iter().all(|field| field.known) {
            return false;
        }
        // SAFETY: the caller's promise: the value is in the twin.
        if self.cases.is_empty() || unsafe { has_to_drop(self, place, self.cases) } {
            let base = place.addr() as u64;
            let mut drop = |at: *const u8, ty: usize| {
                // SAFETY: the caller's promise: a field of a value that is not used again.
                unsafe { self.of[ty].drop(place.shifted(at.cast_mut()), base, moved) };
            };
            // SAFETY: as above.
            unsafe { self.visit(place.addr(), &mut drop) };
        }
        true
    }
}

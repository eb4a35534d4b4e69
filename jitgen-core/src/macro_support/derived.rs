//! What derived types, `Option` and `Result` have in common: one function that visits the fields of a value does for all.
//!
//! ```text
//! derive   fields(this, f):  match *this { Add { to, a } => { f(&to, 0); f(&a, 0) } … }     0: `u8`
//! here     leaves, what is inside, dropping: f, with what is known of the types of the fields;
//!          `Traced` does so for every type that does not say otherwise
//! ```
//!
//! Invariant `in-order`: fields are dropped in the order of their declaration, as rustc does.
//!
//! Not here: what is known of a field's type (`probe`), of a type by itself (`kind`).

use super::ask;
use super::kind::{HasKind, Kind};
use super::pattern::{has_to_drop, test_value};
use super::place::Place;
use super::probe::Field;
use super::traced::{Traced, Tv};
use crate::ir::Ty;
use crate::tracer::Opnd;

type Fields<X> = unsafe fn(*const X, &mut dyn FnMut(*const u8, usize)) -> u64;

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

/// What is known of a derived type, for the cores; of another one, that it is not derived.
pub(super) struct Derived {
    kind: &'static Kind,
    of: &'static [Field],
    cases: &'static [Case],
    /// Has it something to drop? Does it implement `Drop` itself?
    drops: [bool; 2],
    fields: Fields<u8>,
}

pub(super) trait IsDerived: Traced {
    const DERIVED: Derived = Derived {
        kind: &Self::KIND,
        of: Self::FIELDS,
        cases: Self::CASES,
        drops: [std::mem::needs_drop::<Self>(), Self::DROPS],
        // SAFETY: functions of a thin pointer, whatever it points to, are called in the same way.
        fields: unsafe {
            std::mem::transmute::<Fields<Self>, Fields<u8>>(Self::fields as Fields<Self>)
        },
    };
}

impl<X: Traced> IsDerived for X {}

/// The tag of the variant of that name.
pub(super) fn tag_named(cases: &[Case], name: &str) -> Option<u64> {
    cases.iter().find(|case| case.name == name).map(|case| case.tag)
}

/// A value that has just been made of values with these operands, one for each field.
#[inline(never)]
pub fn built<X: Traced, const N: usize>(opnds: [Opnd; N], x: X) -> Tv<X> {
    const { assert!(!X::FIELDS.is_empty(), "only derived types know where their fields are") };
    // SAFETY: `x` is a value.
    let opnd = unsafe { const { &X::DERIVED }.composed(&raw const x as *const u8, &opnds) };
    Tv::of(x, opnd)
}

impl Derived {
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
                whole = ask::replace(whole, self.kind.size, range, *opnd);
            }
        };
        // SAFETY: the caller's promise.
        unsafe { (self.fields)(this, &mut add) };
        whole
    }

    /// See `Traced::variant`.
    ///
    /// # Safety
    /// A value of the type must be there.
    pub unsafe fn variant(&self, this: *const u8) -> u64 {
        // SAFETY: the caller's promise.
        unsafe { (self.fields)(this, &mut |_, _| ()) }
    }

    /// Is a value of the twin the variant with that number? The trace asks. With the place of the
    /// last field of the variant that it is.
    ///
    /// # Safety
    /// A value of the type must be at the place, which is in the twin.
    pub unsafe fn part_of(&self, place: Place<u8>, number: usize) -> (bool, Place<u8>) {
        let mut part = place.address;
        // SAFETY: the caller's promise.
        let variant = unsafe { (self.fields)(part, &mut |at, _| part = at.cast_mut()) };
        let yes = variant == number as u64;
        // SAFETY: the caller's promise.
        unsafe { test_value(self.kind, place, self.cases[number].name, yes) };
        (yes, place.shifted(part))
    }

    /// See `Traced::leaves`.
    ///
    /// # Safety
    /// A value of the type must be there.
    pub unsafe fn leaves(&self, this: *const u8, base: u64, f: &mut dyn FnMut(u32, Ty)) {
        let distance = (this as u64 - base) as u32;
        if self.of.is_empty() {
            // Without fields in variants, all words are initialized.
            let words = self.kind.shape.words().iter();
            words.for_each(|word| f(distance + word.offset, word.ty));
            return;
        }
        if let Some((at, ty)) = self.kind.tag.word() {
            f(distance + at, ty);
        }
        // SAFETY: the caller's promise: these are fields of the value, with their types.
        unsafe { (self.fields)(this, &mut |at, ty| (self.of[ty].leaves)(at, base, f)) };
    }

    /// See `Traced::plain_inside`.
    ///
    /// # Safety
    /// A value of the type must be there.
    pub unsafe fn plain_inside(&self, this: *const u8) -> bool {
        if self.of.is_empty() && self.cases.is_empty() {
            return !self.kind.shape.is_opaque();
        }
        let mut plain = true;
        // SAFETY: the caller's promise.
        unsafe { (self.fields)(this, &mut |_, ty| plain &= !self.of[ty].opaque) };
        plain
    }

    /// See `Traced::drop_fields`.
    ///
    /// # Safety
    /// As said there.
    pub unsafe fn drop_fields(&self, place: Place<u8>, moved: &[(u32, u32)]) -> bool {
        let [drops, itself] = self.drops;
        if !drops {
            return true;
        }
        if itself || self.of.is_empty() || !self.of.iter().all(|field| field.known) {
            return false;
        }
        // SAFETY: the caller's promise: the value is in the twin.
        if self.cases.is_empty() || unsafe { has_to_drop(self.kind, place, self.cases) } {
            let base = place.addr() as u64;
            let mut drop = |at: *const u8, ty: usize| {
                // SAFETY: the caller's promise: a field of a value that is not used again.
                unsafe { (self.of[ty].drop)(place.shifted(at.cast_mut()), base, moved) };
            };
            // SAFETY: as above.
            unsafe { (self.fields)(place.addr(), &mut drop) };
        }
        true
    }
}

//! What derived types have in common: one function that visits the fields of a value does for all.
//!
//! ```text
//! derive   fields(this, f):  match *this { Add { to, a } => { f(&to, 0); f(&a, 0) } … }     0: `u8`
//! here     leaves, what is inside, dropping: f, with what is known of the types of the fields
//! ```
//!
//! Invariant `in-order`: fields are dropped in the order of their declaration, as rustc does.
//!
//! Not here: what is known of a field's type (`probe`), of a type by itself (`kind`).

use super::kind::{HasKind, Kind};
use super::pattern::has_to_drop;
use super::place::Place;
use super::probe::Field;
use super::traced::Traced;
use crate::ir::Ty;

type Fields<X> = unsafe fn(*const X, &mut dyn FnMut(*const u8, usize));

/// A derived type, for the cores.
struct Derived {
    kind: &'static Kind,
    of: &'static [Field],
    fields: Fields<u8>,
}

trait IsDerived: Traced {
    const DERIVED: Derived = Derived {
        kind: &Self::KIND,
        of: Self::FIELDS,
        // SAFETY: functions of a thin pointer, whatever it points to, are called in the same way.
        fields: unsafe {
            std::mem::transmute::<Fields<Self>, Fields<u8>>(Self::fields as Fields<Self>)
        },
    };
}

impl<X: Traced> IsDerived for X {}

/// See `Traced::leaves`.
///
/// # Safety
/// A value must be there.
pub unsafe fn leaves<X: Traced>(this: *const X, base: u64, f: &mut dyn FnMut(u32, Ty)) {
    // SAFETY: the caller's promise.
    unsafe { const { &X::DERIVED }.leaves(this as *const u8, base, f) };
}

/// See `Traced::plain_inside`.
///
/// # Safety
/// A value must be there.
pub unsafe fn plain_inside<X: Traced>(this: *const X) -> bool {
    // SAFETY: the caller's promise.
    unsafe { const { &X::DERIVED }.plain_inside(this as *const u8) }
}

/// See `Traced::drop_fields`. `itself`: has the type a `Drop` of its own? `variants`: name, number,
/// and whether there is something to drop in it; none for a struct.
///
/// # Safety
/// As for `Traced::drop_fields`.
pub unsafe fn drop_fields<X: Traced>(
    place: Place<X>,
    moved: &[(u32, u32)],
    itself: bool,
    variants: &[(&str, u64, bool)],
) -> bool {
    if const { !std::mem::needs_drop::<X>() } {
        return true;
    }
    // SAFETY: the caller's promise.
    !itself && unsafe { const { &X::DERIVED }.drop_fields(place.erased(), moved, variants) }
}

impl Derived {
    /// # Safety
    /// A value of the type must be there.
    unsafe fn leaves(&self, this: *const u8, base: u64, f: &mut dyn FnMut(u32, Ty)) {
        if let Some((at, ty)) = self.kind.tag.word() {
            f((this as u64 - base) as u32 + at, ty);
        }
        // SAFETY: the caller's promise: these are fields of the value, with their types.
        unsafe { (self.fields)(this, &mut |at, ty| (self.of[ty].leaves)(at, base, f)) };
    }

    /// # Safety
    /// A value of the type must be there.
    unsafe fn plain_inside(&self, this: *const u8) -> bool {
        let mut plain = true;
        // SAFETY: the caller's promise.
        unsafe { (self.fields)(this, &mut |_, ty| plain &= !self.of[ty].opaque) };
        plain
    }

    /// # Safety
    /// As for `Traced::drop_fields`.
    unsafe fn drop_fields(
        &self,
        place: Place<u8>,
        moved: &[(u32, u32)],
        variants: &[(&str, u64, bool)],
    ) -> bool {
        if !self.of.iter().all(|field| field.known) {
            return false;
        }
        // SAFETY: the caller's promise: the value is in the twin.
        if variants.is_empty() || unsafe { has_to_drop(self.kind, place, variants) } {
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

//! Objects that only the trace knows: what is in them stays known whatever else is written.
//!
//! ```text
//! v1 = new …;  store v1+8, i64 3;  store v2+0, v3;  load v1+8       is 3, without being loaded
//! ```
//!
//! Recording decides by what it knows to be constant (how many elements a vector has that is
//! dropped), so it must not forget this here because of a store elsewhere. The address of an object
//! gets out as an operand of a call or an operation, or as a value that is stored; in another such
//! object it is kept until that one's address gets out, or a word of it is loaded that is not known.
//!
//! Not here: what the optimizer makes of it (`opt`).

use super::Map;
use crate::ir::{Arg, ValueId};

/// The objects, and pointers into them.
#[derive(Debug, Default)]
pub(super) struct Private {
    /// The objects, with those that they lead to.
    held: Map<ValueId, Vec<ValueId>>,
    /// Pointers into objects: which, and how far.
    inside: Map<ValueId, (ValueId, i32)>,
}

impl Private {
    pub fn add(&mut self, object: ValueId) {
        self.held.insert(object, vec![]);
    }

    /// A pointer as an object and a distance, if it leads into one.
    pub fn place(&self, base: Arg, offset: i32) -> (Arg, i32) {
        let inside = base.as_value().and_then(|v| self.inside.get(&v));
        inside.map_or((base, offset), |(object, at)| ((*object).into(), at.wrapping_add(offset)))
    }

    pub fn has(&self, base: Arg) -> bool {
        base.as_value().is_some_and(|v| self.held.contains_key(&v))
    }

    /// `to` is `base + by`.
    pub fn derive(&mut self, to: ValueId, base: Arg, by: i64) {
        let (object, at) = self.place(base, 0);
        let Ok(at) = i32::try_from(i64::from(at).wrapping_add(by)) else { return self.leak(base) };
        if let (true, Some(object)) = (self.has(object), object.as_value()) {
            self.inside.insert(to, (object, at));
        }
    }

    /// A value gets where nobody knows what becomes of it.
    pub fn leak(&mut self, value: Arg) {
        let (object, _) = self.place(value, 0);
        let held = object.as_value().and_then(|v| self.held.remove(&v));
        held.unwrap_or_default().into_iter().for_each(|held| self.leak(held.into()));
    }

    /// Of the words in an object one is not known.
    pub fn leak_held(&mut self, object: Arg) {
        let held = object.as_value().and_then(|v| self.held.get_mut(&v)).map(std::mem::take);
        held.unwrap_or_default().into_iter().for_each(|held| self.leak(held.into()));
    }

    /// A value is stored in what `container` points to.
    pub fn store(&mut self, container: Arg, value: Arg) {
        let (object, _) = self.place(value, 0);
        let Some(v) = object.as_value().filter(|v| self.held.contains_key(v)) else { return };
        match container.as_value().and_then(|container| self.held.get_mut(&container)) {
            Some(held) => held.push(v),
            None => self.leak(value),
        }
    }
}

//! A map from the values of a trace: a vector, since they are numbered.
//!
//! Not here: what is known of few values of many (`ir::Map`).

use crate::ir::ValueId;

/// Something about values.
#[derive(Clone, Debug)]
pub(super) struct ByValue<T>(Vec<Option<T>>);

impl<T> Default for ByValue<T> {
    fn default() -> ByValue<T> {
        ByValue(vec![])
    }
}

impl<T: Copy> ByValue<T> {
    /// Nothing, but room for so many values.
    pub fn with_room(values: usize) -> ByValue<T> {
        ByValue(Vec::with_capacity(values))
    }

    /// Is there nothing about any of them?
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn get(&self, v: &ValueId) -> Option<&T> {
        self.0.get(v.index())?.as_ref()
    }

    pub fn insert(&mut self, v: ValueId, what: T) {
        if self.0.len() <= v.index() {
            self.0.resize(v.index() + 1, None);
        }
        self.0[v.index()] = Some(what);
    }
}

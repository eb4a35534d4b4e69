//! A map from the values of a trace: a vector, since they are numbered; and what else tables are made of
//! that are copied for blocks behind guards.
//!
//! Not here: what is known of few values of many (`ir::Map`).

use crate::ir::ValueId;
use std::ops::{Deref, DerefMut};
use std::rc::Rc;

/// A vector whose copies have room for what is added to them next: a copy of the tables goes on where
/// the trace does.
#[derive(Debug)]
pub(super) struct Growing<T>(Vec<T>);

impl<T> Default for Growing<T> {
    fn default() -> Growing<T> {
        Growing(vec![])
    }
}

impl<T> From<Vec<T>> for Growing<T> {
    fn from(items: Vec<T>) -> Growing<T> {
        Growing(items)
    }
}

impl<T: Copy> Clone for Growing<T> {
    fn clone(&self) -> Growing<T> {
        Growing(with_room_for_more(self))
    }
}

/// A copy that has room for as many again.
pub(super) fn with_room_for_more<T: Clone>(items: &[T]) -> Vec<T> {
    if items.is_empty() {
        return vec![];
    }
    let mut copy = Vec::with_capacity(2 * items.len() + 16);
    copy.extend_from_slice(items);
    copy
}

impl<T> Deref for Growing<T> {
    type Target = Vec<T>;

    fn deref(&self) -> &Vec<T> {
        &self.0
    }
}

impl<T> DerefMut for Growing<T> {
    fn deref_mut(&mut self) -> &mut Vec<T> {
        &mut self.0
    }
}

/// Something that copies share until one of them changes it; what is there by default is nowhere.
#[derive(Clone, Debug)]
pub(super) struct Shared<T>(Option<Rc<T>>);

impl<T> Default for Shared<T> {
    fn default() -> Shared<T> {
        Shared(None)
    }
}

impl<T: Clone + Default> Shared<T> {
    pub fn get(&self) -> Option<&T> {
        self.0.as_deref()
    }

    /// To change it; who shared it keeps it as it was.
    pub fn change(&mut self) -> &mut T {
        Rc::make_mut(self.0.get_or_insert_default())
    }
}

/// Something about values.
#[derive(Clone, Debug)]
pub(super) struct ByValue<T: Copy>(Growing<Option<T>>);

impl<T: Copy> Default for ByValue<T> {
    fn default() -> ByValue<T> {
        ByValue(Growing::default())
    }
}

impl<T: Copy> ByValue<T> {
    /// Nothing, but room for so many values.
    pub fn with_room(values: usize) -> ByValue<T> {
        ByValue(Vec::with_capacity(values).into())
    }

    /// Is there nothing about any of them?
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn get(&self, v: &ValueId) -> Option<&T> {
        self.0.get(v.index())?.as_ref()
    }

    /// Keeps what is said of these.
    pub fn retain(&mut self, keeps: impl Fn(ValueId, &T) -> bool) {
        for (index, what) in self.0.iter_mut().enumerate() {
            *what = what.filter(|what| keeps(ValueId(index as u32), what));
        }
    }

    pub fn insert(&mut self, v: ValueId, what: T) {
        if self.0.len() <= v.index() {
            self.0.resize(v.index() + 1, None);
        }
        self.0[v.index()] = Some(what);
    }
}

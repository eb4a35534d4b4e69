//! The length of what can be indexed.
//!
//! Not here: indexing itself (`elements`), methods that change a vector.

use crate::macro_support::elements::{Indexable, is_empty, len};
use crate::macro_support::place::Place;
use crate::macro_support::traced::Tv;

/// Vectors, slices, arrays.
pub trait Sequence: Indexable {
    /// The twin of `len`.
    fn len__twin(&self, this: Place<Self>) -> Tv<usize> {
        len(this)
    }

    /// The twin of `is_empty`.
    fn is_empty__twin(&self, this: Place<Self>) -> Tv<bool> {
        is_empty(this)
    }
}

impl<T: Indexable + ?Sized> Sequence for T {}

/// Texts.
pub trait Text {
    /// The twin of `len`.
    fn len__twin(&self, this: Place<Self>) -> Tv<usize>;
    /// The twin of `is_empty`.
    fn is_empty__twin(&self, this: Place<Self>) -> Tv<bool>;
}

impl Text for str {
    fn len__twin(&self, this: Place<Self>) -> Tv<usize> {
        len(this.bytes())
    }
    fn is_empty__twin(&self, this: Place<Self>) -> Tv<bool> {
        is_empty(this.bytes())
    }
}

//! Declared effects: the alias classes that an author's names of memory are.
//!
//! ```text
//! writes(Vm.count)    the words of the field `count` in every `Vm`
//! reads([Value])      the elements of all vectors, arrays and slices of `Value`
//! ```
//!
//! A field that is a struct has the classes of that struct's fields. What is known only as a whole,
//! or has the size of its struct, is any memory.
//!
//! Invariant `same-classes`: memory has the classes here that `place` accesses it under.
//!
//! Not here: what a call with these effects is (`tracer::Callee`).

use super::elements::element_of;
use super::place::class_of;
use super::shape::Owner;
use super::traced::{Traced, owner_at};
use crate::ir::{Class, Effects};
use crate::tracer::{Callee, Function};

/// What is declared of a function.
pub struct Declared(Effects);

/// Declares the effects of a function; `None`: not said.
pub fn declared(
    reads: Option<Vec<Class>>,
    writes: Option<Vec<Class>>,
    no_escape: bool,
) -> Declared {
    Declared(Effects { reads, writes, no_escape })
}

impl Declared {
    /// The function with these effects.
    pub fn of(self, function: Function) -> Callee {
        Callee { effects: self.0, ..Callee::from(function) }
    }
}

/// All of these classes.
pub fn classes(lists: &[Vec<Class>]) -> Vec<Class> {
    lists.concat()
}

/// The classes of a field, `offset` bytes from the beginning; `_field` says its type.
pub fn classes_of_field<T, F: Traced>(offset: usize, _field: fn(&T) -> &F) -> Vec<Class> {
    if size_of::<T>() == size_of::<F>() {
        return vec![Class::ANY];
    }
    let mut classes = classes_in::<F>(Owner::Field(std::any::type_name::<T>, offset as u32));
    if std::any::type_name::<F>().starts_with("alloc::vec::Vec<") {
        // Its header is also read word by word.
        classes.extend(
            [0, 8, 16].map(|at| Class(class_of(Owner::Field(std::any::type_name::<F>, at)))),
        );
    }
    classes
}

/// The classes of the elements of vectors, arrays and slices.
pub fn classes_of_elements<T: Traced>() -> Vec<Class> {
    classes_in::<T>(element_of::<T>())
}

fn classes_in<X: Traced>(owner: Owner) -> Vec<Class> {
    if X::SHAPE.is_opaque() {
        return vec![Class::ANY];
    }
    let words = X::SHAPE;
    let owners = words.words().iter().map(|word| owner_at(word.owner, owner));
    owners.map(|owner| Class(class_of(owner))).collect()
}

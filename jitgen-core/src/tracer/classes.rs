//! Alias classes: those of memory of the recorder's own, and those of guest memory by its type.
//!
//! Not here: which type a word belongs to (`macro_support`).

use crate::ir::Class;
use std::cell::RefCell;
use std::collections::HashMap;

/// The class of the scratch area: only the trace itself and the callees of blobs access it.
pub(super) const SCRATCH_CLASS: Class = Class(1);
/// The class of the flag by which residual calls say that they panic.
pub const FLAG_CLASS: Class = Class(2);
/// The class of what an allocation changes besides the object: nobody declares that a function
/// makes objects, so each one may.
pub const ALLOCATION_CLASS: Class = Class(3);
/// The class of the flags by which traces know that they are not valid any more.
pub(super) const VALIDITY_CLASS: Class = Class(4);
/// The first class of guest memory.
const FIRST_CLASS: u32 = 5;

/// The class of a kind of memory: a part at byte `offset` of the type that is called `kind`, the
/// same number each time on one thread.
///
/// The caller's promise: memory that is accessed under one class is never accessed under another,
/// but for 0, as long as a trace is used that has seen both.
pub fn alias_class(kind: &'static str, offset: u32) -> u32 {
    CLASSES.with_borrow_mut(|classes| {
        let next = FIRST_CLASS + classes.len() as u32;
        *classes.entry((kind, offset)).or_insert(next)
    })
}

thread_local! {
    static CLASSES: RefCell<HashMap<(&'static str, u32), u32>> = RefCell::default();
}

/// What memory of a class is, for people.
pub fn class_name(class: u32) -> String {
    CLASSES.with_borrow(|classes| {
        let found = classes
            .iter()
            .find(|(_, number)| Class(**number).immutable() == Class(class).immutable());
        found
            .map_or("memory".to_owned(), |((kind, offset), _)| format!("`{kind}` at byte {offset}"))
    })
}

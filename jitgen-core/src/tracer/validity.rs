//! Validity: traces that hold only as long as cells keep their values.
//!
//! ```text
//! trace A  depends on watches 1, 2      flag A = 0       load.bool flag A @3; guard_not … else exit
//! watch 2 is invalidated                flag A = 1       A leaves at its next look
//! ```
//!
//! A trace looks at its flag wherever it relies on a cell, unless it has looked since the last call:
//! only calls can write a cell, as there is one thread.
//!
//! Invariants: `told-once` (a watch is used up when it has been invalidated; whoever depends on the
//! cell later gets another one), `before-relying` (the flag is looked at before the cell's value is
//! used, so whoever leaves there reads the new one).
//!
//! Not here: the cells (`runtime::quasi`), what becomes of the code (`runtime::invalidate`).

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

/// Is a trace still true? Its address is in the trace, so it lives as long as the code.
#[derive(Debug, Default)]
pub struct Validity {
    over: Cell<bool>,
}

impl Validity {
    /// Has a cell changed on which the trace depends?
    pub fn is_over(&self) -> bool {
        self.over.get()
    }

    /// The address of the flag.
    pub(super) fn address(&self) -> u64 {
        std::ptr::from_ref(&self.over) as u64
    }
}

thread_local! {
    static DEPENDENTS: RefCell<HashMap<u64, Vec<Rc<Validity>>>> = RefCell::default();
    static LAST: Cell<u64> = const { Cell::new(0) };
}

/// A new watch, for a cell on which something is about to depend.
pub fn new_watch() -> u64 {
    LAST.set(LAST.get() + 1);
    LAST.get()
}

/// The trace depends on that watch from here on.
pub(super) fn depend(watch: u64, validity: &Rc<Validity>) {
    DEPENDENTS.with_borrow_mut(|all| {
        let dependents = all.entry(watch).or_default();
        if !dependents.iter().any(|known| Rc::ptr_eq(known, validity)) {
            dependents.push(Rc::clone(validity));
        }
    });
}

/// The cell of that watch changes. Answers whether anything has depended on it.
pub fn invalidate(watch: u64) -> bool {
    let Some(dependents) = DEPENDENTS.with_borrow_mut(|all| all.remove(&watch)) else {
        return false;
    };
    dependents.iter().for_each(|validity| validity.over.set(true));
    true
}

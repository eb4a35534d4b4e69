//! The age of values: what has been computed before a `new` does not lead into the object.
//!
//! ```text
//! v1 = load.ptr v0+0
//! v2 = new.ptr @alloc(i64 16) #0
//! store.ptr v1+8, v2                 others get to know it
//! store.i64 v1+0, 7                  still cannot go to v2, nor to what v2 leads to by then
//! ```
//!
//! It says nothing of what is loaded later: that may be the object.
//!
//! Invariant `ordered` (asserted in debug builds): each block stands behind those that lead to it, so a
//! value that is used has been met.
//!
//! Not here: objects that nobody else knows yet (`fresh`).

use crate::ir::{Arg, Trace, ValueId};

/// By value: its place in the order of definitions, and is it the result of a `new`? Constants are
/// older than everything, and what is made of a trace later is younger. Where nothing is made, it is
/// empty.
#[derive(Clone, Debug, Default)]
pub(super) struct Ages(Vec<(usize, bool)>);

impl Ages {
    /// Of the values of a trace each of whose blocks comes after those that lead to it.
    pub fn of(trace: &Trace) -> Ages {
        if !trace.blocks.iter().flat_map(|block| &block.insts).any(|inst| inst.op.makes()) {
            return Ages::default();
        }
        let mut ages = vec![(0, false); trace.values.len()];
        let mut next = 1;
        for block in &trace.blocks {
            let mut meet = |value: ValueId, new| {
                ages[value.index()] = (next, new);
                next += 1;
            };
            block.params.iter().for_each(|param| meet(*param, false));
            for inst in &block.insts {
                inst.dst.into_iter().for_each(|value| meet(value, inst.op.makes()));
            }
        }
        let ages = Ages(ages);
        debug_assert!(ages.are_ordered(trace), "a value is used before it is made:\n{trace}");
        ages
    }

    /// Is what an instruction uses older than what it makes?
    fn are_ordered(&self, trace: &Trace) -> bool {
        let insts = trace.blocks.iter().flat_map(|block| &block.insts);
        let age = |value: ValueId| self.0[value.index()].0;
        { insts }.all(|inst| {
            let args = [inst.a, inst.b].into_iter().filter_map(Arg::as_value);
            let used = args.map(age).collect::<Vec<_>>();
            let made = inst.dst.map_or(usize::MAX, age);
            used.into_iter().all(|used| 0 < used && used < made)
        })
    }

    /// Is nothing made?
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn age(&self, base: Arg) -> (usize, bool) {
        let young = (usize::MAX, false);
        base.as_value().map_or((0, false), |v| self.0.get(v.index()).copied().unwrap_or(young))
    }

    /// Is it the address of an object that the trace makes?
    pub fn is_new(&self, base: Arg) -> bool {
        self.age(base).1
    }

    /// Is one of these bases an object that has been made after the other was computed?
    pub fn apart(&self, a: Arg, b: Arg) -> bool {
        let (a, b) = (self.age(a), self.age(b));
        a.1 && b.0 < a.0 || b.1 && a.0 < b.0
    }
}

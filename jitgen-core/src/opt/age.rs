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
//! Not here: objects that nobody else knows yet (`fresh`).

use crate::ir::{Arg, Trace};

/// By value: its place in the order of definitions, and is it the result of a `new`? Constants are
/// older than everything, and what is made of a trace later is younger.
#[derive(Clone, Debug, Default)]
pub(super) struct Ages(Vec<(usize, bool)>);

impl Ages {
    /// Of the values of a trace each of whose blocks comes after those that lead to it.
    pub fn of(trace: &Trace) -> Ages {
        let mut ages = vec![(0, false); trace.values.len()];
        let mut next = 1;
        for block in &trace.blocks {
            let params = block.params.iter().map(|param| (*param, false));
            let made = block.insts.iter().filter_map(|inst| Some((inst.dst?, inst.op.makes())));
            for (value, new) in params.chain(made) {
                ages[value.index()] = (next, new);
                next += 1;
            }
        }
        Ages(ages)
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

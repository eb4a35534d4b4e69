//! What has been computed and guarded since the trace may last be cut.
//!
//! ```text
//! v5 = add v2, 3      v5 = add v2, 3
//! guard v4            guard v4
//! v6 = add v2, 3      (v5)
//! guard v4            (nothing: it holds)
//! ```
//!
//! The optimizer would do the same; but an interpreter computes the same address whenever it comes
//! to the same place of its memory, and a recording is given up by how many operations it has.
//!
//! Not here: words of memory (`facts`).

use crate::ir::{Arg, Op, Ty, ValueId};
use std::collections::HashMap;

/// See the head of the file.
#[derive(Debug, Default)]
pub(super) struct Computed {
    values: HashMap<(Op, Ty, Arg, Arg), ValueId>,
    conditions: HashMap<ValueId, bool>,
}

impl Computed {
    /// The value of such an operation.
    pub fn value(&self, op: Op, ty: Ty, a: Arg, b: Arg) -> Option<ValueId> {
        self.values.get(&(op, ty, a, b)).copied()
    }

    /// That operation has this value. A copy is there to be another value, so it is not remembered.
    pub fn compute(&mut self, op: Op, ty: Ty, (a, b): (Arg, Arg), value: ValueId) {
        if op != Op::Copy {
            self.values.insert((op, ty, a, b), value);
        }
    }

    /// The condition is guarded to be `value`; answers whether that is new.
    pub fn guard(&mut self, condition: ValueId, value: bool) -> bool {
        self.conditions.insert(condition, value) != Some(value)
    }
}

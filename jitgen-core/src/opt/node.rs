//! A pure operation as a key: what it computes, without the name of its result.
//!
//! ```text
//! v3 = add.i64 v1, 5      is      Node { add, i64, v1, 5 }
//! ```
//!
//! Invariant `canonical-key`: [`Node::key`] gives equal keys to operations that differ in the order
//! of exchangeable operands.
//!
//! Not here: loads (their value depends on when) and calls (their operands are a list).

use crate::ir::{Arg, Aux, Inst, Op, Ty, ValueId};
use std::hash::{Hash, Hasher};

/// What a pure operation computes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Node {
    pub op: Op,
    /// The type suffix, as in `Inst`.
    pub ty: Ty,
    pub a: Arg,
    pub b: Arg,
    pub imm: i32,
}

/// Three words.
impl Hash for Node {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64((self.imm as u64) << 16 | (self.op as u64) << 8 | self.ty as u64);
        self.a.hash(state);
        self.b.hash(state);
    }
}

impl Node {
    pub fn binary(op: Op, ty: Ty, a: Arg, b: impl Into<Arg>) -> Node {
        Node { op, ty, a, b: b.into(), imm: 0 }
    }

    pub fn unary(op: Op, ty: Ty, a: Arg) -> Node {
        Node::binary(op, ty, a, Arg::NONE)
    }

    /// The instruction that computes it.
    pub fn inst(self, dst: ValueId) -> Inst {
        let Node { op, ty, a, b, imm } = self;
        Inst { op, ty, dst: Some(dst), a, b, imm, aux: Aux::None }
    }

    /// The node with operands in canonical order where their order does not matter.
    pub fn key(self) -> Node {
        let swap = self.op.is_commutative() && Node::exchanges(self.a, self.b);
        if swap { Node { a: self.b, b: self.a, ..self } } else { self }
    }

    /// Do exchangeable operands change places in the canonical order?
    pub fn exchanges(a: Arg, b: Arg) -> bool {
        match (a, b) {
            (Arg::Value(a), Arg::Value(b)) => a > b,
            (Arg::Const(_), Arg::Value(_)) => true,
            (_, Arg::Const(_)) => false,
        }
    }
}

//! Rules of `ptr_add`: one constant, outermost, so that loads and stores take it as their offset.
//!
//! ```text
//! v2 = add.i64 v1, 1          v2 = add.i64 v1, 1
//! v3 = ptr_add v0, v2    =>   v3 = ptr_add v0, v1
//! v4 = load.i8 v3+0           v4 = load.i8 v3+1
//! ```
//!
//! Neighbouring elements then share one address.
//!
//! Not here: the offset of the load itself (`memory`), aliasing (`address`).

use super::super::forward::Forward;
use super::super::node::Node;
use super::super::rules::Rule;
use super::{Fold, again, to, with_constant};
use crate::ir::{Const, Op, Ty};

pub(super) fn add(cx: &mut Forward, n: Node) -> Fold {
    let pointer = with_constant(cx, n.a, Op::PtrAdd);
    if let Some(c) = n.b.as_const() {
        // ptr_add p, 0 => p
        if c.bits == 0 {
            return to(Rule::PtrAddZero, n.a);
        }
        // ptr_add (ptr_add p, c), d => ptr_add p, c + d
        let (p, d) = pointer?;
        let sum = Const::new(Ty::I64, c.bits.wrapping_add(d.bits)).into();
        return again(Rule::PtrAddPtrAdd, Node { a: p, b: sum, ..n });
    }
    // ptr_add (ptr_add p, c), x => ptr_add (ptr_add p, x), c
    if let Some((p, c)) = pointer {
        let a = cx.pure(Node { a: p, ..n });
        return again(Rule::PtrAddConstantLast, Node { a, b: c.into(), ..n });
    }
    // ptr_add p, (x + c) => ptr_add (ptr_add p, x), c
    let (x, c) = with_constant(cx, n.b, Op::Add)?;
    let a = cx.pure(Node { b: x, ..n });
    again(Rule::PtrAddSplit, Node { a, b: c.into(), ..n })
}

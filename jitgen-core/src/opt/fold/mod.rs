//! Algebraic rules: what a pure operation is equal to.
//!
//! ```text
//! v1 = add.i64 v0, 1      =>      v1 = add.i64 v0, 1
//! v2 = sub.i64 v1, 1              ;; v2 is v0: sub-constant, add-add, add-zero
//! ```
//!
//! [`rewrite`] looks at one operation, whose operands are already rewritten, and answers with a
//! rule: the operation is an operand that exists ([`Rewrite::To`]) or another operation, which is
//! then looked at again ([`Rewrite::Again`]).
//!
//! Invariants: `exact` (a rule holds for all bits, also of NaNs), `directional` (no two rules undo
//! each other).
//!
//! Not here: knowledge that depends on the place in the trace, except through `ranges`.

mod bits;
mod cast;
mod compare;
mod constant;
mod float;
mod int;
mod overflow;
mod pointer;

use super::forward::Forward;
use super::node::Node;
use super::rules::Rule;
use crate::ir::{Arg, Const, Op};

/// What an operation has been rewritten to.
pub(super) enum Rewrite {
    /// An operand that exists.
    To(Arg),
    /// Another operation.
    Again(Node),
}

type Fold = Option<(Rule, Rewrite)>;

/// The first rule that applies.
pub(super) fn rewrite(cx: &mut Forward, n: Node) -> Fold {
    if let Some(result) = constant::fold(n) {
        return to(Rule::ConstantFold, result);
    }
    if n.op.is_commutative() && n.a.as_const().is_some() {
        let (a, b) = (n.b, n.a);
        return again(Rule::ConstantRight, Node { a, b, ..n });
    }
    match n.op {
        Op::Add => int::add(cx, n),
        Op::Sub => int::sub(cx, n),
        Op::Mul => int::mul(cx, n),
        Op::DivS | Op::DivU => int::div(n),
        Op::RemS | Op::RemU => int::rem(n),
        Op::Neg => int::neg(cx, n),
        Op::And => bits::and(cx, n),
        Op::Or => bits::or(cx, n),
        Op::Xor => bits::xor(cx, n),
        Op::Not => bits::not(cx, n),
        Op::Shl | Op::ShrS | Op::ShrU => bits::shift(cx, n),
        Op::AddOvfS | Op::AddOvfU => overflow::add(cx, n),
        Op::SubOvfS | Op::SubOvfU => overflow::sub(cx, n),
        Op::MulOvfS | Op::MulOvfU => overflow::mul(cx, n),
        Op::Eq | Op::Ne => compare::equality(cx, n),
        Op::LtU | Op::LtS | Op::LeU | Op::LeS => compare::order(cx, n),
        Op::FDiv => float::div(n),
        Op::FNeg => float::neg(cx, n),
        Op::FAdd | Op::FSub | Op::FMul | Op::FEq | Op::FNe | Op::FLt | Op::FLe => None,
        Op::Trunc => cast::trunc(cx, n),
        Op::Zext | Op::Sext => cast::extend(cx, n),
        Op::Bitcast => cast::bitcast(cx, n),
        Op::FromS | Op::FromU | Op::ToS | Op::ToU | Op::FCvt => None,
        Op::Copy => to(Rule::Copy, n.a),
        Op::PtrAdd => pointer::add(cx, n),
        Op::Scratch
        | Op::Load
        | Op::Store
        | Op::Call
        | Op::CallRead
        | Op::CallPure
        | Op::New
        | Op::Free
        | Op::Guard
        | Op::GuardNot => None,
    }
}

fn to(rule: Rule, arg: impl Into<Arg>) -> Fold {
    Some((rule, Rewrite::To(arg.into())))
}

fn again(rule: Rule, node: Node) -> Fold {
    Some((rule, Rewrite::Again(node)))
}

/// The constant of `n`'s operand type with these bits.
fn constant(n: Node, bits: u64) -> Const {
    Const::new(n.ty, bits)
}

/// `arg` as `x op constant`.
fn with_constant(cx: &Forward, arg: Arg, op: Op) -> Option<(Arg, Const)> {
    let node = cx.defs.get(arg).filter(|node| node.op == op)?;
    Some((node.a, node.b.as_const()?))
}

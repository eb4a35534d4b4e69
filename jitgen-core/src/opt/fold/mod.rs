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
//! The rules of integers are data (`table`, in terms of `term`), prepared by `plan`, applied by `matching`,
//! and proved by the test `proof` and by a solver, which `smt` asks.
//!
//! Invariants: `exact` (a rule holds for all bits, also of NaNs), `directional` (no two rules undo
//! each other).
//!
//! Not here: knowledge that depends on the place in the trace, except through `values`; an operation that
//! can have one result only ([`Forward::pure`] asks the domain for what the rules leave).

pub(super) mod constant;
mod float;
mod matching;
mod plan;
#[cfg(test)]
mod proof;
mod smt;
mod table;
mod term;
mod typing;

pub use smt::questions;
pub(super) use table::rows;

use super::forward::Forward;
use super::node::Node;
use super::rules::{Rule, RuleId};
use crate::ir::{Arg, Op};

/// What an operation has been rewritten to.
pub(super) enum Rewrite {
    /// An operand that exists.
    To(Arg),
    /// Another operation.
    Again(Node),
}

type Fold = Option<(RuleId, Rewrite)>;

/// The first rule that applies.
pub(super) fn rewrite(cx: &mut Forward, n: &Node) -> Fold {
    if let Some(result) = constant::fold(n) {
        return to(Rule::ConstantFold, result);
    }
    if n.op.is_commutative() && n.a.as_const().is_some() {
        let (a, b) = (n.b, n.a);
        return again(Rule::ConstantRight, Node { a, b, ..*n });
    }
    let code = match n.op {
        Op::FDiv => float::div(n),
        Op::FNeg => float::neg(cx, n),
        Op::Not => float::not(cx, n),
        Op::Bitcast => bitcast(cx, n),
        Op::Copy => to(Rule::Copy, n.a),
        // Those of integers are rows of the table.
        Op::Add
        | Op::Sub
        | Op::Mul
        | Op::DivS
        | Op::DivU
        | Op::RemS
        | Op::RemU
        | Op::And
        | Op::Or
        | Op::Xor
        | Op::Shl
        | Op::ShrS
        | Op::ShrU
        | Op::Neg
        | Op::AddOvfS
        | Op::AddOvfU
        | Op::SubOvfS
        | Op::SubOvfU
        | Op::MulOvfS
        | Op::MulOvfU
        | Op::Eq
        | Op::Ne
        | Op::LtS
        | Op::LeS
        | Op::LtU
        | Op::LeU
        | Op::Trunc
        | Op::Zext
        | Op::Sext
        | Op::PtrAdd => None,
        Op::FAdd
        | Op::FSub
        | Op::FMul
        | Op::FEq
        | Op::FNe
        | Op::FLt
        | Op::FLe
        | Op::FromS
        | Op::FromU
        | Op::ToS
        | Op::ToU
        | Op::FCvt
        | Op::Scratch => None,
        Op::Load
        | Op::LoadOwned
        | Op::Store
        | Op::Call
        | Op::CallRead
        | Op::CallCode
        | Op::CallPure
        | Op::CallIf
        | Op::CallIfPure
        | Op::New
        | Op::NewKept
        | Op::Free
        | Op::ResultOf
        | Op::Guard
        | Op::GuardNot => unreachable!("{} is not pure", n.op.mnemonic()),
    };
    if code.is_some() {
        return code;
    }
    matching::apply(cx, n).map(|(number, rewrite)| (RuleId::row(number), rewrite))
}

fn bitcast(cx: &Forward, n: &Node) -> Fold {
    let inner = cx.defs.get(n.a).filter(|node| node.op == Op::Bitcast)?;
    if cx.ty(inner.a) == n.ty {
        return to(Rule::BitcastBitcast, inner.a);
    }
    again(Rule::BitcastBitcast, Node { a: inner.a, ..*n })
}

fn to(rule: Rule, arg: impl Into<Arg>) -> Fold {
    Some((rule.into(), Rewrite::To(arg.into())))
}

fn again(rule: Rule, node: Node) -> Fold {
    Some((rule.into(), Rewrite::Again(node)))
}

//! Guards: those that always pass go, and those that stay tell something.
//!
//! ```text
//! guard v3 else exit0         =>      guard v3 else exit0
//! guard v3 else exit1                 ;; v3 is true, and so is all that follows from it
//! ```
//!
//! Behind `guard b` the value `b` is the constant `true`, and if it is a comparison, so are its
//! consequences: with `x <u y`, also `x <=u y`, `x != y`, not `y <u x`, and what it says of the bits
//! and bounds of both.
//! Behind `guard x == c` the value `x` is the constant `c`.
//!
//! Invariant `below-only`: what a guard tells is used for what comes after it, never before.
//!
//! Not here: how decided comparisons are kept (`truths`), what bits and bounds say (`domain`, `values`), two guards that become one (`tested`).

use super::domain;
use super::forward::Forward;
use super::node::Node;
use super::passes::Passes;
use super::rules::Rule;
use super::truths::Comparisons;
use crate::ir::{Arg, Aux, Const, Inst, Op, Ty};

/// How many operations under a condition are looked into.
pub(super) const MAX_DEPTH: u32 = 8;

impl Forward<'_> {
    pub fn guard(&mut self, inst: &Inst) {
        let mut condition = self.operand(inst.a);
        let mut op = inst.op;
        // guard (not b) => guard_not b
        if self.passes.contains(Passes::FOLD) {
            while let Some(Node { op: Op::Not, a, .. }) = self.defs.get(condition) {
                self.fired.fire(Rule::GuardNot);
                condition = self.current(a);
                op = match op {
                    Op::Guard => Op::GuardNot,
                    _ => Op::Guard,
                };
            }
        }
        let wanted = op == Op::Guard;
        let known = condition.as_const().map(Const::is_true);
        if known == Some(wanted) && self.passes.contains(Passes::GUARDS) {
            self.fired.fire(Rule::GuardConstant);
            return;
        }
        self.contradiction |= known == Some(!wanted);
        let exits = self.out.exits.len();
        let exit = self.exit(inst.exit());
        let is_first = self.out.exits.len() > exits;
        self.note_side(inst.exit(), exit, condition, !wanted);
        let guards = self.passes.contains(Passes::GUARDS);
        if !guards || is_first || !self.merge_guard(exit, condition, wanted) {
            self.insts.push(Inst { op, a: condition, aux: Aux::Exit(exit), ..*inst });
        }
        if guards {
            self.learn(condition, wanted, MAX_DEPTH);
        }
    }

    /// Notes that a `bool` has this value from here on.
    pub fn learn(&mut self, value: Arg, truth: bool, depth: u32) {
        let Arg::Value(v) = value else { return };
        self.constants.insert(v, Const::bool(truth));
        self.values.set_truth(v, truth);
        let (Some(node), Some(depth)) = (self.defs.get(value), depth.checked_sub(1)) else {
            return;
        };
        let mut both = |truth: bool| {
            self.learn(node.a, truth, depth);
            self.learn(node.b, truth, depth);
        };
        match (node.op, truth) {
            (Op::Not, _) => self.learn(node.a, !truth, depth),
            (Op::And, true) => both(true),
            (Op::Or, false) => both(false),
            _ => self.learn_compare(node, truth),
        }
    }

    /// Notes that a comparison has this value from here on, and what follows.
    pub fn learn_compare(&mut self, node: Node, truth: bool) {
        let Node { op, ty, a, b, .. } = node;
        self.values.decided(op);
        self.bound(node, truth);
        match (op, truth) {
            (Op::Eq, true) | (Op::Ne, false) => self.equal(ty, a, b),
            (Op::Eq, false) | (Op::Ne, true) => self.different(ty, a, b),
            (Op::LtU, true) | (Op::LtS, true) => self.less(op, ty, a, b),
            (Op::LtU, false) => self.less_or_equal(Op::LeU, ty, b, a),
            (Op::LtS, false) => self.less_or_equal(Op::LeS, ty, b, a),
            (Op::LeU, true) | (Op::LeS, true) => self.less_or_equal(op, ty, a, b),
            (Op::LeU, false) => self.less(Op::LtU, ty, b, a),
            (Op::LeS, false) => self.less(Op::LtS, ty, b, a),
            (Op::FEq, _) => self.decide(Op::FNe, ty, a, b, !truth),
            (Op::FNe, _) => self.decide(Op::FEq, ty, a, b, !truth),
            (Op::FLt, true) => self.decide(Op::FLe, ty, a, b, true),
            _ => (),
        }
        if !matches!(op, Op::Eq | Op::Ne | Op::LtU | Op::LtS | Op::LeU | Op::LeS) {
            self.truths.insert(node, truth);
        }
    }

    fn decide(&mut self, op: Op, ty: Ty, a: Arg, b: impl Into<Arg>, truth: bool) {
        self.truths.insert(Node::binary(op, ty, a, b), truth);
    }

    fn equal(&mut self, ty: Ty, a: Arg, b: Arg) {
        let (mut yes, mut no) = (Comparisons::of(Op::Eq), Comparisons::of(Op::Ne));
        // What is a constant is compared as such.
        if a.as_value().is_some() && b.as_value().is_some() {
            for (lt, le) in [(Op::LtU, Op::LeU), (Op::LtS, Op::LeS)] {
                let (lt, le) = (Comparisons::of(lt), Comparisons::of(le));
                (yes, no) = (yes.and(le).and(le.back()), no.and(lt).and(lt.back()));
            }
        }
        self.truths.say(ty, a, b, yes, no);
        match (a, b) {
            (Arg::Value(v), Arg::Const(c)) | (Arg::Const(c), Arg::Value(v)) => {
                self.fired.fire(Rule::GuardEqConstant);
                self.constants.insert(v, c);
            }
            _ => (),
        }
    }

    fn different(&mut self, ty: Ty, a: Arg, b: Arg) {
        self.truths.say(ty, a, b, Comparisons::of(Op::Ne), Comparisons::of(Op::Eq));
    }

    fn less(&mut self, lt: Op, ty: Ty, a: Arg, b: Arg) {
        let le = if lt == Op::LtU { Op::LeU } else { Op::LeS };
        let orders = Comparisons::of(lt).and(Comparisons::of(le));
        let (eq, ne) = (Comparisons::of(Op::Eq), Comparisons::of(Op::Ne));
        self.truths.say(ty, a, b, orders.and(ne), orders.back().and(eq));
        self.note_above(lt, a, b);
    }

    fn less_or_equal(&mut self, le: Op, ty: Ty, a: Arg, b: Arg) {
        let lt = if le == Op::LeU { Op::LtU } else { Op::LtS };
        self.truths.say(ty, a, b, Comparisons::of(le), Comparisons::of(lt).back());
        self.note_above(le, a, b);
    }

    /// Narrows the operands of a comparison to what it leaves.
    fn bound(&mut self, node: Node, truth: bool) {
        if self.ty(node.a).is_float() {
            return;
        }
        let (a, b) = (self.known_of(node.a), self.known_of(node.b));
        let Some((left, right)) = domain::refine(node.op, truth, &a, &b) else { return };
        if let Arg::Value(v) = node.a
            && left != a
        {
            self.replace(v, &left);
        }
        // The first operand may be known to be less since then, and with it the second one.
        if right != b {
            self.narrow(node.b, right);
        }
    }
}

//! Applying rows of the table to an operation.
//!
//! ```text
//! v1 = add.i64 v0, 1
//! add.i64 v1, 2       matches Add(Add(x, C), D): x is v0, C is 1, D is 2
//!                     is Add(x, Add(C, D)), so add.i64 v0, 3
//! ```
//!
//! Operations inside of a replacement are made by [`Forward::pure`], so they are folded themselves;
//! what has only constants in it thus becomes a constant.
//!
//! Not here: what the rows say (`table`), what has to be checked and computed for that (`plan`).

use super::super::domain::{Known, transfer};
use super::super::forward::Forward;
use super::super::node::Node;
use super::plan::{Check, Condition, DEPTH, Leaf, PLACES, PLANS, Place, Plan, Step, Steps, Type};
use super::term::Fun;
use super::{Rewrite, constant, table};
use crate::ir::{Arg, Const, Op, Ty};

/// The first row that matches, by number, and what it makes of the operation.
pub(super) fn apply(cx: &mut Forward, n: &Node) -> Option<(usize, Rewrite)> {
    let kind = |arg: Arg| table::kind(arg.as_const(), cx.defs.op(arg));
    let rows = table::rows_of(n.op, [kind(n.a), kind(n.b)], n.a == n.b);
    if rows.is_empty() {
        return None;
    }
    let mut places = Places { root: n.ty, args: [Arg::NONE; PLACES] };
    (places.args[0], places.args[1]) = (n.a, n.b);
    for number in rows {
        let plan = &PLANS[number];
        if places.match_plan(cx, plan) {
            return Some((number, places.replacement(cx, plan)));
        }
    }
    None
}

/// What is at the places of a pattern.
struct Places {
    /// The type suffix of the operation.
    root: Ty,
    args: [Arg; PLACES],
}

impl Places {
    fn at(&self, place: Place) -> Arg {
        self.args[usize::from(place) % PLACES]
    }

    /// Does the operation match, and do the conditions hold?
    fn match_plan(&mut self, cx: &mut Forward, plan: &Plan) -> bool {
        for check in plan.checks.all() {
            if !self.passes(cx, check) {
                return false;
            }
        }
        plan.conditions.all().iter().all(|condition| self.holds(cx, condition))
    }

    fn passes(&mut self, cx: &Forward, check: &Check) -> bool {
        match *check {
            Check::Same(a, b) => self.at(a) == self.at(b),
            Check::IsConst(at) => self.at(at).as_const().is_some(),
            Check::IsNumber(at, lit) => {
                self.at(at).as_const().is_some_and(|c| c.bits == lit.bits(c.ty.width()))
            }
            Check::Operands(op, at, to) => {
                let inner = cx.defs.get(self.at(at)).filter(|node| node.op == op);
                let Some(Node { a, b, .. }) = inner else { return false };
                let to = usize::from(to);
                self.args[to] = a;
                if let Some(second) = self.args.get_mut(to + 1) {
                    *second = b;
                }
                true
            }
        }
    }

    fn ty(&self, cx: &Forward, ty: Type) -> Ty {
        match ty {
            Type::Root => self.root,
            Type::Bool => Ty::Bool,
            Type::Ptr => Ty::Ptr,
            Type::I64 => Ty::I64,
            Type::Of(place) => cx.ty(self.at(place)),
        }
    }

    fn holds(&self, cx: &mut Forward, condition: &Condition) -> bool {
        let (fun, a, b) = match condition {
            Condition::Compare(op, a, b) => {
                let (Arg::Const(a), Arg::Const(b)) = (self.leaf(cx, *a), self.leaf(cx, *b)) else {
                    unreachable!("a comparison of constants");
                };
                let width = a.ty.width();
                return constant::integer(*op, width, width, a.bits, b.bits) == Some(1);
            }
            Condition::Constants(steps) => {
                return self.constant(cx, steps).is_some_and(Const::is_true);
            }
            Condition::Known(steps) => return self.known(cx, steps).value() == Some(1),
            Condition::Of(fun, a, b) => (fun, self.at(*a), self.at(*b)),
        };
        if let (Fun::IsPow2, Arg::Const(c)) = (fun, a) {
            return c.bits.is_power_of_two();
        }
        let ty = cx.ty(a);
        match fun {
            Fun::Same => ty == self.root,
            Fun::Narrower => ty.width() < self.root.width(),
            Fun::Wider => ty.width() > self.root.width(),
            Fun::Alike => ty == cx.ty(b),
            Fun::IsInt => ty.is_int(),
            Fun::IsBool => ty == Ty::Bool,
            Fun::Let | Fun::Narrow | Fun::Log2 | Fun::IsPow2 => {
                unreachable!("{fun:?} is no condition of a type")
            }
        }
    }

    #[inline(always)]
    fn leaf(&self, cx: &Forward, leaf: Leaf) -> Arg {
        let constant = |place| self.at(place).as_const().expect("the row says so");
        match leaf {
            Leaf::At(place) => self.at(place),
            Leaf::Number(lit, ty) => {
                let ty = self.ty(cx, ty);
                Const::new(ty, lit.bits(ty.width())).into()
            }
            Leaf::Narrow(of, c) => Const::new(cx.ty(self.at(of)), constant(c).bits).into(),
            Leaf::Log2(c) => {
                let Const { ty, bits } = constant(c);
                Const::new(ty, u64::from(bits.checked_ilog2().unwrap_or(0))).into()
            }
        }
    }

    /// Goes through the steps; what is on the stack then. `none` is the second operand of operations that
    /// have one.
    fn run<V: Copy>(
        &self,
        cx: &mut Forward,
        steps: &[Step],
        none: V,
        leaf: impl Fn(&mut Forward, Arg) -> V,
        apply: impl Fn(&mut Forward, Op, Ty, [V; 2]) -> V,
    ) -> [V; DEPTH] {
        let (mut stack, mut top) = ([none; DEPTH], 0);
        for step in steps {
            let (operands, value) = match *step {
                Step::Push(what) => (0, leaf(cx, self.leaf(cx, what))),
                Step::Unary(op, ty) => (1, apply(cx, op, self.ty(cx, ty), [stack[top - 1], none])),
                Step::Binary(op, ty) => {
                    (2, apply(cx, op, self.ty(cx, ty), [stack[top - 2], stack[top - 1]]))
                }
            };
            top -= operands;
            stack[top] = value;
            top += 1;
        }
        stack
    }

    fn replacement(&self, cx: &mut Forward, plan: &Plan) -> Rewrite {
        let (last, steps) = plan.right.all().split_last().expect("a term has a step");
        let [a, b, ..] = self.run(
            cx,
            steps,
            Arg::NONE,
            |_, arg| arg,
            |cx, op, ty, [a, b]| {
                let node = Node::binary(op, ty, a, b);
                constant::fold(&node).map_or_else(|| cx.pure(node), Arg::Const)
            },
        );
        match *last {
            Step::Push(leaf) => Rewrite::To(self.leaf(cx, leaf)),
            Step::Unary(op, ty) => Rewrite::Again(Node::unary(op, self.ty(cx, ty), a)),
            Step::Binary(op, ty) => Rewrite::Again(Node::binary(op, self.ty(cx, ty), a, b)),
        }
    }

    /// The value of what has only constants in it.
    fn constant(&self, cx: &mut Forward, steps: &Steps) -> Option<Const> {
        let none = Arg::NONE.as_const();
        let [value, ..] = self.run(
            cx,
            steps.all(),
            none,
            |_, arg| arg.as_const(),
            |_, op, ty, [a, b]| constant::fold(&Node::binary(op, ty, a?.into(), b?)),
        );
        value
    }

    /// What is known of the value; nothing is emitted.
    fn known(&self, cx: &mut Forward, steps: &Steps) -> Known {
        let none = Known::one(64, 0);
        let [known, ..] = self.run(
            cx,
            steps.all(),
            none,
            |cx, arg| cx.known_of(arg),
            |_, op, ty, [a, b]| transfer(op, ty.width(), &a, &b),
        );
        known
    }
}

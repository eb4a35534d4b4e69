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
//! Not here: what the rows say (`table`).

use super::super::domain::{Known, transfer};
use super::super::forward::Forward;
use super::super::node::Node;
use super::term::{Fun, Row, Term};
use super::{Rewrite, constant, table};
use crate::ir::{Arg, Const, Sig, Ty};

/// The first row that matches, by number, and what it makes of the operation.
pub(super) fn apply(cx: &mut Forward, n: Node) -> Option<(usize, Rewrite)> {
    let kinds = [n.a, n.b].map(|arg| table::kind(arg.as_const(), cx.defs.op(arg)));
    table::rows_of(n.op, kinds, n.a == n.b).find_map(|(number, row)| {
        let mut bound = Bound { root: n.ty, vars: [None; 2], consts: [None; 2] };
        let holds = bound.operation(cx, row.left, n)
            && row.conditions.iter().all(|condition| bound.holds(cx, condition));
        holds.then(|| (number, bound.replacement(cx, row, n)))
    })
}

/// What the variables of a row stand for.
struct Bound {
    /// The type suffix of the operation.
    root: Ty,
    vars: [Option<Arg>; 2],
    consts: [Option<Const>; 2],
}

impl Bound {
    /// Matches an operation, and binds.
    fn operation(&mut self, cx: &Forward, pattern: Term, n: Node) -> bool {
        let Term::Op(op, args) = pattern else { return false };
        op == n.op && args.iter().zip([n.a, n.b]).all(|(term, arg)| self.operand(cx, term, arg))
    }

    fn operand(&mut self, cx: &Forward, pattern: &Term, arg: Arg) -> bool {
        match *pattern {
            Term::Var(v) => *self.vars[usize::from(v)].get_or_insert(arg) == arg,
            Term::Const(c) => {
                let constant = arg.as_const();
                constant.is_some_and(|k| *self.consts[usize::from(c)].get_or_insert(k) == k)
            }
            Term::Lit(lit) => arg.as_const().is_some_and(|c| c.bits == lit.bits(c.ty.width())),
            Term::Op(..) => cx.defs.get(arg).is_some_and(|node| self.operation(cx, *pattern, node)),
            Term::Fun(Fun::Let, [name, term]) => {
                self.operand(cx, name, arg) && self.operand(cx, term, arg)
            }
            Term::Fun(..) => unreachable!("{pattern} is no pattern"),
        }
    }

    fn var(&self, term: &Term) -> Arg {
        match term {
            Term::Var(v) => self.vars[usize::from(*v)].expect("bound on the left"),
            Term::Const(c) => self.consts[usize::from(*c)].expect("bound on the left").into(),
            _ => unreachable!("{term} is no variable"),
        }
    }

    /// The type of a term, where it does not depend on the place.
    fn ty(&self, cx: &Forward, term: &Term) -> Option<Ty> {
        match term {
            Term::Var(_) | Term::Const(_) => Some(cx.ty(self.var(term))),
            Term::Lit(_) => None,
            Term::Fun(Fun::Narrow, args) => self.ty(cx, &args[0]),
            Term::Fun(_, args) => self.ty(cx, &args[0]),
            Term::Op(op, args) => match op.sig() {
                Sig::Compare => Some(Ty::Bool),
                Sig::PtrAdd => Some(Ty::Ptr),
                Sig::Cast => None,
                _ => args.iter().find_map(|arg| self.ty(cx, arg)),
            },
        }
    }

    /// The type suffix of an operation, and the types that its operands' places ask for.
    fn suffix(&self, cx: &Forward, term: &Term, wanted: Option<Ty>) -> (Ty, [Option<Ty>; 2]) {
        let Term::Op(op, args) = term else { unreachable!("{term} is no operation") };
        match op.sig() {
            Sig::Cast => (wanted.unwrap_or(self.root), [None, None]),
            Sig::PtrAdd => (Ty::Ptr, [Some(Ty::Ptr), Some(Ty::I64)]),
            sig => {
                let outer = wanted.filter(|_| sig != Sig::Compare);
                let ty = args.iter().find_map(|arg| self.ty(cx, arg)).or(outer);
                let ty = ty.unwrap_or(self.root);
                (ty, [Some(ty), Some(ty)])
            }
        }
    }

    fn replacement(&self, cx: &mut Forward, row: &Row, n: Node) -> Rewrite {
        match row.right {
            Term::Op(..) => Rewrite::Again(self.node(cx, &row.right, n.op.result(n.ty))),
            _ => Rewrite::To(self.build(cx, &row.right, n.op.result(n.ty))),
        }
    }

    fn node(&self, cx: &mut Forward, term: &Term, wanted: Option<Ty>) -> Node {
        let (ty, operands) = self.suffix(cx, term, wanted);
        let Term::Op(op, args) = term else { unreachable!("{term} is no operation") };
        let a = self.build(cx, &args[0], operands[0]);
        let b = args.get(1).map_or(Arg::NONE, |arg| self.build(cx, arg, operands[1]));
        Node { op: *op, ty, a, b, imm: 0 }
    }

    fn build(&self, cx: &mut Forward, term: &Term, wanted: Option<Ty>) -> Arg {
        match term {
            Term::Var(_) | Term::Const(_) => self.var(term),
            Term::Lit(_) => {
                let lit = self.constant(cx, term, wanted);
                lit.expect("a number stands beside what has a type").into()
            }
            Term::Op(..) => {
                let node = self.node(cx, term, wanted);
                constant::fold(node).map_or_else(|| cx.pure(node), Arg::Const)
            }
            Term::Fun(Fun::Narrow | Fun::Log2, _) => {
                self.constant(cx, term, wanted).expect("it is made of constants").into()
            }
            Term::Fun(..) => unreachable!("{term} is no operand"),
        }
    }

    /// Is the condition known to be true?
    fn holds(&self, cx: &mut Forward, condition: &Term) -> bool {
        let Term::Fun(fun, args) = condition else {
            let constant = self.constant(cx, condition, None).map(|c| c.bits);
            return constant.or_else(|| self.known(cx, condition, None).value()) == Some(1);
        };
        let x = self.var(&args[0]);
        let ty = cx.ty(x);
        match fun {
            Fun::IsPow2 => x.as_const().is_some_and(|c| c.bits.is_power_of_two()),
            Fun::Same => ty == self.root,
            Fun::Narrower => ty.width() < self.root.width(),
            Fun::Wider => ty.width() > self.root.width(),
            Fun::Alike => ty == cx.ty(self.var(&args[1])),
            Fun::IsInt => ty.is_int(),
            Fun::IsBool => ty == Ty::Bool,
            Fun::Let | Fun::Narrow | Fun::Log2 => unreachable!("{condition} is no condition"),
        }
    }

    /// The value of a term that has only constants in it.
    fn constant(&self, cx: &Forward, term: &Term, wanted: Option<Ty>) -> Option<Const> {
        match term {
            Term::Var(_) | Term::Const(_) => self.var(term).as_const(),
            Term::Lit(lit) => wanted.map(|ty| Const::new(ty, lit.bits(ty.width()))),
            Term::Op(op, args) => {
                let (ty, operands) = self.suffix(cx, term, wanted);
                let a = self.constant(cx, &args[0], operands[0])?.into();
                let b = match args.get(1) {
                    Some(arg) => self.constant(cx, arg, operands[1])?.into(),
                    None => Arg::NONE,
                };
                constant::fold(Node { op: *op, ty, a, b, imm: 0 })
            }
            Term::Fun(Fun::Narrow, args) => {
                let ty = cx.ty(self.var(&args[0]));
                let c = self.constant(cx, &args[1], Some(ty))?;
                Some(Const::new(ty, c.bits))
            }
            Term::Fun(Fun::Log2, args) => {
                let c = self.var(&args[0]).as_const()?;
                Some(Const::new(c.ty, u64::from(c.bits.checked_ilog2().unwrap_or(0))))
            }
            Term::Fun(..) => None,
        }
    }

    /// What is known of a term's value; nothing is emitted.
    fn known(&self, cx: &mut Forward, term: &Term, wanted: Option<Ty>) -> Known {
        let Term::Op(op, args) = term else {
            let is_var = matches!(term, Term::Var(_));
            let arg = if is_var { self.var(term) } else { self.build(cx, term, wanted) };
            return cx.known_of(arg);
        };
        let (ty, operands) = self.suffix(cx, term, wanted);
        let a = self.known(cx, &args[0], operands[0]);
        let b = match args.get(1) {
            Some(arg) => self.known(cx, arg, operands[1]),
            None => Known::one(64, 0),
        };
        transfer(*op, ty.width(), &a, &b)
    }
}

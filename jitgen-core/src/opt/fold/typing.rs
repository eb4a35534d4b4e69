//! Widths for the unknowns of a row, and the walk over its terms that gives them a meaning: steps on
//! lanes for `proof`, text for a solver for `smt`. It types terms as `plan` does.
//!
//! ```text
//! Trunc(Zext(x)) => x if Same(x)      x of 8 bits, the cast to 16: no, the operation is of 8 as well
//! ```
//!
//! Not here: what operations compute.

use super::term::{Fun, Row, Term};
use crate::ir::{Domain, Op, Sig};

/// A choice of widths: of the operands, of the constants, and of each cast of the left side, in the
/// order in which they are met.
#[derive(Clone, Debug)]
pub(super) struct Widths {
    pub vars: [u32; 2],
    pub consts: [u32; 2],
    pub casts: Vec<u32>,
    pub root: u32,
}

/// How many casts are inside of a pattern.
pub(super) fn casts(term: &Term) -> usize {
    match term {
        Term::Op(op, args) => {
            usize::from(op.sig() == Sig::Cast) + args.iter().map(casts).sum::<usize>()
        }
        Term::Fun(_, args) => args.iter().map(casts).sum(),
        Term::Var(_) | Term::Const(_) | Term::Lit(_) => 0,
    }
}

fn mentions(term: &Term, wanted: &Term) -> bool {
    let same = match (term, wanted) {
        (Term::Var(a), Term::Var(b)) | (Term::Const(a), Term::Const(b)) => a == b,
        _ => false,
    };
    same || match term {
        Term::Op(_, args) | Term::Fun(_, args) => args.iter().any(|arg| mentions(arg, wanted)),
        Term::Var(_) | Term::Const(_) | Term::Lit(_) => false,
    }
}

/// May a type of this width be the suffix of the operation?
fn allowed(op: Op, width: u32) -> bool {
    match op.domain() {
        Domain::Int | Domain::Ordered => width > 1,
        Domain::Bits | Domain::Word | Domain::Any => true,
        Domain::Float | Domain::Ptr => false,
    }
}

/// All choices of widths with which the left side is well typed and the conditions on types hold.
pub(super) fn assignments(row: &Row, widths: &[u32]) -> Vec<Widths> {
    let used = |term: Term| mentions(&row.left, &term);
    let unknowns =
        [used(Term::Var(0)), used(Term::Var(1)), used(Term::Const(0)), used(Term::Const(1))];
    let casts = casts(&row.left);
    let slots = unknowns.iter().filter(|used| **used).count() + casts;
    let mut found = vec![];
    for choice in 0..widths.len().pow(slots as u32) {
        let mut rest = choice;
        let mut next = || {
            let width = widths[rest % widths.len()];
            rest /= widths.len();
            width
        };
        let mut four = unknowns.map(|used| if used { next() } else { 0 });
        let casts: Vec<u32> = (0..casts).map(|_| next()).collect();
        let mut choice =
            Widths { vars: [four[0], four[1]], consts: [four[2], four[3]], casts, root: 0 };
        let mut cast = 0;
        let typed = choice.infer(&row.left, &mut cast);
        if let Some(width) = typed {
            // `Let` names a pattern and takes its width.
            four[1] = choice.vars[1];
            let Term::Op(op, args) = row.left else { unreachable!("a pattern is an operation") };
            let mut cast = usize::from(op.sig() == Sig::Cast);
            choice.root = match op.sig() {
                Sig::Compare => {
                    args.iter().find_map(|arg| choice.infer(arg, &mut cast)).unwrap_or(0)
                }
                _ => width,
            };
            if row.conditions.iter().all(|condition| choice.holds(condition)) {
                found.push(choice);
            }
        }
    }
    found
}

impl Widths {
    /// The width of a term of the left side, if it is well typed.
    fn infer(&self, term: &Term, cast: &mut usize) -> Option<u32> {
        match term {
            Term::Var(v) => Some(self.vars[usize::from(*v)]),
            Term::Const(c) => Some(self.consts[usize::from(*c)]),
            Term::Lit(_) => None,
            Term::Fun(Fun::Let, args) => {
                let width = self.infer(&args[1], cast)?;
                (self.infer(&args[0], cast) == Some(width)).then_some(width)
            }
            Term::Fun(..) => None,
            Term::Op(op, args) if op.sig() == Sig::Cast => {
                let to = self.casts[*cast];
                *cast += 1;
                let from = self.infer(&args[0], cast)?;
                let fits = match op {
                    Op::Trunc => to < from,
                    Op::Zext => from < to,
                    _ => 1 < from && from < to,
                };
                (fits && to > 1).then_some(to)
            }
            Term::Op(op, args) => {
                let mut width = None;
                for arg in *args {
                    let Some(found) = self.infer(arg, cast) else {
                        // Only a number has the type of its neighbour.
                        matches!(arg, Term::Lit(_)).then_some(())?;
                        continue;
                    };
                    if *width.get_or_insert(found) != found {
                        return None;
                    }
                }
                let width = width?;
                allowed(*op, width).then_some(())?;
                Some(if op.sig() == Sig::Compare { 1 } else { width })
            }
        }
    }

    /// Conditions on types; others are left to the values.
    fn holds(&self, condition: &Term) -> bool {
        let Term::Fun(fun, args) = condition else { return true };
        let width = |term: &Term| match term {
            Term::Var(v) => self.vars[usize::from(*v)],
            Term::Const(c) => self.consts[usize::from(*c)],
            _ => unreachable!("a condition on types is one of operands"),
        };
        let x = width(&args[0]);
        match fun {
            Fun::Same => x == self.root,
            Fun::Narrower => x < self.root,
            Fun::Wider => x > self.root,
            Fun::Alike => x == width(&args[1]),
            Fun::IsInt => x > 1,
            Fun::IsBool => x == 1,
            Fun::Let | Fun::Narrow | Fun::Log2 | Fun::IsPow2 => true,
        }
    }

    /// The width of a term on the right or in a condition, where its place does not matter.
    pub fn of(&self, term: &Term) -> Option<u32> {
        match term {
            Term::Var(v) => Some(self.vars[usize::from(*v)]),
            Term::Const(c) => Some(self.consts[usize::from(*c)]),
            Term::Lit(_) => None,
            Term::Fun(_, args) => self.of(&args[0]),
            Term::Op(op, args) => match op.sig() {
                Sig::Compare => Some(1),
                Sig::Cast => None,
                _ => args.iter().find_map(|arg| self.of(arg)),
            },
        }
    }

    /// The width of an operation's suffix, and what its operands' places ask for.
    pub fn suffix(&self, op: Op, args: &[Term], wanted: Option<u32>) -> (u32, Option<u32>) {
        if op.sig() == Sig::Cast {
            return (wanted.unwrap_or(self.root), None);
        }
        let outer = wanted.filter(|_| op.sig() != Sig::Compare);
        let width = args.iter().find_map(|arg| self.of(arg)).or(outer);
        let width = width.unwrap_or(self.root);
        (width, Some(width))
    }

    /// The width of the whole.
    pub fn result(&self, row: &Row) -> u32 {
        if row.root().sig() == Sig::Compare { 1 } else { self.root }
    }
}

/// Is the condition one that `assignments` has seen to?
fn is_about_types(condition: &Term) -> bool {
    matches!(condition, Term::Fun(fun, _) if *fun != Fun::IsPow2)
}

/// What terms are turned into.
pub(super) trait Meaning {
    type Value: Clone;
    fn var(&mut self, var: usize) -> Self::Value;
    fn constant(&mut self, constant: usize) -> Self::Value;
    fn number(&mut self, bits: u64, width: u32) -> Self::Value;
    /// `width` is that of the suffix, `from` that of the operands.
    fn apply(
        &mut self,
        op: Op,
        width: u32,
        from: u32,
        a: &Self::Value,
        b: Option<&Self::Value>,
    ) -> Self::Value;
    fn log2(&mut self, a: &Self::Value, width: u32) -> Self::Value;
    fn is_pow2(&mut self, a: &Self::Value, width: u32) -> Self::Value;
}

/// A walk over a row with these widths.
pub(super) struct Walk<'a, M: Meaning> {
    pub widths: &'a Widths,
    /// Casts of the left side that have been met.
    cast: usize,
    /// Names that the left side gives to its parts.
    pub named: [Option<M::Value>; 2],
    pub meaning: M,
}

/// Left side, right side and conditions.
pub(super) type Parts<V> = (V, V, Vec<V>);

impl<'a, M: Meaning> Walk<'a, M> {
    pub fn new(widths: &'a Widths, meaning: M) -> Walk<'a, M> {
        Walk { widths, cast: 0, named: [None, None], meaning }
    }

    /// The whole row; `between` is called when the left side is done.
    pub fn row(&mut self, row: &Row, between: impl FnOnce(&mut M)) -> Parts<M::Value> {
        let (left, _) = self.left(&row.left, self.widths.root);
        between(&mut self.meaning);
        let right = self.right(&row.right, Some(self.widths.result(row)));
        let conditions = row.conditions.iter().filter(|term| !is_about_types(term));
        (left, right, conditions.map(|condition| self.right(condition, None)).collect())
    }

    /// The left side: casts go to the chosen widths.
    fn left(&mut self, term: &Term, wanted: u32) -> (M::Value, u32) {
        match term {
            Term::Op(op, args) => {
                let to = (op.sig() == Sig::Cast).then(|| {
                    self.cast += 1;
                    self.widths.casts[self.cast - 1]
                });
                let mut from = wanted;
                // A number takes the width of its neighbour, so that goes first.
                let mut results = [None, None];
                for (number, arg) in args.iter().enumerate() {
                    if !matches!(arg, Term::Lit(_)) {
                        let (result, width) = self.left(arg, wanted);
                        (results[number], from) = (Some(result), width);
                    }
                }
                for (number, arg) in args.iter().enumerate() {
                    if matches!(arg, Term::Lit(_)) {
                        results[number] = Some(self.left(arg, from).0);
                    }
                }
                let width = to.unwrap_or(from);
                let [a, b] = results;
                let a = a.expect("an operation has an operand");
                let value = self.meaning.apply(*op, width, from, &a, b.as_ref());
                (value, if op.sig() == Sig::Compare { 1 } else { width })
            }
            Term::Fun(Fun::Let, args) => {
                let Term::Var(v) = args[0] else { unreachable!("a name is an operand") };
                let result = self.left(&args[1], wanted);
                self.named[usize::from(v)] = Some(result.0.clone());
                result
            }
            _ => (self.right(term, Some(wanted)), self.widths.of(term).unwrap_or(wanted)),
        }
    }

    /// The right side, or a condition.
    fn right(&mut self, term: &Term, wanted: Option<u32>) -> M::Value {
        match term {
            Term::Var(v) => {
                let v = usize::from(*v);
                self.named[v].clone().unwrap_or_else(|| self.meaning.var(v))
            }
            Term::Const(c) => self.meaning.constant(usize::from(*c)),
            Term::Lit(lit) => {
                let width = wanted.expect("a number stands beside what has a width");
                self.meaning.number(lit.bits(width), width)
            }
            Term::Op(op, args) => {
                let (width, inner) = self.widths.suffix(*op, args, wanted);
                let a = self.right(&args[0], inner);
                let b = args.get(1).map(|arg| self.right(arg, inner));
                let from = self.width(&args[0], inner);
                self.meaning.apply(*op, width, from, &a, b.as_ref())
            }
            Term::Fun(Fun::Narrow, args) => {
                let to = self.widths.of(&args[0]).expect("an operand has a width");
                let c = self.right(&args[1], Some(to));
                let from = self.widths.of(&args[1]).unwrap_or(to);
                let op = if from == to { Op::Copy } else { Op::Trunc };
                self.meaning.apply(op, to, from, &c, None)
            }
            Term::Fun(Fun::Log2, args) => {
                let c = self.right(&args[0], None);
                self.meaning.log2(&c, self.width(&args[0], None))
            }
            Term::Fun(Fun::IsPow2, args) => {
                let c = self.right(&args[0], None);
                self.meaning.is_pow2(&c, self.width(&args[0], None))
            }
            Term::Fun(..) => unreachable!("{term} has no value"),
        }
    }

    fn width(&self, term: &Term, wanted: Option<u32>) -> u32 {
        match term {
            Term::Op(op, args) if op.sig() != Sig::Compare => {
                self.widths.suffix(*op, args, wanted).0
            }
            _ => self.widths.of(term).or(wanted).expect("a width"),
        }
    }
}

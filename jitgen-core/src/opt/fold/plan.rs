//! Rows of the table, prepared for matching: what has to be checked, and what is to be computed.
//!
//! ```text
//! "ptr-add-split" { PtrAdd(x, Add(y, C)) => PtrAdd(PtrAdd(x, y), C) }
//!
//! names   0: x   1: the sum   2: y   3: C
//! checks  the operands of 1 are 2 and 3; 3 is a constant
//! right   0, 2, ptr_add, 3, ptr_add
//! ```
//!
//! The places of a pattern are numbered: 0 and 1 are the operands of the operation that is replaced,
//! and where an operand is an operation itself, its operands have the next numbers. So a variable is
//! the number of the place where it stands first. What the index of rows by operands has seen to is not
//! checked again.
//!
//! Terms become sequences of steps for a stack. The type of each step follows from the row alone, or is
//! that of a place.
//!
//! All this is computed when the optimizer is compiled.
//!
//! Not here: which rows are tried (`table`), how a plan is carried out (`matching`).

use super::table::{COUNT, ROWS};
use super::term::{Fun, Lit, Row, Term};
use crate::ir::{Op, Sig};

/// How many places a pattern has at most.
pub(super) const PLACES: usize = 8;

/// The number of a place.
pub(super) type Place = u8;

/// A few items; a vector cannot be made when the optimizer is compiled.
#[derive(Clone, Copy, Debug)]
pub(super) struct Few<T: Copy, const N: usize> {
    items: [T; N],
    count: u8,
}

impl<T: Copy, const N: usize> Few<T, N> {
    /// None of them; `filler` is none either.
    const fn none(filler: T) -> Self {
        Few { items: [filler; N], count: 0 }
    }

    const fn push(&mut self, item: T) {
        self.items[self.count as usize] = item;
        self.count += 1;
    }

    pub fn all(&self) -> &[T] {
        &self.items[..usize::from(self.count)]
    }
}

/// Something to be checked of an operation, from the first to the last.
#[derive(Clone, Copy, Debug)]
pub(super) enum Check {
    /// At both places is the same operand.
    Same(Place, Place),
    IsConst(Place),
    IsNumber(Place, Lit),
    /// At the first place is the result of this operation, whose operands get numbers from the second.
    Operands(Op, Place, Place),
}

/// Where the type of a step comes from.
#[derive(Clone, Copy, Debug)]
pub(super) enum Type {
    /// The suffix of the operation that is replaced.
    Root,
    Bool,
    Ptr,
    I64,
    /// The type of what is at that place.
    Of(Place),
}

/// A step of a computation on a stack.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    /// It comes onto the stack.
    Push(Leaf),
    /// Operations take their operands from the stack.
    Unary(Op, Type),
    Binary(Op, Type),
}

/// What is there without an operation.
#[derive(Clone, Copy, Debug)]
pub(super) enum Leaf {
    At(Place),
    Number(Lit, Type),
    /// The constant at the second place, cut off to the type of what is at the first.
    Narrow(Place, Place),
    Log2(Place),
}

/// The steps of a term, which stand one behind the other: from the first to before the last number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Steps(u16, u16);

impl Steps {
    pub fn all(self) -> &'static [Step] {
        &STEPS[usize::from(self.0)..usize::from(self.1)]
    }
}

/// How much is on the stack at most.
pub(super) const DEPTH: usize = 5;

#[derive(Clone, Copy, Debug)]
pub(super) enum Condition {
    /// One of types, or of a constant as such.
    Of(Fun, Place, Place),
    /// A comparison of constants.
    Compare(Op, Leaf, Leaf),
    /// Another truth value that has only constants in it.
    Constants(Steps),
    /// A truth value for the domain.
    Known(Steps),
}

/// A row.
#[derive(Clone, Copy)]
pub(super) struct Plan {
    pub checks: Few<Check, 8>,
    pub conditions: Few<Condition, 3>,
    pub right: Steps,
}

/// By the number of the row.
pub(super) static PLANS: [Plan; COUNT] = PREPARED.0;

/// The steps of all rows.
static STEPS: [Step; PREPARED.1.count] = {
    let (mut steps, mut k) = ([PREPARED.1.steps[0]; PREPARED.1.count], 0);
    while k < steps.len() {
        steps[k] = PREPARED.1.steps[k];
        k += 1;
    }
    steps
};

const PREPARED: ([Plan; COUNT], Written) = {
    let mut written = Written { steps: [Step::Push(Leaf::At(0)); 16 * COUNT], count: 0 };
    let (mut plans, mut row) = ([Plan::NOTHING; COUNT], 0);
    while row < COUNT {
        plans[row] = Plan::of(ROWS[row], &mut written);
        row += 1;
    }
    (plans, written)
};

/// Where steps are written, one behind the other.
struct Written {
    steps: [Step; 16 * COUNT],
    count: usize,
}

impl Written {
    const fn push(&mut self, step: Step) {
        self.steps[self.count] = step;
        self.count += 1;
    }
}

/// No place: the variable has not been met yet.
const NOWHERE: Place = Place::MAX;

/// Where the variables of a row are.
struct Names {
    vars: [Place; 2],
    consts: [Place; 2],
    /// The number that the next place gets.
    next: Place,
}

impl Plan {
    const NOTHING: Plan = Plan {
        checks: Few::none(Check::IsConst(0)),
        conditions: Few::none(Condition::Of(Fun::Same, 0, 0)),
        right: Steps(0, 0),
    };

    const fn of(row: &Row, to: &mut Written) -> Plan {
        let mut names = Names { vars: [NOWHERE; 2], consts: [NOWHERE; 2], next: 2 };
        let mut plan = Plan::NOTHING;
        let Term::Op(op, args) = row.left else { panic!("a rule replaces an operation") };
        let mut k = 0;
        while k < args.len() {
            plan.check(&mut names, &args[k], k as Place, true);
            k += 1;
        }
        assert!(names.next as usize <= PLACES, "a pattern has too many places");
        let mut k = 0;
        while k < row.conditions.len() {
            plan.conditions.push(names.condition(&row.conditions[k], to));
            k += 1;
        }
        let result = if matches!(op.sig(), Sig::Compare) { Type::Bool } else { Type::Root };
        plan.right = names.all_steps(&row.right, Some(result), to);
        plan
    }

    /// Adds what is to be checked of the operand at this place. Of the `outer` ones the index knows which
    /// operations they are, and whether they are constants, 0 or 1.
    const fn check(&mut self, names: &mut Names, pattern: &Term, at: Place, outer: bool) {
        match pattern {
            Term::Var(v) => self.bind(&mut names.vars[*v as usize], at),
            Term::Const(c) => {
                if !outer {
                    self.checks.push(Check::IsConst(at));
                }
                self.bind(&mut names.consts[*c as usize], at);
            }
            Term::Lit(Lit::Zero | Lit::One) if outer => (),
            Term::Lit(lit) => self.checks.push(Check::IsNumber(at, *lit)),
            Term::Op(op, args) => {
                let first = names.next;
                names.next += args.len() as Place;
                self.checks.push(Check::Operands(*op, at, first));
                let mut k = 0;
                while k < args.len() {
                    self.check(names, &args[k], first + k as Place, false);
                    k += 1;
                }
            }
            Term::Fun(Fun::Let, [name, term]) => {
                self.check(names, name, at, outer);
                self.check(names, term, at, outer);
            }
            Term::Fun(..) => panic!("it is no pattern"),
        }
    }

    const fn bind(&mut self, name: &mut Place, at: Place) {
        if *name == NOWHERE {
            *name = at;
        } else {
            self.checks.push(Check::Same(*name, at));
        }
    }
}

impl Names {
    const fn place(&self, name: &Term) -> Place {
        let place = match name {
            Term::Var(v) => self.vars[*v as usize],
            Term::Const(c) => self.consts[*c as usize],
            _ => panic!("it is no variable"),
        };
        assert!(place != NOWHERE, "it does not stand on the left");
        place
    }

    const fn condition(&self, condition: &Term, to: &mut Written) -> Condition {
        if let Term::Fun(fun, args) = condition {
            let last = self.place(&args[args.len() - 1]);
            return Condition::Of(*fun, self.place(&args[0]), last);
        }
        if !is_constant(condition) {
            return Condition::Known(self.all_steps(condition, None, to));
        }
        match condition {
            Term::Op(op, args @ [a, b]) if !has_steps(a) && !has_steps(b) => {
                let (_, [ty, _]) = self.suffix(*op, args, None);
                Condition::Compare(*op, self.leaf(a, ty), self.leaf(b, ty))
            }
            _ => Condition::Constants(self.all_steps(condition, None, to)),
        }
    }

    const fn all_steps(&self, term: &Term, wanted: Option<Type>, to: &mut Written) -> Steps {
        let first = to.count;
        let depth = self.steps(to, term, wanted);
        assert!(depth <= DEPTH, "a term needs too much of the stack");
        Steps(first as u16, to.count as u16)
    }

    /// Adds the steps that compute a term, whose place asks for that type. How much they have on the
    /// stack at most.
    const fn steps(&self, to: &mut Written, term: &Term, wanted: Option<Type>) -> usize {
        let Term::Op(op, args) = term else {
            to.push(Step::Push(self.leaf(term, wanted)));
            return 1;
        };
        let (ty, operands) = self.suffix(*op, args, wanted);
        let (mut depth, mut k) = (0, 0);
        while k < args.len() {
            let inner = k + self.steps(to, &args[k], operands[k]);
            depth = if inner > depth { inner } else { depth };
            k += 1;
        }
        to.push(match args.len() {
            1 => Step::Unary(*op, ty),
            _ => Step::Binary(*op, ty),
        });
        depth
    }

    const fn leaf(&self, term: &Term, wanted: Option<Type>) -> Leaf {
        match (term, wanted) {
            (Term::Var(_) | Term::Const(_), _) => Leaf::At(self.place(term)),
            (Term::Lit(lit), Some(ty)) => Leaf::Number(*lit, ty),
            (Term::Lit(_), None) => panic!("a number stands beside what has a type"),
            (Term::Fun(Fun::Narrow, [of, Term::Lit(lit)]), _) => {
                Leaf::Number(*lit, Type::Of(self.place(of)))
            }
            (Term::Fun(Fun::Narrow, [of, c]), _) => Leaf::Narrow(self.place(of), self.place(c)),
            (Term::Fun(Fun::Log2, [c]), _) => Leaf::Log2(self.place(c)),
            _ => panic!("it has no value"),
        }
    }

    /// The type of a term, where it does not depend on its place.
    const fn ty(&self, term: &Term) -> Option<Type> {
        match term {
            Term::Var(_) | Term::Const(_) => Some(Type::Of(self.place(term))),
            Term::Lit(_) => None,
            Term::Fun(_, args) => self.ty(&args[0]),
            Term::Op(op, args) => match op.sig() {
                Sig::Compare => Some(Type::Bool),
                Sig::PtrAdd => Some(Type::Ptr),
                Sig::Cast => None,
                _ => self.first_ty(args),
            },
        }
    }

    const fn first_ty(&self, args: &[Term]) -> Option<Type> {
        let mut k = 0;
        while k < args.len() {
            if let Some(ty) = self.ty(&args[k]) {
                return Some(ty);
            }
            k += 1;
        }
        None
    }

    /// The suffix of an operation, and the types that its operands' places ask for.
    const fn suffix(
        &self,
        op: Op,
        args: &[Term],
        wanted: Option<Type>,
    ) -> (Type, [Option<Type>; 2]) {
        match op.sig() {
            Sig::Cast => match wanted {
                Some(ty) => (ty, [None, None]),
                None => (Type::Root, [None, None]),
            },
            Sig::PtrAdd => (Type::Ptr, [Some(Type::Ptr), Some(Type::I64)]),
            sig => {
                let ty = match (self.first_ty(args), wanted) {
                    (Some(ty), _) => ty,
                    (None, Some(ty)) if !matches!(sig, Sig::Compare) => ty,
                    _ => Type::Root,
                };
                (ty, [Some(ty), Some(ty)])
            }
        }
    }
}

/// Is there an operation in it?
const fn has_steps(term: &Term) -> bool {
    matches!(term, Term::Op(..))
}

/// Are there only constants in it?
const fn is_constant(term: &Term) -> bool {
    match term {
        Term::Var(_) => false,
        Term::Const(_) | Term::Lit(_) => true,
        Term::Fun(Fun::Narrow, args) => is_constant(&args[1]),
        Term::Fun(_, args) | Term::Op(_, args) => {
            let mut k = 0;
            while k < args.len() {
                if !is_constant(&args[k]) {
                    return false;
                }
                k += 1;
            }
            true
        }
    }
}

/// The example at the head of the file.
#[test]
fn a_pattern_of_two_operations_has_four_places() {
    let number = ROWS.iter().position(|row| row.name == "ptr-add-split").expect("a rule");
    let Plan { checks, conditions, right } = &PLANS[number];
    assert_eq!(format!("{:?}", checks.all()), "[Operands(Add, 1, 2), IsConst(3)]");
    assert!(conditions.all().is_empty());
    let steps = "[Push(At(0)), Push(At(2)), Binary(PtrAdd, Ptr), Push(At(3)), Binary(PtrAdd, Ptr)]";
    assert_eq!(format!("{:?}", right.all()), steps);
}

/// A number that is cut off to a type is a number of that type; a cast goes to the type of its neighbour.
#[test]
fn conditions_are_of_constants_or_for_the_domain() {
    let conditions = |name: &str| {
        let row = ROWS.iter().position(|row| row.name == name).expect("a rule");
        let text = |condition: &Condition| match condition {
            Condition::Known(steps) => format!("known {:?}", steps.all()),
            Condition::Constants(steps) => format!("constants {:?}", steps.all()),
            Condition::Of(..) | Condition::Compare(..) => format!("{condition:?}"),
        };
        PLANS[row].conditions.all().iter().map(text).collect::<Vec<_>>()
    };
    let least = "Push(Number(Min, Of(0))), Unary(Sext, Of(2)), Push(At(2)), Binary(LeS, Of(2))";
    let most = "Push(At(2)), Push(Number(Max, Of(0))), Unary(Sext, Of(2)), Binary(LeS, Of(2))";
    let expected = ["Of(Same, 2, 2)".into(), format!("known [{least}]"), format!("known [{most}]")];
    assert_eq!(conditions("sext-trunc"), expected);
    assert_eq!(conditions("shift-amount"), ["Compare(LtU, Number(Sign, Of(1)), At(1))"]);
    assert!(conditions("shift-shift")[0].starts_with("constants [Push(At("));
}

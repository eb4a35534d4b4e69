//! The rules of integers, truth values and addresses. `term` tells how to read them.
//!
//! Normal form: constants right, `sub x, c` as `add x, -c` (one constant at the end of a sum, so that
//! positions that differ by constants are seen to do so), multiplications by powers of two as shifts,
//! against constants only `<` and where that leaves one value `==` or `!=`, overflow predicates with a
//! constant as comparisons, `ptr_add` with its constant outermost.
//!
//! The first row that matches counts.
//!
//! Invariants: `proved` (each row holds for all operands: `proof` tries them at small widths, `smt`
//! asks a solver about all), `directional` (no two rules undo each other).
//!
//! Not here: what has one possible result (the domain finds it), floats (`float`).

use super::term::{Fun, Lit, Row, Term, alternatives, row, table, term, terms};
use crate::ir::{Const, Op};

table! {
    /// Each rule with its alternatives, in the order in which they are tried.
    TABLE:

    "add-zero" { Add(x, 0) => x };
    "add-add" { Add(Add(x, C), D) => Add(x, Add(C, D)) };
    "add-sub-cancel" { Add(Sub(x, y), y) => x };
    "add-sub-cancel" { Add(y, Sub(x, y)) => x };

    "sub-self" { Sub(x, x) => 0 };
    "sub-constant" { Sub(x, C) => Add(x, Neg(C)) };
    "sub-from-zero" { Sub(0, x) => Neg(x) };
    "sub-same-base" { Sub(Add(x, C), Add(x, D)) => Sub(C, D) };
    "sub-same-base" { Sub(x, Add(x, C)) => Neg(C) };
    "sub-add-cancel" { Sub(Add(x, y), y) => x };
    "sub-add-cancel" { Sub(Add(x, y), x) => y };

    "neg-neg" { Neg(Neg(x)) => x };
    "neg-sub" { Neg(Sub(x, y)) => Sub(y, x) };

    "mul-one" { Mul(x, 1) => x };
    "mul-minus-one" { Mul(x, ONES) => Neg(x) };
    "mul-power-of-two" { Mul(x, C) => Shl(x, Log2(C)) if IsPow2(C) };
    "mul-mul" { Mul(Mul(x, C), D) => Mul(x, Mul(C, D)) };
    "mul-add" { Mul(Add(x, C), D) => Add(Mul(x, D), Mul(C, D)) };

    "div-one" { P(x, 1) => x } for DivS DivU;
    "div-power-of-two" { DivU(x, C) => ShrU(x, Log2(C)) if IsPow2(C) };
    "div-non-negative" { DivS(x, C) => DivU(x, C) if LtS(0, C), LeS(0, x) };
    "div-signed-power-of-two" {
        DivS(x, C) => ShrS(Add(x, ShrU(ShrS(x, SIGN), And(Neg(Log2(C)), SIGN))), Log2(C))
        if IsPow2(C), LtS(1, C)
    };
    "rem-power-of-two" { RemU(x, C) => And(x, Sub(C, 1)) if IsPow2(C) };
    "rem-non-negative" { RemS(x, C) => RemU(x, C) if LtS(0, C), LeS(0, x) };
    "rem-signed-power-of-two" {
        RemS(x, C) => Sub(x, And(Add(x, ShrU(ShrS(x, SIGN), And(Neg(Log2(C)), SIGN))), Neg(C)))
        if IsPow2(C), LtS(1, C)
    };

    "and-self" { And(x, x) => x };
    "and-ones" { And(x, ONES) => x };
    "and-and" { And(And(x, C), D) => And(x, And(C, D)) };
    "and-range" { And(x, C) => x if Eq(And(x, Not(C)), 0) };
    "and-or" { And(Or(x, y), C) => And(y, C) if Eq(And(x, C), 0) };
    "and-or" { And(Or(x, y), C) => And(x, C) if Eq(And(y, C), 0) };
    "or-self" { Or(x, x) => x };
    "or-zero" { Or(x, 0) => x };
    "or-or" { Or(Or(x, C), D) => Or(x, Or(C, D)) };
    "or-range" { Or(x, C) => x if Eq(And(x, C), C) };
    "xor-self" { Xor(x, x) => 0 };
    "xor-zero" { Xor(x, 0) => x };
    "xor-xor" { Xor(Xor(x, C), D) => Xor(x, Xor(C, D)) };
    "xor-ones" { Xor(x, ONES) => Not(x) };

    "not-not" { Not(Not(x)) => x };
    "not-compare" { Not(Eq(x, y)) => Ne(x, y) };
    "not-compare" { Not(Ne(x, y)) => Eq(x, y) };
    "not-compare" { Not(LtS(x, y)) => LeS(y, x) };
    "not-compare" { Not(LtU(x, y)) => LeU(y, x) };
    "not-compare" { Not(LeS(x, y)) => LtS(y, x) };
    "not-compare" { Not(LeU(x, y)) => LtU(y, x) };

    "shift-amount" { P(x, C) => P(x, And(C, SIGN)) if LtU(SIGN, C) } for Shl ShrS ShrU;
    "shift-zero" { P(x, 0) => x } for Shl ShrS ShrU;
    "shift-shift" {
        P(P(x, C), D) => P(x, Add(And(C, SIGN), And(D, SIGN)))
        if LeU(Add(And(C, SIGN), And(D, SIGN)), SIGN)
    } for Shl ShrS ShrU;
    "shift-shift" {
        ShrS(ShrS(x, C), D) => ShrS(x, SIGN)
        if LtU(SIGN, Add(And(C, SIGN), And(D, SIGN)))
    };
    "shift-back" { Shl(P(x, C), C) => And(x, Shl(ONES, C)) } for ShrU ShrS;
    "shift-back" { ShrU(Shl(x, C), C) => And(x, ShrU(ONES, C)) };
    "shift-non-negative" { ShrS(x, C) => ShrU(x, C) if LeS(0, x) };
    "shift-or" { ShrU(Or(x, y), C) => ShrU(y, C) if Eq(ShrU(x, C), 0) };
    "shift-or" { ShrU(Or(x, y), C) => ShrU(x, C) if Eq(ShrU(y, C), 0) };
    "shl-add" { Shl(Add(x, C), D) => Add(Shl(x, D), Shl(C, D)) };

    "ptr-add-zero" { PtrAdd(x, 0) => x };
    "ptr-add-ptr-add" { PtrAdd(PtrAdd(x, C), D) => PtrAdd(x, Add(C, D)) };
    "ptr-add-constant-last" { PtrAdd(PtrAdd(x, C), y) => PtrAdd(PtrAdd(x, y), C) };
    "ptr-add-split" { PtrAdd(x, Add(y, C)) => PtrAdd(PtrAdd(x, y), C) };

    "add-overflow-constant" { AddOvfU(x, C) => LtU(Not(C), x) };
    "add-overflow-constant" { AddOvfS(x, C) => LtS(Sub(MAX, C), x) if LeS(0, C) };
    "add-overflow-constant" { AddOvfS(x, C) => LtS(x, Sub(MIN, C)) if LtS(C, 0) };
    "sub-overflow-unsigned" { SubOvfU(x, y) => LtU(x, y) };
    "sub-overflow-constant" { SubOvfS(x, MIN) => LtS(ONES, x) };
    "sub-overflow-constant" { SubOvfS(x, C) => AddOvfS(x, Neg(C)) if Ne(C, MIN) };
    "sub-overflow-from-constant" { SubOvfS(C, x) => LtS(x, Sub(C, MAX)) if LeS(0, C) };
    "sub-overflow-from-constant" { SubOvfS(C, x) => LtS(Sub(C, MIN), x) if LtS(C, 0) };
    "mul-overflow-constant" { MulOvfU(x, C) => LtU(DivU(ONES, C), x) if Ne(C, 0) };
    "mul-overflow-non-negative" {
        MulOvfS(x, C) => LtU(DivU(MAX, C), x) if LtS(0, C), LeS(0, x)
    };

    "compare-self" { P(x, x) => 1 } for Eq LeS LeU;
    "compare-self" { P(x, x) => 0 } for Ne LtS LtU;
    "eq-bool" { Eq(x, 0) => Not(x) if IsBool(x) };
    "eq-bool" { Eq(x, 1) => x if IsBool(x) };
    "eq-bool" { Ne(x, 0) => x if IsBool(x) };
    "eq-bool" { Ne(x, 1) => Not(x) if IsBool(x) };
    "eq-same-base" { P(Add(x, C), Add(x, D)) => P(C, D) } for Eq Ne;
    "eq-same-base" { P(Add(x, C), x) => P(C, 0) } for Eq Ne;
    "eq-same-base" { P(x, Add(x, C)) => P(C, 0) } for Eq Ne;
    "eq-add" { P(Add(x, C), D) => P(x, Sub(D, C)) } for Eq Ne;
    "eq-sub-zero" { P(Sub(x, y), 0) => P(x, y) } for Eq Ne;
    "eq-xor-zero" { P(Xor(x, y), 0) => P(x, y) } for Eq Ne;
    "eq-extend" { P(Zext(x), C) => P(x, Narrow(x, C)) if Eq(Zext(Narrow(x, C)), C) } for Eq Ne;
    "eq-extend" { P(Sext(x), C) => P(x, Narrow(x, C)) if Eq(Sext(Narrow(x, C)), C) } for Eq Ne;
    "eq-extend-both" { P(Zext(x), Zext(y)) => P(x, y) if Alike(x, y) } for Eq Ne;
    "eq-extend-both" { P(Sext(x), Sext(y)) => P(x, y) if Alike(x, y) } for Eq Ne;

    "le-constant" { LeU(x, C) => LtU(x, Add(C, 1)) if Ne(C, ONES) };
    "le-constant" { LeU(C, x) => LtU(Sub(C, 1), x) if Ne(C, 0) };
    "le-constant" { LeS(x, C) => LtS(x, Add(C, 1)) if Ne(C, MAX) };
    "le-constant" { LeS(C, x) => LtS(Sub(C, 1), x) if Ne(C, MIN) };
    "lt-limit" { LtU(x, 1) => Eq(x, 0) };
    "lt-limit" { LtU(x, ONES) => Ne(x, ONES) };
    "lt-limit" { LtU(0, x) => Ne(x, 0) };
    "lt-limit" { LtU(C, x) => Eq(x, ONES) if Eq(C, Sub(ONES, 1)) };
    "lt-limit" { LtS(x, C) => Eq(x, MIN) if Eq(C, Add(MIN, 1)) };
    "lt-limit" { LtS(x, MAX) => Ne(x, MAX) };
    "lt-limit" { LtS(MIN, x) => Ne(x, MIN) };
    "lt-limit" { LtS(C, x) => Eq(x, MAX) if Eq(C, Sub(MAX, 1)) };
    "lt-wrap" { LtU(Add(x, C), C) => LtU(Not(C), x) };
    "lt-extend" { P(Zext(x), Zext(y)) => P(x, y) if Alike(x, y), IsInt(x) } for LtU LeU;
    "lt-extend" { LtS(Zext(x), Zext(y)) => LtU(x, y) if Alike(x, y), IsInt(x) };
    "lt-extend" { LeS(Zext(x), Zext(y)) => LeU(x, y) if Alike(x, y), IsInt(x) };
    "lt-extend" { P(Sext(x), Sext(y)) => P(x, y) if Alike(x, y) } for LtS LeS;
    "lt-extend" {
        LtU(Zext(x), C) => LtU(x, Narrow(x, C)) if IsInt(x), Eq(Zext(Narrow(x, C)), C)
    };
    "lt-extend" {
        LtU(C, Zext(x)) => LtU(Narrow(x, C), x) if IsInt(x), Eq(Zext(Narrow(x, C)), C)
    };
    "lt-extend" {
        LtS(Zext(x), C) => LtU(x, Narrow(x, C))
        if IsInt(x), Eq(Zext(Narrow(x, C)), C), LeS(0, C)
    };
    "lt-extend" {
        LtS(C, Zext(x)) => LtU(Narrow(x, C), x)
        if IsInt(x), Eq(Zext(Narrow(x, C)), C), LeS(0, C)
    };
    "lt-extend" { LtS(Sext(x), C) => LtS(x, Narrow(x, C)) if Eq(Sext(Narrow(x, C)), C) };
    "lt-extend" { LtS(C, Sext(x)) => LtS(Narrow(x, C), x) if Eq(Sext(Narrow(x, C)), C) };

    "trunc-trunc" { Trunc(Trunc(x)) => Trunc(x) };
    "trunc-extend" { Trunc(P(x)) => x if Same(x) } for Zext Sext;
    "trunc-extend" { Trunc(P(x)) => Trunc(x) if Wider(x) } for Zext Sext;
    "trunc-extend" { Trunc(P(x)) => P(x) if Narrower(x) } for Zext Sext;
    "trunc-or" { Trunc(Or(x, y)) => Trunc(y) if Eq(Trunc(x), 0) };
    "trunc-or" { Trunc(Or(x, y)) => Trunc(x) if Eq(Trunc(y), 0) };
    "trunc-and" { Trunc(And(x, C)) => Trunc(x) if Eq(Trunc(Not(C)), 0) };
    "trunc-arithmetic" { Trunc(P(Zext(x), C)) => P(x, Trunc(C)) if Same(x) }
        for Add Mul And Or Xor;
    "trunc-arithmetic" { Trunc(P(Sext(x), C)) => P(x, Trunc(C)) if Same(x) }
        for Add Mul And Or Xor;
    "trunc-arithmetic" { Trunc(P(Zext(x), Zext(y))) => P(x, y) if Same(x), Same(y) }
        for Add Sub Mul And Or Xor;
    "trunc-arithmetic" { Trunc(P(Sext(x), Sext(y))) => P(x, y) if Same(x), Same(y) }
        for Add Sub Mul And Or Xor;
    "extend-extend" { Zext(Zext(x)) => Zext(x) };
    "extend-extend" { Sext(P(x)) => P(x) } for Sext Zext;
    "zext-trunc" { Zext(Let(y, Trunc(x))) => And(x, Zext(Narrow(y, ONES))) if Same(x) };
    "sext-trunc" {
        Sext(Let(y, Trunc(x))) => x
        if Same(x), LeS(Sext(Narrow(y, MIN)), x), LeS(x, Sext(Narrow(y, MAX)))
    };
    "sext-non-negative" { Sext(x) => Zext(x) if LeS(0, x) };
}

/// How many rows there are.
pub(super) const COUNT: usize = {
    let (mut count, mut rule) = (0, 0);
    while rule < TABLE.len() {
        count += TABLE[rule].len();
        rule += 1;
    }
    count
};

/// The rows, those of one operation together, else in the order of the table.
pub(super) const ROWS: [&Row; COUNT] = BY_OP.0;

/// Where the rows of an operation begin in [`ROWS`]; they end where those of the next begin.
static STARTS: [u16; Op::ALL.len() + 1] = BY_OP.1;

const BY_OP: ([&Row; COUNT], [u16; Op::ALL.len() + 1]) = {
    let mut rows = [&TABLE[0][0]; COUNT];
    let mut starts = [0; Op::ALL.len() + 1];
    let (mut op, mut next) = (0, 0);
    while op < Op::ALL.len() {
        starts[op] = next as u16;
        let mut rule = 0;
        while rule < TABLE.len() {
            let mut alternative = 0;
            while alternative < TABLE[rule].len() {
                let row = &TABLE[rule][alternative];
                if row.root() as usize == Op::ALL[op] as usize {
                    rows[next] = row;
                    next += 1;
                }
                alternative += 1;
            }
            rule += 1;
        }
        op += 1;
    }
    starts[op] = next as u16;
    (rows, starts)
};

/// What an operand is: a constant (one of those that patterns look for, or another one), the result of
/// one of the operations that patterns look for, or another value.
pub(super) fn kind(constant: Option<Const>, defined_by: Option<Op>) -> usize {
    match (constant, defined_by) {
        (Some(Const { bits: 0, .. }), _) => ZERO,
        (Some(Const { bits: 1, .. }), _) => ONE,
        (Some(c), _) if c.bits == Lit::Ones.bits(c.ty.width()) => ONES,
        (Some(_), _) => CONSTANT,
        (None, Some(op)) => INNER[op as usize],
        (None, None) => OTHER,
    }
}

/// Constants come first. 1 may be all bits, too.
const ZERO: usize = 0;
const ONE: usize = 1;
const ONES: usize = 2;
const CONSTANT: usize = 3;
const OTHER: usize = 4;
const KINDS: usize = 32;

/// By operation: what its result is as an operand.
static INNER: [usize; Op::ALL.len()] = INNER_OPS;

const INNER_OPS: [usize; Op::ALL.len()] = {
    let (mut kinds, mut next, mut row) = ([OTHER; Op::ALL.len()], OTHER + 1, 0);
    while row < COUNT {
        let (mut arg, args) = (0, arguments(BY_OP.0[row]));
        while arg < args.len() {
            if let Some(op) = inner(&args[arg])
                && kinds[op as usize] == OTHER
            {
                assert!(next < KINDS, "too many operations stand inside of patterns");
                kinds[op as usize] = next;
                next += 1;
            }
            arg += 1;
        }
        row += 1;
    }
    kinds
};

const fn arguments(row: &Row) -> &'static [Term] {
    match row.left {
        Term::Op(_, args) => args,
        _ => panic!("a rule replaces an operation"),
    }
}

/// The operation whose result a pattern takes.
const fn inner(pattern: &Term) -> Option<Op> {
    match pattern {
        Term::Op(op, _) => Some(*op),
        Term::Fun(Fun::Let, args) => inner(&args[1]),
        _ => None,
    }
}

/// Does a pattern take operands of that kind?
const fn takes(pattern: &Term, kind: usize) -> bool {
    match pattern {
        Term::Var(_) => true,
        Term::Lit(Lit::Zero) => kind == ZERO,
        Term::Lit(Lit::One) => kind == ONE,
        Term::Lit(Lit::Ones) => kind == ONE || kind == ONES,
        Term::Const(_) | Term::Lit(Lit::Min | Lit::Max | Lit::Sign) => kind <= CONSTANT,
        _ => match inner(pattern) {
            Some(op) => INNER_OPS[op as usize] == kind,
            None => panic!("it is no pattern"),
        },
    }
}

/// By operation, operand, and kind of that: a bit for each row of the operation that takes it.
static TAKEN: [[[u64; KINDS]; 2]; Op::ALL.len()] = {
    let mut taken = [[[0; KINDS]; 2]; Op::ALL.len()];
    let mut row = 0;
    while row < COUNT {
        let op = BY_OP.0[row].root() as usize;
        let (bit, args) = (row - BY_OP.1[op] as usize, arguments(BY_OP.0[row]));
        assert!(bit < 64, "too many rows for one operation");
        let mut kind = 0;
        while kind < 2 * KINDS {
            let (arg, kind_of) = (kind / KINDS, kind % KINDS);
            if arg == args.len() || takes(&args[arg], kind_of) {
                taken[op][arg][kind_of] |= 1 << bit;
            }
            kind += 1;
        }
        row += 1;
    }
    taken
};

/// By operation: a bit for each row that takes one operand twice.
static TWICE: [u64; Op::ALL.len()] = {
    let (mut twice, mut row) = ([0; Op::ALL.len()], 0);
    while row < COUNT {
        let op = BY_OP.0[row].root() as usize;
        if let [Term::Var(a), Term::Var(b)] = arguments(BY_OP.0[row])
            && *a == *b
        {
            twice[op] |= 1 << (row - BY_OP.1[op] as usize);
        }
        row += 1;
    }
    twice
};

/// The rows that may replace this operation on operands of these kinds. `same`: the operands are one.
pub(super) fn rows_of(op: Op, kinds: [usize; 2], same: bool) -> Rows {
    let [first, second] = &TAKEN[op as usize];
    let mut bits = first[kinds[0]] & second[kinds[1]];
    if !same {
        bits &= !TWICE[op as usize];
    }
    Rows { start: usize::from(STARTS[op as usize]), bits }
}

/// The numbers of some rows of one operation.
pub(super) struct Rows {
    start: usize,
    bits: u64,
}

impl Rows {
    pub fn is_empty(&self) -> bool {
        self.bits == 0
    }
}

impl Iterator for Rows {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let bit = (self.bits != 0).then(|| self.bits.trailing_zeros() as usize)?;
        self.bits &= self.bits - 1;
        Some(self.start + bit)
    }
}

/// All rows, by number.
pub(in super::super) fn rows() -> &'static [&'static Row] {
    const { &ROWS }
}

//! Rules as data: the shape of an operation, what it is equal to, and when.
//!
//! ```text
//! "add-add" { Add(Add(x, C), D) => Add(x, Add(C, D)) };
//! "eq-add" { P(Add(x, C), D) => P(x, Sub(D, C)) } for Eq Ne;
//! "and-range" { And(x, C) => x if Eq(And(x, Not(C)), 0) };
//! ```
//!
//! `x`, `y` are any operands, `C`, `D` constants. Operations stand under their names in the op table;
//! `P` is each of those behind `for` in turn. On the right, what has only constants in it is computed
//! when the rule fires. A condition is an operation, too: it must be known to be true (of constants
//! that means computed, of operands decided by what the domain knows of their bits and ranges).
//!
//! The optimizer matches these terms (`plan`, `matching`), the documents print them, and the tests prove
//! them (`proof`, `smt`): there is no second description of a rule.
//!
//! Types follow from the operands. A cast on the right goes to the type that its place asks for, at
//! the root to that of the operation that is replaced.
//!
//! Not here: the rules (`table`).

use crate::ir::Op;
use std::fmt;

/// A pattern, a replacement or a condition.
#[derive(Clone, Copy, Debug)]
pub(in super::super) enum Term {
    /// An operand.
    Var(u8),
    /// A constant operand.
    Const(u8),
    Lit(Lit),
    Op(Op, &'static [Term]),
    Fun(Fun, &'static [Term]),
}

/// A number of the type that its place asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in super::super) enum Lit {
    Zero,
    One,
    /// All bits, `-1`.
    Ones,
    /// The smallest signed number.
    Min,
    /// The largest signed number.
    Max,
    /// The width less one, which is the number of the sign bit.
    Sign,
}

impl Lit {
    pub fn bits(self, width: u32) -> u64 {
        let ones = u64::MAX >> (64 - width);
        match self {
            Lit::Zero => 0,
            Lit::One => 1,
            Lit::Ones => ones,
            Lit::Min => (ones >> 1) + 1,
            Lit::Max => ones >> 1,
            Lit::Sign => u64::from(width) - 1,
        }
    }
}

/// What is no operation of a trace.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in super::super) enum Fun {
    /// On the left: `Let(y, term)` matches the term, and `y` is the operand that it defines.
    Let,
    /// `Narrow(x, C)`: the constant, cut off to the type of `x`.
    Narrow,
    /// The number of a constant's highest bit.
    Log2,
    /// Is the constant a power of two?
    IsPow2,
    /// Is the operand's type that of the operation that is replaced?
    Same,
    Narrower,
    Wider,
    /// Are both operands of one type?
    Alike,
    IsInt,
    IsBool,
}

/// One rule, or one of several of one name.
#[derive(Debug)]
pub(in super::super) struct Row {
    pub name: &'static str,
    /// Always a [`Term::Op`].
    pub left: Term,
    pub right: Term,
    pub conditions: &'static [Term],
}

impl Row {
    /// The operation that the rule replaces.
    pub const fn root(&self) -> Op {
        match self.left {
            Term::Op(op, _) => op,
            _ => panic!("a rule replaces an operation"),
        }
    }
}

/// A term, from its text. The operation that `P` stands for comes first.
macro_rules! term {
    ($p:ident; x) => { Term::Var(0) };
    ($p:ident; y) => { Term::Var(1) };
    ($p:ident; C) => { Term::Const(0) };
    ($p:ident; D) => { Term::Const(1) };
    ($p:ident; 0) => { Term::Lit(Lit::Zero) };
    ($p:ident; 1) => { Term::Lit(Lit::One) };
    ($p:ident; ONES) => { Term::Lit(Lit::Ones) };
    ($p:ident; MIN) => { Term::Lit(Lit::Min) };
    ($p:ident; MAX) => { Term::Lit(Lit::Max) };
    ($p:ident; SIGN) => { Term::Lit(Lit::Sign) };
    ($p:ident; P $args:tt) => { Term::Op(Op::$p, terms!($p; $args)) };
    ($p:ident; Let $args:tt) => { Term::Fun(Fun::Let, terms!($p; $args)) };
    ($p:ident; Narrow $args:tt) => { Term::Fun(Fun::Narrow, terms!($p; $args)) };
    ($p:ident; Log2 $args:tt) => { Term::Fun(Fun::Log2, terms!($p; $args)) };
    ($p:ident; IsPow2 $args:tt) => { Term::Fun(Fun::IsPow2, terms!($p; $args)) };
    ($p:ident; Same $args:tt) => { Term::Fun(Fun::Same, terms!($p; $args)) };
    ($p:ident; Narrower $args:tt) => { Term::Fun(Fun::Narrower, terms!($p; $args)) };
    ($p:ident; Wider $args:tt) => { Term::Fun(Fun::Wider, terms!($p; $args)) };
    ($p:ident; Alike $args:tt) => { Term::Fun(Fun::Alike, terms!($p; $args)) };
    ($p:ident; IsInt $args:tt) => { Term::Fun(Fun::IsInt, terms!($p; $args)) };
    ($p:ident; IsBool $args:tt) => { Term::Fun(Fun::IsBool, terms!($p; $args)) };
    ($p:ident; $op:ident $args:tt) => { Term::Op(Op::$op, terms!($p; $args)) };
}

/// Terms with commas between.
macro_rules! terms {
    ($p:ident; ($($head:tt $(($($args:tt)*))?),+)) => {
        &[$(term!($p; $head $(($($args)*))?)),+]
    };
}

/// One row, from the tokens in braces.
macro_rules! row {
    ($name:literal $p:ident { $l:ident $la:tt => $r:ident $ra:tt if $($c:ident $ca:tt),+ }) => {
        row!(@ $name, term!($p; $l $la), term!($p; $r $ra), &[$(term!($p; $c $ca)),+])
    };
    ($name:literal $p:ident { $l:ident $la:tt => $r:tt if $($c:ident $ca:tt),+ }) => {
        row!(@ $name, term!($p; $l $la), term!($p; $r), &[$(term!($p; $c $ca)),+])
    };
    ($name:literal $p:ident { $l:ident $la:tt => $r:ident $ra:tt }) => {
        row!(@ $name, term!($p; $l $la), term!($p; $r $ra), &[])
    };
    ($name:literal $p:ident { $l:ident $la:tt => $r:tt }) => {
        row!(@ $name, term!($p; $l $la), term!($p; $r), &[])
    };
    (@ $name:literal, $left:expr, $right:expr, $conditions:expr) => {
        Row { name: $name, left: $left, right: $right, conditions: $conditions }
    };
}

/// The rows of one rule; without `for`, `P` does not occur.
macro_rules! alternatives {
    ($name:literal $rule:tt) => { &[row!($name Copy $rule)] };
    ($name:literal $rule:tt for $($p:ident)+) => { &[$(row!($name $p $rule)),+] };
}

/// A table of rules.
macro_rules! table {
    ($(#[$doc:meta])* $table:ident: $($name:literal $rule:tt $(for $($p:ident)+)?;)+) => {
        $(#[$doc])*
        const $table: &[&[Row]] = &[$(alternatives!($name $rule $(for $($p)+)?)),+];
    };
}

pub(super) use {alternatives, row, table, term, terms};

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, args) = match *self {
            Term::Var(v) => return f.write_str(["x", "y"][usize::from(v)]),
            Term::Const(c) => return f.write_str(["C", "D"][usize::from(c)]),
            Term::Lit(Lit::Zero) => return f.write_str("0"),
            Term::Lit(Lit::One) => return f.write_str("1"),
            Term::Lit(lit) => return f.write_str(&format!("{lit:?}").to_uppercase()),
            Term::Op(op, args) => (op.mnemonic().to_owned(), args),
            Term::Fun(fun, args) => (format!("{fun:?}"), args),
        };
        let args: Vec<String> = args.iter().map(Term::to_string).collect();
        write!(f, "{name}({})", args.join(", "))
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} => {}", self.left, self.right)?;
        let conditions: Vec<String> = self.conditions.iter().map(Term::to_string).collect();
        if !conditions.is_empty() {
            write!(f, " if {}", conditions.join(" and "))?;
        }
        Ok(())
    }
}

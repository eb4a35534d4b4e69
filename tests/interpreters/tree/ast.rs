//! The syntax tree. Names are resolved: a variable is a number of environments to go out and the
//! place in the one found there.

use super::value::Value;
use jitgen_core::Traced;
use std::rc::Rc;

/// What has a value.
#[derive(Debug, Traced)]
pub enum Expr {
    /// A constant.
    Constant(Value),
    /// A variable.
    Variable(Slot),
    /// `left op right`
    Binary { op: Operator, left: Box<Expr>, right: Box<Expr> },
    /// The left one if it is false, else the right one.
    And(Box<Expr>, Box<Expr>),
    /// The left one if it is true, else the right one.
    Or(Box<Expr>, Box<Expr>),
    /// A closure is made.
    Function(Rc<Function>),
    /// A function is called.
    Call { callee: Box<Expr>, arguments: Vec<Expr> },
    /// A function of the language is called.
    Builtin { builtin: Builtin, arguments: Vec<Expr> },
}

/// What is done.
#[derive(Debug, Traced)]
pub enum Stmt {
    /// A value is computed and dropped.
    Expr(Expr),
    /// A variable is changed.
    Set(Slot, Expr),
    /// One of two ways is taken.
    If { condition: Expr, then: Vec<Stmt>, otherwise: Vec<Stmt> },
    /// Something is repeated.
    While(Rc<While>),
    /// A loop is left.
    Break,
    /// A function is left.
    Return(Expr),
    /// Errors of the body put their text into a variable, and the handler is executed.
    Try { body: Vec<Stmt>, error: Slot, handler: Vec<Stmt> },
}

/// A loop.
#[derive(Debug, Traced)]
pub struct While {
    /// Whether there is another round.
    pub condition: Expr,
    /// What is repeated.
    pub body: Vec<Stmt>,
}

/// A function.
#[derive(Debug, Traced)]
pub struct Function {
    /// How many arguments it takes: the first variables.
    pub parameters: usize,
    /// How many variables it has.
    pub variables: usize,
    /// What it does.
    pub body: Vec<Stmt>,
}

/// Where a variable is.
#[derive(Clone, Copy, Debug, Traced)]
pub struct Slot {
    /// So many environments out.
    pub depth: usize,
    /// Its place there.
    pub index: usize,
}

/// What computes one value of two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Traced)]
pub enum Operator {
    /// Sum; strings are joined.
    Add,
    /// Difference.
    Subtract,
    /// Product.
    Multiply,
    /// Quotient.
    Divide,
    /// Remainder.
    Remainder,
    /// Comparison by size.
    Less,
    /// Comparison.
    Equal,
}

/// The functions of the language.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Traced)]
pub enum Builtin {
    /// A list of the arguments.
    List,
    /// The number of elements.
    Length,
    /// The element of a list.
    Get,
    /// Changes the element of a list.
    Put,
    /// Appends to a list.
    Push,
    /// A number as a string.
    Text,
    /// Shows something to the host.
    Print,
    /// An error with a text.
    Fail,
}

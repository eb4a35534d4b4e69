//! Values, which are owned and cheap to clone, and arithmetic on them.

use super::ast::{Function, Operator};
use super::env::Env;
use jitgen_core::{Traced, residual, traced};
use std::cell::RefCell;
use std::rc::Rc;

/// A value of the guest.
#[derive(Clone, Debug, Traced)]
#[traced(clone)]
#[repr(C, u8)]
pub enum Value {
    /// No value.
    Nil,
    /// A truth value.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A floating-point number.
    Float(f64),
    /// A text.
    Str(Rc<str>),
    /// A function and where it was made.
    Func(Rc<Closure>),
    /// A list, which is shared.
    List(Rc<RefCell<Vec<Value>>>),
}

/// A function and where it was made.
#[derive(Debug, Traced)]
pub struct Closure {
    /// What it does.
    pub function: Rc<Function>,
    /// Its outer variables.
    pub env: Rc<Env>,
}

/// What can go wrong.
#[derive(Clone, Debug, PartialEq, Traced)]
pub enum Error {
    /// Not for values like these.
    Type,
    /// An integer was divided by zero.
    DivisionByZero,
    /// There is no such element.
    Bounds { index: i64, length: usize },
    /// Not so many arguments.
    Arguments,
    /// Calls are nested too deeply.
    Depth,
    /// The program says so.
    Failed(Rc<str>),
}

#[traced]
impl Value {
    /// A list.
    #[residual]
    pub fn list(items: Vec<Value>) -> Value {
        Value::List(Rc::new(RefCell::new(items)))
    }

    /// Does it count as true?
    pub fn truthy(&self) -> bool {
        !matches!(self, Value::Nil | Value::Bool(false))
    }

    /// Are they the same? Functions and lists are if they are one.
    pub fn same(&self, other: &Value) -> bool {
        match (self, other) {
            (Value::Nil, Value::Nil) => true,
            (Value::Bool(a), Value::Bool(b)) => a == b,
            (Value::Int(a), Value::Int(b)) => a == b,
            (Value::Float(a), Value::Float(b)) => a == b,
            (Value::Int(a), Value::Float(b)) | (Value::Float(b), Value::Int(a)) => *a as f64 == *b,
            (Value::Str(a), Value::Str(b)) => a == b,
            (Value::Func(a), Value::Func(b)) => Rc::ptr_eq(a, b),
            (Value::List(a), Value::List(b)) => Rc::ptr_eq(a, b),
            _ => false,
        }
    }
}

/// `left op right`
#[traced]
pub fn binary(op: Operator, left: &Value, right: &Value) -> Result<Value, Error> {
    match (left, right) {
        _ if op == Operator::Equal => Ok(Value::Bool(left.same(right))),
        (Value::Int(a), Value::Int(b)) => integers(op, *a, *b),
        (Value::Float(a), Value::Float(b)) => floats(op, *a, *b),
        (Value::Int(a), Value::Float(b)) => floats(op, *a as f64, *b),
        (Value::Float(a), Value::Int(b)) => floats(op, *a, *b as f64),
        (Value::Str(a), Value::Str(b)) => strings(op, a, b),
        _ => Err(Error::Type),
    }
}

#[traced]
fn integers(op: Operator, a: i64, b: i64) -> Result<Value, Error> {
    Ok(match op {
        Operator::Add => Value::Int(a.wrapping_add(b)),
        Operator::Subtract => Value::Int(a.wrapping_sub(b)),
        Operator::Multiply => Value::Int(a.wrapping_mul(b)),
        Operator::Divide | Operator::Remainder if b == 0 => return Err(Error::DivisionByZero),
        Operator::Divide => Value::Int(a.wrapping_div(b)),
        Operator::Remainder => Value::Int(a.wrapping_rem(b)),
        Operator::Less => Value::Bool(a < b),
        Operator::Equal => Value::Bool(a == b),
    })
}

#[traced]
fn floats(op: Operator, a: f64, b: f64) -> Result<Value, Error> {
    Ok(match op {
        Operator::Add => Value::Float(a + b),
        Operator::Subtract => Value::Float(a - b),
        Operator::Multiply => Value::Float(a * b),
        Operator::Divide => Value::Float(a / b),
        Operator::Remainder => Value::Float(a % b),
        Operator::Less => Value::Bool(a < b),
        Operator::Equal => Value::Bool(a == b),
    })
}

#[residual]
fn strings(op: Operator, a: &str, b: &str) -> Result<Value, Error> {
    match op {
        Operator::Add => Ok(Value::Str(format!("{a}{b}").into())),
        Operator::Less => Ok(Value::Bool(a < b)),
        _ => Err(Error::Type),
    }
}

//! Values, what can be computed with them, and what can go wrong.
//!
//! Integers wrap around; where an integer meets a float, it becomes one.

use jitgen_core::prelude::*;

/// A value of the guest.
#[derive(Clone, Copy, Debug, PartialEq, Traced)]
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
    /// An object of the heap.
    Obj(ObjRef),
}

/// Which object of the heap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Traced)]
pub struct ObjRef(pub u32);

/// Why a program stopped.
#[derive(Clone, Copy, Debug, PartialEq, Traced)]
pub enum Error {
    /// An operation that its operands do not have.
    Type { operation: Operation, left: Value, right: Value },
    /// An integer was divided by zero.
    DivisionByZero,
    /// There is no such element.
    Bounds { index: i64, length: usize },
    /// There is no such field.
    Field { index: u8 },
    /// Calls are nested too deeply.
    StackOverflow,
    /// The host refused a value.
    Refused { value: i64 },
}

/// What was tried when a type was wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Traced)]
pub enum Operation {
    /// Sum.
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
    Compare,
    /// A number became one of the other kind.
    Convert,
    /// An element was read or written.
    Index,
    /// A field was read or written.
    Field,
    /// A function was called.
    Call,
    /// A value was given to the host.
    Host,
}

#[traced]
impl Value {
    /// Does it count as true?
    pub fn truthy(self) -> bool {
        match self {
            Value::Nil => false,
            Value::Bool(value) => value,
            _ => true,
        }
    }

    /// `a + b`.
    pub fn add(a: Value, b: Value) -> Result<Value, Error> {
        match (a, b) {
            (Value::Int(x), Value::Int(y)) => Ok(Value::Int(x.wrapping_add(y))),
            (Value::Float(x), Value::Float(y)) => Ok(Value::Float(x + y)),
            (Value::Int(x), Value::Float(y)) => Ok(Value::Float(x as f64 + y)),
            (Value::Float(x), Value::Int(y)) => Ok(Value::Float(x + y as f64)),
            _ => Err(mismatch(Operation::Add, a, b)),
        }
    }

    /// `a - b`.
    pub fn subtract(a: Value, b: Value) -> Result<Value, Error> {
        match (a, b) {
            (Value::Int(x), Value::Int(y)) => Ok(Value::Int(x.wrapping_sub(y))),
            (Value::Float(x), Value::Float(y)) => Ok(Value::Float(x - y)),
            (Value::Int(x), Value::Float(y)) => Ok(Value::Float(x as f64 - y)),
            (Value::Float(x), Value::Int(y)) => Ok(Value::Float(x - y as f64)),
            _ => Err(mismatch(Operation::Subtract, a, b)),
        }
    }

    /// `a * b`.
    pub fn multiply(a: Value, b: Value) -> Result<Value, Error> {
        match (a, b) {
            (Value::Int(x), Value::Int(y)) => Ok(Value::Int(x.wrapping_mul(y))),
            (Value::Float(x), Value::Float(y)) => Ok(Value::Float(x * y)),
            (Value::Int(x), Value::Float(y)) => Ok(Value::Float(x as f64 * y)),
            (Value::Float(x), Value::Int(y)) => Ok(Value::Float(x * y as f64)),
            _ => Err(mismatch(Operation::Multiply, a, b)),
        }
    }

    /// `a / b`; of integers, rounded towards zero.
    pub fn divide(a: Value, b: Value) -> Result<Value, Error> {
        match (a, b) {
            (Value::Int(_), Value::Int(0)) => Err(Error::DivisionByZero),
            (Value::Int(x), Value::Int(y)) => Ok(Value::Int(x.wrapping_div(y))),
            (Value::Float(x), Value::Float(y)) => Ok(Value::Float(x / y)),
            (Value::Int(x), Value::Float(y)) => Ok(Value::Float(x as f64 / y)),
            (Value::Float(x), Value::Int(y)) => Ok(Value::Float(x / y as f64)),
            _ => Err(mismatch(Operation::Divide, a, b)),
        }
    }

    /// The remainder of integers, with the sign of the dividend.
    pub fn remainder(a: Value, b: Value) -> Result<Value, Error> {
        match (a, b) {
            (Value::Int(_), Value::Int(0)) => Err(Error::DivisionByZero),
            (Value::Int(x), Value::Int(y)) => Ok(Value::Int(x.wrapping_rem(y))),
            _ => Err(mismatch(Operation::Remainder, a, b)),
        }
    }

    /// `a < b`.
    pub fn less(a: Value, b: Value) -> Result<bool, Error> {
        match (a, b) {
            (Value::Int(x), Value::Int(y)) => Ok(x < y),
            (Value::Float(x), Value::Float(y)) => Ok(x < y),
            (Value::Int(x), Value::Float(y)) => Ok((x as f64) < y),
            (Value::Float(x), Value::Int(y)) => Ok(x < y as f64),
            _ => Err(mismatch(Operation::Compare, a, b)),
        }
    }

    /// Are they the same? Objects are if they are one object.
    pub fn equal(a: Value, b: Value) -> bool {
        match (a, b) {
            (Value::Nil, Value::Nil) => true,
            (Value::Bool(x), Value::Bool(y)) => x == y,
            (Value::Int(x), Value::Int(y)) => x == y,
            (Value::Float(x), Value::Float(y)) => x == y,
            (Value::Int(x), Value::Float(y)) | (Value::Float(y), Value::Int(x)) => x as f64 == y,
            (Value::Obj(x), Value::Obj(y)) => x.0 == y.0,
            _ => false,
        }
    }

    /// A number as a float.
    pub fn to_float(a: Value) -> Result<Value, Error> {
        match a {
            Value::Int(x) => Ok(Value::Float(x as f64)),
            Value::Float(_) => Ok(a),
            _ => Err(mismatch(Operation::Convert, a, Value::Nil)),
        }
    }

    /// A number as an integer, rounded towards zero.
    pub fn to_int(a: Value) -> Result<Value, Error> {
        match a {
            Value::Int(_) => Ok(a),
            Value::Float(x) => Ok(Value::Int(x as i64)),
            _ => Err(mismatch(Operation::Convert, a, Value::Nil)),
        }
    }
}

/// The error for operands of these types.
#[cold]
#[traced]
pub fn mismatch(operation: Operation, left: Value, right: Value) -> Error {
    Error::Type { operation, left, right }
}

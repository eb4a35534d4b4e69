//! Values and their arithmetic: a trait for what numbers have in common, implemented for the two
//! kinds of number and for values that may be either.

use super::insn::Operator;

/// A value of the guest.
#[derive(Clone, Copy, Debug, PartialEq, jitgen_core::Traced)]
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
}

/// Why an instruction could not do its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, jitgen_core::Traced)]
pub enum Error {
    /// Not for values like these.
    Type,
    /// An integer was divided by zero.
    DivisionByZero,
    /// Nothing on the stack.
    Underflow,
    /// Too much on the stack, or too many calls.
    Overflow,
    /// The host refused a value.
    Refused,
}

/// What numbers have in common.
#[jitgen_core::traced]
pub trait Arith: Sized {
    /// `self op other`, for operators that compute a number.
    fn apply(self, op: Operator, other: Self) -> Result<Self, Error>;
    /// `self op other`, for operators that compare.
    fn compare(self, op: Operator, other: Self) -> Result<bool, Error>;
    /// `-self`
    fn negate(self) -> Result<Self, Error>;
}

#[jitgen_core::traced]
impl Arith for i64 {
    fn apply(self, op: Operator, other: i64) -> Result<i64, Error> {
        match op {
            Operator::Add => Ok(self.wrapping_add(other)),
            Operator::Subtract => Ok(self.wrapping_sub(other)),
            Operator::Multiply => Ok(self.wrapping_mul(other)),
            Operator::Divide | Operator::Remainder if other == 0 => Err(Error::DivisionByZero),
            Operator::Divide => Ok(self.wrapping_div(other)),
            Operator::Remainder => Ok(self.wrapping_rem(other)),
            Operator::Less | Operator::Equal => Err(Error::Type),
        }
    }

    fn compare(self, op: Operator, other: i64) -> Result<bool, Error> {
        match op {
            Operator::Less => Ok(self < other),
            Operator::Equal => Ok(self == other),
            _ => Err(Error::Type),
        }
    }

    fn negate(self) -> Result<i64, Error> {
        Ok(self.wrapping_neg())
    }
}

#[jitgen_core::traced]
impl Arith for f64 {
    fn apply(self, op: Operator, other: f64) -> Result<f64, Error> {
        match op {
            Operator::Add => Ok(self + other),
            Operator::Subtract => Ok(self - other),
            Operator::Multiply => Ok(self * other),
            Operator::Divide => Ok(self / other),
            Operator::Remainder => Ok(self % other),
            Operator::Less | Operator::Equal => Err(Error::Type),
        }
    }

    fn compare(self, op: Operator, other: f64) -> Result<bool, Error> {
        match op {
            Operator::Less => Ok(self < other),
            Operator::Equal => Ok(self == other),
            _ => Err(Error::Type),
        }
    }

    fn negate(self) -> Result<f64, Error> {
        Ok(-self)
    }
}

#[jitgen_core::traced]
impl Arith for Value {
    fn apply(self, op: Operator, other: Value) -> Result<Value, Error> {
        if let (Value::Int(a), Value::Int(b)) = (self, other) {
            return Ok(Value::Int(a.apply(op, b)?));
        }
        let (Some(a), Some(b)) = (self.as_float(), other.as_float()) else {
            return Err(Error::Type);
        };
        Ok(Value::Float(a.apply(op, b)?))
    }

    fn compare(self, op: Operator, other: Value) -> Result<bool, Error> {
        match (self, other) {
            (Value::Int(a), Value::Int(b)) => a.compare(op, b),
            (Value::Nil, Value::Nil) if op == Operator::Equal => Ok(true),
            (Value::Bool(a), Value::Bool(b)) if op == Operator::Equal => Ok(a == b),
            _ => match (self.as_float(), other.as_float()) {
                (Some(a), Some(b)) => a.compare(op, b),
                _ if op == Operator::Equal => Ok(false),
                _ => Err(Error::Type),
            },
        }
    }

    fn negate(self) -> Result<Value, Error> {
        match self {
            Value::Int(a) => Ok(Value::Int(a.negate()?)),
            Value::Float(a) => Ok(Value::Float(a.negate()?)),
            Value::Bool(a) => Ok(Value::Bool(!a)),
            Value::Nil => Err(Error::Type),
        }
    }
}

#[jitgen_core::traced]
impl Value {
    /// Does it count as true?
    pub fn truthy(self) -> bool {
        !matches!(self, Value::Nil | Value::Bool(false))
    }

    /// The number as a float, if it is a number.
    pub fn as_float(self) -> Option<f64> {
        match self {
            Value::Int(a) => Some(a as f64),
            Value::Float(a) => Some(a),
            Value::Nil | Value::Bool(_) => None,
        }
    }
}

#[jitgen_core::traced]
impl Error {
    /// What a handler of the guest is told.
    pub fn code(self) -> i64 {
        match self {
            Error::Type => 1,
            Error::DivisionByZero => 2,
            Error::Underflow => 3,
            Error::Overflow => 4,
            Error::Refused => 5,
        }
    }
}

//! Objects, in an arena. They live as long as the machine.

use super::value::{Error, ObjRef, Operation, Value, mismatch};
use jitgen_core::prelude::*;

/// The arena.
#[derive(Debug, Default, Traced)]
pub struct Heap {
    /// All objects that were ever made.
    pub objects: Vec<Object>,
}

/// An object.
#[derive(Clone, Debug, PartialEq, Traced)]
#[repr(C, u8)]
pub enum Object {
    /// Values in a row.
    Array(Vec<Value>),
    /// Named fields; which name is which index is known to the compiler.
    Record(Vec<Value>),
    /// A function with what it has captured.
    Closure { function: u16, captured: Vec<Value> },
}

#[traced]
impl Heap {
    /// Adds an object.
    #[residual]
    pub fn allocate(&mut self, object: Object) -> Value {
        let index = self.objects.len() as u32;
        self.objects.push(object);
        Value::Obj(ObjRef(index))
    }

    /// The element of an array.
    pub fn get(&self, array: Value, index: Value) -> Result<Value, Error> {
        let items = self.array(array)?;
        let at = position(index, items.len())?;
        Ok(items[at])
    }

    /// Changes the element of an array.
    pub fn set(&mut self, array: Value, index: Value, value: Value) -> Result<(), Error> {
        let Value::Obj(reference) = array else {
            return Err(mismatch(Operation::Index, array, index));
        };
        match &mut self.objects[reference.0 as usize] {
            Object::Array(items) => {
                let at = position(index, items.len())?;
                items[at] = value;
                Ok(())
            }
            _ => Err(mismatch(Operation::Index, array, index)),
        }
    }

    /// The number of elements of an array.
    pub fn length(&self, array: Value) -> Result<Value, Error> {
        Ok(Value::Int(self.array(array)?.len() as i64))
    }

    fn array(&self, value: Value) -> Result<&Vec<Value>, Error> {
        if let Value::Obj(reference) = value
            && let Object::Array(items) = &self.objects[reference.0 as usize]
        {
            return Ok(items);
        }
        Err(mismatch(Operation::Index, value, Value::Nil))
    }

    /// The field of a record.
    pub fn get_field(&self, record: Value, index: u8) -> Result<Value, Error> {
        let Value::Obj(reference) = record else {
            return Err(mismatch(Operation::Field, record, Value::Nil));
        };
        match &self.objects[reference.0 as usize] {
            Object::Record(fields) if (index as usize) < fields.len() => Ok(fields[index as usize]),
            _ => Err(Error::Field { index }),
        }
    }

    /// Changes the field of a record.
    pub fn set_field(&mut self, record: Value, index: u8, value: Value) -> Result<(), Error> {
        let Value::Obj(reference) = record else {
            return Err(mismatch(Operation::Field, record, Value::Nil));
        };
        match &mut self.objects[reference.0 as usize] {
            Object::Record(fields) if (index as usize) < fields.len() => {
                fields[index as usize] = value;
                Ok(())
            }
            _ => Err(Error::Field { index }),
        }
    }

    /// The function of a closure.
    pub fn function(&self, closure: Value) -> Result<u16, Error> {
        if let Value::Obj(reference) = closure
            && let Object::Closure { function, .. } = &self.objects[reference.0 as usize]
        {
            return Ok(*function);
        }
        Err(mismatch(Operation::Call, closure, Value::Nil))
    }

    /// What a closure has captured.
    pub fn captured(&self, closure: Value, index: u8) -> Result<Value, Error> {
        if let Value::Obj(reference) = closure
            && let Object::Closure { captured, .. } = &self.objects[reference.0 as usize]
        {
            return Ok(captured[index as usize]);
        }
        Err(mismatch(Operation::Call, closure, Value::Nil))
    }
}

/// An index that is within bounds.
#[traced]
fn position(index: Value, length: usize) -> Result<usize, Error> {
    match index {
        Value::Int(at) if at >= 0 && (at as usize) < length => Ok(at as usize),
        Value::Int(index) => Err(Error::Bounds { index, length }),
        _ => Err(mismatch(Operation::Index, index, Value::Nil)),
    }
}

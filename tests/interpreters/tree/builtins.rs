//! The functions of the language.

use super::ast::Builtin;
use super::eval::Context;
use super::value::{Error, Value};
use jitgen_core::{residual, traced};

/// Calls one.
#[traced]
pub fn call_builtin(
    context: &mut Context,
    builtin: Builtin,
    arguments: &[Value],
) -> Result<Value, Error> {
    match (builtin, arguments) {
        (Builtin::List, items) => Ok(list(items)),
        (Builtin::Length, [Value::List(items)]) => Ok(Value::Int(items.borrow().len() as i64)),
        (Builtin::Length, [Value::Str(text)]) => Ok(Value::Int(text.len() as i64)),
        (Builtin::Get, [Value::List(items), Value::Int(index)]) => {
            let items = items.borrow();
            let at = position(*index, items.len())?;
            Ok(items[at].clone())
        }
        (Builtin::Put, [Value::List(items), Value::Int(index), value]) => {
            let mut items = items.borrow_mut();
            let at = position(*index, items.len())?;
            items[at] = value.clone();
            Ok(Value::Nil)
        }
        (Builtin::Push, [Value::List(items), value]) => {
            items.borrow_mut().push(value.clone());
            Ok(Value::Nil)
        }
        (Builtin::Text, [value]) => as_text(value),
        (Builtin::Print, [value]) => print(context, value),
        (Builtin::Fail, [Value::Str(text)]) => Err(Error::Failed(text.clone())),
        (Builtin::Length | Builtin::Fail, [_])
        | (Builtin::Get | Builtin::Push, [_, _])
        | (Builtin::Put, [_, _, _]) => Err(Error::Type),
        _ => Err(Error::Arguments),
    }
}

#[traced]
fn position(index: i64, length: usize) -> Result<usize, Error> {
    match usize::try_from(index) {
        Ok(at) if at < length => Ok(at),
        _ => Err(Error::Bounds { index, length }),
    }
}

#[residual]
fn list(items: &[Value]) -> Value {
    Value::list(items.to_vec())
}

#[residual]
fn as_text(value: &Value) -> Result<Value, Error> {
    Ok(Value::Str(text(value)?.into()))
}

#[residual]
fn print(context: &mut Context, value: &Value) -> Result<Value, Error> {
    let text = text(value)?;
    context.printed.push(text);
    Ok(Value::Int(context.printed.len() as i64))
}

/// How a value looks.
fn text(value: &Value) -> Result<String, Error> {
    match value {
        Value::Nil => Ok("nil".to_owned()),
        Value::Bool(value) => Ok(value.to_string()),
        Value::Int(value) => Ok(value.to_string()),
        Value::Float(value) => Ok(format!("{value:?}")),
        Value::Str(text) => Ok(text.to_string()),
        Value::Func(_) => Err(Error::Type),
        Value::List(items) => {
            let texts = items.borrow().iter().map(text).collect::<Result<Vec<_>, _>>()?;
            Ok(format!("[{}]", texts.join(", ")))
        }
    }
}

//! What expressions and statements do.

use super::ast::{Expr, Function, Operator, Stmt, While};
use super::builtins::call_builtin;
use super::env::Env;
use super::value::{Closure, Error, Value, binary};
use jitgen_core::prelude::*;
use std::rc::Rc;

/// So many calls may be nested.
const MAX_DEPTH: usize = 60;

/// Why what was being computed has no value.
#[derive(Debug, Traced)]
#[repr(C, u8)]
pub enum Flow {
    /// The function returns this.
    Return(Value),
    /// The loop is left.
    Break,
    /// Something went wrong.
    Error(Error),
}

impl From<Error> for Flow {
    fn from(error: Error) -> Flow {
        Flow::Error(error)
    }
}

/// What all of a run shares.
#[derive(Debug, Default, Traced)]
pub struct Context {
    /// What was shown to the host.
    pub printed: Vec<String>,
    /// How many calls are nested.
    pub depth: usize,
}

/// Runs a program, which is a function without parameters.
///
/// # Errors
/// The first error that it did not handle.
pub fn run(context: &mut Context, program: &Rc<Function>) -> Result<Value, Error> {
    let env = Env::new(vec![Value::Nil; program.variables], None);
    match exec_body(context, &program.body, &env) {
        Ok(()) | Err(Flow::Break) => Ok(Value::Nil),
        Err(Flow::Return(value)) => Ok(value),
        Err(Flow::Error(error)) => Err(error),
    }
}

/// The value of an expression.
#[traced]
pub fn eval(context: &mut Context, expr: &Expr, env: &Rc<Env>) -> Result<Value, Flow> {
    match expr {
        Expr::Constant(value) => Ok(value.clone()),
        Expr::Variable(slot) => Ok(env.get(*slot)),
        Expr::Binary { op, left, right } => eval_binary(context, *op, left, right, env),
        Expr::And(left, right) => {
            let value = eval(context, left, env)?;
            if value.truthy() { eval(context, right, env) } else { Ok(value) }
        }
        Expr::Or(left, right) => {
            let value = eval(context, left, env)?;
            if value.truthy() { Ok(value) } else { eval(context, right, env) }
        }
        Expr::Function(function) => {
            let closure = Closure { function: function.clone(), env: env.clone() };
            Ok(Value::Func(Rc::new(closure)))
        }
        Expr::Call { callee, arguments } => {
            let Value::Func(closure) = eval(context, callee, env)? else {
                return Err(Flow::Error(Error::Type));
            };
            let arguments = eval_all(context, arguments, env)?;
            call(context, &closure, arguments)
        }
        Expr::Builtin { builtin, arguments } => {
            let arguments = eval_all(context, arguments, env)?;
            Ok(call_builtin(context, *builtin, &arguments)?)
        }
    }
}

#[traced]
fn eval_binary(
    context: &mut Context,
    op: Operator,
    left: &Expr,
    right: &Expr,
    env: &Rc<Env>,
) -> Result<Value, Flow> {
    let left = eval(context, left, env)?;
    let right = eval(context, right, env)?;
    Ok(binary(op, &left, &right)?)
}

#[unroll]
fn eval_all(context: &mut Context, exprs: &[Expr], env: &Rc<Env>) -> Result<Vec<Value>, Flow> {
    let mut values = Vec::with_capacity(exprs.len());
    for expr in exprs {
        values.push(eval(context, expr, env)?);
    }
    Ok(values)
}

/// Calls a function.
#[traced]
fn call(
    context: &mut Context,
    closure: &Closure,
    mut variables: Vec<Value>,
) -> Result<Value, Flow> {
    let function = promote(&closure.function);
    if variables.len() != function.parameters {
        return Err(Flow::Error(Error::Arguments));
    }
    if context.depth == MAX_DEPTH {
        return Err(Flow::Error(Error::Depth));
    }
    variables.resize(function.variables, Value::Nil);
    let env = Env::new(variables, Some(closure.env.clone()));
    context.depth += 1;
    let result = exec_function(context, function, env);
    context.depth -= 1;
    match result {
        Ok(()) => Ok(Value::Nil),
        Err(Flow::Return(value)) => Ok(value),
        Err(flow) => Err(flow),
    }
}

/// Does what a function does. It is a portal, so that functions which are called often are compiled,
/// also those that have no loop but call themselves.
#[portal(greens(function), reds(context, env), recursive)]
#[allow(clippy::never_loop, reason = "each call of a function has one round")]
fn exec_function(
    context: &mut Context,
    function: &Rc<Function>,
    mut env: Rc<Env>,
) -> Result<(), Flow> {
    loop {
        merge_point!();
        return exec_body(context, &function.body, &env);
    }
}

#[unroll]
fn exec_body(context: &mut Context, body: &[Stmt], env: &Rc<Env>) -> Result<(), Flow> {
    for stmt in body {
        exec(context, stmt, env)?;
    }
    Ok(())
}

#[traced]
fn exec(context: &mut Context, stmt: &Stmt, env: &Rc<Env>) -> Result<(), Flow> {
    match stmt {
        Stmt::Expr(expr) => {
            eval(context, expr, env)?;
            Ok(())
        }
        Stmt::Set(slot, expr) => {
            let value = eval(context, expr, env)?;
            env.set(*slot, value);
            Ok(())
        }
        Stmt::If { condition, then, otherwise } => {
            let body = if eval(context, condition, env)?.truthy() { then } else { otherwise };
            exec_body(context, body, env)
        }
        Stmt::While(node) => exec_while(context, node, env.clone()),
        Stmt::Break => Err(Flow::Break),
        Stmt::Return(expr) => Err(Flow::Return(eval(context, expr, env)?)),
        Stmt::Try { body, error, handler } => match exec_body(context, body, env) {
            Err(Flow::Error(reason)) => {
                env.set(*error, message(reason));
                exec_body(context, handler, env)
            }
            result => result,
        },
    }
}

/// The text of an error.
#[residual]
fn message(reason: Error) -> Value {
    Value::Str(format!("{reason:?}").into())
}

/// Repeats until the condition is false, or a `break`.
#[portal(greens(node), reds(context, env), recursive)]
fn exec_while(context: &mut Context, node: &Rc<While>, mut env: Rc<Env>) -> Result<(), Flow> {
    loop {
        merge_point!();
        if !eval(context, &node.condition, &env)?.truthy() {
            return Ok(());
        }
        match exec_body(context, &node.body, &env) {
            Ok(()) => {
                can_enter_jit!();
            }
            Err(Flow::Break) => return Ok(()),
            Err(flow) => return Err(flow),
        }
    }
}

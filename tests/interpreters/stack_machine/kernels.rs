//! Guest programs, each with a size. The main program has eight locals: 0 is the result, 1 and 2
//! are counters.

use super::arith::{Error, Value};
use super::insn::{Builder, Insn as I, Operator, Program};
use super::machine::Machine;
use super::native;
use jitgen::kernels;
use std::rc::Rc;

/// A guest program and what it must do.
pub type Kernel = kernels::Kernel<Program, Outcome>;

/// All that a run leaves, but for the operands.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What the program stopped with.
    pub result: Result<Value, Error>,
    /// What it showed to the host.
    pub emitted: Vec<Value>,
    /// Its globals.
    pub globals: Vec<Value>,
}

/// Locals of the main program.
pub const LOCALS: usize = 8;

/// Runs a program in a new machine.
pub fn outcome(program: &Rc<Program>) -> Outcome {
    let mut machine = Machine::new(LOCALS, program.globals);
    let result = machine.run(program);
    Outcome { result, emitted: machine.emitted, globals: machine.globals }
}

/// The kernels.
pub const KERNELS: &[Kernel] = &[
    kernel("int_sum", int_sum, native::int_sum, 5_000_000),
    kernel("float_loop", float_loop, native::float_loop, 3_000_000),
    kernel("int_and_float", int_and_float, native::int_and_float, 3_000_000),
    kernel("nested_loops", nested_loops, native::nested_loops, 1_500),
    kernel("call", call, native::call, 2_000_000),
    kernel("recursion", recursion, native::recursion, 30),
    kernel("globals", globals, native::globals, 2_000_000),
    kernel("early_exit", early_exit, native::early_exit, 3_000_000),
    kernel("deep_operands", deep_operands, native::deep_operands, 50_000),
    kernel("handled_errors", handled_errors, native::handled_errors, 1_000_000),
    kernel("unhandled_error", unhandled_error, native::unhandled_error, 3_000_000),
    kernel("emit", emit, native::emit, 1_000_000),
];

const fn kernel(
    name: &'static str,
    program: fn(i64) -> Rc<Program>,
    native: fn(i64) -> Outcome,
    large: i64,
) -> Kernel {
    let small = if large < 100 { 12 } else { 300 };
    Kernel { name, program, native, small, large }
}

fn int(value: i64) -> I {
    I::Push(Value::Int(value))
}

fn float(value: f64) -> I {
    I::Push(Value::Float(value))
}

const ADD: I = I::Binary(Operator::Add);
const SUBTRACT: I = I::Binary(Operator::Subtract);
const MULTIPLY: I = I::Binary(Operator::Multiply);
const DIVIDE: I = I::Binary(Operator::Divide);
const REMAINDER: I = I::Binary(Operator::Remainder);
const LESS: I = I::Binary(Operator::Less);
const EQUAL: I = I::Binary(Operator::Equal);

/// A program that does something `n` times, counted by the local 1, and stops with the local 0.
fn counted(start: I, n: i64, body: impl FnOnce(&mut Builder)) -> Builder {
    let mut b = Builder::default();
    b.emit(&[start, I::SetLocal(0)]).count(1, n, body).emit(&[I::Local(0)]);
    b
}

fn int_sum(n: i64) -> Rc<Program> {
    let body = [I::Local(0), I::Local(1), ADD, I::SetLocal(0)];
    counted(int(0), n, |b| {
        b.emit(&body);
    })
    .finish(0)
}

fn float_loop(n: i64) -> Rc<Program> {
    counted(float(0.5), n, |b| {
        b.emit(&[float(1.0), I::Local(0), SUBTRACT, I::Local(0), MULTIPLY]);
        b.emit(&[float(3.7), MULTIPLY, I::SetLocal(0)]);
    })
    .finish(0)
}

/// Halves of integers, then their difference to an integer.
fn int_and_float(n: i64) -> Rc<Program> {
    counted(int(0), n, |b| {
        b.emit(&[I::Local(0), I::Local(1), float(0.5), MULTIPLY, ADD]);
        b.emit(&[I::Local(1), int(3), REMAINDER, I::Float, I::Negate, ADD, I::SetLocal(0)]);
    })
    .finish(0)
}

fn nested_loops(n: i64) -> Rc<Program> {
    counted(int(0), n, |b| {
        b.count(2, n, |b| {
            b.emit(&[I::Local(1), I::Local(2), MULTIPLY, int(7), REMAINDER]);
            b.emit(&[I::Local(0), ADD, I::SetLocal(0)]);
        });
    })
    .finish(0)
}

/// The function is `x, y: x * x + y`.
fn call(n: i64) -> Rc<Program> {
    let mut b = Builder::default();
    b.over(I::Jump, |b| {
        b.emit(&[I::Local(0), I::Dup, MULTIPLY, I::Local(1), ADD, I::Return]);
    });
    b.emit(&[int(1), I::SetLocal(0)]).count(1, n, |b| {
        b.emit(&[I::Local(0), I::Local(1), I::Call { target: 1, arguments: 2 }, I::SetLocal(0)]);
    });
    b.emit(&[I::Local(0)]);
    b.finish(0)
}

/// Fibonacci numbers, slowly.
fn recursion(n: i64) -> Rc<Program> {
    let again = I::Call { target: 1, arguments: 1 };
    let mut b = Builder::default();
    b.over(I::Jump, |b| {
        b.emit(&[I::Local(0), int(2), LESS]).over(I::Unless, |b| {
            b.emit(&[I::Local(0), I::Return]);
        });
        b.emit(&[I::Local(0), int(1), SUBTRACT, again, I::Local(0), int(2), SUBTRACT, again]);
        b.emit(&[ADD, I::Return]);
    });
    b.emit(&[int(n), again]);
    b.finish(0)
}

/// A number generator in globals.
fn globals(n: i64) -> Rc<Program> {
    let mut b = Builder::default();
    b.emit(&[int(42), I::SetGlobal(0), int(0), I::SetGlobal(1)]);
    b.count(1, n, |b| {
        b.emit(&[I::Global(0), int(1103515245), MULTIPLY, int(12345), ADD]);
        b.emit(&[int(1 << 31), REMAINDER, I::SetGlobal(0)]);
        b.emit(&[I::Global(1), I::Global(0), int(1000), REMAINDER, ADD, I::SetGlobal(1)]);
    });
    b.emit(&[I::Global(1)]);
    b.finish(2)
}

/// The first number whose square is not less than `n * n`.
fn early_exit(n: i64) -> Rc<Program> {
    let mut b = Builder::default();
    b.count(1, 2 * n, |b| {
        b.emit(&[int(n * n - 1), I::Local(1), I::Dup, MULTIPLY, LESS]).over(I::Unless, |b| {
            b.emit(&[I::Local(1), I::Halt]);
        });
    });
    b.emit(&[I::Push(Value::Nil)]);
    b.finish(0)
}

/// A hundred operands, then their sum.
fn deep_operands(n: i64) -> Rc<Program> {
    counted(int(0), n, |b| {
        (0..100).for_each(|index| {
            b.emit(&[I::Local(1), int(index), ADD]);
        });
        b.emit(&[ADD; 99]).emit(&[I::Local(0), ADD, I::SetLocal(0)]);
    })
    .finish(0)
}

/// In each tenth round something is divided by zero, which counts as the error's number.
fn handled_errors(n: i64) -> Rc<Program> {
    counted(int(0), n, |b| {
        let divide = [int(1000), I::Local(1), int(10), REMAINDER, DIVIDE];
        b.handle(
            |b| {
                b.emit(&divide);
            },
            |_| (),
        );
        b.emit(&[I::Local(0), ADD, I::SetLocal(0)]);
    })
    .finish(0)
}

/// A division by zero, late.
fn unhandled_error(n: i64) -> Rc<Program> {
    counted(int(0), n, |b| {
        b.emit(&[int(1_000_000), int(n - n / 4), I::Local(1), SUBTRACT, DIVIDE]);
        b.emit(&[I::Local(0), ADD, I::Dup, I::SetGlobal(0), I::SetLocal(0)]);
    })
    .finish(1)
}

/// Every twentieth number is shown, divided by 20; the numbers of errors are added up.
fn emit(n: i64) -> Rc<Program> {
    let mut b = Builder::default();
    b.emit(&[int(0), I::SetGlobal(0)]).count(1, n, |b| {
        b.emit(&[I::Local(1), int(20), REMAINDER, int(0), EQUAL]).over(I::Unless, |b| {
            b.handle(
                |b| {
                    b.emit(&[I::Local(1), int(20), DIVIDE, I::Emit]);
                },
                |b| {
                    b.emit(&[I::Global(0), ADD, I::SetGlobal(0)]);
                },
            );
        });
    });
    b.emit(&[I::Global(0)]);
    b.finish(1)
}

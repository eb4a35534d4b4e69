//! Guest programs, each with a size.
//!
//! Register 0 is the result, 1 the counter, 2 its limit, 3 a condition, unless the kernel says
//! otherwise; 9 is never written.

use super::program::{Builder, Insn as I, Program};
use super::value::{Error, Value};
use super::vm::{Vm, run};
use super::{heap::Object, native};
use jitgen::kernels;
use std::rc::Rc;

/// A guest program and what it must do.
pub type Kernel = kernels::Kernel<Program, Outcome>;

/// All that a run leaves.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What the program returned.
    pub result: Result<Value, Error>,
    /// What it showed to the host.
    pub printed: Vec<Value>,
    /// The objects that it made.
    pub objects: Vec<Object>,
}

/// Runs a program in a new machine.
pub fn outcome(program: &Rc<Program>) -> Outcome {
    let mut vm = Vm::default();
    let result = run(program, &mut vm);
    Outcome { result, printed: vm.printed, objects: vm.heap.objects }
}

/// The kernels.
pub const KERNELS: &[Kernel] = &[
    kernel("int_sum", int_sum, native::int_sum, 20_000_000),
    kernel("float_recurrence", float_recurrence, native::float_recurrence, 10_000_000),
    kernel("nested_loops", nested_loops, native::nested_loops, 2_000),
    kernel("guest_call", guest_call, native::guest_call, 5_000_000),
    kernel("closure_call", closure_call, native::closure_call, 5_000_000),
    kernel("recursion", recursion, native::recursion, 2_000_000),
    kernel("array_sum", array_sum, native::array_sum, 5_000),
    kernel("array_copy", array_copy, native::array_copy, 5_000),
    kernel("fields", fields, native::fields, 3_000_000),
    kernel("int_then_float", int_then_float, native::int_then_float, 10_000_000),
    kernel("phases", phases, native::phases, 4_000),
    kernel("collatz", collatz, native::collatz, 40_000),
    kernel("diamonds", diamonds, native::diamonds, 1_000_000),
    kernel("print", print, native::print, 1_000_000),
    kernel("bounds_error", bounds_error, native::bounds_error, 10_000_000),
    kernel("type_error", type_error, native::type_error, 10_000_000),
    kernel("host_error", host_error, native::host_error, 500_000),
    kernel("overflow", overflow, native::overflow, 100_000),
];

const fn kernel(
    name: &'static str,
    program: fn(i64) -> Rc<Program>,
    native: fn(i64) -> Outcome,
    large: i64,
) -> Kernel {
    Kernel { name, program, native, small: 300, large }
}

/// A function that repeats `body` so many times and returns register 0.
fn counted(start: Value, limit: i64, before: &[I], body: impl FnOnce(&mut Builder)) -> Builder {
    let mut b = Builder::default();
    b.load(0, start).int(1, 0).int(2, limit);
    before.iter().for_each(|insn| {
        b.emit(*insn);
    });
    b.while_less(3, (1, 2), |b| {
        body(b);
        b.emit(I::AddInt { to: 1, a: 1, value: 1 });
    });
    b
}

fn int_sum(n: i64) -> Rc<Program> {
    let mut main = counted(Value::Int(0), n, &[], |b| {
        b.emit(I::Add { to: 0, a: 0, b: 1 });
    });
    Program::new(vec![main.finish(4, 0)])
}

fn float_recurrence(n: i64) -> Rc<Program> {
    let mut main = counted(Value::Float(0.5), n, &[], |b| {
        b.float(4, 1.0).emit(I::Sub { to: 4, a: 4, b: 0 }).emit(I::Mul { to: 0, a: 0, b: 4 });
        b.float(4, 3.7).emit(I::Mul { to: 0, a: 0, b: 4 });
    });
    Program::new(vec![main.finish(5, 0)])
}

fn nested_loops(n: i64) -> Rc<Program> {
    let mut main = counted(Value::Int(0), n, &[], |b| {
        b.int(4, 0).int(7, 7);
        b.while_less(3, (4, 2), |b| {
            b.emit(I::Mul { to: 5, a: 1, b: 4 }).emit(I::Rem { to: 5, a: 5, b: 7 });
            b.emit(I::Add { to: 0, a: 0, b: 5 }).emit(I::AddInt { to: 4, a: 4, value: 1 });
        });
    });
    Program::new(vec![main.finish(8, 0)])
}

/// Function 1: `x * x + y`
fn guest_call(n: i64) -> Rc<Program> {
    let mut main = counted(Value::Int(1), n, &[], |b| {
        b.emit(I::Move { to: 4, from: 0 }).emit(I::Move { to: 5, from: 1 });
        b.emit(I::Call { to: 0, function: 1, first: 4 });
    });
    let mut square = Builder::default();
    square.emit(I::Mul { to: 2, a: 0, b: 0 }).emit(I::Add { to: 2, a: 2, b: 1 });
    Program::new(vec![main.finish(6, 0), square.finish(3, 2)])
}

/// Function 1: a closure that adds what it has captured.
fn closure_call(n: i64) -> Rc<Program> {
    let mut b = Builder::default();
    b.int(5, 3).emit(I::NewClosure { to: 4, function: 1, count: 1 });
    b.int(0, 0).int(1, 0).int(2, n);
    b.while_less(3, (1, 2), |b| {
        b.emit(I::Move { to: 5, from: 4 }).emit(I::Move { to: 6, from: 0 });
        b.emit(I::CallClosure { to: 0, first: 5 }).emit(I::AddInt { to: 1, a: 1, value: 1 });
    });
    let mut add = Builder::default();
    add.emit(I::Captured { to: 2, index: 0 }).emit(I::Add { to: 2, a: 1, b: 2 });
    Program::new(vec![b.finish(7, 0), add.finish(3, 2)])
}

/// Function 1: the sum of the numbers to `x % 50`, with a call for each.
fn recursion(n: i64) -> Rc<Program> {
    let mut main = counted(Value::Int(0), n / 20, &[], |b| {
        b.int(4, 50).emit(I::Rem { to: 4, a: 1, b: 4 });
        b.emit(I::Call { to: 5, function: 1, first: 4 }).emit(I::Add { to: 0, a: 0, b: 5 });
    });
    let mut sum = Builder::default();
    sum.int(1, 0).emit(I::Less { to: 2, a: 1, b: 0 });
    sum.emit(I::JumpUnless { condition: 2, offset: 3 });
    sum.emit(I::AddInt { to: 3, a: 0, value: -1 });
    sum.emit(I::Call { to: 1, function: 1, first: 3 }).emit(I::Add { to: 1, a: 1, b: 0 });
    Program::new(vec![main.finish(6, 0), sum.finish(4, 1)])
}

/// Fills 1000 elements of the array in 4 with their indices; 5 is the index, 6 the length.
fn fill(b: &mut Builder) {
    b.emit(I::NewArray { to: 4, length: 1000 }).emit(I::Length { to: 6, array: 4 }).int(5, 0);
    b.while_less(3, (5, 6), |b| {
        b.emit(I::Set { array: 4, index: 5, from: 5 }).emit(I::AddInt { to: 5, a: 5, value: 1 });
    });
}

fn array_sum(n: i64) -> Rc<Program> {
    let mut b = Builder::default();
    fill(&mut b);
    b.int(0, 0).int(1, 0).int(2, n);
    b.while_less(3, (1, 2), |b| {
        b.int(5, 0);
        b.while_less(3, (5, 6), |b| {
            b.emit(I::Get { to: 7, array: 4, index: 5 }).emit(I::Add { to: 0, a: 0, b: 7 });
            b.emit(I::AddInt { to: 5, a: 5, value: 1 });
        });
        b.emit(I::AddInt { to: 1, a: 1, value: 1 });
    });
    Program::new(vec![b.finish(8, 0)])
}

/// Each round copies the array of 1000, adding one to each element, and back.
fn array_copy(n: i64) -> Rc<Program> {
    let mut b = Builder::default();
    fill(&mut b);
    b.emit(I::NewArray { to: 8, length: 1000 }).int(0, 0).int(1, 0).int(2, n);
    b.while_less(3, (1, 2), |b| {
        for (from, to) in [(4, 8), (8, 4)] {
            b.int(5, 0);
            b.while_less(3, (5, 6), |b| {
                b.emit(I::Get { to: 7, array: from, index: 5 });
                b.emit(I::AddInt { to: 7, a: 7, value: 1 });
                b.emit(I::Set { array: to, index: 5, from: 7 });
                b.emit(I::AddInt { to: 5, a: 5, value: 1 });
            });
        }
        b.emit(I::AddInt { to: 1, a: 1, value: 1 });
    });
    Program::new(vec![b.finish(9, 0)])
}

/// A point that moves: x, y, speed.
fn fields(n: i64) -> Rc<Program> {
    let mut b = Builder::default();
    b.float(4, 0.0).float(5, 1.0).int(6, 3).emit(I::NewRecord { to: 4, first: 4, count: 3 });
    b.int(1, 0).int(2, n);
    b.while_less(3, (1, 2), |b| {
        b.emit(I::GetField { to: 5, record: 4, field: 0 });
        b.emit(I::GetField { to: 6, record: 4, field: 2 });
        b.emit(I::Add { to: 5, a: 5, b: 6 });
        b.emit(I::SetField { record: 4, field: 0, from: 5 });
        b.emit(I::GetField { to: 6, record: 4, field: 1 }).float(7, 0.5);
        b.emit(I::Mul { to: 6, a: 6, b: 7 }).emit(I::Add { to: 6, a: 6, b: 5 });
        b.emit(I::SetField { record: 4, field: 1, from: 6 });
        b.emit(I::AddInt { to: 1, a: 1, value: 1 });
    });
    b.emit(I::GetField { to: 0, record: 4, field: 1 });
    Program::new(vec![b.finish(8, 0)])
}

/// The sum is an integer until half-way.
fn int_then_float(n: i64) -> Rc<Program> {
    let mut main = counted(Value::Int(0), n, &[], |b| {
        b.emit(I::AddInt { to: 0, a: 0, value: 3 });
        b.int(4, n / 2).emit(I::Equal { to: 4, a: 1, b: 4 }).emit(I::Not { to: 4, a: 4 });
        b.unless(4, |b| {
            b.float(4, 0.5).emit(I::Add { to: 0, a: 0, b: 4 });
        });
    });
    Program::new(vec![main.finish(5, 0)])
}

/// A loop that adds 500 times to what is an integer and a float in turn.
fn phases(n: i64) -> Rc<Program> {
    let mut main = counted(Value::Float(0.0), n, &[], |b| {
        b.int(4, 2).emit(I::Rem { to: 4, a: 1, b: 4 }).int(5, 0).emit(I::Equal {
            to: 4,
            a: 4,
            b: 5,
        });
        let even = |b: &mut Builder| {
            b.int(6, 1);
        };
        b.branch(4, even, |b| {
            b.float(6, 0.5);
        });
        b.int(7, 500);
        b.while_less(3, (5, 7), |b| {
            b.emit(I::AddInt { to: 6, a: 6, value: 3 }).emit(I::AddInt { to: 5, a: 5, value: 1 });
        });
        b.emit(I::Add { to: 0, a: 0, b: 6 });
    });
    Program::new(vec![main.finish(8, 0)])
}

/// All steps of all numbers below `n`, which start at 1.
fn collatz(n: i64) -> Rc<Program> {
    let before = [I::AddInt { to: 1, a: 1, value: 1 }];
    let mut main = counted(Value::Int(0), n, &before, |b| {
        b.emit(I::Move { to: 4, from: 1 }).int(5, 1).int(6, 2).int(7, 3);
        b.while_less(3, (5, 4), |b| {
            b.emit(I::Rem { to: 8, a: 4, b: 6 }).emit(I::Equal { to: 8, a: 8, b: 5 });
            let odd = |b: &mut Builder| {
                b.emit(I::Mul { to: 4, a: 4, b: 7 }).emit(I::AddInt { to: 4, a: 4, value: 1 });
            };
            b.branch(8, odd, |b| {
                b.emit(I::Div { to: 4, a: 4, b: 6 });
            });
            b.emit(I::AddInt { to: 0, a: 0, value: 1 });
        });
    });
    Program::new(vec![main.finish(9, 0)])
}

fn diamonds(n: i64) -> Rc<Program> {
    branches(n, 8)
}

/// So many bits of a random number, at most 15, one after the other: each adds to the sum, or
/// multiplies it.
pub fn branches(n: i64, bits: i8) -> Rc<Program> {
    let mut main = counted(Value::Int(1), n, &[I::AddInt { to: 4, a: 1, value: 7 }], |b| {
        b.int(8, 1_103_515_245).int(10, 1 << 31).int(11, 1 << 16).int(6, 2).int(7, 5);
        b.int(15, 12_345).emit(I::Mul { to: 4, a: 4, b: 8 }).emit(I::Add { to: 4, a: 4, b: 15 });
        b.emit(I::Rem { to: 4, a: 4, b: 10 }).emit(I::Div { to: 12, a: 4, b: 11 });
        for bit in 1..=bits {
            b.emit(I::Rem { to: 13, a: 12, b: 6 }).emit(I::Div { to: 12, a: 12, b: 6 });
            b.int(14, 1).emit(I::Equal { to: 13, a: 13, b: 14 });
            let is_set = |b: &mut Builder| {
                b.emit(I::AddInt { to: 0, a: 0, value: bit });
            };
            b.branch(13, is_set, |b| {
                b.emit(I::Mul { to: 0, a: 0, b: 7 });
            });
        }
    });
    Program::new(vec![main.finish(16, 0)])
}

/// Every hundredth number is shown to the host, as a float.
fn print(n: i64) -> Rc<Program> {
    let mut main = counted(Value::Int(0), n, &[], |b| {
        b.int(4, 100).emit(I::Rem { to: 4, a: 1, b: 4 }).int(5, 0);
        b.emit(I::Equal { to: 4, a: 4, b: 5 }).emit(I::Not { to: 4, a: 4 });
        b.unless(4, |b| {
            b.emit(I::ToFloat { to: 4, a: 1 }).emit(I::Print { to: 5, from: 4 });
            b.emit(I::Add { to: 0, a: 0, b: 5 });
        });
    });
    main.emit(I::ToFloat { to: 4, a: 0 }).emit(I::ToInt { to: 0, a: 4 });
    Program::new(vec![main.finish(6, 0)])
}

/// Writes to an array of 250 in turn; behind half-way the index is too large.
fn bounds_error(n: i64) -> Rc<Program> {
    let before = [I::NewArray { to: 4, length: 250 }];
    let mut main = counted(Value::Int(0), n, &before, |b| {
        b.int(5, 250).emit(I::Rem { to: 5, a: 1, b: 5 }).int(6, n / 2);
        b.emit(I::Equal { to: 6, a: 6, b: 1 }).emit(I::Not { to: 6, a: 6 });
        b.unless(6, |b| {
            b.int(5, 250);
        });
        b.emit(I::Set { array: 4, index: 5, from: 1 }).emit(I::Get { to: 0, array: 4, index: 5 });
    });
    Program::new(vec![main.finish(7, 0)])
}

/// Half-way the summand becomes a truth value.
fn type_error(n: i64) -> Rc<Program> {
    let mut main = counted(Value::Int(0), n, &[], |b| {
        b.int(4, n / 2).emit(I::Equal { to: 4, a: 1, b: 4 }).emit(I::Not { to: 5, a: 4 });
        b.branch(
            5,
            |b| {
                b.int(4, 2);
            },
            |_| (),
        );
        b.emit(I::Add { to: 0, a: 0, b: 4 });
    });
    Program::new(vec![main.finish(6, 0)])
}

/// Counts down and shows each number; the host refuses 13.
fn host_error(n: i64) -> Rc<Program> {
    let mut main = counted(Value::Int(n), n, &[], |b| {
        b.emit(I::AddInt { to: 0, a: 0, value: -1 }).emit(I::Print { to: 4, from: 0 });
    });
    Program::new(vec![main.finish(5, 0)])
}

/// Function 1 calls itself without end.
fn overflow(n: i64) -> Rc<Program> {
    let mut main = counted(Value::Int(0), n, &[], |_| ());
    main.emit(I::Move { to: 4, from: 0 }).emit(I::Call { to: 0, function: 1, first: 4 });
    let mut deeper = Builder::default();
    deeper.emit(I::AddInt { to: 1, a: 0, value: 1 }).emit(I::ToFloat { to: 2, a: 1 });
    deeper.emit(I::Print { to: 2, from: 2 }).emit(I::Call { to: 0, function: 1, first: 1 });
    Program::new(vec![main.finish(5, 0), deeper.finish(3, 0)])
}

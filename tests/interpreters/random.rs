//! Random programs for the two machines. All loops are counted in places that nothing else writes,
//! so every program ends, some with an error.
//!
//! Not here: who runs them (`tests/styles.rs`).

use crate::register::program::{Builder, Insn as R, Program as RegisterProgram};
use crate::register::value::Value as RegisterValue;
use crate::stack_machine::arith::Value as StackValue;
use crate::stack_machine::insn::{
    Builder as StackBuilder, Insn as S, Operator, Program as StackProgram,
};
use oorandom::Rand32;
use std::rc::Rc;

/// A number below `end`.
fn below(random: &mut Rand32, end: u32) -> u32 {
    random.rand_range(0..end)
}

const OPERATORS: [Operator; 7] = [
    Operator::Add,
    Operator::Subtract,
    Operator::Multiply,
    Operator::Less,
    Operator::Equal,
    Operator::Divide,
    Operator::Remainder,
];

/// A program for the register machine. Registers 0 to 3 are mostly numbers, 4 is an array of five,
/// 5 a record of two; 6 to 9 belong to loops, 10 to 12 to conditions and arguments.
pub fn register(seed: u64) -> Rc<RegisterProgram> {
    let random = &mut Rand32::new(seed);
    let mut main = Builder::default();
    for to in 0..4 {
        main.load(to, register_constant(random));
    }
    main.emit(R::NewArray { to: 4, length: 5 }).emit(R::NewRecord { to: 5, first: 0, count: 2 });
    main.int(10, 0);
    for _ in 0..5 {
        main.emit(R::Set { array: 4, index: 10, from: 0 });
        main.emit(R::AddInt { to: 10, a: 10, value: 1 });
    }
    main.int(6, 0).int(7, 120);
    main.while_less(10, (6, 7), |b| {
        register_body(random, b, 0);
        b.emit(R::AddInt { to: 6, a: 6, value: 1 });
    });
    // A function of two numbers, without calls.
    let mut function = Builder::default();
    for _ in 0..=below(random, 3) {
        let [to, a, b] = [2, 0, 1].map(|first| (first + below(random, 2)).min(2) as u8);
        function.emit(register_arithmetic(random, to, a, b));
    }
    let from = below(random, 2) as u8;
    RegisterProgram::new(vec![main.finish(14, 0), function.finish(3, from)])
}

fn register_constant(random: &mut Rand32) -> RegisterValue {
    match below(random, 8) {
        0..4 => RegisterValue::Int(i64::from(below(random, 20)) - 4),
        4..7 => RegisterValue::Float(f64::from(below(random, 20)) / 4.0),
        _ => RegisterValue::Int(i64::MAX - i64::from(below(random, 3))),
    }
}

fn register_arithmetic(random: &mut Rand32, to: u8, a: u8, b: u8) -> R {
    match below(random, 12) {
        0..4 => R::Add { to, a, b },
        4..6 => R::Sub { to, a, b },
        6..8 => R::Mul { to, a, b },
        8 => R::Div { to, a, b },
        9 => R::Rem { to, a, b },
        10 => R::ToFloat { to, a },
        _ => R::ToInt { to, a },
    }
}

/// One of the numbers; seldom one of the objects.
fn register_number(random: &mut Rand32) -> u8 {
    let all = if below(random, 60) == 0 { 6 } else { 4 };
    below(random, all) as u8
}

fn register_body(random: &mut Rand32, b: &mut Builder, depth: u32) {
    for _ in 0..2 + below(random, 5) {
        let (x, y) = (register_number(random), register_number(random));
        let to = below(random, 4) as u8;
        match below(random, 16) {
            0..4 => {
                b.emit(register_arithmetic(random, to, x, y));
            }
            4 => {
                b.load(to, register_constant(random));
            }
            5 => {
                b.emit(R::AddInt { to, a: x, value: below(random, 5) as i8 - 2 });
            }
            6 => {
                b.emit(R::Move { to: 12, from: x }).emit(R::Move { to: 13, from: y });
                b.emit(R::Call { to, function: 1, first: 12 });
            }
            7 | 8 => {
                // Seldom out of bounds: after half of the rounds.
                b.int(11, i64::from(below(random, 5)));
                if below(random, 12) == 0 {
                    b.int(12, 24).emit(R::Div { to: 11, a: 6, b: 12 });
                }
                match below(random, 2) {
                    0 => b.emit(R::Get { to, array: 4, index: 11 }),
                    _ => b.emit(R::Set { array: 4, index: 11, from: x }),
                };
            }
            9 | 10 => {
                let field = below(random, 2) as u8;
                match below(random, 2) {
                    0 => b.emit(R::GetField { to, record: 5, field }),
                    _ => b.emit(R::SetField { record: 5, field, from: x }),
                };
            }
            11 if depth < 2 => {
                b.emit(R::Print { to: 11, from: x });
            }
            12 if depth < 1 => {
                b.int(8, 0).int(9, i64::from(1 + below(random, 6)));
                b.while_less(11, (8, 9), |b| {
                    register_body(random, b, depth + 1);
                    b.emit(R::AddInt { to: 8, a: 8, value: 1 });
                });
            }
            _ if depth < 3 => {
                match below(random, 3) {
                    0 => b.emit(R::Equal { to: 11, a: x, b: y }),
                    1 => b.int(12, 60).emit(R::Less { to: 11, a: 6, b: 12 }),
                    _ => b.emit(R::Less { to: 11, a: x, b: y }),
                };
                if below(random, 2) == 0 {
                    b.emit(R::Not { to: 11, a: 11 });
                }
                let other = &mut Rand32::new(u64::from(below(random, 1 << 30)));
                let then = |b: &mut Builder| register_body(random, b, depth + 2);
                b.branch(11, then, |b| register_body(other, b, depth + 2));
            }
            _ => {
                b.emit(R::Move { to, from: x });
            }
        }
    }
}

/// A program for the stack machine. Locals 0 to 3 are data, 6 and 7 belong to loops.
pub fn stack(seed: u64) -> Rc<StackProgram> {
    let random = &mut Rand32::new(seed);
    let mut b = StackBuilder::default();
    // A function of two values, at 1.
    b.over(S::Jump, |b| {
        b.emit(&[S::Local(0), S::Local(1), S::Binary(operator(random))]);
        b.emit(&[S::Local(below(random, 2) as usize), S::Binary(operator(random))]);
        b.emit(&[S::Return]);
    });
    for local in 0..4 {
        b.emit(&[stack_constant(random), S::SetLocal(local)]);
        b.emit(&[stack_constant(random), S::SetGlobal(local)]);
    }
    b.count(7, 120, |b| stack_body(random, b, 0));
    b.emit(&[S::Local(0)]);
    b.finish(4)
}

fn operator(random: &mut Rand32) -> Operator {
    // Rather an operator that gives a number, and that seldom fails.
    OPERATORS[below(random, 7).min(below(random, 8)) as usize]
}

fn stack_constant(random: &mut Rand32) -> S {
    S::Push(match below(random, 9) {
        0..4 => StackValue::Int(i64::from(below(random, 20)) - 4),
        4..7 => StackValue::Float(f64::from(below(random, 20)) / 4.0),
        7 => StackValue::Int(i64::MIN + i64::from(below(random, 3))),
        _ => [StackValue::Nil, StackValue::Bool(true)][below(random, 2) as usize],
    })
}

/// Something that pushes one value.
fn stack_value(random: &mut Rand32, b: &mut StackBuilder, depth: u32) {
    match below(random, 8) {
        0 | 1 => b.emit(&[S::Local(below(random, 4) as usize)]),
        2 => b.emit(&[S::Global(below(random, 4) as usize)]),
        3 => b.emit(&[stack_constant(random)]),
        4 => b.emit(&[S::Local(7)]),
        5 if depth < 3 => {
            stack_value(random, b, depth + 1);
            stack_value(random, b, depth + 1);
            b.emit(&[S::Call { target: 1, arguments: 2 }])
        }
        6 if depth < 3 => {
            stack_value(random, b, depth + 1);
            b.emit(&[[S::Negate, S::Float][below(random, 2) as usize]])
        }
        _ if depth < 3 => {
            stack_value(random, b, depth + 1);
            stack_value(random, b, depth + 1);
            if below(random, 4) == 0 {
                b.emit(&[S::Swap]);
            }
            b.emit(&[S::Binary(operator(random))])
        }
        _ => b.emit(&[S::Local(0), S::Dup, S::Drop]),
    };
}

fn stack_body(random: &mut Rand32, b: &mut StackBuilder, depth: u32) {
    for _ in 0..1 + below(random, 3) {
        match below(random, 9) {
            0..3 => {
                stack_value(random, b, 0);
                b.emit(&[S::SetLocal(below(random, 4) as usize)]);
            }
            3 => {
                stack_value(random, b, 0);
                b.emit(&[S::SetGlobal(below(random, 4) as usize)]);
            }
            4 => {
                stack_value(random, b, 1);
                b.emit(&[S::Emit]);
            }
            5 if depth < 1 => {
                b.count(6, i64::from(1 + below(random, 5)), |b| stack_body(random, b, depth + 1));
            }
            6 if depth < 3 => {
                stack_value(random, b, 1);
                b.over(S::Unless, |b| stack_body(random, b, depth + 1));
            }
            _ if depth < 3 => {
                let body = |b: &mut StackBuilder| stack_body(random, b, depth + 1);
                b.handle(body, |b| {
                    b.emit(&[S::SetLocal(2)]);
                });
            }
            _ => {}
        }
    }
}

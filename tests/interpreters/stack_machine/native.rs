//! What the kernels must do, in Rust: wrapping arithmetic, checked indices, no values with tags.

use super::arith::{Error, Value};
use super::kernels::Outcome;
use jitgen::kernels;
use std::hint::black_box;

fn stops(value: Value) -> Outcome {
    Outcome { result: Ok(value), emitted: vec![], globals: vec![] }
}

/// `0 + 1 + …`
pub fn int_sum(n: i64) -> Outcome {
    stops(Value::Int(kernels::sum(n)))
}

/// The logistic map.
pub fn float_loop(n: i64) -> Outcome {
    stops(Value::Float(kernels::logistic(n)))
}

/// Halves less remainders.
pub fn int_and_float(n: i64) -> Outcome {
    let mut sum = 0.0;
    for i in 0..n {
        sum = sum + i as f64 * 0.5 + -((i % 3) as f64);
    }
    stops(Value::Float(sum))
}

/// Products modulo 7.
pub fn nested_loops(n: i64) -> Outcome {
    stops(Value::Int(kernels::products(n)))
}

/// `x = x * x + i`
pub fn call(n: i64) -> Outcome {
    stops(Value::Int(kernels::squares(n)))
}

/// Fibonacci numbers, slowly.
pub fn recursion(n: i64) -> Outcome {
    stops(Value::Int(kernels::fibonacci(n)))
}

/// A number generator.
pub fn globals(n: i64) -> Outcome {
    let mut globals = black_box(vec![42i64, 0]);
    for _ in 0..n {
        globals[0] = globals[0].wrapping_mul(1103515245).wrapping_add(12345) % (1 << 31);
        globals[1] = globals[1].wrapping_add(globals[0] % 1000);
    }
    let globals: Vec<Value> = globals.into_iter().map(Value::Int).collect();
    Outcome { result: Ok(globals[1]), emitted: vec![], globals }
}

/// A square that is large enough.
pub fn early_exit(n: i64) -> Outcome {
    let found = (0..2 * n).find(|i| black_box(*i).wrapping_mul(*i) > n * n - 1);
    stops(found.map_or(Value::Nil, Value::Int))
}

/// Sums of a hundred numbers.
pub fn deep_operands(n: i64) -> Outcome {
    let mut sum = 0i64;
    for i in 0..n {
        let mut operands = vec![];
        for index in 0..100 {
            operands.push(i.wrapping_add(index));
        }
        while let Some(operand) = black_box(&mut operands).pop() {
            sum = sum.wrapping_add(operand);
        }
    }
    stops(Value::Int(sum))
}

/// Quotients, and twos for those that there are not.
pub fn handled_errors(n: i64) -> Outcome {
    let mut sum = 0i64;
    for i in 0..n {
        sum = sum.wrapping_add(1000i64.checked_div(i % 10).unwrap_or(Error::DivisionByZero.code()));
    }
    stops(Value::Int(sum))
}

/// Quotients, until there is none.
pub fn unhandled_error(n: i64) -> Outcome {
    let mut sum = 0i64;
    for i in 0..n {
        let Some(quotient) = 1_000_000i64.checked_div(n - n / 4 - i) else {
            break;
        };
        sum = sum.wrapping_add(quotient);
    }
    let globals = vec![Value::Int(sum)];
    Outcome { result: Err(Error::DivisionByZero), emitted: vec![], globals }
}

/// All but 13.
pub fn emit(n: i64) -> Outcome {
    let all = (0..n).step_by(20).map(|i| i / 20);
    let (refused, taken): (Vec<i64>, Vec<i64>) = all.partition(|i| *i == 13);
    let result = Value::Int(refused.len() as i64 * Error::Refused.code());
    let emitted = taken.into_iter().map(Value::Int).collect();
    Outcome { result: Ok(result), emitted, globals: vec![result] }
}

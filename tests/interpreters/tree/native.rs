//! What the kernels must do, in Rust: wrapping arithmetic, checked indices, no values with tags.

use super::kernels::Outcome;
use super::value::{Error, Value};
use jitgen::kernels;
use std::hint::black_box;

fn returns(value: Value) -> Outcome {
    Outcome { result: Ok(value), printed: vec![] }
}

fn brackets(items: &[i64]) -> String {
    format!("{items:?}")
}

/// `0 + 1 + …`
pub fn int_sum(n: i64) -> Outcome {
    returns(Value::Int(kernels::sum(n)))
}

/// The logistic map.
pub fn float_loop(n: i64) -> Outcome {
    returns(Value::Float(kernels::logistic(n)))
}

/// Products modulo 7.
pub fn nested_loops(n: i64) -> Outcome {
    returns(Value::Int(kernels::products(n)))
}

/// The root of a square.
pub fn early_break(n: i64) -> Outcome {
    let mut i = 0i64;
    while !(i > 2 && black_box(i).wrapping_mul(i) == n.wrapping_mul(n)) {
        i += 1;
    }
    returns(Value::Int(i))
}

/// `x = x + 3`
pub fn closure_call(n: i64) -> Outcome {
    returns(Value::Int(kernels::threes(n)))
}

/// Two counters.
pub fn counter(n: i64) -> Outcome {
    let (mut one, mut other) = (0i64, 0i64);
    for i in 0..n {
        one = one.wrapping_add(1);
        if i % 3 < 1 {
            other = other.wrapping_add(i);
        } else {
            one = one.wrapping_add(2);
            other = other.wrapping_add(1);
        }
    }
    returns(Value::Int(one.wrapping_add(other.wrapping_mul(1000))))
}

/// A list that is changed in turn.
pub fn list_updates(n: i64) -> Outcome {
    let mut items: Vec<i64> = (0..100).collect();
    for i in 0..n {
        let length = items.len() as i64;
        items[(i % length) as usize] = items[(i.wrapping_mul(7) % 100) as usize].wrapping_add(1);
    }
    Outcome { printed: vec![brackets(&items)], ..returns(Value::Int(100)) }
}

/// Fibonacci numbers, slowly.
pub fn fibonacci(n: i64) -> Outcome {
    returns(Value::Int(kernels::fibonacci(n)))
}

/// Roots, rounded up.
pub fn loop_in_function(n: i64) -> Outcome {
    let first = |limit: i64| {
        let mut k = 0;
        while k * k <= limit {
            k += 1;
        }
        k
    };
    returns(Value::Int((0..n).map(|i| first(i % 400)).sum()))
}

/// Digits, joined.
pub fn strings(n: i64) -> Outcome {
    let (mut text, mut length) = (String::new(), 0);
    for i in 0..n {
        text = format!("{text}{}", i % 10);
        if text.len() > 50 {
            length += text.len() as i64;
            text.clear();
        }
    }
    Outcome { printed: vec![text], ..returns(Value::Int(length)) }
}

/// Quotients, and how many there are not.
pub fn caught_errors(n: i64) -> Outcome {
    let (mut sum, mut failed) = (0i64, 0i64);
    for i in 0..n {
        match 1000i64.checked_div(i % 10) {
            Some(quotient) => sum = sum.wrapping_add(quotient),
            None => failed += 1,
        }
    }
    Outcome { printed: vec![failed.to_string()], ..returns(Value::Int(sum)) }
}

/// An error half-way, and one at the end.
pub fn error(n: i64) -> Outcome {
    let mut items = [1, 2, 3];
    for i in 0..=n / 2 {
        items[(i % 3) as usize] = i;
    }
    let bounds = format!("{:?}", Error::Bounds { index: 3, length: 3 });
    Outcome { result: Err(Error::Failed("enough".into())), printed: vec![bounds, brackets(&items)] }
}

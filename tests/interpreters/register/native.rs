//! What the kernels must do, in Rust: wrapping arithmetic, checked indices, no values with tags.

use super::heap::Object;
use super::kernels::Outcome;
use super::value::{Error, Operation, Value, mismatch};
use jitgen::kernels;
use std::hint::black_box;

fn returns(value: Value) -> Outcome {
    Outcome { result: Ok(value), printed: vec![], objects: vec![] }
}

fn int_array(items: &[i64]) -> Object {
    Object::Array(items.iter().map(|item| Value::Int(*item)).collect())
}

/// `0 + 1 + …`
pub fn int_sum(n: i64) -> Outcome {
    returns(Value::Int(kernels::sum(n)))
}

/// The logistic map.
pub fn float_recurrence(n: i64) -> Outcome {
    returns(Value::Float(kernels::logistic(n)))
}

/// Products modulo 7.
pub fn nested_loops(n: i64) -> Outcome {
    returns(Value::Int(kernels::products(n)))
}

/// `x = x * x + i`
pub fn guest_call(n: i64) -> Outcome {
    returns(Value::Int(kernels::squares(n)))
}

/// `x = x + 3`
pub fn closure_call(n: i64) -> Outcome {
    let closure = Object::Closure { function: 1, captured: vec![Value::Int(3)] };
    Outcome { objects: vec![closure], ..returns(Value::Int(kernels::threes(n))) }
}

#[inline(never)]
fn sum_to(x: i64) -> i64 {
    if x > 0 { sum_to(black_box(x - 1)).wrapping_add(x) } else { 0 }
}

/// Triangle numbers.
pub fn recursion(n: i64) -> Outcome {
    let sum = (0..n / 20).fold(0i64, |sum, i| sum.wrapping_add(sum_to(i % 50)));
    returns(Value::Int(sum))
}

/// The sum of 1000 elements, `n` times.
pub fn array_sum(n: i64) -> Outcome {
    let items = black_box((0..1000).collect::<Vec<i64>>());
    let mut sum = 0i64;
    for _ in 0..n {
        for index in 0..items.len() {
            sum = sum.wrapping_add(black_box(&items)[index]);
        }
    }
    Outcome { objects: vec![int_array(&items)], ..returns(Value::Int(sum)) }
}

/// 1000 elements there and back, `n` times.
pub fn array_copy(n: i64) -> Outcome {
    let mut items: Vec<i64> = (0..1000).collect();
    let mut copy = vec![0; 1000];
    for _ in 0..n {
        for index in 0..items.len() {
            copy[index] = items[index].wrapping_add(1);
        }
        for index in 0..items.len() {
            items[index] = copy[index].wrapping_add(1);
        }
    }
    let objects = vec![int_array(&items), int_array(&copy)];
    Outcome { objects, ..returns(Value::Int(0)) }
}

struct Point {
    x: f64,
    y: f64,
    speed: i64,
}

/// A point that moves.
pub fn fields(n: i64) -> Outcome {
    let mut point = Box::new(Point { x: 0.0, y: 1.0, speed: 3 });
    for _ in 0..n {
        point.x += point.speed as f64;
        point.y = point.y * 0.5 + point.x;
    }
    let fields = vec![Value::Float(point.x), Value::Float(point.y), Value::Int(point.speed)];
    Outcome { objects: vec![Object::Record(fields)], ..returns(Value::Float(point.y)) }
}

/// Threes, and a half.
pub fn int_then_float(n: i64) -> Outcome {
    let half = n / 2;
    let mut sum = 0i64;
    for _ in 0..=half {
        sum = sum.wrapping_add(black_box(3));
    }
    let mut sum = sum as f64 + 0.5;
    for _ in half + 1..n {
        sum += 3.0;
    }
    returns(Value::Float(sum))
}

/// Threes, to one and to a half.
pub fn phases(n: i64) -> Outcome {
    let mut sum = 0.0;
    for i in 0..n {
        if i % 2 == 0 {
            sum += (0..500).fold(1i64, |x, _| x.wrapping_add(black_box(3))) as f64;
        } else {
            sum += (0..500).fold(0.5, |x, _| x + 3.0);
        }
    }
    returns(Value::Float(sum))
}

/// All steps of all numbers below `n`.
pub fn collatz(n: i64) -> Outcome {
    let mut steps = 0;
    for start in 1..n {
        let mut x = start;
        while x > 1 {
            x = if x % 2 == 1 { x.wrapping_mul(3).wrapping_add(1) } else { x / 2 };
            steps += 1;
        }
    }
    returns(Value::Int(steps))
}

/// Bits of random numbers.
pub fn diamonds(n: i64) -> Outcome {
    let (mut sum, mut random) = (1i64, 7i64);
    for _ in 0..n {
        random = random.wrapping_mul(1_103_515_245).wrapping_add(12_345) % (1 << 31);
        let mut bits = random / (1 << 16);
        for bit in 1..=8 {
            let is_set = bits % 2 == 1;
            bits /= 2;
            sum = if is_set { sum.wrapping_add(bit) } else { sum.wrapping_mul(5) };
        }
    }
    returns(Value::Int(sum))
}

/// Every hundredth number.
pub fn print(n: i64) -> Outcome {
    let printed: Vec<Value> = (0..n).step_by(100).map(|i| Value::Float(i as f64)).collect();
    let count = printed.len() as i64;
    Outcome { printed, ..returns(Value::Int(count * (count + 1) / 2)) }
}

/// An array that is written in turn.
pub fn bounds_error(n: i64) -> Outcome {
    let mut items = [Value::Nil; 250];
    for i in 0..n / 2 {
        items[(i % 250) as usize] = Value::Int(i);
    }
    let result = Err(Error::Bounds { index: 250, length: 250 });
    Outcome { result, printed: vec![], objects: vec![Object::Array(items.to_vec())] }
}

/// Twos, and a truth value.
pub fn type_error(n: i64) -> Outcome {
    let mut sum = 0i64;
    for _ in 0..n / 2 {
        sum = sum.wrapping_add(black_box(2));
    }
    let error = mismatch(Operation::Add, Value::Int(sum), Value::Bool(true));
    Outcome { result: Err(error), ..returns(Value::Nil) }
}

/// Down to 13.
pub fn host_error(n: i64) -> Outcome {
    let printed = (14..n).rev().map(Value::Int).collect();
    let result = Err(Error::Refused { value: 13 });
    Outcome { result, printed, objects: vec![] }
}

/// As deep as calls go.
pub fn overflow(_: i64) -> Outcome {
    let printed = (1..=200).map(|depth| Value::Float(f64::from(depth))).collect();
    Outcome { result: Err(Error::StackOverflow), printed, objects: vec![] }
}

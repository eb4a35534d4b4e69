//! Calls and items.
//!
//! Not here: methods of the standard library (`methods`), portals of several files (`files`).

use super::{Machine, Point, Shared, Value};
use jitgen_core::prelude::*;
use std::rc::Rc;

examples! {
    functions methods associated self_by_value traits default_methods generics const_parameters
    residual_calls residual_values residual_errors residual_loops helpers_in_helpers recursion
    portals lifetimes passed_closures
}

#[traced]
fn functions(m: &mut Machine, a: i64, b: i64) -> i64 {
    larger(a, b) + self::larger(m.point.x & 7, b)
}

#[traced]
fn larger(a: i64, b: i64) -> i64 {
    if a > b { a } else { b }
}

#[traced]
impl Point {
    fn new(x: i64) -> Point {
        Point { x, y: Self::START }
    }

    fn sum(&self) -> i64 {
        self.x + self.y
    }

    fn shift(&mut self, by: i64) -> i64 {
        self.x += by;
        self.sum()
    }

    fn turned(self) -> Point {
        Point { x: self.y, y: self.x }
    }
}

impl Point {
    /// A constant of a type.
    const START: i64 = 3;
}

#[traced]
fn methods(m: &mut Machine, a: i64, b: i64) -> i64 {
    m.point.x = b;
    m.point.shift(a) + m.boxed.sum() + m.point.sum()
}

#[traced]
fn associated(_m: &mut Machine, a: i64, b: i64) -> i64 {
    Point::new(a).y + b + Point::START
}

#[traced]
fn self_by_value(m: &mut Machine, a: i64, b: i64) -> i64 {
    let point = Point { x: a, y: b };
    m.point = point.turned();
    m.point.x
}

/// A trait.
#[traced]
trait Weighted {
    fn weight(&self) -> i64;
    fn double(&self) -> i64 {
        self.weight() * 2
    }
}

#[traced]
impl Weighted for Point {
    fn weight(&self) -> i64 {
        self.x
    }
}

#[traced]
impl Weighted for Value {
    fn weight(&self) -> i64 {
        match *self {
            Value::Int(x) => x,
            _ => 1,
        }
    }
    fn double(&self) -> i64 {
        7
    }
}

#[traced]
fn traits(m: &mut Machine, a: i64, b: i64) -> i64 {
    m.point.x = b;
    Value::Int(a).weight() + m.point.weight()
}

#[traced]
fn default_methods(m: &mut Machine, a: i64, _b: i64) -> i64 {
    m.point.x = a;
    m.point.double() + m.value.double()
}

#[traced]
fn weight_of<T: Weighted + jitgen_core::Traced>(one: &T, more: i64) -> i64 {
    one.weight() + more
}

#[traced]
fn first_of<T>(one: T, _two: T) -> T
where
    T: jitgen_core::Traced + Copy,
{
    one
}

#[traced]
fn generics(m: &mut Machine, a: i64, b: i64) -> i64 {
    m.point.x = a;
    weight_of(&m.point, b) + first_of(a, b) + first_of::<Point>(m.point, Point { x: b, y: a }).x
}

#[traced]
fn nth<const N: usize>(list: &[i64; N], index: i64) -> i64 {
    list[(index & 3) as usize] + N as i64
}

#[traced]
fn const_parameters(m: &mut Machine, a: i64, b: i64) -> i64 {
    nth(&m.array, a) + b
}

#[traced]
fn residual_calls(m: &mut Machine, a: i64, b: i64) -> i64 {
    count(m, a) + b
}

#[residual]
fn count(m: &mut Machine, by: i64) -> i64 {
    m.calls += by;
    m.calls & 15
}

#[traced]
fn residual_values(m: &mut Machine, a: i64, b: i64) -> i64 {
    let value = if a > b { Value::Int(a) } else { Value::Pair(1, b as i32) };
    match outside(m, value, (a, b), Some(b)) {
        (Value::Int(x), Some(y)) => x + y,
        (Value::Pair(x, _), _) => x as i64,
        _ => 2,
    }
}

#[residual]
fn outside(
    m: &mut Machine,
    value: Value,
    pair: (i64, i64),
    option: Option<i64>,
) -> (Value, Option<i64>) {
    m.calls += 1;
    let value = match value {
        Value::Int(x) => Value::Pair(x as i32, pair.0 as i32),
        _ => Value::Int(pair.1),
    };
    (value, option.filter(|x| x % 2 == 0))
}

#[traced]
fn residual_errors(m: &mut Machine, a: i64, b: i64) -> i64 {
    match tried(m, a, b) {
        Ok(x) => x,
        Err(Value::Int(x)) => x,
        Err(_) => 0,
    }
}

#[traced]
fn tried(m: &mut Machine, a: i64, b: i64) -> Result<i64, Value> {
    m.calls += 1;
    let x = may_fail(m, a)?;
    Ok(x + b)
}

#[residual]
fn may_fail(m: &mut Machine, a: i64) -> Result<i64, Value> {
    m.calls += 1;
    if a > 14 { Err(Value::Int(m.calls)) } else { Ok(a) }
}

#[traced]
fn residual_loops(m: &mut Machine, a: i64, b: i64) -> i64 {
    sum_up(m, a & 3) + b
}

#[traced]
fn sum_up(m: &mut Machine, to: i64) -> i64 {
    let mut sum = 0;
    let mut index = 0;
    while index < to {
        sum += m.array[index as usize];
        index += 1;
    }
    sum
}

#[traced]
fn helpers_in_helpers(m: &mut Machine, a: i64, b: i64) -> i64 {
    m.digest += 1;
    stored_twice(m, a) + b
}

#[traced]
fn stored_twice(m: &mut Machine, a: i64) -> i64 {
    stored(m, a) + stored(m, a + 1)
}

#[traced]
fn stored(m: &mut Machine, a: i64) -> i64 {
    m.point.y = a;
    if a > 9 { count(m, 1) } else { a }
}

#[traced]
fn recursion(_m: &mut Machine, a: i64, b: i64) -> i64 {
    sum_to(a & 3) + b
}

#[traced]
fn sum_to(n: i64) -> i64 {
    if n == 0 { 0 } else { n + sum_to(n - 1) }
}

#[traced]
fn portals(m: &mut Machine, a: i64, b: i64) -> i64 {
    let program = &m.counted;
    counted_down(program, a & 7) + b
}

/// A portal of its own.
#[portal(greens(program), reds(left, sum), recursive)]
fn counted_down(program: &Rc<Point>, from: i64) -> i64 {
    let mut left = from;
    let mut sum = 0;
    loop {
        merge_point!();
        if left == 0 {
            return sum;
        }
        left -= 1;
        sum += program.x;
        can_enter_jit!();
    }
}

#[traced]
fn lifetimes<'m>(m: &'m mut Machine, a: i64, b: i64) -> i64 {
    *chosen(&m.point, a > b)
}

#[traced]
fn chosen<'p>(point: &'p Point, first: bool) -> &'p i64 {
    if first { &point.x } else { &point.y }
}

#[traced]
fn passed_closures(m: &mut Machine, a: i64, b: i64) -> i64 {
    let option = if a > b { Some(a) } else { None };
    let scaled = option.map(|x| x * 2 + b);
    if let Shared::Empty = m.shared { 1 } else { scaled.unwrap_or_else(|| a + 1) }
}

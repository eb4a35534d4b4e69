//! Patterns.
//!
//! Not here: where they stand (`expressions`).

use super::{Machine, Point, Value};
use jitgen_core::prelude::*;

examples! {
    names words alternatives constants variants nested guarded at_bindings ref_bindings
    behind_references tuples structs in_let in_parameters owned_parts
    slices many_fields
}

/// Makes a value of some variant.
#[traced]
fn value_of(a: i64, b: i64) -> Value {
    match a & 3 {
        0 => Value::Int(b),
        1 => Value::Pair(b as i32, a as i32),
        2 => Value::Point { x: b },
        _ => Value::Float(b as f64),
    }
}

#[traced]
fn names(_m: &mut Machine, a: i64, b: i64) -> i64 {
    match a {
        3 => b,
        mut other => {
            other += 1;
            other
        }
    }
}

#[traced]
fn words(m: &mut Machine, a: i64, b: i64) -> i64 {
    let letter = (97 + b as u8) as char;
    let word = match a {
        -1 => 0,
        0..3 => 1,
        3..=8 => 2,
        9.. => 3,
        _ => 4,
    };
    let float = match m.float {
        1.5 => 1,
        _ => 2,
    };
    match letter {
        'a'..='f' => word,
        'g' | 'h' => 10,
        _ => float,
    }
}

#[traced]
fn alternatives(_m: &mut Machine, a: i64, b: i64) -> i64 {
    let kind = match value_of(b, a) {
        Value::Int(_) | Value::Point { .. } => 100,
        Value::Pair(..) => 200,
        Value::Float(_) | Value::Nil => 300,
    };
    kind + match value_of(a, b) {
        Value::Int(x) | Value::Point { x } => x,
        Value::Pair(1 | 6, y) => y as i64,
        Value::Pair(..) | Value::Float(_) => -2,
        Value::Nil => -3,
    }
}

/// A constant.
const LIMIT: i64 = 7;

/// One that is written as a variant is.
const Small: i64 = 1;

/// Two of them.
mod limits {
    /// One.
    pub const LOW: i64 = 2;
    /// Two.
    pub const HIGH: u8 = 11;
}

#[traced]
fn constants(_m: &mut Machine, a: i64, b: i64) -> i64 {
    let small = match b as u8 {
        limits::HIGH => 1,
        u8::MAX => 2,
        _ => 3,
    };
    let other = match b {
        Small => 10,
        _ => 20,
    };
    match a {
        LIMIT => other + 1,
        limits::LOW => 2,
        _ => small,
    }
}

#[traced]
fn variants(_m: &mut Machine, a: i64, b: i64) -> i64 {
    match value_of(a, b) {
        Value::Int(x) => x,
        Value::Point { x } => x + 1,
        Value::Float(x) => x as i64 + 2,
        _ => 3,
    }
}

#[traced]
fn nested(m: &mut Machine, a: i64, b: i64) -> i64 {
    let pair = (Some(value_of(a, b)), m.option);
    m.option = if a > b { Some(a) } else { None };
    match pair {
        (Some(Value::Int(4..=9)), Some(_)) => 1,
        (Some(Value::Pair(x, 5)), None) => x as i64,
        (Some(Value::Point { x: 2 }), Some(y)) => y,
        (Some(Value::Int(x)), Some(1 | 2)) => x,
        (_, Some(y)) => y,
        _ => 6,
    }
}

#[traced]
fn guarded(m: &mut Machine, a: i64, b: i64) -> i64 {
    match value_of(a, b) {
        Value::Int(x) if x > m.point.x => x,
        Value::Int(x) => -x,
        Value::Pair(x, y) if x > y => 1,
        _ if b > 5 => 2,
        _ => 3,
    }
}

#[traced]
fn at_bindings(_m: &mut Machine, a: i64, b: i64) -> i64 {
    let whole = match value_of(a, b) {
        value @ Value::Int(_) => value,
        Value::Pair(x @ 1..=9, _) => Value::Int(x as i64),
        _ => Value::Nil,
    };
    match whole {
        Value::Int(x) => x,
        _ => b,
    }
}

#[traced]
fn ref_bindings(m: &mut Machine, a: i64, b: i64) -> i64 {
    m.value = value_of(a, b);
    match m.value {
        Value::Int(ref mut x) => *x += 1,
        Value::Pair(ref x, _) => return *x as i64,
        _ => (),
    }
    let Point { ref mut y, .. } = m.point;
    *y ^= 1;
    *y
}

#[traced]
fn behind_references(m: &mut Machine, a: i64, b: i64) -> i64 {
    m.value = value_of(a, b);
    let &Point { x, .. } = &m.point;
    match &m.value {
        &Value::Int(y) => x + y,
        Value::Pair(y, _) => *y as i64,
        _ => 2,
    }
}

#[traced]
fn tuples(m: &mut Machine, a: i64, b: i64) -> i64 {
    let (first, .., last) = (a, 3, m.point.x, b);
    match (first > last, b) {
        (true, 0..=4) => 1,
        (false, x) => x,
        (_, x) => -x,
    }
}

#[traced]
fn structs(m: &mut Machine, a: i64, b: i64) -> i64 {
    m.point = Point { x: a, y: b };
    match m.point {
        Point { x: 3, y } => y,
        Point { x, y: renamed } if x > renamed => x,
        Point { y, .. } => y + 1,
    }
}

#[traced]
fn in_let(m: &mut Machine, a: i64, b: i64) -> i64 {
    let Point { x, y: low } = m.point;
    let (sum, Point { y, .. }) = (x + low, Point { x: a, y: b });
    (sum & 7) + y
}

#[traced]
fn in_parameters(m: &mut Machine, a: i64, b: i64) -> i64 {
    let add = |(x, y): (i64, i64)| x + y;
    apart((a, b), m.point) + add((a, b))
}

#[traced]
fn apart((a, b): (i64, i64), Point { x, .. }: Point) -> i64 {
    a + b + x
}

#[traced]
fn owned_parts(m: &mut Machine, a: i64, b: i64) -> i64 {
    let shared = std::mem::replace(&mut m.shared, super::Shared::Empty);
    match shared {
        super::Shared::Number(number) => {
            number.set(number.get() ^ a);
            let got = number.get();
            m.shared = super::Shared::Number(number);
            got
        }
        super::Shared::Empty => b,
    }
}

#[traced]
fn slices(m: &mut Machine, a: i64, b: i64) -> i64 {
    if m.list.len() > 5 {
        m.list.clear();
    }
    m.list.push(a);
    ends(&m.list) + from_array(m.array, b)
}

#[traced]
fn ends(list: &[i64]) -> i64 {
    match list {
        [] => -1,
        [one] => *one,
        [2, .., last] => *last,
        [first, .., last] if first < last => *first * 3 + *last,
        [first, second, ..] => *first * 5 + *second,
    }
}

#[traced]
fn from_array(array: [i64; 4], b: i64) -> i64 {
    match array {
        [1, second, ..] => second + b,
        [.., last] => last,
    }
}

/// More fields than are bound together.
#[derive(Traced)]
#[repr(C, u8)]
enum Wide {
    /// Some of them own something.
    Seven(i64, Box<Point>, u8, i64, Box<Point>, i32, i64),
    /// None does.
    Five { a: i64, b: u8, c: i64, d: i32, e: i64 },
}

#[residual]
fn wide(a: i64, b: i64) -> Wide {
    let point = |x| Box::new(Point { x, y: a });
    match (a ^ b) & 1 {
        0 => Wide::Seven(a, point(b), b as u8, a * 3, point(a - b), 9, a + b),
        _ => Wide::Five { a, b: b as u8, c: a * 5, d: 11, e: b - a },
    }
}

#[traced]
fn many_fields(m: &mut Machine, a: i64, b: i64) -> i64 {
    let value = wide(a, b);
    let small = if let Wide::Five { a, b, c, d, e } = &value {
        *a + *b as i64 * 3 + *c * 5 + *d as i64 * 7 + *e * 9
    } else {
        1
    };
    match value {
        Wide::Seven(p, q, r, s, t, u, v) => {
            let sum = p + q.x * 3 + r as i64 * 5 + s * 7 + t.x * 9 + u as i64 * 11 + v * 13;
            if b > 3 {
                m.boxed = t;
            }
            sum
        }
        Wide::Five { a, b, c, d, e } => {
            small ^ (a * 3 + b as i64 * 5 + c * 7 + d as i64 * 9 + e * 11)
        }
    }
}

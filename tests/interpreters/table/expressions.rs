//! Expressions and statements.
//!
//! Not here: patterns, calls, and methods of the standard library.

use super::{Machine, Point, Value};
use jitgen_core::prelude::*;

examples! {
    literals constants statics arithmetic float_arithmetic assigning negation equality equal_values casts
    compared_references for_lists coercions promoted_pointers
    enum_casts logic conditions if_let let_chains while_let let_else matching match_words
    match_references unrolled_loops for_ranges loop_values labels indexing places borrowed_locals
    assigned_fields temporaries literals_of_structs struct_update closures early_return
    question_marks question_marks_on_options converted_errors panics assertions matches_macro
    inner_items promoted
}

#[traced]
fn literals(_m: &mut Machine, a: i64, b: i64) -> i64 {
    let letter = if a > b { 'a' } else { '\u{e9}' };
    let byte = b'x';
    let float = if b > 3 { 2.5 } else { 1e3 };
    letter as i64 + byte as i64 + float as i64 + 0x10_i64
}

/// An item.
const FACTOR: i64 = 1 << 4;
/// Another.
static TABLE: [i64; 4] = [4, 3, 2, 1];

#[traced]
fn constants(_m: &mut Machine, a: i64, b: i64) -> i64 {
    if a == FACTOR { i64::MAX } else { b * FACTOR + u8::MAX as i64 }
}

#[traced]
fn statics(_m: &mut Machine, a: i64, b: i64) -> i64 {
    TABLE[(a & 3) as usize] + b
}

#[traced]
fn arithmetic(_m: &mut Machine, a: i64, b: i64) -> i64 {
    let quotient = (a + 20) / (b + 1) - a % (b + 2);
    ((quotient * 3) & 0xff | (a ^ b)) << 2 >> (b & 3)
}

#[traced]
fn float_arithmetic(m: &mut Machine, a: i64, b: i64) -> i64 {
    let x = a as f64 * 0.5 + m.float;
    let rest = x % 3.0;
    if rest < 1.25 { (x / (b as f64 + 1.0)) as i64 } else { (rest - x) as i64 }
}

#[traced]
fn assigning(m: &mut Machine, a: i64, b: i64) -> i64 {
    let mut x = a;
    x += b;
    x <<= 1;
    m.point.y ^= x;
    m.array[(b & 3) as usize] -= 1;
    x
}

#[traced]
fn negation(_m: &mut Machine, a: i64, b: i64) -> i64 {
    if !(a > b) { -a } else { !b }
}

#[traced]
fn equality(m: &mut Machine, a: i64, b: i64) -> i64 {
    let same = a == b || m.float != a as f64;
    let letters = if a > 3 { 'a' } else { 'b' } == 'a';
    (same as i64) * 2 + letters as i64
}

#[traced]
fn equal_values(m: &mut Machine, a: i64, b: i64) -> i64 {
    m.value = if a > b { Value::Int(a) } else { Value::Pair(1, 2) };
    let same = m.value == Value::Int(9) || m.value == Value::Pair(1, 2);
    let moved = m.point != Point { x: a, y: b };
    m.point = Point { x: a & 1, y: b };
    (same as i64) * 2 + moved as i64
}

#[traced]
fn casts(_m: &mut Machine, a: i64, b: i64) -> i64 {
    let small = (a * 40) as i8;
    let float = small as f32 * 1.5;
    let letter = (b as u8 + 65) as char;
    float as i64 + letter as u32 as i64 + (a > b) as i64 + (-1_i64 as u16) as i64
}

/// No fields.
#[derive(Clone, Copy, Traced)]
enum Level {
    /// One.
    Low = 3,
    /// Two.
    High = 9,
}

#[traced]
fn enum_casts(_m: &mut Machine, a: i64, b: i64) -> i64 {
    let level = if a > b { Level::Low } else { Level::High };
    level as i64
}

#[traced]
fn logic(_m: &mut Machine, a: i64, b: i64) -> i64 {
    let both = a > 3 && b > 3;
    let either = a < 2 || b < 2;
    let plain = (a > 5) & (b > 5);
    if both {
        1
    } else if either || plain {
        2
    } else {
        3
    }
}

#[traced]
fn conditions(m: &mut Machine, a: i64, b: i64) -> i64 {
    let mut x = if a > b { a } else { b };
    if x > 12 {
        x = m.point.x;
    } else if x == 7 {
        return 1;
    }
    x
}

#[traced]
fn if_let(m: &mut Machine, a: i64, b: i64) -> i64 {
    m.option = if a > b { Some(a) } else { None };
    if let Some(x) = m.option { x } else { b }
}

#[traced]
fn let_chains(m: &mut Machine, a: i64, b: i64) -> i64 {
    m.value = if a > 2 { Value::Int(a) } else { Value::Nil };
    if let Value::Int(x) = m.value
        && x > b
        && let 3..=9 = x
    {
        x
    } else {
        -1
    }
}

#[traced]
#[unroll]
fn while_let(m: &mut Machine, a: i64, b: i64) -> i64 {
    m.option = Some(b & 1);
    let mut sum = a;
    while let Some(x) = m.option {
        sum += x;
        m.option = if x < 2 { Some(x + 1) } else { None };
    }
    sum
}

#[traced]
fn let_else(m: &mut Machine, a: i64, b: i64) -> i64 {
    let option = if a > b { Some(a) } else { None };
    let Some(x) = option else {
        return m.point.x;
    };
    x
}

#[traced]
fn matching(m: &mut Machine, a: i64, b: i64) -> i64 {
    m.value = if a > b { Value::Pair(a as i32, 2) } else { Value::Point { x: b } };
    match m.value {
        Value::Nil => 0,
        Value::Pair(x, _) => x as i64,
        Value::Point { x } => x,
        _ => 1,
    }
}

#[traced]
fn match_words(_m: &mut Machine, a: i64, b: i64) -> i64 {
    match a {
        0 | 1 => b,
        2..=5 => 3,
        x if x > b => x,
        _ => 4,
    }
}

#[traced]
fn match_references(m: &mut Machine, a: i64, b: i64) -> i64 {
    m.value = if a > b { Value::Int(a) } else { Value::Pair(1, b as i32) };
    match &mut m.value {
        Value::Int(x) => *x += 1,
        Value::Pair(_, y) => *y ^= 3,
        _ => (),
    }
    match &m.value {
        Value::Int(x) => *x,
        Value::Pair(_, y) => *y as i64,
        _ => 0,
    }
}

#[traced]
#[unroll]
fn unrolled_loops(m: &mut Machine, a: i64, b: i64) -> i64 {
    let mut index = 0;
    let mut sum = a;
    while index < 4 {
        sum += m.array[index];
        index += 1;
    }
    loop {
        if sum < 50 || sum == b {
            break;
        }
        sum /= 2;
    }
    sum
}

#[traced]
#[unroll]
fn for_ranges(m: &mut Machine, a: i64, b: i64) -> i64 {
    let mut sum = a;
    for index in 0..4 {
        if index == 2 {
            continue;
        }
        sum += m.array[index];
    }
    for round in 1..=2 {
        sum += round * b;
    }
    sum
}

#[traced]
#[unroll]
fn loop_values(_m: &mut Machine, a: i64, b: i64) -> i64 {
    let mut x = a & 3;
    let found = loop {
        x += 1;
        if x > 2 {
            break x * b;
        }
    };
    found + 1
}

#[traced]
#[unroll]
fn labels(_m: &mut Machine, a: i64, b: i64) -> i64 {
    let chosen = 'block: {
        if a > b {
            break 'block a;
        }
        if a == 3 {
            break 'block 7;
        }
        b
    };
    let mut count = 0;
    'outer: for x in 0..3 {
        for y in 0..3 {
            if y == 2 {
                continue 'outer;
            }
            if x == 2 {
                break 'outer;
            }
            count += chosen;
        }
    }
    // Without labels, out of patterns.
    let mut round = 0;
    let left = loop {
        round += 1;
        for x in 0..2 {
            match (x, round & 1) {
                (0, 1) if a > b => break,
                (1, _) => continue,
                _ => count += 10,
            }
        }
        match (round, a & 1) {
            (5, _) => break round,
            (r, 1) if r < 3 => continue,
            (_, 1) => count += 100,
            _ => (),
        }
        if let (4, 0) = (round, a & 1) {
            break -round;
        }
    };
    count + left * 1000
}

#[traced]
fn indexing(m: &mut Machine, a: i64, b: i64) -> i64 {
    m.list[(a & 1) as usize] = b;
    m.list[(b & 1) as usize] + m.array[3]
}

#[traced]
fn places(m: &mut Machine, a: i64, b: i64) -> i64 {
    let y = &mut m.point.y;
    *y = a;
    let x = &m.point.x;
    *x + b
}

#[traced]
fn borrowed_locals(_m: &mut Machine, a: i64, b: i64) -> i64 {
    let mut value = Value::Int(a);
    let mut number = b;
    bump(&mut value, &mut number);
    match value {
        Value::Int(x) => x + number,
        _ => number,
    }
}

#[traced]
fn bump(value: &mut Value, number: &mut i64) {
    if let Value::Int(x) = value {
        *x += *number;
    }
    *number ^= 1;
}

#[traced]
fn assigned_fields(m: &mut Machine, a: i64, b: i64) -> i64 {
    let mut point = m.point;
    point.x = a;
    let mut array = [a, b];
    array[1] = point.x ^ b;
    point.y += array[1];
    point.y & 0xff
}

#[traced]
fn temporaries(m: &mut Machine, a: i64, b: i64) -> i64 {
    point_of(&*m, a).x + (a, b).1 + [a, b][(b & 1) as usize]
}

#[traced]
fn point_of(m: &Machine, a: i64) -> Point {
    Point { x: a, y: m.point.y }
}

#[traced]
fn literals_of_structs(m: &mut Machine, a: i64, b: i64) -> i64 {
    let point = Point { y: b, x: a };
    m.value = Value::Point { x: point.x };
    point.y
}

#[traced]
fn struct_update(m: &mut Machine, a: i64, b: i64) -> i64 {
    let point = Point { x: a, ..m.point };
    m.point = Point { y: b, ..point };
    point.y
}

#[traced]
fn closures(_m: &mut Machine, a: i64, b: i64) -> i64 {
    let mut calls = 0;
    let mut scaled = |x: i64| {
        calls += 1;
        x * 3 + b
    };
    let sum = scaled(a) + scaled(b);
    sum + calls
}

#[traced]
fn early_return(m: &mut Machine, a: i64, b: i64) -> i64 {
    if a > b {
        return m.point.x;
    }
    b
}

#[traced]
fn question_marks(m: &mut Machine, a: i64, b: i64) -> i64 {
    match halved_twice(a) {
        Ok(x) => x,
        Err(Value::Int(x)) => x + b,
        Err(_) => m.point.y,
    }
}

#[traced]
fn halved_twice(a: i64) -> Result<i64, Value> {
    let once = halved(a)?;
    Ok(halved(once)? + 1)
}

#[traced]
fn halved(a: i64) -> Result<i64, Value> {
    if a & 1 == 0 { Ok(a / 2) } else { Err(Value::Int(a)) }
}

#[traced]
fn question_marks_on_options(_m: &mut Machine, a: i64, b: i64) -> i64 {
    match quarter(a) {
        Some(x) => x,
        None => b,
    }
}

#[traced]
fn quarter(a: i64) -> Option<i64> {
    let half = half(a)?;
    half_of(half)
}

#[traced]
fn half(a: i64) -> Option<i64> {
    if a & 1 == 0 { Some(a / 2) } else { None }
}

#[traced]
fn half_of(a: i64) -> Option<i64> {
    Some(half(a)? + 1)
}

/// Another error.
#[derive(Clone, Copy, Traced)]
struct Failure {
    /// Why.
    code: i64,
}

impl From<Value> for Failure {
    fn from(value: Value) -> Failure {
        match value {
            Value::Int(code) => Failure { code },
            _ => Failure { code: -1 },
        }
    }
}

#[traced]
fn converted_errors(_m: &mut Machine, a: i64, b: i64) -> i64 {
    match converted(a) {
        Ok(x) => x + b,
        Err(failure) => failure.code,
    }
}

#[traced]
fn converted(a: i64) -> Result<i64, Failure> {
    Ok(halved(a)? * 2)
}

#[traced]
fn panics(_m: &mut Machine, a: i64, b: i64) -> i64 {
    if a > 1000 {
        panic!("{a} is too much for {}", b);
    }
    match b {
        0..=100 => a,
        _ => unreachable!("b is {b}"),
    }
}

#[traced]
fn assertions(m: &mut Machine, a: i64, b: i64) -> i64 {
    assert!(a < 100, "a is {a}");
    debug_assert!(b < 100);
    assert_eq!(m.array.len(), 4);
    assert_ne!(a, -1, "never");
    a + b
}

#[traced]
fn matches_macro(m: &mut Machine, a: i64, b: i64) -> i64 {
    m.value = if a > b { Value::Int(a) } else { Value::Nil };
    let small = matches!(m.value, Value::Int(x) if x < 9);
    if small || matches!(a, 1 | 4..=6) { 1 } else { 2 }
}

#[traced]
fn inner_items(_m: &mut Machine, a: i64, b: i64) -> i64 {
    use super::Value::Int;
    const STEP: i64 = 3;
    match Int(a) {
        Int(x) => x * STEP,
        _ => b,
    }
}

#[traced]
fn promoted(_m: &mut Machine, a: i64, b: i64) -> i64 {
    let high = promote(a > 8);
    if high { b } else { 1 }
}

#[traced]
fn promoted_pointers(m: &mut Machine, a: i64, b: i64) -> i64 {
    let point = promote(&m.counted);
    point.x * a + point.y * b
}

#[traced]
fn compared_references(m: &mut Machine, a: i64, b: i64) -> i64 {
    let (first, last) = (&m.list[0], &m.list[2]);
    let order = if first < last && &a != first { 1 } else { 2 };
    let texts = if &m.text == &m.other && &m.text >= &m.other { 4 } else { 8 };
    m.list[(b & 1) as usize * 2] = a;
    order + texts
}

#[traced]
#[unroll]
fn for_lists(m: &mut Machine, a: i64, b: i64) -> i64 {
    let mut sum = 0;
    for x in &m.list {
        if *x == b {
            continue;
        }
        sum += *x;
    }
    for x in m.array.iter() {
        sum ^= *x * a;
    }
    m.list[1] = b;
    sum
}

#[traced]
fn coercions(m: &mut Machine, a: i64, b: i64) -> i64 {
    m.list[0] = a;
    moved_by(&mut m.boxed, b & 3) + first_and_last(&m.list) + width(&m.counted) + left(m)
}

#[traced]
fn moved_by(point: &mut Point, by: i64) -> i64 {
    point.x ^= by;
    point.x
}

#[traced]
fn first_and_last(list: &[i64]) -> i64 {
    list[0] * 3 + list[list.len() - 1]
}

#[traced]
fn width(point: &Point) -> i64 {
    point.y - point.x
}

#[traced]
fn left(m: &Machine) -> i64 {
    m.left & 1
}

//! Types: what values of each are in a trace.
//!
//! Not here: their methods (`methods`).

use super::{Machine, Point, Shared, Value};
use jitgen_core::prelude::*;
use std::cell::Cell;
use std::rc::Rc;

examples! {
    words references slices containers structs tuples arrays enums word_enums own_layout options
    results strings owned boxes vectors_by_value whole_owners cells raw_pointers generic_types newtypes
    objects
}

#[traced]
fn words(m: &mut Machine, a: i64, b: i64) -> i64 {
    let (small, wide, letter) = (a as u8, b as u32, 'x');
    let float = a as f64 + m.float + (b as f32) as f64;
    let yes = small > 3 && letter != 'y';
    let size = wide as usize + 1;
    if yes { float as i64 } else { size as i64 }
}

#[traced]
fn references(m: &mut Machine, a: i64, b: i64) -> i64 {
    let point = &mut m.point;
    point.x = point.x.wrapping_add(a);
    let y = &mut point.y;
    *y = *y ^ b;
    *y
}

#[traced]
fn slices(m: &mut Machine, a: i64, b: i64) -> i64 {
    sum_of(m.slice, (a & 1) as usize) + b
}

#[traced]
fn sum_of(list: &[i64], from: usize) -> i64 {
    list[from] + list.len() as i64
}

#[traced]
fn containers(m: &mut Machine, a: i64, b: i64) -> i64 {
    m.boxed.x = m.boxed.x ^ a;
    m.list[(b & 1) as usize] = a;
    m.array[(a & 3) as usize] = b;
    m.counted.y + m.boxed.y + m.list[1] + m.array[2]
}

#[traced]
fn structs(m: &mut Machine, a: i64, b: i64) -> i64 {
    let old = m.point;
    let new = Point { x: old.y.wrapping_add(a), y: b };
    m.point = new;
    old.x ^ new.x
}

/// An object of the collected heap.
#[derive(Collect, Traced)]
pub struct Object {
    /// What it holds.
    held: Cell<i64>,
}

#[traced]
fn objects(_m: &mut Machine, a: i64, b: i64) -> i64 {
    let object = Gc::new(Object { held: Cell::new(a) });
    let same = object;
    same.held.set(same.held.get() ^ b);
    object.held.get()
}

#[traced]
fn tuples(m: &mut Machine, a: i64, b: i64) -> i64 {
    let pair = swapped((a, m.point));
    pair.0.x ^ pair.1 ^ b
}

#[traced]
fn swapped(pair: (i64, Point)) -> (Point, i64) {
    (pair.1, pair.0)
}

#[traced]
fn arrays(m: &mut Machine, a: i64, b: i64) -> i64 {
    let mut array = [a, b, a ^ b];
    array[(b & 1) as usize] = 5;
    let zeros = [a; 4];
    m.array = zeros;
    array[(a & 1) as usize] + zeros[(b & 3) as usize]
}

#[traced]
fn enums(m: &mut Machine, a: i64, b: i64) -> i64 {
    let old = m.value;
    m.value = if a & 1 == 0 { Value::Int(a) } else { Value::Pair(a as i32, b as i32) };
    match old {
        Value::Int(x) => x,
        Value::Pair(x, y) => (x ^ y) as i64,
        _ => 0,
    }
}

/// No fields.
#[derive(Clone, Copy, PartialEq, Traced)]
enum Direction {
    /// One.
    Up,
    /// Two.
    Down,
}

#[traced]
fn word_enums(_m: &mut Machine, a: i64, b: i64) -> i64 {
    let direction = if a > b { Direction::Up } else { Direction::Down };
    let other = if a > 5 { Direction::Up } else { Direction::Down };
    let same = direction == other;
    match direction {
        Direction::Up if same => 1,
        Direction::Up => 2,
        Direction::Down => other as i64 + 3,
    }
}

/// The layout is rustc's.
#[derive(Clone, Copy, Traced)]
enum Step {
    /// On.
    Next,
    /// Elsewhere.
    Jump(i64, Value),
}

#[traced]
fn own_layout(m: &mut Machine, a: i64, b: i64) -> i64 {
    let step = step(m.value, a);
    let far = distance(step);
    match step {
        Step::Next => b,
        Step::Jump(to, Value::Int(x)) => to + x + far,
        Step::Jump(to, _) => to + far,
    }
}

#[residual]
fn distance(step: Step) -> i64 {
    match step {
        Step::Next => 1,
        Step::Jump(to, Value::Int(x)) => to ^ x,
        Step::Jump(to, _) => 2 * to,
    }
}

#[traced]
fn step(value: Value, a: i64) -> Step {
    if a > 4 { Step::Jump(a, value) } else { Step::Next }
}

#[traced]
fn options(m: &mut Machine, a: i64, b: i64) -> i64 {
    let old = m.option;
    m.option = if a > b { Some(a) } else { None };
    let reference: Option<&i64> = if b > 3 { Some(&m.point.x) } else { None };
    let nested = Some(old);
    match (nested, reference) {
        (Some(Some(x)), None) => x,
        (Some(None), Some(y)) => *y,
        (Some(_), _) => 3,
        (None, _) => 4,
    }
}

#[traced]
fn results(m: &mut Machine, a: i64, b: i64) -> i64 {
    match divided(&*m, a, b) {
        Ok(value) => value,
        Err(Value::Int(x)) => x,
        Err(_) => 1,
    }
}

#[traced]
fn divided(m: &Machine, a: i64, b: i64) -> Result<i64, Value> {
    if b == 0 {
        Err(Value::Int(a))
    } else if b == 3 {
        Err(m.value)
    } else {
        Ok(a / b)
    }
}

#[traced]
fn strings(m: &mut Machine, a: i64, b: i64) -> i64 {
    let text = if a > b { "long" } else { "short" };
    length(m, text)
}

#[residual]
fn length(m: &mut Machine, text: &str) -> i64 {
    m.calls += 1;
    text.len() as i64
}

#[traced]
fn owned(m: &mut Machine, a: i64, b: i64) -> i64 {
    let mine = m.shared.clone();
    let got = match &mine {
        Shared::Number(cell) => {
            cell.set(cell.get() ^ a);
            cell.get()
        }
        Shared::Empty => b,
    };
    m.shared = if a == 9 { Shared::Empty } else { mine };
    if b == 3 {
        m.shared = made(a);
    }
    got
}

#[residual]
fn made(a: i64) -> Shared {
    Shared::Number(Rc::new(Cell::new(a)))
}

#[traced]
fn boxes(m: &mut Machine, a: i64, b: i64) -> i64 {
    let boxed = boxed(a);
    let x = boxed.x;
    if b > 3 {
        m.boxed = boxed;
    }
    x ^ m.boxed.y
}

#[residual]
fn boxed(a: i64) -> Box<Point> {
    Box::new(Point { x: a, y: a + 1 })
}

/// What it owns traced code cannot know.
#[derive(Traced)]
pub struct Whole(std::collections::BTreeSet<i64>);

#[residual]
fn whole(a: i64) -> Whole {
    Whole([a].into())
}

#[residual]
fn opened(whole: Whole) -> i64 {
    whole.0.len() as i64
}

#[traced]
fn whole_owners(_m: &mut Machine, a: i64, b: i64) -> i64 {
    let (first, _second) = (whole(a), whole(b));
    if a < b { opened(first) } else { 2 }
}

#[traced]
fn vectors_by_value(m: &mut Machine, a: i64, b: i64) -> i64 {
    let list = listed(a);
    let old = std::mem::replace(&mut m.list, list);
    old[0] + b
}

#[residual]
fn listed(a: i64) -> Vec<i64> {
    vec![a, a + 1, a + 2]
}

#[traced]
fn cells(m: &mut Machine, a: i64, b: i64) -> i64 {
    m.cell.set(m.cell.get() ^ a);
    m.ref_cell.borrow_mut()[(a & 1) as usize] = b;
    let list = m.ref_cell.borrow();
    list[0] + m.cell.get()
}

/// Holds an address.
#[derive(Clone, Copy, Traced)]
struct Handle {
    /// It.
    at: *const i64,
}

#[traced]
fn raw_pointers(m: &mut Machine, a: i64, b: i64) -> i64 {
    let handle = Handle { at: address(&*m, a & 3) };
    let copy = handle;
    read(&*m, copy.at) + b
}

#[residual]
fn address(m: &Machine, index: i64) -> *const i64 {
    &raw const m.array[index as usize]
}

#[residual]
fn read(m: &Machine, at: *const i64) -> i64 {
    m.array.iter().position(|x| std::ptr::eq(x, at)).map_or(-1, |index| m.array[index])
}

/// Two of something.
#[derive(Clone, Copy, Traced)]
struct Both<T> {
    /// One.
    one: T,
    /// Two.
    two: T,
}

#[traced]
fn generic_types(m: &mut Machine, a: i64, b: i64) -> i64 {
    let both = Both { one: a, two: b };
    let values = Both { one: m.value, two: Value::Int(a) };
    match values.two {
        Value::Int(x) => both.one ^ x,
        _ => both.two,
    }
}

/// A name for a number.
#[derive(Clone, Copy, Traced)]
struct Index(i64);

#[traced]
fn newtypes(m: &mut Machine, a: i64, _b: i64) -> i64 {
    let index = Index(a & 3);
    m.array[index.0 as usize]
}

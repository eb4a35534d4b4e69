//! Methods of the standard library; each integer and float method is in `methods.rs` beside this
//! folder, for each type.
//!
//! Not here: methods that the tracer does not know (`tests/ui`).

use super::{Machine, Point, Shared};
use jitgen_core::prelude::*;
use std::mem;
use std::rc::Rc;

examples! {
    integer_operations checked_integers integer_calls float_operations float_calls letters lengths
    conversions clones of_options of_results of_vectors of_cells of_ref_cells of_rcs of_mem
    made
}

#[traced]
fn integer_operations(_m: &mut Machine, a: i64, b: i64) -> i64 {
    let low = a.wrapping_mul(77).rotate_left(3).min(b.wrapping_sub(9)).clamp(-100, 5000);
    low.max(-3) + i64::wrapping_add(a, b) + a.is_positive() as i64
}

#[traced]
fn checked_integers(_m: &mut Machine, a: i64, b: i64) -> i64 {
    let small = (a as u8).wrapping_mul(20);
    let (sum, over) = small.overflowing_add(b as u8);
    match small.checked_mul(3) {
        Some(x) => x as i64,
        None => sum as i64 + over as i64,
    }
}

#[traced]
fn integer_calls(_m: &mut Machine, a: i64, b: i64) -> i64 {
    let ones = a.count_ones() as i64 + a.pow(2) + (a as i32).saturating_add(i32::MAX - 8) as i64;
    ones + (-a).rem_euclid(b + 1) + (b - 3).abs()
}

#[traced]
fn float_operations(m: &mut Machine, a: i64, b: i64) -> i64 {
    let x = (a as f64 - m.float).abs().copysign(b as f64 - 4.0);
    if x.is_nan() { 0 } else { x.to_bits() as i64 >> 40 }
}

#[traced]
fn float_calls(m: &mut Machine, a: i64, b: i64) -> i64 {
    let x = (a as f64).sqrt().floor() + (b as f64).min(m.float).mul_add(2.0, 1.0);
    (x.sin() * 1000.0) as i64
}

#[traced]
fn letters(_m: &mut Machine, a: i64, b: i64) -> i64 {
    let byte = (a * 7) as u8;
    let letter = (b as u8 + 60) as char;
    byte.is_ascii_digit() as i64
        + letter.to_ascii_lowercase() as i64
        + letter.is_alphabetic() as i64
}

#[traced]
fn lengths(m: &mut Machine, a: i64, b: i64) -> i64 {
    if m.list.is_empty() { a } else { m.list.len() as i64 + m.array.len() as i64 + b }
}

#[traced]
fn conversions(_m: &mut Machine, a: i64, b: i64) -> i64 {
    let wide = i64::from(a as i16) + i64::from(b as u8 > 3);
    let float: f64 = (b as i32).into();
    let small = match u8::try_from(a - 3) {
        Ok(small) => small as i64,
        Err(_) => -1,
    };
    wide + float as i64 + small
}

#[traced]
fn clones(m: &mut Machine, a: i64, b: i64) -> i64 {
    let shared = m.shared.clone();
    let list = m.list.clone();
    m.counted = Rc::clone(&m.counted);
    m.shared = shared;
    a + list[(b & 1) as usize]
}

#[traced]
fn of_options(m: &mut Machine, a: i64, b: i64) -> i64 {
    m.option = if a > b { Some(a) } else { None };
    let old = m.option.take();
    let more = m.option.replace(b);
    let mapped = old.map(|x| x + 1).or(more).and_then(|x| if x > 3 { Some(x) } else { None });
    if let Some(x) = m.option.as_mut() {
        *x += 1;
    }
    mapped.unwrap_or(7) + m.option.unwrap() + old.map_or(3, |x| x) + old.is_none() as i64
}

#[traced]
fn of_results(_m: &mut Machine, a: i64, b: i64) -> i64 {
    let result: Result<i64, i64> = if a > b { Ok(a) } else { Err(b) };
    let mapped = result.map(|x| x * 2).map_err(|e| e + 1);
    let option = mapped.ok().ok_or(5_i64);
    mapped.is_ok() as i64 + option.unwrap_or(4) + result.unwrap_or(2)
}

#[traced]
fn of_vectors(m: &mut Machine, a: i64, b: i64) -> i64 {
    m.list.push(a);
    m.list.push(b);
    m.list.swap(0, 1);
    let popped = m.list.pop().unwrap_or(3);
    m.list.truncate(4);
    let got = match m.list.get((b & 7) as usize) {
        Some(x) => *x,
        None => 1,
    };
    popped + got + *m.list.last().unwrap()
}

#[traced]
fn of_cells(m: &mut Machine, a: i64, b: i64) -> i64 {
    let old = m.cell.replace(a);
    m.cell.set(m.cell.get() + b);
    old + m.cell.take()
}

#[traced]
#[unroll]
fn of_ref_cells(m: &mut Machine, a: i64, b: i64) -> i64 {
    m.ref_cell.borrow_mut()[0] = a;
    let first = m.ref_cell.borrow()[0];
    if m.ref_cell.borrow()[1] < b {
        let mut list = m.ref_cell.borrow_mut();
        list[1] = first;
        return list[2];
    }
    while m.ref_cell.borrow().len() < 5 {
        m.ref_cell.borrow_mut().push(b);
    }
    let len = m.ref_cell.borrow().len();
    m.ref_cell.borrow_mut().truncate(3);
    len as i64
}

#[traced]
fn of_rcs(m: &mut Machine, a: i64, b: i64) -> i64 {
    let other = Rc::clone(&m.counted);
    let same = Rc::ptr_eq(&other, &m.counted);
    let shared = Shared::Empty;
    m.point = Point { x: a, y: b };
    match shared {
        Shared::Empty if same => other.x,
        _ => 0,
    }
}

#[traced]
fn of_mem(m: &mut Machine, a: i64, b: i64) -> i64 {
    let old = mem::replace(&mut m.point.x, a);
    let option = mem::take(&mut m.option);
    let (mut one, mut two) = (a, b);
    mem::swap(&mut one, &mut two);
    m.option = Some(one);
    old + two + if option.is_some() { 1 } else { 0 }
}

#[traced]
fn made(m: &mut Machine, a: i64, b: i64) -> i64 {
    let mut list: Vec<i64> = Vec::with_capacity(2);
    list.push(a);
    list.resize(4, b);
    let sum = list[0] + list[3];
    m.list = list;
    m.boxed = Box::new(Point { x: a, y: b });
    m.counted = Rc::new(Point { x: sum, y: a });
    sum
}

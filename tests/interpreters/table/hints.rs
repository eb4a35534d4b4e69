//! Hints.
//!
//! Not here: what each does to a trace (`tests/hints.rs`).

use super::{Frame, Machine, Point};
use jitgen_core::prelude::*;

examples! {
    promoted asserted asked exact elidable_calls loop_invariants left_out declared_effects
    immutable_fields quasi_cells unrolled_if called_if filled virtualizable_state known_result
}

#[traced]
fn promoted(m: &mut Machine, _a: i64, b: i64) -> i64 {
    promote(m.point.x) * b
}

#[traced]
fn asserted(m: &mut Machine, a: i64, b: i64) -> i64 {
    assert_green(promote(m.point.x) + 1) + a * b
}

#[traced]
fn asked(m: &mut Machine, a: i64, b: i64) -> i64 {
    let known = if is_constant(a) && !is_virtual(b) { a } else { m.a };
    if we_are_jitted() { known + b } else { b + a }
}

#[traced]
fn exact(m: &mut Machine, a: i64, b: i64) -> i64 {
    record_exact(m.point.x, 1) * a + b
}

#[traced]
fn elidable_calls(m: &mut Machine, a: i64, b: i64) -> i64 {
    digits(a) + digits(promote(m.point.y)) + digits(b) + digits(b)
}

#[elidable]
fn digits(n: i64) -> i64 {
    n.to_string().len() as i64
}

#[traced]
fn loop_invariants(m: &mut Machine, a: i64, b: i64) -> i64 {
    limit(m.point.x) + a - b
}

#[loop_invariant]
fn limit(n: i64) -> i64 {
    n.pow(3) + 5
}

#[traced]
fn left_out(m: &mut Machine, a: i64, b: i64) -> i64 {
    note(a);
    m.point.y + b
}

#[not_in_trace]
fn note(a: i64) {
    assert!(a >= 0, "no number is negative here");
}

#[traced]
fn declared_effects(m: &mut Machine, a: i64, b: i64) -> i64 {
    let before = m.point.x + m.array[0];
    count(m, a);
    before + m.point.x + m.array[0] + m.calls + b
}

#[residual(reads(Machine.calls), writes(Machine.calls), no_escape)]
fn count(m: &mut Machine, by: i64) {
    m.calls += by;
}

#[traced]
fn immutable_fields(m: &mut Machine, a: i64, b: i64) -> i64 {
    let before = m.fixed + m.fixed_list[1];
    any(&mut m.point, a);
    before * m.fixed + m.fixed_list[(b & 1) as usize] + m.fixed_list[1]
}

#[residual]
fn any(point: &mut Point, a: i64) {
    point.y = a;
}

#[traced]
fn quasi_cells(m: &mut Machine, a: i64, b: i64) -> i64 {
    if a == 16 {
        m.mode.set(b);
    }
    m.mode.get() + a
}

#[traced]
fn unrolled_if(m: &mut Machine, a: i64, b: i64) -> i64 {
    power(a, 3).wrapping_add(power(2, b & 3)) + m.point.x
}

#[unroll(if_constant(count))]
fn power(x: i64, count: i64) -> i64 {
    let mut result = 1_i64;
    let mut left = count;
    while left > 0 {
        result = result.wrapping_mul(x);
        left -= 1;
    }
    result
}

#[traced]
fn called_if(m: &mut Machine, a: i64, b: i64) -> i64 {
    conditional_call!(a & 3 == b & 3, count(m, b));
    let digits = conditional_call!(b & 1 == 0, digits(a), b);
    digits + m.calls
}

#[traced]
fn filled(m: &mut Machine, a: i64, b: i64) -> i64 {
    let known = if a & 3 == 0 { None } else { Some(&m.array[1]) };
    *conditional_value!(known, first(&*m)) + b
}

#[residual(writes())]
fn first(m: &Machine) -> &i64 {
    &m.array[0]
}

#[traced]
fn virtualizable_state(m: &mut Machine, a: i64, b: i64) -> i64 {
    m.frame.slots[1] = a;
    m.frame.top += b;
    any(&mut m.point, a);
    m.frame.top = (m.frame.top + m.frame.slots[1]) & 63;
    clear(&mut m.frame);
    m.frame.slots[1] + m.frame.top + m.point.y
}

#[residual]
fn clear(frame: &mut Frame) {
    frame.slots[1] = frame.top;
}

#[traced]
fn known_result(m: &mut Machine, a: i64, b: i64) -> i64 {
    let small = a & 7;
    record_known!(digits(small), 1);
    digits(small) + m.point.x + b
}

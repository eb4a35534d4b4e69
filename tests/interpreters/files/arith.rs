//! Free functions: traced, unrolled, residual, generic.

use jitgen_core::{residual, traced, unroll};

/// Mixes two numbers.
#[traced]
pub fn combine(a: i64, b: i64) -> i64 {
    folded(a ^ b, 2).wrapping_mul(31)
}

#[unroll]
fn folded(a: i64, times: u64) -> i64 {
    let mut a = a;
    let mut i = 0;
    while i < times {
        a ^= a >> 7;
        i += 1;
    }
    a
}

/// One of the two.
#[traced]
pub fn pick<T: Copy>(first: bool, a: T, b: T) -> T {
    if first { a } else { b }
}

/// A call.
#[residual]
pub fn sum_below(a: i64) -> i64 {
    (0..a & 7).sum::<i64>() + a / 2
}

//! Kernels of the small interpreters: what one is, and what several of them compute, in Rust with
//! wrapping arithmetic.
//!
//! Not here: the guest programs (`tests/interpreters`), who runs them (`tests/styles.rs`,
//! `benches/interpreters.rs`).

use std::hint::black_box;
use std::rc::Rc;

/// A guest program `P` and what it must do, which leaves an `O`.
#[derive(Debug)]
pub struct Kernel<P, O> {
    /// Its name.
    pub name: &'static str,
    /// The program of a size.
    pub program: fn(i64) -> Rc<P>,
    /// The same in Rust.
    pub native: fn(i64) -> O,
    /// The size for tests.
    pub small: i64,
    /// The size for benches.
    pub large: i64,
}

/// `0 + 1 + …`
pub fn sum(n: i64) -> i64 {
    let mut sum = 0i64;
    for i in 0..n {
        // Else the loop is computed at once.
        sum = sum.wrapping_add(black_box(i));
    }
    sum
}

/// The logistic map.
pub fn logistic(n: i64) -> f64 {
    let mut x = 0.5;
    for _ in 0..n {
        x = x * (1.0 - x) * 3.7;
    }
    x
}

/// Products modulo 7.
pub fn products(n: i64) -> i64 {
    let mut sum = 0i64;
    for i in 0..n {
        for j in 0..n {
            sum = sum.wrapping_add(i.wrapping_mul(j) % 7);
        }
    }
    sum
}

/// `x = x * x + i`, with a call.
pub fn squares(n: i64) -> i64 {
    (0..n).fold(1, square)
}

#[inline(never)]
fn square(x: i64, y: i64) -> i64 {
    x.wrapping_mul(x).wrapping_add(y)
}

/// `x = x + 3`, by a closure.
pub fn threes(n: i64) -> i64 {
    let step = 3i64;
    let add = |x: i64| x.wrapping_add(black_box(step));
    let mut x = 0;
    for _ in 0..n {
        x = add(x);
    }
    x
}

/// Fibonacci numbers, slowly.
pub fn fibonacci(n: i64) -> i64 {
    if n < 2 { n } else { fibonacci(n - 1).wrapping_add(fibonacci(n - 2)) }
}

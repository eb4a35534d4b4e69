//! `traced` takes no arguments.

#![allow(unused, reason = "only the error matters")]

fn main() {}

#[jitgen_core::traced(fast)]
fn id(a: i64) -> i64 {
    a
}

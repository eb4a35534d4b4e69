//! `traced` on what has no functions.

#![allow(unused, reason = "only the error matters")]

fn main() {}

#[jitgen_core::traced]
struct Vm {
    a: i64,
}

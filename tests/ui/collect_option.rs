//! Options that `derive(Collect)` does not have, and a union.

#![allow(unused, reason = "only the error matters")]

use jitgen_core::gc::Collect;

fn main() {}

#[derive(Collect)]
#[collect(skip)]
struct Pair {
    #[collect(no_trace)]
    left: u8,
    right: u8,
}

#[derive(Collect)]
union Bits {
    a: u32,
    b: f32,
}

//! A union cannot be traced.

#![allow(unused, reason = "only the error matters")]

fn main() {}

#[derive(jitgen_core::Traced)]
union Bits {
    a: u32,
    b: f32,
}

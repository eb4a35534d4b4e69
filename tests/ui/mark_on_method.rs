//! A mark on a method whose `impl` is not traced.

#![allow(unused, reason = "only the error matters")]

fn main() {}

struct Vm {
    a: i64,
}

impl Vm {
    #[jitgen_core::residual]
    fn print(&self) {}
}

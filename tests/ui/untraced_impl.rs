//! An `impl` of a traced trait without the attribute.

#![allow(unused, reason = "only the error matters")]

fn main() {}

#[jitgen_core::traced]
trait Op {
    fn apply(&self, a: i64) -> i64;
}

struct Add;

impl Op for Add {
    fn apply(&self, a: i64) -> i64 {
        a
    }
}

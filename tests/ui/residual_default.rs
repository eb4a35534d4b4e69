//! A residual method of a trait with a body.

#![allow(unused, reason = "only the error matters")]

fn main() {}

#[jitgen_core::traced]
trait Op {
    #[residual]
    fn apply(&self, a: i64) -> i64 {
        a
    }
}

//! A mark on a method that is only declared.

#![allow(unused, reason = "only the error matters")]

fn main() {}

#[jitgen_core::traced]
trait Op {
    #[residual]
    fn apply(&self, a: i64) -> i64;
}

//! The attribute takes no arguments, and a module needs a portal.

#![allow(unused, reason = "only the error matters")]

fn main() {}

#[jitgen_core::interpreter(fast)]
mod vm {}

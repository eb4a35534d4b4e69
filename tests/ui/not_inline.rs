//! The attribute on something that is not a module.

#![allow(unused, reason = "only the error matters")]

fn main() {}

#[jitgen_core::interpreter]
fn run() {}

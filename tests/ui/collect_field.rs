//! A field that cannot be traced, and one that cannot be skipped.

#![allow(unused, reason = "only the error matters")]

use jitgen_core::gc::{Collect, Gc};

fn main() {}

struct Plain;

#[derive(Collect)]
struct Traced {
    plain: Plain,
}

#[derive(Collect)]
struct Skipped {
    #[collect(skip)]
    object: Option<Gc<u8>>,
}

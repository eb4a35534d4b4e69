//! Marks of `derive(Traced)` that stand where they mean nothing.

use jitgen_core::Traced;

#[derive(Traced)]
#[virtualizable(slots)]
pub struct Frame {
    pub slots: Vec<i64>,
}

#[derive(Clone, Copy, Traced)]
#[virtualizable]
pub enum State {
    On,
    Off,
}

#[derive(Traced)]
#[immutable]
pub struct Shape {
    pub size: i64,
}

#[derive(Clone, Copy, Traced)]
pub enum Value {
    Int(#[immutable] i64),
}

fn main() {}

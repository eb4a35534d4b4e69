//! A method called by the path of its type, where the macro does not see that it takes `self`.

#![allow(unused, reason = "only the error matters")]

use jitgen_core::prelude::*;
use std::rc::Rc;

fn main() {}

#[derive(jitgen_core::Traced)]
pub struct Vm {
    pub a: i64,
}

#[traced]
impl Vm {
    fn inside(&self) -> i64 {
        self.a
    }
}

#[traced]
fn step(vm: &mut Vm) -> i64 {
    Vm::inside(&*vm)
}

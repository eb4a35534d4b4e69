//! A method of another module without a twin.

#![allow(unused, reason = "only the error matters")]

use std::rc::Rc;

fn main() {}

trait Halves {
    fn first_half(&self) -> i64;
}

impl Halves for Vec<u8> {
    fn first_half(&self) -> i64 {
        1
    }
}

#[jitgen_core::interpreter]
mod vm {
    use super::*;

    #[derive(jitgen_core::Traced)]
    pub struct Vm {
        pub code: Vec<u8>,
        pub a: i64,
    }

    #[portal(greens(code, pc), reds(vm))]
    pub fn run(code: &Rc<Vec<u8>>, vm: &mut Vm) {
        let mut pc = 0;
        loop {
            merge_point!();
            vm.a = vm.code.first_half();
            pc += 1;
            if pc == 9 { break; }
        }
    }
}

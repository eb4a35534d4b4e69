//! A method of a string.

#![allow(unused, reason = "only the error matters")]

use std::rc::Rc;

fn main() {}

#[jitgen_core::interpreter]
mod vm {
    use super::*;

    #[derive(jitgen_core::Traced)]
    pub struct Vm {
        pub code: Vec<u8>,
        pub a: i64,
        pub text: &'static str,
    }

    #[portal(greens(code, pc), reds(vm))]
    pub fn run(code: &Rc<Vec<u8>>, vm: &mut Vm) {
        let mut pc = 0;
        loop {
            merge_point!();
            vm.a = step(vm, vm.a);
            pc += 1;
            if pc == 9 { break; }
        }
    }

    fn step(vm: &mut Vm, a: i64) -> i64 {
        vm.text.trim().len() as i64
    }
}

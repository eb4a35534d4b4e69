//! References to what is neither the parameter's type nor around it.

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
        read(&vm.a) + change(&vm.code)
    }

    fn read(list: &[u8]) -> i64 {
        list[0] as i64
    }

    fn change(vm: &mut Vm) -> i64 {
        vm.a += 1;
        vm.a
    }
}

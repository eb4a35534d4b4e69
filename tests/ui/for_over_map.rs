//! `for` over something that is neither a range nor elements side by side.

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
        pub map: std::collections::BTreeMap<i64, i64>,
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

    #[unroll]
    fn step(vm: &mut Vm, a: i64) -> i64 {
        let mut sum = a;
        for x in &vm.map {
            sum += 1;
        }
        sum
    }
}

//! `?` on what is neither an `Option` nor a `Result`.

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
        let flow = checked(a);
        a
    }

    use std::ops::ControlFlow;

    fn checked(a: i64) -> ControlFlow<i64, i64> {
        let b = tested(a)?;
        ControlFlow::Continue(b)
    }

    #[residual]
    fn tested(a: i64) -> ControlFlow<i64, i64> {
        ControlFlow::Break(a)
    }
}

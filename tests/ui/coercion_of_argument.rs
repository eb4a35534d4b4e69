//! References that an author's `Deref` coerces.

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
        pub wrap: Wrap,
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
        read(&vm.wrap) + change(&mut vm.wrap)
    }

    fn read(inside: &Inside) -> i64 {
        inside.0
    }

    fn change(inside: &mut Inside) -> i64 {
        inside.0
    }

    #[derive(jitgen_core::Traced)]
    pub struct Inside(i64);

    #[derive(jitgen_core::Traced)]
    pub struct Wrap(Inside);
}

impl std::ops::Deref for vm::Wrap {
    type Target = vm::Inside;
    fn deref(&self) -> &vm::Inside {
        unreachable!()
    }
}

impl std::ops::DerefMut for vm::Wrap {
    fn deref_mut(&mut self) -> &mut vm::Inside {
        unreachable!()
    }
}

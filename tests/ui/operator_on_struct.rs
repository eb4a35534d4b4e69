//! An operator on something that is not a word.

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
        pub name: Name,
    }

    #[derive(Clone, Copy, PartialEq, PartialOrd, jitgen_core::Traced)]
    pub struct Name(u32);

    #[portal(greens(code, pc), reds(vm))]
    pub fn run(code: &Rc<Vec<u8>>, vm: &mut Vm) {
        let mut pc = 0;
        loop {
            merge_point!();
            if vm.name < vm.name { pc = 0; }
            pc += 1;
            if pc == 9 { break; }
        }
    }
}

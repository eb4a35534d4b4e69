//! A portal that takes `self` by value.

#![allow(unused, reason = "only the error matters")]

use std::rc::Rc;

fn main() {}

#[jitgen_core::interpreter]
mod vm {
    use super::*;

    #[derive(jitgen_core::Traced)]
    pub struct Vm {
        pub a: i64,
    }

    impl Vm {
        #[portal(greens(code, pc), reds(self))]
        pub fn run(self, code: &Rc<Vec<u8>>) -> i64 {
            let mut pc = 0;
            loop {
                merge_point!();
                pc += 1;
                if pc == 9 { break self.a; }
            }
        }
    }
}

//! A portal that is called by its path.

#![allow(unused, reason = "only the error matters")]

use std::rc::Rc;

fn main() {}

#[jitgen_core::interpreter]
mod vm {
    use super::*;
    use jitgen_core::Traced;

    #[derive(Traced)]
    pub struct Vm {
        n: u64,
    }

    impl Vm {
        #[portal(greens(code, pc), reds(self))]
        pub fn run(&mut self, code: &Rc<Vec<u8>>) -> u64 {
            let mut pc = 0;
            loop {
                merge_point!();
                if pc == 9 {
                    break Vm::run(self, code);
                }
                pc += 1;
            }
        }
    }
}

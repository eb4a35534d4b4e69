//! A variable of the merge point is hidden where the JIT is entered.

#![allow(unused, reason = "only the error matters")]

use std::rc::Rc;

fn main() {}

#[jitgen_core::interpreter]
mod vm {
    use super::*;

    #[portal(greens(code, pc), reds(n))]
    pub fn run(code: &Rc<Vec<u8>>) {
        let mut pc = 0;
        let mut n = 0;
        loop {
            merge_point!();
            if pc == 9 {
                let n = 5;
                can_enter_jit!();
            }
            pc += 1;
        }
    }
}

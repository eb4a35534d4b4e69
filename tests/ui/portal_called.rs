//! A portal that calls itself.

#![allow(unused, reason = "only the error matters")]

use std::rc::Rc;

fn main() {}

#[jitgen_core::interpreter]
mod vm {
    use super::*;

    #[portal(greens(code, pc), reds(n))]
    pub fn run(code: &Rc<Vec<u8>>, n: u64) -> u64 {
        let mut pc = 0;
        loop {
            merge_point!();
            if pc == 9 {
                break run(code, n);
            }
            pc += 1;
        }
    }
}

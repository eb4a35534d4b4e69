//! A portal of another file that is not marked as recursive, called by traced code.

#![allow(unused, reason = "only the error matters")]

use std::rc::Rc;

fn main() {}

#[jitgen_core::portal(greens(code, pc), reds(n))]
pub fn other(code: &Rc<Vec<u8>>, n: u64) -> u64 {
    let mut pc = 0;
    loop {
        merge_point!();
        if pc == 9 {
            return n;
        }
        pc += 1;
    }
}

#[jitgen_core::traced]
pub fn helper(code: &Rc<Vec<u8>>, n: u64) -> u64 {
    other(code, n)
}

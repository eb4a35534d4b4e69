//! A portal that the traced code of other files calls.

use super::Insn;
use jitgen_core::portal;
use std::rc::Rc;

/// Goes through the program several times without doing what it says.
#[portal(greens(code, at), reds(left, sum), recursive)]
pub fn passes(code: &Rc<Vec<Insn>>, times: i64) -> i64 {
    let mut at = 0;
    let mut left = times;
    let mut sum = 0;
    loop {
        merge_point!();
        if at < code.len() {
            sum += left;
            at += 1;
        } else {
            left -= 1;
            if left < 1 {
                return sum;
            }
            at = 0;
            can_enter_jit!();
        }
    }
}

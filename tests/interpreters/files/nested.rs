//! A portal that is a single item, called by traced code of another item.

use jitgen_core::{portal, traced};
use std::rc::Rc;

/// Sums up what the elements say: a number is added, 0 begins the same list one shorter.
#[portal(greens(code, pc), reds(left, sum), recursive)]
pub fn sum(code: &Rc<Vec<i64>>, left: u64) -> i64 {
    let mut pc = 0;
    let mut left = left;
    let mut sum = 0;
    loop {
        merge_point!();
        let number = code[pc];
        pc += 1;
        if number != 0 {
            sum = plus(sum, number);
        } else if left > 0 {
            left -= 1;
            if left & 7 == 0 {
                sum = plus(sum, inner(code, left / 2));
            }
            pc = 0;
            can_enter_jit!();
        } else {
            return sum;
        }
    }
}

#[traced]
fn plus(a: i64, b: i64) -> i64 {
    a.wrapping_add(b)
}

#[traced]
fn inner(code: &Rc<Vec<i64>>, left: u64) -> i64 {
    sum(code, left)
}

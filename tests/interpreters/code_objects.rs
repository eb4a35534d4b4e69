//! A machine whose code is an object of the collected heap: a green `Gc`, and one that is promoted.

use jitgen_core::prelude::*;

#[jitgen_core::interpreter]
pub mod vm {
    use super::*;

    /// The code.
    #[derive(Traced, Collect)]
    pub struct Code {
        /// What each step adds.
        pub steps: Gc<[i64]>,
        /// What the last one is multiplied by.
        pub factor: Cell<Gc<Factor>>,
    }

    /// A number that the machine expects to be the same each time.
    #[derive(Traced, Collect)]
    pub struct Factor {
        /// The number.
        pub value: i64,
    }

    /// Runs the code so many times.
    #[portal(greens(code, pc), reds(rounds, sum))]
    pub fn run(code: Gc<Code>, rounds: i64) -> i64 {
        let mut pc = 0;
        let mut rounds = rounds;
        let mut sum = 0i64;
        loop {
            merge_point!();
            if pc < code.steps.len() {
                sum = sum.wrapping_add(code.steps[pc]);
                pc += 1;
            } else {
                let factor = promote(code.factor.get());
                sum = sum.wrapping_mul(factor.value) & 0xffff;
                rounds -= 1;
                if rounds == 0 {
                    return sum;
                }
                pc = 0;
                can_enter_jit!();
            }
        }
    }
}

use jitgen_core::gc::{self, Weak};
use std::cell::Cell;
use vm::{Code, Factor};

/// Makes code, runs it and drops it.
#[inline(never)]
fn once(n: i64) -> (i64, Weak<Code>, Weak<Factor>) {
    let factor = Gc::new(Factor { value: 3 + n });
    let steps = Gc::<[i64]>::try_copy(&[n, 2 * n, 5]).expect("room");
    let code = Gc::new(Code { steps, factor: Cell::new(factor) });
    let sum = vm::run(code, 30);
    // Not even the code leads to it.
    code.factor.set(Gc::new(Factor { value: 0 }));
    (sum, code.downgrade(), factor.downgrade())
}

/// Does that several times, and collects; the sums, and how many of the codes and factors are left.
pub fn run(count: i64) -> (Vec<i64>, usize, usize) {
    let made: Vec<_> = (0..count).map(once).collect();
    let cells: Vec<_> = made.iter().map(|(_, code, factor)| (*code, *factor)).collect();
    // The cells of weak pointers are objects: a vector does not keep them.
    let cells = gc::Root::new(cells);
    gc::collect();
    let codes = cells.iter().filter(|(code, _)| code.upgrade().is_some()).count();
    let factors = cells.iter().filter(|(_, factor)| factor.upgrade().is_some()).count();
    (made.into_iter().map(|(sum, ..)| sum).collect(), codes, factors)
}

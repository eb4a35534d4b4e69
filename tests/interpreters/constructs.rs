//! Constructs of Rust that the other interpreters do not have.

use std::rc::Rc;

/// Runs `count` rounds; a panic is an outcome like others.
pub fn run(count: u64) -> String {
    let code = Rc::new(vec![vm::Insn { limit: Some(5) }, vm::Insn { limit: None }]);
    let mut vm = vm::Vm { sum: 0, left: count };
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| vm::run(&code, &mut vm)));
    match result {
        Ok(sum) => format!("{sum} {}", vm.sum),
        Err(payload) => format!("{:?}", payload.downcast_ref::<String>()),
    }
}

/// The interpreter.
#[jitgen_core::interpreter]
pub mod vm {
    use jitgen_core::Traced;
    use std::rc::Rc;

    /// An instruction: add, at most up to a limit.
    #[derive(Clone, Copy, Debug, Traced)]
    pub struct Insn {
        /// The limit.
        pub limit: Option<u64>,
    }

    /// The machine.
    #[derive(Debug, Traced)]
    pub struct Vm {
        /// The result.
        pub sum: u64,
        /// Rounds to go.
        pub left: u64,
    }

    /// The dispatch loop, which gives its value by `break`.
    #[portal(greens(code, pc), reds(vm))]
    pub fn run(code: &Rc<Vec<Insn>>, vm: &mut Vm) -> u64 {
        let mut pc = 0;
        loop {
            merge_point!();
            if pc == code.len() {
                pc = 0;
                if vm.left == 0 {
                    break vm.sum;
                }
                vm.left -= 1;
                can_enter_jit!();
            }
            if vm.sum > 100_000 {
                panic!("the sum is {} with {left} to go", vm.sum, left = vm.left);
            }
            let by = match code[pc].limit {
                Some(limit) if limit < 3 => 0,
                Some(limit) => limited(vm.left, limit),
                None => 1,
            };
            vm.sum += by + (in_order(vm.left) & 3);
            pc += 1;
        }
    }

    /// Two numbers.
    #[derive(Clone, Copy, Debug, Traced)]
    pub struct Both(u64, u64);

    /// Operands are evaluated from the left, also where a later one changes a local.
    fn in_order(start: u64) -> u64 {
        let mut n = start;
        let sum = n + {
            n += 5;
            n
        };
        let both = Both(n, {
            n *= 3;
            n
        });
        sum ^ both.0 ^ (both.1 >> 1)
    }

    /// Halves until below the limit, by a loop that is unrolled.
    #[unroll]
    fn limited(start: u64, limit: u64) -> u64 {
        let mut value = start;
        let mut rounds = 0;
        loop {
            if value < limit || rounds == 3 {
                break;
            }
            value /= 2;
            rounds += 1;
        }
        value
    }
}

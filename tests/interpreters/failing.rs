//! A machine whose instructions cannot be recorded, each for another reason.

use std::rc::Rc;

/// Runs an instruction 100 times; gives the sum that the machine has made.
pub fn run(insn: vm::Insn) -> u64 {
    let code = Rc::new(vec![insn]);
    let mut vm = vm::Vm { sum: 0, pair: vm::Pair(1, 2) };
    vm::run(&code, &mut vm);
    vm.sum
}

/// The interpreter.
#[jitgen_core::interpreter]
pub mod vm {
    use jitgen_core::Traced;
    use std::rc::Rc;

    /// What cannot be recorded.
    #[derive(Clone, Copy, Debug, Traced)]
    pub enum Insn {
        /// Nothing: it can be.
        Add,
        /// Reads a struct by value that is not constant.
        CopyPair,
        /// Calls what returns a struct.
        MakePair,
        /// Drops a result that owns something.
        Forget,
        /// Keeps results that need much room.
        Large,
    }

    /// Two numbers.
    #[derive(Clone, Copy, Debug, Traced)]
    pub struct Pair(pub u64, pub u64);

    /// An error that owns something.
    #[derive(Debug, Traced)]
    pub struct Owner(#[allow(dead_code, reason = "it is there to be dropped")] String);

    /// An error that needs much room.
    #[derive(Clone, Copy, Debug, Traced)]
    pub struct Big(#[allow(dead_code, reason = "it is there for its size")] pub [u64; 150]);

    /// The machine.
    #[derive(Debug, Traced)]
    pub struct Vm {
        /// The result.
        pub sum: u64,
        /// What is copied.
        pub pair: Pair,
    }

    /// The dispatch loop.
    #[allow(
        clippy::manual_unwrap_or_default,
        clippy::manual_unwrap_or,
        reason = "the tracer knows `match`"
    )]
    #[portal(greens(code), reds(vm, n))]
    pub fn run(code: &Rc<Vec<Insn>>, vm: &mut Vm) {
        let mut n = 0;
        loop {
            merge_point!();
            match code[0] {
                Insn::Add => vm.sum += n,
                Insn::CopyPair => {
                    let pair = vm.pair;
                    consume(vm, pair.0);
                }
                Insn::MakePair => {
                    let pair = make(n);
                    vm.pair = pair;
                    vm.sum += vm.pair.1;
                }
                Insn::Forget => {
                    let _ = may_fail(vm, n);
                }
                Insn::Large => {
                    vm.sum += match large(n) {
                        Ok(x) => x,
                        Err(_) => 0,
                    };
                    vm.sum += match large(n) {
                        Ok(x) => x,
                        Err(_) => 0,
                    };
                    vm.sum += match large(n) {
                        Ok(x) => x,
                        Err(_) => 0,
                    };
                    vm.sum += match large(n) {
                        Ok(x) => x,
                        Err(_) => 0,
                    };
                }
            }
            n += 1;
            if n == 100 {
                break;
            }
            can_enter_jit!();
        }
    }

    #[residual]
    fn consume(vm: &mut Vm, x: u64) {
        vm.sum += x;
    }

    #[residual]
    fn make(n: u64) -> Pair {
        Pair(n, n + 1)
    }

    #[residual]
    fn may_fail(vm: &mut Vm, n: u64) -> Result<(), Owner> {
        vm.sum += n;
        if n == 77 { Err(Owner("seventy-seven".to_owned())) } else { Ok(()) }
    }

    #[allow(clippy::result_large_err, reason = "that is what it is for")]
    #[residual]
    fn large(n: u64) -> Result<u64, Big> {
        if n == 50 { Err(Big([n; 150])) } else { Ok(n) }
    }
}

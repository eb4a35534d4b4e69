//! A machine whose instructions call methods and associated functions where a condition holds, or
//! where a value is not there yet.

use std::rc::Rc;
use vm::{Insn, Pair, Vm};

/// Runs a program for so many rounds; what it did.
pub fn run(code: &[Insn], rounds: i64) -> String {
    let mut vm =
        Vm { x: 3, y: 0, sum: 0, left: rounds, count: 0, cell: None, pair: Pair { a: 5, b: 7 } };
    vm::run(&Rc::new(code.to_vec()), &mut vm);
    format!("{vm:?}")
}

/// What [`vm::Vm::cell`] is filled with.
static NUMBERS: [i64; 4] = [1, 20, 300, 4000];

/// The interpreter.
#[jitgen_core::interpreter]
pub mod vm {
    use jitgen_core::prelude::*;
    use std::rc::Rc;

    /// An instruction.
    #[derive(Clone, Copy, Debug, Traced)]
    pub enum Insn {
        /// Calls a method of what is referred to.
        Method,
        /// Calls a function of a type, or takes another value.
        Associated,
        /// Calls an elidable method of a value.
        Value,
        /// Tells what an elidable method would give, and calls it.
        Known,
        /// Calls a method behind which a guard fails now and then.
        Behind,
        /// Asks a method for what is not there, and goes on with it.
        Fill,
        /// Asks a function of a type for it.
        FillAssociated,
        /// The same as the first, with a guard behind it that fails now and then.
        FillBehind,
        /// Takes away what is there, by a method.
        Empty,
    }

    /// Two numbers.
    #[derive(Clone, Copy, Debug, Traced)]
    pub struct Pair {
        /// One.
        pub a: i64,
        /// The other.
        pub b: i64,
    }

    /// The machine.
    #[derive(Debug, Traced)]
    pub struct Vm {
        /// A number that stays what it is for long.
        pub x: i64,
        /// A number that changes.
        pub y: i64,
        /// The result.
        pub sum: i64,
        /// Rounds to go.
        pub left: i64,
        /// What residual functions count.
        pub count: i64,
        /// What is there, or not.
        pub cell: Option<&'static i64>,
        /// A value.
        pub pair: Pair,
    }

    /// The dispatch loop.
    #[portal(greens(code, pc), reds(vm))]
    pub fn run(code: &Rc<Vec<Insn>>, vm: &mut Vm) {
        let mut pc = 0;
        loop {
            merge_point!();
            if pc == code.len() {
                pc = 0;
                vm.left -= 1;
                if vm.left == 0 {
                    return;
                }
                can_enter_jit!();
            }
            let insn = code[pc];
            pc += 1;
            vm.y = vm.y.wrapping_add(1);
            match insn {
                Insn::Method => {
                    let by = vm.y;
                    conditional_call!(vm.y & 7 == 3, vm.tally(by));
                }
                Insn::Associated => {
                    let mixed = conditional_call!(vm.y & 7 == 5, Pair::mixed(vm.x, 7), vm.y);
                    vm.sum = vm.sum.wrapping_mul(3).wrapping_add(mixed);
                }
                Insn::Value => {
                    let sum = conditional_call!(vm.y & 7 == 6, vm.pair.scaled(vm.y), vm.x);
                    vm.sum = vm.sum.wrapping_mul(3).wrapping_add(sum);
                }
                Insn::Known => {
                    let known = vm.y.wrapping_mul(12);
                    record_known!(vm.pair.scaled(vm.y), known);
                    vm.sum = vm.sum.wrapping_mul(3).wrapping_add(vm.pair.scaled(vm.y));
                }
                Insn::Behind => {
                    conditional_call!(vm.y & 7 == 3, vm.tally(1));
                    if vm.count & 15 == 15 {
                        vm.sum = vm.sum.wrapping_add(1);
                    }
                }
                Insn::Fill => {
                    let made = conditional_value!(vm.cell, vm.fill(3));
                    vm.sum = vm.sum.wrapping_mul(3).wrapping_add(*made);
                }
                Insn::FillAssociated => {
                    let made = conditional_value!(vm.cell, Vm::some(vm.y));
                    vm.sum = vm.sum.wrapping_mul(3).wrapping_add(*made);
                }
                Insn::FillBehind => {
                    let made = conditional_value!(vm.cell, vm.fill(1));
                    if *made == 300 {
                        vm.sum = vm.sum.wrapping_add(vm.y);
                    }
                }
                Insn::Empty => conditional_call!(vm.y & 3 == 1, vm.empty()),
            }
        }
    }

    impl Vm {
        #[residual(writes(Vm.count), no_escape)]
        fn tally(&mut self, by: i64) {
            self.count = self.count.wrapping_add(by);
        }

        #[residual(writes(Vm.cell, Vm.count))]
        fn fill(&mut self, by: i64) -> &'static i64 {
            self.count = self.count.wrapping_add(by);
            let made = &super::NUMBERS[self.count as usize & 3];
            self.cell = Some(made);
            made
        }

        #[residual(writes())]
        fn some(which: i64) -> &'static i64 {
            &super::NUMBERS[which as usize & 3]
        }

        #[residual(writes(Vm.cell))]
        fn empty(&mut self) {
            self.cell = None;
        }
    }

    impl Pair {
        #[residual(writes())]
        fn mixed(a: i64, b: i64) -> i64 {
            a.wrapping_mul(31) ^ b
        }

        #[elidable]
        fn scaled(&self, by: i64) -> i64 {
            self.a.wrapping_mul(by).wrapping_add(self.b.wrapping_mul(by))
        }
    }
}

//! An interpreter whose instructions are long ways through helpers: they nest, return early, have
//! effects, call residual functions and touch nothing at all, in turn.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
pub use vm::Insn;

/// Runs the program `rounds` times; gives the outcome and all that can be seen of the machine.
pub fn run(code: &[Insn], rounds: u64) -> String {
    let code = Rc::new(code.to_vec());
    let mut vm = vm::Vm { slots: [1, 2, 3, 4], sum: 0, left: rounds, notes: vec![] };
    let result = catch_unwind(AssertUnwindSafe(|| vm::run(&code, &mut vm)));
    let result = result.map_err(|payload| payload.downcast_ref::<String>().cloned());
    let notes = vm.notes.iter().fold(vm.notes.len() as i64, |hash, x| hash.wrapping_mul(31) ^ x);
    format!("{result:?} {:?} {} {} {notes}", vm.slots, vm.sum, vm.left)
}

/// The interpreter.
#[jitgen_core::interpreter]
pub mod vm {
    use jitgen_core::Traced;
    use std::rc::Rc;

    /// An instruction.
    #[derive(Clone, Copy, Debug, Traced)]
    pub enum Insn {
        /// Sums slots by helpers inside of helpers, then decides.
        Nest(usize),
        /// A helper that may return early, or with an error.
        Early(usize),
        /// Helpers without effects before and between those that have some.
        Pure(i64),
        /// A residual function inside of a helper; its result goes to another helper.
        Outside(usize),
        /// A helper that is left in the middle.
        Halfway(usize),
    }

    /// Why a program ends.
    #[derive(Clone, Debug, PartialEq, Traced)]
    pub enum Error {
        /// A sum was 100 000.
        Full,
        /// A note was refused.
        Refused(Box<i64>),
    }

    /// What an instruction works on.
    #[derive(Debug, Traced)]
    pub struct Vm {
        /// Numbers.
        pub slots: [i64; 4],
        /// The result.
        pub sum: i64,
        /// Rounds to go.
        pub left: u64,
        /// What was noted.
        pub notes: Vec<i64>,
    }

    /// The dispatch loop.
    #[portal(greens(code, pc), reds(vm))]
    pub fn run(code: &Rc<Vec<Insn>>, vm: &mut Vm) -> Result<i64, Error> {
        let mut pc = 0;
        loop {
            merge_point!();
            if pc == code.len() {
                pc = 0;
                if vm.left == 0 {
                    return Ok(vm.sum);
                }
                vm.left -= 1;
                can_enter_jit!();
            }
            let insn = code[pc];
            pc += 1;
            match insn {
                Insn::Nest(at) => {
                    let total = all(vm, at);
                    if total > 40 {
                        vm.sum += 1;
                    }
                }
                Insn::Early(at) => {
                    let small = at_least(vm, at)?;
                    if small & 1 == 1 {
                        vm.sum += small;
                    }
                }
                Insn::Pure(by) => {
                    let one = twice(twice(by));
                    add(vm, 0, one);
                    let two = twice(half(one));
                    let was = add(vm, 1, two);
                    if was & 2 == 2 {
                        vm.sum += half(two);
                    }
                }
                Insn::Outside(at) => {
                    let noted = noted(vm, at);
                    let x = keep(vm, noted)?;
                    if x & 4 == 4 {
                        vm.sum += 1;
                    }
                }
                Insn::Halfway(at) => halfway(vm, at),
            }
        }
    }

    /// Adds to each slot and sums them.
    fn all(vm: &mut Vm, by: usize) -> i64 {
        let by = by as i64;
        let a = pair(vm, 0, by);
        let b = pair(vm, 2, by);
        vm.slots[3] &= 15;
        a + b
    }

    fn pair(vm: &mut Vm, at: usize, by: i64) -> i64 {
        let a = add(vm, at, by);
        let b = add(vm, at + 1, by);
        if a + b > 30 {
            vm.slots[at] = 0;
        }
        a + b
    }

    /// Adds to a slot; gives what was there.
    fn add(vm: &mut Vm, at: usize, by: i64) -> i64 {
        let was = vm.slots[at];
        vm.slots[at] = (was + by) & 63;
        was
    }

    fn twice(x: i64) -> i64 {
        half(x) * 2 + x
    }

    fn half(x: i64) -> i64 {
        x / 2
    }

    /// Returns early where it can.
    fn at_least(vm: &mut Vm, at: usize) -> Result<i64, Error> {
        let x = add(vm, at, 5);
        if x < 20 {
            return Ok(x);
        }
        full(vm)?;
        let y = vm.slots[at];
        vm.slots[at] = 1;
        Ok(y)
    }

    fn full(vm: &mut Vm) -> Result<(), Error> {
        if vm.sum >= 100_000 {
            return Err(Error::Full);
        }
        vm.slots[3] = (vm.slots[3] + 1) & 31;
        Ok(())
    }

    fn noted(vm: &mut Vm, at: usize) -> Result<i64, Error> {
        let x = add(vm, at, 3);
        note(vm, x)?;
        let y = note(vm, x + 1)?;
        Ok(y)
    }

    /// Takes a result whose error owns something.
    fn keep(vm: &mut Vm, noted: Result<i64, Error>) -> Result<i64, Error> {
        let x = noted?;
        add(vm, 2, x);
        Ok(x + 1)
    }

    #[residual]
    fn note(vm: &mut Vm, x: i64) -> Result<i64, Error> {
        vm.notes.push(x);
        if vm.notes.len() == 5000 {
            return Err(Error::Refused(Box::new(x)));
        }
        assert!(vm.notes.len() != 3000 || vm.sum != 0, "the note {x} is one too many");
        Ok(x & 7)
    }

    fn halfway(vm: &mut Vm, at: usize) {
        let first = add(vm, at, 1);
        add(vm, 1, first);
        if first & 7 == 3 {
            vm.sum += 2;
            return;
        }
        let second = add(vm, 3, 2);
        if second & 8 == 8 {
            vm.sum += 3;
        }
        vm.slots[at] = first + 1;
    }
}

//! A register machine whose guest functions call each other by calling the portal: each has a
//! window of registers.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
pub use vm::Insn;

/// Registers of a window.
pub const WINDOW: usize = 8;

/// A program: the instructions of its functions.
#[derive(jitgen_core::Traced)]
pub struct Program {
    /// By function.
    pub functions: Vec<Vec<Insn>>,
}

/// Calls the first function with each of these numbers; gives the results and what was seen.
pub fn run(functions: &[Vec<Insn>], arguments: &[i64]) -> String {
    let program = Rc::new(Program { functions: functions.to_vec() });
    let mut vm = vm::Vm { registers: vec![0; WINDOW * 200_000], count: 0, notes: vec![] };
    let mut results = vec![];
    for argument in arguments {
        vm.registers[0] = *argument;
        let result = catch_unwind(AssertUnwindSafe(|| vm::run(&program, &mut vm, 0, 0)));
        let result = result.map_err(|payload| payload.downcast_ref::<String>().cloned());
        results.push(match result {
            Ok(Ok(value)) => value.to_string(),
            other => format!("{other:?}"),
        });
    }
    let hash = |hash: i64, x: &i64| hash.wrapping_mul(31) ^ x;
    let notes = vm.notes.iter().fold(vm.notes.len() as i64, hash);
    let results = match results.len() {
        0..20 => format!("{results:?}"),
        _ => format!("{:?} {:?}", results.last(), results.iter().map(String::len).sum::<usize>()),
    };
    format!("{results} count={} notes={notes}", vm.count)
}

/// The interpreter.
#[jitgen_core::interpreter]
#[allow(clippy::manual_unwrap_or, reason = "methods of `Result` cannot be traced")]
pub mod vm {
    use super::{Program, WINDOW};
    use jitgen_core::Traced;
    use std::rc::Rc;

    /// An instruction.
    #[derive(Clone, Copy, Debug, Traced)]
    pub enum Insn {
        /// A constant.
        Set(usize, i64),
        /// A sum.
        Add(usize, usize),
        /// A difference.
        Sub(usize, usize),
        /// Go there if the first is less than the second.
        Less(usize, usize, usize),
        /// Go there.
        Jump(usize),
        /// Call a function with a number; where the result goes.
        Call(usize, usize, usize),
        /// The same, with -1 for an error.
        Try(usize, usize, usize),
        /// Go on in another function, with a number.
        Tail(usize, usize),
        /// Return a number.
        Return(usize),
        /// Return an error if the number is 13.
        Fail(usize),
        /// Count, in traced code.
        Count,
        /// Note a number by a residual function, which panics at 666.
        Note(usize),
    }

    /// Why a function has no result.
    #[derive(Clone, Copy, Debug, PartialEq, Traced)]
    pub enum Error {
        /// It was 13.
        Unlucky(usize),
        /// The recursion is too deep.
        TooDeep,
    }

    /// The machine.
    #[derive(Traced)]
    pub struct Vm {
        /// All windows.
        pub registers: Vec<i64>,
        /// Counted by `Count`.
        pub count: i64,
        /// Noted by `Note`.
        pub notes: Vec<i64>,
    }

    /// One call of a guest function; its argument is in its first register.
    #[portal(greens(program, function, pc), reds(vm, base), overflow = too_deep)]
    pub fn run(
        program: &Rc<Program>,
        vm: &mut Vm,
        function: usize,
        base: usize,
    ) -> Result<i64, Error> {
        let mut pc = 0;
        let mut function = function;
        loop {
            merge_point!();
            let insn = program.functions[function][pc];
            pc += 1;
            match insn {
                Insn::Set(to, value) => vm.registers[base + to] = value,
                Insn::Add(a, b) => {
                    let sum = register(vm, base, a) + register(vm, base, b);
                    vm.registers[base + a] = sum;
                }
                Insn::Sub(a, b) => {
                    let difference = register(vm, base, a) - register(vm, base, b);
                    vm.registers[base + a] = difference;
                }
                Insn::Less(a, b, target) => {
                    if register(vm, base, a) < register(vm, base, b) {
                        let back = target < pc;
                        pc = target;
                        if back {
                            can_enter_jit!();
                        }
                    }
                }
                Insn::Jump(target) => {
                    let back = target < pc;
                    pc = target;
                    if back {
                        can_enter_jit!();
                    }
                }
                Insn::Call(callee, argument, to) => {
                    let result = call(program, vm, callee, base, argument)?;
                    vm.registers[base + to] = result;
                }
                Insn::Try(callee, argument, to) => {
                    #[allow(clippy::manual_unwrap_or, reason = "the tracer knows `match`")]
                    let result = match call(program, vm, callee, base, argument) {
                        Ok(result) => result,
                        Err(_) => -1,
                    };
                    vm.registers[base + to] = result;
                }
                Insn::Tail(callee, argument) => {
                    let argument = register(vm, base, argument);
                    vm.registers[base] = argument;
                    function = callee;
                    pc = 0;
                    can_enter_jit!();
                }
                Insn::Return(a) => return Ok(register(vm, base, a)),
                Insn::Fail(a) => {
                    if register(vm, base, a) == 13 {
                        return Err(Error::Unlucky(pc));
                    }
                }
                Insn::Count => vm.count += 1,
                Insn::Note(a) => {
                    let value = register(vm, base, a);
                    note(vm, value);
                }
            }
        }
    }

    fn call(
        program: &Rc<Program>,
        vm: &mut Vm,
        callee: usize,
        base: usize,
        argument: usize,
    ) -> Result<i64, Error> {
        let argument = register(vm, base, argument);
        vm.registers[base + WINDOW] = argument;
        run(program, vm, callee, base + WINDOW)
    }

    fn register(vm: &mut Vm, base: usize, number: usize) -> i64 {
        vm.registers[base + number]
    }

    #[residual]
    fn note(vm: &mut Vm, value: i64) {
        assert!(value != 666, "the note {value}");
        vm.notes.push(value);
    }

    fn too_deep() -> Result<i64, Error> {
        Err(Error::TooDeep)
    }
}

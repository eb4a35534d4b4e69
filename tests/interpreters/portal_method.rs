//! A stack machine whose functions call each other by a portal that is a method, with the place of
//! the program in memory: the caller keeps its own.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
pub use vm::Insn;

/// Runs the first function on each number.
pub fn run(functions: &[Vec<Insn>], arguments: &[i64]) -> String {
    let program: vm::Program = Rc::new(functions.to_vec());
    let mut vm = vm::Vm { pc: 77, stack: vec![0; 120], sp: 0, calls: 0, notes: 0 };
    let mut out = vec![];
    for argument in arguments {
        let result = catch_unwind(AssertUnwindSafe(|| vm.run(&program, 0, *argument)));
        let message = |payload: Box<dyn std::any::Any + Send>| {
            payload.downcast_ref::<&str>().map(|text| (*text).to_owned())
        };
        out.push(format!("{:?}", result.map_err(message)));
        vm.sp = 0;
    }
    format!("{out:?} pc={} calls={} notes={}", vm.pc, vm.calls, vm.notes)
}

/// The interpreter.
#[jitgen_core::interpreter]
pub mod vm {
    use jitgen_core::Traced;
    use std::rc::Rc;

    /// The functions.
    pub type Program = Rc<Vec<Vec<Insn>>>;

    /// An instruction.
    #[derive(Clone, Copy, Debug, Traced)]
    pub enum Insn {
        /// Push a number.
        Push(i64),
        /// Push what the function was given.
        Given,
        /// Add the two on top.
        Add,
        /// Multiply and mix the two on top.
        Mix,
        /// Pop; go there if it is positive.
        IfPositive(usize),
        /// Pop; call a function with it; push the result.
        Call(usize),
        /// Pop and return it.
        Return,
    }

    /// The machine.
    #[derive(Traced)]
    pub struct Vm {
        /// The next instruction of the function that runs.
        pub pc: usize,
        /// Operands of all functions.
        pub stack: Vec<i64>,
        /// Their number.
        pub sp: usize,
        /// Calls made.
        pub calls: u64,
        /// Changed by residual code.
        pub notes: i64,
    }

    impl Vm {
        /// Calls a function.
        #[portal(greens(program, function, self.pc), reds(given, self))]
        pub fn run(&mut self, program: &Program, function: usize, given: i64) -> i64 {
            let caller = self.pc;
            self.pc = 0;
            self.calls += 1;
            self.push(caller as i64);
            loop {
                merge_point!();
                let insn = program[function][self.pc];
                self.pc += 1;
                match insn {
                    Insn::Push(x) => self.push(x),
                    Insn::Given => self.push(given),
                    Insn::Add => {
                        let b = self.pop();
                        let a = self.pop();
                        self.push(a + b);
                    }
                    Insn::Mix => {
                        let b = self.pop();
                        let a = self.pop();
                        let x = self.mix(a.wrapping_mul(b));
                        self.push(x);
                    }
                    Insn::IfPositive(target) => {
                        if self.pop() > 0 {
                            let back = target < self.pc;
                            self.pc = target;
                            if back {
                                can_enter_jit!();
                            }
                        }
                    }
                    Insn::Call(callee) => {
                        let x = self.pop();
                        let y = self.run(program, callee, x);
                        self.push(y);
                    }
                    Insn::Return => {
                        let result = self.pop();
                        let caller = self.pop();
                        self.pc = caller as usize;
                        return result;
                    }
                }
            }
        }

        fn push(&mut self, x: i64) {
            if self.sp == self.stack.len() {
                panic!("the stack is full");
            }
            let sp = self.sp;
            self.stack[sp] = x;
            self.sp = sp + 1;
        }

        fn pop(&mut self) -> i64 {
            self.sp -= 1;
            self.stack[self.sp]
        }

        #[residual]
        fn mix(&mut self, x: i64) -> i64 {
            self.notes = self.notes.wrapping_mul(31) ^ x;
            x % 1000
        }
    }
}

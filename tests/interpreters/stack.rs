//! A stack machine with its state in `self`, its pc in memory, and helpers that have an effect
//! before they meet a bounds guard.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

/// A program.
#[derive(jitgen_core::Traced)]
pub struct Program {
    /// The instructions.
    pub code: Vec<vm::Insn>,
}

/// Runs a program; gives the final state and what the residual functions saw.
pub fn run(program: &Rc<Program>) -> String {
    let mut vm = vm::Vm::new();
    let result = catch_unwind(AssertUnwindSafe(|| vm.run(program)));
    let result = result.map_err(|payload| match payload.downcast_ref::<String>() {
        Some(text) => text.clone(),
        None => format!("{:?}", payload.downcast_ref::<&str>()),
    });
    let (stack, trail) = (&vm.stack[..8], &vm.trail);
    format!("{result:?} {stack:?} {trail:?} sp={} pc={} bumped={}", vm.sp, vm.pc, vm.bumped)
}

/// The interpreter.
#[jitgen_core::interpreter]
pub mod vm {
    use super::Program;
    use jitgen_core::Traced;
    use std::rc::Rc;

    /// An instruction.
    #[derive(Clone, Copy, Debug, Traced)]
    pub enum Insn {
        /// Push a constant.
        Push(i64),
        /// Copy the top.
        Dup,
        /// Exchange the two on top.
        Swap,
        /// Copy the second.
        Over,
        /// Drop the top.
        Drop,
        /// Arithmetic on the two on top.
        Add,
        /// Difference.
        Sub,
        /// Product, wrapping.
        Mul,
        /// Quotient; 0 for a zero divisor.
        Div,
        /// Quotient as Rust has it, panics included.
        Quotient,
        /// Is the second less than the top?
        Less,
        /// Record the top in the trail; an error for 13.
        Emit,
        /// Store the top, let a residual function change it, go on with what is there now.
        Bump,
        /// Go to.
        Jump { target: usize },
        /// Go to if the top (dropped) is zero.
        JumpIfZero { target: usize },
        /// Stop.
        Halt,
    }

    /// Why a program failed.
    #[derive(Clone, Copy, Debug, PartialEq, Traced)]
    pub enum Error {
        /// Nothing on the stack.
        Underflow,
        /// 13 was emitted.
        Unlucky { at: usize },
    }

    /// The machine.
    #[derive(Traced)]
    pub struct Vm {
        /// The operand stack.
        pub stack: [i64; 32],
        /// Number of operands.
        pub sp: usize,
        /// The next instruction.
        pub pc: usize,
        /// What `Bump` stores and changes.
        pub bumped: i64,
        /// Jumps back that are left.
        pub rounds: u32,
        /// What was emitted.
        pub trail: Vec<i64>,
    }

    impl Vm {
        /// An empty machine.
        pub fn new() -> Vm {
            Vm { stack: [0; 32], sp: 0, pc: 0, bumped: 0, rounds: 4000, trail: vec![] }
        }

        /// The dispatch loop.
        #[portal(greens(program, self.pc), reds(self))]
        pub fn run(&mut self, program: &Rc<Program>) -> Result<i64, Error> {
            loop {
                merge_point!();
                let insn = program_at(program, self.pc);
                self.pc += 1;
                match insn {
                    Insn::Push(value) => self.push(value),
                    Insn::Dup => {
                        let top = self.pop()?;
                        self.push(top);
                        self.push(top);
                    }
                    Insn::Swap | Insn::Over => {
                        let b = self.pop()?;
                        let a = self.pop()?;
                        match insn {
                            Insn::Swap => {
                                self.push(b);
                                self.push(a);
                            }
                            _ => {
                                self.push(a);
                                self.push(b);
                                self.push(a);
                            }
                        }
                    }
                    Insn::Drop => {
                        self.pop()?;
                    }
                    Insn::Add => {
                        let b = self.pop()?;
                        let a = self.pop()?;
                        self.push(a.wrapping_add(b));
                    }
                    Insn::Sub => {
                        let b = self.pop()?;
                        let a = self.pop()?;
                        self.push(a.wrapping_sub(b));
                    }
                    Insn::Mul => {
                        let b = self.pop()?;
                        let a = self.pop()?;
                        self.push(a.wrapping_mul(b));
                    }
                    Insn::Div => {
                        let b = self.pop()?;
                        let a = self.pop()?;
                        self.push(if b == 0 || b == -1 { 0 } else { a / b });
                    }
                    Insn::Quotient => {
                        let b = self.pop()?;
                        let a = self.pop()?;
                        self.push(a / b);
                    }
                    Insn::Less => {
                        let b = self.pop()?;
                        let a = self.pop()?;
                        self.push((a < b) as i64);
                    }
                    Insn::Emit => {
                        let value = self.pop()?;
                        let at = self.pc;
                        let count = emit(self, value, at)?;
                        self.push(count);
                    }
                    Insn::Bump => {
                        let value = self.pop()?;
                        // A store, a residual call that may change the same place, a guard behind
                        // both: replay must neither store again nor call again.
                        self.bumped = self.bumped.wrapping_add(value);
                        bump(self);
                        if self.bumped & 1 == 0 {
                            self.push(self.bumped);
                        } else {
                            self.push(self.bumped.wrapping_add(value));
                        }
                    }
                    Insn::Jump { target } => {
                        let back = target < self.pc;
                        self.pc = target;
                        if back {
                            if self.rounds == 0 {
                                return Ok(-1);
                            }
                            self.rounds -= 1;
                            can_enter_jit!();
                        }
                    }
                    Insn::JumpIfZero { target } => {
                        if self.pop()? == 0 {
                            self.pc = target;
                        }
                    }
                    Insn::Halt => return Ok(self.sp as i64),
                }
            }
        }

        fn push(&mut self, value: i64) {
            self.stack[self.sp] = value;
            self.sp += 1;
        }

        fn pop(&mut self) -> Result<i64, Error> {
            if self.sp == 0 {
                return Err(Error::Underflow);
            }
            // The effect comes first: the bounds guard below is behind it.
            self.sp -= 1;
            Ok(self.stack[self.sp])
        }
    }

    fn program_at(program: &Rc<Program>, pc: usize) -> Insn {
        program.code[pc]
    }

    #[residual]
    fn bump(vm: &mut Vm) {
        if vm.bumped % 3 == 0 {
            vm.bumped += 1;
        }
    }

    #[residual]
    fn emit(vm: &mut Vm, value: i64, at: usize) -> Result<i64, Error> {
        if value == 13 {
            return Err(Error::Unlucky { at });
        }
        assert!(value != 50, "emitted 50");
        vm.trail.push(value);
        Ok(vm.trail.len() as i64)
    }
}

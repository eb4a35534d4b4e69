//! The dispatch loop, calls, and what happens on errors.

use super::arith::{Error, Value};
use super::insn::{Insn, Program};
use super::machine::{Machine, Return};
use std::rc::Rc;

/// So many calls may be nested.
const MAX_CALLS: usize = 100;

#[jitgen_core::traced]
impl Machine {
    /// Runs a program to its end.
    ///
    /// # Errors
    /// The first error that the program did not handle.
    #[portal(greens(program, self.pc, self.height), reds(self))]
    pub fn run(&mut self, program: &Rc<Program>) -> Result<Value, Error> {
        'run: loop {
            merge_point!();
            let insn = program.code[self.pc];
            self.pc += 1;
            let error = 'failed: {
                match insn {
                    Insn::Halt => break 'run,
                    Insn::Loop(target) => {
                        self.pc = target;
                        can_enter_jit!();
                    }
                    _ => {
                        if let Err(error) = self.step(insn) {
                            break 'failed error;
                        }
                        if matches!(insn, Insn::Call { .. }) {
                            can_enter_jit!();
                        }
                    }
                }
                continue 'run;
            };
            let Some(handler) = self.handler else {
                return Err(error);
            };
            self.recover(handler, error)?;
        }
        self.pop()
    }

    /// Calls a function: the arguments on the stack become its first locals.
    pub fn call(&mut self, target: usize, arguments: usize) -> Result<(), Error> {
        if self.returns.len() == MAX_CALLS {
            return Err(Error::Overflow);
        }
        if self.height < arguments {
            return Err(Error::Underflow);
        }
        let height = self.height - arguments;
        self.returns.push(Return { pc: self.pc, height });
        self.frame += height;
        self.height = arguments;
        self.pc = target;
        Ok(())
    }

    /// Returns the top; all else that the function has on the stack is dropped.
    pub fn ret(&mut self) -> Result<(), Error> {
        let value = self.pop()?;
        let Some(caller) = self.returns.pop() else {
            return Err(Error::Underflow);
        };
        self.frame -= caller.height;
        self.height = caller.height;
        self.pc = caller.pc;
        self.push(value)
    }

    /// Goes to a handler, in the main program; the handler is used up.
    fn recover(&mut self, handler: usize, error: Error) -> Result<(), Error> {
        self.handler = None;
        if let Some(main) = self.returns.first() {
            self.height = main.height;
            self.frame = 0;
            self.returns.clear();
        }
        self.pc = handler;
        self.push(Value::Int(error.code()))
    }

    /// Shows a value to the host, which takes all but 13.
    pub fn emit(&mut self, value: Value) -> Result<(), Error> {
        if value == Value::Int(13) {
            return Err(Error::Refused);
        }
        self.emitted.push(value);
        Ok(())
    }
}

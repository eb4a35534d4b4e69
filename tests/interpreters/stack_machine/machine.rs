//! The machine: its state, and the instructions that only touch operands.
//!
//! How many operands a function has is the same whenever it comes to an instruction, so it is part
//! of the position, as `pc` is. Where its frame begins depends on its callers: that is state.
//!
//! Calls, errors and the dispatch loop are in `control.rs`.

use super::arith::{Arith, Error, Value};
use super::insn::{Insn, Operator};

/// So many operands fit, locals included.
pub const STACK: usize = 1024;

/// A machine.
#[derive(Debug, jitgen_core::Traced)]
pub struct Machine {
    /// The next instruction.
    pub pc: usize,
    /// The operands; those of the callers lie below.
    pub stack: [Value; STACK],
    /// Where the locals of the function begin.
    pub frame: usize,
    /// How many operands the function has, locals included.
    pub height: usize,
    /// The globals.
    pub globals: Vec<Value>,
    /// Where callers go on.
    pub returns: Vec<Return>,
    /// Where errors are handled.
    pub handler: Option<usize>,
    /// What was shown to the host.
    pub emitted: Vec<Value>,
}

/// Where a caller goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, jitgen_core::Traced)]
pub struct Return {
    /// Its next instruction.
    pub pc: usize,
    /// Its operands, without the arguments.
    pub height: usize,
}

#[jitgen_core::traced]
impl Machine {
    /// A machine with so many locals of the main program.
    #[residual]
    pub fn new(locals: usize, globals: usize) -> Machine {
        Machine {
            pc: 0,
            stack: [Value::Nil; STACK],
            frame: 0,
            height: locals,
            globals: vec![Value::Nil; globals],
            returns: vec![],
            handler: None,
            emitted: vec![],
        }
    }

    /// Executes an instruction that does not end the program and does not jump back.
    pub fn step(&mut self, insn: Insn) -> Result<(), Error> {
        match insn {
            Insn::Push(value) => self.push(value),
            Insn::Drop => {
                self.pop()?;
                Ok(())
            }
            Insn::Dup => self.push(self.peek()?),
            Insn::Swap => {
                let b = self.pop()?;
                let a = self.pop()?;
                self.push(b)?;
                self.push(a)
            }
            Insn::Local(index) => self.push(self.stack[self.frame + index]),
            Insn::SetLocal(index) => {
                self.stack[self.frame + index] = self.pop()?;
                Ok(())
            }
            Insn::Global(index) => self.push(self.globals[index]),
            Insn::SetGlobal(index) => {
                self.globals[index] = self.pop()?;
                Ok(())
            }
            Insn::Binary(op) => self.binary(op),
            Insn::Negate => {
                let value = self.pop()?.negate()?;
                self.push(value)
            }
            Insn::Float => {
                let Some(value) = self.pop()?.as_float() else {
                    return Err(Error::Type);
                };
                self.push(Value::Float(value))
            }
            Insn::Unless(target) => {
                if !self.pop()?.truthy() {
                    self.pc = target;
                }
                Ok(())
            }
            Insn::Call { target, arguments } => self.call(target, arguments),
            Insn::Return => self.ret(),
            Insn::Emit => {
                let value = self.pop()?;
                self.emit(value)
            }
            Insn::Handle(target) => {
                self.handler = Some(target);
                Ok(())
            }
            Insn::Unhandle => {
                self.handler = None;
                Ok(())
            }
            Insn::Jump(target) | Insn::Loop(target) => {
                self.pc = target;
                Ok(())
            }
            Insn::Halt => Ok(()),
        }
    }

    /// Pushes an operand.
    pub fn push(&mut self, value: Value) -> Result<(), Error> {
        let top = self.frame + self.height;
        if top >= STACK {
            return Err(Error::Overflow);
        }
        self.stack[top] = value;
        self.height += 1;
        Ok(())
    }

    /// Pops an operand.
    pub fn pop(&mut self) -> Result<Value, Error> {
        if self.height == 0 {
            return Err(Error::Underflow);
        }
        self.height -= 1;
        Ok(self.stack[self.frame + self.height])
    }

    /// The top.
    pub fn peek(&self) -> Result<Value, Error> {
        match self.height {
            0 => Err(Error::Underflow),
            height => Ok(self.stack[self.frame + height - 1]),
        }
    }

    fn binary(&mut self, op: Operator) -> Result<(), Error> {
        let right = self.pop()?;
        let left = self.pop()?;
        let result = if matches!(op, Operator::Less | Operator::Equal) {
            Value::Bool(left.compare(op, right)?)
        } else {
            left.apply(op, right)?
        };
        self.push(result)
    }
}

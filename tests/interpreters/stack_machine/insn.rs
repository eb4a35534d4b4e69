//! Instructions, and a builder that knows jumps.

use super::arith::Value;
use std::rc::Rc;

/// A program.
#[derive(Debug, jitgen_core::Traced)]
pub struct Program {
    /// What it does.
    pub code: Vec<Insn>,
    /// How many globals it has.
    pub globals: usize,
}

/// An instruction. Operands are taken from the top of the stack, the last one first.
#[derive(Clone, Copy, Debug, PartialEq, jitgen_core::Traced)]
pub enum Insn {
    /// Push a constant.
    Push(Value),
    /// Drop the top.
    Drop,
    /// Copy the top.
    Dup,
    /// Exchange the two on top.
    Swap,
    /// Push a local.
    Local(usize),
    /// Pop a local.
    SetLocal(usize),
    /// Push a global.
    Global(usize),
    /// Pop a global.
    SetGlobal(usize),
    /// `a op b`.
    Binary(Operator),
    /// Arithmetic complement, or that of a truth value.
    Negate,
    /// As a float.
    Float,
    /// Go to.
    Jump(usize),
    /// Go to if the top (dropped) is false.
    Unless(usize),
    /// Go back to.
    Loop(usize),
    /// Call a function; its arguments become its first locals.
    Call { target: usize, arguments: usize },
    /// Return the top.
    Return,
    /// From now on errors go there, with a number that tells which.
    Handle(usize),
    /// From now on errors end the program.
    Unhandle,
    /// Show the top to the host and drop it.
    Emit,
    /// Stop with the top.
    Halt,
}

/// What computes one value of two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, jitgen_core::Traced)]
pub enum Operator {
    /// Sum.
    Add,
    /// Difference.
    Subtract,
    /// Product.
    Multiply,
    /// Quotient.
    Divide,
    /// Remainder.
    Remainder,
    /// Is the left one less?
    Less,
    /// Are they the same?
    Equal,
}

/// Builds a program.
#[derive(Debug, Default)]
pub struct Builder {
    code: Vec<Insn>,
}

impl Builder {
    /// Appends instructions.
    pub fn emit(&mut self, insns: &[Insn]) -> &mut Builder {
        self.code.extend_from_slice(insns);
        self
    }

    /// Where the next instruction will be.
    pub fn here(&self) -> usize {
        self.code.len()
    }

    /// Appends an instruction that leads forward, behind `body`.
    pub fn over(
        &mut self,
        jump: fn(usize) -> Insn,
        body: impl FnOnce(&mut Builder),
    ) -> &mut Builder {
        let at = self.here();
        self.emit(&[jump(0)]);
        body(self);
        self.code[at] = jump(self.here());
        self
    }

    /// Repeats `body` for each number below `limit`, which the local `counter` counts.
    pub fn count(
        &mut self,
        counter: usize,
        limit: i64,
        body: impl FnOnce(&mut Builder),
    ) -> &mut Builder {
        self.emit(&[Insn::Push(Value::Int(0)), Insn::SetLocal(counter)]);
        let top = self.here();
        self.emit(&[Insn::Local(counter), Insn::Push(Value::Int(limit))]);
        self.emit(&[Insn::Binary(Operator::Less)]).over(Insn::Unless, |b| {
            body(b);
            b.emit(&[Insn::Local(counter), Insn::Push(Value::Int(1))]);
            b.emit(&[Insn::Binary(Operator::Add), Insn::SetLocal(counter), Insn::Loop(top)]);
        })
    }

    /// Does `body`, and on errors goes on with `recover`, which finds their number on the stack.
    pub fn handle(
        &mut self,
        body: impl FnOnce(&mut Builder),
        recover: impl FnOnce(&mut Builder),
    ) -> &mut Builder {
        let start = self.here();
        self.emit(&[Insn::Handle(0)]);
        body(self);
        self.emit(&[Insn::Unhandle]);
        let jump = self.here();
        self.emit(&[Insn::Jump(0)]);
        self.code[start] = Insn::Handle(self.here());
        recover(self);
        self.code[jump] = Insn::Jump(self.here());
        self
    }

    /// The program, which stops with the top of the stack.
    pub fn finish(mut self, globals: usize) -> Rc<Program> {
        self.emit(&[Insn::Halt]);
        Rc::new(Program { code: self.code, globals })
    }
}

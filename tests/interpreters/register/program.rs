//! Programs, and a builder for them: it knows constants and jumps.
//!
//! Function 0 is the program's main function.

use super::value::Value;
use jitgen_core::prelude::*;
use std::rc::Rc;

/// A program.
#[derive(Debug, Traced)]
pub struct Program {
    /// Its functions.
    pub functions: Vec<Function>,
}

/// A function. Its parameters are its first registers.
#[derive(Debug, Traced)]
pub struct Function {
    /// What it does.
    pub code: Vec<Insn>,
    /// What `Load` takes.
    pub constants: Vec<Value>,
    /// How many registers it has.
    pub registers: usize,
}

/// An instruction. Fields of type `u8` are registers unless their names say otherwise; jumps are
/// relative to the next instruction.
#[derive(Clone, Copy, Debug, Traced)]
pub enum Insn {
    /// `to = constants[constant]`
    Load { to: u8, constant: u16 },
    /// `to = from`
    Move { to: u8, from: u8 },
    /// `to = a + b`
    Add { to: u8, a: u8, b: u8 },
    /// `to = a - b`
    Sub { to: u8, a: u8, b: u8 },
    /// `to = a * b`
    Mul { to: u8, a: u8, b: u8 },
    /// `to = a / b`
    Div { to: u8, a: u8, b: u8 },
    /// `to = a % b`
    Rem { to: u8, a: u8, b: u8 },
    /// `to = a + value`
    AddInt { to: u8, a: u8, value: i8 },
    /// `to = a < b`
    Less { to: u8, a: u8, b: u8 },
    /// `to = a == b`
    Equal { to: u8, a: u8, b: u8 },
    /// `to = not a`
    Not { to: u8, a: u8 },
    /// `to` is the number in `a` as a float.
    ToFloat { to: u8, a: u8 },
    /// `to` is the number in `a` as an integer.
    ToInt { to: u8, a: u8 },
    /// Jump.
    Jump { offset: i32 },
    /// Jump if true.
    JumpIf { condition: u8, offset: i32 },
    /// Jump if false.
    JumpUnless { condition: u8, offset: i32 },
    /// Jump back.
    Loop { back: u16 },
    /// `to` is an array of `length` times nil.
    NewArray { to: u8, length: u16 },
    /// `to = array[index]`
    Get { to: u8, array: u8, index: u8 },
    /// `array[index] = from`
    Set { array: u8, index: u8, from: u8 },
    /// `to` is the length of `array`.
    Length { to: u8, array: u8 },
    /// `to` is a record of the `count` registers from `first` on.
    NewRecord { to: u8, first: u8, count: u8 },
    /// `to = record.field`
    GetField { to: u8, record: u8, field: u8 },
    /// `record.field = from`
    SetField { record: u8, field: u8, from: u8 },
    /// `to` is a closure with the `count` registers behind `to`.
    NewClosure { to: u8, function: u16, count: u8 },
    /// `to` is what the closure in register 0 has captured.
    Captured { to: u8, index: u8 },
    /// Calls a function with the arguments from `first` on; `to` becomes its result.
    Call { to: u8, function: u16, first: u8 },
    /// Calls the closure in `first`, which is its own first argument.
    CallClosure { to: u8, first: u8 },
    /// Ends the function with the value in `from`.
    Return { from: u8 },
    /// Shows a value to the host, which counts them; `to` becomes the count.
    Print { to: u8, from: u8 },
}

/// Builds a function.
#[derive(Debug, Default)]
pub struct Builder {
    code: Vec<Insn>,
    constants: Vec<Value>,
}

impl Program {
    /// A program.
    pub fn new(functions: Vec<Function>) -> Rc<Program> {
        Rc::new(Program { functions })
    }
}

impl Builder {
    /// Appends an instruction.
    pub fn emit(&mut self, insn: Insn) -> &mut Builder {
        self.code.push(insn);
        self
    }

    /// `to = value`
    pub fn load(&mut self, to: u8, value: Value) -> &mut Builder {
        let constant = self.constants.len() as u16;
        self.constants.push(value);
        self.emit(Insn::Load { to, constant })
    }

    /// `to = value`
    pub fn int(&mut self, to: u8, value: i64) -> &mut Builder {
        self.load(to, Value::Int(value))
    }

    /// `to = value`
    pub fn float(&mut self, to: u8, value: f64) -> &mut Builder {
        self.load(to, Value::Float(value))
    }

    /// Code that runs if the register is false.
    pub fn unless(&mut self, condition: u8, body: impl FnOnce(&mut Builder)) -> &mut Builder {
        let jump = self.code.len();
        self.emit(Insn::JumpIf { condition, offset: 0 });
        body(self);
        let offset = (self.code.len() - jump - 1) as i32;
        self.code[jump] = Insn::JumpIf { condition, offset };
        self
    }

    /// Code that runs if the register is true, and code that runs otherwise.
    pub fn branch(
        &mut self,
        condition: u8,
        body: impl FnOnce(&mut Builder),
        otherwise: impl FnOnce(&mut Builder),
    ) -> &mut Builder {
        let test = self.code.len();
        self.emit(Insn::JumpUnless { condition, offset: 0 });
        body(self);
        let jump = self.code.len();
        self.emit(Insn::Jump { offset: 0 });
        otherwise(self);
        self.code[test] = Insn::JumpUnless { condition, offset: (jump - test) as i32 };
        self.code[jump] = Insn::Jump { offset: (self.code.len() - jump - 1) as i32 };
        self
    }

    /// Code that is repeated while `a < b`; the register `condition` is for the comparison.
    pub fn while_less(
        &mut self,
        condition: u8,
        (a, b): (u8, u8),
        body: impl FnOnce(&mut Builder),
    ) -> &mut Builder {
        let top = self.code.len();
        self.emit(Insn::Less { to: condition, a, b });
        let exit = self.code.len();
        self.emit(Insn::JumpUnless { condition, offset: 0 });
        body(self);
        let back = self.code.len() + 1 - top;
        self.emit(Insn::Loop { back: back as u16 });
        let offset = (self.code.len() - exit - 1) as i32;
        self.code[exit] = Insn::JumpUnless { condition, offset };
        self
    }

    /// The function, which returns the value in `from`.
    pub fn finish(&mut self, registers: usize, from: u8) -> Function {
        self.emit(Insn::Return { from });
        let Builder { code, constants } = std::mem::take(self);
        Function { code, constants, registers }
    }
}

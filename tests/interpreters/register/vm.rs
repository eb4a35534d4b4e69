//! The machine and its dispatch loop.

use super::heap::{Heap, Object};
use super::program::{Insn, Program};
use super::value::{Error, Operation, Value, mismatch};
use jitgen_core::prelude::*;
use std::rc::Rc;

/// So many calls may be nested.
const MAX_FRAMES: usize = 200;

/// A machine.
#[derive(Debug, Default, Traced)]
pub struct Vm {
    /// The registers of all frames.
    pub stack: Vec<Value>,
    /// The callers of the function that runs.
    pub frames: Vec<Frame>,
    /// The objects.
    pub heap: Heap,
    /// What was shown to the host.
    pub printed: Vec<Value>,
}

/// What a function's caller goes on with.
#[derive(Clone, Copy, Debug, Traced)]
pub struct Frame {
    function: usize,
    pc: usize,
    base: usize,
    to: u8,
}

/// Runs a program.
///
/// # Errors
/// What the program did wrong. What it had done before is in the machine.
#[portal(greens(program, function, pc), reds(vm, base))]
pub fn run(program: &Rc<Program>, vm: &mut Vm) -> Result<Value, Error> {
    let mut function = 0;
    let mut pc = 0;
    let mut base = 0;
    vm.frames.clear();
    vm.reserve(program.functions[0].registers);
    loop {
        merge_point!();
        let insn = program.functions[function].code[pc];
        pc += 1;
        match insn {
            Insn::Load { to, constant } => {
                let value = program.functions[function].constants[constant as usize];
                vm.set(base, to, value);
            }
            Insn::Move { to, from } => vm.set(base, to, vm.get(base, from)),
            Insn::Add { to, a, b } => {
                vm.set(base, to, Value::add(vm.get(base, a), vm.get(base, b))?)
            }
            Insn::Sub { to, a, b } => {
                vm.set(base, to, Value::subtract(vm.get(base, a), vm.get(base, b))?)
            }
            Insn::Mul { to, a, b } => {
                vm.set(base, to, Value::multiply(vm.get(base, a), vm.get(base, b))?)
            }
            Insn::Div { to, a, b } => {
                vm.set(base, to, Value::divide(vm.get(base, a), vm.get(base, b))?)
            }
            Insn::Rem { to, a, b } => {
                vm.set(base, to, Value::remainder(vm.get(base, a), vm.get(base, b))?);
            }
            Insn::AddInt { to, a, value } => {
                let sum = Value::add(vm.get(base, a), Value::Int(i64::from(value)))?;
                vm.set(base, to, sum);
            }
            Insn::Less { to, a, b } => {
                let less = Value::less(vm.get(base, a), vm.get(base, b))?;
                vm.set(base, to, Value::Bool(less));
            }
            Insn::Equal { to, a, b } => {
                let equal = Value::equal(vm.get(base, a), vm.get(base, b));
                vm.set(base, to, Value::Bool(equal));
            }
            Insn::Not { to, a } => vm.set(base, to, Value::Bool(!vm.get(base, a).truthy())),
            Insn::ToFloat { to, a } => vm.set(base, to, Value::to_float(vm.get(base, a))?),
            Insn::ToInt { to, a } => vm.set(base, to, Value::to_int(vm.get(base, a))?),
            Insn::Jump { offset } => pc = target(pc, offset),
            Insn::JumpIf { condition, offset } => {
                if vm.get(base, condition).truthy() {
                    pc = target(pc, offset);
                }
            }
            Insn::JumpUnless { condition, offset } => {
                if !vm.get(base, condition).truthy() {
                    pc = target(pc, offset);
                }
            }
            Insn::Loop { back } => {
                pc -= back as usize;
                can_enter_jit!();
            }
            Insn::NewArray { to, length } => {
                let array = vm.new_array(length);
                vm.set(base, to, array);
            }
            Insn::Get { to, array, index } => {
                let value = vm.heap.get(vm.get(base, array), vm.get(base, index))?;
                vm.set(base, to, value);
            }
            Insn::Set { array, index, from } => {
                let (array, index) = (vm.get(base, array), vm.get(base, index));
                vm.heap.set(array, index, vm.get(base, from))?;
            }
            Insn::Length { to, array } => {
                let length = vm.heap.length(vm.get(base, array))?;
                vm.set(base, to, length);
            }
            Insn::NewRecord { to, first, count } => {
                let record = vm.new_record(base + first as usize, count);
                vm.set(base, to, record);
            }
            Insn::GetField { to, record, field } => {
                let value = vm.heap.get_field(vm.get(base, record), field)?;
                vm.set(base, to, value);
            }
            Insn::SetField { record, field, from } => {
                let record = vm.get(base, record);
                vm.heap.set_field(record, field, vm.get(base, from))?;
            }
            Insn::NewClosure { to, function, count } => {
                let closure = vm.new_closure(function, base + to as usize + 1, count);
                vm.set(base, to, closure);
            }
            Insn::Captured { to, index } => {
                let value = vm.heap.captured(vm.get(base, 0), index)?;
                vm.set(base, to, value);
            }
            Insn::Call { to, function: callee, first } => {
                vm.push_frame(Frame { function, pc, base, to })?;
                function = callee as usize;
                pc = 0;
                base += first as usize;
                vm.reserve(base + program.functions[function].registers);
            }
            Insn::CallClosure { to, first } => {
                let callee = vm.heap.function(vm.get(base, first))?;
                vm.push_frame(Frame { function, pc, base, to })?;
                function = callee as usize;
                pc = 0;
                base += first as usize;
                vm.reserve(base + program.functions[function].registers);
            }
            Insn::Return { from } => {
                let value = vm.get(base, from);
                let Some(frame) = vm.frames.pop() else {
                    return Ok(value);
                };
                function = frame.function;
                pc = frame.pc;
                base = frame.base;
                vm.set(base, frame.to, value);
            }
            Insn::Print { to, from } => {
                let count = vm.print(vm.get(base, from))?;
                vm.set(base, to, Value::Int(count));
            }
        }
    }
}

/// Where a jump leads.
#[traced]
fn target(pc: usize, offset: i32) -> usize {
    (pc as i64 + i64::from(offset)) as usize
}

#[traced]
impl Vm {
    fn get(&self, base: usize, register: u8) -> Value {
        self.stack[base + register as usize]
    }

    fn set(&mut self, base: usize, register: u8, value: Value) {
        self.stack[base + register as usize] = value;
    }

    fn push_frame(&mut self, frame: Frame) -> Result<(), Error> {
        if self.frames.len() == MAX_FRAMES {
            return Err(Error::StackOverflow);
        }
        self.frames.push(frame);
        Ok(())
    }

    /// Makes room for registers.
    fn reserve(&mut self, top: usize) {
        if top > self.stack.len() {
            self.grow(top);
        }
    }

    #[cold]
    #[residual]
    fn grow(&mut self, top: usize) {
        self.stack.resize(top * 2, Value::Nil);
    }

    #[residual]
    fn new_array(&mut self, length: u16) -> Value {
        self.heap.allocate(Object::Array(vec![Value::Nil; length as usize]))
    }

    #[residual]
    fn new_record(&mut self, first: usize, count: u8) -> Value {
        let fields = self.stack[first..first + count as usize].to_vec();
        self.heap.allocate(Object::Record(fields))
    }

    #[residual]
    fn new_closure(&mut self, function: u16, first: usize, count: u8) -> Value {
        let captured = self.stack[first..first + count as usize].to_vec();
        self.heap.allocate(Object::Closure { function, captured })
    }

    /// The host takes numbers, but not 13.
    #[residual]
    fn print(&mut self, value: Value) -> Result<i64, Error> {
        match value {
            Value::Int(13) => Err(Error::Refused { value: 13 }),
            Value::Int(_) | Value::Float(_) => {
                self.printed.push(value);
                Ok(self.printed.len() as i64)
            }
            _ => Err(mismatch(Operation::Host, value, Value::Nil)),
        }
    }
}

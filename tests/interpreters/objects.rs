//! A register machine whose values are on the collected heap: pairs, arrays, closures, objects that
//! own something. All that it makes, it makes in traced code, but for what has a destructor of its
//! own kind.
//!
//! The registers are an object themselves, so the collector sees them wherever they are used.

use jitgen_core::prelude::*;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// Counts what was made and what was dropped.
#[derive(Default, Debug)]
pub struct Tally {
    /// Handles made.
    pub made: AtomicI64,
    /// Handles dropped.
    pub dropped: AtomicI64,
}

/// Something with a destructor.
pub struct Handle(Arc<Tally>);

impl Handle {
    /// Counts one more.
    pub fn new(tally: &Arc<Tally>) -> Handle {
        tally.made.fetch_add(1, Ordering::Relaxed);
        Handle(tally.clone())
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.0.dropped.fetch_add(1, Ordering::Relaxed);
    }
}

#[allow(clippy::explicit_auto_deref, reason = "traced code says where it follows a pointer")]
#[jitgen_core::interpreter]
pub mod vm {
    use super::*;
    use jitgen_core::gc::OutOfMemory;
    use std::cell::{Cell, RefCell};

    /// A guest value.
    #[derive(Clone, Copy, Traced, Collect)]
    #[repr(C, u8)]
    pub enum Value {
        /// Nothing.
        Nil,
        /// An integer.
        Int(i64),
        /// A float.
        Float(f64),
        /// A pair.
        Pair(Gc<Pair>),
        /// An array.
        Array(Gc<[Cell<Value>]>),
        /// A closure.
        Closure(Gc<Closure>),
        /// One of several kinds of objects.
        Other(Gc<Other>),
    }

    /// Two values that can be changed.
    #[derive(Traced, Collect)]
    pub struct Pair {
        /// The first one.
        pub head: Cell<Value>,
        /// The second one.
        pub tail: Cell<Value>,
    }

    /// A function with what it has captured.
    #[derive(Traced, Collect)]
    pub struct Closure {
        /// Which function.
        pub function: i64,
        /// A variable that it shares with others.
        pub captured: Gc<Cell<Value>>,
        /// Another closure.
        pub next: Option<Gc<Closure>>,
    }

    /// An object that is an enum itself.
    #[derive(Traced, Collect)]
    #[repr(C, u8)]
    pub enum Other {
        /// A number in a box.
        Number(i64),
        /// It owns something.
        Owner(i64, #[collect(unsafe_skip)] Rc<Handle>),
        /// A link.
        Link(Gc<Other>, Cell<i64>),
    }

    /// An object of many words.
    #[derive(Traced, Collect)]
    pub struct Large {
        /// Values.
        pub values: [Value; 8],
        /// Numbers.
        pub numbers: [i64; 5],
        /// A small one, and bytes that mean nothing.
        pub small: u16,
        /// The last one.
        pub last: Option<Gc<Large>>,
    }

    /// An object of many words that owns something.
    #[derive(Traced, Collect)]
    pub struct Chest {
        /// Numbers.
        pub numbers: [i64; 14],
        /// More of them.
        pub items: Vec<i64>,
        /// Something with a destructor.
        #[collect(unsafe_skip)]
        pub handle: Option<Rc<Handle>>,
    }

    /// Nobody knows where its words are.
    #[derive(Clone, Copy, Traced, Collect)]
    pub enum Figure {
        /// A number.
        Line(i64),
        /// Small ones.
        Dot(u8, i16),
        /// What a figure is drawn on.
        Sheet(Gc<Other>, bool),
    }

    /// An object with such a figure in it.
    #[derive(Traced, Collect)]
    pub struct Sketch {
        /// The figure.
        pub figure: Figure,
        /// Numbers.
        pub size: (i64, u8),
    }

    /// An object that changes.
    #[derive(Traced, Collect)]
    pub struct Table {
        /// Numbers.
        pub items: RefCell<Vec<i64>>,
        /// A number.
        pub n: i64,
    }

    /// Why an instruction fails.
    #[derive(Clone, Copy, Debug, PartialEq, Traced)]
    pub enum Error {
        /// The values are of the wrong type.
        Type,
        /// There is no memory left.
        Memory,
    }

    impl From<OutOfMemory> for Error {
        fn from(_: OutOfMemory) -> Error {
            Error::Memory
        }
    }

    /// The instructions. Registers are numbers; where jumps lead, too.
    #[derive(Clone, Copy, Debug, Traced)]
    pub enum Insn {
        /// `to = value`
        Int(usize, i64),
        /// `to = value`
        Float(usize, f64),
        /// `to = nil`
        Nil(usize),
        /// `to = from`
        Move(usize, usize),
        /// `to = a + b`
        Add(usize, usize, usize),
        /// `to = (a . b)`
        Cons(usize, usize, usize),
        /// `to = head of a`
        Head(usize, usize),
        /// `to = tail of a`
        Tail(usize, usize),
        /// `head of a = from`
        SetHead(usize, usize),
        /// `to = array of so many numbers`
        Array(usize, usize),
        /// `to = array[index]`
        Get(usize, usize, usize),
        /// `array[index] = from`
        Set(usize, usize, usize),
        /// `to = closure of a function over what is in a register`
        Close(usize, i64, usize),
        /// `to = closure(argument)`
        Call(usize, usize, usize),
        /// `to = a box around what is in a register`
        Wrap(usize, usize),
        /// `to = an object that owns something`
        Own(usize),
        /// `to = the number in a box`
        Unwrap(usize, usize),
        /// `to = are both the same object?`
        Same(usize, usize, usize),
        /// Makes an object of many words, which points to the last one.
        Large(usize),
        /// `to = what is in the last of them`
        Last(usize),
        /// Makes an object of many words that owns something.
        Chest(usize),
        /// Makes one that is the same at each execution.
        Empty(usize),
        /// Makes an object with a figure that traced code has made.
        Sketch(usize),
        /// The same of a figure that a residual function has made.
        Trace(usize),
        /// Makes an object of such a figure alone.
        Figure(usize),
        /// Makes an object with a `RefCell`.
        Table(usize),
        /// Goes on there unless the register is 0 or nil.
        Unless(usize, usize),
        /// Goes on there.
        Jump(usize),
        /// Goes back there if, counted down, the register is not 0.
        Loop(usize, usize),
        /// If there is no memory, empties the register and goes on there.
        Catch(usize, usize),
        /// The end.
        Halt,
    }

    /// The program.
    #[derive(Debug, Traced)]
    pub struct Program {
        /// Its instructions.
        pub code: Vec<Insn>,
    }

    /// The machine.
    #[derive(Traced)]
    pub struct Machine {
        /// Registers.
        pub registers: Gc<[Cell<Value>]>,
        /// Sums of what was found.
        pub digest: i64,
        /// Times that memory was full.
        pub full: i64,
        /// The register to empty then, and where to go on.
        pub catch: Option<(usize, usize)>,
        /// The last large object.
        pub large: Option<Gc<Large>>,
        /// What counts handles.
        pub tally: Arc<Tally>,
    }

    /// Runs it.
    #[portal(greens(program, pc), reds(machine, last))]
    pub fn run(program: &Rc<Program>, machine: &mut Machine) -> Result<Value, Error> {
        let mut pc = 0;
        let mut last = Value::Nil;
        loop {
            merge_point!();
            let insn = program.code[pc];
            let next = match insn {
                Insn::Halt => return Ok(last),
                Insn::Unless(register, target) => {
                    if truth(machine.registers[register].get()) {
                        pc + 1
                    } else {
                        target
                    }
                }
                Insn::Jump(target) => target,
                Insn::Loop(register, target) => {
                    if count_down(machine, register)? {
                        target
                    } else {
                        pc + 1
                    }
                }
                Insn::Catch(register, target) => {
                    machine.catch = Some((register, target));
                    pc + 1
                }
                insn => match step(machine, insn) {
                    Ok(value) => {
                        last = value;
                        pc + 1
                    }
                    Err(error) => {
                        if error == Error::Memory {
                            caught(machine)?
                        } else {
                            machine.digest = machine.digest.wrapping_mul(3).wrapping_add(1);
                            pc + 1
                        }
                    }
                },
            };
            let back = next <= pc;
            pc = next;
            if back {
                can_enter_jit!();
            }
        }
    }

    fn caught(machine: &mut Machine) -> Result<usize, Error> {
        let Some((register, target)) = machine.catch else {
            return Err(Error::Memory);
        };
        unlink(machine.registers[register].get());
        machine.registers[register].set(Value::Nil);
        machine.full += 1;
        if machine.full < 100 { Ok(target) } else { Err(Error::Memory) }
    }

    fn truth(value: Value) -> bool {
        !matches!(value, Value::Nil | Value::Int(0))
    }

    fn count_down(machine: &mut Machine, register: usize) -> Result<bool, Error> {
        let Value::Int(n) = machine.registers[register].get() else {
            return Err(Error::Type);
        };
        machine.registers[register].set(Value::Int(n - 1));
        Ok(n > 1)
    }

    fn step(machine: &mut Machine, insn: Insn) -> Result<Value, Error> {
        let (to, value) = match insn {
            Insn::Int(to, value) => (to, Value::Int(value)),
            Insn::Float(to, value) => (to, Value::Float(value)),
            Insn::Nil(to) => (to, Value::Nil),
            Insn::Move(to, from) => (to, machine.registers[from].get()),
            Insn::Add(to, a, b) => {
                (to, add(machine.registers[a].get(), machine.registers[b].get())?)
            }
            // Returned at once, so that no local of this function is left with the last pair.
            Insn::Cons(to, a, b) => return cons_into(machine, to, a, b),
            Insn::Head(to, a) => (to, pair(machine.registers[a].get())?.head.get()),
            Insn::Tail(to, a) => (to, pair(machine.registers[a].get())?.tail.get()),
            Insn::SetHead(a, from) => {
                let value = machine.registers[from].get();
                pair(machine.registers[a].get())?.head.set(value);
                (a, machine.registers[a].get())
            }
            Insn::Array(to, length) => {
                let items = Gc::<[Cell<Value>]>::try_repeat(Cell::new(Value::Int(1)), length)?;
                (to, Value::Array(items))
            }
            Insn::Get(to, array, index) => {
                let items = array_of(machine.registers[array].get())?;
                let index = index_of(machine.registers[index].get(), items.len())?;
                (to, items[index].get())
            }
            Insn::Set(array, index, from) => {
                let items = array_of(machine.registers[array].get())?;
                let index = index_of(machine.registers[index].get(), items.len())?;
                items[index].set(machine.registers[from].get());
                (array, machine.registers[array].get())
            }
            Insn::Close(to, function, from) => {
                (to, close(function, machine.registers[from].get(), machine.registers[to].get())?)
            }
            Insn::Call(to, closure, argument) => {
                let Value::Closure(closure) = machine.registers[closure].get() else {
                    return Err(Error::Type);
                };
                (to, call(&*closure, machine.registers[argument].get())?)
            }
            Insn::Wrap(to, from) => (to, Value::Other(wrap(machine.registers[from].get())?)),
            Insn::Own(to) => {
                let handle = handle(machine);
                let n = machine.digest & 15;
                (to, Value::Other(Gc::try_new(Other::Owner(n, handle))?))
            }
            Insn::Unwrap(to, from) => {
                let Value::Other(other) = machine.registers[from].get() else {
                    return Err(Error::Type);
                };
                let n = unwrap(other);
                machine.digest = machine.digest.wrapping_add(n);
                (to, Value::Int(n))
            }
            Insn::Same(to, a, b) => {
                let (a, b) = (machine.registers[a].get(), machine.registers[b].get());
                (to, Value::Int(same(a, b) as i64))
            }
            Insn::Large(from) => {
                let n = number(machine, from)?;
                let values = [machine.registers[from].get(); 8];
                let numbers = [n, 7, machine.digest & 7, n + 1, 9];
                let large = Large { values, numbers, small: n as u16, last: machine.large };
                let large = Gc::try_new(large)?;
                // Bridges begin behind the call, whose result is known to be no error.
                if let Some(last) = machine.large {
                    let sum = last.numbers[2] + i64::from(last.small);
                    machine.digest = machine.digest.wrapping_mul(3).wrapping_add(sum);
                }
                machine.large = if n % 8 == 0 { None } else { Some(large) };
                (from, Value::Int(n))
            }
            Insn::Last(to) => {
                let Some(large) = machine.large else {
                    return Err(Error::Type);
                };
                let [a, b] = [large.numbers[0], large.numbers[4] + i64::from(large.small)];
                let before = match large.last {
                    Some(before) => before.numbers[2] + i64::from(before.small),
                    None => 0,
                };
                machine.digest = machine.digest.wrapping_mul(3).wrapping_add(a + b + before);
                (to, large.values[5])
            }
            Insn::Chest(from) => {
                let n = number(machine, from)?;
                let (items, handle) = (items(n), Some(handle(machine)));
                let chest = Gc::try_new(Chest { numbers: [n; 14], items, handle })?;
                let sum = chest.numbers[3] + chest.items[1];
                machine.digest = machine.digest.wrapping_mul(3).wrapping_add(sum);
                (from, Value::Int(n))
            }
            Insn::Empty(to) => {
                let chest = Chest { numbers: [3; 14], items: Vec::new(), handle: None };
                let chest = Gc::new(chest);
                (to, Value::Int(chest.numbers[13] + chest.items.len() as i64))
            }
            Insn::Sketch(from) => {
                let n = number(machine, from)?;
                let figure = match n % 3 {
                    0 => Figure::Line(n),
                    1 => Figure::Dot(n as u8, -3),
                    _ => Figure::Sheet(Gc::try_new(Other::Number(n))?, n & 4 == 0),
                };
                let sketch = Gc::try_new(Sketch { figure, size: (n, 5) })?;
                machine.digest = machine.digest.wrapping_mul(3).wrapping_add(look(sketch));
                (from, Value::Int(n))
            }
            Insn::Trace(from) => {
                let n = number(machine, from)?;
                let sketch = Gc::try_new(Sketch { figure: figure(n), size: (1, n as u8) })?;
                machine.digest = machine.digest.wrapping_mul(3).wrapping_add(look(sketch));
                (from, Value::Int(n))
            }
            Insn::Figure(from) => {
                let n = number(machine, from)?;
                let made = Gc::new(figure(n));
                machine.digest = machine.digest.wrapping_mul(3).wrapping_add(seen(made));
                (from, Value::Int(n))
            }
            Insn::Table(from) => {
                let n = number(machine, from)?;
                let table = Gc::new(Table { items: RefCell::new(items(n)), n });
                let sum = table.items.borrow()[1] + table.n;
                machine.digest = machine.digest.wrapping_mul(3).wrapping_add(sum);
                (from, Value::Int(n))
            }
            Insn::Unless(..) | Insn::Jump(_) | Insn::Loop(..) | Insn::Catch(..) | Insn::Halt => {
                return Err(Error::Type);
            }
        };
        machine.registers[to].set(value);
        Ok(value)
    }

    fn add(a: Value, b: Value) -> Result<Value, Error> {
        match (a, b) {
            (Value::Int(x), Value::Int(y)) => Ok(Value::Int(x.wrapping_add(y))),
            (Value::Float(x), Value::Float(y)) => Ok(Value::Float(x + y)),
            (Value::Float(x), Value::Int(y)) | (Value::Int(y), Value::Float(x)) => {
                Ok(Value::Float(x + y as f64))
            }
            _ => Err(Error::Type),
        }
    }

    fn cons_into(machine: &mut Machine, to: usize, a: usize, b: usize) -> Result<Value, Error> {
        let (a, b) = (machine.registers[a].get(), machine.registers[b].get());
        let value = cons(a, b)?;
        machine.registers[to].set(value);
        Ok(value)
    }

    fn cons(head: Value, tail: Value) -> Result<Value, Error> {
        let pair = Gc::try_new(Pair { head: Cell::new(head), tail: Cell::new(tail) })?;
        Ok(Value::Pair(pair))
    }

    fn pair(value: Value) -> Result<Gc<Pair>, Error> {
        match value {
            Value::Pair(pair) => Ok(pair),
            _ => Err(Error::Type),
        }
    }

    fn array_of(value: Value) -> Result<Gc<[Cell<Value>]>, Error> {
        let Value::Array(items) = value else {
            return Err(Error::Type);
        };
        Ok(items)
    }

    fn number(machine: &Machine, register: usize) -> Result<i64, Error> {
        match machine.registers[register].get() {
            Value::Int(n) => Ok(n),
            _ => Err(Error::Type),
        }
    }

    #[residual]
    fn items(n: i64) -> Vec<i64> {
        vec![n, 2 * n]
    }

    #[residual]
    fn figure(n: i64) -> Figure {
        match n % 3 {
            0 => Figure::Line(n + 1),
            1 => Figure::Sheet(Gc::new(Other::Number(n)), n & 4 == 0),
            _ => Figure::Dot(n as u8, -5),
        }
    }

    #[residual]
    fn look(sketch: Gc<Sketch>) -> i64 {
        drawn(&sketch.figure) + 100 * sketch.size.0 + i64::from(sketch.size.1)
    }

    #[residual]
    fn seen(figure: Gc<Figure>) -> i64 {
        drawn(&figure)
    }

    #[residual]
    fn drawn(figure: &Figure) -> i64 {
        match figure {
            Figure::Line(n) => *n,
            Figure::Dot(a, b) => i64::from(*a) * 7 + i64::from(*b),
            Figure::Sheet(other, wide) => {
                let Other::Number(n) = **other else { return -1 };
                2 * n + i64::from(*wide)
            }
        }
    }

    fn index_of(value: Value, length: usize) -> Result<usize, Error> {
        match value {
            Value::Int(n) if n >= 0 && (n as usize) < length => Ok(n as usize),
            _ => Err(Error::Type),
        }
    }

    fn close(function: i64, captured: Value, before: Value) -> Result<Value, Error> {
        let (captured, next) = match before {
            // They share the variable.
            Value::Closure(other) => (other.captured, other.next),
            _ => (Gc::try_new(Cell::new(captured))?, None),
        };
        let closure = Gc::try_new(Closure { function, captured, next })?;
        let chained = Closure { function: function + 1, captured, next: Some(closure) };
        Ok(Value::Closure(Gc::try_new(chained)?))
    }

    fn call(closure: &Closure, argument: Value) -> Result<Value, Error> {
        if closure.function & 1 == 0 {
            closure.captured.set(argument);
            return Ok(argument);
        }
        if let Some(next) = closure.next
            && let Value::Int(n) = argument
        {
            next.captured.set(Value::Int(n & 0xffff));
        }
        add(closure.captured.get(), argument)
    }

    fn wrap(value: Value) -> Result<Gc<Other>, Error> {
        let other = match value {
            Value::Other(other) => Other::Link(other, Cell::new(0)),
            Value::Int(n) => Other::Number(n),
            _ => return Err(Error::Type),
        };
        Ok(Gc::try_new(other)?)
    }

    fn unwrap(other: Gc<Other>) -> i64 {
        match &*other {
            Other::Number(n) => *n,
            Other::Owner(n, _) => *n + 1,
            Other::Link(next, count) => {
                count.set(count.get() + 1);
                let inner = match &**next {
                    Other::Number(n) => *n,
                    Other::Owner(..) => 5,
                    Other::Link(_, count) => count.get(),
                };
                inner + count.get()
            }
        }
    }

    fn same(a: Value, b: Value) -> bool {
        match (a, b) {
            (Value::Pair(x), Value::Pair(y)) => x.ptr_eq(y),
            (Value::Array(x), Value::Array(y)) => Gc::ptr_eq(x, y),
            (Value::Other(x), Value::Other(y)) => x.ptr_eq(y),
            (Value::Nil, Value::Nil) => true,
            _ => false,
        }
    }

    /// A stray word on the stack must not keep the whole list.
    #[residual]
    fn unlink(list: Value) {
        let mut list = list;
        while let Value::Pair(pair) = list {
            list = pair.tail.replace(Value::Nil);
        }
    }

    #[residual]
    fn handle(machine: &mut Machine) -> Rc<Handle> {
        Rc::new(Handle::new(&machine.tally))
    }
}

use vm::{Insn, Machine, Other, Program, Value};

/// A value as text, so far down.
fn show(value: Value, depth: usize) -> String {
    if depth == 0 {
        return "..".to_owned();
    }
    let other = |other: Gc<Other>| match &*other {
        Other::Number(n) => format!("number {n}"),
        Other::Owner(n, _) => format!("owner {n}"),
        Other::Link(next, count) => {
            format!("link {} {}", show(Value::Other(*next), depth - 1), count.get())
        }
    };
    match value {
        Value::Nil => "nil".to_owned(),
        Value::Int(n) => n.to_string(),
        Value::Float(x) => format!("{x:?}"),
        Value::Pair(pair) => {
            let (head, tail) = (show(pair.head.get(), depth - 1), show(pair.tail.get(), depth - 1));
            format!("({head} . {tail})")
        }
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(|item| show(item.get(), depth - 1)).collect();
            format!("{items:?}")
        }
        Value::Closure(closure) => {
            format!("closure {} {}", closure.function, show(closure.captured.get(), depth - 1))
        }
        Value::Other(object) => other(object),
    }
}

/// The number of registers.
pub const REGISTERS: usize = 8;

/// Runs a program; what it did. Of what depends on the memory that is left, nothing is told.
pub fn run(code: &[Insn], tally: &Arc<Tally>) -> String {
    let program = Rc::new(Program { code: code.to_vec() });
    let nil = std::cell::Cell::new(Value::Nil);
    let registers = Gc::<[std::cell::Cell<Value>]>::try_repeat(nil, REGISTERS).expect("room");
    let tally = tally.clone();
    let mut machine = Machine { registers, digest: 0, full: 0, catch: None, large: None, tally };
    let result = vm::run(&program, &mut machine).map(|value| show(value, 6));
    let registers: Vec<_> = machine.registers.iter().map(|value| show(value.get(), 6)).collect();
    let full = machine.full > 0;
    format!("{result:?} {registers:?} {} full: {full}", machine.digest)
}

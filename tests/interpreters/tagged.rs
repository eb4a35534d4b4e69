//! A machine of tagged values: enums with payloads by value, in registers, as a red, in structs,
//! tuples, options and results; taken apart by every kind of pattern.
//!
//! Each instruction is a construct or two; what they compute is folded into a digest.

use jitgen_core::prelude::*;

#[jitgen_core::interpreter]
pub mod vm {
    use super::*;
    use std::rc::Rc;

    /// A guest value.
    #[derive(Clone, Copy, Debug, PartialEq, Traced)]
    #[repr(C, u8)]
    pub enum Value {
        /// Nothing.
        Nil,
        /// A truth value.
        Bool(bool),
        /// An integer.
        Int(i64),
        /// A float.
        Float(f64),
        /// Two small numbers.
        Pair(u16, i32),
    }

    /// An operator, which is a machine word.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Traced)]
    pub enum Operator {
        /// Sum.
        Add,
        /// Product.
        Mul,
        /// Difference.
        Sub,
    }

    /// A struct by value.
    #[derive(Clone, Copy, Debug, PartialEq, Traced)]
    pub struct Point {
        /// One.
        pub x: i64,
        /// Two.
        pub y: Value,
        /// Three.
        pub flag: bool,
    }

    /// What can go wrong.
    #[derive(Clone, Copy, Debug, PartialEq, Traced)]
    pub enum Error {
        /// An operator got values that it does not take.
        Mismatch(Value, Value),
        /// A register held this.
        Bad {
            /// The register.
            register: usize,
        },
    }

    /// How a handler ends: an enum whose layout is rustc's.
    #[derive(Clone, Copy, Traced)]
    pub enum Step {
        /// The next instruction.
        Next,
        /// Another one, with a new accumulator.
        Jump(usize, Value),
        /// The end.
        Stop(Value),
    }

    /// The instructions.
    #[derive(Clone, Copy, Debug, Traced)]
    pub enum Insn {
        /// `to = value`
        Load(usize, Value),
        /// `to = from`, whatever it is.
        Move(usize, usize),
        /// `to = a op b`
        Binary(Operator, usize, usize, usize),
        /// A match with all kinds of patterns.
        Classify(usize, usize),
        /// Structs, tuples and arrays by value.
        Shuffle(usize, usize, usize),
        /// Options.
        Optional(usize, usize),
        /// References to locals.
        Borrow(usize, usize),
        /// Values in place.
        InPlace(usize),
        /// A residual call with tagged arguments and results.
        Outside(usize, usize),
        /// `to = a == b`, and comparisons with a struct and an option.
        Same(usize, usize, usize),
        /// A constant of the program, found by what a register holds.
        Table(usize, usize),
        /// The accumulator, a red, meets a register.
        Accumulate(usize),
        /// Back to the beginning, so often.
        Loop,
    }

    /// The program.
    #[derive(Debug, Traced)]
    pub struct Program {
        /// Its instructions.
        pub code: Vec<Insn>,
        /// Constants.
        pub table: [Value; 8],
    }

    /// The machine.
    #[derive(Debug, Traced)]
    pub struct Machine {
        /// Registers.
        pub registers: Vec<Value>,
        /// A struct in memory.
        pub point: Point,
        /// An option in memory.
        pub last: Option<i64>,
        /// An option of a tagged value.
        pub spare: Option<Value>,
        /// Rounds left.
        pub rounds: i64,
        /// What the residual function was given.
        pub seen: u64,
        /// Sums of what the constructs found.
        pub digest: i64,
    }

    /// Runs it.
    #[portal(greens(program, pc), reds(machine, acc))]
    pub fn run(program: &Rc<Program>, machine: &mut Machine) -> Result<Value, Error> {
        let mut pc = 0;
        let mut acc = Value::Nil;
        loop {
            merge_point!();
            let insn = program.code[pc];
            match step(program, machine, insn, acc)? {
                Step::Next => pc += 1,
                Step::Stop(value) => return Ok(value),
                Step::Jump(target, value) => {
                    acc = value;
                    let back = target <= pc;
                    pc = target;
                    if back {
                        can_enter_jit!();
                    }
                }
            }
            if let Insn::Accumulate(register) = insn {
                acc = add(acc, machine.registers[register]);
            }
        }
    }

    fn step(
        program: &Rc<Program>,
        machine: &mut Machine,
        insn: Insn,
        acc: Value,
    ) -> Result<Step, Error> {
        match insn {
            Insn::Load(to, value) => machine.registers[to] = value,
            Insn::Move(to, from) => machine.registers[to] = machine.registers[from],
            Insn::Binary(operator, to, a, b) => {
                let (x, y) = (machine.registers[a], machine.registers[b]);
                machine.registers[to] = binary(operator, x, y)?;
            }
            Insn::Classify(to, from) => {
                let class = classify(machine.registers[from], machine.digest & 7);
                machine.digest = machine.digest.wrapping_add(class);
                machine.registers[to] = Value::Int(class);
            }
            Insn::Shuffle(to, a, b) => shuffle(machine, to, a, b),
            Insn::Optional(to, from) => optional(machine, to, from)?,
            Insn::Borrow(to, from) => borrow(machine, to, from),
            Insn::InPlace(register) => in_place(machine, register),
            Insn::Outside(to, from) => {
                let value = machine.registers[from];
                let got = outside(machine, value, Point { x: 3, y: value, flag: true })?;
                machine.registers[to] = got.y;
                if got.flag {
                    machine.digest = machine.digest.wrapping_add(got.x);
                }
            }
            Insn::Same(to, a, b) => {
                let (x, y) = (machine.registers[a], machine.registers[b]);
                let point = Point { x: machine.point.x & 1, y: x, flag: true };
                let same = x == y || y != Value::Int(1) && machine.last == Some(25);
                if point == machine.point {
                    machine.digest = machine.digest.wrapping_add(5);
                }
                machine.registers[to] = Value::Bool(same);
            }
            Insn::Table(to, from) => {
                machine.digest = machine.digest.wrapping_add(1);
                let index = match machine.registers[from] {
                    Value::Int(x) => (x & 7) as usize,
                    _ => 3,
                };
                let found = match program.table[index] {
                    Value::Int(x) if x > 4 => x,
                    Value::Pair(x, _) => x as i64,
                    Value::Nil => return Ok(Step::Next),
                    _ => 11,
                };
                machine.digest = machine.digest.wrapping_add(found);
                machine.registers[to] = program.table[(found & 7) as usize];
            }
            Insn::Accumulate(_) => (),
            Insn::Loop => {
                machine.rounds -= 1;
                if machine.rounds < 0 {
                    return Ok(Step::Stop(acc));
                }
                return Ok(Step::Jump(0, acc));
            }
        }
        Ok(Step::Next)
    }

    fn add(a: Value, b: Value) -> Value {
        match binary(Operator::Add, a, b) {
            Ok(sum) => sum,
            Err(_) => b,
        }
    }

    fn binary(operator: Operator, a: Value, b: Value) -> Result<Value, Error> {
        match (a, b) {
            (Value::Int(x), Value::Int(y)) => Ok(Value::Int(match operator {
                Operator::Add => x.wrapping_add(y),
                Operator::Mul => x.wrapping_mul(y),
                Operator::Sub => x.wrapping_sub(y),
            })),
            (Value::Float(x), Value::Float(y)) => Ok(Value::Float(float(operator, x, y))),
            (Value::Int(x), Value::Float(y)) => Ok(Value::Float(float(operator, x as f64, y))),
            (Value::Float(x), Value::Int(y)) => Ok(Value::Float(float(operator, x, y as f64))),
            (Value::Nil, other) | (other, Value::Nil) if operator == Operator::Add => Ok(other),
            (Value::Pair(x, y), Value::Pair(..)) => Ok(Value::Int(x as i64 + y as i64)),
            (Value::Bool(true), Value::Bool(flag)) => Ok(Value::Bool(!flag)),
            _ => Err(Error::Mismatch(a, b)),
        }
    }

    fn float(operator: Operator, x: f64, y: f64) -> f64 {
        let result = match operator {
            Operator::Add => x + y,
            Operator::Mul => x * y,
            Operator::Sub => x - y,
        };
        if result.abs() > 1e9 { 0.5 } else { result }
    }

    fn classify(value: Value, salt: i64) -> i64 {
        let kind = match value {
            Value::Nil => 0,
            Value::Int(0) => 1,
            Value::Int(x @ 1..=9) => 10 + x,
            Value::Int(x) if x < 0 && salt > 3 => 2,
            Value::Pair(1 | 2, y) => 30 + y as i64,
            Value::Pair(x, -1) => 40 + x as i64,
            Value::Bool(_) | Value::Float(_) => 5,
            whole => {
                if matches!(whole, Value::Int(_)) {
                    6
                } else {
                    7
                }
            }
        };
        let more = if let Value::Int(x) = value
            && x > 100
            && let Value::Int(_) | Value::Nil = value
        {
            x & 3
        } else {
            0
        };
        kind * 4 + more
    }

    fn shuffle(machine: &mut Machine, to: usize, a: usize, b: usize) {
        let Point { x, y, flag: negative } = machine.point;
        let point = Point { x: x.wrapping_add(1), y: machine.registers[a], flag: !negative };
        let (first, (second, third)) = (point, (machine.registers[b], y));
        machine.point = if first.x & 1 == 0 { first } else { Point { flag: true, ..first } };
        let array = [second, third, point.y];
        let index = (first.x & 1) as usize;
        machine.registers[to] = array[index];
        machine.point.x &= 1023;
    }

    fn half(value: Value) -> Option<i64> {
        let Value::Int(x) = value else {
            return None;
        };
        if x & 1 == 0 { Some(x >> 1) } else { None }
    }

    fn quarter(value: Value) -> Option<i64> {
        let x = half(value)?;
        half(Value::Int(x))
    }

    fn optional(machine: &mut Machine, to: usize, from: usize) -> Result<(), Error> {
        let value = machine.registers[from];
        if let Some(x) = machine.last {
            machine.digest = machine.digest.wrapping_add(x);
        }
        machine.last = quarter(value);
        match (machine.spare, half(value)) {
            (Some(Value::Int(x)), Some(y)) => machine.registers[to] = Value::Int(x ^ y),
            (Some(other), None) => machine.registers[to] = other,
            (None, Some(13)) => return Err(Error::Bad { register: from }),
            _ => machine.digest = machine.digest.wrapping_add(9),
        }
        machine.spare = match value {
            Value::Nil => None,
            value => Some(value),
        };
        Ok(())
    }

    fn bump(value: &mut Value, by: i64) -> bool {
        match value {
            Value::Int(x) => {
                *x = x.wrapping_add(by);
                true
            }
            Value::Float(x) => {
                *x += 0.25;
                *x < 1000.0
            }
            Value::Pair(x, _) => {
                *x ^= 3;
                true
            }
            _ => false,
        }
    }

    fn peek(point: &Point) -> i64 {
        let y = match &point.y {
            Value::Int(x) => *x,
            Value::Pair(x, y) => *x as i64 - *y as i64,
            _ => 1,
        };
        point.x.wrapping_add(y)
    }

    fn borrow(machine: &mut Machine, to: usize, from: usize) {
        let mut value = machine.registers[from];
        let bumped = bump(&mut value, 7);
        let mut point = Point { x: machine.rounds, y: value, flag: bumped };
        let change = |amount: i64| amount.wrapping_mul(3);
        let before = peek(&point);
        bump(&mut point.y, change(before));
        point.x &= 255;
        machine.digest = machine.digest.wrapping_add(peek(&point));
        machine.registers[to] = point.y;
    }

    fn in_place(machine: &mut Machine, register: usize) {
        if !bump(&mut machine.registers[register], 5) {
            machine.registers[register] = Value::Float(0.75);
        }
        if let Value::Pair(x, ref mut y) = machine.registers[register] {
            *y = y.wrapping_add(x as i32);
        }
        match &mut machine.point.y {
            Value::Int(x) if *x > 50 => *x = 0,
            Value::Int(x) => *x = x.wrapping_add(11),
            other => *other = Value::Int(1),
        }
    }

    #[residual]
    fn outside(machine: &mut Machine, value: Value, point: Point) -> Result<Point, Error> {
        machine.seen = machine.seen.wrapping_mul(31).wrapping_add(match value {
            Value::Nil => 1,
            Value::Bool(b) => 2 + u64::from(b),
            Value::Int(x) => x as u64,
            Value::Float(x) => x.to_bits() >> 40,
            Value::Pair(x, y) => u64::from(x) ^ y as u64,
        });
        if machine.seen % 977 == 5 {
            return Err(Error::Mismatch(value, point.y));
        }
        let y = match value {
            Value::Int(x) if x & 4 == 4 => Value::Float(x as f64),
            Value::Float(x) => Value::Int(x as i64),
            other => other,
        };
        Ok(Point { x: point.x + 1, y, flag: machine.seen & 1 == 0 })
    }
}

fn table() -> [vm::Value; 8] {
    use vm::Value::{Bool, Float, Int, Nil, Pair};
    [Int(9), Nil, Pair(5, -3), Bool(true), Int(2), Float(1.5), Int(30), Pair(1, 1)]
}

/// Runs a program for so many rounds; what it did.
pub fn run(code: &[vm::Insn], rounds: i64) -> String {
    let program = std::rc::Rc::new(vm::Program { code: code.to_vec(), table: table() });
    let mut machine = vm::Machine {
        registers: vec![vm::Value::Int(1); 6],
        point: vm::Point { x: 0, y: vm::Value::Nil, flag: false },
        last: None,
        spare: None,
        rounds,
        seen: 1,
        digest: 0,
    };
    let result =
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| vm::run(&program, &mut machine)));
    let result = result.map_err(|payload| payload.downcast_ref::<String>().cloned());
    format!("{result:?} {machine:?}")
}

//! The bf interpreter without the macro: the text of `languages/bf/src/interp.rs` less its marks.
//!
//! It is the measure of what annotating costs while nothing is compiled. A test holds the two texts
//! together (`tests/tidy.rs`).

use bf::{Error, Insn, Machine, Problem, Program};
use std::rc::Rc;

/// Runs the program to its end. What it wrote may still be in the machine's output buffer.
///
/// # Errors
/// The first instruction that could not do its work, with its place in the source.
pub fn run(program: &Rc<Program>, machine: &mut Machine) -> Result<(), Error> {
    let mut pc = 0;
    let mut pos = 0;
    while pc < program.code.len() {
        match program.code[pc] {
            Insn::Right => {
                pos += 1;
                if pos == machine.tape.len() {
                    grow(program, pc, machine)?;
                }
            }
            Insn::Left => {
                if pos == 0 {
                    return Err(left_edge(program, pc));
                }
                pos -= 1;
            }
            Insn::Increment => machine.tape[pos] = machine.tape[pos].wrapping_add(1),
            Insn::Decrement => machine.tape[pos] = machine.tape[pos].wrapping_sub(1),
            Insn::Output => {
                let byte = machine.tape[pos];
                put(program, pc, machine, byte)?;
            }
            Insn::Input => {
                let current = machine.tape[pos];
                machine.tape[pos] = get(program, pc, machine, current)?;
            }
            Insn::Open { close } => {
                if machine.tape[pos] == 0 {
                    pc = close;
                }
            }
            Insn::Close { open } => {
                if machine.tape[pos] != 0 {
                    pc = open + 1;
                    continue;
                }
            }
        }
        pc += 1;
    }
    Ok(())
}

fn grow(program: &Rc<Program>, pc: usize, machine: &mut Machine) -> Result<(), Error> {
    machine.grow().map_err(|problem| Error { at: program.position(pc), problem })
}

fn put(program: &Rc<Program>, pc: usize, machine: &mut Machine, byte: u8) -> Result<(), Error> {
    machine.write(byte).map_err(|problem| Error { at: program.position(pc), problem })
}

fn get(program: &Rc<Program>, pc: usize, machine: &mut Machine, current: u8) -> Result<u8, Error> {
    machine.read(current).map_err(|problem| Error { at: program.position(pc), problem })
}

#[cold]
fn left_edge(program: &Rc<Program>, pc: usize) -> Error {
    Error { at: program.position(pc), problem: Problem::LeftEdge }
}

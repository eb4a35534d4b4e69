//! The interpreter: one loop, one `match`, the state in two locals.
//!
//! ```text
//! +[-]      at pc 3 with a cell that is not zero, `Close { open: 1 }` goes on at pc 2
//! ```
//!
//! Invariants: `pos-on-tape` (`pos < machine.tape.len()` before each instruction),
//! `only-close-goes-back` (`]` is the one place where `pc` gets smaller).
//! Not here: how bytes are read, written or buffered (`machine.rs`).

pub use vm::run;

#[jitgen_core::interpreter]
mod vm {
    use crate::error::{Error, Problem};
    use crate::machine::Machine;
    use crate::program::{Insn, Program};
    use std::rc::Rc;

    /// Runs the program to its end. What it wrote may still be in the machine's output buffer.
    ///
    /// # Errors
    /// The first instruction that could not do its work, with its place in the source.
    #[portal(greens(program, pc), reds(machine, pos))]
    pub fn run(program: &Rc<Program>, machine: &mut Machine) -> Result<(), Error> {
        let mut pc = 0;
        let mut pos = 0;
        while pc < program.code.len() {
            merge_point!();
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
                        can_enter_jit!();
                    }
                }
            }
            pc += 1;
        }
        Ok(())
    }

    #[residual]
    fn grow(program: &Rc<Program>, pc: usize, machine: &mut Machine) -> Result<(), Error> {
        machine.grow().map_err(|problem| Error { at: program.position(pc), problem })
    }

    #[residual]
    fn put(program: &Rc<Program>, pc: usize, machine: &mut Machine, byte: u8) -> Result<(), Error> {
        machine.write(byte).map_err(|problem| Error { at: program.position(pc), problem })
    }

    #[residual]
    fn get(
        program: &Rc<Program>,
        pc: usize,
        machine: &mut Machine,
        current: u8,
    ) -> Result<u8, Error> {
        machine.read(current).map_err(|problem| Error { at: program.position(pc), problem })
    }

    #[residual]
    #[cold]
    fn left_edge(program: &Rc<Program>, pc: usize) -> Error {
        Error { at: program.position(pc), problem: Problem::LeftEdge }
    }
}

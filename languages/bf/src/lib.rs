//! brainf***: parser, tape machine and interpreter.
//!
//! ```
//! use std::{io, rc::Rc};
//!
//! let program = Rc::new(bf::parse(b"++++++++[>++++++++<-]>+.")?);
//! let mut machine = bf::Machine::new(bf::Options::default(), io::stdin(), io::stdout());
//! bf::run(&program, &mut machine)?; // writes A
//! machine.flush()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Reading order: `program` (what is run), `parser` (text to program), `machine` (tape, input and
//! output), `interp` (the loop), `error`.
//!
//! Invariants: `one-insn-per-character` (no run is merged, no idiom recognised: the interpreter is
//! what a language author writes first), `never-panics` (every failure is a value).
//! Not here: the command line (`main.rs`).

mod program;

mod parser;

mod machine;

mod interp;

mod error;

pub use error::{Cause, Error, Problem, SyntaxError};
pub use interp::run;
pub use machine::{Eof, Machine, Options};
pub use parser::parse;
pub use program::{Insn, Position, Program};

//! The reference evaluator: what a trace means, executed one instruction at a time.
//!
//! It is the oracle that recorder, optimizer and backend are checked against, so it is written to
//! be read, not to be fast: one `match` over the op table without a `_` arm, one table of values.
//!
//! ```text
//! trace @inc {
//! b0(v0: i64):
//!     v1 = lt_s.i64 v0, 3          evaluate(inc, [i64 3], …)
//!     guard v1 else exit0    =>    Exit { exit: exit0, args: [i64 3] }
//!     v2 = add.i64 v0, 1
//!     jump b0(v2)
//! exit0: resume 0 [v0]
//! }
//! ```
//!
//! Invariants: `defined-or-named` (what the op table leaves undefined is an [`EvalError`], never a
//! wrong value and never a panic), `memory-is-a-parameter` (all that a trace can see besides its
//! arguments goes through [`Memory`]).
//!
//! Not here: raw memory and real calls (the embedder implements [`Memory`]), verification: a trace
//! that `ir::verify` rejects may panic.

#![forbid(unsafe_code)]

mod declared;
mod model;
mod objects;
mod ops;
mod owners;
mod run;

pub use model::{CallRecord, Model};
pub use ops::{Undefined, compute};
pub use run::{evaluate, evaluate_observed};

use crate::ir::{BlockId, Class, Const, ExitId, Ty};
use std::fmt;

/// What a trace can see and change besides its values.
pub trait Memory {
    /// The `size` bytes at `address`, little-endian.
    ///
    /// # Errors
    /// If there is nothing to read there.
    fn load(&mut self, address: u64, size: u32) -> Result<u64, Fault>;

    /// Writes the low `size` bytes of `bits` to `address`, little-endian.
    ///
    /// # Errors
    /// If nothing can be written there.
    fn store(&mut self, address: u64, size: u32, bits: u64) -> Result<(), Fault>;

    /// Does a `call`; the answer's bits beyond the type of the result are ignored.
    ///
    /// # Errors
    /// If there is no such function.
    fn call(&mut self, symbol: &str, args: &[Const], result: Option<Ty>) -> Result<u64, Fault>;

    /// Does a `call_code`: a `call` that has scratch memory from the address on that is its third
    /// argument.
    ///
    /// # Errors
    /// As [`Memory::call`].
    fn call_code(&mut self, symbol: &str, args: &[Const]) -> Result<(), Fault> {
        self.call(symbol, args, None).map(drop)
    }

    /// Is that the result of a `call_pure`?
    ///
    /// # Errors
    /// As [`Memory::call`].
    fn is_result(&mut self, _symbol: &str, _args: &[Const], _result: Const) -> Result<bool, Fault> {
        Ok(true)
    }

    /// The next `call` neither reads nor writes this memory: addresses, each with a number of bytes,
    /// or that of anything in the object.
    fn keep(&mut self, _kept: &[(u64, Option<u32>)]) {}

    /// Does a `call_read`: what is called changes nothing.
    ///
    /// # Errors
    /// As [`Memory::call`].
    fn call_read(
        &mut self,
        symbol: &str,
        args: &[Const],
        result: Option<Ty>,
    ) -> Result<u64, Fault> {
        self.call(symbol, args, result)
    }

    /// Does a `call_pure`: what is called depends on the arguments alone.
    ///
    /// # Errors
    /// As [`Memory::call`].
    fn call_pure(
        &mut self,
        symbol: &str,
        args: &[Const],
        result: Option<Ty>,
    ) -> Result<u64, Fault> {
        self.call(symbol, args, result)
    }

    /// Does a `new`, whose number in the recording is given; the answer is the address.
    ///
    /// # Errors
    /// As [`Memory::call`].
    fn allocate(&mut self, number: u32, symbol: &str, args: &[Const]) -> Result<u64, Fault> {
        let _ = number;
        self.call(symbol, args, Some(Ty::Ptr))
    }

    /// Does a `free`.
    ///
    /// # Errors
    /// If nothing has been allocated there.
    fn free(&mut self, symbol: &str, args: &[Const]) -> Result<(), Fault> {
        self.call(symbol, args, None).map(|_| ())
    }

    /// The address of the scratch area of the trace's frame.
    fn scratch(&self) -> u64;
}

/// Why a [`Memory`] refuses.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fault {
    /// Nothing is at that address.
    Address {
        /// The first byte.
        address: u64,
        /// The number of bytes.
        size: u32,
    },
    /// No function has that symbol.
    Symbol(String),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Address { address, size } => {
                write!(f, "nothing is at the {size} bytes from {address:#x}")
            }
            Fault::Symbol(symbol) => write!(f, "there is no function @{symbol}"),
        }
    }
}

impl std::error::Error for Fault {}

/// Where evaluation ends that does not end by itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// How many instructions and block ends may be executed.
    pub fuel: u64,
    /// Stop when a jump (or a linked exit) goes to this block. Entering the trace there is no jump.
    pub stop_at: Option<BlockId>,
}

impl Limits {
    /// A limit on the number of instructions alone.
    pub fn fuel(fuel: u64) -> Limits {
        Limits { fuel, stop_at: None }
    }
}

/// How evaluation has ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// By an exit that is not linked.
    Exit {
        /// Which one.
        exit: ExitId,
        /// The values of `Exit::args`.
        args: Vec<Const>,
    },
    /// At [`Limits::stop_at`].
    Jumped {
        /// That block.
        block: BlockId,
        /// What was passed to it.
        args: Vec<Const>,
    },
    /// [`Limits::fuel`] has been used up.
    OutOfFuel,
}

/// Why there is no outcome.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum EvalError {
    /// The arguments are not those that the entry block takes.
    Arguments {
        /// What it takes.
        expected: Vec<Ty>,
        /// What was given.
        given: Vec<Ty>,
    },
    /// The op table leaves the result undefined.
    Undefined {
        /// In which way.
        cause: Undefined,
        /// The instruction's text.
        inst: String,
    },
    /// The memory refused.
    Fault {
        /// Why.
        fault: Fault,
        /// The text of the instruction or pending store.
        inst: String,
    },
}

impl fmt::Display for EvalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EvalError::Arguments { expected, given } => {
                write!(f, "the entry takes {expected:?}, not {given:?}")
            }
            EvalError::Undefined { cause, inst } => write!(f, "{cause} in `{inst}`"),
            EvalError::Fault { fault, inst } => write!(f, "{fault} in `{inst}`"),
        }
    }
}

impl std::error::Error for EvalError {}

/// Watches an evaluation.
pub trait Observer {
    /// A guard of `exit` has been reached; `args` computes the exit's operands as they are now.
    fn guard(&mut self, exit: ExitId, args: &dyn Fn() -> Vec<Const>, passed: bool);

    /// A load or a store of this type and class has been executed.
    fn access(&mut self, _address: u64, _ty: Ty, _class: Class) {}
}

/// Watches nothing.
impl Observer for () {
    fn guard(&mut self, _exit: ExitId, _args: &dyn Fn() -> Vec<Const>, _passed: bool) {}
}

//! Why a trace cannot be compiled.
//!
//! Compiling never panics: what goes wrong inside Cranelift, even its panics, becomes one of these.

use std::fmt;

/// Why a trace cannot be compiled.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CompileError {
    /// A call names a symbol without an address.
    UnknownSymbol(String),
    /// The entry takes, or an exit leaves, more values than a frame has slots.
    TooManySlots {
        /// How many values.
        needed: usize,
        /// How many slots there are.
        available: usize,
    },
    /// The scratch area of a frame is too small.
    ScratchTooLarge {
        /// How many bytes the trace addresses.
        needed: usize,
        /// How many bytes there are.
        available: usize,
    },
    /// The trace has more instructions than Cranelift compiles in reasonable time.
    TraceTooLong {
        /// How many instructions it has.
        length: usize,
        /// How many are allowed.
        limit: usize,
    },
    /// The trace breaks a rule of the IR (only debug builds look).
    Malformed(String),
    /// This machine has no code generator.
    UnsupportedMachine(String),
    /// The code generator refuses.
    Cranelift(String),
    /// The code generator panicked.
    Panic(String),
    /// There is no executable memory.
    Memory(String),
}

impl fmt::Display for CompileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CompileError::UnknownSymbol(symbol) => {
                write!(f, "the symbol {symbol} has no address")
            }
            CompileError::TooManySlots { needed, available } => {
                write!(f, "{needed} values do not fit {available} frame slots")
            }
            CompileError::ScratchTooLarge { needed, available } => write!(
                f,
                "the trace needs {needed} bytes of scratch area, the frame has {available}"
            ),
            CompileError::TraceTooLong { length, limit } => {
                write!(f, "the trace has {length} instructions, more than the limit of {limit}")
            }
            CompileError::Malformed(message) => write!(f, "the trace is malformed: {message}"),
            CompileError::UnsupportedMachine(message) => {
                write!(f, "this machine is not supported: {message}")
            }
            CompileError::Cranelift(message) => write!(f, "cranelift: {message}"),
            CompileError::Panic(message) => write!(f, "the code generator panicked: {message}"),
            CompileError::Memory(message) => write!(f, "no executable memory: {message}"),
        }
    }
}

impl std::error::Error for CompileError {}

//! A stack machine with all of its state in `self`: program counter, operands, locals, return
//! addresses, and a handler of errors.
//!
//! Not here: who runs it (`tests/styles.rs`, `benches/interpreters.rs`).

pub mod arith;
pub mod control;
pub mod insn;
pub mod kernels;
pub mod machine;
pub mod native;

//! A recursive interpreter of a syntax tree, with values that are owned and environments that are
//! shared. Its language is written in parentheses: `(while (< i 10) (set i (+ i 1)))`.
//!
//! Not here: who runs it (`tests/styles.rs`, `benches/interpreters.rs`).

pub mod ast;
pub mod builtins;
pub mod env;
pub mod eval;
pub mod kernels;
pub mod native;
pub mod reader;
pub mod resolver;
pub mod value;

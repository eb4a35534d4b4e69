//! A register machine with explicit frames, in the manner of Lua's: tagged values, objects on a
//! heap, guest calls that stay in the dispatch loop.
//!
//! Not here: who runs it (`tests/styles.rs`, `benches/interpreters.rs`).

pub mod heap;
pub mod kernels;
pub mod native;
pub mod program;
pub mod value;
pub mod vm;

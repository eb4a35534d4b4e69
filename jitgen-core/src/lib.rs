//! jitgen core.

pub mod backend;
pub mod eval;
pub mod ir;
pub mod macro_support;
pub mod opt;
pub mod runtime;
pub mod tracer;

pub use runtime::{Config, Statistics, configure, statistics};

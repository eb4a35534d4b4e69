//! jitgen core.

pub mod ir;
pub mod macro_support;
pub mod tracer;

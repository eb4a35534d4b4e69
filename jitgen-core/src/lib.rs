//! jitgen core.

pub mod eval;
pub mod ir;

//! jitgen core.

pub mod eval;
pub mod ir;
pub mod opt;

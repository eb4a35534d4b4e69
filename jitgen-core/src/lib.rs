//! jitgen core.

pub mod backend;
pub mod eval;
pub mod ir;
pub mod opt;

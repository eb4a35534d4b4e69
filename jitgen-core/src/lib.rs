//! jitgen core.

pub mod ir;
pub mod opt;

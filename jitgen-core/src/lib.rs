//! jitgen core.

pub mod backend;
pub mod ir;

//! jitgen core.

pub mod ir;

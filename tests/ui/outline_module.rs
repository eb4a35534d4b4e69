//! A module whose contents are elsewhere.

fn main() {}

#[jitgen_core::interpreter]
mod elsewhere;

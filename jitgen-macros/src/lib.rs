//! Procedural macros of jitgen.

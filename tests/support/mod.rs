//! What the tests share: the filetest runner and what it needs.

pub mod filetest;
pub mod parse;
pub mod run;
pub mod text;
pub mod verify;

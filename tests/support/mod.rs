//! What the tests share: the filetest runner and what it needs.

pub mod filetest;
pub mod ir_doc;
pub mod layers;
pub mod parse;
pub mod run;
pub mod sources;
pub mod text;
pub mod verify;

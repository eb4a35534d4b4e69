//! What the tests share: the filetest runner and what it needs.

pub mod behind;
pub mod classes;
pub mod differential;
pub mod filetest;
pub mod generate;
pub mod ir_doc;
pub mod kernels;
pub mod layers;
pub mod modes;
pub mod native;
pub mod optimize;
pub mod parse;
pub mod plain;
pub mod region;
pub mod run;
pub mod shares;
pub mod shrink;
pub mod sources;
pub mod text;
pub mod typed_world;
pub mod verify;
pub mod world;

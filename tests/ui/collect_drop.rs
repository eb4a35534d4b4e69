//! A destructor could look at objects that have been collected.

#![allow(unused, reason = "only the error matters")]

use jitgen_core::gc::Collect;

fn main() {}

#[derive(Collect)]
struct File {
    number: u32,
}

impl Drop for File {
    fn drop(&mut self) {}
}

#[derive(Collect)]
#[collect(unsafe_drop)]
struct Promised<T>(T);

impl<T> Drop for Promised<T> {
    fn drop(&mut self) {}
}

//! Objects belong to one thread.

#![allow(unused, reason = "only the error matters")]

use jitgen_core::gc::Gc;

fn sent<T: Send>(_: T) {}

fn main() {
    sent(Gc::new(1u8));
}

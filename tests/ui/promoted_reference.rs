//! A reference whose target nobody keeps alive is promoted, and a struct with one in it.

use jitgen_core::prelude::*;

#[derive(Clone, Copy, Traced)]
struct Pair<'a> {
    left: i64,
    right: &'a i64,
}

#[traced]
fn shared(x: &i64) -> i64 {
    *promote(x)
}

#[traced]
fn inside(x: &i64) -> i64 {
    let pair = promote(Pair { left: 1, right: x });
    pair.left + *pair.right
}

#[elidable(promote)]
fn elidable_reference(x: &i64) -> i64 {
    *x
}

fn main() {}

//! What generated code names: typed shells around the tracer and the runtime.
//!
//! A language author never writes these names; the macros do. One function serves one construct
//! of Rust, so that an expansion reads like the interpreter that it came from.
//!
//! | construct | here |
//! |---|---|
//! | literal, constant | [`lift`] |
//! | `a + b`, `!a`, `a as T` | [`bin`], [`un`], [`cast`] |
//! | `if c` | [`branch`] |
//! | `a.f`, `a[i]`, `*a` | [`Place::project`], [`index`], [`deref`] |
//! | `f(a)` traced | [`begin_inline`], [`end_inline`] |
//! | `f(a)` residual | [`residual`] |
//! | `e?` | [`split`] |
//! | merge point | [`Merge`] |
//!
//! Not here: decisions. Whether something is recorded, replayed or just done is the session's.

mod call;
mod enter;
mod inline;
mod memory;
mod ops;
mod place;
mod portal;
mod recursion;
mod traced;

pub use crate::runtime::{enter_portal, tick, tick_call};
pub use crate::tracer::{Function, Image, Portal, Site, panics::guarded};
pub use call::{Held, Payload, Returned, err, from, ok, residual, split, word};
pub use enter::enter;
pub use inline::{
    Collapsible, Given, begin_inline, constant_from_log, constant_to_log, end_inline, returned,
    returns,
};
pub use ops::{
    Bin, Integer, Un, bin, branch, cast, equals, un, within, wrapping_add, wrapping_mul,
    wrapping_neg, wrapping_sub,
};
pub use place::{
    Auto, Deref, Indexable, Place, addr_of, auto, deref, index, is_empty, len, local, promote,
    shared, unique,
};
pub use portal::{
    Entry, Green, LoopValue, Merge, Outcome, State, carrier, key, loop_header, panics,
};
pub use recursion::{enter_level, hand_over, is_deep, leave_level, overflow, state_at};
pub use traced::{
    AbiOf, Leaves, Machine, Named, Opaque, Ptr, Scalar, Traced, Tv, carry, construct, from_abi,
    lift, uncarry, unit, variant,
};

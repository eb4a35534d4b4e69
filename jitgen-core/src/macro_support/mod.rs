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
//! | `a.m(b)` | [`receive`], [`methods`] |
//! | `a.f`, `a[i]`, `*a` | [`Place::project`], [`index`], [`deref`] |
//! | `f(a)` residual | [`residual`] |
//! | `e?` | [`split`] |
//! | merge point | [`Merge`] |
//!
//! Not here: decisions. Whether something is recorded, replayed or just done is the session's.

mod call;
mod enter;
mod memory;
pub mod methods;
mod ops;
mod overflow;
mod place;
mod portal;
mod traced;

pub use crate::runtime::coverage::{Coverage, CoverageTable, Treatment};
pub use crate::runtime::{enter_portal, tick};
pub use crate::tracer::{Function, Portal, panics::guarded};
pub use call::{Held, Payload, Returned, err, from, ok, residual, split, word};
pub use enter::enter;
pub use methods::{Receive, receive};
pub use ops::{Bin, Un, bin, branch, cast, equals, un, within};
pub use overflow::Checked;
pub use place::{
    Auto, Deref, Indexable, Place, addr_of, auto, deref, index, local, promote, shared, unique,
};
pub use portal::{
    Entry, Green, LoopValue, Merge, Outcome, State, carrier, key, loop_header, panics,
};
pub use traced::{
    AbiOf, Leaves, Machine, Named, Opaque, Ptr, Scalar, Traced, Tv, carry, construct, from_abi,
    lift, uncarry, unit, variant,
};

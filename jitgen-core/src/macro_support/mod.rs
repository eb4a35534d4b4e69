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
//! | `a.f`, `a[i]`, `*a` | [`root`], [`project`], [`index`], [`deref`] |
//! | `f(a)` traced | [`begin_inline`], [`end_inline`] |
//! | `f(a)` residual, elidable | [`residual`], `elidable` |
//! | `e?` | [`split`] |
//! | merge point | [`Merge`] |
//!
//! Not here: decisions. Whether something is recorded, replayed or just done is the session's.

mod allocate;
mod ask;
mod borrowed;
mod call;
mod carrier;
mod coerce;
mod compare;
mod conditional;
mod derived;
mod each;
mod effects;
mod elements;
mod elidable;
mod enter;
mod equal;
mod heap;
mod hints;
mod inline;
mod kind;
mod memory;
pub mod methods;
mod moves;
mod ops;
mod overflow;
mod own;
mod passing;
mod pattern;
mod place;
mod portal;
mod probe;
mod promote;
mod reach;
mod recursion;
mod shape;
mod std_types;
mod traced;

pub use crate::runtime::coverage::{Coverage, CoverageTable, Treatment};
pub use crate::runtime::{enter_portal, is_deep, tick, tick_call};
pub use crate::tracer::{
    Function, Image, Portal, Site, panics::guarded, panics::guarded_elidable, panics::guarded_with,
};
pub use call::{
    FromResidual, Made, Try, err, from, made, never, ok, residual, some, split, split_option, whole,
};
pub use carrier::{Carrier, Choose, Drops, Ownership, Plain};
pub use coerce::{CoercesTo, Reaches, ReachesUnique, coerced, reached, reached_unique};
pub use compare::{Comparable, compare, compare_scalars};
pub use conditional::{
    Known, OnlyIf, elidable_if, is_conditional, known, not_an_owner, only_if, only_if_else,
    unless_some,
};
pub use derived::{Case, Derived, Members, Parts, built};
pub use each::{Each, each, next_of_each};
pub use effects::{Declared, classes, classes_of_elements, classes_of_field, declared};
pub use elements::{Indexable, as_slice, index, is_empty, len, repeated};
pub use elidable::{Elidable, elidable, is_fixed, takes_no_owner};
pub use enter::enter;
pub use equal::{Equal, equal, equal_called, equal_scalars};
pub use hints::{assert_green, is_constant, is_virtual, not_in_trace, record_exact, we_are_jitted};
pub use inline::{
    Entered, Given, begin_inline, begin_seen, end_inline, looks_inside, returned, returns,
};
pub use kind::{leaves_of, tag_named, variant_of};
pub use methods::{
    CloneTwin, Receive, Share, clone_called, clone_of, clone_shared, receive, receive_local,
    same_object,
};
pub use moves::{mem_replace, mem_swap, mem_take};
pub use ops::{Bin, Un, bin, branch, cast, equals, next_of_range, un, within};
pub use overflow::Checked;
pub use own::{counted_layout, counts_of};
pub use passing::{AbiOf, ByMemory, Passing, RetOf, deliver, from_abi, in_register, nothing, word};
pub use pattern::{Binding, ByValue, Head, Matched, behind, head, matched, named, part, peel};
pub use place::{Place, addr_of, local, place_in, project, shared, unique};
pub use portal::{Entry, Green, LoopValue, Merge, Outcome, State, carrier, key, loop_header};
pub use probe::{Field, Probe, Unknown, UnknownDrop, enum_bits, enum_from_bits};
pub use promote::{Promotable, PromoteShared, PromoteWords, Promoting};
pub use reach::{Auto, Deref, Peel, auto, deref, root};
pub use recursion::{
    CalledByTwins, NotRecursive, begun, enter_level, finish, hand_over, leave_level, overflow,
};
pub use shape::{Shape, TagAt};
pub use std::mem::{forget, needs_drop};
pub use std::option::Option::{None, Some};
pub use std::result::Result::{Err, Ok};
pub use std_types::none_bits;
pub use traced::{CONSTANT, Carried, Machine, Ptr, Scalar, Traced, Tv, UNIT, carry, lift, uncarry};

//! The procedural macros of jitgen: they write the *traced twin* of an interpreter.
//!
//! ```text
//! fn step(vm: &mut Vm) -> u8 { vm.a + 1 }
//!     stays as it is, and beside it:
//! fn twin(vm: Tv<&mut Vm>) -> Tv<u8> { bin(Add, get(project(auto(local(vm)), a)), lift(1)) }
//! ```
//!
//! The pipeline is `collect` (what is in the module or item, as a `model`), `expand` (which
//! functions the portals reach, where their twins go), `twin` (one function at a time, expression
//! by expression), `portal` (the merge point on both sides), `residual` (thunks). All errors of a
//! module come out together (`diagnostics`).
//!
//! Invariants: `types-from-rustc` (no expansion names a type that the author did not write at that
//! place), `thin` (an expansion consists of calls of `jitgen_core::macro_support`).
//!
//! Not here: what those calls do.

mod collect;
mod coverage;
mod derive;
mod diagnostics;
mod expand;
mod heap;
mod hints;
mod model;
mod portal;
mod recursion;
mod residual;
mod scope;
mod signature;
mod span;
mod twin;

use proc_macro::TokenStream;

/// Makes a module an interpreter that jitgen can trace.
///
/// Inside it, `#[portal(greens(..), reds(..))]` marks the function with the dispatch loop,
/// `merge_point!()` the head of that loop, `can_enter_jit!()` the jump back to it at the end of a
/// guest loop, `#[residual]` a function that traces call without looking inside, `#[unroll]` a
/// helper whose loops are to be unrolled into the trace.
#[proc_macro_attribute]
pub fn interpreter(args: TokenStream, item: TokenStream) -> TokenStream {
    expand::interpreter(args.into(), item.into()).into()
}

/// Gives a function, the methods of an `impl`, or those of a trait their twins, outside of an
/// `#[interpreter]` module.
///
/// An interpreter that spans several files marks its items one by one. Whoever can call a function
/// can call its twin: `use` brings it along. A trait is marked, and each `impl` of it. Inside of an
/// `impl`, methods may be marked `#[residual]`, `#[unroll]` or `#[portal(..)]`.
#[proc_macro_attribute]
pub fn traced(args: TokenStream, item: TokenStream) -> TokenStream {
    expand::item("traced", args.into(), item.into()).into()
}

/// A function that traces call without looking inside.
///
/// What it does to memory may be declared: `#[residual(reads(Vm.count, [Value]), writes(), no_escape)]`.
#[proc_macro_attribute]
pub fn residual(args: TokenStream, item: TokenStream) -> TokenStream {
    expand::item("residual", args.into(), item.into()).into()
}

/// A function whose result depends on its arguments alone: traces call it once for the same
/// arguments, and not at all where they are constant. `#[elidable(promote)]` makes them constant.
#[proc_macro_attribute]
pub fn elidable(args: TokenStream, item: TokenStream) -> TokenStream {
    expand::item("elidable", args.into(), item.into()).into()
}

/// A function that a trace calls once each time it is entered, for the same arguments.
#[proc_macro_attribute]
pub fn loop_invariant(args: TokenStream, item: TokenStream) -> TokenStream {
    expand::item("loop_invariant", args.into(), item.into()).into()
}

/// A function that compiled code does without.
#[proc_macro_attribute]
pub fn not_in_trace(args: TokenStream, item: TokenStream) -> TokenStream {
    expand::item("not_in_trace", args.into(), item.into()).into()
}

/// A traced function whose loops are unrolled into the trace; `#[unroll(if_constant(count))]`: only
/// where these arguments are constant, and called elsewhere.
#[proc_macro_attribute]
pub fn unroll(args: TokenStream, item: TokenStream) -> TokenStream {
    expand::item("unroll", args.into(), item.into()).into()
}

/// The function with the dispatch loop, outside of an `#[interpreter]` module.
#[proc_macro_attribute]
pub fn portal(args: TokenStream, item: TokenStream) -> TokenStream {
    expand::item("portal", args.into(), item.into()).into()
}

/// Lets the tracer handle values of a type: struct fields become accessible, enums can be matched.
///
/// `#[immutable]` before a field says that it does not change once traced code can see it, nor, if it
/// is a vector, array or boxed slice, do its elements.
#[proc_macro_derive(Traced, attributes(traced, immutable, virtualizable))]
pub fn derive_traced(item: TokenStream) -> TokenStream {
    derive::traced(item.into()).into()
}

/// Lets values of a type be objects of jitgen's heap: the collector finds the pointers in them.
///
/// `#[collect(skip)]` before a field leaves it out, if its type is `Send`, which nothing with a `Gc`
/// in it is. `#[collect(unsafe_skip)]` leaves it out, too, with the promise that there are no
/// pointers to objects in it. `#[collect(unsafe_drop)]` before a type lets it implement `Drop`, with the promise
/// that the destructor does not look at objects.
#[proc_macro_derive(Collect, attributes(collect))]
pub fn derive_collect(item: TokenStream) -> TokenStream {
    heap::collect(item.into()).into()
}

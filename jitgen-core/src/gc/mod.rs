//! A garbage-collected heap for interpreters: one per thread, made on first use.
//!
//! ```text
//! #[derive(Collect)]
//! struct Node { value: i64, next: Cell<Option<Gc<Node>>> }
//!
//! let node = Gc::new(Node { value: 1, next: Cell::new(None) });
//! node.next.set(Some(node));
//! ```
//!
//! Objects never move. What is in them is traced exactly (`derive(Collect)`), the native stack and
//! the registers conservatively: a word that could be an address in an object keeps it. So Rust's
//! locals and compiled code need no maps. A collection takes place in an allocation or when it is
//! asked for, never in between.
//!
//! **The author's promise.** When a collection takes place, each `Gc` that is still to be used is
//! on the stack itself, or in a value that the collector traces: an object, a [`Root`], what
//! [`register_roots`] reports, the value that is about to become an object. It is *not* enough that
//! a local `Vec<Gc<T>>` has it: the vector's buffer is elsewhere. Stress mode
//! ([`HeapConfig::stress`]) finds mistakes; debug builds notice most uses of collected objects.
//!
//! From below: `object` (what can be one), `header`, `block`, `space` (memory), `trace`,
//! `std_types` (pointers in values), `stack`, `roots` (where tracing begins), `weak`, `heap`
//! (when), `cycle` (how), `pointer` (the author's side).
//!
//! Invariants: `never-moved`, `free-is-zero`, `no-births`, `one-at-a-time`.
//!
//! Not here: anything of the JIT, which sees [`AllocationPoint`]s and registers roots.

mod block;
mod config;
mod cycle;
mod header;
mod heap;
mod object;
mod pointer;
mod roots;
mod space;
mod stack;
mod statistics;
mod std_types;
mod trace;
mod weak;

pub use config::{HeapConfig, OutOfMemory};
pub use jitgen_macros::Collect;
pub use object::{ITEMS, Object};
pub use pointer::{AllocationPoint, Gc, PAYLOAD, allocate, allocate_now};
pub use roots::{Root, Roots, register_roots};
pub use statistics::HeapStatistics;
#[doc(hidden)]
pub use trace::skip;
pub use trace::{Collect, Tracer};
pub use weak::Weak;

/// Configures this thread's heap, from now on.
pub fn configure(config: HeapConfig) {
    heap::with(|heap| heap.configure(config));
}

/// Collects, and runs finalizers unless they are deferred. False if it could not be done: a
/// `RefCell` is mutably borrowed that is reachable, a collection is under way, the thread is on
/// another stack than its own.
#[inline(never)]
pub fn collect() -> bool {
    heap::with(heap::Heap::collect)
}

/// Runs the finalizers that are ready. How many were there? It is for those who defer them
/// ([`HeapConfig::defer_finalizers`]).
pub fn run_finalizers() -> usize {
    heap::with(|heap| heap.run_finalizers())
}

/// Runs the finalizers of all objects, as the end of a program does in some languages; the end of
/// a thread does not. How many were there?
pub fn finalize_all() -> usize {
    heap::with(|heap| heap.finalize_all())
}

/// Objects own so many bytes more (or less) outside of the heap: buffers of vectors and the like.
/// They count for the next collection and for the limit.
pub fn adjust_external(bytes: isize) {
    heap::with(|heap| heap.external.set(heap.external.get().saturating_add_signed(bytes)));
}

/// What this thread's heap has done so far; nothing if there is none yet.
pub fn statistics() -> HeapStatistics {
    heap::existing(heap::Heap::statistics).unwrap_or_default()
}

/// The configuration of this thread's heap.
pub fn configuration() -> HeapConfig {
    heap::with(|heap| heap.config.get())
}

/// Is the word an address in an object, as [`Tracer::word`] understands it?
pub fn leads_to_object(word: usize) -> bool {
    heap::existing(|heap| trace::leads_to_object(&heap.space.memory.borrow(), word))
        .unwrap_or(false)
}

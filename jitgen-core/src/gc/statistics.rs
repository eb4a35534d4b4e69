//! Statistics of a heap: what it has done so far, as numbers and as JSON.
//!
//! Not here: the statistics of the JIT.

use std::fmt::Write;

macro_rules! statistics {
    ($($(#[doc = $doc:literal])+ $name:ident;)+) => {
        /// What the heap of this thread has done so far.
        #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
        pub struct HeapStatistics { $($(#[doc = $doc])+ pub $name: u64),+ }

        impl HeapStatistics {
            /// As a JSON object.
            pub fn to_json(&self) -> String {
                let mut json = String::from("{");
                $(
                    let comma = if json.len() > 1 { ", " } else { "" };
                    let _ = write!(json, "{comma}\"{}\": {}", stringify!($name), self.$name);
                )+
                json.push('}');
                json
            }
        }
    };
}

statistics! {
    /// Objects made.
    allocations;
    /// Bytes of their cells.
    allocated_bytes;
    /// Objects with an allocation of their own, among them.
    large_objects;
    /// Collections that came to an end.
    collections;
    /// Collections that could not be: a `RefCell` was mutably borrowed, or the thread was on
    /// another stack than its own.
    postponed;
    /// Objects freed.
    freed;
    /// Finalizers run.
    finalized;
    /// Weak references cleared.
    weak_cleared;
    /// Bytes in objects that the last collection has left.
    live_bytes;
    /// Bytes of blocks in use and large objects.
    held_bytes;
    /// Bytes outside of the heap that its objects own, as reported.
    external_bytes;
    /// Bytes in objects at which the next collection happens.
    threshold_bytes;
    /// Time of the last collection, in nanoseconds, finalizers not included.
    pause_last_ns;
    /// Time of the longest one.
    pause_max_ns;
    /// Time of all of them.
    pause_total_ns;
}

//! Statistics: what the runtime has done on this thread so far, as numbers and as JSON.
//!
//! Not here: single events (`events`).

use crate::gc::HeapStatistics;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

macro_rules! statistics {
    ($($(#[doc = $doc:literal])+ $name:ident: $ty:ty;)+) => {
        /// What the runtime has done on this thread so far.
        #[derive(Clone, Debug, Default, PartialEq)]
        pub struct Statistics { $($(#[doc = $doc])+ pub $name: $ty),+ }

        impl Statistics {
            /// As a JSON object.
            pub fn to_json(&self) -> String {
                let mut json = String::from("{");
                $(
                    let comma = if json.len() > 1 { ", " } else { "" };
                    let _ = write!(json, "{comma}\"{}\": ", stringify!($name));
                    self.$name.write_json(&mut json);
                )+
                json.push('}');
                json
            }
        }
    };
}

statistics! {
    /// Loops compiled.
    loops: u64;
    /// Straight lines from a header to a compiled loop.
    entries: u64;
    /// Bridges compiled.
    bridges: u64;
    /// Straight lines and bridges that end because the portal returns.
    returning: u64;
    /// Regions compiled.
    regions: u64;
    /// Loops recorded again because they have come into another phase.
    versions: u64;
    /// Traces that were taken out of use because a cell has changed.
    invalidations: u64;
    /// Recordings begun.
    recordings: u64;
    /// Recordings given up, by the name of the reason.
    aborts: BTreeMap<String, u64>;
    /// Times compiled code was entered from Rust.
    enters: u64;
    /// Exits that returned to the runtime, by `trace/exit`.
    exits: BTreeMap<String, u64>;
    /// Transitions between linked pieces of code, as far as their budgets have told.
    transitions: u64;
    /// Exits that led to a replay.
    replays: u64;
    /// Operations recorded.
    ops_recorded: u64;
    /// Operations after optimizing.
    ops_optimized: u64;
    /// Operations compiled, those of regions included.
    ops_compiled: u64;
    /// Guards in optimized traces.
    guards: u64;
    /// Exits of optimized traces.
    trace_exits: u64;
    /// Bytes of machine code.
    code_bytes: u64;
    /// Time spent recording, in milliseconds.
    record_ms: f64;
    /// Time spent checking with the evaluator.
    check_ms: f64;
    /// Time spent optimizing.
    optimize_ms: f64;
    /// Time spent making Cranelift's IR.
    lower_ms: f64;
    /// Time spent in Cranelift.
    cranelift_ms: f64;
    /// Time spent making code executable.
    install_ms: f64;
    /// Time that the JIT has taken from the guest's thread.
    guest_ms: f64;
    /// Traces and regions compiled on another thread.
    background: u64;
    /// The most that were waiting there at a time.
    queue: u64;
    /// Times that something hot was put off, because of the time spent or of what was waiting.
    postponed: u64;
    /// Traces that the evaluator has checked.
    checks: u64;
    /// Traces with which the evaluator did not agree.
    check_failures: u64;
    /// What the collected heap has done.
    heap: HeapStatistics;
}

impl Statistics {
    /// All exits that returned to the runtime.
    pub fn exits_taken(&self) -> u64 {
        self.exits.values().sum()
    }
}

/// In milliseconds.
pub(super) fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

trait WriteJson {
    fn write_json(&self, json: &mut String);
}

impl WriteJson for u64 {
    fn write_json(&self, json: &mut String) {
        let _ = write!(json, "{self}");
    }
}

impl WriteJson for HeapStatistics {
    fn write_json(&self, json: &mut String) {
        json.push_str(&self.to_json());
    }
}

impl WriteJson for f64 {
    fn write_json(&self, json: &mut String) {
        let _ = write!(json, "{self:.3}");
    }
}

impl WriteJson for BTreeMap<String, u64> {
    fn write_json(&self, json: &mut String) {
        json.push('{');
        for (index, (name, count)) in self.iter().enumerate() {
            let comma = if index > 0 { ", " } else { "" };
            // `{:?}` quotes and escapes; names hold no control characters.
            let _ = write!(json, "{comma}{name:?}: {count}");
        }
        json.push('}');
    }
}

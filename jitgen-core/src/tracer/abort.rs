//! Why a recording is given up: every reason, grouped by phase.
//!
//! An abort is never an error of the program: the twin goes on without recording and the plain
//! interpreter takes over at the next merge point. It has a name, and a hint that says what the
//! author could change.
//!
//! Not here: what the runtime does then (`runtime::location`, decaying back-off).

use std::fmt;

macro_rules! reasons {
    ($($(#[doc = $doc:literal])+ $name:ident $text:literal $hint:literal;)+) => {
        /// Why a recording was given up.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        pub enum AbortReason { $($(#[doc = $doc])+ $name),+ }

        impl AbortReason {
            /// Every reason.
            pub const ALL: &'static [AbortReason] = &[$(AbortReason::$name),+];

            /// The name in logs and statistics.
            pub fn name(self) -> &'static str {
                match self { $(AbortReason::$name => $text),+ }
            }

            /// What the author of the interpreter could do about it.
            pub fn hint(self) -> &'static str {
                match self { $(AbortReason::$name => $hint),+ }
            }
        }
    };
}

reasons! {
    // While recording.
    /// The trace has more operations than `trace_limit`.
    TooLong "too-long" "raise `trace_limit`, or mark a helper #[residual]";
    /// The portal returned before the trace could be closed.
    PortalReturned "portal-returned" "nothing: the guest loop ended while it was recorded";
    /// A panic went through the recorder.
    Panicked "panicked" "nothing: the guest program panicked while it was recorded";
    /// A value in memory that may change was used, whose layout the tracer does not know.
    OpaqueValue "opaque-value" "give the enum `#[repr(C, u8)]`, or read the fields you need";
    /// A reference to a local variable was stored, passed to a residual function or across a merge point.
    LocalEscapes "local-escapes" "pass the value instead of a reference to a local variable";
    /// A portal that was inlined into itself calls itself again.
    Branches "branching-recursion" "nothing: it is recorded again, with calls of code";
    /// What is left of a value was dropped after a part had been moved, and it is known only as a whole.
    OwnedDrop "owned-drop" "move the whole value, or take it apart in a #[residual] function";
    /// Arguments and results of residual calls need more scratch memory than a frame has.
    ScratchFull "scratch-full" "let residual functions take and return smaller values";
    /// A field that is marked immutable was assigned, or a struct that has one.
    ImmutableStore "immutable-store" "take `#[immutable]` away, or make a new object";
    /// What the author has asserted to be constant is not.
    NotGreen "not-green" "promote the value before `assert_green`, or make it a green";
    /// A residual function did more than it declares.
    WrongEffects "wrong-effects" "declare all that the function writes, or nothing: plain #[residual]";
    // When the trace is complete.
    /// A cell on which the trace depends has changed meanwhile.
    Invalidated "invalidated" "nothing, if it is rare: a `Quasi` cell is for what seldom changes";
    /// The loop takes its ways in turn: one round of it does not repeat.
    Alternates "alternates" "nothing: it is recorded again, over more rounds";
    /// The code generator refused the trace.
    Backend "backend" "see the message in the event log";
    /// The evaluator did not agree with what the recorder did.
    CheckFailed "check-failed" "a bug in jitgen: please report it with the event log";
}

impl fmt::Display for AbortReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

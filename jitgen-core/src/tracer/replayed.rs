//! What replay is given: the log of an exit, entry by entry, with the values that it had there.
//!
//! Invariant `one-to-one`: an entry of `ir::LogEntry` is one of these, so that a position in one is
//! a position in the other.
//!
//! Not here: where the values come from (`runtime::exit`).

use super::Word;

/// An entry of a log on its way into a twin.
#[derive(Clone, PartialEq, Debug)]
pub enum Replayed {
    /// A load's result.
    Load(Word),
    /// A store that has happened.
    Store,
    /// A call's result.
    Call(Option<Word>),
    /// A call's result in bytes.
    Blob(Vec<u8>, i32),
    /// A helper has returned; its result is in the parts that follow.
    Return {
        /// The number of the call.
        call: u32,
        /// The number of the next one.
        next: u32,
        /// Bytes of the result.
        size: u32,
    },
    /// An inner portal is past a merge point; its state there is in the parts that follow.
    Level {
        /// The number of its call.
        call: u32,
        /// The number of the next call.
        next: u32,
        /// Bytes of the state.
        size: u32,
    },
    /// A word of a result.
    Part {
        /// Its offset in bytes.
        offset: u32,
        /// The word.
        word: Word,
        /// Does it point to memory that may be taken for constant?
        frozen: bool,
    },
}

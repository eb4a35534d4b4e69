//! What a trace calls, and what is known of the call.
//!
//! ```text
//! #[residual]              call       writes and reads anything
//! #[residual(writes())]    call       writes nothing that the trace has seen
//! #[elidable]              call_pure  the result depends on the arguments alone
//! ```
//!
//! Invariant `own-traffic`: what the recorder itself has a callee do (raise the flag of a panic, take
//! arguments from scratch memory, leave its result there) is not in these effects; the recorder
//! adds it.
//!
//! Not here: which classes an author's names are (`macro_support::effects`).

use super::{Function, Word};
use crate::ir::{Class, Effects};

/// A residual function and what is declared of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Callee {
    /// What is called.
    pub function: Function,
    /// Does its result depend on its arguments alone?
    pub pure: bool,
    /// What it does to memory that the trace knows of.
    pub effects: Effects,
    /// When it is called; always, if there is none.
    pub condition: Option<Condition>,
}

/// A condition under which a call is made. It is a value of the trace: what is constant decides
/// while recording.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Condition {
    /// Is the call made?
    pub holds: Word,
    /// The result if it is not.
    pub otherwise: Option<Word>,
}

impl Callee {
    /// A function whose result depends on its arguments alone.
    pub fn pure(function: Function) -> Callee {
        Callee { pure: true, ..Callee::reading(function) }
    }

    /// A function that writes nothing.
    pub fn reading(function: Function) -> Callee {
        Callee { effects: Callee::without_effects(), ..Callee::from(function) }
    }

    /// May it write memory of that class?
    pub fn may_write(&self, class: Class) -> bool {
        let writes = self.effects.writes.as_ref();
        !class.is_immutable()
            && writes.is_none_or(|classes| classes.iter().any(|other| other.may_alias(class)))
    }

    fn without_effects() -> Effects {
        Effects { writes: Some(vec![]), ..Effects::default() }
    }
}

impl From<Function> for Callee {
    fn from(function: Function) -> Callee {
        Callee { function, pure: false, effects: Effects::default(), condition: None }
    }
}

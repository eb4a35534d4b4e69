//! The switches of the optimizer: a set of passes, with text both ways.
//!
//! ```text
//! passes=fold,cse        passes=all        passes=none
//! ```
//!
//! Invariant `subset`: every set is correct; a switch only decides what is looked for.
//!
//! Not here: levels. Who wants one writes a set.

use std::fmt;

/// A set of passes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub struct Passes(u16);

const NAMES: [&str; 9] =
    ["fold", "cse", "memory", "guards", "dce", "dse", "peel", "sink", "virtuals"];

impl Passes {
    /// Constant folding and algebraic rewrites.
    pub const FOLD: Passes = Passes(1);
    /// Merging of equal pure operations.
    pub const CSE: Passes = Passes(2);
    /// Forwarding of loads, removal of stores of what memory holds.
    pub const MEMORY: Passes = Passes(4);
    /// Removal of guards, and what a passed guard tells.
    pub const GUARDS: Passes = Passes(8);
    /// Removal of operations whose result nobody uses.
    pub const DCE: Passes = Passes(16);
    /// Removal of stores that are overwritten.
    pub const DSE: Passes = Passes(32);
    /// Peeling of loops.
    pub const PEEL: Passes = Passes(64);
    /// Writing of stores in exits.
    pub const SINK: Passes = Passes(128);
    /// Objects are made where somebody else gets to know them.
    pub const VIRTUALS: Passes = Passes(256);
    /// Nothing: the trace is only renumbered, its exits shared.
    pub const NONE: Passes = Passes(0);
    /// Everything.
    pub const ALL: Passes = Passes(511);

    /// Every set of passes, for tests of the invariant `subset`.
    pub fn subsets() -> impl Iterator<Item = Passes> {
        (0..=Passes::ALL.0).map(Passes)
    }

    /// Are all of `other` in this set?
    pub fn contains(self, other: Passes) -> bool {
        self.0 & other.0 == other.0
    }

    /// The passes of both.
    pub fn union(self, other: Passes) -> Passes {
        Passes(self.0 | other.0)
    }

    /// The passes of this set that are not in the other.
    pub fn without(self, other: Passes) -> Passes {
        Passes(self.0 & !other.0)
    }

    /// The set of that text: `all`, `none`, or names with commas between.
    ///
    /// # Errors
    /// A message that names the word that is not a pass.
    pub fn parse(text: &str) -> Result<Passes, String> {
        match text {
            "all" => return Ok(Passes::ALL),
            "none" | "" => return Ok(Passes::NONE),
            _ => (),
        }
        let mut set = Passes::NONE;
        for word in text.split(',') {
            let Some(bit) = NAMES.iter().position(|name| *name == word.trim()) else {
                return Err(format!("there is no pass `{word}`; there are {NAMES:?}"));
            };
            set = set.union(Passes(1 << bit));
        }
        Ok(set)
    }
}

impl fmt::Display for Passes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Passes::ALL => f.write_str("all"),
            Passes::NONE => f.write_str("none"),
            _ => {
                let names = NAMES.iter().enumerate();
                let names = names.filter(|(bit, _)| self.0 >> bit & 1 == 1);
                f.write_str(&names.map(|(_, name)| *name).collect::<Vec<_>>().join(","))
            }
        }
    }
}

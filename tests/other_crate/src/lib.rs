//! Functions of an interpreter in another crate: the twins come along with `use`.

use jitgen_core::{Traced, traced};

/// Half of a number.
#[traced]
pub fn halve(a: i64) -> i64 {
    a / 2
}

/// `N` times a number.
#[traced]
pub fn scaled<const N: i64>(a: i64) -> i64 {
    a.wrapping_mul(N)
}

/// Called by its path.
pub mod nested {
    /// Three times a number, where that is possible.
    #[jitgen_core::traced]
    pub fn tripled(a: i64) -> i64 {
        a.saturating_mul(3)
    }
}

/// Adds, then halves.
#[derive(Debug, Traced)]
pub struct Half {
    /// What is added.
    pub add: i64,
}

#[traced]
impl Half {
    /// Half of a number and something more.
    pub fn of(&self, a: i64) -> i64 {
        halve(a.wrapping_add(self.add))
    }
}

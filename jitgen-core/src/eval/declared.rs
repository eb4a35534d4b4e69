//! What a model's functions do that have declared effects.
//!
//! A function may read and write what it declares, so the model has it do all of that: its result
//! is a hash of the words of the classes that it reads, and it writes those of the classes that it
//! writes. Which words a class has the model is told ([`super::Model::classify`]); a test finds out
//! by watching a first run.
//!
//! Words that are also accessed as a pointer or a bool are read, never written: a hash is no address,
//! and not 0 or 1.

use crate::ir::{Class, Effects, Ty};
use std::collections::{BTreeMap, HashMap};

/// Words by class, and declarations by symbol.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Declared {
    /// By address and type.
    pub words: BTreeMap<(u64, Ty), Class>,
    pub effects: HashMap<String, Effects>,
}

impl Declared {
    fn classes(
        &self,
        symbol: &str,
        of: impl Fn(&Effects) -> &Option<Vec<Class>>,
    ) -> Option<Vec<Class>> {
        self.effects.get(symbol).and_then(|effects| of(effects).clone())
    }

    /// The words that a function reads; none if it has declared nothing about that.
    pub fn reads(&self, symbol: &str) -> Option<Vec<(u64, Ty)>> {
        Some(self.words_of(&self.classes(symbol, |effects| &effects.reads)?))
    }

    /// The words that a function writes; none if it has declared nothing about that.
    pub fn writes(&self, symbol: &str) -> Option<Vec<(u64, Ty)>> {
        let words = self.words_of(&self.classes(symbol, |effects| &effects.writes)?);
        let plain = words.into_iter().filter(|(at, ty)| {
            let end = at + u64::from(ty.size());
            let mut near = self.words.range((at.saturating_sub(7), Ty::Bool)..(end, Ty::Bool));
            !near.any(|((other, near), _)| {
                let special = *near == Ty::Ptr || *near == Ty::Bool && *ty != Ty::Bool;
                special && other + u64::from(near.size()) > *at
            })
        });
        Some(plain.collect())
    }

    fn words_of(&self, classes: &[Class]) -> Vec<(u64, Ty)> {
        let of = |class: Class| classes.iter().any(|other| other.may_alias(class));
        self.words.iter().filter(|(_, class)| of(**class)).map(|(word, _)| *word).collect()
    }
}

//! What is known of memory while a trace is recorded.
//!
//! ```text
//! v1 = load p0+8       p0+8 is v1
//! store p0+8, v2       p0+8 is v2; what it may change is forgotten
//! load p0+8            not recorded: v2 (the log has it all the same)
//! ```
//!
//! Greens in memory stay constant by that. (The optimizer would remove most of those loads; not
//! recording them makes traces a third as long from the start.)
//!
//! Not here: what a store may change because of who owns what (`private`, `owned`).

use super::Recorder;
use crate::ir::{Arg, Class, Const, Effects, Kept};
use crate::tracer::journal::Event;
use crate::tracer::private::Private;
use crate::tracer::{Address, Callee, Opnd, Word};

/// So many words of memory are known at a time; each store looks at all of them.
const MAX_FACTS: usize = 64;

/// A word of memory whose value is known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fact {
    pub(super) base: Arg,
    pub(super) offset: i32,
    pub(super) address: u64,
    pub(super) class: Class,
    pub(super) now: Const,
    pub(super) opnd: Opnd,
}

impl Fact {
    /// May a store of `size` bytes of that class change it?
    pub(super) fn may_change(&self, (base, offset): (Arg, i32), class: u32, size: u32) -> bool {
        if self.base != base {
            return self.class.may_alias(Class(class));
        }
        let (fact, store) = (i64::from(self.offset), i64::from(offset));
        fact < store + i64::from(size) && store < fact + i64::from(self.now.ty.size())
    }
}

impl Recorder {
    /// The word that memory at `address` is known to hold.
    pub fn known(&self, address: Address) -> Option<Word> {
        let (base, offset) = self.place(address);
        let fact = self.facts.iter().find(|f| f.base == base && f.offset == offset)?;
        Some(Word { now: fact.now, opnd: fact.opnd })
    }

    /// Notes that the word at `address` is `word`.
    pub fn learn(&mut self, address: Address, word: Word) {
        self.ownership.access(address);
        let (base, offset) = self.place(address);
        self.facts.retain(|f| f.base != base || f.offset != offset);
        if self.facts.len() >= MAX_FACTS {
            self.facts.remove(0);
        }
        let (class, Word { now, opnd }) = (Class(address.class), word);
        let address = address.now();
        self.facts.push(Fact { base, offset, address, class, now, opnd });
    }

    /// Memory is virtualizable: so many bytes from `address` on, or all of the object there.
    pub fn own(&mut self, address: Address, size: Option<u32>) {
        self.ownership.add(address, size);
    }

    /// The known words that a function with these arguments must not write.
    pub fn kept_by(&self, callee: &Callee, args: &[Word]) -> Vec<(u64, Const, u32)> {
        let keeps = self.keeps(&callee.effects, args);
        let kept = self.facts.iter().filter(|fact| {
            !callee.may_write(fact.class)
                || self.ownership.contains(&keeps, fact.base, fact.offset, fact.now)
        });
        kept.map(|fact| (fact.address, fact.now, fact.class.0)).collect()
    }

    /// What a call with these effects leaves alone: who declares what it does may do that.
    pub(super) fn keeps(&self, effects: &Effects, args: &[Word]) -> Vec<Kept> {
        match (&effects.reads, &effects.writes) {
            (None, None) => self.ownership.kept_from(args),
            _ => vec![],
        }
    }

    /// Forgets what is known of memory.
    pub fn forget(&mut self) {
        self.facts.clear();
        self.private = Private::default();
    }

    /// Has the word at that address been read or written since the last call?
    pub fn has_touched(&self, address: u64) -> bool {
        let since = self.journal.iter().rev().take_while(|e| !matches!(e, Event::Call { .. }));
        since.into_iter().any(|event| match event {
            Event::Load { address: at, .. } | Event::Store { address: at, .. } => *at == address,
            _ => false,
        })
    }

    /// The base and offset by which facts are found.
    pub(super) fn place(&self, address: Address) -> (Arg, i32) {
        self.private.place(Self::base(address), address.offset)
    }
}

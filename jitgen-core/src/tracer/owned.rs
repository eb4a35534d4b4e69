//! Memory that only those see who are handed a reference to it: virtualizable state.
//!
//! ```text
//! v1 = load.ptr v0+8            v1: the frame, which is virtualizable
//! v2 = load.i64 v1+16           known from here on: v1+16
//! call @print(v5) keeps(v1+0 64)            is not handed the frame: v1+16 is still known
//! call @step(v0)                            may have found it by v0: nothing is known
//! ```
//!
//! The recorder notes through which pointers it has come to such memory. A call that is handed
//! none of them, nor a pointer into the memory, leaves it alone: that is what its author has
//! promised by the mark.
//!
//! Not here: which places are virtualizable (`macro_support::place`).

use super::recorder::{Recorder, SCRATCH_BASE};
use super::{Address, Map, Opnd, Word};
use crate::ir::{Arg, Const, Kept, Ty, ValueId};

/// Such memory.
#[derive(Debug)]
struct Owned {
    kept: Kept,
    /// The address of its first byte.
    start: u64,
    /// The pointers through which the trace has come to it, the nearest first.
    through: Vec<Arg>,
    /// The addresses that those are known to be, and the addresses in it.
    addresses: Vec<u64>,
}

/// What a recorder knows of such memory.
#[derive(Debug, Default)]
pub(super) struct Ownership {
    all: Vec<Owned>,
    /// By value: the pointer that it was loaded through, or computed from.
    origins: Map<ValueId, Origin>,
    /// The addresses that pointers are.
    bases: Map<ValueId, u64>,
    /// The words of values that are handed over in scratch memory, by its address.
    spilled: Map<ValueId, Vec<Word>>,
}

/// Where a pointer comes from.
#[derive(Clone, Copy, Debug)]
pub(super) enum Origin {
    /// It is another one, or points into the same object.
    Same(Arg),
    /// It was loaded through another one.
    Behind(Arg),
}

/// So many pointers are followed to where they come from.
const MAX_CHAIN: usize = 32;

/// So much memory is known at a time; each call names it.
const MAX_OWNED: usize = 16;

impl Ownership {
    /// A value of the trace comes from a pointer.
    pub fn derive(&mut self, v: ValueId, origin: Origin) {
        self.origins.insert(v, origin);
    }

    /// Words have been put into scratch memory, to be handed over.
    pub fn spill(&mut self, pointer: ValueId, words: Vec<Word>) {
        self.spilled.insert(pointer, words);
    }

    /// Memory is accessed at that address.
    pub fn access(&mut self, address: Address) {
        if let Opnd::Ssa(v) = address.base {
            self.bases.insert(v, address.base_now);
        }
    }

    /// The values have other names from here on, but for these origins.
    pub fn rename(&mut self) {
        *self = Ownership::default();
    }

    /// Memory is virtualizable: so many bytes from `address` on, or all of the object there.
    pub fn add(&mut self, address: Address, size: Option<u32>) {
        let base = Recorder::base(address);
        // Constant addresses do not say where an object ends.
        if size.is_none() && base.as_const().is_some() {
            return;
        }
        let kept = Kept { base, range: size.map(|size| (address.offset, size)) };
        if self.all.iter().any(|owned| owned.kept == kept) {
            return;
        }
        self.access(address);
        let mut through = vec![base];
        while let Some(Origin::Same(from) | Origin::Behind(from)) =
            through.last().and_then(|at| self.origins.get(&at.as_value()?)).copied()
            && through.len() < MAX_CHAIN
        {
            through.push(from);
        }
        let known = |arg: &Arg| match arg {
            Arg::Value(v) => self.bases.get(v).copied(),
            Arg::Const(c) => Some(c.bits),
        };
        let addresses = through.iter().filter_map(known).collect();
        let start = address.base_now.wrapping_add_signed(i64::from(address.offset));
        if self.all.len() >= MAX_OWNED {
            self.all.remove(0);
        }
        self.all.push(Owned { kept, start, through, addresses });
    }

    /// What a call keeps that is handed these words.
    pub fn kept_from(&self, args: &[Word]) -> Vec<Kept> {
        if self.all.is_empty() {
            return vec![];
        }
        let mut words = vec![];
        for arg in args {
            let scratch = (SCRATCH_BASE..2 * SCRATCH_BASE).contains(&arg.now.bits);
            match arg.opnd {
                Opnd::Ssa(v) if scratch && arg.now.ty == Ty::Ptr => match self.spilled.get(&v) {
                    Some(spilled) => words.extend(spilled),
                    None => return vec![],
                },
                _ => words.push(*arg),
            }
        }
        let untouched = |owned: &&Owned| !words.iter().any(|word| self.leads_to(*word, owned));
        self.all.iter().filter(untouched).map(|owned| owned.kept).collect()
    }

    /// Can it be reached from that word, as far as the trace knows?
    fn leads_to(&self, word: Word, owned: &Owned) -> bool {
        let at = word.now.bits;
        let size = owned.kept.range.map_or(1, |(_, size)| size);
        if owned.addresses.contains(&at) || at.wrapping_sub(owned.start) < size.into() {
            return true;
        }
        match word.opnd {
            Opnd::Ssa(v) => self.same_object(v).iter().any(|arg| owned.through.contains(arg)),
            // Where a constant one comes from nobody knows.
            _ => {
                word.now.ty == Ty::Ptr
                    && owned.through.last().is_some_and(|a| a.as_const().is_some())
            }
        }
    }

    /// The value, and those of which it is a copy or into whose object it points.
    fn same_object(&self, v: ValueId) -> Vec<Arg> {
        let mut chain = vec![Arg::Value(v)];
        while let Some(Origin::Same(from)) =
            chain.last().and_then(|at| self.origins.get(&at.as_value()?)).copied()
            && chain.len() < MAX_CHAIN
        {
            chain.push(from);
        }
        chain
    }

    /// Is the word at that distance from a pointer among these?
    pub fn contains(&self, kept: &[Kept], base: Arg, offset: i32, now: Const) -> bool {
        kept.iter().any(|kept| match kept.range {
            Some((start, size)) => {
                let (start, at) = (i64::from(start), i64::from(offset));
                let end = at + i64::from(now.ty.size());
                base == kept.base && start <= at && end <= start + i64::from(size)
            }
            None => match base {
                Arg::Value(v) => self.same_object(v).contains(&kept.base),
                Arg::Const(_) => false,
            },
        })
    }
}

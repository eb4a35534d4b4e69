//! Objects that are told apart by who owns them.
//!
//! ```text
//! v2 = load_owned.ptr v0+8        ;; what v2 leads to is not what v0 leads to
//! v3 = load_owned.ptr v0+32       ;; two words, hence two owners: not what v2 leads to
//! v4 = load_owned.ptr v3+0        ;; v3+0 is not v0+8: not what v2 leads to, either
//! store.i64 v4+16, v1             ;; does not touch v2+16
//! ```
//!
//! A word that is an owner when it is loaded has been one since it was written. So for each word
//! that was loaded as an owner there is a time, from its last write to its last load, through which
//! it owned what its value leads to. Of two words at different addresses whose times have a moment in
//! common, the objects are different; and so are the object of a word, the one in which the word
//! lies, the one in which the owner of that lies, and so on (no owner is inside of what it owns).
//!
//! What is found is about values: a value leads to one object as long as memory is accessed through
//! it. It holds from the load on that has shown it. Where that load is what defines the younger of
//! the two values, it holds wherever both are used ([`Forward::apart`]), also for the passes that come
//! later. These could not find it again: stores of what memory holds have gone then, and
//! `load_owned`s are `load`s.
//!
//! Invariants: `moment` (two objects are taken for different only if there was a moment at which
//! both words were owners), `promised` (and only where the loads have been executed that say so),
//! `no-constants` (constant addresses have one base for many objects: nothing is known of these).
//!
//! Not here: what is promised of owners (`ir::effects`), why it holds (`docs/decisions/010-owners.md`).

use super::age::Ages;
use super::forward::Forward;
use super::words::Access;
use crate::ir::{Arg, Call, Class, Effect, Op, Set, ValueId};

/// So many owners are known at a time; each load of one looks at all of them.
const MAX_OWNERS: usize = 32;

/// Values that lead to different objects.
#[derive(Clone, Debug, Default)]
pub(super) struct Apart {
    pairs: Set<(ValueId, ValueId)>,
    /// Of the trace that is looked at, if it is ordered already.
    pub ages: Ages,
}

impl Apart {
    fn add(&mut self, a: ValueId, b: ValueId) {
        if a != b {
            self.pairs.insert((a.min(b), a.max(b)));
        }
    }

    /// Keeps what the others say, too.
    pub fn narrow_to(&mut self, others: &[&Apart]) {
        self.pairs.retain(|pair| others.iter().all(|other| other.pairs.contains(pair)));
    }

    /// Do these lead to different objects?
    pub fn bases(&self, a: Arg, b: Arg) -> bool {
        let pair = |a: ValueId, b: ValueId| self.pairs.contains(&(a.min(b), a.max(b)));
        matches!((a, b), (Arg::Value(a), Arg::Value(b)) if !self.pairs.is_empty() && pair(a, b))
            || self.ages.apart(a, b)
    }

    /// Are the words at different addresses, for sure?
    fn are_two(&self, a: &Access, b: &Access) -> bool {
        if a.address.place == b.address.place {
            return a.address.offset != b.address.offset;
        }
        !a.class.may_share(b.class) || self.bases(a.address.place.base(), b.address.place.base())
    }

    /// May both accesses touch the same byte?
    pub fn may_touch(&self, a: &Access, b: &Access) -> bool {
        a.may_touch(b) && !self.bases(a.address.place.base(), b.address.place.base())
    }
}

/// A word that was an owner.
#[derive(Clone, Copy, Debug)]
struct Owner {
    word: Access,
    object: ValueId,
    /// From when on,
    from: u32,
    /// and till when.
    till: u32,
}

/// The owners that a block has met, and what follows from them.
#[derive(Clone, Debug, Default)]
pub(super) struct Owners {
    owners: Vec<Owner>,
    /// When words of a class were last written.
    written: Vec<(Class, u32)>,
    /// When a call may last have written anything.
    called: u32,
    now: u32,
    /// What holds from here on.
    pub apart: Apart,
}

impl Owners {
    /// A block begins, which may run many times.
    pub fn begin(&mut self) {
        *self = Owners { apart: std::mem::take(&mut self.apart), ..Owners::default() };
    }

    /// A store, also of what memory holds.
    pub fn stored(&mut self, access: Access) {
        self.now += 1;
        self.write(access.class);
    }

    fn write(&mut self, class: Class) {
        match self.written.iter_mut().find(|(written, _)| *written == class) {
            Some((_, when)) => *when = self.now,
            None => self.written.push((class, self.now)),
        }
    }

    /// A call by `op`, which may end objects, too.
    pub fn called(&mut self, op: Op, call: &Call) {
        self.now += 1;
        match &call.effects.writes {
            _ if op == Op::Free => self.called = self.now,
            Some(classes) => classes.iter().for_each(|class| self.write(*class)),
            None if op.effect() == Effect::Any => self.called = self.now,
            None => (),
        }
    }

    /// When a word of that class was last written; an immutable one is written when it is made.
    fn last_write(&self, class: Class) -> u32 {
        let of = self.written.iter().filter(|(written, _)| written.may_share(class));
        of.map(|(_, when)| *when).fold(self.called, u32::max)
    }

    /// A word has been loaded as an owner, and leads to `object`; tells which others do not lead there.
    fn loaded(&mut self, word: Access, object: ValueId, mut tell: impl FnMut(ValueId)) {
        self.now += 1;
        let (from, till) = (self.last_write(word.class), self.now);
        let new = Owner { word, object, from, till };
        let mut apart = std::mem::take(&mut self.apart);
        let mut add = |apart: &mut Apart, other| {
            apart.add(object, other);
            tell(other);
        };
        self.above(&new, |holder| add(&mut apart, holder));
        for owner in self.owners.iter().filter(|owner| owner.till >= from) {
            if apart.are_two(&owner.word, &word) {
                add(&mut apart, owner.object);
            }
        }
        self.apart = apart;
        self.owners.retain(|owner| owner.word != word || owner.object != object);
        if self.owners.len() == MAX_OWNERS {
            self.owners.remove(0);
        }
        self.owners.push(new);
    }

    /// Tells the objects that an owner's is owned through; it is none of these.
    fn above(&self, new: &Owner, mut tell: impl FnMut(ValueId)) {
        let (mut from, mut till) = (new.from, new.till);
        let mut lower = *new;
        for _ in 0..MAX_OWNERS {
            let Arg::Value(holder) = lower.word.address.place.base() else { break };
            tell(holder);
            let common = |owner: &&Owner| {
                owner.object == holder && owner.from.max(from) <= owner.till.min(till)
            };
            let Some(upper) = self.owners.iter().rev().find(common) else { break };
            (from, till) = (from.max(upper.from), till.min(upper.till));
            lower = *upper;
        }
    }
}

impl Forward<'_> {
    /// A word has been loaded as an owner. `is_new`: that has made the value, which is no older one.
    pub fn owner(&mut self, word: Access, object: Arg, is_new: bool) {
        let Arg::Value(object) = object else { return };
        // What is said of a new value is said wherever it is used, since the others are older.
        debug_assert!(!is_new || object.index() + 1 == self.out.values.len(), "{object:?} is old");
        self.owners.loaded(word, object, |other| {
            if is_new {
                self.apart.add(object, other);
            }
        });
    }
}

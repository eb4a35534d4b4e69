//! One way through the block: the life of each store that is made pending.
//!
//! ```text
//! store.i64 v0+8, v1          ;; pending
//! guard v2 else exit0         ;; in this exit,
//! v3 = load.i64 v4+0          ;; and seen here if it may be the same word: written
//! store.i64 v0+8, v5          ;; else overwritten, and this one is pending
//! ```
//!
//! Invariant `ordered`: what is pending is written in the order of the trace; so all that have been
//! pending are a list in that order, and the end of each is noted there.
//!
//! Not here: which stores are made pending (`plan`), what becomes of the trace (`super`).

use super::super::owners::Apart;
use super::super::site_set::SiteSet;
use super::super::sites::{Site, Sites};
use super::MAX_PENDING;

/// Where a pending store comes from. Those of the head come first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Origin {
    /// It is that word of the block's head.
    Head(usize),
    /// That instruction of the block.
    Inst(usize),
}

/// How a store has ended that was pending.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fate {
    /// It had to be written within the block.
    Written,
    /// It never had to be.
    Overwritten,
    /// It is pending at the end, or still.
    Pending,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Pending {
    pub site: Site,
    /// The store, or one to the same word.
    pub store: usize,
    pub origin: Origin,
    /// The first guard at which it is pending, in the order of the block,
    pub from: u32,
    /// and the first behind it at which it is not any more.
    pub till: u32,
    pub fate: Fate,
}

/// One way through the block.
#[derive(Default)]
pub(super) struct Walk {
    all: Vec<Pending>,
    /// By site: the number of the store to it that is or was pending last.
    last: Vec<u32>,
    /// What is pending now.
    now: SiteSet,
    /// How many guards have been met.
    guards: u32,
}

impl Walk {
    /// Begins anew, with room for so many stores.
    pub fn begin(&mut self, sites: &Sites, stores: usize) {
        self.all.clear();
        self.all.reserve(stores);
        self.last.resize(sites.len(), 0);
        self.now.clear();
        self.guards = 0;
    }

    /// A word of the head is pending from the begin on.
    pub fn begin_with(&mut self, sites: &Sites, word: Site, store: usize, number: usize) {
        self.now.add(sites, word);
        self.push(word, store, Origin::Head(number));
    }

    fn push(&mut self, site: Site, store: usize, origin: Origin) {
        let (from, till, fate) = (self.guards, self.guards, Fate::Pending);
        self.last[site.index()] = self.all.len() as u32;
        self.all.push(Pending { site, store, origin, from, till, fate });
    }

    /// A store: what it covers is not pending any more, and it is, if it does not stay and there is room.
    /// Answers whether it is.
    pub fn store(&mut self, sites: &Sites, site: Site, store: usize, stays: bool) -> bool {
        let Walk { all, last, now, guards } = self;
        let was = now.has(site);
        if was {
            end(all, last, site, Fate::Overwritten, *guards);
        }
        for near in sites.near(site) {
            if sites.is_within(*near, site) && now.remove(sites, *near) {
                end(all, last, *near, Fate::Overwritten, *guards);
            }
        }
        let is_pending = !stays && now.len() - usize::from(was) < MAX_PENDING;
        match (was, is_pending) {
            (true, false) => _ = now.remove(sites, site),
            (false, true) => now.add(sites, site),
            (true, true) | (false, false) => (),
        }
        if is_pending {
            self.push(site, store, Origin::Inst(store));
        }
        is_pending
    }

    pub fn guard(&mut self) {
        self.guards += 1;
    }

    /// The pending stores that an access may touch must be written. Stores before them that may touch
    /// the same byte are found out when these stay where they are.
    pub fn show(&mut self, sites: &Sites, apart: &Apart, site: Site) {
        let Walk { all, last, now, guards } = self;
        now.take_touched(sites, apart, site, |site| {
            end(all, last, site, Fate::Written, *guards);
        });
    }

    /// The pending stores must be written that are seen, at least in part.
    pub fn write(&mut self, sites: &Sites, seen: impl Fn(Site) -> bool) {
        let Walk { all, last, now, guards } = self;
        now.take(
            sites,
            |_| true,
            |_| true,
            seen,
            |site| {
                end(all, last, site, Fate::Written, *guards);
            },
        );
    }

    /// The end of the block.
    pub fn finish(&mut self) {
        let pending = self.all.iter_mut().filter(|pending| pending.fate == Fate::Pending);
        pending.for_each(|pending| pending.till = self.guards);
    }

    /// All that have been pending, in the order of the block.
    pub fn all(&self) -> &[Pending] {
        &self.all
    }

    /// Those of the head, of which there are so many.
    pub fn head(&self, words: usize) -> &[Pending] {
        &self.all[..words]
    }

    /// Those that need not be written in the block.
    pub fn moved(&self) -> impl Iterator<Item = &Pending> {
        self.all.iter().filter(|pending| pending.fate != Fate::Written)
    }

    pub fn overwritten(&self) -> impl Iterator<Item = &Pending> {
        self.all.iter().filter(|pending| pending.fate == Fate::Overwritten)
    }

    pub fn has_overwritten(&self) -> bool {
        self.overwritten().next().is_some()
    }

    /// The store to that word that is pending at the end.
    pub fn pending_at(&self, site: Site) -> Option<&Pending> {
        self.now.has(site).then(|| &self.all[self.last[site.index()] as usize])
    }
}

/// A store is not pending any more, from that guard on.
fn end(all: &mut [Pending], last: &[u32], site: Site, fate: Fate, till: u32) {
    let pending = &mut all[last[site.index()] as usize];
    (pending.fate, pending.till) = (fate, till);
}

//! What is pending where, until a walk shows that it cannot be.
//!
//! It begins with all stores of the block, and each walk makes it weaker (or carries more words), so it
//! comes to an end.
//!
//! Not here: the walk itself (`walk`).

use super::super::address::Defs;
use super::super::site_set::SiteSet;
use super::super::sites::{Site, Sites};
use super::walk::{Fate, Origin, Pending, Walk};
use super::{MAX_PENDING, Step, runs_anything};
use crate::ir::{Arg, Block, ExitId, Inst, Set, Trace, Ty};

/// In how many exits a store may be written that is overwritten in the same round.
const MAX_EXITS: usize = 4;

/// In how many exits a word may be written that is carried. A loop that has more is so long that
/// the store does not matter.
const MAX_CARRIED_EXITS: usize = 24;

/// A word that is pending at the head.
#[derive(Clone, Copy)]
pub(super) struct Carried {
    pub site: Site,
    pub ty: Ty,
    /// The store, by the number of its instruction; its value becomes a parameter of the body.
    pub store: usize,
    /// What memory holds at the end of the preamble.
    pub first: Arg,
}

/// The steps of a block, each with the number of the instruction.
type Steps = Vec<(usize, Step<Site>)>;

fn steps(block: &Block, defs: &Defs, sites: &mut Sites) -> Steps {
    let mut steps = Vec::with_capacity(block.insts.len());
    for (index, inst) in block.insts.iter().enumerate() {
        let step = Step::of(inst, || sites.site(inst, defs));
        steps.extend(step.map(|step| (index, step)));
    }
    steps
}

/// What is pending where, until a walk shows that it cannot be.
pub(super) struct Plan<'a> {
    trace: &'a Trace,
    block: &'a Block,
    defs: &'a Defs,
    sites: &'a Sites,
    steps: Steps,
    /// Those of the preamble, if there is one.
    before: Steps,
    /// By guard: how often another exit than before has been met till there.
    changes: Vec<usize>,
    /// By instruction: a store that is not moved.
    stays: Vec<bool>,
    pub head: Vec<Carried>,
    /// By value: does it stay what it is while the loop runs?
    invariant: Vec<bool>,
    /// By site: has it been found out that it cannot be carried?
    refused: Vec<bool>,
}

impl<'a> Plan<'a> {
    pub fn new(trace: &'a Trace, defs: &'a Defs, sites: &'a mut Sites) -> Plan<'a> {
        let last = usize::from(trace.is_peeled());
        let (block, before) = (&trace.blocks[last], &trace.blocks[..last]);
        let mut invariant = vec![];
        for before in before {
            invariant.resize(trace.values.len(), false);
            let made = before.insts.iter().filter_map(|inst| inst.dst);
            before.params.iter().copied().chain(made).for_each(|v| invariant[v.index()] = true);
        }
        let mut steps_of = |block: &Block| steps(block, defs, sites);
        let steps = steps_of(block);
        let before = before.first().map(steps_of).unwrap_or_default();
        let (mut count, mut last) = (0, None);
        let guards = steps.iter().filter(|(_, step)| matches!(step, Step::Guard));
        let changes = guards.map(|(index, _)| {
            let exit = Some(block.insts[*index].exit());
            count += usize::from(std::mem::replace(&mut last, exit) != exit);
            count
        });
        let changes = changes.collect();
        let (stays, refused) = (vec![false; block.insts.len()], vec![false; sites.len()]);
        let head = vec![];
        Plan { trace, block, defs, sites, steps, before, changes, stays, head, invariant, refused }
    }

    /// Walks the block.
    pub fn walk(&self, walk: &mut Walk) {
        let (sites, apart) = (self.sites, &self.defs.apart);
        walk.begin(sites);
        for (k, word) in self.head.iter().enumerate() {
            walk.add(sites, word.site, word.store, Origin::Head(k));
        }
        for (index, step) in &self.steps {
            match *step {
                Step::Load(site) => walk.show(sites, apart, site),
                Step::Store(site) => {
                    walk.overwrite(sites, site);
                    if !self.stays[*index] && walk.count() < MAX_PENDING {
                        walk.add(sites, site, *index, Origin::Inst(*index));
                    } else {
                        walk.show(sites, apart, site);
                    }
                }
                Step::Call => {
                    let inst = &self.block.insts[*index];
                    let call = &self.trace.calls[inst.call().index()];
                    let sees_all = runs_anything(inst.op, call);
                    let sees = |site| sees_all || call.may_read(inst.op, sites.class(site));
                    walk.write(sites, sees);
                }
                Step::Guard => walk.guard(),
            }
        }
        walk.finish();
    }

    /// In how many exits a pending store is.
    fn exit_count(&self, pending: &Pending) -> usize {
        let Pending { from, till, .. } = *pending;
        if from == till { 0 } else { 1 + self.changes[till - 1] - self.changes[from] }
    }

    /// Gives up what the walk has shown to be wrong or not worth it; answers whether there was any.
    pub fn weaken(&mut self, walk: &Walk) -> bool {
        if self.carry(walk) {
            return true;
        }
        let mut changed = false;
        let words: Vec<Site> = self.head.iter().map(|word| word.site).collect();
        let mut head = vec![None; self.refused.len()];
        words.iter().enumerate().for_each(|(k, word)| head[word.index()] = Some(k));
        for pending in walk.all() {
            let exits = self.exit_count(pending);
            let is_worth_it = match (pending.fate, pending.origin, head[pending.site.index()]) {
                (Fate::Written, ..) => false,
                (Fate::Overwritten, Origin::Inst(_), _) => exits <= MAX_EXITS,
                (Fate::Overwritten, Origin::Head(_), _) => exits <= MAX_CARRIED_EXITS,
                // Before the body stores it, it is in exits, too; those of the head come first.
                (Fate::Pending, Origin::Inst(_), Some(k)) => {
                    exits + self.exit_count(&walk.all()[k]) <= MAX_CARRIED_EXITS
                }
                // It is written at the end.
                (Fate::Pending, Origin::Inst(_), None) => false,
                // A word that is not stored in the body is pending there for nothing.
                (Fate::Pending, Origin::Head(_), _) => false,
            };
            changed |= !is_worth_it && self.give_up(*pending);
        }
        // A word of the head must be pending at the end.
        for word in words {
            changed |= walk.pending_at(word).is_none() && self.refuse(word);
        }
        changed
    }

    /// Makes words that are pending at the end pending at the head; answers whether there are any.
    fn carry(&mut self, walk: &Walk) -> bool {
        if !self.trace.is_peeled() {
            return false;
        }
        let (sites, apart) = (self.sites, &self.defs.apart);
        let mut carried = SiteSet::default();
        self.head.iter().for_each(|word| carried.add(sites, word.site));
        let may_be_carried = |pending: &&Pending| {
            let base = self.block.insts[pending.store].a;
            let stable = base.as_value().is_none_or(|v| self.invariant[v.index()]);
            let is_refused = self.refused[pending.site.index()];
            pending.fate == Fate::Pending
                && stable
                && !is_refused
                && !carried.is_touched(sites, apart, pending.site)
        };
        let found: Vec<Pending> = walk.all().iter().filter(may_be_carried).copied().collect();
        let held = self.held(&found);
        let before = self.head.len();
        for (Pending { site, store, .. }, first) in found.into_iter().zip(held) {
            let Some(first) = first else { continue };
            if !carried.is_touched(sites, apart, site) {
                carried.add(sites, site);
                self.head.push(Carried { site, ty: sites.ty(site), store, first });
            }
        }
        self.head.len() > before
    }

    /// What memory holds before the block in each of these words, as far as loads and stores tell: what
    /// was stored there last, or else what was loaded first.
    fn held(&self, words: &[Pending]) -> Vec<Option<Arg>> {
        let (sites, apart) = (self.sites, &self.defs.apart);
        let mut held = vec![None; sites.len()];
        let mut asked = SiteSet::default();
        words.iter().for_each(|word| asked.add(sites, word.site));
        for (index, step) in self.before.iter().rev() {
            if asked.len() == 0 {
                break;
            }
            let inst = &self.trace.blocks[0].insts[*index];
            match *step {
                Step::Load(site) | Step::Store(site) => {
                    let is_store = matches!(step, Step::Store(_));
                    let value = if is_store { Some(inst.b) } else { inst.dst.map(Arg::Value) };
                    for word in [site].iter().chain(sites.near(site)) {
                        if sites.is_same_word(*word, site) && asked.has(*word) {
                            held[word.index()] = value;
                        }
                    }
                    if is_store {
                        asked.take_touched(sites, apart, site, |_| ());
                    }
                }
                Step::Call if self.runs_anything(inst) => break,
                Step::Call | Step::Guard => (),
            }
        }
        words.iter().map(|word| held[word.site.index()]).collect()
    }

    fn runs_anything(&self, inst: &Inst) -> bool {
        runs_anything(inst.op, &self.trace.calls[inst.call().index()])
    }

    /// The last stores of the preamble to words that are carried, as far as they may be left to the
    /// exits behind them: those of objects, which need not be made for that.
    pub fn late(&self) -> Vec<usize> {
        if !self.trace.is_peeled() || self.defs.apart.ages.is_empty() {
            return vec![];
        }
        let before = &self.trace.blocks[0].insts;
        let store_of = |word: &Carried| {
            let is_store =
                |step: &Step<Site>| matches!(step, Step::Store(site) if *site == word.site);
            let last = self.before.iter().rposition(|(_, step)| is_store(step))?;
            let (at, behind) = (self.before[last].0, &self.before[last + 1..]);
            let object = self.defs.address(before[at].b, 0).place.base();
            let mut only = SiteSet::default();
            only.add(self.sites, word.site);
            let sees = |(index, step): &(usize, Step<Site>)| {
                self.may_see(&before[*index], *step, word.site, &only)
            };
            let guards = behind.iter().filter(|(_, step)| matches!(step, Step::Guard));
            let exits: Set<ExitId> = guards.map(|(index, _)| before[*index].exit()).collect();
            // A block behind a guard would have to know of it.
            let leaves = |exit: &ExitId| self.trace.exit(*exit).link.is_none();
            let fits = exits.len() <= MAX_CARRIED_EXITS && exits.iter().all(leaves);
            let unseen = !behind.iter().any(sees);
            (self.defs.apart.ages.is_new(object) && unseen && fits).then_some(at)
        };
        let mut late: Vec<usize> = self.head.iter().filter_map(store_of).collect();
        late.sort_unstable();
        late.reverse();
        late
    }

    /// May the instruction see what a word holds, or change it? The word is the set's only one.
    fn may_see(&self, inst: &Inst, step: Step<Site>, word: Site, only: &SiteSet) -> bool {
        match step {
            Step::Load(site) | Step::Store(site) => {
                only.is_touched(self.sites, &self.defs.apart, site)
            }
            Step::Call => {
                let (call, class) =
                    (&self.trace.calls[inst.call().index()], self.sites.class(word));
                self.runs_anything(inst)
                    || call.may_read(inst.op, class)
                    || call.may_write(inst.op, class)
            }
            Step::Guard => false,
        }
    }

    fn give_up(&mut self, pending: Pending) -> bool {
        match pending.origin {
            Origin::Inst(index) => !std::mem::replace(&mut self.stays[index], true),
            Origin::Head(_) => self.refuse(pending.site),
        }
    }

    fn refuse(&mut self, site: Site) -> bool {
        self.head.retain(|word| word.site != site);
        !std::mem::replace(&mut self.refused[site.index()], true)
    }
}

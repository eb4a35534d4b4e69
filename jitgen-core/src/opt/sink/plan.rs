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
use super::{Step, runs_anything};
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

/// A word, a store to it, and what memory holds there before the block, if that is known.
type Held = (Site, usize, Option<Arg>);

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
    sites: &'a mut Sites,
    steps: Steps,
    /// How many stores the block has.
    stores: usize,
    /// By guard: how often another exit than before has been met till there.
    changes: Vec<usize>,
    /// By instruction: a store that is not moved.
    stays: Vec<bool>,
    pub head: Vec<Carried>,
    /// Its words,
    carried: SiteSet,
    /// and those that are looked for in the preamble.
    wanted: SiteSet,
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
        let steps = steps(block, defs, sites);
        let (mut stores, mut count, mut last) = (0, 0, None);
        let mut changes = vec![];
        for (index, step) in &steps {
            match step {
                Step::Store(_) => stores += 1,
                Step::Guard => {
                    let exit = Some(block.insts[*index].exit());
                    count += usize::from(std::mem::replace(&mut last, exit) != exit);
                    changes.push(count);
                }
                Step::Load(_) | Step::Call => (),
            }
        }
        let (stays, refused) = (vec![false; block.insts.len()], vec![false; sites.len()]);
        Plan {
            trace,
            block,
            defs,
            sites,
            steps,
            stores,
            changes,
            stays,
            head: vec![],
            carried: SiteSet::default(),
            wanted: SiteSet::default(),
            invariant,
            refused,
        }
    }

    /// Walks the block.
    pub fn walk(&self, walk: &mut Walk) {
        let (sites, apart) = (&*self.sites, &self.defs.apart);
        walk.begin(sites, self.stores + self.head.len());
        for (k, word) in self.head.iter().enumerate() {
            walk.begin_with(sites, word.site, word.store, k);
        }
        for (index, step) in &self.steps {
            match *step {
                Step::Load(site) => walk.show(sites, apart, site),
                Step::Store(site) => {
                    if !walk.store(sites, site, *index, self.stays[*index]) {
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
        let change = |guard: u32| self.changes[guard as usize];
        if from == till { 0 } else { 1 + change(till - 1) - change(from) }
    }

    /// Gives up what the walk has shown to be wrong or not worth it; answers whether there was any.
    pub fn weaken(&mut self, walk: &Walk) -> bool {
        if self.carry(walk) {
            return true;
        }
        let mut changed = false;
        let words: Vec<Site> = self.head.iter().map(|word| word.site).collect();
        for pending in walk.all() {
            let exits = self.exit_count(pending);
            let is_worth_it = match (pending.fate, pending.origin) {
                (Fate::Written, _) => false,
                (Fate::Overwritten, Origin::Inst(_)) => exits <= MAX_EXITS,
                (Fate::Overwritten, Origin::Head(_)) => exits <= MAX_CARRIED_EXITS,
                // A word that is not stored in the body is pending there for nothing.
                (Fate::Pending, Origin::Head(_)) => false,
                (Fate::Pending, Origin::Inst(_)) => {
                    // Before the body stores it, it is in exits, too. What is not of the head is written
                    // at the end.
                    let head = walk.head(words.len()).iter();
                    let of_head = { head }.find(|head| head.site == pending.site);
                    of_head.is_some_and(|head| exits + self.exit_count(head) <= MAX_CARRIED_EXITS)
                }
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
        let of_body = walk.all()[self.head.len()..].iter();
        let may_be_carried = |pending: &&Pending| {
            let base = self.block.insts[pending.store].a;
            pending.fate == Fate::Pending
                && base.as_value().is_none_or(|v| self.invariant[v.index()])
                && !self.refused[pending.site.index()]
                && !self.carried.is_touched(self.sites, &self.defs.apart, pending.site)
        };
        let words = of_body.filter(may_be_carried);
        let mut words: Vec<Held> =
            words.map(|Pending { site, store, .. }| (*site, *store, None)).collect();
        self.find_held(&mut words);
        let before = self.head.len();
        for (site, store, first) in words {
            let Some(first) = first else { continue };
            if !self.carried.is_touched(self.sites, &self.defs.apart, site) {
                self.carried.add(self.sites, site);
                self.head.push(Carried { site, ty: self.sites.ty(site), store, first });
            }
        }
        self.head.len() > before
    }

    /// Notes what memory holds before the block in each of these words, as far as loads and stores tell: what
    /// was stored there last, or else what was loaded first.
    fn find_held(&mut self, words: &mut [Held]) {
        let (sites, defs, wanted) = (&mut *self.sites, self.defs, &mut self.wanted);
        wanted.clear();
        words.iter().for_each(|(word, ..)| wanted.add(sites, *word));
        for inst in self.trace.blocks[0].insts.iter().rev() {
            if wanted.len() == 0 {
                break;
            }
            match Step::of(inst, || sites.site(inst, defs)) {
                Some(step @ (Step::Load(site) | Step::Store(site))) => {
                    let is_store = matches!(step, Step::Store(_));
                    let value = if is_store { Some(inst.b) } else { inst.dst.map(Arg::Value) };
                    for same in [site].iter().chain(sites.near(site)) {
                        if wanted.has(*same) && sites.is_same_word(*same, site) {
                            let mut words = words.iter_mut();
                            let word = words.find(|(word, ..)| word == same);
                            word.expect("it is wanted").2 = value;
                        }
                    }
                    if is_store {
                        wanted.take_touched(sites, &defs.apart, site, |_| ());
                    }
                }
                Some(Step::Call) => {
                    if runs_anything(inst.op, &self.trace.calls[inst.call().index()]) {
                        break;
                    }
                }
                Some(Step::Guard) | None => (),
            }
        }
    }

    /// The last stores of the preamble to words that are carried, as far as they may be left to the
    /// exits behind them: those of objects, which need not be made for that.
    pub fn late(&mut self) -> Vec<usize> {
        if !self.trace.is_peeled() || self.defs.apart.ages.is_empty() {
            return vec![];
        }
        let before = &self.trace.blocks[0].insts;
        let steps = steps(&self.trace.blocks[0], self.defs, self.sites);
        let store_of = |word: &Carried| {
            let is_store =
                |step: &Step<Site>| matches!(step, Step::Store(site) if *site == word.site);
            let last = steps.iter().rposition(|(_, step)| is_store(step))?;
            let (at, behind) = (steps[last].0, &steps[last + 1..]);
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
                runs_anything(inst.op, call)
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
        self.carried.remove(self.sites, site);
        self.head.retain(|word| word.site != site);
        !std::mem::replace(&mut self.refused[site.index()], true)
    }
}

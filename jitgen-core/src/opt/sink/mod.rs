//! Pending stores: what a loop stores is written where the loop is left, not in each round.
//!
//! ```text
//! b1(v2: i64):                           b1(v2: i64):
//!     guard … else exit0                     guard … else exit0
//!     v3 = add.i64 v2, 1            =>       v3 = add.i64 v2, 1
//!     store.i64 v0+8, v3                     guard … else exit1
//!     guard … else exit1                     jump b1(v3)
//!     jump b1(v3)                        exit0: … pending [i64 v0+8 = v2]
//!                                        exit1: … pending [i64 v0+8 = v3]
//! ```
//!
//! A store is moved into the exits between its place and the store that overwrites it; it is worth
//! that only if there is one, in this round or in the next. Walking a block forward, all stores are
//! made pending; what may see one of them (a load, a call, a store that may go to the same bytes
//! without covering them) makes it be written before. Such stores then stay where they are, and the
//! block is walked again, until no pending store is written within the block.
//!
//! A word is *carried* around the loop if the body stores it in each round, at an address that does
//! not change, before anything may see it: then it is pending at the body's head, with a parameter
//! of its own as its value. The preamble writes what it stores, and passes what memory holds; to
//! write that again changes nothing. But where that is an object which the preamble has allocated, it
//! leaves the store to exits, too: the object may not have to be made (`virtuals`).
//!
//! Invariants: `in-order` (pending stores are written in the order of the trace), `apart` (words that
//! are carried do not touch each other, so their order at the head does not matter),
//! `known-at-both-jumps` (a word that is pending at the body's head is so at the end of
//! the body, and memory holds its value at the end of the preamble), `calls-see` (at a call
//! that may write anything nothing is pending, whatever it declares: who runs there may collect
//! garbage or free memory).
//!
//! Behind a guard whose exit is linked, what is pending stays so (`sides`).
//!
//! Not here: the parameters of words that are also loaded (`peel`), merging them (`backward`),
//! bridges that begin where something is pending: the exit has written it.

mod sides;

use super::address::Defs;
use super::rules::{Fired, Rule};
use super::sites::{Site, Sites as Places};
use super::tree::Origins;
use super::words::{Access, Words};
use crate::ir::{
    Arg, Aux, Block, BlockId, Call, Effect, End, ExitId, Inst, Op, PendingStore, Set, Sig, Trace,
    ValueId,
};
use sides::{Exits, Sides};

/// How many stores may be pending at once. Each costs compile time in each exit.
const MAX_PENDING: usize = 32;

/// In how many exits a store may be written that is overwritten in the same round.
const MAX_EXITS: usize = 4;

/// In how many exits a word may be written that is carried. A loop that has more is so long that
/// the store does not matter.
const MAX_CARRIED_EXITS: usize = 24;

/// After this many walks nothing is pending.
const MAX_WALKS: usize = 12;

/// Moves stores into exits, in a straight line, a loop or a peeled loop, and the blocks behind their
/// guards; answers whether the loop has new parameters. `defs` are the pure operations of the trace.
pub(super) fn sink(
    trace: &mut Trace,
    origins: &mut Origins,
    defs: &Defs,
    fired: &mut Fired,
) -> bool {
    let last = usize::from(trace.is_peeled());
    // What is stored once is overwritten in the next round, if at all.
    let stores = trace.blocks[last].insts.iter().filter(|inst| inst.op == Op::Store).count();
    if stores + last < 2 {
        return false;
    }
    let mut plan = Plan::new(trace, defs);
    for _ in 0..MAX_WALKS {
        let walk = plan.walk();
        if plan.weaken(&walk) {
            continue;
        }
        let late = plan.late();
        let head = std::mem::take(&mut plan.head);
        if !walk.overwritten.is_empty() {
            apply(trace, origins, defs, last, walk, &head, fired);
            for late in late {
                store_late(trace, origins, late);
            }
        }
        return !head.is_empty();
    }
    false
}

/// Where a pending store comes from. Those of the head come first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Origin {
    /// It is that word of the block's head.
    Head(usize),
    /// That instruction of the block.
    Inst(usize),
}

#[derive(Clone, Copy)]
struct Pending {
    site: Site,
    /// The store, or one to the same word.
    store: usize,
    origin: Origin,
    /// The first guard at which it is pending, in the order of the block,
    from: usize,
    /// and the first behind it at which it is not any more.
    till: usize,
}

/// A word that is pending at the head.
#[derive(Clone, Copy)]
struct Carried {
    site: Site,
    /// The store, by the number of its instruction; its value becomes a parameter of the body.
    store: usize,
    /// What memory holds at the end of the preamble.
    first: Arg,
}

/// What a walk looks at.
#[derive(Clone, Copy)]
enum Step<A = Access> {
    Load(A),
    Store(A),
    Call,
    Guard,
}

impl Step {
    /// What an instruction is for a walk; nothing if it has to do neither with memory nor with exits.
    fn of(inst: &Inst, defs: &Defs) -> Option<Step> {
        match inst.op.sig() {
            Sig::Load => Some(Step::Load(Access::of(inst, defs))),
            Sig::Store => Some(Step::Store(Access::of(inst, defs))),
            Sig::Call | Sig::CallIf => Some(Step::Call),
            Sig::Guard => Some(Step::Guard),
            Sig::Binary
            | Sig::Compare
            | Sig::Unary
            | Sig::Cast
            | Sig::PtrAdd
            | Sig::Known
            | Sig::Scratch => None,
        }
    }
}

impl Step<Site> {
    /// Those of a block, each with the number of the instruction.
    fn all(block: &Block, defs: &Defs, places: &mut Places) -> Vec<(usize, Step<Site>)> {
        let mut steps = Vec::with_capacity(block.insts.len());
        for (index, inst) in block.insts.iter().enumerate() {
            let step = match Step::of(inst, defs) {
                Some(Step::Load(access)) => Step::Load(places.site(&access)),
                Some(Step::Store(access)) => Step::Store(places.site(&access)),
                Some(Step::Call) => Step::Call,
                Some(Step::Guard) => Step::Guard,
                None => continue,
            };
            steps.push((index, step));
        }
        steps
    }
}

/// What is pending where, until a walk shows that it cannot be.
struct Plan<'a> {
    trace: &'a Trace,
    block: &'a Block,
    defs: &'a Defs,
    places: Places,
    steps: Vec<(usize, Step<Site>)>,
    /// Those of the preamble, if there is one.
    before: Vec<(usize, Step<Site>)>,
    /// By guard: how often another exit than before has been met till there.
    changes: Vec<usize>,
    /// By instruction: a store that is not moved.
    stays: Vec<bool>,
    head: Vec<Carried>,
    /// By value: does it stay what it is while the loop runs?
    invariant: Vec<bool>,
    /// Words of which it has been found out that they cannot be carried.
    refused: Set<Site>,
}

impl<'a> Plan<'a> {
    fn new(trace: &'a Trace, defs: &'a Defs) -> Plan<'a> {
        let last = usize::from(trace.is_peeled());
        let (block, before) = (&trace.blocks[last], &trace.blocks[..last]);
        let mut invariant = vec![false; trace.values.len()];
        for before in before {
            let made = before.insts.iter().filter_map(|inst| inst.dst);
            before.params.iter().copied().chain(made).for_each(|v| invariant[v.index()] = true);
        }
        let mut places = Places::default();
        let steps = Step::all(block, defs, &mut places);
        let before = before.first().map(|before| Step::all(before, defs, &mut places));
        let before = before.unwrap_or_default();
        let (mut count, mut last) = (0, None);
        let guards = block.insts.iter().filter(|inst| inst.op.is_guard());
        let changes = guards.map(|guard| {
            count += usize::from(last.replace(guard.exit()) != Some(guard.exit()));
            count
        });
        let (changes, stays) = (changes.collect(), vec![false; block.insts.len()]);
        let (head, refused) = (vec![], Set::default());
        Plan { trace, block, defs, places, steps, before, changes, stays, head, invariant, refused }
    }

    fn walk(&self) -> Walk {
        let mut walk = Walk::default();
        let head = self.head.iter().enumerate();
        walk.pending.extend(head.map(|(k, word)| {
            let origin = Origin::Head(k);
            Pending { site: word.site, store: word.store, origin, from: 0, till: 0 }
        }));
        for (index, step) in &self.steps {
            let inst = &self.block.insts[*index];
            match *step {
                Step::Load(site) => walk.write(|pending| self.may_touch(pending, site)),
                Step::Store(site) => {
                    walk.overwrite(site);
                    if !self.stays[*index] && walk.pending.len() < MAX_PENDING {
                        let origin = Origin::Inst(*index);
                        let from = walk.guards;
                        walk.pending.push(Pending {
                            site,
                            store: *index,
                            origin,
                            from,
                            till: from,
                        });
                        continue;
                    }
                    walk.write(|pending| self.may_touch(pending, site));
                }
                Step::Call => {
                    let call = &self.trace.calls[inst.call().index()];
                    let sees_all = runs_anything(inst.op, call);
                    walk.write(|pending| sees_all || call.may_read(inst.op, pending.class));
                }
                Step::Guard => walk.guards += 1,
            }
        }
        let guards = walk.guards;
        walk.pending.iter_mut().for_each(|pending| pending.till = guards);
        walk.end = walk.pending.clone();
        let carried = |pending: Site| self.head.iter().any(|word| word.site == pending);
        walk.write(|pending| !carried(pending));
        walk
    }

    fn may_touch(&self, a: Site, b: Site) -> bool {
        self.places.may_touch(&self.defs.apart, a, b)
    }

    /// In how many exits a pending store is.
    fn exit_count(&self, pending: &Pending) -> usize {
        let Pending { from, till, .. } = *pending;
        if from == till { 0 } else { 1 + self.changes[till - 1] - self.changes[from] }
    }

    /// In how many exits a word of the head is before the block stores it.
    fn exit_count_of_head(&self, walk: &Walk, k: usize) -> usize {
        let mut all = walk.overwritten.iter().chain(&walk.end).chain(&walk.written);
        let of_head = all.find(|pending| pending.origin == Origin::Head(k));
        of_head.map_or(0, |pending| self.exit_count(pending))
    }

    /// Gives up what the walk has shown to be wrong or not worth it; answers whether there was any.
    fn weaken(&mut self, walk: &Walk) -> bool {
        if self.carry(walk) {
            return true;
        }
        let mut changed = false;
        let head: Vec<Site> = self.head.iter().map(|word| word.site).collect();
        for pending in &walk.written {
            changed |= self.give_up(*pending);
        }
        for pending in walk.end.iter().chain(&walk.overwritten) {
            let is_end = walk.pending.iter().any(|end| end.origin == pending.origin);
            let exits = self.exit_count(pending);
            let of_head = head.iter().position(|word| *word == pending.site);
            let (exits, most) = match of_head {
                Some(k) if is_end => (exits + self.exit_count_of_head(walk, k), MAX_CARRIED_EXITS),
                _ => match pending.origin {
                    Origin::Inst(_) => (exits, MAX_EXITS),
                    Origin::Head(_) => (exits, MAX_CARRIED_EXITS),
                },
            };
            // A word that is not stored in the body is pending there for nothing.
            let useless = is_end && matches!(pending.origin, Origin::Head(_));
            if exits > most || useless {
                changed |= self.give_up(*pending);
            }
        }
        // A word of the head must be pending at the end.
        for word in head {
            if !walk.pending.iter().any(|pending| pending.site == word) {
                changed |= self.refuse(word);
            }
        }
        changed
    }

    /// Makes words that are pending at the end pending at the head; answers whether there are any.
    fn carry(&mut self, walk: &Walk) -> bool {
        if !self.trace.is_peeled() {
            return false;
        }
        let mut found = false;
        for pending in &walk.end {
            let Pending { site, store, .. } = *pending;
            let touched = self.head.iter().any(|word| self.may_touch(word.site, site));
            let base = self.block.insts[store].a;
            let stable = base.as_value().is_none_or(|v| self.invariant[v.index()]);
            if touched || !stable || self.refused.contains(&site) {
                continue;
            }
            if let Some(first) = self.held(site) {
                self.head.push(Carried { site, store, first });
                found = true;
            }
        }
        found
    }

    /// What memory holds before the block, as far as loads and stores tell: what was stored there last,
    /// or else what was loaded first.
    fn held(&self, word: Site) -> Option<Arg> {
        let mut held = None;
        for (index, step) in self.before.iter().rev() {
            let inst = &self.trace.blocks[0].insts[*index];
            match *step {
                Step::Load(site) if site.is_same_word(word) => held = inst.dst.map(Arg::Value),
                Step::Store(site) if site.is_same_word(word) => return Some(inst.b),
                Step::Store(site) if self.may_touch(word, site) => return held,
                Step::Call if self.runs_anything(inst) => return held,
                Step::Load(_) | Step::Store(_) | Step::Call | Step::Guard => (),
            }
        }
        held
    }

    fn runs_anything(&self, inst: &Inst) -> bool {
        runs_anything(inst.op, &self.trace.calls[inst.call().index()])
    }

    /// The last stores of the preamble to words that are carried, as far as they may be left to the
    /// exits behind them: those of objects, which need not be made for that.
    fn late(&self) -> Vec<usize> {
        if !self.trace.is_peeled() {
            return vec![];
        }
        let before = &self.trace.blocks[0].insts;
        let store_of = |word: &Carried| {
            let is_store =
                |step: &Step<Site>| matches!(step, Step::Store(site) if *site == word.site);
            let last = self.before.iter().rposition(|(_, step)| is_store(step))?;
            let (at, behind) = (self.before[last].0, &self.before[last + 1..]);
            let object = self.defs.address(before[at].b, 0).place.base();
            let sees = |(index, step): &(usize, Step<Site>)| {
                self.may_see(&before[*index], *step, word.site)
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

    /// May the instruction see what a word holds, or change it?
    fn may_see(&self, inst: &Inst, step: Step<Site>, word: Site) -> bool {
        match step {
            Step::Load(site) | Step::Store(site) => self.may_touch(site, word),
            Step::Call => {
                let call = &self.trace.calls[inst.call().index()];
                self.runs_anything(inst)
                    || call.may_read(inst.op, word.class)
                    || call.may_write(inst.op, word.class)
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
        self.refused.insert(site)
    }
}

/// May a call by `op` look at all memory, and free it, whatever it declares? One that may write
/// anything, also when it fails, runs an author's code: it may call allocators and collectors.
pub(super) fn runs_anything(op: Op, call: &Call) -> bool {
    !op.makes()
        && (op.effect() == Effect::Any
            || call.effects.writes.as_ref().is_some_and(|classes| !classes.is_empty()))
}

/// Adds what memory holds behind an instruction, as far as loads and stores tell.
fn hold(trace: &Trace, defs: &Defs, inst: &Inst, held: &mut Words<Arg>) {
    match Step::of(inst, defs) {
        Some(Step::Load(access)) => {
            if let (None, Some(value)) = (held.get(access), inst.dst) {
                held.insert(access, value.into());
            }
        }
        Some(Step::Store(access)) => {
            let here = access.address.place.base();
            held.remove_aliases_but(access, |base| defs.apart.bases(base, here));
            held.insert(access, inst.b);
        }
        Some(Step::Call) => {
            if runs_anything(inst.op, &trace.calls[inst.call().index()]) {
                held.clear();
            }
        }
        Some(Step::Guard) | None => (),
    }
}

/// One way through the block.
#[derive(Default)]
struct Walk {
    pending: Vec<Pending>,
    /// How many guards have been met.
    guards: usize,
    /// What had to be written within the block.
    written: Vec<Pending>,
    /// What never had to be.
    overwritten: Vec<Pending>,
    /// What is pending at the end.
    end: Vec<Pending>,
}

impl Walk {
    /// The pending stores that are seen must be written. Stores before them that may touch the same
    /// byte are found out when these stay where they are.
    fn write(&mut self, seen: impl Fn(Site) -> bool) {
        take(&mut self.pending, &mut self.written, self.guards, seen);
    }

    /// Drops the pending stores that a store covers.
    fn overwrite(&mut self, site: Site) {
        take(&mut self.pending, &mut self.overwritten, self.guards, |word| word.is_within(site));
    }
}

/// Takes what is not pending any more, from that guard on.
fn take(from: &mut Vec<Pending>, to: &mut Vec<Pending>, till: usize, is_it: impl Fn(Site) -> bool) {
    let mut at = 0;
    while let Some(pending) = from.get(at) {
        match is_it(pending.site) {
            true => to.push(Pending { till, ..from.remove(at) }),
            false => at += 1,
        }
    }
}

/// Leaves a store of the preamble to the exits behind it. Those that have other stores pending do not
/// care in which order they come.
fn store_late(trace: &mut Trace, origins: &mut Origins, index: usize) {
    let store = PendingStore::of(&trace.blocks[0].insts.remove(index));
    let mut exits = Exits::default();
    for at in index..trace.blocks[0].insts.len() {
        let inst = trace.blocks[0].insts[at];
        if inst.op.is_guard() {
            let with_store = exits.with(trace, origins, inst.exit(), vec![store]);
            trace.blocks[0].insts[at].aux = Aux::Exit(with_store);
        }
    }
}

/// Makes it so: the block without its pending stores, their exits with them, the parameters.
fn apply(
    trace: &mut Trace,
    origins: &mut Origins,
    defs: &Defs,
    last: usize,
    walk: Walk,
    head: &[Carried],
    fired: &mut Fired,
) {
    for pending in &walk.overwritten {
        if let Origin::Inst(_) = pending.origin {
            let dead = pending.from == pending.till;
            fired.fire(if dead { Rule::DeadStore } else { Rule::PendingStore });
        }
    }
    let params: Vec<ValueId> = head.iter().map(|word| trace.add_value(word.site.ty)).collect();
    let mut moved: Vec<&Pending> = walk.overwritten.iter().chain(&walk.pending).collect();
    moved.sort_unstable_by_key(|pending| pending.origin);
    let insts = std::mem::take(&mut trace.blocks[last].insts);
    let store = |index: usize| PendingStore::of(&insts[index]);
    let words = head.iter().map(|word| store(word.store));
    let words: Vec<_> = words.map(|store| (sides::access(&store, defs), store)).collect();
    let ends = head.iter().map(|word| {
        let end = walk.pending.iter().find(|pending| pending.site == word.site);
        insts[end.expect("it is pending at the end").store].b
    });
    let ends: Vec<Arg> = ends.collect();
    let (mut exits, mut sides) = (Exits::default(), Sides::default());
    let mut kept = Vec::with_capacity(insts.len());
    // Those that are or have been pending, from the first on, and what is pending now.
    let (mut moved, mut pending) =
        (moved.into_iter().peekable(), Vec::<(&Pending, PendingStore)>::new());
    let mut guards = 0;
    for (index, mut inst) in insts.iter().copied().enumerate() {
        while let Some(next) = moved.next_if(|next| next.origin <= Origin::Inst(index)) {
            pending.push((next, store(next.store)));
        }
        if pending.last().is_some_and(|(last, _)| last.origin == Origin::Inst(index)) {
            continue;
        }
        if inst.op.is_guard() {
            pending.retain(|(pending, _)| guards < pending.till);
            guards += 1;
            let stores = pending.iter().map(|(pending, store)| match pending.origin {
                Origin::Inst(_) => *store,
                Origin::Head(k) => PendingStore { value: params[k].into(), ..*store },
            });
            let stores: Vec<PendingStore> = stores.collect();
            match trace.exit(inst.exit()).link {
                Some(side) => sides.add(side, stores, Words::default()),
                None => inst.aux = Aux::Exit(exits.with(trace, origins, inst.exit(), stores)),
            }
        }
        kept.push(inst);
    }
    trace.blocks[last].insts = kept;
    sides.walk(trace, origins, defs, &words, &mut exits);
    if head.is_empty() {
        return;
    }
    fired.fire(Rule::PendingCarry);
    let End::Jump(BlockId(1), first) = &mut trace.blocks[0].end else {
        unreachable!("only a peeled loop carries")
    };
    first.extend(head.iter().map(|word| word.first));
    let End::Jump(BlockId(1), next) = &mut trace.blocks[1].end else {
        unreachable!("the body of a peeled loop jumps to itself")
    };
    next.extend(ends);
    trace.blocks[1].params.extend(&params);
}

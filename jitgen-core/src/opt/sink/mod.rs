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
//! block is walked again (`walk`), until no pending store is written within the block.
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
//! Not here: the parameters of words that are also loaded (`peel`), merging them (`params`),
//! bridges that begin where something is pending: the exit has written it.

mod plan;
mod sides;
mod walk;

use super::address::Defs;
use super::rules::{Fired, Rule};
use super::sites::Sites;
use super::tree::Origins;
use super::words::{Access, Words};
use crate::ir::{
    Arg, Aux, BlockId, Call, Effect, End, Inst, Op, PendingStore, Sig, Trace, ValueId,
};
use plan::{Carried, Plan};
use sides::{Exits, Sides};
use walk::{Origin, Pending, Walk};

/// How many stores may be pending at once. Each costs compile time in each exit.
const MAX_PENDING: usize = 32;

/// After this many walks nothing is pending.
const MAX_WALKS: usize = 12;

/// Moves stores into exits, in a straight line, a loop or a peeled loop, and the blocks behind their
/// guards; answers whether the loop has new parameters. `defs` are how values of the trace are defined,
/// `sites` its sites with these.
pub(super) fn sink(
    trace: &mut Trace,
    origins: &mut Origins,
    defs: &Defs,
    sites: &mut Sites,
    fired: &mut Fired,
) -> bool {
    let last = usize::from(trace.is_peeled());
    // What is stored once is overwritten in the next round, if at all.
    let stores = trace.blocks[last].insts.iter().filter(|inst| inst.op == Op::Store).count();
    if stores + last < 2 {
        return false;
    }
    let mut plan = Plan::new(trace, defs, sites);
    let mut walk = Walk::default();
    for _ in 0..MAX_WALKS {
        plan.walk(&mut walk);
        if plan.weaken(&walk) {
            continue;
        }
        let late = plan.late();
        let head = std::mem::take(&mut plan.head);
        if walk.has_overwritten() {
            apply(trace, origins, defs, last, &walk, &head, fired);
            for late in late {
                store_late(trace, origins, late);
            }
        }
        return !head.is_empty();
    }
    false
}

/// What a walk looks at.
#[derive(Clone, Copy)]
enum Step<A = Access> {
    Load(A),
    Store(A),
    Call,
    Guard,
}

impl<A> Step<A> {
    /// What an instruction is for a walk; nothing if it has to do neither with memory nor with exits.
    fn of(inst: &Inst, access: impl FnOnce() -> A) -> Option<Step<A>> {
        match inst.op.sig() {
            Sig::Load => Some(Step::Load(access())),
            Sig::Store => Some(Step::Store(access())),
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

/// May a call by `op` look at all memory, and free it, whatever it declares? One that may write
/// anything, also when it fails, runs an author's code: it may call allocators and collectors.
pub(super) fn runs_anything(op: Op, call: &Call) -> bool {
    !op.makes()
        && (op.effect() == Effect::Any
            || call.effects.writes.as_ref().is_some_and(|classes| !classes.is_empty()))
}

/// Adds what memory holds behind an instruction, as far as loads and stores tell.
fn hold(trace: &Trace, defs: &Defs, inst: &Inst, held: &mut Words<Arg>) {
    match Step::of(inst, || Access::of(inst, defs)) {
        Some(Step::Load(access)) => {
            if let (None, Some(value)) = (held.get(access), inst.dst) {
                held.insert(access, value.into());
            }
        }
        Some(Step::Store(access)) => {
            let here = access.address.place.base();
            let met = held.meet(&access);
            held.write(access, inst.b, &met, |base| defs.apart.bases(base, here));
        }
        Some(Step::Call) => {
            if runs_anything(inst.op, &trace.calls[inst.call().index()]) {
                *held = Words::default();
            }
        }
        Some(Step::Guard) | None => (),
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
            let with_store = exits.with(trace, origins, inst.exit(), [store].into_iter());
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
    walk: &Walk,
    head: &[Carried],
    fired: &mut Fired,
) {
    for pending in walk.overwritten() {
        if let Origin::Inst(_) = pending.origin {
            let dead = pending.from == pending.till;
            fired.fire(if dead { Rule::DeadStore } else { Rule::PendingStore });
        }
    }
    let params: Vec<ValueId> = head.iter().map(|word| trace.add_value(word.ty)).collect();
    let insts = std::mem::take(&mut trace.blocks[last].insts);
    let store = |index: usize| PendingStore::of(&insts[index]);
    let words = head.iter().map(|word| store(word.store));
    let words: Vec<_> = words.map(|store| (sides::access(&store, defs), store)).collect();
    let ends = head.iter().map(|word| {
        let end = walk.pending_at(word.site);
        insts[end.expect("it is pending at the end").store].b
    });
    let ends: Vec<Arg> = ends.collect();
    let (mut exits, mut sides) = (Exits::default(), Sides::default());
    let mut kept = Vec::with_capacity(insts.len());
    // Those that are or have been pending, from the first on, and what is pending now.
    let mut moved = walk.moved().peekable();
    let mut pending: Vec<(&Pending, PendingStore)> = Vec::with_capacity(MAX_PENDING);
    let mut guards = 0;
    for (index, mut inst) in insts.iter().copied().enumerate() {
        let mut is_moved = false;
        while let Some(next) = moved.next_if(|next| next.origin <= Origin::Inst(index)) {
            is_moved = next.origin == Origin::Inst(index);
            if next.from == next.till {
                // No guard is met before it ends.
                continue;
            }
            let value = match next.origin {
                Origin::Inst(_) => insts[next.store].b,
                Origin::Head(k) => params[k].into(),
            };
            pending.push((next, PendingStore { value, ..store(next.store) }));
            exits.change();
        }
        if is_moved {
            continue;
        }
        if inst.op.is_guard() {
            let before = pending.len();
            pending.retain(|(pending, _)| guards < pending.till);
            if pending.len() < before {
                exits.change();
            }
            guards += 1;
            let stores = pending.iter().map(|(_, store)| *store);
            match trace.exit(inst.exit()).link {
                Some(side) => sides.add(side, stores.collect(), Words::default()),
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

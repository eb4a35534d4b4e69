//! Which blocks behind the guards of a peeled loop go on in its body, and with what.
//!
//! ```text
//! b1(v2: i64):                 ;; assumes that v0+8 holds v2 and v0+0 holds 1
//!     guard v3 else exit1
//! b2():                        ;; behind that guard
//!     store.i64 v0+8, 7        ;; v0+8 holds 7, v0+0 still holds 1: jump b1(7)
//! b3():
//!     store.i8 v0+0, 2         ;; another type: jump b0(v0), which tests it
//! ```
//!
//! The body's own end decides what the loop assumes. A block whose end contradicts that, where the loop
//! would lose a constant or a pointer that stays the same, is *apart*: it goes on at the entry. What
//! costs the loop less is weakened: what has been of no use in the body is not assumed any more, a
//! number that stayed the same becomes a parameter, bounds are widened; and a word of which such a
//! block does not know what it is is loaded there.
//!
//! A word that the body leaves alone, and that such a block makes a constant of, is *pinned* if it was
//! that constant when the loop was recorded: it is tested before the body, and constant in it. Guest
//! loops mostly begin by the same constants each time.
//!
//! Not here: what the loop assumes because of its own end (`super`).

use super::super::Seen;
use super::super::forward::Forward;
use super::super::rules::Rule;
use super::super::tree::{Sides, Tail};
use super::guess::guess;
use super::{Holds, Plan, Round, Word};
use crate::ir::{Arg, Aux, BlockId, Const, End, Exit, ExitId, Inst, Op, ResumeId, Ty};
use std::collections::HashSet;

/// Walks the blocks behind the guards of the body. Weakens what does not hold where they jump to the
/// head; answers whether anything was weakened. All have to be walked again then. Which are apart is
/// found out when nothing is weakened any more.
pub(super) fn weaken(
    plan: &mut Plan,
    round: &mut Round,
    preamble: &Forward,
    first: &[Arg],
    seen: Seen,
    apart: &mut HashSet<BlockId>,
) -> bool {
    let Round { end, tails, .. } = round;
    let mut sides = Sides::new(end.sides.take().unwrap_or_default());
    let (mut weakened, mut changed) = (Weaker::default(), false);
    let mut lone = vec![];
    while let Some(tail) = sides.walk(end) {
        tails.push(tail);
        let tail = tails.last_mut().expect("just walked");
        let Some(args) = tail.args.clone() else { continue };
        if apart.contains(&tail.state.block) {
            continue;
        }
        end.lend_output(&mut tail.state);
        match weaker(plan, end, &tail.state, &args, preamble, first, seen) {
            Some(weaker) => {
                weakened.add(weaker);
                changed |= widen(plan, &mut tail.state, &args);
            }
            None => lone.push(tail.state.block),
        }
        tail.state.lend_output(end);
    }
    let guessed_with = !weakened.reds.is_empty();
    weakened.settle(plan);
    changed |= apply(plan, weakened);
    if guessed_with {
        guess(plan, preamble, first);
    }
    if !changed {
        apart.extend(lone);
    }
    changed
}

/// What is not assumed any more.
#[derive(Default)]
struct Weaker {
    reds: Vec<usize>,
    /// Words and comparisons about which nothing is assumed any more.
    nothing: Vec<usize>,
    undecided: Vec<usize>,
    /// Words that get a parameter, and what that first is.
    words: Vec<(usize, Arg)>,
    /// Words that are a constant from the second round on.
    pinned: Vec<(usize, Const)>,
}

impl Weaker {
    /// Adds what another block needs to be weakened.
    fn add(&mut self, other: Weaker) {
        let Weaker { reds, nothing, undecided, words, pinned } = other;
        self.reds.extend(reds);
        self.nothing.extend(nothing);
        self.undecided.extend(undecided);
        self.words.extend(words);
        self.pinned.extend(pinned);
    }

    /// Says once what several blocks need. What two of them make different things of has a parameter.
    fn settle(&mut self, plan: &mut Plan) {
        for list in [&mut self.reds, &mut self.nothing, &mut self.undecided] {
            list.sort_unstable();
            list.dedup();
        }
        for (k, c) in &self.pinned {
            let word = &plan.words[*k];
            let differs = self.pinned.iter().any(|(other, d)| other == k && d != c);
            if let (Holds::Same(first), true) = (word.holds, differs) {
                self.words.push((*k, first));
            }
        }
        self.words.sort_by_key(|(k, _)| *k);
        self.words.dedup_by_key(|(k, _)| *k);
        let words = &self.words;
        let has_param = |k: usize| words.iter().any(|(other, _)| *other == k);
        let loose = self.pinned.extract_if(.., |(k, _)| has_param(*k));
        plan.loose.extend(loose.map(|(k, _)| plan.words[k].access));
        self.pinned.sort_by_key(|(k, _)| *k);
        self.pinned.dedup();
    }
}

/// What must be weakened so that a block can go on in the body; `None` if that would cost too much.
fn weaker(
    plan: &Plan,
    end: &Forward,
    tail: &Forward,
    args: &[Arg],
    preamble: &Forward,
    first: &[Arg],
    seen: Seen,
) -> Option<Weaker> {
    let mut weaker = Weaker::default();
    let cheap = |arg: Arg| arg.as_const().is_none() && tail.ty(arg) != Ty::Ptr;
    for (k, red) in plan.reds.iter().enumerate() {
        match red {
            Some(red) if *red != args[k] => weaker.reds.push(cheap(*red).then_some(k)?),
            _ => (),
        }
    }
    for (k, word) in plan.words.iter().enumerate() {
        let found = plan.word_at(tail, word, args);
        let holds = match word.holds {
            Holds::Same(arg) => found == Some(arg),
            Holds::Red(red) => found == Some(args[red]),
            Holds::Carried(_) => found.is_some() || place(plan, tail, word, args).is_some(),
            Holds::Nothing => true,
        };
        if holds {
            continue;
        }
        if !end.facts.has_used(word.fact) {
            weaker.nothing.push(k);
            continue;
        }
        match (word.holds, found) {
            (Holds::Same(Arg::Value(v)), Some(Arg::Const(c)))
                if !plan.loose.contains(&word.access)
                    && c.ty.is_int()
                    && preamble.loads.get(&v).is_some_and(|load| seen(*load, c)) =>
            {
                weaker.pinned.push((k, c));
                continue;
            }
            (Holds::Same(_), Some(_)) if word.pinned.is_some() => (),
            (Holds::Same(arg), found) => found.filter(|_| cheap(arg)).map(drop)?,
            (Holds::Red(_) | Holds::Nothing, _) => (),
            (Holds::Carried(_), _) => return None,
        }
        if found.is_none() {
            place(plan, tail, word, args)?;
        }
        weaker.words.push((k, plan.word_at(preamble, word, first)?));
    }
    let decided = |k: &usize| plan.truth_at(tail, &plan.truths[*k], args);
    weaker.undecided = (0..plan.truths.len()).filter(|k| !decided(k)).collect();
    Some(weaker)
}

fn apply(plan: &mut Plan, weaker: Weaker) -> bool {
    let Weaker { reds, nothing, undecided, words, pinned } = weaker;
    let changed = [&reds, &nothing, &undecided].iter().any(|list| !list.is_empty());
    let changed = changed || !words.is_empty() || !pinned.is_empty();
    reds.into_iter().for_each(|k| plan.reds[k] = None);
    for (k, first) in words {
        let word = &mut plan.words[k];
        word.holds = Holds::Carried(first);
        plan.changed.insert(word.access);
        word.pinned.take().into_iter().for_each(|_| _ = plan.loose.insert(word.access));
    }
    for (k, c) in pinned {
        let word = &mut plan.words[k];
        if let Holds::Same(first @ Arg::Value(_)) = word.holds {
            word.pinned = Some(first);
            word.holds = Holds::Same(c.into());
        }
    }
    // From the last on, so that the others keep their places.
    nothing.into_iter().rev().for_each(|k| _ = plan.words.remove(k));
    undecided.into_iter().rev().for_each(|k| _ = plan.truths.remove(k));
    changed
}

/// Widens the bounds that an end oversteps; answers whether there were any.
fn widen(plan: &mut Plan, tail: &mut Forward, args: &[Arg]) -> bool {
    let mut changed = false;
    for (k, next) in args.iter().enumerate().filter(|(k, _)| plan.reds[*k].is_none()) {
        changed |= plan.bounds[k].widen(tail, Some(*next));
    }
    for k in 0..plan.words.len() {
        if let Holds::Carried(_) = plan.words[k].holds {
            let next = plan.word_at(tail, &plan.words[k], args);
            changed |= plan.words[k].bound.widen(tail, next);
        }
    }
    changed
}

/// Tests before the body what is assumed to be a constant there. What is not makes one more round
/// before it, without assumptions.
pub(super) fn pin(plan: &Plan, round: &mut Forward, args: &[Arg]) {
    let pinned = plan.words.iter().filter_map(|word| match word.holds {
        Holds::Same(Arg::Const(c)) => Some((word.pinned?, c)),
        _ => None,
    });
    let mut exit = None;
    for (first, c) in pinned {
        round.fired.fire(Rule::Pin);
        let exit = *exit.get_or_insert_with(|| {
            let link = Some(BlockId(0));
            let (reds, log, pending) = (args.to_vec(), vec![], vec![]);
            round.origins.add(ExitId(0));
            round.out.add_exit(Exit { resume: ResumeId(0), reds, log, pending, link })
        });
        let same = round.out.add_value(Ty::Bool);
        let insts = &mut round.out.blocks[0].insts;
        let (op, ty, aux) = (Op::Eq, c.ty, Aux::None);
        insts.push(Inst { op, ty, dst: Some(same), a: first, b: c.into(), imm: 0, aux });
        let (op, ty, aux) = (Op::Guard, Ty::Bool, Aux::Exit(exit));
        insts.push(Inst { op, ty, dst: None, a: same.into(), b: Arg::NONE, imm: 0, aux });
    }
}

/// Lets a block that jumps to the head go on in the body.
pub(super) fn join<'t>(plan: &Plan, tail: &mut Tail<'t>, round: &mut Forward<'t>) {
    let Tail { block, args: Some(args), state } = tail else { return };
    round.lend_output(state);
    state.fired.fire(Rule::Join);
    let mut next = vec![];
    let of_reds = plan.reds.iter().zip(&*args).filter(|(red, _)| red.is_none());
    next.extend(of_reds.map(|(_, arg)| *arg));
    for word in plan.words.iter().filter(|word| matches!(word.holds, Holds::Carried(_))) {
        next.push(match plan.word_at(state, word, args) {
            Some(known) => known,
            None => load(plan, *block, state, word, args),
        });
    }
    state.out.blocks[block.index()].end = End::Jump(BlockId(1), next);
    state.lend_output(round);
}

/// Where a word is, as a load at the end of a block has it.
fn place(plan: &Plan, tail: &Forward, word: &Word, args: &[Arg]) -> Option<(Arg, i32)> {
    let address = plan.address_at(&tail.defs, word.access.address, args)?;
    if address.place.root().is_some() {
        return None;
    }
    match address.place.base() {
        Arg::Const(_) => Some((Const::new(Ty::Ptr, address.offset as u64).into(), 0)),
        base => Some((base, i32::try_from(address.offset).ok()?)),
    }
}

fn load(plan: &Plan, block: BlockId, tail: &mut Forward, word: &Word, args: &[Arg]) -> Arg {
    tail.fired.fire(Rule::JoinLoad);
    let (base, imm) = place(plan, tail, word, args).expect("looked at before");
    let ty = word.access.ty;
    let value = tail.out.add_value(ty);
    let aux = Aux::class(word.access.class);
    let load = Inst { op: Op::Load, ty, dst: Some(value), a: base, b: Arg::NONE, imm, aux };
    tail.out.blocks[block.index()].insts.push(load);
    value.into()
}

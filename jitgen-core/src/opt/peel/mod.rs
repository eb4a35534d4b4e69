//! Loop peeling: the forward pass again, over the same input, with what the first round has shown.
//!
//! ```text
//!                                     b0(v0: ptr):
//! b0(v0: ptr):                            v1 = load.i64 v0+8
//!     v1 = load.i64 v0+8                  jump b1()
//!     call @f(v1)               =>    b1():
//!     jump b0(v0)                         ...
//! ```
//!
//! The second round begins with assumptions about the loop's head:
//! - a red is *invariant* (the same operand each time) or a parameter of the body;
//! - a word in memory holds an operand that stays the same, or what a red's parameter holds, or is
//!   *carried*: it gets a parameter of its own;
//! - a comparison is decided;
//! - a parameter keeps to certain bits and bounds (`induct`).
//!
//! Knowledge about values of the first round needs no assumption: they stay what they are, and the
//! preamble dominates the body. So a pure operation on operands that have become the same as in the
//! first round is what it was there, and is not looked at again. What mentions a red's last value is rewritten to mention the
//! parameter: with `pos' = pos + 1` at the end, what is known of `data + pos` is known of
//! `data + L - 1`.
//!
//! Invariant `verified`: the assumptions are checked at the end of the round, by putting the
//! round's arguments in for the parameters and looking the result up; how they were guessed does
//! not matter. Those that fail are weakened, and the round is run again unless they were of no use in
//! it. They only get weaker, and without any the round is the plain loop.
//!
//! If the loop is a tree (`tree`), the blocks behind the body's guards are walked in each round, and
//! those that jump to the head go on in the body, if they hold what it assumes (`join`).
//!
//! Not here: choosing among several peeled versions, what the bounds of parameters are (`induct`).

mod guess;
mod join;

use super::Seen;
use super::address::{Address, Defs, Linear};
use super::forward::Forward;
use super::induct::Bound;
use super::node::Node;
use super::owners::Apart;
use super::passes::Passes;
use super::rules::{Fired, Rule};
use super::tree::{Origins, Tail};
use super::words::Access;
use crate::ir::{Arg, BlockId, End, Trace, ValueId};
use guess::guess;
use std::collections::HashSet;

/// After this many rounds all assumptions are dropped.
const MAX_ROUNDS: usize = 8;

/// What a word in memory is assumed to hold at the head.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Holds {
    /// This operand, in each round.
    Same(Arg),
    /// What that red's parameter holds.
    Red(usize),
    /// A parameter of its own, which first is this operand.
    Carried(Arg),
    /// Nothing is assumed any more.
    Nothing,
}

/// An assumption about memory, in terms of the body's parameters.
#[derive(Clone, Copy, Debug)]
struct Word {
    access: Access,
    holds: Holds,
    /// The number of what was assumed of it in this round.
    fact: u32,
    /// What it first is, if that is tested before the body to be what it holds.
    pinned: Option<Arg>,
    /// What its parameter keeps to, if it is carried.
    bound: Bound,
}

/// An assumption about a comparison, in terms of the body's parameters.
#[derive(Clone, Copy, Debug)]
struct Truth {
    node: Node,
    truth: bool,
}

/// What the second round begins with. Parameters are numbered from `first_param`: one for each red,
/// then one for each word, used or not.
struct Plan {
    /// The operand of an invariant red.
    reds: Vec<Option<Arg>>,
    /// Words that different blocks make different constants of.
    loose: HashSet<Access>,
    /// Words that some block changes: they have parameters also where the body hands these on.
    changed: HashSet<Access>,
    /// What the parameters of the others keep to.
    bounds: Vec<Bound>,
    words: Vec<Word>,
    truths: Vec<Truth>,
    first_param: u32,
}

impl Plan {
    fn red_param(&self, red: usize) -> ValueId {
        ValueId(self.first_param + red as u32)
    }

    fn word_param(&self, word: usize) -> ValueId {
        ValueId(self.first_param + (self.reds.len() + word) as u32)
    }

    /// Which variant red's parameter is that?
    fn red_of(&self, arg: Arg) -> Option<usize> {
        let index = arg.as_value()?.0.checked_sub(self.first_param)? as usize;
        (index < self.reds.len()).then_some(index)
    }

    /// An address in terms of parameters, with these arguments for them.
    fn address_at(&self, defs: &Defs, address: Address, args: &[Arg]) -> Option<Address> {
        let base = match self.red_of(address.place.base()) {
            Some(red) => defs.address(args[red], address.offset),
            None => Address { place: address.place.with_root(None), offset: address.offset },
        };
        let Some((value, scale)) = address.place.root() else {
            return Some(base);
        };
        let index = match self.red_of(value.into()) {
            Some(red) => defs.linear(args[red]).scaled(scale),
            None => Linear { root: Some((value, scale)), offset: 0 },
        };
        base.indexed(index)
    }

    /// What is known at the end of a round, with these arguments, of a word.
    fn word_at(&self, round: &Forward, word: &Word, args: &[Arg]) -> Option<Arg> {
        let address = self.address_at(&round.defs, word.access.address, args)?;
        let fact = round.facts.get(Access { address, ..word.access })?;
        Some(round.current(fact.value))
    }

    /// Is the comparison decided that way at the end of a round, with these arguments?
    fn truth_at(&self, round: &Forward, truth: &Truth, args: &[Arg]) -> bool {
        let arg = |arg: Arg| self.red_of(arg).map_or(arg, |red| args[red]);
        let node = Node { a: arg(truth.node.a), b: arg(truth.node.b), ..truth.node };
        round.truths.get(&node) == Some(truth.truth)
    }
}

/// A walk through the body, and through the blocks behind its guards if its own end holds what was
/// assumed.
struct Round<'t> {
    /// What is known at the end of the body; it has the output.
    end: Forward<'t>,
    /// The arguments of the jump there.
    again: Vec<Arg>,
    tails: Vec<Tail<'t>>,
}

/// What peeling comes to.
pub(super) enum Peeled {
    /// The loop behind its first round; its values that lead to different objects.
    Loop(Box<Trace>, Origins, Apart, Fired),
    /// The second round always fails a guard.
    Alternates,
    /// No assumption was of use.
    Nothing,
}

/// The peeled loop, from the state at the end of the first round and the arguments of its jump. The loop
/// takes the blocks behind the first round's guards with it.
pub(super) fn peel(preamble: &mut Forward, args: &[Arg], seen: Seen) -> Peeled {
    if preamble.contradiction {
        return Peeled::Nothing;
    }
    let params = preamble.params.iter().zip(args);
    let reds = params.map(|(param, arg)| {
        let same = *arg == Arg::Value(*param) || arg.as_const().is_some();
        same.then_some(*arg)
    });
    let mut plan = Plan {
        reds: reds.collect(),
        loose: HashSet::new(),
        changed: HashSet::new(),
        bounds: vec![Bound::New; args.len()],
        words: vec![],
        truths: vec![],
        first_param: preamble.out.values.len() as u32,
    };
    guess(&mut plan, preamble, args);
    let mut hopeful = false;
    let mut apart = HashSet::new();
    // Each block that jumps to the head may weaken something, twice as a rule.
    let rounds = MAX_ROUNDS + 2 * (preamble.input.blocks.len() - 1);
    for rounds_left in (0..rounds).rev() {
        plan.words.retain(|word| word.holds != Holds::Nothing);
        let mut round = run(preamble, &mut plan, args);
        if round.end.contradiction {
            return Peeled::Alternates;
        }
        let overstepped = weaken_bounds(&mut plan, &mut round.end, &round.again);
        let failed = weaken(&mut plan, &mut round, preamble, args) || overstepped;
        if !failed && !hopeful && rounds_left > 2 && strengthen(&mut plan, &round) {
            hopeful = true;
            continue;
        }
        if !failed && !join::weaken(&mut plan, &mut round, preamble, args, seen, &mut apart) {
            return assemble(&plan, round, preamble, args, &apart);
        }
        if rounds_left == 1 {
            plan.reds.iter_mut().for_each(|red| *red = None);
            plan.bounds.fill(Bound::Nothing);
            plan.words.clear();
            plan.truths.clear();
        }
    }
    Peeled::Nothing
}

/// Assumes of the words with parameters that only hand themselves on that they stay what they first
/// are; answers whether there were any that were of use. What fails is weakened again. Parameters that
/// were of no use are merged with what they first are afterwards (`params`).
fn strengthen(plan: &mut Plan, round: &Round) -> bool {
    let is_tree = round.end.sides.is_some();
    let same: Vec<bool> = (0..plan.words.len())
        .map(|k| {
            let word = &plan.words[k];
            let found = plan.word_at(&round.end, word, &round.again);
            matches!(word.holds, Holds::Carried(_))
                && !plan.changed.contains(&word.access)
                && (is_tree || round.end.facts.has_used(word.fact))
                && found == Some(plan.word_param(k).into())
        })
        .collect();
    for (word, same) in plan.words.iter_mut().zip(&same) {
        if let (Holds::Carried(first), true) = (word.holds, same) {
            word.holds = Holds::Same(first);
        }
    }
    same.contains(&true)
}

/// Runs the second round with the plan's assumptions; returns its end and its arguments.
fn run<'t>(preamble: &Forward<'t>, plan: &mut Plan, first: &[Arg]) -> Round<'t> {
    let mut round = preamble.straight();
    // The jump is made up at the end, when the parameters are known.
    round.end_block(End::Jump(BlockId(1), vec![]));
    round.scope.enter(round.out.values.len());
    let types = preamble.input.param_types();
    types.iter().for_each(|ty| {
        round.out.add_value(*ty);
    });
    plan.words.iter().for_each(|word| {
        round.out.add_value(word.access.ty);
    });
    let red = |k: usize| plan.reds[k].unwrap_or_else(|| plan.red_param(k).into());
    let args: Vec<Arg> = (0..plan.reds.len()).map(red).collect();
    round.begin(vec![], &args);
    for k in 0..plan.words.len() {
        let value = match plan.words[k].holds {
            Holds::Same(arg) => arg,
            Holds::Red(red) => plan.red_param(red).into(),
            Holds::Carried(_) => plan.word_param(k).into(),
            Holds::Nothing => unreachable!("such words are dropped before a round"),
        };
        let word = &mut plan.words[k];
        word.fact = round.facts.assume(word.access, value);
    }
    for truth in &plan.truths {
        round.learn_compare(truth.node, truth.truth);
    }
    assume_bounds(plan, &mut round, first);
    let again = round.run().expect("a loop ends with a jump");
    round.end_block(End::Jump(BlockId(1), vec![]));
    Round { end: round, again, tails: vec![] }
}

/// Lets the parameters keep to their bounds, as `induct` has it.
fn assume_bounds(plan: &mut Plan, round: &mut Forward, first: &[Arg]) {
    if !round.passes.contains(Passes::GUARDS) {
        plan.bounds.fill(Bound::Nothing);
        plan.words.iter_mut().for_each(|word| word.bound = Bound::Nothing);
    }
    for (k, first) in first.iter().enumerate().filter(|(k, _)| plan.reds[*k].is_none()) {
        let param = plan.red_param(k);
        plan.bounds[k].assume(round, param, *first);
    }
    for k in 0..plan.words.len() {
        if let Holds::Carried(first) = plan.words[k].holds {
            let param = plan.word_param(k);
            plan.words[k].bound.assume(round, param, first);
        }
    }
}

/// Checks the bounds at the end of the round; answers whether any was overstepped.
fn weaken_bounds(plan: &mut Plan, round: &mut Forward, again: &[Arg]) -> bool {
    let mut overstepped = false;
    for (k, next) in again.iter().enumerate().filter(|(k, _)| plan.reds[*k].is_none()) {
        overstepped |= plan.bounds[k].weaken(round, *next);
    }
    for k in 0..plan.words.len() {
        let word = plan.words[k];
        let carried = matches!(word.holds, Holds::Carried(_));
        // A word that is not known at the end is no parameter in the next round.
        if carried && let Some(next) = plan.word_at(round, &word, again) {
            overstepped |= plan.words[k].bound.weaken(round, next);
        }
    }
    overstepped
}

/// Checks the assumptions at the end of the round; weakens those that fail and answers whether the
/// round must be run again. That is not so if what fails has been of no use: then it has not been
/// assumed.
fn weaken(plan: &mut Plan, round: &mut Round, preamble: &Forward, args: &[Arg]) -> bool {
    let mut failed = false;
    for (red, arg) in plan.reds.iter_mut().zip(&round.again) {
        if red.is_some_and(|red| red != *arg) {
            *red = None;
            failed = true;
        }
    }
    if failed {
        // The words were guessed with this red as invariant.
        guess(plan, preamble, args);
        return true;
    }
    // A block behind a guard may need what the body does not.
    let is_tree = round.end.sides.is_some();
    loop {
        let words = plan.words.iter().map(|word| weaker(plan, round, preamble, args, word));
        let words: Vec<Holds> = words.collect();
        let fails = |(word, weaker): (&Word, &Holds)| word.holds != *weaker;
        let matters = |(word, weaker): (&Word, &Holds)| {
            let is_lost = *weaker == Holds::Nothing || !is_tree;
            fails((word, weaker)) && (!is_lost || round.end.facts.has_used(word.fact))
        };
        if plan.words.iter().zip(&words).any(matters) {
            failed = true;
            plan.words.iter_mut().zip(words).for_each(|(word, weaker)| word.holds = weaker);
            break;
        }
        if !plan.words.iter().zip(&words).any(fails) {
            break;
        }
        // What is forgotten may be why another word is known at the end.
        for (word, weaker) in plan.words.iter_mut().zip(words) {
            if word.holds != weaker {
                word.holds = Holds::Nothing;
                round.end.forget(word.access);
            }
        }
    }
    let truths: Vec<Truth> = plan.truths.to_vec();
    let kept = truths.iter().filter(|t| plan.truth_at(&round.end, t, &round.again));
    plan.truths = kept.copied().collect();
    failed || plan.truths.len() < truths.len()
}

/// What may be assumed of a word, as the end of the round tells.
fn weaker(plan: &Plan, round: &Round, preamble: &Forward, args: &[Arg], word: &Word) -> Holds {
    let Some(found) = plan.word_at(&round.end, word, &round.again) else { return Holds::Nothing };
    match word.holds {
        Holds::Nothing => Holds::Nothing,
        Holds::Same(arg) if found == arg => word.holds,
        Holds::Red(red) if found == round.again[red] => word.holds,
        // What it first is may be known better than it was.
        Holds::Carried(_) | Holds::Same(_) | Holds::Red(_) => {
            plan.word_at(preamble, word, args).map_or(Holds::Nothing, Holds::Carried)
        }
    }
}

/// Makes the blocks' parameters and jumps; those of the blocks that are `apart` go to the entry.
fn assemble<'t>(
    plan: &Plan,
    round: Round<'t>,
    preamble: &mut Forward<'t>,
    args: &[Arg],
    apart: &HashSet<BlockId>,
) -> Peeled {
    let Round { end: mut round, again, mut tails } = round;
    let (mut params, mut first, mut next) = (vec![], vec![], vec![]);
    for (k, red) in plan.reds.iter().enumerate() {
        if red.is_some() {
            round.fired.fire(Rule::PeelInvariant);
        } else {
            params.push(plan.red_param(k));
            first.push(args[k]);
            next.push(again[k]);
        }
    }
    for (k, word) in plan.words.iter().enumerate() {
        let initial = match word.holds {
            Holds::Carried(initial) => initial,
            Holds::Same(_) | Holds::Red(_) => {
                round.fired.fire(Rule::PeelMemory);
                continue;
            }
            Holds::Nothing => continue,
        };
        round.fired.fire(Rule::PeelCarry);
        params.push(plan.word_param(k));
        first.push(initial);
        next.push(plan.word_at(&round, word, &again).expect("verified"));
    }
    if !plan.truths.is_empty() {
        round.fired.fire(Rule::PeelTruth);
    }
    let is_carried = |word: &&Word| matches!(word.holds, Holds::Carried(_));
    let of_reds = plan.bounds.iter().zip(&plan.reds).filter(|(_, red)| red.is_none());
    let mut bounds = of_reds.map(|(bound, _)| bound);
    let mut of_words = plan.words.iter().filter(is_carried).map(|word| &word.bound);
    if bounds.any(|bound| bound.tells()) || of_words.any(|bound| bound.tells()) {
        round.fired.fire(Rule::PeelBound);
    }
    join::pin(plan, &mut round, args);
    for tail in tails.iter_mut().filter(|tail| !apart.contains(&tail.state.block)) {
        join::join(plan, tail, &mut round);
    }
    // The first round's guards do not come behind all that the body uses.
    round.walk_all(preamble.sides.take().unwrap_or_default());
    round.out.blocks[1].params = params;
    round.out.blocks[1].end = End::Jump(BlockId(1), next);
    round.out.blocks[0].end = End::Jump(BlockId(1), first);
    Peeled::Loop(Box::new(round.out), round.origins, round.apart, round.fired)
}

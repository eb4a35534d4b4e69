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
//! preamble dominates the body. What mentions a red's last value is rewritten to mention the
//! parameter: with `pos' = pos + 1` at the end, what is known of `data + pos` is known of
//! `data + L - 1`.
//!
//! Invariant `verified`: the assumptions are checked at the end of the round, by putting the
//! round's arguments in for the parameters and looking the result up; how they were guessed does
//! not matter. Those that fail are weakened and the round is run again. They only get weaker, and
//! without any the round is the plain loop.
//!
//! Not here: choosing among several peeled versions, what the bounds of parameters are (`induct`).

use super::address::{Address, Defs, Linear, Place};
use super::forward::Forward;
use super::induct::Bound;
use super::memory::Fact;
use super::node::Node;
use super::passes::Passes;
use super::rules::{Fired, Rule};
use super::words::Access;
use crate::ir::{Arg, Aux, BlockId, Effect, End, Trace, Ty, ValueId};
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
}

/// An assumption about memory, in terms of the body's parameters.
#[derive(Clone, Copy, Debug)]
struct Word {
    access: Access,
    holds: Holds,
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
        let base = match self.red_of(address.place.base) {
            Some(red) => defs.address(args[red], address.offset),
            None => Address {
                place: Place { base: address.place.base, root: None },
                offset: address.offset,
            },
        };
        let Some((value, scale)) = address.place.root else {
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
        round.truths.get(&node.key()) == Some(&truth.truth)
    }
}

/// The peeled loop, from the state at the end of the first round and the arguments of its jump;
/// and whether there is none because the second round always fails a guard.
pub(super) fn peel(preamble: &Forward, args: &[Arg]) -> (Option<(Trace, Fired)>, bool) {
    if preamble.contradiction {
        return (None, false);
    }
    let params = preamble.params.iter().zip(args);
    let reds = params.map(|(param, arg)| {
        let same = *arg == Arg::Value(*param) || arg.as_const().is_some();
        same.then_some(*arg)
    });
    let mut plan = Plan {
        reds: reds.collect(),
        bounds: vec![Bound::New; args.len()],
        words: vec![],
        truths: vec![],
        first_param: preamble.out.values.len() as u32,
    };
    guess(&mut plan, preamble, args);
    let mut hopeful = false;
    for rounds_left in (0..MAX_ROUNDS).rev() {
        let (mut round, again) = run(preamble, &mut plan, args);
        if round.contradiction {
            return (None, true);
        }
        let overstepped = weaken_bounds(&mut plan, &mut round, &again);
        if weaken(&mut plan, &round, preamble, args, &again) || overstepped {
            if rounds_left == 1 {
                plan.reds.iter_mut().for_each(|red| *red = None);
                plan.bounds.fill(Bound::Nothing);
                plan.words.clear();
                plan.truths.clear();
            }
            continue;
        }
        if !hopeful && rounds_left > 2 && strengthen(&mut plan, &round, &again) {
            hopeful = true;
            continue;
        }
        return (Some(assemble(&plan, round, args, &again)), false);
    }
    (None, false)
}

/// Assumes of the words with parameters that only hand themselves on that they stay what they first
/// are; answers whether there were any. What fails is weakened again.
fn strengthen(plan: &mut Plan, round: &Forward, again: &[Arg]) -> bool {
    let same: Vec<bool> = (0..plan.words.len())
        .map(|k| {
            let found = plan.word_at(round, &plan.words[k], again);
            matches!(plan.words[k].holds, Holds::Carried(_))
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
fn run<'t>(preamble: &Forward<'t>, plan: &mut Plan, first: &[Arg]) -> (Forward<'t>, Vec<Arg>) {
    let mut round = preamble.clone();
    // The jump is made up at the end, when the parameters are known.
    round.end_block(End::Jump(BlockId(1), vec![]));
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
    for (k, word) in plan.words.iter().enumerate() {
        let value = match word.holds {
            Holds::Same(arg) => arg,
            Holds::Red(red) => plan.red_param(red).into(),
            Holds::Carried(_) => plan.word_param(k).into(),
        };
        round.facts.assume(word.access, value);
    }
    for truth in &plan.truths {
        round.learn_compare(truth.node, truth.truth);
    }
    assume_bounds(plan, &mut round, first);
    let again = round.run().expect("a loop ends with a jump");
    (round, again)
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

/// Checks the assumptions at the end of the round; weakens those that fail and answers whether
/// there were any.
fn weaken(
    plan: &mut Plan,
    round: &Forward,
    preamble: &Forward,
    args: &[Arg],
    again: &[Arg],
) -> bool {
    let mut failed = false;
    for (red, arg) in plan.reds.iter_mut().zip(again) {
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
    let mut words = vec![];
    for word in &plan.words {
        let found = plan.word_at(round, word, again);
        let first = plan.word_at(preamble, word, args);
        let weaker = match (word.holds, found, first) {
            (_, None, _) | (_, _, None) => None,
            (Holds::Same(arg), Some(found), _) if found == arg => Some(word.holds),
            (Holds::Red(red), Some(found), _) if found == again[red] => Some(word.holds),
            (_, Some(_), Some(first)) => Some(Holds::Carried(first)),
        };
        failed |= weaker != Some(word.holds);
        words.extend(weaker.map(|holds| Word { holds, ..*word }));
    }
    let truths: Vec<Truth> = plan.truths.to_vec();
    let kept = truths.iter().filter(|t| plan.truth_at(round, t, again));
    let kept: Vec<Truth> = kept.copied().collect();
    failed |= kept.len() < truths.len();
    (plan.words, plan.truths) = (words, kept);
    failed
}

/// Makes the blocks' parameters and jumps.
fn assemble(plan: &Plan, mut round: Forward, args: &[Arg], again: &[Arg]) -> (Trace, Fired) {
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
        let Holds::Carried(initial) = word.holds else {
            round.fired.fire(Rule::PeelMemory);
            continue;
        };
        round.fired.fire(Rule::PeelCarry);
        params.push(plan.word_param(k));
        first.push(initial);
        next.push(plan.word_at(&round, word, again).expect("verified"));
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
    round.params = params;
    round.end_block(End::Jump(BlockId(1), next));
    round.out.blocks[0].end = End::Jump(BlockId(1), first);
    (round.out, round.fired)
}

/// Assumptions from what is known at the end of the first round.
fn guess(plan: &mut Plan, preamble: &Forward, args: &[Arg]) {
    let guesser = Guesser::new(plan, preamble, args);
    let mut words: Vec<Word> = vec![];
    let mut seen = HashSet::new();
    for (access, fact) in preamble.facts.sorted() {
        for word in guesser.words(access, fact) {
            let new = seen.insert((word.access.ty, word.access.address));
            if new && plan.word_at(preamble, &word, args).is_some() {
                words.push(word);
            }
        }
    }
    let truths = guesser.truths();
    (plan.words, plan.truths) = (words, truths);
}

struct Guesser<'a, 't> {
    plan: &'a Plan,
    preamble: &'a Forward<'t>,
    args: &'a [Arg],
    /// Which values of the preamble depend on a red that changes.
    varies: Vec<bool>,
    /// Which of them depend on memory.
    loaded: Vec<bool>,
    /// The arguments of reds that change, as pointers and as indices.
    pointers: Vec<(usize, Address)>,
    indices: Vec<(usize, Linear)>,
}

impl<'a, 't> Guesser<'a, 't> {
    fn new(plan: &'a Plan, preamble: &'a Forward<'t>, args: &'a [Arg]) -> Guesser<'a, 't> {
        let mut varies = vec![false; preamble.out.values.len()];
        let mut loaded = varies.clone();
        let (mut pointers, mut indices) = (vec![], vec![]);
        for (k, red) in plan.reds.iter().enumerate() {
            if red.is_some() {
                continue;
            }
            varies[preamble.params[k].index()] = true;
            match preamble.ty(args[k]) {
                Ty::Ptr => pointers.push((k, preamble.defs.address(args[k], 0))),
                Ty::I64 => {
                    // It may be the bits of one.
                    pointers.push((k, preamble.defs.address(args[k], 0)));
                    indices.push((k, preamble.defs.linear(args[k])));
                }
                _ => (),
            }
        }
        for inst in &preamble.insts {
            let Some(dst) = inst.dst else { continue };
            let args = match inst.aux {
                Aux::Call(call) => &preamble.out.calls[call.index()].args[..],
                Aux::None | Aux::Exit(_) | Aux::Class(_) => &[],
            };
            let operands = args.iter().chain([&inst.a, &inst.b]).filter_map(|arg| arg.as_value());
            let of = |set: &[bool]| operands.clone().any(|v| set[v.index()]);
            varies[dst.index()] =
                of(&varies) || matches!(inst.op.effect(), Effect::Any | Effect::Make);
            loaded[dst.index()] = of(&loaded) || inst.op.effect() == Effect::Read;
        }
        Guesser { plan, preamble, args, varies, loaded, pointers, indices }
    }

    fn stable(&self, arg: Arg) -> bool {
        arg.as_value().is_none_or(|v| !self.varies[v.index()])
    }

    fn loaded(&self, arg: Arg) -> bool {
        arg.as_value().is_some_and(|v| self.loaded[v.index()])
    }

    /// The fact in terms of the parameters: each way to write its address, and its value.
    fn words(&self, access: Access, fact: Fact) -> Vec<Word> {
        let value = self.preamble.current(fact.value);
        let rewritten = |holds_same: bool| {
            let red = (0..self.args.len())
                .find(|k| self.plan.reds[*k].is_none() && self.args[*k] == value);
            match red {
                Some(red) => Holds::Red(red),
                // What is stored in each round mostly differs, if it was computed from memory.
                None if value.as_const().is_some() => Holds::Same(value),
                None if holds_same
                    && self.stable(value)
                    && !(fact.stored && self.loaded(value)) =>
                {
                    Holds::Same(value)
                }
                None => Holds::Carried(value),
            }
        };
        let mut words = vec![];
        for (base, base_same) in self.bases(access.address) {
            for (address, root_same) in self.roots(base) {
                let holds = rewritten(base_same && root_same);
                let access = Access { address, ..access };
                words.push(Word { access, holds, bound: Bound::New });
            }
        }
        words
    }

    /// The address with its base as it is, or as a parameter; and whether it is as it is.
    fn bases(&self, address: Address) -> Vec<(Address, bool)> {
        let mut found = vec![];
        if self.stable(address.place.base) {
            found.push((address, true));
        }
        for (k, pointer) in &self.pointers {
            if pointer.place.base != address.place.base {
                continue;
            }
            let root = match (pointer.place.root, address.place.root) {
                (None, root) => root,
                (Some(a), Some(b)) if a == b => None,
                _ => continue,
            };
            let place = Place { base: self.plan.red_param(*k).into(), root };
            let offset = address.offset.wrapping_sub(pointer.offset);
            found.push((Address { place, offset }, false));
        }
        found
    }

    /// The same for its index.
    fn roots(&self, address: Address) -> Vec<(Address, bool)> {
        let Some((value, scale)) = address.place.root else {
            return vec![(address, true)];
        };
        let mut found = vec![];
        if self.stable(value.into()) {
            found.push((address, true));
        }
        for (k, index) in &self.indices {
            if index.root != Some((value, 1)) {
                continue;
            }
            let place = Place { root: Some((self.plan.red_param(*k), scale)), ..address.place };
            let shifted = Address { place, ..address };
            let moved = scale.wrapping_mul(index.offset).wrapping_neg();
            found.push((shifted.shifted(moved), false));
        }
        found
    }

    /// Decided comparisons of a red's last value with another's, or with what stays.
    fn truths(&self) -> Vec<Truth> {
        if !self.preamble.passes.contains(Passes::GUARDS) {
            return vec![];
        }
        let red = |arg: Arg| {
            let variant = |k: &usize| self.plan.reds[*k].is_none() && self.args[*k] == arg;
            (0..self.args.len()).find(variant)
        };
        let mut found = vec![];
        for (node, truth) in &self.preamble.truths {
            let (a, b) = (red(node.a), red(node.b));
            let keeps = |arg: Arg, red: Option<usize>| red.is_some() || self.stable(arg);
            if (a, b) == (None, None) || !keeps(node.a, a) || !keeps(node.b, b) {
                continue;
            }
            let arg = |arg, red: Option<usize>| red.map_or(arg, |k| self.plan.red_param(k).into());
            let node = Node { a: arg(node.a, a), b: arg(node.b, b), ..*node };
            found.push(Truth { node: node.key(), truth: *truth });
        }
        // The table has no order; the result must not depend on it.
        found.sort_by_key(|t| format!("{:?}", t.node));
        found
    }
}

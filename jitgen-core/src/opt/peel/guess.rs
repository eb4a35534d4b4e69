//! Guessing what the head of a peeled loop may assume, from what is known at the end of the first
//! round.
//!
//! ```text
//! known: data + pos + 1 holds v7, at the end       assumed: data + L holds v7's parameter, where
//! the last value of the red L is pos + 1                    L is the red's parameter
//! ```
//!
//! Not here: whether it holds (`super`).

use super::super::address::{Address, Linear, Place};
use super::super::forward::Forward;
use super::super::induct::Bound;
use super::super::memory::Fact;
use super::super::node::Node;
use super::super::passes::Passes;
use super::super::words::Access;
use super::{Holds, Plan, Truth, Word};
use crate::ir::{Arg, Aux, Effect, Map, Set, Ty};

/// Assumptions from what is known at the end of the first round.
pub(super) fn guess(plan: &mut Plan, preamble: &Forward, args: &[Arg]) {
    let guesser = Guesser::new(plan, preamble, args);
    // There is about one for each fact.
    let room = preamble.facts.len();
    let (mut words, mut found) = (Vec::<Word>::with_capacity(room), vec![]);
    let mut seen = Set::with_capacity_and_hasher(room, Default::default());
    for (access, fact) in preamble.facts.sorted() {
        guesser.words(access, fact, &mut found);
        for word in found.drain(..) {
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
    /// Which values of the preamble depend on a red that changes.
    varies: Vec<bool>,
    /// Which of them depend on memory.
    loaded: Vec<bool>,
    /// The arguments of reds that change, as pointers and as indices.
    pointers: Vec<(usize, Address)>,
    indices: Vec<(usize, Linear)>,
    /// By argument of a red that changes: the first such red.
    last: Map<Arg, usize>,
}

impl<'a, 't> Guesser<'a, 't> {
    fn new(plan: &'a Plan, preamble: &'a Forward<'t>, args: &'a [Arg]) -> Guesser<'a, 't> {
        let mut varies = vec![false; preamble.out.values.len()];
        let mut loaded = varies.clone();
        let (mut pointers, mut indices, mut last) = (vec![], vec![], Map::default());
        for (k, red) in plan.reds.iter().enumerate() {
            if red.is_some() {
                continue;
            }
            varies[preamble.params[k].index()] = true;
            last.entry(args[k]).or_insert(k);
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
            let of = |set: &[bool]| {
                let has = |arg: &Arg| arg.as_value().is_some_and(|v| set[v.index()]);
                has(&inst.a) || has(&inst.b) || args.iter().any(has)
            };
            varies[dst.index()] =
                of(&varies) || matches!(inst.op.effect(), Effect::Any | Effect::Make);
            loaded[dst.index()] = of(&loaded) || inst.op.effect() == Effect::Read;
        }
        Guesser { plan, preamble, varies, loaded, pointers, indices, last }
    }

    /// The first red that changes and has this as its last value.
    fn red(&self, value: Arg) -> Option<usize> {
        self.last.get(&value).copied()
    }

    fn stable(&self, arg: Arg) -> bool {
        arg.as_value().is_none_or(|v| !self.varies[v.index()])
    }

    fn loaded(&self, arg: Arg) -> bool {
        arg.as_value().is_some_and(|v| self.loaded[v.index()])
    }

    /// Adds the fact in terms of the parameters: each way to write its address, and its value.
    fn words(&self, access: Access, fact: Fact, words: &mut Vec<Word>) {
        let value = self.preamble.current(fact.value);
        let rewritten = |holds_same: bool| {
            match self.red(value) {
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
        self.bases(access.address, |base, base_same| {
            self.roots(base, |address, root_same| {
                let holds = rewritten(base_same && root_same);
                let access = Access { address, ..access };
                words.push(Word { access, holds, fact: 0, pinned: None, bound: Bound::New });
            });
        });
    }

    /// The address with its base as it is, or as a parameter; and whether it is as it is.
    fn bases(&self, address: Address, mut found: impl FnMut(Address, bool)) {
        if self.stable(address.place.base()) {
            found(address, true);
        }
        for (k, pointer) in &self.pointers {
            if pointer.place.base() != address.place.base() {
                continue;
            }
            let root = match (pointer.place.root(), address.place.root()) {
                (None, root) => root,
                (Some(a), Some(b)) if a == b => None,
                _ => continue,
            };
            let place = Place::at(self.plan.red_param(*k).into()).with_root(root);
            let offset = address.offset.wrapping_sub(pointer.offset);
            found(Address { place, offset }, false);
        }
    }

    /// The same for its index.
    fn roots(&self, address: Address, mut found: impl FnMut(Address, bool)) {
        let Some((value, scale)) = address.place.root() else {
            return found(address, true);
        };
        if self.stable(value.into()) {
            found(address, true);
        }
        for (k, index) in &self.indices {
            if index.root != Some((value, 1)) {
                continue;
            }
            let place = address.place.with_root(Some((self.plan.red_param(*k), scale)));
            let shifted = Address { place, ..address };
            let moved = scale.wrapping_mul(index.offset).wrapping_neg();
            found(shifted.shifted(moved), false);
        }
    }

    /// Decided comparisons of a red's last value with another's, or with what stays.
    fn truths(&self) -> Vec<Truth> {
        if !self.preamble.passes.contains(Passes::GUARDS) {
            return vec![];
        }
        let mut found = vec![];
        for (node, truth) in self.preamble.truths.iter() {
            let (a, b) = (self.red(node.a), self.red(node.b));
            let keeps = |arg: Arg, red: Option<usize>| red.is_some() || self.stable(arg);
            if (a, b) == (None, None) || !keeps(node.a, a) || !keeps(node.b, b) {
                continue;
            }
            let arg = |arg, red: Option<usize>| red.map_or(arg, |k| self.plan.red_param(k).into());
            let node = Node { a: arg(node.a, a), b: arg(node.b, b), ..node };
            found.push(Truth { node: node.key(), truth });
        }
        // The table has no order; the result must not depend on it.
        found.sort_by_cached_key(|t| format!("{:?}", t.node));
        found
    }
}

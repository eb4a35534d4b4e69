//! What is known of each value: an element of the `domain` for each.
//!
//! ```text
//! v1 = zext.i64 v0            ;; v0: i8, so v1 is in 0..=255
//! v2 = lt_u.i64 v1, 30000     =>      true
//! ```
//!
//! An element comes from the operation that defines the value, from guards (both operands of a
//! comparison, and through sums and extensions what these were made of), and for the parameters of
//! a peeled loop from `induct`. When something new is learned, what was computed from older
//! knowledge is computed again where it is asked for, if there is news of its operands.
//!
//! Most guards tell something of values that are compared and nothing else: a tag, a bound, the
//! comparison itself. Nothing has been computed from these but truth values. So only news of a value
//! that is *used* makes other elements old, and the elements of comparisons count as old at any time.
//!
//! Invariants: `conservative` (the element of an operand contains every value it can have here), `used`
//! (what has been computed from an element, besides a comparison, is of a value that is marked so).
//!
//! Not here: relations between values (`guards`).

use super::dense::Growing;
use super::domain::{self, Known, transfer};
use super::forward::Forward;
use super::meet::Visible;
use super::node::Node;
use crate::ir::{Arg, Const, Op, Sig, Ty, ValueId};
use std::cell::RefCell;
use std::rc::Rc;

/// How many definitions back new knowledge is looked for, and carried.
const MAX_DEPTH: u32 = 4;

/// The elements of the values, by number.
#[derive(Clone)]
pub(super) struct Values {
    entries: Growing<Entry>,
    /// The elements, which copies of the table share.
    pool: Pool,
    /// How often something was learned that is not in a definition, of what is used; at first 1.
    learned: u32,
    /// What that was when a guard last decided whether a result overflows, if one has.
    decided: Option<u32>,
}

/// An element is several times as large as the rest of an entry, and a copy of the table changes few of
/// them: so they are kept aside, and never change there.
#[derive(Clone)]
struct Pool(Rc<RefCell<Vec<Known>>>);

/// What the pool begins with: the elements of each width that say nothing, by the logarithm of the
/// width, and the two truth values.
const TRUTHS: u32 = u64::BITS.ilog2() + 1;

impl Pool {
    fn with_room(values: usize) -> Pool {
        let mut known = Vec::with_capacity(TRUTHS as usize + 2 + values);
        known.extend((0..TRUTHS).map(|log| Known::full(1 << log)));
        known.extend([0, 1].map(|truth| Known::one(Ty::Bool.width(), truth)));
        Pool(Rc::new(RefCell::new(known)))
    }

    fn get(&self, number: u32) -> Known {
        self.0.borrow()[number as usize]
    }

    /// The number of the element that says nothing of a value of that type.
    fn full(ty: Ty) -> u32 {
        ty.width().ilog2()
    }

    fn add(&self, known: &Known) -> u32 {
        if known.is_full() {
            return known.width.ilog2();
        }
        match (known.width, known.value()) {
            (1, Some(truth)) => TRUTHS + truth as u32,
            _ => {
                let mut pool = self.0.borrow_mut();
                pool.push(*known);
                pool.len() as u32 - 1
            }
        }
    }
}

/// The number of no element: nothing has been said of the value.
const NONE: u32 = u32::MAX;

/// The element of what is no result of a pure operation holds whatever is learned of others.
const EVER: u32 = u32::MAX;

#[derive(Clone, Copy)]
struct Entry {
    /// The number of the element.
    known: u32,
    /// What `learned` was when the element was computed ([`EVER`] if it is not),
    learned: u32,
    /// and when it became what it is.
    changed: u32,
    /// Is it an operand of something that is no comparison, or of a comparison that is?
    is_used: bool,
    /// Is it the result of a comparison?
    compares: bool,
}

/// The entry of a value of which nothing has been said: an old one.
const NOTHING: Entry =
    Entry { known: NONE, learned: 0, changed: 0, is_used: false, compares: false };

impl Values {
    /// Nothing is known, but there is room for so many values, and for that many in all copies.
    pub fn with_room(values: usize, all: usize) -> Values {
        let entries = Vec::with_capacity(values).into();
        Values { entries, pool: Pool::with_room(all), learned: 1, decided: None }
    }

    fn entry(&self, v: ValueId) -> Option<Entry> {
        self.entries.get(v.index()).copied().filter(|entry| entry.known != NONE)
    }

    fn entry_mut(&mut self, v: ValueId) -> &mut Entry {
        if self.entries.len() <= v.index() {
            self.entries.resize(v.index() + 1, NOTHING);
        }
        &mut self.entries[v.index()]
    }

    /// The entry of a new value.
    fn begin(&mut self, v: ValueId, entry: Entry) {
        debug_assert!(self.entries.len() <= v.index(), "{v:?} is not new");
        self.entries.resize(v.index(), NOTHING);
        self.entries.push(entry);
    }

    fn set_number(&mut self, v: ValueId, number: u32) {
        let learned = self.learned;
        let entry = self.entry_mut(v);
        if entry.learned != EVER {
            entry.learned = learned;
        }
        if entry.known != number {
            (entry.known, entry.changed) = (number, learned);
        }
    }

    /// Something is about to be said of a value that does not follow from its definition.
    fn learn(&mut self, v: ValueId) {
        self.learned += u32::from(self.entry_mut(v).is_used);
    }

    /// A guard has decided a truth value.
    pub fn set_truth(&mut self, v: ValueId, truth: bool) {
        let known = self.entry(v).map(|entry| entry.known);
        // What is known to be the other one is never asked for: this place is not reached.
        if known.is_none_or(|known| known < TRUTHS) {
            self.learn(v);
            self.set_number(v, TRUTHS + u32::from(truth));
        }
    }

    /// Where ways meet: keeps what holds on all of them.
    pub fn narrow_to(&mut self, others: &[&Values], visible: &Visible) {
        let all = || others.iter().copied();
        self.learned = all().map(|other| other.learned).fold(self.learned, u32::max) + 1;
        let decided = self.decided.is_some() && all().all(|other| other.decided.is_some());
        self.decided = decided.then_some(self.learned);
        for index in 0..self.entries.len() {
            let v = ValueId(index as u32);
            let number = if visible.value(v) { self.joined(v, others) } else { NONE };
            let (known, changed) = (number, self.learned);
            let learned = if known == NONE { 0 } else { changed };
            let entry = &mut self.entries[index];
            *entry = Entry { known, learned, changed, ..*entry };
        }
    }

    /// The number of what is known of a value in all of these.
    fn joined(&self, v: ValueId, others: &[&Values]) -> u32 {
        let mut joined = self.entries[v.index()].known;
        for other in others {
            let Some(there) = other.entry(v).filter(|_| joined != NONE) else { return NONE };
            if there.known != joined {
                joined = self.pool.add(&self.pool.get(joined).join(&self.pool.get(there.known)));
            }
        }
        joined
    }

    /// A guard has decided a predicate: maybe whether a result overflows.
    pub fn decided(&mut self, op: Op) {
        let overflows = matches!(
            op,
            Op::AddOvfS | Op::AddOvfU | Op::SubOvfS | Op::SubOvfU | Op::MulOvfS | Op::MulOvfU
        );
        if overflows {
            self.learned += 1;
            self.decided = Some(self.learned);
        }
    }

    /// When the element of a value became what it is.
    fn changed(&self, v: ValueId) -> u32 {
        self.entries.get(v.index()).map_or(0, |entry| entry.changed)
    }

    /// The element of a value is still that one.
    fn still(&mut self, v: ValueId, number: u32) -> u32 {
        self.entries[v.index()].learned = self.learned;
        number
    }
}

impl Forward<'_> {
    /// What is known of an operand.
    pub fn known_of(&mut self, arg: Arg) -> Known {
        self.known_within(arg, MAX_DEPTH)
    }

    fn known_within(&mut self, arg: Arg, depth: u32) -> Known {
        match arg {
            Arg::Const(c) => Known::one(c.ty.width(), c.bits),
            Arg::Value(v) => {
                let number = self.refresh(v, depth);
                self.values.pool.get(number)
            }
        }
    }

    /// The value is the result of that operation, of which this has been computed, if anything has.
    pub fn define(&mut self, v: ValueId, node: &Node, computed: Option<&Known>) {
        self.defs.set(v, *node);
        let (known, learned) = match computed {
            Some(known) => (self.values.pool.add(known), self.values.learned),
            None => (NONE, 0),
        };
        let compares = node.op.sig() == Sig::Compare;
        let entry = Entry { known, learned, changed: learned, is_used: false, compares };
        self.values.begin(v, entry);
        if !compares {
            self.mark_used(node.a);
            self.mark_used(node.b);
        }
    }

    /// What is computed now depends on what is known of the operand.
    fn mark_used(&mut self, arg: Arg) {
        let Arg::Value(v) = arg else { return };
        let entry = self.values.entry_mut(v);
        if std::mem::replace(&mut entry.is_used, true) || !entry.compares {
            return;
        }
        if let Some(node) = self.defs.get(arg) {
            self.mark_used(node.a);
            self.mark_used(node.b);
        }
    }

    /// The number of the element of a value, which is computed (again) if there is news.
    fn refresh(&mut self, v: ValueId, depth: u32) -> u32 {
        let entry = self.values.entries.get(v.index()).unwrap_or(&NOTHING);
        if entry.learned >= self.values.learned && !entry.compares {
            return entry.known;
        }
        let entry = Some(*entry).filter(|entry| entry.known != NONE);
        match depth.checked_sub(1) {
            Some(depth) => self.compute(v, entry, depth),
            None => entry.map_or_else(|| Pool::full(self.ty(v.into())), |entry| entry.known),
        }
    }

    fn compute(&mut self, v: ValueId, entry: Option<Entry>, depth: u32) -> u32 {
        let Some(node) = self.defs.get(v.into()) else {
            let number = entry.map_or_else(|| Pool::full(self.ty(v.into())), |entry| entry.known);
            self.values.set_number(v, number);
            self.values.entry_mut(v).learned = EVER;
            return number;
        };
        let known = match entry {
            None => self.computed_within(&node, depth),
            Some(then) if self.has_news(&node, then, depth) => {
                let old = self.values.pool.get(then.known);
                let new = self.computed_within(&node, depth);
                // Knowledge that contradicts itself means that this place is never reached.
                match old.meet(&new) {
                    Some(known) if known != old => known,
                    _ => return self.values.still(v, then.known),
                }
            }
            Some(then) => return self.values.still(v, then.known),
        };
        let number = self.values.pool.add(&known);
        self.values.set_number(v, number);
        number
    }

    /// Could more be known of the operation's result than it was? The elements of its operands are
    /// computed for that, if they have to be.
    fn has_news(&mut self, node: &Node, then: Entry, depth: u32) -> bool {
        self.values.decided.is_some_and(|decided| decided > then.learned)
            && matches!(node.op, Op::Add | Op::Sub | Op::Mul)
            || self.is_news(node.a, then, depth)
            || self.is_news(node.b, then, depth)
    }

    fn is_news(&mut self, operand: Arg, then: Entry, depth: u32) -> bool {
        let Arg::Value(v) = operand else { return false };
        self.refresh(v, depth);
        let changed = self.values.changed(v);
        // News of what is not used are not counted.
        changed > then.learned || changed == then.learned && then.compares
    }

    /// What is known of the result of an operation.
    pub fn computed(&mut self, node: &Node) -> Known {
        self.computed_within(node, MAX_DEPTH)
    }

    /// What a comparison must be, as bits and bounds say.
    pub fn compared(&mut self, node: &Node) -> Option<bool> {
        let a = self.known_of(node.a);
        if domain::is_lost(node.op, &a) {
            return None;
        }
        let b = self.known_of(node.b);
        domain::decide(node.op, &a, &b)
    }

    fn computed_within(&mut self, node: &Node, depth: u32) -> Known {
        let a = self.known_within(node.a, depth);
        if self.values.decided.is_none() && domain::is_lost(node.op, &a) {
            return Known::full(domain::result_width(node.op, node.ty.width()));
        }
        let b = self.known_within(node.b, depth);
        let known = transfer(node.op, node.ty.width(), &a, &b);
        let overflows = match node.op {
            _ if self.values.decided.is_none() => return known,
            Op::Add => [Op::AddOvfS, Op::AddOvfU],
            Op::Sub => [Op::SubOvfS, Op::SubOvfU],
            Op::Mul => [Op::MulOvfS, Op::MulOvfU],
            _ => return known,
        };
        let mut known = known;
        for op in overflows {
            if self.truths.get(&Node { op, ..*node }) == Some(false) {
                let exact = domain::without_overflow(op, &a, &b);
                known = exact.and_then(|exact| known.meet(&exact)).unwrap_or(known);
            }
        }
        known
    }

    /// Notes what else is known of an operand from here on.
    pub fn narrow(&mut self, arg: Arg, known: Known) {
        self.narrow_within(arg, known, MAX_DEPTH);
    }

    fn narrow_within(&mut self, arg: Arg, known: Known, depth: u32) {
        let Arg::Value(v) = arg else { return };
        let old = self.known_of(arg);
        if let Some(known) = old.meet(&known).filter(|known| *known != old) {
            self.replace_within(v, &known, depth);
        }
    }

    /// Notes that this, which is less than what is known of a value, is known from here on.
    pub fn replace(&mut self, v: ValueId, known: &Known) {
        self.replace_within(v, known, MAX_DEPTH);
    }

    fn replace_within(&mut self, v: ValueId, known: &Known, depth: u32) {
        let arg = Arg::Value(v);
        self.values.learn(v);
        let number = self.values.pool.add(known);
        self.values.set_number(v, number);
        if let Some(bits) = known.value() {
            self.constants.insert(v, Const::new(self.ty(arg), bits));
        }
        let (Some(node), Some(depth)) = (self.defs.get(arg), depth.checked_sub(1)) else {
            return;
        };
        let (ty, from): (Ty, Ty) = (node.ty, self.ty(node.a));
        let operand = match (node.op, node.b) {
            (Op::Add, Arg::Const(c)) => {
                transfer(Op::Sub, ty.width(), known, &Known::one(ty.width(), c.bits))
            }
            (Op::Zext | Op::Sext, _) => {
                transfer(Op::Trunc, from.width(), known, &Known::one(64, 0))
            }
            _ => return,
        };
        self.narrow_within(node.a, operand, depth);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::opt::Passes;

    /// What is known of each value of the block, asked for before and after `v0` is found to be below 5.
    fn before_and_after(operations: &str) -> Vec<[Known; 2]> {
        let text = format!("trace @t {{\nb0(v0: i64):\n{operations}jump b0(v0)\n}}\n");
        let trace = crate::ir::parse(&text).expect("trace text").remove(0);
        let mut forward = Forward::new(&trace, Passes::ALL);
        forward.walk();
        let values: Vec<Arg> =
            (0..forward.out.values.len() as u32).map(|v| ValueId(v).into()).collect();
        let before: Vec<Known> = values.iter().map(|v| forward.known_of(*v)).collect();
        forward.narrow(values[0], Known::unsigned(64, 0, 4).expect("not empty"));
        let after = values.iter().map(|v| forward.known_of(*v));
        before.into_iter().zip(after).map(|(before, after)| [before, after]).collect()
    }

    #[test]
    fn news_reach_what_was_computed_before() {
        let known = before_and_after("v1 = add.i64 v0, 1\nv2 = and.i64 v1, 15\n");
        assert_eq!(known[2].map(|known| (known.umin, known.umax)), [(0, 15), (0, 5)]);
    }

    /// Nothing but a comparison has been computed from what there is news of.
    #[test]
    fn news_of_what_is_compared_reach_the_comparison() {
        let known = before_and_after("v1 = lt_u.i64 v0, 10\n");
        assert_eq!(known[1].map(|known| known.value()), [None, Some(1)]);
    }

    #[test]
    fn news_of_what_is_compared_reach_what_is_computed_from_the_comparison() {
        let known =
            before_and_after("v1 = lt_u.i64 v0, 10\nv2 = zext.i64 v1\nv3 = add.i64 v2, 7\n");
        assert_eq!(known[3].map(|known| known.value()), [None, Some(8)]);
    }
}

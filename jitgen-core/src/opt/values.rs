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
    /// How often something was learned that is not in a definition, of what is used.
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

impl Values {
    /// Nothing is known, but there is room for so many values, and for that many in all copies.
    pub fn with_room(values: usize, all: usize) -> Values {
        let entries = Vec::with_capacity(values).into();
        Values { entries, pool: Pool::with_room(all), learned: 0, decided: None }
    }

    fn entry(&self, v: ValueId) -> Option<Entry> {
        self.entries.get(v.index()).copied().filter(|entry| entry.known != NONE)
    }

    fn entry_mut(&mut self, v: ValueId) -> &mut Entry {
        if self.entries.len() <= v.index() {
            let (is_used, compares) = (false, false);
            let nothing = Entry { known: NONE, learned: 0, changed: 0, is_used, compares };
            self.entries.resize(v.index() + 1, nothing);
        }
        &mut self.entries[v.index()]
    }

    fn set(&mut self, v: ValueId, known: &Known) {
        let number = self.entry(v).map(|entry| entry.known);
        let same = number.filter(|number| self.pool.get(*number) == *known);
        let number = same.unwrap_or_else(|| self.pool.add(known));
        self.set_number(v, number);
    }

    fn set_number(&mut self, v: ValueId, number: u32) {
        let learned = self.learned;
        let entry = self.entry_mut(v);
        entry.learned = learned;
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
            let (known, at) = (number, self.learned);
            let entry = &mut self.entries[index];
            *entry = Entry { known, learned: at, changed: at, ..*entry };
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

    /// When the element of an operand became what it is.
    fn changed(&self, arg: Arg) -> u32 {
        let entry = arg.as_value().and_then(|v| self.entry(v));
        entry.map_or(0, |entry| entry.changed)
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
        let is_used = self.values.entry_mut(v).is_used;
        *self.values.entry_mut(v) = Entry { known, learned, changed: learned, is_used, compares };
        if !compares {
            self.mark_used(node.a);
            self.mark_used(node.b);
        }
    }

    /// What is computed now depends on what is known of the operand.
    fn mark_used(&mut self, arg: Arg) {
        let Arg::Value(v) = arg else { return };
        let entry = self.values.entry_mut(v);
        let was_used = std::mem::replace(&mut entry.is_used, true);
        if !was_used
            && entry.compares
            && let Some(node) = self.defs.get(arg)
        {
            self.mark_used(node.a);
            self.mark_used(node.b);
        }
    }

    /// The number of the element of a value, which is computed (again) if there is news.
    fn refresh(&mut self, v: ValueId, depth: u32) -> u32 {
        let entry = self.values.entry(v);
        match entry {
            Some(Entry { known, learned, compares, .. })
                if depth == 0 || learned >= self.values.learned && !compares =>
            {
                known
            }
            None if depth == 0 => Pool::full(self.ty(v.into())),
            _ => self.compute(v, entry, depth - 1),
        }
    }

    fn compute(&mut self, v: ValueId, entry: Option<Entry>, depth: u32) -> u32 {
        match (self.defs.get(v.into()), entry) {
            (Some(node), None) => {
                let known = self.computed_within(&node, depth);
                self.values.set(v, &known);
            }
            (Some(node), Some(entry)) if self.has_news(&node, entry, depth) => {
                let old = self.values.pool.get(entry.known);
                let new = self.computed_within(&node, depth);
                // Knowledge that contradicts itself means that this place is never reached.
                self.values.set(v, &old.meet(&new).unwrap_or(old));
            }
            (Some(_), Some(_)) => self.values.entry_mut(v).learned = self.values.learned,
            (None, None) => {
                let number = Pool::full(self.ty(v.into()));
                self.values.set_number(v, number);
                self.values.entry_mut(v).learned = EVER;
            }
            (None, Some(_)) => self.values.entry_mut(v).learned = EVER,
        }
        self.values.entry_mut(v).known
    }

    /// Could more be known of the operation's result than it was? The elements of its operands are
    /// computed for that, if they have to be.
    fn has_news(&mut self, node: &Node, then: Entry, depth: u32) -> bool {
        let by_guard = matches!(node.op, Op::Add | Op::Sub | Op::Mul);
        if by_guard && self.values.decided.is_some_and(|decided| decided > then.learned) {
            return true;
        }
        [node.a, node.b].into_iter().any(|arg| {
            let Arg::Value(v) = arg else { return false };
            self.refresh(v, depth);
            let changed = self.values.changed(arg);
            // News of what is not used are not counted.
            changed > then.learned || changed == then.learned && then.compares
        })
    }

    /// What is known of the result of an operation.
    pub fn computed(&mut self, node: &Node) -> Known {
        self.computed_within(node, MAX_DEPTH)
    }

    fn computed_within(&mut self, node: &Node, depth: u32) -> Known {
        let a = self.known_within(node.a, depth);
        if self.values.decided.is_none() && domain::is_lost(node.op, &a) {
            return Known::full(node.ty.width());
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
        let Some(known) = old.meet(&known).filter(|known| *known != old) else {
            return;
        };
        self.values.learn(v);
        self.values.set(v, &known);
        if let Some(bits) = known.value() {
            self.constants.insert(v, Const::new(self.ty(arg), bits));
        }
        let (Some(node), Some(depth)) = (self.defs.get(arg), depth.checked_sub(1)) else {
            return;
        };
        let (ty, from): (Ty, Ty) = (node.ty, self.ty(node.a));
        let operand = match (node.op, node.b) {
            (Op::Add, Arg::Const(c)) => {
                transfer(Op::Sub, ty.width(), &known, &Known::one(ty.width(), c.bits))
            }
            (Op::Zext | Op::Sext, _) => {
                transfer(Op::Trunc, from.width(), &known, &Known::one(64, 0))
            }
            _ => return,
        };
        self.narrow_within(node.a, operand, depth);
    }
}

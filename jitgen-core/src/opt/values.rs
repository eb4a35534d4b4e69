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
//! Invariant `conservative`: the element of an operand contains every value it can have here.
//!
//! Not here: relations between values (`guards`).

use super::dense::Growing;
use super::domain::{self, Known, transfer};
use super::forward::Forward;
use super::meet::Visible;
use super::node::Node;
use crate::ir::{Arg, Const, Op, Ty, ValueId};
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
    /// How often something was learned that is not in a definition.
    learned: u32,
    /// What that was when a guard last decided whether a result overflows, if one has.
    decided: Option<u32>,
    /// What `fold` has found of the operation it has looked at last.
    kept: Option<(Node, Known)>,
}

/// An element is several times as large as the rest of an entry, and a copy of the table changes few of
/// them: so they are kept aside, and never change there.
#[derive(Clone)]
struct Pool(Rc<RefCell<Vec<Known>>>);

/// The widths of types. The pool begins with what says nothing of these.
const WIDTHS: [u32; 5] = [64, 1, 8, 16, 32];

impl Pool {
    fn with_room(values: usize) -> Pool {
        let mut known = Vec::with_capacity(WIDTHS.len() + values);
        known.extend(WIDTHS.map(Known::full));
        Pool(Rc::new(RefCell::new(known)))
    }

    fn get(&self, number: u32) -> Known {
        self.0.borrow()[number as usize]
    }

    fn add(&self, known: Known) -> u32 {
        let full = WIDTHS.iter().position(|width| *width == known.width && known.is_full());
        let number = full.unwrap_or_else(|| {
            let mut pool = self.0.borrow_mut();
            pool.push(known);
            pool.len() - 1
        });
        number as u32
    }
}

/// The number of no element: nothing has been said of the value.
const NONE: u32 = u32::MAX;

#[derive(Clone, Copy)]
struct Entry {
    /// The number of the element.
    known: u32,
    /// What `learned` was when the element was computed,
    learned: u32,
    /// and when it became what it is.
    changed: u32,
}

impl Values {
    /// Nothing is known, but there is room for so many values, and for that many in all copies.
    pub fn with_room(values: usize, all: usize) -> Values {
        let entries = Vec::with_capacity(values).into();
        Values { entries, pool: Pool::with_room(all), learned: 0, decided: None, kept: None }
    }

    /// Keeps what has been computed of an operation, for when it is emitted.
    pub fn keep(&mut self, node: Node, known: Known) {
        self.kept = Some((node, known));
    }

    /// The operation has been emitted as that value.
    pub fn emitted(&mut self, v: ValueId, node: Node) {
        if let Some((_, known)) = self.kept.take_if(|(kept, _)| *kept == node) {
            self.set(v, known);
        }
    }

    fn entry(&self, v: ValueId) -> Option<Entry> {
        self.entries.get(v.index()).copied().filter(|entry| entry.known != NONE)
    }

    fn known(&self, entry: Entry) -> Known {
        self.pool.get(entry.known)
    }

    fn set(&mut self, v: ValueId, known: Known) {
        if self.entries.len() <= v.index() {
            self.entries.resize(v.index() + 1, Entry { known: NONE, learned: 0, changed: 0 });
        }
        let learned = self.learned;
        let entry = &mut self.entries[v.index()];
        entry.learned = learned;
        if entry.known == NONE || self.pool.get(entry.known) != known {
            (entry.known, entry.changed) = (self.pool.add(known), learned);
        }
    }

    /// Where ways meet: keeps what holds on all of them.
    pub fn narrow_to(&mut self, others: &[&Values], visible: &Visible) {
        let all = || others.iter().copied();
        self.learned = all().map(|other| other.learned).fold(self.learned, u32::max) + 1;
        let decided = self.decided.is_some() && all().all(|other| other.decided.is_some());
        (self.decided, self.kept) = (decided.then_some(self.learned), None);
        for index in 0..self.entries.len() {
            let v = ValueId(index as u32);
            let number = if visible.value(v) { self.joined(v, others) } else { NONE };
            self.entries[index] =
                Entry { known: number, learned: self.learned, changed: self.learned };
        }
    }

    /// The number of what is known of a value in all of these.
    fn joined(&self, v: ValueId, others: &[&Values]) -> u32 {
        let mut joined = self.entries[v.index()].known;
        for other in others {
            let Some(there) = other.entry(v).filter(|_| joined != NONE) else { return NONE };
            if there.known != joined {
                joined = self.pool.add(self.pool.get(joined).join(&self.pool.get(there.known)));
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
            self.decided = Some(self.learned);
        }
    }

    /// Is there news of an operand since then?
    fn is_newer(&self, arg: Arg, since: u32) -> bool {
        let entry = arg.as_value().and_then(|v| self.entry(v));
        entry.is_some_and(|entry| entry.changed >= since)
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
                self.refresh(v, depth);
                self.known_till_now(v)
            }
        }
    }

    fn known_till_now(&self, v: ValueId) -> Known {
        let known = self.values.entry(v).map(|entry| self.values.known(entry));
        known.unwrap_or_else(|| Known::full(self.ty(v.into()).width()))
    }

    /// Computes what is known of a value again, if there is news.
    fn refresh(&mut self, v: ValueId, depth: u32) {
        let entry = self.values.entry(v);
        if depth == 0 || entry.is_some_and(|entry| entry.learned == self.values.learned) {
            return;
        }
        let Some(node) = self.defs.get(v.into()) else { return };
        if let Some(Entry { learned, .. }) = entry
            && !self.has_news(node, learned, depth - 1)
        {
            self.values.entries[v.index()].learned = self.values.learned;
            return;
        }
        let old = self.known_till_now(v);
        let new = self.computed_within(node, depth - 1);
        // Knowledge that contradicts itself means that this place is never reached.
        let known = old.meet(&new).unwrap_or(old);
        self.values.set(v, known);
    }

    /// Could more be known of the operation's result than then? The elements of its operands are
    /// computed for that, if they have to be.
    fn has_news(&mut self, node: Node, since: u32, depth: u32) -> bool {
        for v in [node.a, node.b].into_iter().filter_map(Arg::as_value) {
            self.refresh(v, depth);
        }
        let by_guard = matches!(node.op, Op::Add | Op::Sub | Op::Mul);
        by_guard && self.values.decided.is_some_and(|decided| decided >= since)
            || self.values.is_newer(node.a, since)
            || self.values.is_newer(node.b, since)
    }

    /// What is known of the result of an operation.
    pub fn computed(&mut self, node: Node) -> Known {
        self.computed_within(node, MAX_DEPTH)
    }

    fn computed_within(&mut self, node: Node, depth: u32) -> Known {
        let a = self.known_within(node.a, depth);
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
            if self.truths.get(Node { op, ..node }) == Some(false) {
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
        self.values.learned += 1;
        self.values.set(v, known);
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

//! The expression table: which value a pure operation has given.
//!
//! ```text
//! heads: by hash, the last value        next: by value, the one before it with that hash
//! ```
//!
//! What a value computes its definition says, so the table has numbers only, and a copy of it, for a
//! block behind a guard, costs little.
//!
//! Invariant `emitted`: a value that is found is defined by the operation that it is found by.
//!
//! Not here: what an operation is equal to (`fold`), calls.

use super::address::Defs;
use super::dense::Growing;
use super::meet::Visible;
use super::node::Node;
use crate::ir::{Arg, Map, ValueId};
use std::hash::BuildHasher;

/// The number of no value.
const NONE: u32 = u32::MAX;

/// The values of pure operations.
#[derive(Clone, Debug)]
pub(super) struct Table {
    heads: Vec<u32>,
    next: Growing<u32>,
    count: usize,
}

impl Table {
    /// Nothing, but room for operations of so many values.
    pub fn with_room(values: usize) -> Table {
        let heads = vec![NONE; (values / 2).max(8).next_power_of_two()];
        Table { heads, next: Vec::with_capacity(values).into(), count: 0 }
    }

    /// What an operation is looked up and inserted with.
    pub fn hash(node: &Node) -> u64 {
        Map::<Node, ()>::default().hasher().hash_one(node.key())
    }

    /// The value of an operation.
    pub fn get(&self, node: &Node, hash: u64, defs: &Defs) -> Option<ValueId> {
        let key = node.key();
        let mut at = self.heads[self.place(hash)];
        while at != NONE {
            let value = ValueId(at);
            if defs.get(Arg::Value(value)).is_some_and(|known| known.key() == key) {
                return Some(value);
            }
            at = self.next[value.index()];
        }
        None
    }

    /// Adds an operation with this hash, which is known as that value from now on.
    pub fn insert(&mut self, hash: u64, value: ValueId, defs: &Defs) {
        if self.count == self.heads.len() {
            self.grow(defs);
        }
        self.add(hash, value);
    }

    fn add(&mut self, hash: u64, value: ValueId) {
        let place = self.place(hash);
        if self.next.len() <= value.index() {
            self.next.resize(value.index() + 1, NONE);
        }
        self.next[value.index()] = std::mem::replace(&mut self.heads[place], value.0);
        self.count += 1;
    }

    /// Where ways meet: keeps what is visible.
    pub fn narrow_to(&mut self, visible: &Visible) {
        self.count = 0;
        for head in &mut self.heads {
            let (mut at, mut last) = (std::mem::replace(head, NONE), NONE);
            while at != NONE {
                let next = self.next[at as usize];
                if visible.value(ValueId(at)) {
                    match last {
                        NONE => *head = at,
                        last => self.next[last as usize] = at,
                    }
                    last = at;
                    self.count += 1;
                }
                at = next;
            }
            if last != NONE {
                self.next[last as usize] = NONE;
            }
        }
    }

    /// Twice as many heads.
    fn grow(&mut self, defs: &Defs) {
        let room = 2 * self.heads.len();
        let old = std::mem::replace(&mut self.heads, vec![NONE; room]);
        self.count = 0;
        for mut at in old {
            while at != NONE {
                let value = ValueId(at);
                at = self.next[value.index()];
                // A definition may have been forgotten.
                if let Some(node) = defs.get(Arg::Value(value)) {
                    self.add(Table::hash(&node), value);
                }
            }
        }
    }

    fn place(&self, hash: u64) -> usize {
        hash as usize & (self.heads.len() - 1)
    }
}

#[test]
fn operations_are_found_in_any_order_of_operands() {
    use crate::ir::{Const, Op, Ty};
    let (mut table, mut defs) = (Table::with_room(0), Defs::default());
    let node = |k: u32| {
        let (a, b): (Arg, Arg) = (ValueId(k / 2).into(), Const::i64((k % 2).into()).into());
        if k.is_multiple_of(3) {
            Node::binary(Op::Add, Ty::I64, b, a)
        } else {
            Node::binary(Op::Add, Ty::I64, a, b)
        }
    };
    for k in 0..500 {
        let new = ValueId(1000 + k);
        let hash = Table::hash(&node(k));
        assert_eq!(table.get(&node(k), hash, &defs), None, "{k} is new");
        table.insert(hash, new, &defs);
        defs.set(new, node(k));
    }
    for k in 0..500 {
        let Node { a, b, .. } = node(k);
        let turned = Node { a: b, b: a, ..node(k) };
        let found = table.get(&turned, Table::hash(&turned), &defs);
        assert_eq!(found, Some(ValueId(1000 + k)), "{k} is known");
    }
}

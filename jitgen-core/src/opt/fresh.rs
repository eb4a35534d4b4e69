//! Fresh objects: what a trace has allocated and nobody else knows yet.
//!
//! ```text
//! v2 = new.ptr @alloc(i64 16) #0
//! store.i64 v2+8, v1
//! store.i64 v0+8, 7               ;; cannot go there
//! call @f()                       ;; cannot look there
//! v3 = load.i64 v2+8              ;; is v1
//! v4 = eq.ptr v0, v2              ;; is false
//! ```
//!
//! An object is *private* until its address gets out: as an operand of a call, as a value that is
//! stored, or by an operation that makes another value of it. Stored into another private object it
//! is private still, and gets out with that one, or when a word is loaded from there of which it is
//! not known what it is.
//!
//! Invariant `only-by-name`: what points into a private object is a value of which [`Defs`] says
//! that it is the object's address plus a constant, as a pointer or as its bits.
//!
//! Not here: objects that are not made at all (`virtuals`).
//!
//! [`Defs`]: super::address::Defs

use super::forward::Forward;
use super::meet::Visible;
use super::node::Node;
use super::rules::Rule;
use super::words::Access;
use crate::ir::{Arg, Const, Map, Op, Set, Ty};

/// The objects that only the trace knows, and the private objects whose addresses they hold.
#[derive(Clone, Debug, Default)]
pub(super) struct Private {
    held: Map<Arg, Vec<Arg>>,
    /// All objects that the trace has made, also those that others have got to know.
    made: Set<Arg>,
}

impl Private {
    /// Is that the address of a private object?
    pub fn has(&self, base: Arg) -> bool {
        self.held.contains_key(&base)
    }

    /// Do these addresses lead to no common byte, since one is that of a private object, and the other
    /// is not? Or since one is that of an object, and the other is older (`age`)?
    pub fn apart(&self, a: Arg, b: Arg) -> bool {
        // The forward pass numbers values as it computes them.
        let older = |a: Arg, b: Arg| self.made.contains(&b) && a.as_value() < b.as_value();
        a != b && (self.has(a) || self.has(b) || older(a, b) || older(b, a))
    }

    /// Where ways meet: keeps the objects that are private on all of them.
    pub fn narrow_to(&mut self, others: &[&Private], visible: &Visible) {
        self.made.retain(|object| visible.arg(*object));
        let is_private = |object: &Arg| others.iter().all(|other| other.has(*object));
        self.held.retain(|object, _| visible.arg(*object) && is_private(object));
        let kept: Vec<Arg> = self.held.keys().copied().collect();
        for (object, held) in &mut self.held {
            held.extend(others.iter().filter_map(|other| other.held.get(object)).flatten());
            held.retain(|held| kept.contains(held));
        }
    }

    fn leak(&mut self, object: Arg) {
        for held in self.held.remove(&object).unwrap_or_default() {
            self.leak(held);
        }
    }

    /// Of the words in that object one is not known.
    pub fn leak_held(&mut self, object: Arg) {
        let held = self.held.get_mut(&object).map(std::mem::take);
        held.unwrap_or_default().into_iter().for_each(|held| self.leak(held));
    }
}

impl Forward<'_> {
    /// An object has been made.
    pub fn made(&mut self, object: Arg) {
        // By their numbers objects are told from what is older (`Private::apart`).
        let newest = self.out.values.len().checked_sub(1);
        debug_assert_eq!(object.as_value().map(|v| v.index()), newest, "{object:?} is old");
        self.facts.private.held.insert(object, vec![]);
        self.facts.private.made.insert(object);
    }

    /// The private object that a pointer leads into, and how far.
    fn private(&self, pointer: Arg) -> Option<(Arg, i64)> {
        if self.facts.private.held.is_empty() {
            return None;
        }
        let address = self.defs.address(pointer, 0);
        let base = address.place.base();
        (self.facts.private.has(base) && address.place.root().is_none())
            .then_some((base, address.offset))
    }

    /// A value gets where nobody knows what becomes of it.
    pub fn leak(&mut self, value: Arg) {
        if self.facts.private.held.is_empty() {
            return;
        }
        let base = self.defs.address(value, 0).place.base();
        self.facts.private.leak(base);
    }

    /// A value is stored.
    pub fn hold(&mut self, access: Access, value: Arg) {
        let Some((object, _)) = self.private(value) else { return };
        let container = access.address.place.base();
        match self.facts.private.held.get_mut(&container) {
            Some(held) => held.push(object),
            None => self.leak(value),
        }
    }

    /// A pure operation is about to be computed: the result, if it compares a private object, which
    /// is none that a pointer to something else could lead to.
    pub fn compare_fresh(&mut self, node: &Node) -> Option<Arg> {
        let compares = matches!(node.op, Op::Eq | Op::Ne) && node.ty == Ty::Ptr;
        if !compares || self.facts.private.held.is_empty() {
            return None;
        }
        let (x, y) = (self.private(node.a), self.private(node.b));
        if x.is_none() && y.is_none() {
            return None;
        }
        self.fired.fire(Rule::FreshCompare);
        Some(Const::bool((x == y) == (op_is_eq(node.op))).into())
    }

    /// A pure operation has given `value`, which is too far from an object to be followed.
    pub fn leak_unfollowed(&mut self, node: &Node, value: Arg) {
        if node.op == Op::PtrAdd && self.private(node.a).is_some() && self.private(value).is_none()
        {
            self.leak(node.a);
        }
    }

    /// A pure operation is computed: only sums with constants and casts of the bits are followed.
    pub fn leak_operands(&mut self, node: &Node) {
        if self.facts.private.held.is_empty() {
            return;
        }
        let followed = match node.op {
            Op::PtrAdd => node.b.as_const().is_some(),
            Op::Bitcast => true,
            Op::Eq | Op::Ne => node.ty == Ty::Ptr,
            _ => false,
        };
        if !followed {
            self.leak(node.a);
            self.leak(node.b);
        }
    }
}

fn op_is_eq(op: Op) -> bool {
    op == Op::Eq
}

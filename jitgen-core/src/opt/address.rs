//! Addresses taken apart: `base + root * scale + offset`.
//!
//! ```text
//! v3 = add.i64 v1, 1
//! v4 = ptr_add v0, v3      =>      load.i8 v4+2 is at v0 + v1 * 1 + 3
//! v5 = load.i8 v4+2
//! ```
//!
//! `ptr_add` chains, casts that keep the bits, additions and multiplications by constants are looked
//! through. All arithmetic is modulo 2^64, as the machine's, so the form is exact.
//!
//! Invariant `same-place`: two addresses with the same [`Place`] differ by the difference of their
//! offsets, whatever the values are.
//!
//! [`Defs`] also says which bases lead to different objects, to whom walks a trace that has been
//! optimized forward; who has found that out is `owners`.
//!
//! Not here: whether two places are the same (`memory`), narrower index arithmetic (a `zext` is a
//! root).

use super::dense::Growing;
use super::meet::Visible;
use super::node::Node;
use super::owners::Apart;
use crate::ir::{Arg, Const, Op, Ty, ValueId};
use std::hash::{Hash, Hasher};

/// What an address has besides its constant offset.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Place {
    /// A pointer; of constant addresses the constant 0.
    pub base: Arg,
    /// The index that is not constant, and what it is multiplied by.
    pub root: Option<(ValueId, i64)>,
}

/// Two words.
impl Hash for Place {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.base.hash(state);
        let root = self.root.map_or(0, |(v, scale)| !u64::from(v.0) ^ scale.rotate_left(32) as u64);
        state.write_u64(root);
    }
}

/// A byte address.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Address {
    pub place: Place,
    pub offset: i64,
}

impl Address {
    pub fn shifted(self, bytes: i64) -> Address {
        Address { offset: self.offset.wrapping_add(bytes), ..self }
    }

    /// The same address with an index added; `None` if it has another index already.
    pub fn indexed(mut self, index: Linear) -> Option<Address> {
        self.offset = self.offset.wrapping_add(index.offset);
        let Some((value, scale)) = index.root else {
            return Some(self);
        };
        self.place.root = match self.place.root {
            None => Some((value, scale)),
            Some((old, old_scale)) if old == value => {
                let sum = old_scale.wrapping_add(scale);
                (sum != 0).then_some((value, sum))
            }
            Some(_) => return None,
        };
        Some(self)
    }
}

/// `root * scale + offset`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Linear {
    pub root: Option<(ValueId, i64)>,
    pub offset: i64,
}

impl Linear {
    pub fn scaled(self, by: i64) -> Linear {
        let root = self.root.map(|(v, scale)| (v, scale.wrapping_mul(by)));
        Linear { root: root.filter(|(_, scale)| *scale != 0), offset: self.offset.wrapping_mul(by) }
    }
}

/// How values are defined: the pure operation of each, where there is one.
#[derive(Clone, Default, Debug)]
pub(super) struct Defs {
    /// Values that lead to different objects, wherever both are used, as far as the passes that come
    /// later have to know.
    pub apart: Apart,
    nodes: Growing<Option<Node>>,
    /// The first `scratch`, of which the others are offsets.
    scratch: Option<(ValueId, i32)>,
}

/// Chains that are longer than this are not looked through; the form stays exact.
const MAX_CHAIN: usize = 16;

impl Defs {
    /// No definitions, but room for so many; these values are apart.
    pub fn new(apart: Apart, values: usize) -> Defs {
        Defs { apart, ..Defs::with_room(values) }
    }

    /// No definitions, but room for so many.
    pub fn with_room(values: usize) -> Defs {
        Defs { nodes: Vec::with_capacity(values).into(), ..Defs::default() }
    }

    pub fn set(&mut self, value: ValueId, node: Node) {
        if self.nodes.len() <= value.index() {
            self.nodes.resize(value.index() + 1, None);
        }
        self.nodes[value.index()] = Some(node);
        if node.op == Op::Scratch && self.scratch.is_none() {
            self.scratch = Some((value, node.imm));
        }
    }

    /// May it be a part of how an address is computed?
    pub fn looks_through(op: Op) -> bool {
        matches!(op, Op::PtrAdd | Op::Bitcast | Op::Scratch | Op::Add | Op::Sub | Op::Mul | Op::Shl)
    }

    /// For a block behind a guard: the definitions stay where the output is.
    pub fn branch(&self) -> Defs {
        Defs { scratch: self.scratch, ..Defs::default() }
    }

    /// Hands the definitions over, with the output whose values they define. Each value has one, so what
    /// other blocks have added does no harm: nobody asks for what is not visible.
    pub fn lend(&mut self, to: &mut Defs) {
        to.nodes = std::mem::take(&mut self.nodes);
    }

    /// Where ways meet: forgets what is not visible.
    pub fn narrow_to(&mut self, visible: &Visible) {
        self.scratch = self.scratch.filter(|(first, _)| visible.value(*first));
    }

    /// Forgets how a value is defined.
    pub fn forget(&mut self, value: ValueId) {
        if let Some(node) = self.nodes.get_mut(value.index()) {
            *node = None;
        }
    }

    pub fn get(&self, arg: Arg) -> Option<Node> {
        *self.nodes.get(arg.as_value()?.index())?
    }

    /// The operation of which the operand is the result.
    pub fn op(&self, arg: Arg) -> Option<Op> {
        Some(self.nodes.get(arg.as_value()?.index())?.as_ref()?.op)
    }

    /// The `i64` operand as `root * scale + offset`.
    pub fn linear(&self, arg: Arg) -> Linear {
        let (mut at, mut scale, mut offset) = (arg, 1i64, 0i64);
        for _ in 0..MAX_CHAIN {
            let Some(Node { op, ty: Ty::I64, a, b, .. }) = self.get(at) else {
                break;
            };
            let (next, c) = match (a, b) {
                (Arg::Value(_), Arg::Const(c)) => (a, c.bits as i64),
                (Arg::Const(c), Arg::Value(_)) if op.is_commutative() => (b, c.bits as i64),
                _ => break,
            };
            match op {
                Op::Add => offset = offset.wrapping_add(scale.wrapping_mul(c)),
                Op::Sub => offset = offset.wrapping_sub(scale.wrapping_mul(c)),
                Op::Mul => scale = scale.wrapping_mul(c),
                Op::Shl => scale = scale.wrapping_shl(c as u32 & 63),
                _ => break,
            }
            at = next;
        }
        match at {
            Arg::Const(c) => Linear {
                root: None,
                offset: offset.wrapping_add(scale.wrapping_mul(c.bits as i64)),
            },
            Arg::Value(v) => Linear { root: (scale != 0).then_some((v, scale)), offset },
        }
    }

    /// The address `pointer + offset`.
    pub fn address(&self, pointer: Arg, offset: i64) -> Address {
        let (mut at, mut root, mut offset) = (pointer, None, offset);
        for _ in 0..MAX_CHAIN {
            let Some(node) = self.get(at) else { break };
            if node.op == Op::Scratch {
                let (first, imm) = self.scratch.expect("set with the first scratch");
                offset = offset.wrapping_add(i64::from(node.imm) - i64::from(imm));
                at = first.into();
                break;
            }
            if node.op == Op::Bitcast {
                at = node.a;
                continue;
            }
            if node.op != Op::PtrAdd {
                break;
            }
            let sum = Address { place: Place { base: at, root }, offset };
            let Some(sum) = sum.indexed(self.linear(node.b)) else {
                break;
            };
            (root, offset, at) = (sum.place.root, sum.offset, node.a);
        }
        if let Arg::Const(c) = at {
            offset = offset.wrapping_add(c.bits as i64);
            at = Const::new(Ty::Ptr, 0).into();
        }
        Address { place: Place { base: at, root }, offset }
    }
}

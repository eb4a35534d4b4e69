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
//! A pointer is taken apart once, when it is defined; it keeps its form ([`Forms`]).
//!
//! Invariant `same-place`: two addresses with the same [`Place`] differ by the difference of their
//! offsets, whatever the values are.
//!
//! Invariant `kept`: a value keeps its form, also when it is forgotten how it was computed: objects are told
//! apart by bases, so none may get another name.
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

/// What an address has besides its constant offset: a base, and maybe an index. It is compared and
/// hashed at each access, so it is two words.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Place {
    /// The number of the base, or [`NONE`]: constant addresses have the constant 0.
    base: u32,
    /// The number of the index that is not constant, or [`NONE`],
    root: u32,
    /// and what it is multiplied by.
    scale: i64,
}

/// The number of no value.
const NONE: u32 = u32::MAX;

impl Hash for Place {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(u64::from(self.root) << 32 | u64::from(self.base));
        state.write_u64(self.scale as u64);
    }
}

impl Place {
    /// That of a pointer, or of constant addresses, without an index.
    pub fn at(base: Arg) -> Place {
        Place { base: base.as_value().map_or(NONE, |v| v.0), root: NONE, scale: 0 }
    }

    /// A pointer; of constant addresses the constant 0.
    pub fn base(&self) -> Arg {
        match self.base {
            NONE => Const::new(Ty::Ptr, 0).into(),
            base => ValueId(base).into(),
        }
    }

    /// The index that is not constant, and what it is multiplied by.
    pub fn root(&self) -> Option<(ValueId, i64)> {
        (self.root != NONE).then_some((ValueId(self.root), self.scale))
    }

    /// The same base with that index.
    pub fn with_root(self, root: Option<(ValueId, i64)>) -> Place {
        let (root, scale) = root.map_or((NONE, 0), |(value, scale)| (value.0, scale));
        Place { base: self.base, root, scale }
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

    /// What a pointer leads to that is taken for a base; a constant is an offset.
    fn at(pointer: Arg) -> Address {
        let offset = pointer.as_const().map_or(0, |c| c.bits as i64);
        Address { place: Place::at(pointer), offset }
    }

    /// The same address with an index added; `None` if it has another index already.
    pub fn indexed(self, index: Linear) -> Option<Address> {
        let Linear { root, offset } = match index.root {
            None => return Some(self.shifted(index.offset)),
            Some(_) => Linear { root: self.place.root(), offset: self.offset }.plus(index)?,
        };
        Some(Address { place: self.place.with_root(root), offset })
    }
}

/// `root * scale + offset`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Linear {
    pub root: Option<(ValueId, i64)>,
    pub offset: i64,
}

impl Linear {
    /// The sum; `None` if it has two roots.
    fn plus(self, other: Linear) -> Option<Linear> {
        let root = match (self.root, other.root) {
            (root, None) | (None, root) => root,
            (Some((a, scale)), Some((b, more))) if a == b => {
                let sum = scale.wrapping_add(more);
                (sum != 0).then_some((a, sum))
            }
            _ => return None,
        };
        Some(Linear { root, offset: self.offset.wrapping_add(other.offset) })
    }

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
    forms: Forms,
    /// The first `scratch`, of which the others are offsets.
    scratch: Option<(ValueId, i32)>,
}

/// The values that are sums of a pointer and something, or another's bits: each as an address, from when
/// it is defined on. It is exact also when it is forgotten how the value is computed.
#[derive(Clone, Default, Debug)]
struct Forms {
    /// By value, as far as there are any: its place in the list, or [`NONE`].
    of: Growing<u32>,
    /// Bases may be `scratch`es which are not the first one.
    addresses: Growing<Address>,
}

impl Forms {
    fn get(&self, v: ValueId) -> Option<Address> {
        let place = *self.of.get(v.index())?;
        self.addresses.get(place as usize).copied()
    }

    fn set(&mut self, v: ValueId, address: Address) {
        if self.of.len() <= v.index() {
            self.of.resize(v.index() + 1, NONE);
        }
        self.of[v.index()] = self.addresses.len() as u32;
        self.addresses.push(address);
    }
}

/// Chains of definitions that are longer than this are not looked through; the form stays exact.
const MAX_CHAIN: usize = 16;

impl Defs {
    /// No definitions, but room for so many; these values are apart.
    pub fn new(apart: Apart, values: usize) -> Defs {
        Defs { apart, ..Defs::with_room(values) }
    }

    /// No definitions, but room for so many.
    pub fn with_room(values: usize) -> Defs {
        let of = Vec::with_capacity(values).into();
        let forms = Forms { of, addresses: Growing::default() };
        Defs { nodes: Vec::with_capacity(values).into(), forms, ..Defs::default() }
    }

    /// Says how a value is defined, after its operands.
    pub fn set(&mut self, value: ValueId, node: Node) {
        match self.nodes.get_mut(value.index()) {
            Some(old) => *old = Some(node),
            None => {
                self.nodes.resize(value.index(), None);
                self.nodes.push(Some(node));
            }
        }
        match node.op {
            Op::PtrAdd | Op::Bitcast => self.add_form(value),
            Op::Scratch if self.scratch.is_none() => self.scratch = Some((value, node.imm)),
            _ => (),
        }
    }

    #[inline(never)]
    fn add_form(&mut self, value: ValueId) {
        let form = self.walk(value.into());
        self.forms.set(value, form);
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
        to.forms = std::mem::take(&mut self.forms);
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
        self.node(arg).copied()
    }

    /// The same, where it stands.
    pub fn node(&self, arg: Arg) -> Option<&Node> {
        self.nodes.get(arg.as_value()?.index())?.as_ref()
    }

    /// The operation of which the operand is the result.
    pub fn op(&self, arg: Arg) -> Option<Op> {
        Some(self.node(arg)?.op)
    }

    /// The `i64` operand as `root * scale + offset`.
    pub fn linear(&self, arg: Arg) -> Linear {
        if let Arg::Const(c) = arg {
            return Linear { root: None, offset: c.bits as i64 };
        }
        let (mut at, mut scale, mut offset) = (arg, 1i64, 0i64);
        for _ in 0..MAX_CHAIN {
            let Some(&Node { op, ty: Ty::I64, a, b, .. }) = self.node(at) else {
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
        let form = pointer.as_value().and_then(|v| self.forms.get(v));
        let address = form.unwrap_or_else(|| Address::at(pointer)).shifted(offset);
        let Some((first, imm)) = self.scratch else { return address };
        match self.node(address.place.base()) {
            Some(Node { op: Op::Scratch, imm: other, .. }) => {
                let place = Place { base: first.0, ..address.place };
                Address { place, ..address }.shifted(i64::from(*other) - i64::from(imm))
            }
            _ => address,
        }
    }

    /// The form of a pointer, as far as its definition and the forms that are known tell.
    fn walk(&self, pointer: Arg) -> Address {
        let (mut at, mut sum) = (pointer, Linear { root: None, offset: 0 });
        for _ in 0..MAX_CHAIN {
            let form = at.as_value().and_then(|v| self.forms.get(v));
            if let Some(form) = form
                && let Some(all) = form.indexed(sum)
            {
                let index_is_gone = all.place.root().is_none() && sum.root.is_some();
                if !index_is_gone {
                    return all;
                }
                // So another one may come.
                (at, sum) = (form.place.base(), Linear { root: None, offset: all.offset });
                continue;
            }
            let Some(node) = self.node(at) else { break };
            match node.op {
                Op::PtrAdd => {
                    let Some(more) = sum.plus(self.linear(node.b)) else { break };
                    sum = more;
                }
                Op::Bitcast => (),
                _ => break,
            }
            at = node.a;
        }
        Address::at(at).indexed(sum).expect("it has no index yet")
    }
}

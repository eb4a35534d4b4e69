//! Memory facts: loads of what is known become the value.
//!
//! ```text
//! store.i64 v0+8, v1      =>      store.i64 v0+8, v1
//! v2 = load.i64 v0+8              v3 = bitcast.f64 v1
//! v3 = load.f64 v0+8              jump b0(v0, v1, v3)
//! jump b0(v0, v2, v3)
//! ```
//!
//! A fact says which bits memory holds at an address, and at which type they were seen; a store
//! that may touch them ends it (`words` says which do). A word that is loaded at another type of
//! the same size is the same bits cast; a narrower integer is a part of them.
//!
//! Invariant `exact`: a fact is true of memory at that place of the trace, as long as the trace's
//! alias classes keep what they promise (`ir::Class`). So a store of what memory holds can go.
//!
//! A `call` ends the facts that it may write: all, unless it declares less or keeps more. What is in
//! an object that nobody else knows (`fresh`) only stores through its own address change. A `free`
//! ends no facts: what is true of memory that nobody accesses does no harm.
//!
//! Immutable words tell objects apart: two that hold different constants at the same distance (their
//! shapes, say) are two objects, so a store to one ends no facts about the other. (So are two whose
//! other words differ at the moment, but nobody looks for these.)
//!
//! Not here: dead stores (`live`), objects that are not made (`virtuals`), what is constant
//! because a green leads to it (the recorder folds that).

use super::address::{Address, Place};
use super::dense::Shared;
use super::forward::Forward;
use super::fresh::Private;
use super::node::Node;
use super::passes::Passes;
use super::rules::Rule;
use super::words::{Access, Met, Untouched, Words};
use crate::ir::{Arg, Call, Const, End, Inst, Op, Ty, ValueId};
use std::collections::BTreeMap;

/// What is known of the word at an address.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fact {
    pub value: Arg,
    /// Was it written (and not only read) since the facts began?
    pub stored: bool,
    /// Its place in the order of facts. Those that are assumed come first.
    pub at: u32,
}

/// What is known of memory.
#[derive(Clone, Default, Debug)]
pub(super) struct Facts {
    words: Words<Fact>,
    /// By base: the immutable words at constant distances from it.
    fixed: Shared<BTreeMap<ValueId, Vec<Access>>>,
    pub private: Private,
    next: u32,
    /// The first of this trace, if the others are of the way to it.
    own: u32,
    /// By fact that was assumed: has it been of use?
    used: Vec<bool>,
}

impl Facts {
    /// No facts, but room for what so many accesses tell.
    pub fn begin(&mut self, accesses: usize) {
        *self = Facts { words: Words::with_room(accesses), ..Facts::default() };
    }

    /// These, and what is private as it is.
    pub fn begin_with(&mut self, facts: Facts) {
        let private = std::mem::take(&mut self.private);
        *self = Facts { private, ..facts };
    }

    /// Another trace begins. What it stores it stores, also what memory held before: else the check of
    /// a recording could not tell such a store from one that is lost.
    pub fn go_on(&mut self) {
        self.own = self.next;
    }

    pub fn get(&self, access: Access) -> Option<Fact> {
        self.words.get(access)
    }

    /// The same; a table that this one has parted from has it at that place, as a rule.
    pub fn get_near(&self, at: u32, access: Access) -> Option<Fact> {
        self.words.get_near(at as usize, access)
    }

    /// No more facts than these.
    pub fn len(&self) -> usize {
        self.words.len()
    }

    /// All facts, oldest first.
    pub fn sorted(&self) -> impl Iterator<Item = (Access, Fact)> + '_ {
        self.order(|_, _| true).into_iter().filter_map(|(_, place)| self.at(place))
    }

    /// The order of the facts that are `wanted`: their numbers, and where they are in the table.
    pub fn order(&self, wanted: impl Fn(&Access, &Fact) -> bool) -> Vec<(u32, u32)> {
        let mut order = Vec::with_capacity(self.len());
        let all = self.words.iter().filter(|(_, word, fact)| wanted(word, fact));
        order.extend(all.map(|(place, _, fact)| (fact.at, place as u32)));
        order.sort_unstable();
        order
    }

    /// The fact that is there.
    pub fn at(&self, place: u32) -> Option<(Access, Fact)> {
        self.words.at(place as usize)
    }

    /// A fact that has held since before [`Facts::begin`]; its number.
    pub fn assume(&mut self, access: Access, value: Arg) -> u32 {
        debug_assert_eq!(self.next as usize, self.used.len(), "assumed before all others");
        self.used.push(false);
        self.add(access, value, false)
    }

    fn is_assumed(&self, fact: &Fact) -> bool {
        (fact.at as usize) < self.used.len()
    }

    /// Ends what a call may write; `kept` is what it leaves alone.
    pub fn call(&mut self, op: Op, call: &Call, kept: &Untouched) {
        if op == Op::Free {
            return;
        }
        let private = |base| self.private.has(base);
        self.words.remove_classes(|class| call.may_write(op, class), private, kept);
    }

    /// Nothing is assumed of that word any more.
    pub fn forget(&mut self, access: Access) {
        if self.get(access).is_some_and(|fact| self.is_assumed(&fact)) {
            self.words.remove(access);
        }
    }

    /// Has the fact of that number, which was assumed, been of use?
    pub fn has_used(&self, assumed: u32) -> bool {
        self.used[assumed as usize]
    }

    fn use_fact(&mut self, fact: &Fact) {
        if let Some(used) = self.used.get_mut(fact.at as usize) {
            *used = true;
        }
    }

    fn loaded(&mut self, access: Access, value: Arg) {
        self.add(access, value, false);
    }

    fn stored(&mut self, access: Access, value: Arg, met: &Met, apart: impl Fn(Arg) -> bool) {
        self.note_fixed(&access);
        let fact = Fact { value, stored: true, at: self.next };
        self.next += 1;
        let private = &self.private;
        let here = access.address.place.base();
        let apart = |base| private.apart(base, here) || apart(base);
        self.words.write(access, fact, met, apart);
    }

    /// A fact from here on; its number.
    pub fn add(&mut self, access: Access, value: Arg, stored: bool) -> u32 {
        let at = self.next;
        self.next = at + 1;
        self.note_fixed(&access);
        self.words.insert(access, Fact { value, stored, at });
        at
    }

    fn note_fixed(&mut self, access: &Access) {
        if access.class.is_immutable() {
            self.add_fixed(*access);
        }
    }

    #[inline(never)]
    fn add_fixed(&mut self, access: Access) {
        if let (Arg::Value(base), None) = (access.address.place.base(), access.address.place.root())
        {
            let fixed = self.fixed.get().and_then(|fixed| fixed.get(&base));
            if !fixed.is_some_and(|fixed| fixed.contains(&access)) {
                self.fixed.change().entry(base).or_default().push(access);
            }
        }
    }

    /// A known word that has all bytes of `access`, and which of them is the first.
    fn around(&self, access: Access) -> Option<(Access, Fact, u32)> {
        self.words.find_around(access, |word, fact| {
            let start = access.is_within(word).then(|| access.start_in(word))?;
            Some((*word, fact, start?))
        })
    }
}

impl Forward<'_> {
    /// `load (ptr_add p, c)+k => load p+(k+c)`, of an operand of the output.
    fn short_address(&mut self, pointer: Arg, imm: i32) -> (Arg, i32) {
        if self.passes.contains(Passes::FOLD)
            && let Some(&Node { op: Op::PtrAdd, a, b: Arg::Const(c), .. }) = self.defs.node(pointer)
            && let Some(sum) = c.signed().checked_add(i64::from(imm))
            && let Ok(sum) = i32::try_from(sum)
        {
            self.fired.fire(Rule::AddressOffset);
            return (self.current(a), sum);
        }
        (pointer, imm)
    }

    pub fn load(&mut self, inst: &Inst) -> Arg {
        let (pointer, imm) = self.short_address(self.operand(inst.a), inst.imm);
        let access = Access::new(inst, self.defs.address(pointer, i64::from(imm)));
        let memory = self.passes.contains(Passes::MEMORY);
        let load = || Inst { op: Op::Load, a: pointer, imm, ..*inst };
        let known = if memory { self.known(access, load) } else { None };
        let value = known.unwrap_or_else(|| {
            let value = self.emit_with(inst.ty, load());
            // Who asks is interested in what a tree has loaded.
            if let (Some(_), Some(v), Some(load)) = (&self.sides, value.as_value(), inst.dst) {
                self.loads.insert(v, load);
            }
            self.facts.private.leak_held(access.address.place.base());
            value
        });
        if memory && known.is_none() {
            self.facts.loaded(access, value);
        }
        if inst.op == Op::LoadOwned {
            self.owner(access, value, known.is_none());
        }
        value
    }

    /// At the end of a block: what memory holds, and what the jump passes on, is a constant where
    /// one value is left of it. Facts at indices that are constants now are facts at constant
    /// distances, too: where the next round meets them.
    pub fn settle(&mut self) {
        if let End::Jump(_, args) = &self.input.block(self.block).end {
            args.iter().for_each(|arg| self.settle_value(self.operand(*arg)));
        }
        // Most facts are at one index.
        let mut asked: Option<(ValueId, Option<u64>)> = None;
        for place in 0..self.facts.len() as u32 {
            let Some((access, fact)) = self.facts.at(place) else { continue };
            self.settle_value(fact.value);
            let Some((index, scale)) = access.address.place.root() else { continue };
            let found = match asked {
                Some((same, found)) if same == index => found,
                _ => self.known_of(index.into()).value(),
            };
            asked = Some((index, found));
            let Some(index) = found else { continue };
            let place = access.address.place.with_root(None);
            let distance = scale.wrapping_mul(index as i64);
            let address = Address { place, ..access.address }.shifted(distance);
            self.facts.use_fact(&fact);
            self.facts.add(Access { address, ..access }, fact.value, fact.stored);
        }
    }

    /// A value of which it is to be found out whether it is a constant.
    fn may_settle(&self, value: Arg) -> Option<ValueId> {
        let v = value.as_value().filter(|_| self.passes.contains(Passes::GUARDS))?;
        (self.constants.get(&v).is_none() && !self.ty(value).is_float()).then_some(v)
    }

    fn settle_value(&mut self, value: Arg) {
        if let Some(v) = self.may_settle(value)
            && let Some(bits) = self.known_of(value).value()
        {
            self.fired.fire(Rule::KnownAtEnd);
            self.constants.insert(v, Const::new(self.ty(value), bits));
        }
    }

    /// What memory is known to hold where `load` would look.
    fn known(&mut self, access: Access, load: impl Fn() -> Inst) -> Option<Arg> {
        if let Some(fact) = self.facts.get(access) {
            self.facts.use_fact(&fact);
            let value = self.current(fact.value);
            let is_loaded = self.comes(value);
            self.fired.fire(match fact.stored {
                _ if is_loaded => Rule::LoadLatent,
                true => Rule::StoreForward,
                false => Rule::LoadForward,
            });
            if is_loaded {
                self.insts.push(Inst { dst: value.as_value(), ..load() });
            }
            return Some(value);
        }
        let (word, fact, start) = self.facts.around(access)?;
        let value = self.current(fact.value);
        if self.latent.has(value) {
            return None;
        }
        let (from, to) = (word.ty, access.ty);
        // A bool in memory is a byte that is 0 or 1; not every byte is a bool.
        if to == Ty::Bool {
            return None;
        }
        self.facts.use_fact(&fact);
        if from == Ty::Bool {
            self.fired.fire(Rule::ForwardBitcast);
            return Some(self.pure(Node::unary(Op::Zext, to, value)));
        }
        if from.size() == to.size() {
            self.fired.fire(Rule::ForwardBitcast);
            return Some(self.pure(Node::unary(Op::Bitcast, to, value)));
        }
        // A shift of another register file's word costs as much as the load.
        if !from.is_int() || !to.is_int() {
            return None;
        }
        self.fired.fire(Rule::ForwardPart);
        let by = Const::new(from, u64::from(8 * start));
        let shifted = self.pure(Node::binary(Op::ShrU, from, value, by));
        Some(self.pure(Node::unary(Op::Trunc, to, shifted)))
    }

    pub fn store(&mut self, inst: &Inst) {
        let (pointer, imm) = self.short_address(self.operand(inst.a), inst.imm);
        let value = self.operand(inst.b);
        let access = Access::new(inst, self.defs.address(pointer, i64::from(imm)));
        self.owners.stored(access);
        if self.passes.contains(Passes::MEMORY) {
            let met = self.facts.words.meet(&access);
            if self.holds(&access, value, &met) {
                self.fired.fire(Rule::RedundantStore);
                return;
            }
            let here = access.address.place.base();
            let others = self.of_other_shapes(here);
            let apart = &self.owners.apart;
            let apart = |base| apart.bases(base, here) || others.contains(&base);
            self.facts.stored(access, value, &met, apart);
            if !others.is_empty() {
                self.fired.fire(Rule::ApartByShape);
            }
        }
        self.hold(access, value);
        self.insts.push(Inst { a: pointer, b: value, imm, ..*inst });
    }

    /// The bases at which an immutable word is another constant than the same word at `base`.
    fn of_other_shapes(&self, base: Arg) -> Vec<Arg> {
        let Arg::Value(here) = base else { return vec![] };
        let Some(all) = self.facts.fixed.get() else { return vec![] };
        let Some(fixed) = all.get(&here) else { return vec![] };
        let constant = |access| {
            let fact: Fact = self.facts.get(access)?;
            self.current(fact.value).as_const()
        };
        let known = |access: &Access| Some((*access, constant(*access)?));
        let here_known: Vec<(Access, Const)> = fixed.iter().filter_map(known).collect();
        let differs = |there: Arg| {
            here_known.iter().any(|(access, c)| {
                let address = Address { place: Place::at(there), ..access.address };
                constant(Access { address, ..*access }).is_some_and(|other| other.bits != c.bits)
            })
        };
        all.keys().map(|other| Arg::Value(*other)).filter(|b| differs(*b)).collect()
    }

    /// Does memory hold exactly the bits of `value` there, whatever their type? The access has `met` these
    /// words.
    fn holds(&mut self, access: &Access, value: Arg, met: &Met) -> bool {
        let same = |fact: &Fact| fact.at >= self.facts.own && self.same_bits(fact.value, value);
        let words = &self.facts.words;
        let found = match words.only(met) {
            Some(known) => known.filter(same),
            None => words.find_same_bytes(access, |fact| Some(fact).filter(same)),
        };
        found.inspect(|fact| self.facts.use_fact(fact)).is_some()
    }

    fn same_bits(&self, a: Arg, b: Arg) -> bool {
        a == b
            || match (self.bits(a), self.bits(b)) {
                (Arg::Const(a), Arg::Const(b)) => a.bits == b.bits,
                (a, b) => a == b,
            }
    }

    /// The operand before all casts that keep its bits.
    fn bits(&self, arg: Arg) -> Arg {
        let mut at = self.current(arg);
        while let Some(Node { op: Op::Bitcast, a, .. }) = self.defs.node(at) {
            at = self.current(*a);
        }
        at
    }
}

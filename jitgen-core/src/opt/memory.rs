//! Memory facts: loads of what is known become the value.
//!
//! ```text
//! store.i64 v0+8, v1      =>      store.i64 v0+8, v1
//! v2 = load.i64 v0+8              jump b0(v0, v1)
//! jump b0(v0, v2)
//! ```
//!
//! A fact says: at this address a value of this type was seen, and no store since can have changed
//! it. Which stores can:
//! - at the same place (`base + root * scale`) those whose bytes overlap, exactly;
//! - elsewhere (another base or another index) those of the **same type**.
//!
//! Invariant `typed-memory`, promised by the recorder: *a load of type T reads a word that was last
//! written as a T*. Traces come from Rust code that reads memory at its Rust type, so a word holds
//! a T while code reads it as T. It follows that a fact of type T is not spoilt by a store of type
//! U through an unrelated pointer: either that did not hit the word, or the word has become a U,
//! and then a load of type T must be behind another store of type T, which ends the fact. So
//! writing the bytes of a `Vec<u8>` does not forget the pointer and the length in the `Vec`, and
//! writing an enum's `f64` payload does not forget its neighbours' `i64` ones.
//!
//! The argument is about loads. To drop a *store* because memory holds the value already, no store
//! of another type may have come between either (the word may be a U by now): see
//! [`Facts::holds`].
//!
//! Calls end all facts. `call_read` and `call_pure` end none.
//!
//! Not here: dead stores (`backward`), allocations, immutable fields.

use super::address::{Address, Place};
use super::forward::Forward;
use super::node::Node;
use super::passes::Passes;
use super::rules::Rule;
use crate::ir::{Arg, Inst, Op, Ty};
use std::collections::HashMap;

/// What is known of the word at an address.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fact {
    pub value: Arg,
    /// Was it written (and not only read) since the facts began?
    pub stored: bool,
    /// Its place in the order of facts and stores.
    pub at: u32,
}

/// The words of one type, by place and offset.
type Class<T> = HashMap<Place, Vec<(i64, T)>>;

/// A map from typed addresses that knows which of them an access may touch.
#[derive(Clone, Debug)]
pub(super) struct Words<T> {
    classes: [Class<T>; Ty::ALL.len()],
}

impl<T> Default for Words<T> {
    fn default() -> Words<T> {
        Words { classes: std::array::from_fn(|_| Class::new()) }
    }
}

impl<T: Copy> Words<T> {
    pub fn get(&self, ty: Ty, address: Address) -> Option<T> {
        let words = self.classes[ty as usize].get(&address.place)?;
        let found = words.iter().find(|(offset, _)| *offset == address.offset);
        found.map(|(_, word)| *word)
    }

    /// Sets a word; the caller has removed what it replaces.
    pub fn insert(&mut self, ty: Ty, address: Address, word: T) {
        let words = self.classes[ty as usize].entry(address.place).or_default();
        match words.iter_mut().find(|(offset, _)| *offset == address.offset) {
            Some(old) => old.1 = word,
            None => words.push((address.offset, word)),
        }
    }

    /// Removes the words that an access of type `ty` at `address` may touch.
    pub fn remove_aliases(&mut self, ty: Ty, address: Address) {
        self.classes[ty as usize].retain(|place, _| *place == address.place);
        for other in Ty::ALL {
            if let Some(words) = self.classes[other as usize].get_mut(&address.place) {
                words.retain(|(offset, _)| !overlap(address.offset, ty, *offset, other));
            }
        }
    }

    pub fn clear(&mut self) {
        self.classes.iter_mut().for_each(HashMap::clear);
    }

    /// All words, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (Ty, Address, T)> + '_ {
        let classes = Ty::ALL.into_iter().zip(&self.classes);
        classes.flat_map(|(ty, class)| {
            class.iter().flat_map(move |(place, words)| {
                words.iter().map(move |(offset, word)| {
                    let address = Address { place: *place, offset: *offset };
                    (ty, address, *word)
                })
            })
        })
    }
}

/// Do words at these offsets of one place share a byte?
fn overlap(a: i64, a_ty: Ty, b: i64, b_ty: Ty) -> bool {
    let distance = b.wrapping_sub(a) as u64;
    distance < u64::from(a_ty.size()) || distance.wrapping_neg() < u64::from(b_ty.size())
}

/// What is known of memory.
#[derive(Clone, Default, Debug)]
pub(super) struct Facts {
    words: Words<Fact>,
    /// The stores so far with their place in the order.
    stores: Vec<(u32, Ty, Place)>,
    next: u32,
}

/// How many stores back [`Facts::holds`] looks.
const MAX_STORES_BACK: usize = 32;

impl Facts {
    /// No facts, and an unknown past.
    pub fn begin(&mut self) {
        *self = Facts { next: 1, ..Facts::default() };
    }

    pub fn get(&self, ty: Ty, address: Address) -> Option<Fact> {
        self.words.get(ty, address)
    }

    /// All facts, oldest first.
    pub fn sorted(&self) -> Vec<(Ty, Address, Fact)> {
        let mut facts: Vec<_> = self.words.iter().collect();
        facts.sort_by_key(|(_, _, fact)| fact.at);
        facts
    }

    pub fn loaded(&mut self, ty: Ty, address: Address, value: Arg) {
        self.add(ty, address, value, false);
    }

    pub fn stored(&mut self, ty: Ty, address: Address, value: Arg) {
        self.words.remove_aliases(ty, address);
        self.stores.push((self.next, ty, address.place));
        self.add(ty, address, value, true);
    }

    /// A fact that has held since before [`Facts::begin`].
    pub fn assume(&mut self, ty: Ty, address: Address, value: Arg) {
        let fact = Fact { value, stored: false, at: 0 };
        self.words.insert(ty, address, fact);
    }

    pub fn forget(&mut self) {
        self.words.clear();
        self.stores.clear();
    }

    /// Does memory hold exactly `value` as a `ty` at `address`? Beyond the fact this needs that no
    /// store of another type through an unrelated pointer has come between.
    pub fn holds(&self, ty: Ty, address: Address, value: Arg) -> bool {
        let Some(fact) = self.get(ty, address) else {
            return false;
        };
        if fact.value != value || fact.at == 0 {
            return false;
        }
        let since = self.stores.iter().rev().take_while(|s| s.0 > fact.at);
        let mut since = since.take(MAX_STORES_BACK + 1).enumerate();
        since.all(|(back, (_, _, place))| back < MAX_STORES_BACK && *place == address.place)
    }

    fn add(&mut self, ty: Ty, address: Address, value: Arg, stored: bool) {
        let at = self.next.max(1);
        self.next = at + 1;
        let fact = Fact { value, stored, at };
        self.words.insert(ty, address, fact);
    }
}

impl Forward<'_> {
    /// `load (ptr_add p, c)+k => load p+(k+c)`
    fn short_address(&mut self, pointer: Arg, imm: i32) -> (Arg, i32) {
        let pointer = self.current(pointer);
        if self.passes.contains(Passes::FOLD)
            && let Some(Node { op: Op::PtrAdd, a, b: Arg::Const(c), .. }) = self.defs.get(pointer)
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
        let address = self.defs.address(pointer, i64::from(imm));
        let memory = self.passes.contains(Passes::MEMORY);
        if memory && let Some(fact) = self.facts.get(inst.ty, address) {
            let rule = [Rule::LoadForward, Rule::StoreForward][usize::from(fact.stored)];
            self.fired.fire(rule);
            return self.current(fact.value);
        }
        let value = self.emit_with(inst.ty, Inst { a: pointer, imm, ..*inst });
        if memory {
            self.facts.loaded(inst.ty, address, value);
        }
        value
    }

    pub fn store(&mut self, inst: &Inst) {
        let (pointer, imm) = self.short_address(self.operand(inst.a), inst.imm);
        let value = self.operand(inst.b);
        let address = self.defs.address(pointer, i64::from(imm));
        if self.passes.contains(Passes::MEMORY) {
            if self.facts.holds(inst.ty, address, value) {
                self.fired.fire(Rule::RedundantStore);
                return;
            }
            self.facts.stored(inst.ty, address, value);
        }
        self.insts.push(Inst { a: pointer, b: value, imm, ..*inst });
    }
}

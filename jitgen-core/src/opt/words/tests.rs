//! Words are what a plain list of them is.
//!
//! Not here: what is made of them (`tests/filetests`).

use super::*;
use crate::ir::{Effects, ValueId};

/// Numbers without a pattern, the same each time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        (self.0 >> 33) % limit
    }

    fn place(&mut self) -> Place {
        let root = [None, Some((ValueId(9), 8)), Some((ValueId(9), 1))][self.below(3) as usize];
        Place::at(ValueId(self.below(3) as u32).into()).with_root(root)
    }

    fn access(&mut self) -> Access {
        let ty = [Ty::I8, Ty::I16, Ty::I32, Ty::I64, Ty::F64][self.below(5) as usize];
        let class = [Class::ANY, Class(1), Class(2), Class(3).immutable()];
        let class = class[self.below(4) as usize];
        let offset = [-70, -64, 0, 64, i64::MIN, i64::MAX - 9][self.below(6) as usize];
        let offset = offset.wrapping_add(self.below(12) as i64);
        Access { ty, class, address: Address { place: self.place(), offset } }
    }

    /// A call that writes a class or all, and keeps an object, a part of one, or nothing.
    fn call(&mut self) -> Call {
        let writes = [None, Some(vec![Class(1)])][self.below(2) as usize].clone();
        let range = [None, Some((-8, 16))][self.below(2) as usize];
        let base = Arg::Value(ValueId(self.below(3) as u32));
        let keeps = [vec![], vec![crate::ir::Kept { base, range }]];
        Call {
            symbol: String::new(),
            args: vec![],
            has_result: false,
            effects: Effects { writes, ..Effects::default() },
            keeps: keeps[self.below(2) as usize].clone(),
        }
    }
}

/// The same as a list that is gone through from its begin to its end each time.
#[test]
fn what_is_known_is_what_a_plain_list_knows() {
    let mut numbers = Numbers(1);
    let (mut words, mut list) = (Words::default(), Vec::<(Access, usize)>::new());
    for step in 0..20_000 {
        let access = numbers.access();
        match numbers.below(40) {
            0 => {
                let call = numbers.call();
                let writes = |class| call.may_write(crate::ir::Op::Call, class);
                let kept = Untouched::by(&call, &Defs::default());
                let apart = |base: Arg| base == Arg::Value(ValueId(1));
                words.remove_classes(writes, apart, &kept);
                list.retain(|(word, _)| {
                    let kept = apart(word.address.place.base()) || kept.contains(word);
                    !writes(word.class) || kept
                });
            }
            1..=4 => {
                let met = words.meet(&access);
                words.write(access, step, &met, |base| base != access.address.place.base());
                list.retain(|(word, _)| {
                    let apart = word.address.place.base() != access.address.place.base();
                    !word.may_touch(&access) || apart
                });
                let same = |word: &Access| (word.ty, word.address) == (access.ty, access.address);
                list.retain(|(word, _)| !same(word));
                list.push((access, step));
            }
            5..=8 => {
                let met = words.meet(&access);
                words.write(access, step, &met, |_| false);
                list.retain(|(word, _)| !word.may_touch(&access));
                list.push((access, step));
            }
            _ => {
                words.insert(access, step);
                let same = |word: &Access| (word.ty, word.address) == (access.ty, access.address);
                list.retain(|(word, _)| !same(word));
                list.push((access, step));
            }
        }
        let sorted = |mut all: Vec<usize>| {
            all.sort();
            all
        };
        let all = sorted(words.iter().map(|(_, _, known)| known).collect());
        assert_eq!(all, sorted(list.iter().map(|(_, known)| *known).collect()), "{access:?}");
        let asked = numbers.access();
        let touching = |(word, _): &(Access, usize)| {
            word.address.place == asked.address.place && word.may_touch(&asked)
        };
        let mut near = vec![];
        words.find_around(asked, |word, known| {
            near.extend(touching(&(*word, known)).then_some(known));
            None::<()>
        });
        let known = list.iter().copied().filter(touching).map(|(_, known)| known);
        assert_eq!(sorted(near), sorted(known.collect()), "{asked:?}");
        if let Some(only) = words.only(&words.meet(&asked)) {
            let meets = |(word, _): &&(Access, usize)| {
                word.address.place == asked.address.place && word.overlaps(&asked)
            };
            let met = list.iter().filter(meets).map(|(_, known)| *known);
            assert_eq!(Vec::from_iter(only), met.collect::<Vec<_>>(), "{asked:?}");
        }
        let found =
            list.iter().find(|(word, _)| (word.ty, word.address) == (asked.ty, asked.address));
        assert_eq!(words.get(asked), found.map(|(_, known)| *known), "{asked:?}");
    }
}

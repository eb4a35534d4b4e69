//! A map from words in memory that knows which of them an access may touch.
//!
//! ```text
//! ;; known: v0+8 @3
//! store.i64 v0+0 @3, v1       ;; same place, other bytes: still known
//! store.i64 v2+8 @4, v1       ;; another place, but also another class: still known
//! store.i64 v2+0, v1          ;; any class: not known any more
//! ```
//!
//! At the same place (`base + root * scale`) the bytes are compared, exactly. Elsewhere (another
//! base or another index) the alias classes decide.
//!
//! The words of a place are kept in *lines* of [`LINE`] bytes, so an access looks at two of them at
//! most; and a table says where the words of each class are, so what an access does not touch is not
//! looked at, but for the classes, for what a call keeps, and for bases that are known to be apart.
//!
//! Invariants: `types-say-nothing` (which type a word is accessed at has no influence on aliasing,
//! but for its size), `listed` (the line of a word is listed under its class, base and place),
//! `amortized` (what a removal costs, the insertions before it have paid for, but for the classes and
//! places that it keeps).
//!
//! Not here: what is known of the words (`memory`, `backward`), which places are apart (`fresh`,
//! `owners`).

use super::address::{Address, Defs, Place};
use crate::ir::{Arg, Call, Class, Inst, Map, Ty};

/// How many bytes of a place are in one line.
const LINE: i64 = 64;

/// Words are no larger than this, in bytes.
const MAX_SIZE: i64 = 8;

/// Which bytes an access touches.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Access {
    pub ty: Ty,
    pub class: Class,
    pub address: Address,
}

impl Access {
    /// The access of a load or store to this address.
    pub fn new(inst: &Inst, address: Address) -> Access {
        Access { ty: inst.ty, class: inst.class(), address }
    }

    /// The access of a load or store that stands in the trace as it is.
    pub fn of(inst: &Inst, defs: &Defs) -> Access {
        Access::new(inst, defs.address(inst.a, i64::from(inst.imm)))
    }

    /// May both touch the same byte?
    pub fn may_touch(&self, other: &Access) -> bool {
        if self.address.place == other.address.place {
            return self.start_in(other).is_some() || other.start_in(self).is_some();
        }
        self.class.may_alias(other.class)
    }

    /// Are all bytes of this among those of `other`, for sure?
    pub fn is_within(&self, other: &Access) -> bool {
        let end = self.start_in(other).map(|start| start + self.ty.size());
        end.is_some_and(|end| end <= other.ty.size())
    }

    /// Which byte of `other` the first of this is, if both are at one place and it is one of them.
    pub fn start_in(&self, other: &Access) -> Option<u32> {
        let distance = self.address.offset.wrapping_sub(other.address.offset) as u64;
        let inside = distance < u64::from(other.ty.size());
        (self.address.place == other.address.place && inside).then_some(distance as u32)
    }
}

/// The memory that a call leaves alone.
#[derive(Debug)]
pub(super) struct Untouched(Vec<(Address, Option<u32>)>);

impl Untouched {
    /// What a call keeps, whose operands are defined by `defs`.
    pub fn by(call: &Call, defs: &Defs) -> Untouched {
        let kept = call.keeps.iter().map(|kept| match kept.range {
            Some((offset, size)) => (defs.address(kept.base, offset.into()), Some(size)),
            None => (defs.address(kept.base, 0), None),
        });
        // Constant addresses have one base, and belong to many objects.
        let known = |(address, size): &(Address, Option<u32>)| {
            size.is_some() || address.place.base.as_value().is_some()
        };
        Untouched(kept.filter(known).collect())
    }

    /// May words at this place be among that?
    fn has_place(&self, place: &Place) -> bool {
        self.0.iter().any(|(address, size)| match size {
            None => address.place.base == place.base,
            Some(_) => address.place == *place,
        })
    }

    /// Are all bytes of the word among that?
    pub fn contains(&self, word: &Access) -> bool {
        self.0.iter().any(|(address, size)| match size {
            None => address.place.base == word.address.place.base,
            Some(size) => {
                let start = word.address.offset.wrapping_sub(address.offset) as u64;
                let end = start.checked_add(word.ty.size().into());
                address.place == word.address.place && end.is_some_and(|end| end <= (*size).into())
            }
        })
    }
}

/// Where words are: some bytes of a place.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Line {
    place: Place,
    number: i64,
}

impl Line {
    /// Where a word with that address is.
    fn of(address: Address) -> Line {
        Line { place: address.place, number: address.offset.div_euclid(LINE) }
    }

    /// Where words are that have a byte in common with one at that address.
    fn around(address: Address) -> impl Iterator<Item = Line> {
        let first = Line::of(address.shifted(1 - MAX_SIZE));
        let last = Line::of(address.shifted(MAX_SIZE - 1));
        [Some(first), (last != first).then_some(last)].into_iter().flatten()
    }
}

/// Words with something known of each.
#[derive(Clone, Debug)]
pub(super) struct Words<T> {
    lines: Map<Line, Vec<(Access, T)>>,
    /// Where words of each class are: places, and the numbers of the lines there. There may be none
    /// any more.
    classes: Map<Class, Map<Place, Vec<i64>>>,
}

impl<T> Default for Words<T> {
    fn default() -> Words<T> {
        Words { lines: Map::default(), classes: Map::default() }
    }
}

impl<T: Copy> Words<T> {
    /// What is known of that very word, by this type.
    pub fn get(&self, access: Access) -> Option<T> {
        let same =
            |word: &Access| word.ty == access.ty && word.address.offset == access.address.offset;
        let words = self.lines.get(&Line::of(access.address))?;
        words.iter().find(|(word, _)| same(word)).map(|(_, known)| *known)
    }

    /// The words at the place of `access` that have a byte in common with it, and others near by; those
    /// of a line in the order in which they were added.
    pub fn around(&self, access: Access) -> impl Iterator<Item = (Access, T)> + '_ {
        let lines = Line::around(access.address);
        lines.filter_map(|line| self.lines.get(&line)).flatten().copied()
    }

    /// Sets a word; the caller has removed what it replaces.
    pub fn insert(&mut self, access: Access, known: T) {
        debug_assert!(i64::from(access.ty.size()) <= MAX_SIZE, "{} is larger", access.ty);
        let line = Line::of(access.address);
        let words = self.lines.entry(line).or_default();
        if !words.iter().any(|(word, _)| word.class == access.class) {
            let places = self.classes.entry(access.class).or_default();
            places.entry(line.place).or_default().push(line.number);
        }
        let (ty, address) = (access.ty, access.address);
        words.retain(|(word, _)| word.ty != ty || word.address != address);
        words.push((access, known));
    }

    /// Removes that very word, of this type.
    pub fn remove(&mut self, access: Access) {
        if let Some(words) = self.lines.get_mut(&Line::of(access.address)) {
            words.retain(|(word, _)| {
                word.ty != access.ty || word.address.offset != access.address.offset
            });
        }
    }

    /// Removes the words that an access may touch, but for those at other bases that are known to be
    /// `apart` from its own.
    pub fn remove_aliases_but(&mut self, access: Access, apart: impl Fn(Arg) -> bool) {
        for line in Line::around(access.address) {
            if let Some(words) = self.lines.get_mut(&line) {
                words.retain(|(word, _)| !word.may_touch(&access));
            }
        }
        let (lines, here) = (&mut self.lines, access.address.place);
        if access.class == Class::ANY {
            for (class, places) in &mut self.classes {
                if !class.may_alias(access.class) {
                    continue;
                }
                remove_elsewhere(lines, *class, places, here, &apart);
            }
            return;
        }
        for class in [access.class, Class::ANY] {
            if let Some(places) = self.classes.get_mut(&class)
                && class.may_alias(access.class)
            {
                remove_elsewhere(lines, class, places, here, &apart);
            }
        }
    }

    /// Removes the words of the classes of which `touched` holds, but for what is kept and those at
    /// bases that are `apart`.
    pub fn remove_classes(
        &mut self,
        touched: impl Fn(Class) -> bool,
        apart: impl Fn(Arg) -> bool,
        kept: &Untouched,
    ) {
        for (class, places) in &mut self.classes {
            if !touched(*class) {
                continue;
            }
            remove_places(places, |place, numbers| {
                if apart(place.base) {
                    return true;
                }
                let gone = |word: &Access| word.class == *class && !kept.contains(word);
                remove(&mut self.lines, *place, numbers, gone);
                kept.has_place(place)
            });
        }
    }

    pub fn clear(&mut self) {
        *self = Words::default();
    }

    /// All words, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (Access, T)> + '_ {
        self.lines.values().flatten().copied()
    }
}

/// Removes the words of a class that are not at that place, nor at another base that is `apart`.
fn remove_elsewhere<T>(
    lines: &mut Map<Line, Vec<(Access, T)>>,
    class: Class,
    places: &mut Map<Place, Vec<i64>>,
    here: Place,
    apart: impl Fn(Arg) -> bool,
) {
    if places.len() == 1 && places.contains_key(&here) {
        return;
    }
    remove_places(places, |place, numbers| {
        let kept = *place == here || place.base != here.base && apart(place.base);
        if !kept {
            remove(lines, *place, numbers, |word| word.class == class);
        }
        kept
    });
}

/// Removes the places that are not `kept`. If these are few the table becomes small, or it would be as
/// large as ever to go through.
fn remove_places(places: &mut Map<Place, Vec<i64>>, mut kept: impl FnMut(&Place, &[i64]) -> bool) {
    let before = places.len();
    places.retain(|place, numbers| kept(place, numbers));
    if places.len() < before / 2 {
        places.shrink_to_fit();
    }
}

/// Removes words from lines of a place.
fn remove<T>(
    lines: &mut Map<Line, Vec<(Access, T)>>,
    place: Place,
    numbers: &[i64],
    gone: impl Fn(&Access) -> bool,
) {
    for number in numbers {
        let line = Line { place, number: *number };
        if let Some(words) = lines.get_mut(&line) {
            words.retain(|(word, _)| !gone(word));
            if words.is_empty() {
                lines.remove(&line);
            }
        }
    }
}

#[cfg(test)]
mod tests {
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
            Place { base: Arg::Value(ValueId(self.below(3) as u32)), root }
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
                        let kept = apart(word.address.place.base) || kept.contains(word);
                        !writes(word.class) || kept
                    });
                }
                1..=2 => {
                    let here = access.address.place;
                    let apart = |base: Arg| base != here.base;
                    words.remove_aliases_but(access, apart);
                    list.retain(|(word, _)| {
                        !word.may_touch(&access) || apart(word.address.place.base)
                    });
                }
                3..=5 => {
                    words.remove_aliases_but(access, |_| false);
                    list.retain(|(word, _)| !word.may_touch(&access));
                }
                _ => {
                    words.insert(access, step);
                    let same =
                        |word: &Access| (word.ty, word.address) == (access.ty, access.address);
                    list.retain(|(word, _)| !same(word));
                    list.push((access, step));
                }
            }
            let sorted = |mut all: Vec<usize>| {
                all.sort();
                all
            };
            let all = sorted(words.iter().map(|(_, known)| known).collect());
            assert_eq!(all, sorted(list.iter().map(|(_, known)| *known).collect()), "{access:?}");
            let asked = numbers.access();
            let touching = |(word, _): &(Access, usize)| {
                word.address.place == asked.address.place && word.may_touch(&asked)
            };
            let near = words.around(asked).filter(touching).map(|(_, known)| known);
            let known = list.iter().copied().filter(touching).map(|(_, known)| known);
            assert_eq!(sorted(near.collect()), sorted(known.collect()), "{asked:?}");
            let found =
                list.iter().find(|(word, _)| (word.ty, word.address) == (asked.ty, asked.address));
            assert_eq!(words.get(asked), found.map(|(_, known)| *known), "{asked:?}");
        }
    }
}

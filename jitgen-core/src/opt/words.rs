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
//! most; and lists say where the words of each class are, so what an access does not touch is not
//! looked at, but for the classes, for what a call keeps, and for bases that are known to be apart.
//!
//! Invariants: `types-say-nothing` (which type a word is accessed at has no influence on aliasing,
//! but for its size), `listed` (a word is in the list of its line, and in that of its class and place,
//! which is in the list of its class),
//! `amortized` (what a removal costs, the insertions before it have paid for, but for the classes and
//! places that it keeps).
//!
//! Not here: what is known of the words (`memory`, `sink`), which places are apart (`fresh`,
//! `owners`).

use super::address::{Address, Defs, Place};
use super::dense::{Growing, Shared};
use crate::ir::{Arg, Call, Class, Inst, Map, Ty};
use std::cell::Cell;

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
        match self.address.place == other.address.place {
            true => self.overlaps(other),
            false => self.class.may_alias(other.class),
        }
    }

    /// Have both a byte in common, if they are at the same place?
    fn overlaps(&self, other: &Access) -> bool {
        let distance = self.address.offset.wrapping_sub(other.address.offset);
        (distance as u64) < other.ty.size().into()
            || (distance.wrapping_neg() as u64) < self.ty.size().into()
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
    number: i64,
    place: Place,
}

impl Line {
    /// Where a word with that address is.
    fn of(address: Address) -> Line {
        Line { place: address.place, number: address.offset.div_euclid(LINE) }
    }

    /// The line of a word's last byte, if it is the next one.
    fn behind(access: &Access) -> Option<Line> {
        let last = Line::of(access.address.shifted(i64::from(access.ty.size()) - 1));
        (last.number != Line::of(access.address).number).then_some(last)
    }
}

/// The number of no word, and of no group.
const NONE: u32 = u32::MAX;

/// The neighbours of a word in a list of words.
#[derive(Clone, Copy, Debug)]
struct Links {
    before: u32,
    next: u32,
}

/// A word, if `group` is one: in the list of its line, and in that of its group.
#[derive(Clone, Copy, Debug)]
struct Slot<T> {
    access: Access,
    known: T,
    line: Links,
    group: u32,
    same_group: Links,
}

/// The words of a line, in the order in which they were added: the first and the last.
#[derive(Clone, Copy, Debug)]
struct Ends {
    first: u32,
    last: u32,
}

/// The words of one class at one place.
#[derive(Clone, Copy, Debug)]
struct Group {
    first: u32,
    /// Is it in the list of its class?
    is_listed: bool,
    /// The next one there.
    next: u32,
}

/// What lines and groups there are. A copy of the words shares it until it has one more.
#[derive(Clone, Default, Debug)]
struct Index {
    line_of: Map<Line, u32>,
    group_of: Map<(Class, Place), u32>,
    /// By group: where its words are.
    places: Vec<Place>,
}

/// Words with something known of each. All of it is in a few tables, so that a copy is cheap.
#[derive(Clone, Debug)]
pub(super) struct Words<T: Copy> {
    slots: Growing<Slot<T>>,
    /// The first slot that has no word any more; `line.next` leads to the others.
    free: u32,
    index: Shared<Index>,
    lines: Vec<Ends>,
    /// Has there been a word that goes on in the next line?
    crosses: bool,
    /// The line that has been asked for last, and its number.
    asked: Cell<Option<(Line, u32)>>,
    groups: Vec<Group>,
    /// By class: the first group that is listed. There may be no words in it any more.
    classes: Vec<(Class, u32)>,
}

impl<T: Copy> Default for Words<T> {
    fn default() -> Words<T> {
        Words {
            slots: Growing::default(),
            free: NONE,
            index: Shared::default(),
            lines: vec![],
            crosses: false,
            asked: Cell::new(None),
            groups: vec![],
            classes: vec![],
        }
    }
}

impl<T: Copy> Words<T> {
    /// No words, but room for so many accesses.
    pub fn with_room(accesses: usize) -> Words<T> {
        let mut words = Words { slots: Vec::with_capacity(accesses).into(), ..Words::default() };
        // Several words are in a line, and in a group.
        let places = accesses / 2;
        words.lines.reserve(places);
        words.groups.reserve(places);
        let Index { line_of, group_of, places: of_groups } = words.index.change();
        line_of.reserve(places);
        group_of.reserve(places);
        of_groups.reserve(places);
        words
    }

    /// What is known of that very word, by this type.
    pub fn get(&self, access: Access) -> Option<T> {
        self.find(access).map(|at| self.slots[at as usize].known)
    }

    fn find(&self, access: Access) -> Option<u32> {
        let mut at = self.first_of(Line::of(access.address));
        while let Some(Slot { access: word, line, .. }) = self.slots.get(at as usize) {
            if word.ty == access.ty && word.address.offset == access.address.offset {
                return Some(at);
            }
            at = line.next;
        }
        None
    }

    /// What is found first of the words at the place of `access` that have a byte in common with it,
    /// and others near by; those of a line in the order in which they were added.
    pub fn find_around<R>(
        &self,
        access: Access,
        mut found: impl FnMut(&Access, T) -> Option<R>,
    ) -> Option<R> {
        let lines = self.lines_around(&access);
        lines.into_iter().flatten().find_map(|line| {
            let mut at = self.first_of(line);
            while let Some(slot) = self.slots.get(at as usize) {
                let result = found(&slot.access, slot.known);
                if result.is_some() {
                    return result;
                }
                at = slot.line.next;
            }
            None
        })
    }

    /// Where words are that have a byte in common with this one.
    fn lines_around(&self, access: &Access) -> [Option<Line>; 3] {
        let before = access.address.shifted(1 - MAX_SIZE);
        let here = Line::of(access.address);
        let before = Line::of(before);
        let crosses = self.crosses && before.number != here.number;
        [crosses.then_some(before), Some(here), Line::behind(access)]
    }

    /// The first word of a line.
    fn first_of(&self, line: Line) -> u32 {
        self.lines.get(self.number_of(line) as usize).map_or(NONE, |ends| ends.first)
    }

    /// The number of a line, if it has or had a word. One is mostly asked for several times in a row.
    fn number_of(&self, line: Line) -> u32 {
        match self.asked.get() {
            Some((asked, number)) if asked == line => number,
            _ => {
                let number = self.index.get().and_then(|index| index.line_of.get(&line).copied());
                let number = number.unwrap_or(NONE);
                self.asked.set(Some((line, number)));
                number
            }
        }
    }

    /// Sets a word; the caller has removed what it replaces.
    pub fn insert(&mut self, access: Access, known: T) {
        debug_assert!(i64::from(access.ty.size()) <= MAX_SIZE, "{} is larger", access.ty);
        let line = Line::of(access.address);
        self.crosses |= Line::behind(&access).is_some();
        // A word of the same class leads to the group.
        let (mut group, mut old) = (NONE, None);
        let mut at = self.first_of(line);
        while let Some(slot) = self.slots.get(at as usize) {
            if slot.access.class == access.class {
                group = slot.group;
            }
            if slot.access.ty == access.ty && slot.access.address.offset == access.address.offset {
                old = Some(at);
            }
            at = slot.line.next;
        }
        if let Some(old) = old {
            self.remove_slot(old);
        }
        if group == NONE {
            group = self.group(access.class, access.address.place);
        }
        let at = self.take_slot(access, known, group);
        let mut number = self.number_of(line);
        if number == NONE {
            number = self.lines.len() as u32;
            self.lines.push(Ends { first: NONE, last: NONE });
            self.index.change().line_of.insert(line, number);
            self.asked.set(Some((line, number)));
        }
        let ends = &mut self.lines[number as usize];
        let before = std::mem::replace(&mut ends.last, at);
        match before {
            NONE => ends.first = at,
            before => self.slots[before as usize].line.next = at,
        }
        self.slots[at as usize].line.before = before;
    }

    /// The group of a class at a place, which is listed from now on.
    fn group(&mut self, class: Class, place: Place) -> u32 {
        let index = self.index.get();
        let number = index.and_then(|index| index.group_of.get(&(class, place)).copied());
        let number = number.unwrap_or_else(|| {
            let new = self.groups.len() as u32;
            self.groups.push(Group { first: NONE, is_listed: false, next: NONE });
            let index = self.index.change();
            index.group_of.insert((class, place), new);
            index.places.push(place);
            new
        });
        self.list(class, number);
        number
    }

    fn list(&mut self, class: Class, number: u32) {
        let group = &mut self.groups[number as usize];
        if std::mem::replace(&mut group.is_listed, true) {
            return;
        }
        match self.classes.iter_mut().find(|(known, _)| *known == class) {
            Some((_, first)) => group.next = std::mem::replace(first, number),
            None => {
                group.next = NONE;
                self.classes.push((class, number));
            }
        }
    }

    /// A slot with a word, which is in the list of its group.
    fn take_slot(&mut self, access: Access, known: T, group: u32) -> u32 {
        let first = &mut self.groups[group as usize].first;
        let line = Links { before: NONE, next: NONE };
        let same_group = Links { before: NONE, next: *first };
        let slot = Slot { access, known, line, group, same_group };
        let at = match self.free {
            NONE => {
                self.slots.push(slot);
                self.slots.len() as u32 - 1
            }
            at => {
                self.free = self.slots[at as usize].line.next;
                self.slots[at as usize] = slot;
                at
            }
        };
        if let Some(next) = self.slots.get_mut(*first as usize) {
            next.same_group.before = at;
        }
        *first = at;
        at
    }

    /// Removes a word from its line and its group.
    fn remove_slot(&mut self, at: u32) {
        let Slot { access, line, group, same_group, .. } = self.slots[at as usize];
        let before = self.slots.get_mut(line.before as usize);
        let is_first = before.map(|before| before.line.next = line.next).is_none();
        let next = self.slots.get_mut(line.next as usize);
        let is_last = next.map(|next| next.line.before = line.before).is_none();
        if is_first || is_last {
            let number = self.number_of(Line::of(access.address));
            let ends = &mut self.lines[number as usize];
            ends.first = if is_first { line.next } else { ends.first };
            ends.last = if is_last { line.before } else { ends.last };
        }
        match self.slots.get_mut(same_group.before as usize) {
            Some(before) => before.same_group.next = same_group.next,
            None => self.groups[group as usize].first = same_group.next,
        }
        if let Some(next) = self.slots.get_mut(same_group.next as usize) {
            next.same_group.before = same_group.before;
        }
        let slot = &mut self.slots[at as usize];
        (slot.group, slot.line.next) = (NONE, self.free);
        self.free = at;
    }

    /// Removes that very word, of this type.
    pub fn remove(&mut self, access: Access) {
        if let Some(at) = self.find(access) {
            self.remove_slot(at);
        }
    }

    /// Removes the words that an access may touch, but for those at other bases that are known to be
    /// `apart` from its own.
    pub fn remove_aliases_but(&mut self, access: Access, apart: impl Fn(Arg) -> bool) {
        for line in self.lines_around(&access).into_iter().flatten() {
            let mut at = self.first_of(line);
            while let Some(slot) = self.slots.get(at as usize) {
                let (here, next) = (at, slot.line.next);
                if slot.access.overlaps(&access) {
                    self.remove_slot(here);
                }
                at = next;
            }
        }
        let here = access.address.place;
        let stays = |place: &Place| *place == here || place.base != here.base && apart(place.base);
        for number in 0..self.classes.len() {
            let (class, first) = self.classes[number];
            if first != NONE && class.may_alias(access.class) {
                self.thin(number, stays, |_| false);
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
        for number in 0..self.classes.len() {
            if touched(self.classes[number].0) {
                self.thin(number, |place| apart(place.base), |word| kept.contains(word));
            }
        }
    }

    /// Removes the words of a class, but for places and words that stay.
    fn thin(
        &mut self,
        class: usize,
        place_stays: impl Fn(&Place) -> bool,
        stays: impl Fn(&Access) -> bool,
    ) {
        let mut at = std::mem::replace(&mut self.classes[class].1, NONE);
        let mut last = NONE;
        while at != NONE {
            let Group { first, next, .. } = self.groups[at as usize];
            if first != NONE
                && !self.index.get().is_some_and(|i| place_stays(&i.places[at as usize]))
            {
                self.thin_group(first, &stays);
            }
            if self.groups[at as usize].first == NONE {
                self.groups[at as usize].is_listed = false;
            } else {
                match last {
                    NONE => self.classes[class].1 = at,
                    last => self.groups[last as usize].next = at,
                }
                self.groups[at as usize].next = NONE;
                last = at;
            }
            at = next;
        }
    }

    fn thin_group(&mut self, first: u32, stays: impl Fn(&Access) -> bool) {
        let mut at = first;
        while let Some(slot) = self.slots.get(at as usize) {
            let (here, next) = (at, slot.same_group.next);
            if !stays(&slot.access) {
                self.remove_slot(here);
            }
            at = next;
        }
    }

    /// Removes all words; the tables keep their room.
    pub fn clear(&mut self) {
        if !self.slots.is_empty() {
            let Words { slots, free, index, lines, crosses, asked, groups, classes } = self;
            slots.clear();
            let Index { line_of, group_of, places } = index.change();
            line_of.clear();
            group_of.clear();
            places.clear();
            lines.clear();
            groups.clear();
            classes.clear();
            (*free, *crosses) = (NONE, false);
            asked.set(None);
        }
    }

    /// What is known of that very word, which may be at that place of the table.
    pub fn get_near(&self, at: usize, access: Access) -> Option<T> {
        let near = self.at(at).filter(|(word, _)| *word == access);
        near.map(|(_, known)| known).or_else(|| self.get(access))
    }

    /// The word at that place of the table, if there is one.
    pub fn at(&self, at: usize) -> Option<(Access, T)> {
        let slot = self.slots.get(at).filter(|slot| slot.group != NONE);
        slot.map(|slot| (slot.access, slot.known))
    }

    /// No more words than these.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// All words, in no order, each with its place in the table.
    pub fn iter(&self) -> impl Iterator<Item = (usize, Access, T)> + '_ {
        let words = self.slots.iter().enumerate().filter(|(_, slot)| slot.group != NONE);
        words.map(|(at, slot)| (at, slot.access, slot.known))
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
            let found =
                list.iter().find(|(word, _)| (word.ty, word.address) == (asked.ty, asked.address));
            assert_eq!(words.get(asked), found.map(|(_, known)| *known), "{asked:?}");
        }
    }
}

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
//! The words of a place are kept in `lines`, so an access looks at two of them at most, or at three if
//! words cross from one to the next; and lists say where the words of each class are, so what an access does not touch is not
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
use super::lines::{Around, Line, MAX_SIZE};
use super::numbered::Numbered;
use crate::ir::{Arg, Call, Class, Inst, Ty};
use std::cell::Cell;

/// Some bytes of a place.
#[derive(Clone, Copy)]
pub(super) struct Bytes {
    pub offset: i64,
    pub size: u32,
}

impl Bytes {
    /// Have both a byte in common?
    #[inline]
    pub fn overlap(self, other: Bytes) -> bool {
        let distance = self.offset.wrapping_sub(other.offset);
        (distance as u64) < other.size.into() || (distance.wrapping_neg() as u64) < self.size.into()
    }

    /// Are all of these among the others?
    #[inline]
    pub fn are_within(self, other: Bytes) -> bool {
        let start = self.offset.wrapping_sub(other.offset) as u64;
        let end = start.checked_add(self.size.into());
        end.is_some_and(|end| end <= other.size.into())
    }
}

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

    /// Is it the same word of a place, by the same type?
    fn is_same_word(&self, other: &Access) -> bool {
        self.ty == other.ty && self.address.offset == other.address.offset
    }

    /// Have both a byte in common, if they are at the same place?
    fn overlaps(&self, other: &Access) -> bool {
        self.bytes().overlap(other.bytes())
    }

    fn bytes(&self) -> Bytes {
        Bytes { offset: self.address.offset, size: self.ty.size() }
    }

    /// Are all bytes of this among those of `other`, for sure?
    pub fn is_within(&self, other: &Access) -> bool {
        self.address.place == other.address.place && self.bytes().are_within(other.bytes())
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
            size.is_some() || address.place.base().as_value().is_some()
        };
        Untouched(kept.filter(known).collect())
    }

    /// Are all bytes of the word among that?
    pub fn contains(&self, word: &Access) -> bool {
        self.0.iter().any(|(address, size)| match size {
            None => address.place.base() == word.address.place.base(),
            Some(size) => {
                let kept = Bytes { offset: address.offset, size: *size };
                address.place == word.address.place && word.bytes().are_within(kept)
            }
        })
    }
}

/// The number of no word, no line and no group.
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
    line: u32,
    same_line: Links,
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
    /// The number of the class.
    class: u32,
    first: u32,
    /// Is it in the list of its class?
    is_listed: bool,
    /// The next one there.
    next: u32,
}

/// What lines and groups there are. A copy of the words shares it until it has one more.
#[derive(Clone, Default, Debug)]
struct Index {
    lines: Numbered<Line>,
    groups: Numbered<(Class, Place)>,
}

/// Words with something known of each. All of it is in a few tables, so that a copy is cheap.
#[derive(Clone, Debug)]
pub(super) struct Words<T: Copy> {
    slots: Growing<Slot<T>>,
    /// The first slot that has no word any more; `same_line.next` leads to the others.
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
    /// The number of the class of any memory, if there is a group of it.
    any: u32,
}

/// The words that an access has met, until words are added or removed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Met {
    /// The very word, by that type and of that class, or [`NONE`].
    same: u32,
    /// May there be others that have a byte in common with it?
    others: bool,
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
            any: NONE,
        }
    }
}

impl<T: Copy> Words<T> {
    /// No words, but room for so many accesses.
    pub fn with_room(accesses: usize) -> Words<T> {
        let mut words = Words { slots: Vec::with_capacity(accesses).into(), ..Words::default() };
        // Several words are in a line, and in a group.
        let places = accesses / 4;
        words.lines.reserve(places);
        words.groups.reserve(places);
        *words.index.change() =
            Index { lines: Numbered::with_room(places), groups: Numbered::with_room(places) };
        words
    }

    /// What is known of that very word, by this type.
    pub fn get(&self, access: Access) -> Option<T> {
        self.find(access).map(|at| self.slots[at as usize].known)
    }

    fn find(&self, access: Access) -> Option<u32> {
        self.find_in(Line::of(access.address), |at, slot| {
            slot.access.is_same_word(&access).then_some(at)
        })
    }

    /// What is found first in a line, in the order in which the words were added.
    fn find_in<R>(
        &self,
        line: Line,
        mut found: impl FnMut(u32, &Slot<T>) -> Option<R>,
    ) -> Option<R> {
        let mut at = self.first_of(line);
        while let Some(slot) = self.slots.get(at as usize) {
            let result = found(at, slot);
            if result.is_some() {
                return result;
            }
            at = slot.same_line.next;
        }
        None
    }

    /// What is found first of the words that have all their bytes, and no others, in common with
    /// `access`; in the order in which they were added.
    pub fn find_same_bytes<R>(
        &self,
        access: &Access,
        mut found: impl FnMut(T) -> Option<R>,
    ) -> Option<R> {
        self.find_in(Line::of(access.address), |_, Slot { access: word, known, .. }| {
            let same_bytes =
                word.address.offset == access.address.offset && word.ty.size() == access.ty.size();
            if same_bytes { found(*known) } else { None }
        })
    }

    /// What is found first of the words at the place of `access` that have a byte in common with it,
    /// and others near by; those of a line in the order in which they were added.
    pub fn find_around<R>(
        &self,
        access: Access,
        mut found: impl FnMut(&Access, T) -> Option<R>,
    ) -> Option<R> {
        Around::of(&access, self.crosses)
            .find(&access, |line| self.find_in(line, |_, slot| found(&slot.access, slot.known)))
    }

    /// The first word of a line.
    fn first_of(&self, line: Line) -> u32 {
        self.lines.get(self.number_of(line) as usize).map_or(NONE, |ends| ends.first)
    }

    /// The number of a line, if it has or had a word. One is mostly asked for several times in a row.
    #[inline]
    fn number_of(&self, line: Line) -> u32 {
        match self.asked.get() {
            Some((asked, number)) if asked == line => number,
            _ => self.look_up(line),
        }
    }

    fn look_up(&self, line: Line) -> u32 {
        let number = self.index.get().and_then(|index| index.lines.get(&line)).unwrap_or(NONE);
        self.asked.set(Some((line, number)));
        number
    }

    /// Sets a word; the caller has removed what it replaces.
    pub fn insert(&mut self, access: Access, known: T) {
        debug_assert!(i64::from(access.ty.size()) <= MAX_SIZE, "{} is larger", access.ty);
        let line = Line::of(access.address);
        // A word of the same class leads to the group.
        let (mut group, mut old) = (NONE, NONE);
        let mut at = self.first_of(line);
        while let Some(slot) = self.slots.get(at as usize) {
            if slot.access.class == access.class {
                group = slot.group;
            }
            if slot.access.is_same_word(&access) {
                old = at;
            }
            at = slot.same_line.next;
        }
        if old != NONE {
            self.remove_slot(old);
        }
        if group == NONE {
            group = self.group(access.class, access.address.place);
        }
        let line = self.line(line);
        self.crosses |= Around::of(&access, false).behind;
        self.add_slot(access, known, line, group);
    }

    /// The number of a line, which there is from now on.
    fn line(&mut self, line: Line) -> u32 {
        let mut number = self.number_of(line);
        if number == NONE {
            number = self.index.change().lines.add(line);
            self.lines.push(Ends { first: NONE, last: NONE });
            self.asked.set(Some((line, number)));
        }
        number
    }

    /// The group of a class at a place, which is listed from now on.
    fn group(&mut self, class: Class, place: Place) -> u32 {
        let number = self.index.get().and_then(|index| index.groups.get(&(class, place)));
        let number = number.unwrap_or_else(|| {
            let class_number = self.class(class);
            self.groups.push(Group {
                class: class_number,
                first: NONE,
                is_listed: false,
                next: NONE,
            });
            self.index.change().groups.add((class, place))
        });
        let group = &mut self.groups[number as usize];
        if !std::mem::replace(&mut group.is_listed, true) {
            let (_, first) = &mut self.classes[group.class as usize];
            group.next = std::mem::replace(first, number);
        }
        number
    }

    /// The number of a class, which there is from now on.
    fn class(&mut self, class: Class) -> u32 {
        let known = self.classes.iter().position(|(known, _)| *known == class);
        let number = known.unwrap_or(self.classes.len()) as u32;
        if known.is_none() {
            self.classes.push((class, NONE));
        }
        if class == Class::ANY {
            self.any = number;
        }
        number
    }

    /// Adds a word to its line and its group.
    fn add_slot(&mut self, access: Access, known: T, line: u32, group: u32) {
        let (ends, first) =
            (&mut self.lines[line as usize], &mut self.groups[group as usize].first);
        let same_line = Links { before: ends.last, next: NONE };
        let same_group = Links { before: NONE, next: *first };
        let slot = Slot { access, known, line, same_line, group, same_group };
        let at = match self.free {
            NONE => {
                self.slots.push(slot);
                self.slots.len() as u32 - 1
            }
            at => {
                self.free = self.slots[at as usize].same_line.next;
                self.slots[at as usize] = slot;
                at
            }
        };
        (ends.last, *first) = (at, at);
        match self.slots.get_mut(same_line.before as usize) {
            Some(before) => before.same_line.next = at,
            None => ends.first = at,
        }
        if let Some(next) = self.slots.get_mut(same_group.next as usize) {
            next.same_group.before = at;
        }
    }

    /// Removes a word from its line and its group.
    fn remove_slot(&mut self, at: u32) {
        let slot = &mut self.slots[at as usize];
        let Slot { line, same_line, group, same_group, .. } = *slot;
        (slot.group, slot.same_line.next) = (NONE, self.free);
        self.free = at;
        match self.slots.get_mut(same_line.before as usize) {
            Some(before) => before.same_line.next = same_line.next,
            None => self.lines[line as usize].first = same_line.next,
        }
        match self.slots.get_mut(same_line.next as usize) {
            Some(next) => next.same_line.before = same_line.before,
            None => self.lines[line as usize].last = same_line.before,
        }
        match self.slots.get_mut(same_group.before as usize) {
            Some(before) => before.same_group.next = same_group.next,
            None => self.groups[group as usize].first = same_group.next,
        }
        if let Some(next) = self.slots.get_mut(same_group.next as usize) {
            next.same_group.before = same_group.before;
        }
    }

    /// Removes that very word, of this type.
    pub fn remove(&mut self, access: Access) {
        if let Some(at) = self.find(access) {
            self.remove_slot(at);
        }
    }

    /// What an access meets.
    pub fn meet(&self, access: &Access) -> Met {
        let around = Around::of(access, self.crosses);
        let mut met = Met { same: NONE, others: around.before || around.behind };
        self.find_in(around.here, |at, Slot { access: word, .. }| {
            if word.overlaps(access) {
                let same = word.is_same_word(access) && word.class == access.class;
                if same { met.same = at } else { met.others = true }
            }
            None::<()>
        });
        met
    }

    /// What is known of the word that an access has met, if that is the only one.
    pub fn only(&self, met: &Met) -> Option<Option<T>> {
        let same = self.slots.get(met.same as usize).map(|slot| slot.known);
        (!met.others).then_some(same)
    }

    /// A word is written, which has `met` these: removes what that may touch, but for words at other
    /// bases that are known to be `apart` from its own, and sets it.
    pub fn write(&mut self, access: Access, known: T, met: &Met, apart: impl Fn(Arg) -> bool) {
        if met.others {
            self.remove_overlaps(&access, met.same);
        }
        match self.slots.get_mut(met.same as usize) {
            Some(slot) => {
                slot.known = known;
                let group = slot.group;
                self.remove_elsewhere(&access, group, apart);
            }
            None => {
                self.remove_elsewhere(&access, NONE, apart);
                self.insert(access, known);
            }
        }
    }

    /// Removes the words at the place of an access that have a byte in common with it, but for that one.
    fn remove_overlaps(&mut self, access: &Access, but: u32) {
        Around::of(access, self.crosses).find(access, |line| {
            let mut at = self.first_of(line);
            while let Some(slot) = self.slots.get(at as usize) {
                let (here, next) = (at, slot.same_line.next);
                if here != but && slot.access.overlaps(access) {
                    self.remove_slot(here);
                }
                at = next;
            }
            None::<()>
        });
    }

    /// Removes the words at other places that an access may touch, but for those at other bases that
    /// are `apart` from its own. If there is a word like it already, that is in the group `own`.
    fn remove_elsewhere(&mut self, access: &Access, own: u32, apart: impl Fn(Arg) -> bool) {
        let here = access.address.place;
        let base = here.base();
        let stays = |group: u32, index: &Index| {
            group == own || {
                let place = index.groups.key(group).1;
                place == here || place.base() != base && apart(place.base())
            }
        };
        if own != NONE && access.class != Class::ANY {
            let Group { class, next, .. } = self.groups[own as usize];
            let is_alone = next == NONE && self.classes[class as usize].1 == own;
            if !is_alone {
                self.thin(class as usize, stays, |_| false);
            }
            if self.any != NONE && !access.class.is_immutable() {
                self.thin(self.any as usize, stays, |_| false);
            }
            return;
        }
        for number in 0..self.classes.len() {
            if self.classes[number].0.may_alias(access.class) {
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
                let stays = |group, index: &Index| apart(index.groups.key(group).1.base());
                self.thin(number, stays, |word| kept.contains(word));
            }
        }
    }

    /// Removes the words of a class, but for groups and words that stay.
    fn thin(
        &mut self,
        class: usize,
        group_stays: impl Fn(u32, &Index) -> bool,
        stays: impl Fn(&Access) -> bool,
    ) {
        let (mut at, mut last) = (self.classes[class].1, NONE);
        while at != NONE {
            let Group { first, next, .. } = self.groups[at as usize];
            let stay_all = || self.index.get().is_some_and(|index| group_stays(at, index));
            if first != NONE && !stay_all() {
                self.thin_group(first, &stays);
            }
            let group = &mut self.groups[at as usize];
            if group.first != NONE {
                last = at;
            } else {
                group.is_listed = false;
                match last {
                    NONE => self.classes[class].1 = next,
                    last => self.groups[last as usize].next = next,
                }
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
mod tests;

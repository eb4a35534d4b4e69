//! Accesses with numbers: for whoever compares each of a trace with many others.
//!
//! ```text
//! store.i64 v0+8 @3, v1        ;; site 0: place 0, offset 8, @3, i64
//! v2 = load.i64 v4+16 @3       ;; site 1: place 1, offset 16, @3, i64
//! store.i64 v0+8 @3, v2        ;; site 0
//! ```
//!
//! An address is taken apart once for each pointer. The sites of a place are found by *lines* of
//! eight bytes, and each knows those that it has a byte in common with (mostly none); those of one
//! class at one place are a *group*, since they are related to sites of other places in the same way.
//! Classes are numbered, too.
//!
//! Invariant `same`: sites of one table are equal if their accesses are, and may touch each other if
//! their accesses may.
//!
//! Not here: sets of sites (`site_set`), what is known of words at their places (`words`).

use super::address::{Address, Defs, Place};
use super::owners::Apart;
use super::words::{Access, Bytes};
use crate::ir::{Arg, Class, Inst, Map, Trace, Ty};

/// How many bytes of a place are in one line: 2 to the power of this. No word is larger.
const LINE_BITS: u32 = 3;

/// The number of the line in which a byte of a place is.
fn line(offset: i64) -> i64 {
    offset >> LINE_BITS
}

/// An access, by its number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Site(u32);

impl Site {
    pub fn of(number: u32) -> Site {
        Site(number)
    }

    pub fn number(self) -> u32 {
        self.0
    }

    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// What an access touches.
#[derive(Debug)]
struct Word {
    ty: Ty,
    class: Class,
    offset: i64,
    group: u32,
    /// The next one in the list of its line.
    next: Option<Site>,
    /// The others at its place with which it has a byte in common.
    near: Vec<Site>,
}

impl Word {
    fn bytes(&self) -> Bytes {
        Bytes { offset: self.offset, size: self.ty.size() }
    }
}

/// The accesses of one class at one place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Group {
    pub class: Class,
    /// Its number.
    pub class_number: u32,
    pub base: Arg,
    place: u32,
    /// The next one at that place, or [`NONE`].
    next: u32,
}

/// A place, and the first of its groups, or [`NONE`].
#[derive(Debug)]
struct Groups {
    place: Place,
    first: u32,
}

/// The number of no group.
const NONE: u32 = u32::MAX;

/// The sites of a trace.
pub(super) struct Sites {
    /// By value: 0, or one more than the number of the pointer.
    numbers_of_pointers: Vec<u32>,
    /// By number of a pointer: the number of its place, and how far behind that it is.
    pointers: Vec<(u32, i64)>,
    numbers: Map<Place, u32>,
    places: Vec<Groups>,
    groups: Vec<Group>,
    /// By place and number of a line: the site that was added last.
    lines: Map<(u32, i64), Site>,
    words: Vec<Word>,
    /// Is there a word that goes on in the next line?
    crosses: bool,
    classes: Vec<Class>,
    /// The number of [`Class::ANY`], if it is one of them.
    any: Option<usize>,
}

impl Sites {
    /// No sites, but room for those of this trace.
    pub fn with_room(trace: &Trace) -> Sites {
        // Many instructions load or store, and mostly what others do, too.
        let room = trace.inst_count() / 8;
        Sites {
            numbers_of_pointers: vec![0; trace.values.len()],
            pointers: Vec::with_capacity(room),
            numbers: Map::with_capacity_and_hasher(room, Default::default()),
            places: Vec::with_capacity(room),
            groups: Vec::with_capacity(room),
            lines: Map::with_capacity_and_hasher(room, Default::default()),
            words: Vec::with_capacity(room),
            crosses: false,
            classes: vec![],
            any: None,
        }
    }

    /// The site of a load or store; `defs` are always the same.
    pub fn site(&mut self, inst: &Inst, defs: &Defs) -> Site {
        let (place, offset) = self.pointer(inst.a, defs);
        let (class, ty) = (inst.class(), inst.ty);
        let offset = offset.wrapping_add(inst.imm.into());
        let first = self.lines.get(&(place, line(offset))).copied();
        let mut at = first;
        while let Some(site) = at {
            let word = &self.words[site.index()];
            if word.offset == offset && word.ty == ty && word.class == class {
                return site;
            }
            at = word.next;
        }
        self.add(place, class, offset, ty, first)
    }

    /// Where a pointer leads: the number of the place, and how far behind it.
    fn pointer(&mut self, pointer: Arg, defs: &Defs) -> (u32, i64) {
        let Arg::Value(v) = pointer else { return self.place(pointer, defs) };
        if self.numbers_of_pointers.len() <= v.index() {
            self.numbers_of_pointers.resize(v.index() + 1, 0);
        }
        let number = self.numbers_of_pointers[v.index()] as usize;
        if let Some(known) = number.checked_sub(1) {
            return self.pointers[known];
        }
        let place = self.place(pointer, defs);
        self.pointers.push(place);
        self.numbers_of_pointers[v.index()] = self.pointers.len() as u32;
        place
    }

    fn place(&mut self, pointer: Arg, defs: &Defs) -> (u32, i64) {
        let Address { place, offset } = defs.address(pointer, 0);
        let new = self.places.len() as u32;
        let number = *self.numbers.entry(place).or_insert(new);
        if number == new {
            self.places.push(Groups { place, first: NONE });
        }
        (number, offset)
    }

    /// A new site; `first` is the first one of its line.
    fn add(&mut self, place: u32, class: Class, offset: i64, ty: Ty, first: Option<Site>) -> Site {
        let new = Site(self.words.len() as u32);
        let group = self.group_of(place, class);
        let mut word = Word { ty, class, offset, group, next: first, near: vec![] };
        let (here, last) = (line(offset), line(offset.wrapping_add(i64::from(ty.size()) - 1)));
        debug_assert!(ty.size() <= 1 << LINE_BITS, "{ty} is larger");
        self.find_near(&mut word, first, new);
        // Words that go on in the next line are in the list of the first.
        if self.crosses {
            let before = self.lines.get(&(place, here.wrapping_sub(1))).copied();
            self.find_near(&mut word, before, new);
        }
        if last != here {
            self.crosses = true;
            let behind = self.lines.get(&(place, last)).copied();
            self.find_near(&mut word, behind, new);
        }
        self.lines.insert((place, here), new);
        self.words.push(word);
        new
    }

    /// Notes those of a line that have a byte in common with a new word.
    fn find_near(&mut self, word: &mut Word, first: Option<Site>, new: Site) {
        let mut at = first;
        while let Some(site) = at {
            let other = &mut self.words[site.index()];
            if other.bytes().overlap(word.bytes()) {
                other.near.push(new);
                word.near.push(site);
            }
            at = other.next;
        }
    }

    /// The group of a class at a place.
    fn group_of(&mut self, place: u32, class: Class) -> u32 {
        let first = self.places[place as usize].first;
        let mut at = first;
        while at != NONE {
            let group = &self.groups[at as usize];
            if group.class == class {
                return at;
            }
            at = group.next;
        }
        let class_number = self.class_number(class);
        let new = self.groups.len() as u32;
        let Groups { place: of, first } = &mut self.places[place as usize];
        self.groups.push(Group { class, class_number, base: of.base(), place, next: *first });
        *first = new;
        new
    }

    fn class_number(&mut self, class: Class) -> u32 {
        let known = self.classes.iter().position(|known| *known == class);
        let number = known.unwrap_or_else(|| {
            self.classes.push(class);
            self.classes.len() - 1
        });
        if class == Class::ANY {
            self.any = Some(number);
        }
        number as u32
    }

    /// The numbers of the classes that may alias that of a site, among others if it is [`Class::ANY`].
    pub fn aliases(&self, site: Site) -> impl Iterator<Item = usize> {
        let Group { class, class_number, .. } = *self.group(site);
        let all = 0..if class == Class::ANY { self.classes.len() } else { 0 };
        let own = (class != Class::ANY).then_some(class_number as usize);
        all.chain(own).chain(self.any.filter(|_| own.is_some()))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.words.len()
    }

    pub fn group_count(&self) -> usize {
        self.groups.len()
    }

    /// The number of the group.
    pub fn group_number(&self, site: Site) -> usize {
        self.words[site.index()].group as usize
    }

    /// The classes, by number.
    pub fn classes(&self) -> &[Class] {
        &self.classes
    }

    fn group(&self, site: Site) -> &Group {
        &self.groups[self.group_number(site)]
    }

    /// The group of that number.
    pub fn group_at(&self, number: usize) -> &Group {
        &self.groups[number]
    }

    pub fn class(&self, site: Site) -> Class {
        self.words[site.index()].class
    }

    pub fn ty(&self, site: Site) -> Ty {
        self.words[site.index()].ty
    }

    pub fn access(&self, site: Site) -> Access {
        let (word, group) = (&self.words[site.index()], self.group(site));
        let place = self.places[group.place as usize].place;
        let address = Address { place, offset: word.offset };
        Access { ty: word.ty, class: group.class, address }
    }

    /// The other sites at the same place that have a byte in common with this one, whatever their class.
    pub fn near(&self, site: Site) -> &[Site] {
        &self.words[site.index()].near
    }

    /// Are all bytes of one among those of the other, if they have one in common?
    pub fn is_within(&self, inner: Site, outer: Site) -> bool {
        let [inner, outer] = [inner, outer].map(|site| self.words[site.index()].bytes());
        inner.are_within(outer)
    }

    /// Are they the same word by the same type, if they have a byte in common?
    pub fn is_same_word(&self, a: Site, b: Site) -> bool {
        let (a, b) = (&self.words[a.index()], &self.words[b.index()]);
        a.offset == b.offset && a.ty == b.ty
    }

    /// May an access touch the same byte as those of a group at another place?
    pub fn may_touch_group(&self, apart: &Apart, site: Site, other: &Group) -> bool {
        let group = self.group(site);
        group.place != other.place
            && group.class.may_alias(other.class)
            && !apart.bases(group.base, other.base)
    }
}

//! A set of sites that knows which of them an access may touch.
//!
//! ```text
//! in the set: v0+8 @3, v0+16 @3, v4+0 @4
//! load v0+12 @3          ;; touches the first two: the bytes decide
//! load v5+0 @4           ;; touches the third: the classes decide
//! ```
//!
//! The members of each group (one class at one place) are a list, and so are the groups of each class
//! that may have members: what an access does not touch is not looked at, but for the classes.
//!
//! Invariant `listed`: a member is in the list of its group, and that in the list of its class.
//! `amortized`: what a removal costs, additions have paid for, but for the classes and groups that stay.
//!
//! Not here: which sites there are, and which of them touch each other (`sites`).

use super::owners::Apart;
use super::sites::{Group, Site, Sites};
use crate::ir::Class;

/// The number of no site, and of no group.
const NONE: u32 = u32::MAX;

/// What stands in the place of a neighbour if the site is not a member.
const OUTSIDE: u32 = u32::MAX - 1;

/// The neighbours of a member in its group.
#[derive(Clone, Copy, Debug)]
struct Links {
    before: u32,
    next: u32,
}

/// A group, as far as the set knows it.
#[derive(Clone, Copy, Debug)]
struct Members {
    first: u32,
    is_listed: bool,
    /// The next group of its class.
    next: u32,
}

/// See the head of the file. A set belongs to one table of sites.
#[derive(Default, Debug)]
pub(super) struct SiteSet {
    count: usize,
    /// By site.
    links: Vec<Links>,
    /// By group.
    groups: Vec<Members>,
    /// By number of a class: the first group that is listed.
    classes: Vec<u32>,
}

impl SiteSet {
    /// How many members there are.
    pub fn len(&self) -> usize {
        self.count
    }

    pub fn has(&self, site: Site) -> bool {
        self.links.get(site.index()).is_some_and(|links| links.before != OUTSIDE)
    }

    pub fn add(&mut self, sites: &Sites, site: Site) {
        if self.links.len() <= site.index() {
            self.make_room(sites);
        }
        if self.has(site) {
            return;
        }
        let number = sites.group_number(site);
        let group = &mut self.groups[number];
        if !std::mem::replace(&mut group.is_listed, true) {
            let class = &mut self.classes[sites.group_at(number).class_number as usize];
            group.next = std::mem::replace(class, number as u32);
        }
        let first = std::mem::replace(&mut group.first, site.number());
        if let Some(first) = self.links.get_mut(first as usize) {
            first.before = site.number();
        }
        self.links[site.index()] = Links { before: NONE, next: first };
        self.count += 1;
    }

    /// Room for all sites that there are.
    fn make_room(&mut self, sites: &Sites) {
        self.links.resize(sites.len(), Links { before: OUTSIDE, next: NONE });
        let group = Members { first: NONE, is_listed: false, next: NONE };
        self.groups.resize(sites.group_count(), group);
        self.classes.resize(sites.classes().len(), NONE);
    }

    /// Removes a site; answers whether it was a member.
    pub fn remove(&mut self, sites: &Sites, site: Site) -> bool {
        let Some(Links { before, next }) = self.links.get(site.index()).copied() else {
            return false;
        };
        if before == OUTSIDE {
            return false;
        }
        self.links[site.index()].before = OUTSIDE;
        match self.links.get_mut(before as usize) {
            Some(before) => before.next = next,
            None => self.groups[sites.group_number(site)].first = next,
        }
        if let Some(next) = self.links.get_mut(next as usize) {
            next.before = before;
        }
        self.count -= 1;
        true
    }

    /// May an access touch a member?
    pub fn is_touched(&self, sites: &Sites, apart: &Apart, site: Site) -> bool {
        if self.has(site) || sites.near(site).iter().any(|near| self.has(*near)) {
            return true;
        }
        { sites.aliases(site) }.any(|class| {
            let mut at = self.classes.get(class).copied().unwrap_or(NONE);
            while let Some(Members { first, next, .. }) = self.groups.get(at as usize) {
                let group = sites.group_at(at as usize);
                if *first != NONE && sites.may_touch_group(apart, site, group) {
                    return true;
                }
                at = *next;
            }
            false
        })
    }

    /// Removes the members that an access may touch, and names them.
    pub fn take_touched(
        &mut self,
        sites: &Sites,
        apart: &Apart,
        site: Site,
        mut taken: impl FnMut(Site),
    ) {
        if self.count == 0 {
            return;
        }
        for touched in [site].iter().chain(sites.near(site)) {
            if self.remove(sites, *touched) {
                taken(*touched);
            }
        }
        for class in sites.aliases(site) {
            let touches = |group: &Group| sites.may_touch_group(apart, site, group);
            self.take_of(sites, class, touches, |_| true, &mut taken);
        }
    }

    /// Removes the members of the classes and groups that are touched, unless one `goes` not, and names
    /// them.
    pub fn take(
        &mut self,
        sites: &Sites,
        is_class: impl Fn(Class) -> bool,
        is_group: impl Fn(&Group) -> bool,
        goes: impl Fn(Site) -> bool,
        mut taken: impl FnMut(Site),
    ) {
        for number in 0..self.classes.len() {
            if is_class(sites.classes()[number]) {
                self.take_of(sites, number, &is_group, &goes, &mut taken);
            }
        }
    }

    /// The same for the class of that number.
    fn take_of(
        &mut self,
        sites: &Sites,
        class: usize,
        is_group: impl Fn(&Group) -> bool,
        goes: impl Fn(Site) -> bool,
        taken: &mut impl FnMut(Site),
    ) {
        let Some(list) = self.classes.get_mut(class) else { return };
        // Those that stay are put together again.
        let (mut at, mut last) = (std::mem::replace(list, NONE), NONE);
        while at != NONE {
            let Members { first, next, .. } = self.groups[at as usize];
            if first != NONE && is_group(sites.group_at(at as usize)) {
                let mut member = first;
                while member != NONE {
                    let site = Site::of(member);
                    member = self.links[site.index()].next;
                    if goes(site) {
                        self.remove(sites, site);
                        taken(site);
                    }
                }
            }
            let group = &mut self.groups[at as usize];
            group.is_listed = group.first != NONE;
            if group.is_listed {
                group.next = NONE;
                match self.groups.get_mut(last as usize) {
                    Some(last) => last.next = at,
                    None => self.classes[class] = at,
                }
                last = at;
            }
            at = next;
        }
    }

    /// Removes all members.
    pub fn clear(&mut self) {
        if self.count == 0 {
            return;
        }
        self.count = 0;
        for class in &mut self.classes {
            let mut at = std::mem::replace(class, NONE);
            while let Some(group) = self.groups.get_mut(at as usize) {
                let mut member = std::mem::replace(&mut group.first, NONE);
                while let Some(links) = self.links.get_mut(member as usize) {
                    links.before = OUTSIDE;
                    member = links.next;
                }
                group.is_listed = false;
                at = group.next;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::address::Defs;
    use super::super::node::Node;
    use super::super::words::Access;
    use super::*;
    use crate::ir::{Arg, Aux, Inst, Op, Trace, Ty, ValueId};

    /// Numbers without a pattern, the same each time.
    struct Numbers(u64);

    impl Numbers {
        fn below(&mut self, limit: u64) -> u64 {
            self.0 = self.0.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
            (self.0 >> 33) % limit
        }

        fn pick<T: Copy>(&mut self, of: &[T]) -> T {
            of[self.below(of.len() as u64) as usize]
        }
    }

    /// A load by one of four pointers: three bases, and an index behind one of them.
    fn load(numbers: &mut Numbers) -> Inst {
        let ty = numbers.pick(&[Ty::I8, Ty::I16, Ty::I32, Ty::I64, Ty::F64]);
        let class = numbers.pick(&[Class::ANY, Class(1), Class(2), Class(3).immutable()]);
        let imm = numbers.pick(&[-70, -64, 0, 64]) + numbers.below(12) as i32;
        let a = Arg::Value(ValueId(numbers.below(4) as u32));
        Inst { op: Op::Load, ty, dst: None, a, b: Arg::NONE, imm, aux: Aux::class(class) }
    }

    /// The same as a list of accesses that is gone through from its begin to its end each time.
    #[test]
    fn what_is_in_a_set_is_what_a_plain_list_has() {
        let mut numbers = Numbers(1);
        let value = |number| Arg::Value(ValueId(number));
        let mut defs = Defs::default();
        defs.set(ValueId(3), Node::binary(Op::PtrAdd, Ty::Ptr, value(0), value(9)));
        let (apart, mut sites) = (Apart::default(), Sites::with_room(&Trace::default()));
        let (mut set, mut list) = (SiteSet::default(), Vec::<Access>::new());
        for _ in 0..20_000 {
            let inst = load(&mut numbers);
            let (access, site) = (Access::of(&inst, &defs), sites.site(&inst, &defs));
            assert_eq!(sites.access(site), access);
            let same = |other: &Access| *other == access;
            assert_eq!(set.has(site), list.iter().any(same));
            let touches = |other: &Access| other.may_touch(&access);
            assert_eq!(set.is_touched(&sites, &apart, site), list.iter().any(touches));
            let (mut covered, covers) =
                (sites.near(site).iter(), |other: &Access| !same(other) && access.is_within(other));
            let is_covered = covered.any(|near| set.has(*near) && sites.is_within(site, *near));
            assert_eq!(is_covered, list.iter().any(covers));
            let before = list.len();
            let mut taken = 0;
            match numbers.below(20) {
                0 => {
                    set.take_touched(&sites, &apart, site, |_| taken += 1);
                    list.retain(|other| !touches(other));
                }
                1 => {
                    let base = access.address.place.base();
                    let is_there = |group: &Group| group.base == base;
                    let goes = |site| sites.access(site).ty != Ty::I8;
                    let is_class = |class| class != Class(1);
                    set.take(&sites, is_class, is_there, goes, |_| taken += 1);
                    list.retain(|other| {
                        let goes = is_class(other.class) && other.ty != Ty::I8;
                        !(goes && other.address.place.base() == base)
                    });
                }
                2 if list.len() > 20 => {
                    set.clear();
                    (list, taken) = (vec![], before);
                }
                2..=4 => {
                    taken = usize::from(set.remove(&sites, site));
                    list.retain(|other| !same(other));
                }
                _ => {
                    set.add(&sites, site);
                    list.retain(|other| !same(other));
                    list.push(access);
                }
            }
            assert_eq!(taken, before.saturating_sub(list.len()));
            assert_eq!(set.len(), list.len());
        }
    }
}

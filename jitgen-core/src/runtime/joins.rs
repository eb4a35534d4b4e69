//! Joins: merge points where ways of the guest program that have parted meet again.
//!
//! ```text
//! a; if p {b} else {c}; d; if q {e} else {f}; g       in a loop
//!
//! by tails   loop a b d e g    bridges c d e g    c d f g    f g        a copy of d for each way to it
//! by joins   loop a b d e g    bridges c d e g    c -> d     f -> g     d, g: lines of their own
//! ```
//!
//! A bridge is recorded to the end of the loop, and so is each of its bridges: of `k` branches in a row
//! there are `2^k` tails. Each is faster for what it knows of the way to it, so some are wanted. But when
//! a merge point has been recorded `MOST_COPIES` times, and is reached by more ways than one, it becomes
//! a location: a line is recorded from there on, and bridges lead to it. So what is compiled of a guest
//! loop is linear in its size.
//!
//! The first bridge that comes to such a place ends there, too, and the line is recorded at once, from
//! just there. Until that has been compiled the bridge leads to the interpreter.
//!
//! Invariants: `straight` (the trace of a loop goes on past all joins: it is what the others lead to),
//! `on` (a bridge has left the way of its parent before it comes to a join, as another way leads there).
//!
//! Not here: how code for a location is recorded (`record`) and installed (`install`).

use super::location::{State, back_off};
use super::record::{Job, Origin};
use super::store::PieceId;
use super::{Jit, with_jit};
use crate::tracer::{Asks, Map, Portal, Resume, keys};
use std::cell::Cell;
use std::hash::{BuildHasher, BuildHasherDefault};

/// So many traces go past a merge point where ways meet before the others lead to one of its own.
const MOST_COPIES: u32 = 4;

/// A merge point: its portal and keys, hashed. Two that are taken for the same by mistake only make a
/// join too soon.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Point(u64);

impl Point {
    fn new(portal: &Portal, keys: &[u64]) -> Point {
        let build = BuildHasherDefault::<crate::tracer::Words>::default();
        Point(build.hash_one((std::ptr::from_ref(portal) as usize, keys)))
    }
}

/// What is known of a merge point.
#[derive(Default)]
struct Passed {
    /// The merge point before it, where it was reached first.
    before: Option<Point>,
    /// It was also reached from another one.
    meets: bool,
    /// How often it stands in traces.
    copies: u32,
}

/// The merge points that traces have passed.
#[derive(Default)]
pub(super) struct Joins {
    passed: Map<Point, Passed>,
}

impl Joins {
    /// A trace that begins at the merge point `from`, or at the first of `resumes`, has been compiled;
    /// does it count?
    fn note(&mut self, portal: &Portal, from: Option<&[u64]>, resumes: &[Resume], counts: bool) {
        let mut before = from.map(|keys| Point::new(portal, keys));
        for resume in resumes {
            let here = Point::new(portal, &keys(&resume.greens));
            let passed = self.passed.entry(here).or_default();
            passed.copies += u32::from(counts);
            passed.meets |= before.is_some() && passed.before.is_some_and(|p| Some(p) != before);
            passed.before = passed.before.or(before);
            before = Some(here);
        }
    }

    /// Do ways meet at this point, which is reached from `before`, and is it in traces often enough?
    fn is_join(&self, before: Point, here: Point) -> bool {
        self.passed.get(&here).is_some_and(|passed| {
            let meets = passed.meets || passed.before.is_some_and(|first| first != before);
            meets && passed.copies >= MOST_COPIES
        })
    }
}

/// What a recording that begins with these greens asks at each merge point.
pub(super) fn asks(portal: &'static Portal, from: &[u64]) -> Asks {
    let last = Cell::new(Point::new(portal, from));
    Box::new(move |keys| {
        let here = Point::new(portal, keys);
        let before = last.replace(here);
        with_jit(|jit| jit.joins.is_join(before, here) && jit.leads_to_join(portal, keys))
    })
}

impl Jit {
    /// A recording comes to a join: does it end there? If there is no code for it, that is recorded next,
    /// unless it has been given up before.
    fn leads_to_join(&mut self, portal: &'static Portal, keys: &[u64]) -> bool {
        let may_record = !self.is_full && !self.is_nested() && self.queue.has_room();
        let location = self.locations.get_or_create(portal, keys);
        match location.state {
            State::Compiled(_) | State::Compiling => true,
            State::Counting if may_record && location.failures == 0 => {
                (location.is_join, location.due) = (true, Some(0));
                true
            }
            State::Counting | State::Recording => false,
        }
    }

    /// There is code for that merge point: what has waited for it leads there.
    pub(super) fn lead_awaiting(&mut self, portal: &'static Portal, keys: &[u64], to: PieceId) {
        let location = self.locations.get_or_create(portal, keys);
        for id in std::mem::take(&mut location.awaited_by) {
            let target = self.version_for(&self.store.piece(id).kind, to);
            let piece = self.store.piece_mut(id);
            if let Some(exit) = piece.awaits.take() {
                piece.leaves.insert(exit, target);
                for (unit, index) in self.store.places(id, exit) {
                    self.wire(unit, index);
                }
            }
        }
    }

    /// Compiled code has led to a place for which there is no code: is it to be recorded now? At a join
    /// no tick counts.
    pub(super) fn is_due(&mut self, portal: &'static Portal, keys: &[u64]) -> bool {
        let location = self.locations.get_or_create(portal, keys);
        match (&mut location.due, location.state) {
            (Some(left), State::Counting) => {
                let is_due = *left == 0;
                *left = left.saturating_sub(1);
                is_due
            }
            _ => false,
        }
    }

    /// A recorded piece has been installed. Bridges of several versions of one exit count once: only
    /// one of them is in a tree.
    pub(super) fn note_passed(&mut self, job: &Job, resumes: &[Resume]) {
        let Origin::Exit(piece, exit) = &job.origin else {
            return self.joins.note(job.portal, None, resumes, true);
        };
        let parent = self.store.piece(*piece);
        let origin = parent.origins[exit.index()];
        let is_first = !parent.bridges.keys().any(|other| parent.origins[other.index()] == origin);
        let start = &self.store.resumes[&parent.trace.exit(*exit).resume];
        self.joins.note(job.portal, Some(&keys(&start.greens)), resumes, is_first);
    }

    /// If it is a join, it counts again.
    pub(super) fn put_off_join(&mut self, portal: &'static Portal, keys: &[u64]) {
        let threshold = self.config.bridge_threshold;
        let location = self.locations.get_or_create(portal, keys);
        if location.is_join {
            location.due = Some(back_off(threshold, location.failures));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tracer::Green;

    static PORTAL: Portal = Portal { name: "test", greens: &["pc"] };

    fn note(joins: &mut Joins, from: u64, points: &[u64]) {
        let green = |key: u64| Green { key, bits: key, keep: None };
        let resume = |key: &u64| Resume { greens: vec![green(*key)], reds: vec![] };
        let resumes: Vec<Resume> = points.iter().map(resume).collect();
        joins.note(&PORTAL, Some(&[from]), &resumes, true);
    }

    fn is_join(joins: &Joins, before: u64, here: u64) -> bool {
        joins.is_join(Point::new(&PORTAL, &[before]), Point::new(&PORTAL, &[here]))
    }

    #[test]
    fn a_place_that_two_ways_lead_to_is_a_join_when_it_stands_in_traces_often() {
        let mut joins = Joins::default();
        for _ in 1..MOST_COPIES {
            note(&mut joins, 1, &[2, 4, 5]);
        }
        assert!(!is_join(&joins, 3, 4), "it is in fewer traces");
        note(&mut joins, 1, &[2, 4, 5]);
        assert!(is_join(&joins, 3, 4), "by another way");
        assert!(!is_join(&joins, 2, 4), "by the only one");
        assert!(!is_join(&joins, 4, 5), "behind it");
        note(&mut joins, 1, &[3, 4, 5]);
        assert!(is_join(&joins, 2, 4), "by one of two");
    }
}

//! Versions: a second trace of a loop that has come into another phase.
//!
//! ```text
//! while i < n { x = x + 1 }      x is an integer for long, then a float for long
//!
//! loop      b0  guard x is an integer else exit0 … jump b1      b1  an integer's rounds
//! bridge    a float's round                                     at exit0; it leads to the loop again
//!           b0 exit0 bridge b0 exit0 bridge …                   never b1
//! ```
//!
//! The body of a peeled loop assumes what has held when the loop was recorded. Where that has changed,
//! each round begins in the first one, leaves it by a guard, and goes on in a bridge that knows nothing
//! of the round before. So when nearly all transitions of a loop begin at one exit of its first round, it is
//! not compiled with its bridges but recorded again, as it runs now; it has two *versions* then. What leaves
//! the first round of one leads to the other, all else to the one that it begins in: in each phase the
//! rounds stay in a body. In a tree the first round has all that is behind its guards alone.
//!
//! Each version is code for the same location, so any of them is right whatever the phase; leading to
//! the wrong one costs a bridge.
//!
//! What is recorded again may come too late, when the first phase is back: then it is as it was, and of no
//! use. That is tried a few times.
//!
//! Invariant `two`: a location has at most two versions. Where both are wrong, bridges go on as they did.
//!
//! Not here: regions of a version (`region`), pieces that are not valid any more (`invalidate`).

use super::location::State;
use super::record::{Job, Origin};
use super::store::{Kind, Piece, PieceId};
use super::{Jit, counters};
use crate::ir::{BlockId, ExitId, Trace};
use crate::tracer::{Map, Portal};
use std::rc::Rc;

/// A loop is recorded again if so many of `ALL` transitions begin at one exit of its first round.
const EARLY: u64 = 15;
const ALL: u64 = 16;

/// So often it is tried.
const MOST_RENEWALS: u32 = 8;

impl Piece {
    /// Does this exit leave the first round of a peeled loop, or what is behind guards of that alone?
    pub(super) fn is_early(&self, exit: ExitId) -> bool {
        if !self.trace.is_peeled() {
            return false;
        }
        let (first, body) = (BlockId(0), BlockId(1));
        let [early, late] =
            [(first, body), (body, first)].map(|(from, end)| self.trace.reached(from, Some(end)));
        let leaves = |reached: &[bool]| {
            let mut blocks = self.trace.blocks.iter().zip(reached).filter(|(_, reached)| **reached);
            blocks.any(|(block, _)| block.exits().any(|other| other == exit))
        };
        leaves(&early) && !leaves(&late)
    }
}

impl Jit {
    /// Lets a loop be recorded again if it has come into another phase; answers whether it will be.
    pub(super) fn renew(&mut self, root: PieceId) -> bool {
        let piece = self.store.piece(root);
        let most = piece.early.values().copied().max().unwrap_or(0);
        let has_changed = most * ALL >= piece.transitions * EARLY;
        let Some((portal, keys)) = piece.at.clone().filter(|_| has_changed) else { return false };
        let location = self.locations.get_or_create(portal, &keys);
        if location.older == Some(root) {
            return true;
        }
        let is_current = location.state == State::Compiled(root);
        if !is_current || location.renewals >= MOST_RENEWALS || location.is_join {
            return false;
        }
        location.renewals += 1;
        location.state = State::Counting;
        location.due = Some(0);
        location.older = Some(root);
        // What leads there comes back to the runtime, which records.
        self.store.unlink_all(root);
        let label = self.store.piece(root).label.clone();
        self.events.line(|| format!("another phase of {label}"));
        true
    }

    /// Is a trace no version of the location that it was recorded for? A line that leads elsewhere would
    /// take the place of a loop, and what is like the older one is of the same phase.
    pub(super) fn is_no_version(&mut self, job: &Job, trace: &Trace, is_loop: bool) -> bool {
        let Origin::Location(keys) = &job.origin else { return false };
        let older = self.locations.get_or_create(job.portal, keys).older;
        older.is_some_and(|older| {
            let before = &self.store.piece(older).source;
            !is_loop || before.blocks[0].insts == trace.blocks[0].insts
        })
    }

    /// What was recorded is no version of its location.
    pub(super) fn give_up_version(&mut self, job: &Job) {
        self.events.line(|| format!("no other phase of {}", job.label));
        self.settle(job);
        if let Origin::Location(keys) = &job.origin {
            self.keep_older(job.portal, keys);
        }
    }

    /// What was recorded again has come too late, or too early. What has been counted has led to that.
    pub(super) fn keep_older(&mut self, portal: &'static Portal, keys: &[u64]) {
        let older = self.locations.get_or_create(portal, keys).older;
        self.keep_version(portal, keys);
        if let Some(older) = older {
            let older = self.store.piece_mut(older);
            (older.transitions, older.early) = (0, Map::default());
        }
    }

    /// The location could not be recorded again: its code is what it was.
    pub(super) fn keep_version(&mut self, portal: &'static Portal, keys: &[u64]) {
        let location = self.locations.get_or_create(portal, keys);
        let Some(older) = location.older.take() else { return };
        location.due = None;
        if location.state != State::Counting || self.store.piece(older).dropped {
            return;
        }
        location.state = State::Compiled(older);
        if let Some(cell) = &location.call {
            self.store.call_by(older, Rc::clone(cell));
        }
        counters::arm(portal, keys, 1);
        self.lead_to(&[older], older);
    }

    /// The location has been recorded again.
    pub(super) fn add_version(&mut self, portal: &'static Portal, keys: &[u64], new: PieceId) {
        let location = self.locations.get_or_create(portal, keys);
        let Some(older) = location.older.take() else { return };
        location.due = None;
        if self.store.piece(older).dropped {
            return;
        }
        location.renewals = MOST_RENEWALS;
        self.statistics.versions += 1;
        self.store.piece_mut(new).other = Some(older);
        self.store.piece_mut(older).other = Some(new);
        for index in 0..self.store.pieces.len() {
            let id = PieceId(index as u32);
            let kind = self.store.piece(id).kind.clone();
            let leads = self.version_for(&kind, older);
            let piece = self.store.piece_mut(id);
            piece.leaves.values_mut().filter(|to| **to == older).for_each(|to| *to = leads);
        }
        self.lead_to(&[older], older);
        self.lead_to(&[new], new);
    }

    /// To which version a piece leads that leads to the location of one of them.
    pub(super) fn version_for(&self, kind: &Kind, version: PieceId) -> PieceId {
        let Some(other) = self.store.piece(version).other.map(|other| self.store.newest(other))
        else {
            return version;
        };
        let Kind::Bridge(parent, exit) = kind else {
            return self.current(version, other);
        };
        let (first, from) = self.store.root_of(*parent, *exit);
        let early = self.store.piece(first).is_early(from);
        match self.store.newest(first) {
            root if root == version => [version, other][usize::from(early)],
            root if root == other => [other, version][usize::from(early)],
            _ => self.current(version, other),
        }
    }

    /// The version that the location is entered by.
    fn current(&self, version: PieceId, other: PieceId) -> PieceId {
        let at = self.store.piece(version).at.as_ref();
        let code = at.and_then(|(portal, keys)| self.locations.compiled(portal, keys));
        [version, other].into_iter().find(|piece| Some(*piece) == code).unwrap_or(version)
    }

    /// A version is not valid any more: what led to it leads to the other one.
    pub(super) fn drop_version(&mut self, piece: PieceId) {
        let Some(other) = self.store.piece_mut(piece).other.take() else { return };
        let other = self.store.newest(other);
        self.store.piece_mut(other).other = None;
        if !self.store.piece(other).is_over() {
            self.lead_to(&[piece], other);
        }
    }
}

//! Invalidating: traces that are not true any more are taken out of use.
//!
//! ```text
//! a loop or entry     its location counts again; exits that were linked to it return to the runtime
//! a bridge            its exit counts again
//! a region with it    its root is entered by older code, without the region
//! ```
//!
//! Their code stays (`never-freed`): it may be running further out on the stack, where it leaves by
//! the guard on its flag.
//!
//! Invariant `no-way-in`: no cell, location or entry leads to code of an invalid piece.
//!
//! Not here: who depends on what (`tracer::validity`).

use super::location::State;
use super::store::{Kind, PieceId, UnitId};
use super::{JIT, Jit, counters, events, location};
use crate::tracer::{Portal, validity};

/// The cell of that watch has changed.
#[cold]
pub(super) fn changed(watch: u64) {
    if !validity::invalidate(watch) {
        return;
    }
    // Where the runtime is at work, it looks at the flags itself before it goes on.
    let pending = JIT.try_with(|jit| {
        let mut jit = jit.try_borrow_mut().ok()?;
        let jit = jit.as_mut()?;
        jit.drop_invalid();
        jit.events.take()
    });
    if let Ok(Some(mut pending)) = pending {
        events::write(&mut pending);
        JIT.with_borrow_mut(|jit| {
            if let Some(jit) = jit {
                jit.events.restore(pending.0);
            }
        });
    }
}

impl Jit {
    /// Takes all pieces out of use that are not valid any more.
    pub(super) fn drop_invalid(&mut self) {
        for index in 0..self.store.pieces.len() {
            let id = PieceId(index as u32);
            let piece = self.store.piece_mut(id);
            if !piece.is_over() || std::mem::replace(&mut piece.dropped, true) {
                continue;
            }
            let label = piece.label.clone();
            self.statistics.invalidations += 1;
            self.events.line(|| format!("invalidate {label}"));
            self.drop_piece(id);
        }
    }

    fn drop_piece(&mut self, id: PieceId) {
        self.store.piece_mut(id).entry = None;
        match self.store.piece(id).kind {
            Kind::Bridge(parent, exit) => {
                let parents = self.store.piece_mut(parent);
                if parents.bridges.get(&exit) == Some(&id) {
                    parents.bridges.remove(&exit);
                }
                self.store.unlink_all(id);
                self.set_bridge_budget(parent, exit);
            }
            Kind::Location => {
                // First: what leads elsewhere then is to stay linked.
                self.store.unlink_exits(id);
                if let Some(older) = self.valid_version(id) {
                    self.replace(id, older);
                } else {
                    self.drop_version(id);
                }
                self.store.unlink_all(id);
                if let Some((portal, keys)) = self.store.piece(id).at.clone() {
                    let threshold = self.config.threshold;
                    let location = self.locations.get_or_create(portal, &keys);
                    if location.state == State::Compiled(id) {
                        location.state = State::Counting;
                        location.failures = 0;
                        counters::arm(portal, &keys, location::back_off(threshold, 0));
                        self.put_off_join(portal, &keys);
                    }
                }
            }
        }
        for unit in self.store.piece(id).units.clone() {
            self.leave_unit(unit, id);
        }
    }

    /// The unit is not used any more to enter its root, if that is another piece than `id`.
    fn leave_unit(&mut self, unit: UnitId, id: PieceId) {
        let root = self.store.unit(unit).root;
        if root == id || self.store.piece(root).entry != Some(unit) {
            return;
        }
        let invalid = |piece: PieceId| self.store.piece(piece).dropped;
        let others = self.store.piece(root).units.iter().rev().copied();
        let sound = |other: &UnitId| {
            let code = self.store.unit(*other);
            code.root == root && !code.exits.iter().any(|(piece, _)| invalid(*piece))
        };
        let Some(older) = others.into_iter().find(sound) else { return };
        self.store.enter_by(root, older);
        for exit in 0..self.store.unit(older).exits.len() {
            self.wire(older, exit);
        }
    }

    /// What the piece is a better version of, if that is still true.
    fn valid_version(&self, piece: PieceId) -> Option<PieceId> {
        let mut older = self.store.piece(piece).replaces?;
        while self.store.piece(older).is_over() {
            older = self.store.piece(older).replaces?;
        }
        Some(older)
    }

    /// What led to the taken out pieces of this location leads to the new one.
    pub(super) fn replace_dropped(&mut self, portal: &'static Portal, keys: &[u64], new: PieceId) {
        let same = |at: &Option<(&'static Portal, Box<[u64]>)>| {
            at.as_ref().is_some_and(|(p, k)| std::ptr::eq(*p, portal) && **k == *keys)
        };
        let old: Vec<PieceId> = self.store.dropped(|piece| same(&piece.at)).collect();
        self.lead_to(&old, new);
    }

    /// Another piece is the code for the location of `old`.
    pub(super) fn replace(&mut self, old: PieceId, new: PieceId) {
        let (portal, keys) = self.store.piece(old).at.clone().expect("it is code for a location");
        let location = self.locations.get_or_create(portal, &keys);
        if location.state == State::Compiled(old) {
            location.state = State::Compiled(new);
        } else if self.store.piece(old).other.is_none() {
            return;
        }
        self.store.piece_mut(old).replaced_by = Some(new);
        self.store.piece_mut(new).replaced_by = None;
        self.store.piece_mut(new).at = Some((portal, keys));
        if let Some(cell) = self.store.piece_mut(old).call.take() {
            self.store.call_by(new, cell);
        }
        self.lead_to(&[old], new);
    }

    /// What led to one of the old pieces leads to the new one.
    pub(super) fn lead_to(&mut self, old: &[PieceId], new: PieceId) {
        for index in 0..self.store.pieces.len() {
            let id = PieceId(index as u32);
            let leaves = self.store.piece_mut(id).leaves.values_mut();
            let led: Vec<&mut PieceId> = leaves.filter(|to| old.contains(to)).collect();
            if led.is_empty() {
                continue;
            }
            led.into_iter().for_each(|to| *to = new);
            for unit in self.store.piece(id).units.clone() {
                for exit in 0..self.store.unit(unit).exits.len() {
                    let (of, number) = self.store.unit(unit).exits[exit];
                    if of == id && self.store.piece(id).leaves.contains_key(&number) {
                        self.wire(unit, exit);
                    }
                }
            }
        }
    }
}

//! The store: pieces of trace, the code that was made of them, and how code is linked.
//!
//! ```text
//! piece    an optimized trace:   a loop           code for a location
//!                                an entry         straight line from a location to a loop
//!                                a bridge         straight line from an exit of a piece to a loop
//! unit     one compiled function: a piece, or a region, which is a piece with others that it leads to
//! ```
//!
//! All decisions are about pieces, units only follow. A bridge belongs to an exit of a *piece*, and
//! every unit that contains the piece links that exit to it. The same piece may be in several units:
//! in one of its own and in regions. Code that leads to a piece goes to its `entry` unit, the newest
//! one that begins with it.
//!
//! Invariants: `never-freed` (units live until the thread ends: code of an older unit may be running
//! further out on the stack, or be linked), `follows` (when the target of an exit or the entry of a
//! piece changes, the cells that this is about are linked anew, at once: `incoming` has them).
//!
//! Not here: which pieces are compiled together (`region`), when (`driver`).

use super::produce::Loaded;
use super::tree::Joint;
use crate::backend::{CallCell, Code, CodePtr, ExitCell};
use crate::ir::{End, ExitId, ResumeId, Trace};
use crate::tracer::{Map, Portal, Resume, Validity};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicU8;
use std::time::Duration;

/// So many straight lines are followed to the loop that they lead to.
const MOST_LINES: usize = 32;

/// Names a piece.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub(super) struct PieceId(pub u32);

/// Names a unit; it is the number in its exit cells.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct UnitId(pub u32);

/// What a piece is for.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    /// A loop, or a straight line, at a location.
    Location,
    /// It goes on where an exit of another piece leaves.
    Bridge(PieceId, ExitId),
}

/// An optimized trace and what is attached to its exits.
pub(super) struct Piece {
    /// As the event log shows it.
    pub label: String,
    pub kind: Kind,
    pub trace: Trace,
    /// What it was optimized from: a recorded trace, or a tree of them.
    pub source: Rc<Trace>,
    /// By exit of the trace: the exit of the source that it is.
    pub origins: Vec<ExitId>,
    /// What loads of the source have given while it was recorded.
    pub loaded: Arc<Loaded>,
    /// Where it is entered, if it is code for a location.
    pub at: Option<(&'static Portal, Box<[u64]>)>,
    /// Whether it is still true, if it depends on cells.
    pub validity: Vec<Rc<Validity>>,
    /// It is not, and has been taken out of use.
    pub dropped: bool,
    /// The piece of its location that it is a better version of.
    pub replaces: Option<PieceId>,
    /// A better version of it.
    pub replaced_by: Option<PieceId>,
    /// The code of its location for another phase of the loop.
    pub other: Option<PieceId>,
    /// The pieces that its exits to headers of loops go on in.
    pub leaves: Map<ExitId, PieceId>,
    /// Its exit to a merge point for which there is no code yet.
    pub awaits: Option<ExitId>,
    /// If it is a tree: the straight lines in it.
    pub joints: Vec<Joint>,
    /// The bridges of its exits.
    pub bridges: Map<ExitId, PieceId>,
    /// Exits whose bridges are being compiled.
    pub pending: Vec<ExitId>,
    /// Its region is being compiled.
    pub region_pending: bool,
    /// Bridges given up in a row.
    pub failures: Map<ExitId, u32>,
    /// The unit to enter it by.
    pub entry: Option<UnitId>,
    /// By which code calls it, if it is code for a location.
    pub call: Option<Rc<CallCell>>,
    /// The units that contain it.
    pub units: Vec<UnitId>,
    /// Transitions that its region has paid for since it was compiled.
    pub transitions: u64,
    /// By exit of its first round (`versions`): those of them that began there.
    pub early: Map<ExitId, u64>,
    /// For how long the thread had been running when it was installed, where clocks decide.
    pub since: Option<Duration>,
}

impl Piece {
    /// Does this exit end the trace (it leads to the header of a loop)?
    pub fn is_leave(&self, exit: ExitId) -> bool {
        self.trace.blocks.iter().any(|block| block.end == End::Leave(exit))
    }

    /// The piece that goes on behind an exit.
    pub fn target(&self, exit: ExitId) -> Option<PieceId> {
        self.bridges.get(&exit).or_else(|| self.leaves.get(&exit)).copied()
    }

    /// The piece that a straight line leads to.
    pub fn leads_to(&self) -> Option<PieceId> {
        match &self.trace.blocks[0].end {
            End::Leave(exit) => self.leaves.get(exit).copied(),
            End::Jump(..) => None,
        }
    }

    /// Is it not true any more?
    pub fn is_over(&self) -> bool {
        self.validity.iter().any(|validity| validity.is_over())
    }
}

/// One compiled function.
pub(super) struct Unit {
    pub code: Code,
    /// The piece that it begins with.
    pub root: PieceId,
    /// By exit of the code: the piece and its exit.
    pub exits: Vec<(PieceId, ExitId)>,
    /// By exit of the code: does it go on in the same code?
    pub inside: Vec<bool>,
    /// By exit of the code: how often it has returned to the runtime.
    pub taken: Vec<u64>,
    /// By exit of the code: the budget that it was given last.
    pub granted: Vec<i64>,
    /// By exit, where every guard is made to fail once: the flag of its guard.
    pub flags: Option<&'static [AtomicU8]>,
}

impl Unit {
    /// Gives an exit a budget.
    pub fn grant(&mut self, exit: usize, budget: i64) {
        self.granted[exit] = budget;
        self.code.exit_cells()[exit].set_budget(budget);
    }
}

/// All pieces and units of a thread.
#[derive(Default)]
pub(super) struct Store {
    pub pieces: Vec<Piece>,
    /// By number; those that are being compiled, or could not be, are missing.
    units: Vec<Option<Unit>>,
    /// The exits that are linked to a piece: unit and exit of its code.
    incoming: HashMap<PieceId, Vec<(UnitId, usize)>>,
    /// What resume points are.
    pub resumes: Map<ResumeId, Resume>,
    /// The addresses of residual functions.
    pub symbols: Arc<Symbols>,
}

/// The addresses of residual functions.
pub(super) type Symbols = HashMap<&'static str, usize>;

impl crate::backend::Symbols for Symbols {
    fn address(&self, symbol: &str) -> Option<usize> {
        self.get(symbol).copied()
    }
}

impl Store {
    pub fn piece(&self, id: PieceId) -> &Piece {
        &self.pieces[id.0 as usize]
    }

    pub fn piece_mut(&mut self, id: PieceId) -> &mut Piece {
        &mut self.pieces[id.0 as usize]
    }

    pub fn unit(&self, id: UnitId) -> &Unit {
        self.units[id.0 as usize].as_ref().expect("a unit that is spoken of is there")
    }

    pub fn unit_mut(&mut self, id: UnitId) -> &mut Unit {
        self.units[id.0 as usize].as_mut().expect("a unit that is spoken of is there")
    }

    /// All units.
    pub fn units(&self) -> impl Iterator<Item = &Unit> {
        self.units.iter().flatten()
    }

    /// A number for a unit to be.
    pub fn reserve_unit(&mut self) -> UnitId {
        self.units.push(None);
        UnitId(self.units.len() as u32 - 1)
    }

    pub fn cell(&self, unit: UnitId, exit: usize) -> &ExitCell {
        &self.unit(unit).code.exit_cells()[exit]
    }

    /// Where a piece is entered.
    pub fn entry(&self, piece: PieceId) -> Option<CodePtr> {
        Some(self.unit(self.piece(piece).entry?).code.entry())
    }

    /// The piece that goes on behind an exit of a unit.
    pub fn target(&self, unit: UnitId, exit: usize) -> Option<PieceId> {
        let (piece, exit) = self.unit(unit).exits[exit];
        self.piece(piece).target(exit)
    }

    /// Adds a unit, which becomes the entry of its root. Its exits are not linked yet.
    pub fn add_unit(&mut self, id: UnitId, unit: Unit) {
        let root = unit.root;
        let mut members: Vec<PieceId> = unit.exits.iter().map(|(piece, _)| *piece).collect();
        members.push(root);
        members.sort_unstable();
        members.dedup();
        self.units[id.0 as usize] = Some(unit);
        for piece in members {
            self.piece_mut(piece).units.push(id);
        }
        self.enter_by(root, id);
    }

    /// Makes a unit the entry of its root.
    pub fn enter_by(&mut self, root: PieceId, id: UnitId) {
        let entry = self.unit(id).code.entry();
        self.piece_mut(root).entry = Some(id);
        for (from, exit) in self.incoming.get(&root).into_iter().flatten() {
            self.cell(*from, *exit).link(entry);
        }
        self.piece(root).call.iter().for_each(|cell| cell.link(entry));
    }

    /// Code calls a piece by that cell.
    pub fn call_by(&mut self, piece: PieceId, cell: Rc<CallCell>) {
        self.entry(piece).into_iter().for_each(|entry| cell.link(entry));
        self.piece_mut(piece).call = Some(cell);
    }

    /// Lets no exit lead to a piece any more, and nobody call it.
    pub fn unlink_all(&mut self, piece: PieceId) {
        self.piece_mut(piece).call.take().iter().for_each(|cell| cell.unlink());
        self.unlink_exits(piece);
    }

    /// Lets no exit lead to a piece any more.
    pub fn unlink_exits(&mut self, piece: PieceId) {
        for (from, exit) in self.incoming.remove(&piece).unwrap_or_default() {
            self.cell(from, exit).unlink();
        }
    }

    /// The pieces that have been taken out of use, of which `which` holds.
    pub fn dropped(&self, which: impl Fn(&Piece) -> bool) -> impl Iterator<Item = PieceId> {
        let pieces = self.pieces.iter().enumerate();
        let found = pieces.filter(move |(_, piece)| piece.dropped && which(piece));
        found.map(|(index, _)| PieceId(index as u32))
    }

    /// Links an exit to where it goes on, if there is such a piece; gives that piece.
    pub fn link(&mut self, unit: UnitId, exit: usize) -> Option<PieceId> {
        if self.unit(unit).inside[exit] {
            return None;
        }
        let target = self.target(unit, exit)?;
        self.cell(unit, exit).link(self.entry(target)?);
        let incoming = self.incoming.entry(target).or_default();
        if !incoming.contains(&(unit, exit)) {
            incoming.push((unit, exit));
        }
        Some(target)
    }

    /// The exits of code that are this exit of a piece.
    pub fn places(&self, piece: PieceId, exit: ExitId) -> Vec<(UnitId, usize)> {
        let in_unit = |unit: &UnitId| {
            let exits = self.unit(*unit).exits.iter().enumerate();
            let same = exits.filter(|(_, place)| **place == (piece, exit));
            same.map(|(index, _)| (*unit, index)).collect::<Vec<_>>()
        };
        self.piece(piece).units.iter().flat_map(in_unit).collect()
    }

    /// To whose region an exit of a unit may belong: the loop that it leads to, or the straight line that
    /// it begins in.
    pub fn region_roots(&self, unit: UnitId) -> [PieceId; 2] {
        let line = self.newest(self.ancestor(unit));
        let mut root = line;
        // Lines may lead to each other, and in a circle if no loop is marked.
        for _ in 0..MOST_LINES {
            let Some(next) = self.piece(root).leads_to() else { break };
            root = self.newest(next);
        }
        [root, line]
    }

    /// The newest version of a piece.
    pub fn newest(&self, piece: PieceId) -> PieceId {
        let mut piece = piece;
        while let Some(newer) = self.piece(piece).replaced_by {
            piece = newer;
        }
        piece
    }

    /// The code for a location that a unit is, or is a bridge of.
    pub fn ancestor(&self, unit: UnitId) -> PieceId {
        let root = self.unit(unit).root;
        match self.piece(root).kind {
            Kind::Bridge(parent, exit) => self.root_of(parent, exit).0,
            Kind::Location => root,
        }
    }

    /// The code for a location in which a bridge at that exit, or one that it is a bridge of, begins, and
    /// at which exit.
    pub fn root_of(&self, parent: PieceId, exit: ExitId) -> (PieceId, ExitId) {
        let (mut parent, mut exit) = (parent, exit);
        while let Kind::Bridge(of, at) = self.piece(parent).kind {
            (parent, exit) = (of, at);
        }
        (parent, exit)
    }
}

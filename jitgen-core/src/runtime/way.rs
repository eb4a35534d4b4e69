//! What has been executed when a bridge begins: its parent up to the exit, and what led to that.
//!
//! ```text
//! loop --exit2--> bridge --exit1--> new bridge        way: the loop up to exit2, the bridge up to exit1
//! ```
//!
//! All versions of an exit (of the first round, of the body, of a tree) are left in the same state of the
//! guest, after the same guards. So the way is that to a version in the first round, before which nothing
//! is assumed, and what is known there is known at each.
//!
//! Invariant `bounded`: a way is no longer than [`MOST_OPS`], however long the trace before an exit is.
//!
//! Not here: how a way is written (`ir::way`), what is learned of it (`opt::behind`).

use super::Jit;
use super::store::{Kind, Piece, PieceId};
use crate::ir::{ExitId, Leg, Trace, way};

/// So many operations before an exit are looked at: what was shown longer ago is tested again.
const MOST_OPS: usize = 250;

impl Jit {
    /// The way to that exit, if there is one; it leaves with the arguments of a bridge.
    pub(super) fn way_to(&self, piece: PieceId, exit: ExitId) -> Option<Trace> {
        let mut at = self.store.piece(piece);
        let mut legs = vec![leg(at, exit)?];
        let mut ops = 0;
        while let Kind::Bridge(parent, exit) = at.kind
            && ops < MOST_OPS
        {
            ops += at.trace.inst_count();
            at = self.store.piece(parent);
            legs.push(leg(at, exit)?);
        }
        legs.reverse();
        let way = way(&legs, MOST_OPS)?;
        let name = format!("{}.way", self.store.piece(piece).trace.name);
        Some(Trace { name, ..way })
    }
}

/// A piece up to one of its exits.
fn leg(piece: &Piece, exit: ExitId) -> Option<Leg<'_>> {
    let origin = piece.origins[exit.index()];
    let versions = (0..).map(ExitId).zip(&piece.origins).filter(|(_, of)| **of == origin);
    Leg::to(&piece.trace, versions.map(|(version, _)| version), piece.trace.exit(exit))
}

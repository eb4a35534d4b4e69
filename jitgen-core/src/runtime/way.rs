//! What has been executed when a bridge begins: its parent's recording up to the exit, and what led to
//! that.
//!
//! ```text
//! loop --exit2--> bridge --exit1--> new bridge        way: the loop up to exit2, the bridge up to exit1
//! ```
//!
//! It is made of what was recorded, not of what the optimizer made of that: all versions of an exit (of the
//! first round, of the body, of a tree) are left in the same state of the guest, and what the recorded
//! guards and accesses before it have shown is true at each.
//!
//! Invariant `bounded`: a way is no longer than [`MOST_OPS`], however long the trace before an exit is.
//!
//! Not here: how a way is written (`ir::way`), what is learned of it (`opt::behind`).

use super::Jit;
use super::store::{Kind, Piece, PieceId};
use crate::ir::{Arg, ExitId, Leg, LogEntry, Trace, way};

/// So many operations before an exit are looked at: what was shown longer ago is tested again.
const MOST_OPS: usize = 500;

impl Jit {
    /// The way to that exit, if there is one; it leaves with the arguments of a bridge.
    pub(super) fn way_to(&self, piece: PieceId, exit: ExitId) -> Option<Trace> {
        let mut at = self.store.piece(piece);
        let mut legs = vec![leg(at, exit)?];
        let mut ops = 0;
        while let Kind::Bridge(parent, exit) = at.kind
            && ops < MOST_OPS
        {
            ops += at.source.inst_count();
            at = self.store.piece(parent);
            legs.push(leg(at, exit)?);
        }
        legs.reverse();
        let way = way(&legs, MOST_OPS)?;
        let name = format!("{}.way", self.store.piece(piece).trace.name);
        Some(Trace { name, ..way })
    }
}

/// What was recorded of a piece, up to one of its exits. The operands of the exit may have become
/// constants, of which those in the log are not passed on.
fn leg(piece: &Piece, exit: ExitId) -> Option<Leg<'_>> {
    let (trace, recorded) = (&*piece.source, piece.origins[exit.index()]);
    let (left, from) = (piece.trace.exit(exit), trace.exit(recorded));
    let same = left.log.len() == from.log.len() && left.reds.len() == from.reds.len();
    let logged =
        |log: &[LogEntry]| log.iter().filter_map(|entry| entry.arg()).collect::<Vec<Arg>>();
    let passed = logged(&from.log).into_iter().zip(logged(&left.log));
    let passed = passed.filter(|(_, now)| now.as_value().is_some()).map(|(was, _)| was);
    let args = from.reds.iter().copied().chain(passed).collect();
    same.then_some(Leg { trace, exit: recorded, args })
}

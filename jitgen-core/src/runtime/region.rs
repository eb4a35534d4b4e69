//! Regions: a piece compiled again, as one function with all the pieces that it leads to.
//!
//! ```text
//! loop  --exit--> bridge --leave--> loop            region:  b0,b1 loop     exit0: … -> b2
//!       (a transition: 2 to 10 ns)            =>             b2    bridge   exit3: … -> b0
//! ```
//!
//! The region of a piece is what can be reached from it by bridges and leaves, nearest first, up to
//! `region_limit` operations. Each piece is in it once. What lies beyond stays a unit of its own,
//! linked through cells; a straight line that leads to the loop, with its bridges, can be a region by
//! itself then.
//!
//! When: like the skier who buys skis when renting has cost as much. A linked exit still counts down
//! its budget; when that is spent it returns here, the transitions are put on the account of the
//! loop that the exit belongs to, and when the account covers compiling (`region_per_op` for each
//! operation) the region is compiled. Then the account is empty again, so that a region that grows
//! by a bridge at a time is not compiled for each of them.
//!
//! Transitions are not all that is lost: an inner loop runs slower by itself, however seldom it is left,
//! if what it was told before it began is a constant in the region (`opt::peel`). So what has run apart
//! for as long as compiling takes (`TIME_PER_OP`) is not waited for either, if it is left now and then
//! (`region_min`). That is so only where clocks decide (`account`).
//!
//! The root and the bridges that leave it are optimized again as one trace, which makes a new piece of
//! them (`tree`); the others are joined as they are.
//!
//! Invariant `same-pieces`: joining changes where code is, not what is done: the exits that are not
//! linked inside have the cells, links and budgets that wiring gives them, as in any unit.
//!
//! Not here: what that piece is (`tree`).

use super::Jit;
use super::install::Optimized;
use super::produce::{Made, Refusal, Request, Rest, What};
use super::queue::Work;
use super::store::{PieceId, UnitId};
use super::tree::{Planted, Tree};
use crate::backend::CodePtr;
use crate::ir::ExitId;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// For how long a loop and its bridges have run apart, for each operation, when they are compiled
/// together: about what that takes, most of it of another core.
const TIME_PER_OP: Duration = Duration::from_micros(5);

/// The budget of a linked exit doubles each time it is spent, up to so many times the first.
const MOST_BUDGETS: i64 = 64;

/// The pieces of a region, its root first.
struct Plan {
    members: Vec<PieceId>,
    ops: usize,
}

/// A region on its way to code.
pub(super) struct Region {
    root: PieceId,
    /// The pieces that are optimized together, if there are several.
    tree: Option<Planted>,
    /// By exit of the others' traces: of which piece it is.
    exits: Vec<(PieceId, ExitId)>,
    pieces: usize,
    ops: usize,
    transitions: u64,
}

/// Have transitions, or the time that pieces have run apart, cost as much as compiling so many operations
/// together will? `per_op` transitions cost as much as compiling one.
fn covers((transitions, per_op): (u64, u64), apart: Duration, ops: usize) -> bool {
    transitions >= per_op.saturating_mul(ops as u64)
        || apart >= TIME_PER_OP.saturating_mul(u32::try_from(ops).unwrap_or(u32::MAX))
}

impl Jit {
    /// How many transitions an exit that is linked counts before it tells of them.
    pub(super) fn region_budget(&self) -> i64 {
        if self.is_full {
            return 0;
        }
        (self.config.region_min / 2).max(1) as i64
    }

    /// The budget of a linked exit is spent; gives where it goes on.
    pub(super) fn spent(&mut self, unit: UnitId, exit: usize) -> CodePtr {
        let target = self.store.target(unit, exit).expect("a linked exit has a target");
        let granted = self.store.unit(unit).granted[exit].max(0) as u64;
        self.statistics.transitions += granted;
        let place = self.store.unit(unit).exits[exit];
        let [root, line] = self.store.region_roots(unit);
        // A straight line that the tree has taken in runs by itself only where ways would go in circles.
        let roots = [(!self.has_taken(root, line)).then_some(root), Some(line)];
        let chosen = roots.into_iter().flatten().find_map(|root| {
            let plan = self.plan_region(root);
            self.would_help(root, &plan, place, target).then_some((root, plan))
        });
        let budget = if let Some((root, plan)) = chosen {
            let (first, from) = self.store.root_of(place.0, place.1);
            let early = self.store.newest(first) == root && self.store.piece(first).is_early(from);
            let here = self.store.piece_mut(root);
            here.transitions += granted;
            if early {
                *here.early.entry(from).or_default() += granted;
            }
            let (account, pending) = (here.transitions, here.region_pending);
            let is_complete = here.awaits.is_none();
            let pays =
                is_complete && account >= self.config.region_min && self.pays(root, plan.ops);
            // What transitions have cost, the account has not.
            let paid = account >= self.config.region_per_op.saturating_mul(plan.ops as u64);
            if pays && !pending && self.may_spend(paid) && !self.renew(root) {
                self.build(root, &plan);
            }
            // Planning has a price, too: what it has been in vain for comes back later each time.
            let least = self.region_budget();
            (2 * granted as i64).clamp(least, MOST_BUDGETS * least)
        } else {
            0
        };
        self.store.unit_mut(unit).grant(exit, budget);
        self.store.entry(target).expect("a linked exit's target has code")
    }

    /// Would that exit go on inside of the region, while it does not yet?
    fn would_help(
        &self,
        root: PieceId,
        plan: &Plan,
        (piece, exit): (PieceId, ExitId),
        target: PieceId,
    ) -> bool {
        let includes = plan.members.contains(&piece) && plan.members.contains(&target);
        let newest = self.store.piece(root).entry;
        let places = self.store.places(piece, exit);
        let mut places = places.iter().filter(|(unit, _)| Some(*unit) == newest);
        let done = places.any(|(unit, index)| self.store.unit(*unit).inside[*index]);
        includes && !done && !self.is_full && !self.config.fail_guards
    }

    /// Has the region, of so many operations, been missed for long enough to be compiled?
    fn pays(&self, root: PieceId, ops: usize) -> bool {
        let piece = self.store.piece(root);
        let apart = self.account.elapsed().zip(piece.since);
        let apart = apart.map_or(Duration::ZERO, |(now, since)| now.saturating_sub(since));
        covers((piece.transitions, self.config.region_per_op), apart, ops)
    }

    fn plan_region(&self, root: PieceId) -> Plan {
        let ops = |piece: PieceId| self.store.piece(piece).trace.inst_count();
        let mut plan = Plan { members: vec![root], ops: ops(root) };
        let mut next = 0;
        while let Some(piece) = plan.members.get(next).copied() {
            next += 1;
            let here = self.store.piece(piece);
            for exit in (0..here.trace.exits.len() as u32).map(ExitId) {
                let Some(target) = here.target(exit) else { continue };
                let to = self.store.piece(target);
                if to.dropped || to.awaits.is_some() {
                    continue;
                }
                let more = ops(target);
                let fits = plan.ops + more <= self.config.region_limit;
                if fits && !plan.members.contains(&target) {
                    plan.members.push(target);
                    plan.ops += more;
                }
            }
        }
        plan
    }

    fn build(&mut self, root: PieceId, plan: &Plan) {
        let start = Instant::now();
        let Tree { trace, planted } = self.plant(root, &plan.members);
        let others = plan.members.iter().filter(|piece| !planted.members.contains(piece));
        let others: Vec<PieceId> = others.copied().collect();
        let is_tree = planted.members.len() > 1;
        let here = self.store.piece(root);
        let trace = if is_tree { trace } else { here.trace.clone() };
        let loaded = Arc::clone(&here.loaded);
        let (rest, exits) = match is_tree {
            true => self.join(root, &others, &planted.leaves),
            false => {
                let exits = (0..here.trace.exits.len() as u32).map(ExitId);
                let targets = exits.filter_map(|exit| Some((exit, here.target(exit)?)));
                self.join(root, &others, &targets.collect::<Vec<_>>())
            }
        };
        let here = self.store.piece_mut(root);
        here.region_pending = true;
        let transitions = std::mem::take(&mut here.transitions);
        here.early.clear();
        let label = here.label.clone();
        let (pieces, ops) = (plan.members.len(), plan.ops);
        let tree = is_tree.then_some(planted);
        let region = Region { root, tree, exits, pieces, ops, transitions };
        self.order(Work::Region(region), |symbols, unit| Request {
            trace,
            label,
            what: if is_tree { What::Tree(loaded, rest) } else { What::Optimized(rest) },
            symbols,
            unit,
        });
        self.account.charge(start.elapsed());
    }

    /// The region has been compiled, or could not be.
    pub(super) fn install_region(
        &mut self,
        unit: UnitId,
        region: Region,
        optimized: Option<Optimized>,
        made: Result<Made, Refusal>,
        time: Duration,
    ) {
        let Region { root, tree, exits, pieces, ops, transitions } = region;
        self.store.piece_mut(root).region_pending = false;
        let label = self.store.piece(root).label.clone();
        let made = match made {
            Ok(made) => made,
            Err((_, detail)) => {
                self.events.line(|| format!("no region of {label}: {detail}"));
                return;
            }
        };
        let dropped = |piece: &PieceId| self.store.piece(*piece).dropped;
        let in_tree = tree.iter().flat_map(|planted| &planted.members);
        if in_tree.chain(exits.iter().map(|(piece, _)| piece)).chain([&root]).any(dropped) {
            self.events.line(|| format!("no region of {label}: a piece is not valid any more"));
            return;
        }
        let optimized = optimized.expect("there is code of it");
        let count = optimized.trace.exits.len() as u32;
        let head = match tree {
            Some(planted) => self.add_tree(root, &planted, optimized),
            None => root,
        };
        let of_head = (0..count).map(|exit| (head, ExitId(exit)));
        let exits: Vec<_> = of_head.chain(exits).collect();
        self.install(unit, head, made, &exits);
        if head != root {
            self.replace(root, head);
        }
        self.statistics.regions += 1;
        let what =
            format!("region of {pieces} pieces, {ops} ops, after {transitions} transitions:");
        self.report(&what, unit, None, time);
    }

    /// The pieces behind one another, as what is compiled with their root, and of which piece their
    /// exits are. `of_root` is where the exits of the root lead.
    fn join(
        &self,
        root: PieceId,
        others: &[PieceId],
        of_root: &[(ExitId, PieceId)],
    ) -> (Rest, Vec<(PieceId, ExitId)>) {
        let mut rest = Rest::default();
        let mut entries = HashMap::new();
        let mut exits = vec![];
        for member in others {
            let piece = self.store.piece(*member);
            let (entry, _) = rest.trace.append(&piece.trace);
            entries.insert(*member, entry);
            exits.extend((0..piece.trace.exits.len() as u32).map(|exit| (*member, ExitId(exit))));
        }
        for (index, (piece, exit)) in exits.iter().enumerate() {
            let from = &mut rest.trace.exits[index];
            match self.store.piece(*piece).target(*exit).filter(|_| from.link.is_none()) {
                Some(target) if target == root => rest.to_entry.push(ExitId(index as u32)),
                Some(target) => from.link = entries.get(&target).copied(),
                None => (),
            }
        }
        let links = of_root.iter();
        let links = links.filter_map(|(exit, target)| Some((*exit, *entries.get(target)?)));
        rest.links = links.collect();
        (rest, exits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transitions_pay_for_a_region_and_so_does_time() {
        assert!(!covers((999, 10), Duration::ZERO, 100));
        assert!(covers((1000, 10), Duration::ZERO, 100));
        assert!(!covers((200, 10), TIME_PER_OP * 99, 100));
        assert!(covers((200, 10), TIME_PER_OP * 100, 100));
    }
}

//! What is in the random traces: how many of those with bridges show what.
//!
//! A generator that changes may silently stop making what a rule needs; the floors say so.
//!
//! Not here: the traces (`generate`), whether they are right (`differential`).

use jitgen_core::ir::{Aux, Block, BlockId, Const, End, ExitId, Trace};
use jitgen_core::opt::{Optimized, rules};
use std::collections::{BTreeMap, HashSet};

/// What is counted, and of how many trees in a hundred it must be true at least.
pub const FLOORS: [(&str, usize); 16] = [
    ("peeled", 60),
    ("join", 35),
    ("a joined bridge is entered", 25),
    ("a bridge of a bridge joins", 4),
    ("join-load", 2),
    ("meet", 15),
    ("meet-word", 10),
    ("virtual-meet", 1),
    ("pin", 2),
    ("goes on at the entry", 15),
    ("pending-carry", 20),
    ("pending in a bridge's exit", 25),
    ("peel-truth", 6),
    ("guard-range", 3),
    ("virtual-carry", 5),
    ("a call in a joined bridge", 6),
];

/// Counts.
#[derive(Debug, Default)]
pub struct Shares {
    trees: usize,
    counts: BTreeMap<&'static str, usize>,
}

impl Shares {
    /// Counts an optimized tree; `entered` are the exits by which its guards have been left in a run.
    pub fn count(&mut self, optimized: &Optimized, entered: &HashSet<ExitId>) {
        self.trees += 1;
        let trace = &optimized.trace;
        let names: Vec<&str> = rules().iter().map(|(name, _)| *name).collect();
        let fired = |rule: &str| optimized.fired.iter().any(|number| names[*number] == rule);
        let joined = joined(trace);
        let in_joined = |block: BlockId| joined.contains(&block);
        let link = |exit: ExitId| trace.exit(exit).link.filter(|block| in_joined(*block));
        let bridges = || trace.blocks.iter().enumerate().skip(2);
        let is_peeled = matches!(trace.blocks[0].end, End::Jump(BlockId(1), _));
        let behind = |index: usize| behind_body(trace, BlockId(index as u32));
        let shows = |what: &str| match what {
            "peeled" => is_peeled,
            "join" => !joined.is_empty(),
            "a joined bridge is entered" => entered.iter().any(|exit| link(*exit).is_some()),
            "a bridge of a bridge joins" => {
                bridges().any(|(_, block)| exits(block).any(|exit| link(exit).is_some()))
            }
            "goes on at the entry" => {
                is_peeled
                    && bridges().any(|(index, block)| {
                        matches!(block.end, End::Jump(BlockId(0), _)) && behind(index)
                    })
            }
            "pending in a bridge's exit" => bridges()
                .any(|(_, block)| exits(block).any(|exit| !trace.exit(exit).pending.is_empty())),
            "a call in a joined bridge" => bridges().any(|(index, block)| {
                in_joined(BlockId(index as u32)) && block.insts.iter().any(|inst| inst.op.is_call())
            }),
            "virtual-carry" => !joined.is_empty() && fired(what),
            rule => fired(rule),
        };
        for (what, _) in FLOORS {
            *self.counts.entry(what).or_insert(0) += usize::from(shows(what));
        }
    }

    /// What is below its floor.
    pub fn missing(&self) -> Vec<&'static str> {
        let below = |(what, floor): &(&'static str, usize)| {
            (self.counts.get(what).copied().unwrap_or(0) * 100 < floor * self.trees)
                .then_some(*what)
        };
        FLOORS.iter().filter_map(below).collect()
    }

    /// One line for each.
    pub fn print(&self) {
        println!("{} trees", self.trees);
        for (what, floor) in FLOORS {
            let count = self.counts.get(what).copied().unwrap_or(0);
            println!("{:4} % {what} (at least {floor})", count * 100 / self.trees.max(1));
        }
    }
}

/// The bridges that go on in the body of the loop.
fn joined(trace: &Trace) -> HashSet<BlockId> {
    let blocks = trace.blocks.iter().enumerate().skip(2);
    let joins = blocks.filter(|(_, block)| matches!(block.end, End::Jump(BlockId(1), _)));
    joins.map(|(index, _)| BlockId(index as u32)).collect()
}

/// Is it behind a guard of the body, or of a block that is?
fn behind_body(trace: &Trace, block: BlockId) -> bool {
    let from = trace
        .blocks
        .iter()
        .position(|from| exits(from).any(|exit| trace.exit(exit).link == Some(block)));
    match from {
        Some(0) | None => false,
        Some(1) => true,
        Some(index) => behind_body(trace, BlockId(index as u32)),
    }
}

fn exits(block: &Block) -> impl Iterator<Item = ExitId> + '_ {
    block.insts.iter().filter_map(|inst| match inst.aux {
        Aux::Exit(exit) => Some(exit),
        Aux::None | Aux::Class(_) | Aux::Call(_) => None,
    })
}

/// The exits by which guards are left.
#[derive(Debug, Default)]
pub struct Left(pub HashSet<ExitId>);

impl jitgen_core::eval::Observer for Left {
    fn guard(&mut self, exit: ExitId, _: &dyn Fn() -> Vec<Const>, passed: bool) {
        if !passed {
            self.0.insert(exit);
        }
    }
}

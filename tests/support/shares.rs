//! What is in the random traces: how many of them, and of those with bridges, show what.
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

/// The same of how many traces in a thousand.
pub const FLOORS_OF_ALL: [(&str, usize); 12] = [
    ("guard-range", 120),
    ("guard-bound", 20),
    ("guards of an exit around that of another", 30),
    ("known-value", 400),
    ("implied-truth", 12),
    ("forward-part", 45),
    ("fresh-compare", 60),
    ("apart-by-shape", 90),
    ("redundant-store", 400),
    ("cse-call", 150),
    ("call-if-false", 60),
    ("virtual-exit", 120),
];

/// The same of how many bridges in a hundred that are optimized behind their ways.
pub const FLOORS_OF_BRIDGES: [(&str, usize); 4] =
    [("load-latent", 4), ("guard-constant", 20), ("known-truth", 2), ("store-forward", 20)];

/// Counts.
#[derive(Debug, Default)]
pub struct Shares {
    traces: usize,
    of_all: BTreeMap<&'static str, usize>,
    trees: usize,
    counts: BTreeMap<&'static str, usize>,
    bridges: usize,
    of_bridges: BTreeMap<&'static str, usize>,
}

impl Shares {
    /// Counts an optimized trace.
    pub fn count_any(&mut self, optimized: &Optimized) {
        self.traces += 1;
        let fired = fired(optimized);
        for (what, _) in FLOORS_OF_ALL {
            let shows = match what {
                "guards of an exit around that of another" => {
                    optimized.trace.blocks.iter().any(goes_around)
                }
                rule => fired(rule),
            };
            *self.of_all.entry(what).or_insert(0) += usize::from(shows);
        }
    }

    /// Counts an optimized tree; `entered` are the exits by which its guards have been left in a run.
    pub fn count(&mut self, optimized: &Optimized, entered: &HashSet<ExitId>) {
        self.trees += 1;
        let trace = &optimized.trace;
        let fired = fired(optimized);
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

    /// Counts a bridge that was optimized behind its way.
    pub fn count_bridge(&mut self, optimized: &Optimized) {
        self.bridges += 1;
        let fired = fired(optimized);
        for (rule, _) in FLOORS_OF_BRIDGES {
            *self.of_bridges.entry(rule).or_insert(0) += usize::from(fired(rule));
        }
    }

    /// What is below its floor.
    pub fn missing(&self) -> Vec<&'static str> {
        let below = self.rows().filter(|row| row.count * row.per < row.floor * row.total);
        below.map(|row| row.what).collect()
    }

    /// One line for each.
    pub fn print(&self) {
        println!("{} trees, {} traces, {} bridges", self.trees, self.traces, self.bridges);
        for Row { what, floor, count, total, per } in self.rows() {
            println!("{:4} of {per} {what} (at least {floor})", count * per / total.max(1));
        }
    }

    fn rows(&self) -> impl Iterator<Item = Row> + '_ {
        let count = |counts: &BTreeMap<_, usize>, what| counts.get(what).copied().unwrap_or(0);
        let of_trees = FLOORS.iter().map(move |(what, floor)| {
            let count = count(&self.counts, *what);
            Row { what, floor: *floor, count, total: self.trees, per: 100 }
        });
        let of_all = FLOORS_OF_ALL.iter().map(move |(what, floor)| {
            let count = count(&self.of_all, *what);
            Row { what, floor: *floor, count, total: self.traces, per: 1000 }
        });
        let of_bridges = FLOORS_OF_BRIDGES.iter().map(move |(what, floor)| {
            let count = count(&self.of_bridges, *what);
            Row { what, floor: *floor, count, total: self.bridges, per: 100 }
        });
        of_trees.chain(of_all).chain(of_bridges)
    }
}

/// Something that is counted: of how many it is true, and of how many in `per` it must be.
struct Row {
    what: &'static str,
    floor: usize,
    count: usize,
    total: usize,
    per: usize,
}

/// Has that rule been fired?
fn fired(optimized: &Optimized) -> impl Fn(&str) -> bool {
    let names: Vec<&str> = rules().iter().map(|(name, _)| *name).collect();
    move |rule| optimized.fired.iter().any(|number| names[*number] == rule)
}

/// The bridges that go on in the body of the loop, maybe by where they meet others.
fn joined(trace: &Trace) -> HashSet<BlockId> {
    let mut joined = HashSet::new();
    // Where bridges meet stands behind them.
    for (index, block) in trace.blocks.iter().enumerate().skip(2).rev() {
        if let End::Jump(target, _) = block.end
            && (target == BlockId(1) || joined.contains(&target))
        {
            joined.insert(BlockId(index as u32));
        }
    }
    joined
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

/// Is there a guard of another exit between two of one?
fn goes_around(block: &Block) -> bool {
    let exits: Vec<ExitId> = exits(block).collect();
    let again = |k: usize| exits[..k].contains(&exits[k]) && exits[k - 1] != exits[k];
    (1..exits.len()).any(again)
}

/// What is seen when a trace is checked.
#[derive(Debug, Default)]
pub struct Seen {
    /// The exits by which guards were left.
    pub left: Left,
    /// The bridges that were optimized behind their ways.
    pub bridges: Vec<Optimized>,
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

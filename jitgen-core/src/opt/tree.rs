//! Trees of traces: a loop (or a straight line) with the bridges that leave it, as one trace.
//!
//! ```text
//! b0(v0: ptr):                         b1(v2: i64):            ;; the body of the peeled loop
//!     …                                    …
//!     guard v1 else exit0       =>         guard v3 else exit1
//!     jump b0(v0)                          jump b1(v4)
//! b1(v7: ptr):  ;; a bridge            b2():                   ;; knows what b1 knows at its guard
//!     …                                    …
//!     jump b0(v7)                          jump b1(v5)         ;; and what b1 assumes holds here, too
//! exit0: resume 0 [v0] -> b1           exit1: resume 0 [] -> b2
//! ```
//!
//! A block behind a guard is walked with a copy of what was known there, so it needs no parameters:
//! the operands of its exit are operands of the block. If several guards share the exit, it is what
//! was known at the first of them, which holds at the others. What is so wherever a value can be used (how
//! it is defined) goes with the output and is not copied; large and seldom changed parts of tables are
//! shared until then.
//!
//! Ways that have parted may meet again: blocks that leave the loop's own way jump to a block behind
//! them, which has parameters. It is walked when all that lead there have been, with what all of them
//! know (`meet`).
//!
//! Invariants: `one-way` (each block but the entry is entered by one exit, from one block that stands
//! before it, without an effect between its guards; or by jumps of such blocks that stand before it),
//! `head` (what neither leaves nor meets others jumps to the entry, in the input). In the input nothing
//! is pending where a block is entered.
//!
//! Not here: what the end of a block must hold to go on in a peeled loop (`peel`).

use super::forward::Forward;
use super::guards::MAX_DEPTH;
use super::meet::{Arrival, meet};
use super::words::Access;
use crate::ir::{Arg, Aux, BlockId, Effect, End, ExitId, Trace};
use std::collections::BTreeMap;

/// Is it a tree, which [`optimize`](super::optimize) optimizes as a whole?
pub fn is_tree(trace: &Trace) -> bool {
    // By exits, and by jumps.
    let mut entered = vec![(0, 0); trace.blocks.len()];
    for (index, block) in trace.blocks.iter().enumerate() {
        let mut effects = 0;
        // Each exit that goes on, and how many effects there are before its guards.
        let mut seen: Vec<(ExitId, usize)> = vec![];
        for inst in &block.insts {
            let Aux::Exit(exit) = inst.aux else {
                effects += usize::from(!matches!(inst.op.effect(), Effect::None | Effect::Read));
                continue;
            };
            let Some(target) = trace.exit(exit).link else { continue };
            if target.index() <= index || !trace.exit(exit).pending.is_empty() {
                return false;
            }
            match seen.iter().find(|(known, _)| *known == exit) {
                Some((_, before)) if *before != effects => return false,
                Some(_) => (),
                None => {
                    seen.push((exit, effects));
                    entered[target.index()].0 += 1;
                }
            }
        }
        match &block.end {
            End::Jump(BlockId(0), _) => (),
            End::Leave(exit) if trace.exit(*exit).link.is_none() => (),
            End::Jump(target, _) if 0 < index && index < target.index() => {
                entered[target.index()].1 += 1;
            }
            End::Jump(..) | End::Leave(_) => return false,
        }
    }
    let is_one_way = |(exits, jumps): &(u32, u32)| match exits {
        0 => *jumps > 0,
        exits => *exits == 1 && *jumps == 0,
    };
    entered[0] == (0, 0) && entered[1..].iter().all(is_one_way)
}

/// Where ways meet that end so: a jump that leads neither to the first block nor, of a peeled loop, to its
/// body. What such a jump leads to stands behind two others at least.
pub(super) fn meeting(end: &End) -> Option<BlockId> {
    match end {
        End::Jump(target, _) => Some(*target).filter(|target| target.index() > 1),
        End::Leave(_) => None,
    }
}

/// By exit of a trace: the exit of the optimizer's input that it is.
#[derive(Clone, Default, Debug)]
pub(super) struct Origins(pub Vec<ExitId>);

impl Origins {
    /// The next exit is that of the input.
    pub fn add(&mut self, of: ExitId) {
        self.0.push(of);
    }

    /// The next exit is another version of one that is there.
    pub fn again(&mut self, of: ExitId) {
        self.0.push(self.0[of.index()]);
    }
}

/// A block behind a guard, which has not been walked yet.
pub(super) struct Side<'t> {
    /// The exit of the output that leads to it.
    exit: ExitId,
    block: BlockId,
    args: Vec<Arg>,
    state: Forward<'t>,
    /// What has failed, if that is one guard's condition.
    failed: Option<(Arg, bool)>,
}

/// The end of a block behind a guard, or of one where ways meet, which has been walked.
pub(super) struct Tail<'t> {
    /// The block of the output.
    pub block: BlockId,
    /// The arguments of the jump to the entry with which the input ends.
    pub args: Option<Vec<Arg>>,
    /// What is known there. Its output has gone on.
    pub state: Forward<'t>,
}

impl<'t> Forward<'t> {
    /// A guard stands here which, if `condition` is `failed`, leaves by an exit of the output that is
    /// `from` in the input.
    pub fn note_side(&mut self, from: ExitId, exit: ExitId, condition: Arg, failed: bool) {
        let (Some(block), Some(sides)) = (self.input.exit(from).link, &mut self.sides) else {
            return;
        };
        if let Some(side) = sides.iter_mut().find(|side| side.exit == exit) {
            side.failed = None;
            return;
        }
        // What has become a constant is passed on as well, so these are not the exit's own.
        let args = self.input.exit(from).args().map(|arg| self.operand(arg)).collect();
        let failed = Some((condition, failed));
        let side = Side { exit, block, args, state: self.branch(), failed };
        self.sides.as_mut().expect("there are sides").push(side);
    }

    /// Forgets what was assumed of a word, here and where the blocks behind the guards begin.
    pub fn forget(&mut self, access: Access) {
        self.facts.forget(access);
        self.sides.iter_mut().flatten().for_each(|side| side.state.facts.forget(access));
    }

    /// Walks the blocks behind the guards of the block that has been closed, and theirs.
    pub fn walk_sides(&mut self) {
        let sides = self.sides.take().unwrap_or_default();
        self.walk_all(sides);
    }

    /// The same for guards of another block.
    pub fn walk_all(&mut self, sides: Vec<Side<'t>>) {
        let mut sides = Sides::new(sides);
        while sides.walk(self).is_some() {}
    }
}

/// Blocks that have not been walked yet.
#[derive(Default)]
pub(super) struct Sides<'t> {
    /// Those behind guards; the next one is the last.
    behind: Vec<Side<'t>>,
    /// By block of the input: the ways that have come there. It is walked when all have.
    meetings: BTreeMap<BlockId, Vec<Arrival<'t>>>,
}

impl<'t> Sides<'t> {
    pub fn new(mut behind: Vec<Side<'t>>) -> Sides<'t> {
        behind.reverse();
        Sides { behind, meetings: BTreeMap::new() }
    }

    /// Walks the next blocks, up to one from which no way leads to where others come; that goes on with
    /// the output.
    pub fn walk(&mut self, output: &mut Forward<'t>) -> Option<Tail<'t>> {
        loop {
            let (block, state) = match self.behind.pop() {
                Some(side) => side.begin(output),
                None => {
                    let (block, arrivals) = self.meetings.pop_first()?;
                    meet(block, arrivals, output)
                }
            };
            if let Some(tail) = self.go_through(block, state, output) {
                return Some(tail);
            }
        }
    }

    /// Walks a block of the output that has begun; its end, if that is not where ways meet.
    fn go_through(
        &mut self,
        block: BlockId,
        mut state: Forward<'t>,
        output: &mut Forward<'t>,
    ) -> Option<Tail<'t>> {
        let args = state.run();
        let end = &state.input.block(state.block).end;
        let met = match (meeting(end), end) {
            (Some(target), End::Jump(_, args)) => {
                Some((target, args.iter().map(|arg| state.become_of(*arg)).collect()))
            }
            _ => None,
        };
        state.close(args.clone());
        self.behind.extend(state.sides.take().unwrap_or_default().into_iter().rev());
        state.scope.leave(state.out.values.len());
        state.lend_output(output);
        match met {
            None => Some(Tail { block, args, state }),
            Some((target, args)) => {
                let arrival = Arrival { block, args, state };
                self.meetings.entry(target).or_default().push(arrival);
                None
            }
        }
    }
}

impl<'t> Side<'t> {
    /// Lets the block begin in the output.
    fn begin(self, output: &mut Forward<'t>) -> (BlockId, Forward<'t>) {
        let Side { exit, block, args, mut state, failed } = self;
        output.lend_output(&mut state);
        state.scope.enter(state.out.values.len());
        let index = BlockId(state.out.blocks.len() as u32);
        let leaves = &mut state.out.exits[exit.index()];
        (leaves.reds, leaves.log, leaves.link) = (vec![], vec![], Some(index));
        if let Some((condition, failed)) = failed {
            state.learn(condition, failed, MAX_DEPTH);
        }
        state.enter(block, &args);
        (index, state)
    }
}

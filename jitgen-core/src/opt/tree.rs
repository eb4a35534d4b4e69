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
//! was known at the first of them, which holds at the others.
//!
//! Invariants: `one-way` (each block but the entry is entered by one exit, from one block that stands
//! before it, without an effect between its guards), `head` (what does not leave jumps to the entry, in the input). In the input nothing is
//! pending where a block is entered.
//!
//! Not here: what the end of a block must hold to go on in a peeled loop (`peel`).

use super::forward::Forward;
use super::guards::MAX_DEPTH;
use super::words::Access;
use crate::ir::{Arg, Aux, BlockId, Effect, End, ExitId, Trace};

/// Is it a tree, which [`optimize`](super::optimize) optimizes as a whole?
pub fn is_tree(trace: &Trace) -> bool {
    let mut entered = vec![0; trace.blocks.len()];
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
                    entered[target.index()] += 1;
                }
            }
        }
        match &block.end {
            End::Jump(BlockId(0), _) => (),
            End::Leave(exit) if trace.exit(*exit).link.is_none() => (),
            End::Jump(..) | End::Leave(_) => return false,
        }
    }
    entered[0] == 0 && entered[1..].iter().all(|count| *count == 1)
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
#[derive(Clone)]
pub(super) struct Side<'t> {
    /// The exit of the output that leads to it.
    exit: ExitId,
    block: BlockId,
    args: Vec<Arg>,
    state: Forward<'t>,
    /// What has failed, if that is one guard's condition.
    failed: Option<(Arg, bool)>,
}

/// A block behind a guard, which has been walked.
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

/// Blocks behind guards that have not been walked yet; the next one is the last.
#[derive(Default)]
pub(super) struct Sides<'t>(Vec<Side<'t>>);

impl<'t> Sides<'t> {
    pub fn new(mut sides: Vec<Side<'t>>) -> Sides<'t> {
        sides.reverse();
        Sides(sides)
    }

    /// Walks the next one, which goes on with the output.
    pub fn walk(&mut self, output: &mut Forward<'t>) -> Option<Tail<'t>> {
        let Side { exit, block, args, mut state, failed } = self.0.pop()?;
        output.lend_output(&mut state);
        let index = BlockId(state.out.blocks.len() as u32);
        let leaves = &mut state.out.exits[exit.index()];
        (leaves.reds, leaves.log, leaves.link) = (vec![], vec![], Some(index));
        if let Some((condition, failed)) = failed {
            state.learn(condition, failed, MAX_DEPTH);
        }
        state.enter(block, &args);
        let args = state.run();
        state.close(args.clone());
        self.0.extend(state.sides.take().unwrap_or_default().into_iter().rev());
        state.lend_output(output);
        Some(Tail { block: index, args, state })
    }
}

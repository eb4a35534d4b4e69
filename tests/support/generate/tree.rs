//! Bridges of random loops: blocks behind exits that jump to the entry or leave.
//!
//! A bridge takes what its exit leaves, to which all parameters of the loop have been added, and goes
//! on with these values alone. Of the exit's log it knows no pointers, nor their bits: their objects may
//! not be filled yet. Bridges have bridges.
//!
//! Not here: which bridges a runtime records.

use super::{Generator, Value};
use crate::world::pick;
use jitgen_core::ir::{Arg, Aux, Block, BlockId, Effect, End, ExitId, Inst, Ty, ValueId};

/// So many blocks at most.
const MAX_SIDES: u64 = 3;

impl Generator {
    /// Adds bridges to a loop.
    pub(super) fn bridges(&mut self, params: &[Value]) {
        let mut known = self.pool.clone();
        for _ in 0..1 + self.below(MAX_SIDES) {
            if self.chance(1, 3) && self.meeting(params, 1) {
                known.append(&mut self.pool);
                continue;
            }
            let exits = self.candidates();
            if exits.is_empty() {
                return;
            }
            let exit = pick(&mut self.rng, &exits);
            self.bridge(exit, params, &known);
            known.append(&mut self.pool);
        }
    }

    /// The exits that a bridge can begin at: no effect is between their guards.
    pub(super) fn candidates(&self) -> Vec<ExitId> {
        let mut found: Vec<(ExitId, usize, usize)> = vec![];
        let mut refused = vec![];
        for (index, block) in self.trace.blocks.iter().enumerate() {
            let mut effects = 0;
            for inst in &block.insts {
                match inst.aux {
                    Aux::Exit(exit) => match found.iter().find(|(known, ..)| *known == exit) {
                        Some((_, block, before)) if (*block, *before) != (index, effects) => {
                            refused.push(exit);
                        }
                        Some(_) => (),
                        None => found.push((exit, index, effects)),
                    },
                    Aux::None | Aux::Class(_) | Aux::Call(_) => {
                        effects += usize::from(has_effect(inst));
                    }
                }
            }
            if let End::Leave(exit) = block.end {
                refused.push(exit);
            }
        }
        let mut exits: Vec<ExitId> = found.into_iter().map(|(exit, ..)| exit).collect();
        exits.retain(|exit| {
            let leaves = self.trace.exit(*exit);
            let fits = leaves.link.is_none() && leaves.pending.is_empty() && !leaves.is_return();
            fits && !refused.contains(exit)
        });
        exits
    }

    /// Lets bridges that jump to the entry, if there are so many, jump to a block of their own instead;
    /// mostly all of them.
    pub(super) fn meeting(&mut self, params: &[Value], least: usize) -> bool {
        let meeting = BlockId(self.trace.blocks.len() as u32);
        let mut ways: Vec<&mut BlockId> = vec![];
        for block in self.trace.blocks.iter_mut().skip(1) {
            if let End::Jump(target @ BlockId(0), _) = &mut block.end {
                ways.push(target);
            }
        }
        if ways.len() < least {
            return false;
        }
        let others = self.rng.rand_range(0..4) as usize;
        ways.drain(..others.saturating_sub(2).min(ways.len() - least));
        ways.into_iter().for_each(|target| *target = meeting);
        let taken: Vec<ValueId> =
            params.iter().map(|param| self.trace.add_value(param.ty)).collect();
        self.loop_params.resize(meeting.index() + 1, vec![]);
        self.loop_params[meeting.index()] = taken.iter().map(|param| (*param).into()).collect();
        let heads = taken.iter().zip(params);
        let heads: Vec<Value> =
            heads.map(|(param, of)| Value { arg: (*param).into(), ..*of }).collect();
        self.side(taken, vec![], &heads);
        true
    }

    pub(super) fn bridge(&mut self, exit: ExitId, params: &[Value], known: &[Value]) {
        let block = BlockId(self.trace.blocks.len() as u32);
        let of_loop = match self
            .trace
            .blocks
            .iter()
            .position(|block| block.insts.iter().any(|inst| inst.aux == Aux::Exit(exit)))
        {
            Some(0) => params.iter().map(|param| param.arg).collect(),
            Some(parent) => {
                // A bridge's last parameters but those of the log are the loop's.
                self.loop_params[parent].clone()
            }
            None => unreachable!("a candidate has a guard"),
        };
        let leaves = &mut self.trace.exits[exit.index()];
        leaves.link = Some(block);
        let first = leaves.reds.len();
        leaves.reds.extend(of_loop);
        let reds = leaves.reds.len();
        let args: Vec<_> = self.trace.exit(exit).args().collect();
        let taken: Vec<ValueId> =
            args.iter().map(|arg| self.trace.add_value(self.trace.ty(*arg))).collect();
        self.loop_params.resize(block.index() + 1, vec![]);
        self.loop_params[block.index()] =
            taken[first..reds].iter().map(|param| (*param).into()).collect();
        let mut mine = vec![];
        for (place, (arg, param)) in args.iter().zip(&taken).enumerate() {
            let ty = self.trace.ty(*arg);
            let of = known.iter().find(|value| value.arg == *arg);
            let points = of.and_then(|value| value.points).filter(|_| place < reds);
            let is_pointer = ty == Ty::Ptr || self.bits.contains(arg);
            if of.is_some_and(|value| value.interior) || (points.is_none() && is_pointer) {
                continue;
            }
            mine.push(Value { arg: (*param).into(), ty, points, interior: false });
        }
        let heads: Vec<Value> = taken[first..reds]
            .iter()
            .zip(params)
            .map(|(param, of)| Value { arg: (*param).into(), ..*of })
            .collect();
        self.side(taken, mine, &heads);
    }

    /// A block with these parameters, some of which are the loop's.
    fn side(&mut self, params: Vec<ValueId>, mine: Vec<Value>, heads: &[Value]) {
        (self.pool, self.log, self.last_exit) = (mine, vec![], None);
        (self.hot, self.held, self.own, self.gone) = (vec![], vec![], vec![], vec![]);
        self.shown.clear();
        self.pool.extend(heads);
        // A loop that calls nothing may well have bridges that do.
        self.quiet = (self.quiet && self.guest.is_none()) | self.chance(1, 2);
        let end = match self.guest.is_some() {
            true => self.guest_bridge(heads),
            false => self.any_bridge(heads),
        };
        let end = match end {
            Some(args) => End::Jump(BlockId(0), args),
            None => End::Leave(self.last_exit()),
        };
        let insts = std::mem::take(&mut self.insts);
        self.trace.blocks.push(Block { params, insts, end });
    }

    /// Operations of all kinds; the arguments of the jump, if the bridge does not leave.
    fn any_bridge(&mut self, heads: &[Value]) -> Option<Vec<Arg>> {
        for _ in 0..4 {
            let place = self.any_place();
            self.hot.push(place);
        }
        for _ in 0..self.below(10) {
            self.step();
        }
        self.chance(3, 4).then(|| self.way_back(heads))
    }

    /// The arguments of a bridge's jump: mostly little has changed.
    fn way_back(&mut self, heads: &[Value]) -> Vec<Arg> {
        let mut args = self.back_edge(heads);
        if self.chance(3, 4) {
            for (arg, head) in args.iter_mut().zip(heads) {
                if head.ty == Ty::Ptr || self.chance(1, 2) {
                    *arg = head.arg;
                }
            }
        }
        args
    }
}

pub(super) fn has_effect(inst: &Inst) -> bool {
    !matches!(inst.op.effect(), Effect::None | Effect::Read | Effect::Exit)
}

//! The plan: which blocks are reached, and where each value is computed.
//!
//! What only exits need is computed in the exits, off the hot path:
//!
//! ```text
//! v2 = add.i64 v1, 1              guard v3 else exit0
//! guard v3 else exit0       =>    …
//! …                               exit0's block: v2 = add.i64 v1, 1; store v2; leave
//! exit0: resume 0 [v2]
//! ```
//!
//! and a comparison that only guards need is computed as part of their branches, never as a value.
//! An object that only exits need is made in the exits, however many there are: on the hot path
//! nobody would free it.
//!
//! Invariants: `sunk-is-pure` (only ops with `Effect::None` that are not calls, and `new`, are
//! moved), `made-once` (a `new` is moved only into exits of its own block: a way that leads from
//! one back to another passes the `new` in between), `sunk-is-bounded` (but for objects, at most
//! [`MAX_EXITS`] copies of an op and [`MAX_SUNK`] ops in an exit, so code stays linear in the
//! trace), `operands-dominate` (an exit's operands are defined on every way to it, hence so are
//! their operands).
//!
//! Not here: Cranelift.

use crate::ir::{Arg, Aux, BlockId, Effect, End, ExitId, Inst, Op, Sig, Trace, Ty, ValueId};
use std::collections::{BTreeSet, HashMap};

/// In how many exits an op may be computed instead of on the hot path.
const MAX_EXITS: usize = 8;

/// How many ops may be moved into one exit.
const MAX_SUNK: usize = 8;

/// Where a value is computed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Place {
    /// Nowhere: nobody needs it (as a value).
    Nowhere,
    /// Where the trace says.
    Here,
    /// In each exit that needs it.
    Exits,
}

/// What is computed where.
pub(super) struct Plan {
    /// The blocks that are reached, each behind those that dominate it.
    pub order: Vec<BlockId>,
    /// By value.
    pub places: Vec<Place>,
    /// By value: block and index of the instruction that defines it; parameters have none.
    pub definitions: Vec<Option<(BlockId, usize)>>,
    /// By value: is it a comparison that a guard tests?
    pub guarded: Vec<bool>,
    /// By value: the overflow predicate of an arithmetic op, and the other way round.
    pub partners: Vec<Option<ValueId>>,
}

impl Plan {
    pub fn new(trace: &Trace) -> Plan {
        let count = trace.values.len();
        let mut plan = Plan {
            order: reverse_postorder(trace),
            places: vec![Place::Nowhere; count],
            definitions: vec![None; count],
            guarded: vec![false; count],
            partners: vec![None; count],
        };
        plan.place(trace);
        for block in plan.order.clone() {
            plan.pair(&trace.block(block).insts);
        }
        plan
    }

    pub fn place_of(&self, v: ValueId) -> Place {
        self.places[v.index()]
    }

    /// Decides the places from the uses, last instruction first.
    fn place(&mut self, trace: &Trace) {
        let mut uses = Uses::new(trace, &self.order);
        uses.of_ends(&self.order);
        for block in self.order.iter().rev() {
            for (index, inst) in trace.block(*block).insts.iter().enumerate().rev() {
                let mut place = Place::Here;
                if let Some(dst) = inst.dst {
                    place = uses.place(inst, dst, *block);
                    self.places[dst.index()] = place;
                    self.guarded[dst.index()] = uses.by_value[dst.index()].guard;
                    self.definitions[dst.index()] = Some((*block, index));
                }
                uses.of_inst(inst, place);
            }
        }
    }

    /// Finds the arithmetic op that computes the same sum as an overflow predicate, in one block.
    fn pair(&mut self, insts: &[Inst]) {
        if !insts.iter().any(|inst| arithmetic_of(inst.op).is_some()) {
            return;
        }
        let mut arithmetic: HashMap<(Op, Ty, Arg, Arg), ValueId> = HashMap::new();
        for inst in insts {
            if let (Op::Add | Op::Sub | Op::Mul, Some(dst)) = (inst.op, inst.dst)
                && self.place_of(dst) == Place::Here
            {
                arithmetic.insert((inst.op, inst.ty, inst.a, inst.b), dst);
            }
        }
        for inst in insts {
            let (Some(op), Some(dst)) = (arithmetic_of(inst.op), inst.dst) else {
                continue;
            };
            if let Some(sum) = arithmetic.remove(&(op, inst.ty, inst.a, inst.b)) {
                self.partners[dst.index()] = Some(sum);
                self.partners[sum.index()] = Some(dst);
            }
        }
    }
}

/// The op whose overflow a predicate is about.
fn arithmetic_of(op: Op) -> Option<Op> {
    match op {
        Op::AddOvfS | Op::AddOvfU => Some(Op::Add),
        Op::SubOvfS | Op::SubOvfU => Some(Op::Sub),
        Op::MulOvfS | Op::MulOvfU => Some(Op::Mul),
        _ => None,
    }
}

/// The blocks that can be reached, in an order in which a block comes before those it dominates.
fn reverse_postorder(trace: &Trace) -> Vec<BlockId> {
    let mut seen = vec![false; trace.blocks.len()];
    let mut postorder = vec![];
    seen[0] = true;
    let mut path = vec![(BlockId(0), trace.successors(BlockId(0)))];
    while let Some((block, ahead)) = path.last_mut() {
        match ahead.pop() {
            Some(next) if seen[next.index()] => (),
            Some(next) => {
                seen[next.index()] = true;
                path.push((next, trace.successors(next)));
            }
            None => {
                postorder.push(*block);
                path.pop();
            }
        }
    }
    postorder.reverse();
    postorder
}

/// Where one value is used.
#[derive(Clone, Copy)]
struct ValueUses {
    /// By an op on the hot path, or by a jump.
    here: bool,
    /// By a guard as its condition.
    guard: bool,
    /// How many of `exits` are in use; more than `MAX_EXITS` are not told apart.
    exit_count: usize,
    exits: [ExitId; MAX_EXITS],
}

impl ValueUses {
    const NONE: ValueUses =
        ValueUses { here: false, guard: false, exit_count: 0, exits: [ExitId(0); MAX_EXITS] };

    fn exits(&self) -> &[ExitId] {
        &self.exits[..self.exit_count.min(MAX_EXITS)]
    }

    fn add_exit(&mut self, exit: ExitId) {
        if self.exits().contains(&exit) {
            return;
        }
        if let Some(free) = self.exits.get_mut(self.exit_count) {
            *free = exit;
        }
        self.exit_count = (self.exit_count + 1).min(MAX_EXITS + 1);
    }
}

/// The uses of all values, as far as they have been seen.
struct Uses<'a> {
    trace: &'a Trace,
    by_value: Vec<ValueUses>,
    /// By value: does a comparison define it?
    compared: Vec<bool>,
    /// By exit: how many ops have been moved into it.
    sunk: Vec<usize>,
    /// By value that is an object, or a place in one, or the bits of these: all exits that need it.
    objects: HashMap<ValueId, BTreeSet<ExitId>>,
    /// By exit: the block that it is left from, if it is one.
    blocks: Vec<Option<BlockId>>,
}

impl<'a> Uses<'a> {
    fn new(trace: &'a Trace, order: &[BlockId]) -> Uses<'a> {
        let mut compared = vec![false; trace.values.len()];
        let mut objects = HashMap::new();
        let mut blocks = vec![None; trace.exits.len()];
        let mut shared = vec![false; trace.exits.len()];
        for id in order {
            for inst in &trace.block(*id).insts {
                let Some(dst) = inst.dst else { continue };
                compared[dst.index()] = inst.op.sig() == Sig::Compare;
                let inside = |arg: Arg| arg.as_value().is_some_and(|v| objects.contains_key(&v));
                let follows = match inst.op {
                    Op::PtrAdd => inst.b.as_const().is_some(),
                    op => op == Op::Bitcast,
                };
                if inst.op == Op::New || follows && inside(inst.a) {
                    objects.insert(dst, BTreeSet::new());
                }
            }
            for exit in trace.block(*id).exits() {
                let known = blocks[exit.index()].replace(*id);
                shared[exit.index()] |= known.is_some_and(|known| known != *id);
            }
        }
        for (block, shared) in blocks.iter_mut().zip(shared) {
            *block = block.filter(|_| !shared);
        }
        Uses {
            trace,
            by_value: vec![ValueUses::NONE; trace.values.len()],
            compared,
            sunk: vec![0; trace.exits.len()],
            objects,
            blocks,
        }
    }

    /// What jumps and exits use.
    fn of_ends(&mut self, order: &[BlockId]) {
        let trace = self.trace;
        let mut reached = vec![false; trace.exits.len()];
        for block in order {
            trace.block(*block).exits().for_each(|exit| reached[exit.index()] = true);
            if let End::Jump(_, args) = &trace.block(*block).end {
                args.iter().for_each(|arg| self.here(*arg));
            }
        }
        for (index, exit) in trace.exits.iter().enumerate() {
            if reached[index] {
                let uses = exit.uses();
                uses.for_each(|arg| self.in_exit(arg, ExitId(index as u32)));
            }
        }
    }

    /// What an instruction uses, given where its result is computed.
    fn of_inst(&mut self, inst: &Inst, place: Place) {
        if inst.op.is_guard() {
            return self.of_guard(inst.a);
        }
        if inst.op.sig() == Sig::Known {
            return;
        }
        let trace = self.trace;
        let mut both = [inst.a, inst.b];
        let args = match inst.aux {
            Aux::Call(call) => &trace.calls[call.index()].args[..],
            Aux::None | Aux::Exit(_) | Aux::Class(_) => &[],
        };
        if inst.op.sig() == Sig::CallIf {
            if place == Place::Here {
                self.of_guard(inst.a);
            }
            both[0] = Arg::NONE;
        }
        let uses = inst.dst.map_or(ValueUses::NONE, |dst| self.by_value[dst.index()]);
        let of_object = inst.dst.and_then(|dst| self.objects.get(&dst)).cloned();
        for arg in args.iter().chain(&both) {
            if place == Place::Here || uses.guard {
                self.here(*arg);
            }
            if place == Place::Exits {
                match &of_object {
                    Some(exits) => exits.iter().for_each(|exit| self.in_exit(*arg, *exit)),
                    None => uses.exits().iter().for_each(|exit| self.in_exit(*arg, *exit)),
                }
            }
        }
    }

    fn of_guard(&mut self, condition: Arg) {
        if let Arg::Value(v) = condition {
            let compared = self.compared[v.index()];
            let uses = &mut self.by_value[v.index()];
            // Other truth values than comparisons are tested as values.
            uses.guard |= compared;
            uses.here |= !compared;
        }
    }

    fn here(&mut self, arg: Arg) {
        if let Arg::Value(v) = arg {
            self.by_value[v.index()].here = true;
        }
    }

    fn in_exit(&mut self, arg: Arg, exit: ExitId) {
        if let Arg::Value(v) = arg {
            match self.objects.get_mut(&v) {
                Some(exits) => drop(exits.insert(exit)),
                None => self.by_value[v.index()].add_exit(exit),
            }
        }
    }

    /// Where to compute `dst`, all of whose uses have been seen.
    fn place(&mut self, inst: &Inst, dst: ValueId, block: BlockId) -> Place {
        let uses = self.by_value[dst.index()];
        if let Some(exits) = self.objects.get(&dst) {
            let elsewhere = |exit: &ExitId| self.blocks[exit.index()] != Some(block);
            return match uses.here || exits.iter().any(elsewhere) {
                true => Place::Here,
                false if exits.is_empty() => Place::Nowhere,
                false => Place::Exits,
            };
        }
        let effect = inst.op.effect();
        if uses.here || !matches!(effect, Effect::None | Effect::Read) {
            return Place::Here;
        }
        if uses.exit_count == 0 {
            return Place::Nowhere;
        }
        let movable = effect == Effect::None && !inst.op.is_call();
        let mut exits = uses.exits().iter();
        let fits = uses.exit_count <= MAX_EXITS && exits.all(|e| self.sunk[e.index()] < MAX_SUNK);
        if !(movable && fits) {
            return Place::Here;
        }
        for exit in uses.exits() {
            self.sunk[exit.index()] += 1;
        }
        Place::Exits
    }
}

//! What is needed: dead code by marking, dead stores by walking backward.
//!
//! ```text
//! store.i8 v0+0, v1       =>      store.i8 v0+0, v2
//! v3 = add.i8 v1, 1
//! store.i8 v0+0, v2
//! ```
//!
//! What has an effect is needed, and so are the operands of what is needed; a parameter makes the
//! arguments of the jumps needed, and only then. A walk from the end meets uses before definitions, so
//! it finds all of that but what a jump back makes needed: that goes on by a list.
//!
//! Dead stores are found walking backward with the words that are about to be overwritten: a guard,
//! the end of the block, calls and loads that may read the word end that knowledge. A dead store
//! may be the last user of a load, and that load the reason why another store was alive: the walk
//! passes over a load that nobody needs any more. Only what a parameter hands around the loop is not
//! seen that way, so marking and walks take turns until no parameter has lost its last use.
//!
//! Invariants: `exits-see` (a guard's exit and whoever runs after it see all stores before the
//! guard), `interface` (the parameters of the entry stay).
//!
//! Not here: removing what is not needed (`backward`, `compact`).

use super::address::Defs;
use super::passes::Passes;
use super::rules::{Fired, Rule};
use super::sink::runs_anything;
use super::site_set::SiteSet;
use super::sites::{Group, Sites};
use super::words::Untouched;
use crate::ir::{Arg, Aux, Block, BlockId, Effect, End, ExitId, Inst, Op, Sig, Trace, ValueId};

/// What is needed of a trace.
pub(super) struct Live {
    /// By value.
    values: Vec<bool>,
    dead: DeadStores,
    keep_all: bool,
}

impl Live {
    /// Finds out what is needed. `sites` are those of the trace with these definitions.
    pub fn of(
        trace: &Trace,
        defs: &Defs,
        sites: &mut Sites,
        passes: Passes,
        fired: &mut Fired,
    ) -> Live {
        let keep_all = !passes.contains(Passes::DCE);
        let mut dead = DeadStores(vec![]);
        // Where there is one store, nothing overwrites it.
        let is_store = |inst: &&Inst| inst.op == Op::Store;
        let has_two = |block: &Block| block.insts.iter().filter(is_store).nth(1).is_some();
        if !passes.contains(Passes::DSE) || !trace.blocks.iter().any(has_two) {
            let values = mark(trace, &dead, keep_all);
            return Live { values, dead, keep_all };
        }
        // What jumps pass is only needed if the parameters are.
        let params = trace.blocks[1..].iter().flat_map(|block| &block.params);
        let has_params = params.clone().next().is_some();
        let mut values = if has_params { mark(trace, &dead, keep_all) } else { vec![] };
        loop {
            let mut walk = Walk { trace, defs, sites, live: &values, keep_all };
            let (last, used) = walk.find_dead_stores(&mut dead);
            if last.is_some() {
                fired.fire(Rule::DeadStore);
            }
            let before = std::mem::replace(&mut values, used);
            // Within blocks the walk has seen what else is not needed, and nothing in the entry uses
            // parameters of others.
            if !has_params || last.is_none_or(|last| last == BlockId(0)) {
                break;
            }
            values = mark(trace, &dead, keep_all);
            if { params.clone() }.all(|param| values[param.index()] == before[param.index()]) {
                break;
            }
        }
        Live { values, dead, keep_all }
    }

    pub fn value(&self, v: ValueId) -> bool {
        self.values[v.index()]
    }

    /// Is that instruction of a block needed?
    pub fn inst(&self, block: usize, index: usize, inst: &Inst) -> bool {
        let is_used = inst.dst.is_some_and(|v| self.value(v));
        is_used || (self.keep_all || has_effect(inst)) && !self.is_dead_store(block, index, inst)
    }

    /// Is it a store that is overwritten before anybody can see it?
    pub fn is_dead_store(&self, block: usize, index: usize, inst: &Inst) -> bool {
        inst.op == Op::Store && self.dead.has(block, index)
    }
}

/// Stores that are overwritten before anybody can see them: by block and instruction, as far as a block
/// has some.
struct DeadStores(Vec<Vec<bool>>);

impl DeadStores {
    fn has(&self, block: usize, index: usize) -> bool {
        self.0.get(block).and_then(|dead| dead.get(index)).is_some_and(|dead| *dead)
    }

    fn add(&mut self, block: usize, index: usize) {
        if self.0.len() <= block {
            self.0.resize(block + 1, vec![]);
        }
        let dead = &mut self.0[block];
        if dead.len() <= index {
            dead.resize(index + 1, false);
        }
        dead[index] = true;
    }
}

fn has_effect(inst: &Inst) -> bool {
    matches!(inst.op.effect(), Effect::Write | Effect::Any | Effect::Exit)
}

/// The values that are used by what a walk from the end has met, as far as that is needed.
pub(super) struct Used<'t> {
    trace: &'t Trace,
    /// By value; then, by exit, are its operands among them?
    marks: Vec<bool>,
}

impl<'t> Used<'t> {
    pub fn new(trace: &'t Trace) -> Used<'t> {
        Used { trace, marks: vec![false; trace.values.len() + trace.exits.len()] }
    }

    pub fn has(&self, v: ValueId) -> bool {
        self.marks[v.index()]
    }

    pub fn add(&mut self, arg: Arg) {
        if let Arg::Value(v) = arg {
            self.marks[v.index()] = true;
        }
    }

    /// The operands of an instruction, of its call and of its exit.
    pub fn add_inst(&mut self, inst: &Inst) {
        self.add(inst.a);
        self.add(inst.b);
        match inst.aux {
            Aux::None | Aux::Class(_) => (),
            Aux::Call(call) => {
                self.trace.calls[call.index()].operands().for_each(|arg| self.add(arg));
            }
            Aux::Exit(exit) => self.add_exit(exit),
        }
    }

    fn add_exit(&mut self, exit: ExitId) {
        if !std::mem::replace(&mut self.marks[self.trace.values.len() + exit.index()], true) {
            self.trace.exit(exit).uses().for_each(|arg| self.add(arg));
        }
    }

    /// What the end of a block uses, if those parameters are used of which that is known: `live` knows all,
    /// else it is what has been met.
    fn add_end(&mut self, block: &Block, live: Option<&[bool]>) {
        match &block.end {
            // The entry's parameters are the interface.
            End::Jump(BlockId(0), args) => args.iter().for_each(|arg| self.add(*arg)),
            End::Jump(target, args) => {
                for (param, arg) in self.trace.block(*target).params.iter().zip(args) {
                    if live.unwrap_or(&self.marks)[param.index()] {
                        self.add(*arg);
                    }
                }
            }
            End::Leave(exit) => self.add_exit(*exit),
        }
    }
}

/// Where a value comes from.
#[derive(Clone, Copy)]
enum Origin {
    Param { block: u32, number: u32 },
    Inst { block: u32, index: u32 },
}

/// Which values are needed.
fn mark(trace: &Trace, dead: &DeadStores, keep_all: bool) -> Vec<bool> {
    let mut used = Used::new(trace);
    let mut origins = vec![Origin::Param { block: 0, number: 0 }; trace.values.len()];
    for (b, block) in trace.blocks.iter().enumerate().rev() {
        used.add_end(block, None);
        for (i, inst) in block.insts.iter().enumerate().rev() {
            let mut is_needed = keep_all || has_effect(inst);
            if let Some(dst) = inst.dst {
                origins[dst.index()] = Origin::Inst { block: b as u32, index: i as u32 };
                is_needed |= used.has(dst);
            }
            if is_needed && !dead.has(b, i) {
                used.add_inst(inst);
            }
        }
        for (k, param) in block.params.iter().enumerate() {
            origins[param.index()] = Origin::Param { block: b as u32, number: k as u32 };
            if keep_all {
                used.add((*param).into());
            }
        }
    }
    mark_behind_jumps(trace, &origins, &mut used.marks);
    used.marks
}

/// What parameters need of jumps that the walk has met before them, and so on.
fn mark_behind_jumps(trace: &Trace, origins: &[Origin], values: &mut [bool]) {
    let jumps = trace.blocks.iter().filter_map(|block| match &block.end {
        End::Jump(BlockId(0), _) | End::Leave(_) => None,
        End::Jump(target, args) => Some((target.index(), args)),
    });
    let mut jumps: Vec<(usize, &Vec<Arg>)> = jumps.collect();
    jumps.sort_by_key(|(target, _)| *target);
    // What is needed, but has not been looked at.
    let mut work = vec![];
    let need = |arg: Arg, values: &mut [bool], work: &mut Vec<ValueId>| {
        if let Arg::Value(v) = arg
            && !std::mem::replace(&mut values[v.index()], true)
        {
            work.push(v);
        }
    };
    for (target, args) in &jumps {
        for (param, arg) in trace.blocks[*target].params.iter().zip(*args) {
            if values[param.index()] {
                need(*arg, values, &mut work);
            }
        }
    }
    while let Some(v) = work.pop() {
        let mut need = |arg: Arg| need(arg, values, &mut work);
        match origins[v.index()] {
            Origin::Inst { block, index } => {
                let inst = &trace.blocks[block as usize].insts[index as usize];
                need(inst.a);
                need(inst.b);
                if let Aux::Call(call) = inst.aux {
                    trace.calls[call.index()].operands().for_each(need);
                }
            }
            Origin::Param { block, number } => {
                let block = block as usize;
                let first = jumps.partition_point(|(target, _)| *target < block);
                let there = jumps[first..].iter().take_while(|(target, _)| *target == block);
                there.for_each(|(_, args)| need(args[number as usize]));
            }
        }
    }
}

/// A walk that looks for dead stores.
struct Walk<'a> {
    trace: &'a Trace,
    defs: &'a Defs,
    sites: &'a mut Sites,
    /// By value: is it needed, as far as parameters are?
    live: &'a [bool],
    keep_all: bool,
}

impl Walk<'_> {
    /// Marks stores that are overwritten before anybody can see them. Answers the last block that has new
    /// ones, and which values are used without them, as far as parameters are.
    fn find_dead_stores(&mut self, dead: &mut DeadStores) -> (Option<BlockId>, Vec<bool>) {
        let trace = self.trace;
        let mut last = None;
        let mut used = Used::new(trace);
        // The words that will be written before anybody reads them.
        let mut overwritten = SiteSet::default();
        for (b, block) in trace.blocks.iter().enumerate().rev() {
            used.add_end(block, Some(self.live));
            overwritten.clear();
            for (i, inst) in block.insts.iter().enumerate().rev() {
                let is_used = || inst.dst.is_some_and(|v| used.has(v));
                if dead.has(b, i) || !(self.keep_all || has_effect(inst) || is_used()) {
                    continue;
                }
                if self.is_overwritten(inst, &mut overwritten) {
                    dead.add(b, i);
                    last = last.or(Some(BlockId(b as u32)));
                    continue;
                }
                used.add_inst(inst);
            }
            if self.keep_all {
                block.params.iter().for_each(|param| used.add((*param).into()));
            }
        }
        (last, used.marks)
    }

    /// Is it a dead store? Else adds the word that it writes, and removes those that it may read.
    fn is_overwritten(&mut self, inst: &Inst, overwritten: &mut SiteSet) -> bool {
        let sites = &mut *self.sites;
        match inst.op.sig() {
            Sig::Load => {
                if overwritten.len() > 0 {
                    let site = sites.site(inst, self.defs);
                    overwritten.take_touched(sites, &self.defs.apart, site, |_| ());
                }
            }
            Sig::Store => {
                let site = sites.site(inst, self.defs);
                let covers = |word| overwritten.has(word) && sites.is_within(site, word);
                if overwritten.has(site) || sites.near(site).iter().copied().any(covers) {
                    return true;
                }
                overwritten.add(sites, site);
            }
            Sig::Call | Sig::CallIf => {
                let call = &self.trace.calls[inst.call().index()];
                let kept = Untouched::by(call, self.defs);
                let goes = |site| !kept.contains(&sites.access(site));
                let read = |class| call.may_read(inst.op, class);
                overwritten.take(sites, read, |_| true, goes, |_| ());
                if runs_anything(inst.op, call) {
                    // A collector looks at all words of an object.
                    let ages = &self.defs.apart.ages;
                    let is_new = |group: &Group| ages.is_new(group.base);
                    overwritten.take(sites, |_| true, is_new, goes, |_| ());
                }
            }
            Sig::Guard => overwritten.clear(),
            Sig::Binary
            | Sig::Compare
            | Sig::Unary
            | Sig::Cast
            | Sig::PtrAdd
            | Sig::Scratch
            | Sig::Known => (),
        }
        false
    }
}

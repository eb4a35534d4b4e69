//! The backward pass: what nobody needs goes.
//!
//! ```text
//! store.i8 v0+0, v1       =>      store.i8 v0+0, v2
//! v3 = add.i8 v1, 1
//! store.i8 v0+0, v2
//! ```
//!
//! Its parts in their order: parameters that are other values go (`params`), stores and objects move to
//! where they are needed (`sink`, `virtuals`), what nobody needs goes (`live`), and what is left is
//! numbered anew (`compact`).
//!
//! Invariant `defined-once`: `sink` and `params` move instructions and replace operands, but a value is
//! what it was; so definitions and sites are good until `virtuals` has made another trace.
//!
//! Not here: what the parts do.

use super::address::Defs;
use super::age::Ages;
use super::compact::compact;
use super::live::{Live, Used};
use super::node::Node;
use super::owners::Apart;
use super::params::{drop_dead_params, merge_params};
use super::passes::Passes;
use super::rules::Fired;
use super::sink::sink;
use super::sites::Sites;
use super::tree::{Origins, meeting};
use super::virtuals::virtuals;
use crate::ir::{Block, BlockId, Effect, End, Inst, Op, Trace};

/// Removes dead code and dead stores, and renumbers what is left. `apart`: values of the trace that
/// lead to different objects.
pub(super) fn backward(
    mut trace: Trace,
    mut origins: Origins,
    apart: Apart,
    passes: Passes,
) -> (Trace, Origins, Fired) {
    let mut fired = Fired::default();
    merge_params(&mut trace, &mut fired);
    join_straight(&mut trace);
    let mut defs = definitions(&trace, apart);
    let mut sites = Sites::with_room(&trace);
    if passes.contains(Passes::VIRTUALS) {
        // What only an exit stores somewhere need not be made before.
        let makes = |block: &Block| block.insts.iter().any(|inst| inst.op == Op::New);
        if trace.blocks.iter().any(makes) {
            if passes.contains(Passes::SINK)
                && sink(&mut trace, &mut origins, &defs, &mut sites, &mut fired)
            {
                merge_params(&mut trace, &mut fired);
            }
            (defs, sites) = (definitions(&trace, defs.apart), Sites::with_room(&trace));
            let live = Live::of(&trace, &defs, &mut sites, passes, &mut fired);
            for (b, block) in trace.blocks.iter_mut().enumerate() {
                let mut index = 0;
                block.insts.retain(|inst| {
                    index += 1;
                    !live.is_dead_store(b, index - 1, inst)
                });
            }
            if virtuals(&mut trace, &mut origins, &defs, &mut fired) {
                merge_params(&mut trace, &mut fired);
            }
            trace.drop_unreached();
            (defs, sites) = (definitions(&trace, defs.apart), Sites::with_room(&trace));
        }
    }
    if passes.contains(Passes::SINK)
        && sink(&mut trace, &mut origins, &defs, &mut sites, &mut fired)
    {
        merge_params(&mut trace, &mut fired);
    }
    let live = Live::of(&trace, &defs, &mut sites, passes, &mut fired);
    drop_dead_params(&mut trace, &live, &mut fired);
    let (trace, origins) = compact(trace, &origins, &live, &mut fired);
    (trace, origins, fired)
}

/// At least so many of these instructions, which are not in a block of the trace yet, stay as a block
/// by themselves: guards, calls, and what they need. What becomes of objects is not known before.
pub(super) fn least(trace: &Trace, insts: &[Inst]) -> usize {
    let mut used = Used::new(trace);
    let mut count = 0;
    for inst in insts.iter().rev() {
        let stays = matches!(inst.op.effect(), Effect::Any | Effect::Exit);
        match inst.op {
            Op::New | Op::NewKept | Op::Free => return 0,
            _ if stays || inst.dst.is_some_and(|v| used.has(v)) => (),
            _ => continue,
        }
        used.add_inst(inst);
        count += 1;
    }
    count
}

/// Puts what only one way leads to behind that way, where ways could have met.
fn join_straight(trace: &mut Trace) {
    if !trace.blocks.iter().any(|block| meeting(&block.end).is_some()) {
        return;
    }
    let mut ways = vec![0; trace.blocks.len()];
    let meetings = trace.blocks.iter().filter_map(|block| meeting(&block.end));
    meetings.for_each(|target| ways[target.index()] += 1);
    if !ways.contains(&1) {
        return;
    }
    // From the last on: what is behind it has been put there.
    for index in (0..trace.blocks.len()).rev() {
        let target = meeting(&trace.blocks[index].end);
        let Some(target) = target.filter(|to| ways[to.index()] == 1) else { continue };
        let next = &mut trace.blocks[target.index()];
        if next.params.is_empty() {
            let mut insts = std::mem::take(&mut next.insts);
            let end = std::mem::replace(&mut next.end, End::Jump(BlockId(0), vec![]));
            let block = &mut trace.blocks[index];
            block.insts.append(&mut insts);
            block.end = end;
        }
    }
    trace.drop_unreached();
}

/// The operations of which addresses are made, and which values are apart.
fn definitions(trace: &Trace, mut apart: Apart) -> Defs {
    apart.ages = Ages::of(trace);
    let mut defs = Defs::new(apart, trace.values.len());
    for inst in trace.blocks.iter().flat_map(|block| &block.insts) {
        if let (Some(dst), true) = (inst.dst, Defs::looks_through(inst.op)) {
            let node = Node { op: inst.op, ty: inst.ty, a: inst.a, b: inst.b, imm: inst.imm };
            defs.set(dst, node);
        }
    }
    defs
}

//! Virtual objects: an object is made where somebody else gets to know it, or not at all.
//!
//! ```text
//! v2 = new.ptr @alloc(i64 16) #0         v2 = new.ptr @alloc(i64 16) #0
//! store.i64 v2+8, v1                     guard v3 else exit1
//! guard v3 else exit0               =>   v4 = new.ptr @alloc(i64 16) #0
//! call @f(v2)                            store.i64 v4+8, v1
//! exit0: resume 0 [v2]                   call @f(v4)
//!                                        exit1: resume 0 [v2] pending [i64 v2+8 = v1]
//! ```
//!
//! A block is walked with what is in each object that has not been made yet. Loads and stores are
//! of that; an exit that names the object has stores pending that fill it, and those of the objects
//! that it leads to. The `new` stays where it was, used by exits alone: the backend does it there. What
//! lets the address out (a call, a store elsewhere, an operation that is not known) makes the object
//! before, with a `new` of its own, and all that it leads to; from there on that is the object. A
//! `free` of what has not been made goes, and exits behind it name what is not there ([`Gone`]).
//!
//! An object that a loop passes on to the next round is *carried*: its words are parameters of the
//! body, instead of its address. That is assumed of the arguments of the jump to the body, and holds
//! if those of the body's own jump are objects of the same layout. Where it does not, it is given up,
//! and the trace is walked again. So it is where ways meet (`meet`).
//!
//! Invariants: `one-object` (on each way through a trace at most one of an object's `new`s has its
//! result used), `same-block` (exits that name an object are in the block of its `new`, so a way
//! that comes back to them has passed that again), `words-known` (what is loaded from a virtual
//! object has been stored there by the trace).
//!
//! Not here: which comparisons and loads are decided before (`fresh`, `memory`), objects of which a
//! part is passed on as such.
//!
//! [`Gone`]: crate::ir::Gone

mod layout;
mod meet;
mod walk;

use super::address::Defs;
use super::rules::{Fired, Rule};
use super::tree::Origins;
use crate::ir::{Arg, Aux, Block, BlockId, End, ExitId, Inst, Op, Set, Trace, ValueId};
use layout::{Carried, Parts, Received};
use walk::Walk;

/// Does so with a straight line, a loop, or a peeled loop, and the blocks behind their guards; answers
/// whether the loop's parameters have changed. `defs` are the pure operations of the trace.
pub(super) fn virtuals(
    trace: &mut Trace,
    origins: &mut Origins,
    defs: &Defs,
    fired: &mut Fired,
) -> bool {
    if !trace.blocks.iter().flat_map(|block| &block.insts).any(|inst| inst.op == Op::New) {
        return false;
    }
    let mut refused = vec![];
    loop {
        let mut walk = Walk::new(trace, origins, defs);
        match rewrite(&mut walk, &refused) {
            Ok(_) if walk.is_mixed => return false,
            Ok(changed) => {
                fired.extend(walk.fired);
                (*trace, *origins) = (walk.out, walk.origins);
                return changed;
            }
            Err(more) => refused.extend(more),
        }
    }
}

/// Walks the blocks, and carries what can be, but for the arguments that have been refused; those of
/// them that are refused now.
fn rewrite(walk: &mut Walk, refused: &[usize]) -> Result<bool, Vec<usize>> {
    let trace = walk.trace;
    walk.block(&trace.blocks[0].insts);
    let (mut carried, mut layouts, mut next) = (vec![], vec![], 1);
    match &trace.blocks[0].end {
        End::Jump(BlockId(1), first) => {
            // What the others use of the preamble, but for the parameters.
            let used = trace.blocks[1..].iter().flat_map(|block| uses(trace, block)).collect();
            walk.make_used(&used);
            carried = (0..first.len()).filter(|k| !refused.contains(k)).collect();
            carried.retain(|k| walk.object(first[*k]).is_some());
            let (first, found) = split(walk, first, &carried)?;
            layouts = found;
            walk.end_with(End::Jump(BlockId(1), first), trace.blocks[0].params.clone());
            body(walk, &carried, &layouts)?;
            next = 2;
        }
        _ => walk.end(&trace.blocks[0]),
    }
    for (index, side) in trace.blocks.iter().enumerate().skip(next) {
        let block = BlockId(index as u32);
        if let Some(ways) = walk.meetings.remove(&block) {
            let params = walk.meet(&ways, &side.params, used_from(trace, block));
            walk.block(&side.insts);
            end(walk, side, params, &carried, &layouts)?;
            continue;
        }
        if !walk.enter(block) {
            // Its guard always passes.
            let exit = ExitId(0);
            walk.out.blocks.push(Block { params: vec![], insts: vec![], end: End::Leave(exit) });
            continue;
        }
        walk.block(&side.insts);
        end(walk, side, side.params.clone(), &carried, &layouts)?;
    }
    Ok(!carried.is_empty())
}

/// Walks the body of a peeled loop.
fn body(walk: &mut Walk, carried: &[usize], layouts: &[Carried]) -> Result<(), Vec<usize>> {
    let body = &walk.trace.blocks[1];
    let params = body.params.iter().enumerate().filter(|(k, _)| !carried.contains(k));
    let mut params: Vec<ValueId> = params.map(|(_, param)| *param).collect();
    walk.begin();
    let mut received = Received::default();
    for (k, layout) in carried.iter().zip(layouts) {
        walk.fired.fire(Rule::VirtualCarry);
        walk.receive(body.params[*k], layout, &mut received);
    }
    params.extend(received.params);
    walk.block(&body.insts);
    end(walk, body, params, carried, layouts)
}

/// Ends a block as the input's ends; a jump to the body passes objects of these layouts.
fn end(
    walk: &mut Walk,
    block: &Block,
    params: Vec<ValueId>,
    carried: &[usize],
    layouts: &[Carried],
) -> Result<(), Vec<usize>> {
    let End::Jump(BlockId(1), again) = &block.end else {
        walk.end_as(block, params);
        return Ok(());
    };
    let (again, found) = split(walk, again, carried)?;
    let differ = carried.iter().zip(layouts.iter().zip(&found));
    let differ: Vec<usize> = differ.filter(|(_, (a, b))| a != b).map(|(k, _)| *k).collect();
    if !differ.is_empty() {
        return Err(differ);
    }
    walk.end_with(End::Jump(BlockId(1), again), params);
    Ok(())
}

/// The arguments of a jump, those that are carried as the words of the objects, which come last; and
/// what these stand for.
fn split(
    walk: &mut Walk,
    args: &[Arg],
    carried: &[usize],
) -> Result<(Vec<Arg>, Vec<Carried>), Vec<usize>> {
    let mut passed = vec![];
    for (k, arg) in args.iter().enumerate() {
        if !carried.contains(&k) {
            passed.push(walk.known(*arg));
        }
    }
    let mut layouts = vec![];
    let mut parts = Parts::default();
    let mut refused = vec![];
    for k in carried {
        match walk.take_apart(args[*k], &mut parts) {
            Some(layout) => layouts.push(layout),
            None => refused.push(*k),
        }
    }
    passed.extend(parts.words);
    if refused.is_empty() { Ok((passed, layouts)) } else { Err(refused) }
}

/// The values that are used from a block on, until the loop's next round.
fn used_from(trace: &Trace, block: BlockId) -> Set<ValueId> {
    let mut reached = Set::from_iter([block]);
    let mut work = vec![block];
    let mut used = Set::default();
    while let Some(block) = work.pop() {
        used.extend(uses(trace, trace.block(block)));
        let next = trace.successors(block).into_iter().filter(|next| next.index() > 1);
        work.extend(next.filter(|next| reached.insert(*next)));
    }
    used
}

/// The values that a block uses.
fn uses(trace: &Trace, block: &Block) -> Set<ValueId> {
    let mut used = Set::default();
    let mut add = |arg: Arg| used.extend(arg.as_value());
    for Inst { a, b, aux, .. } in &block.insts {
        add(*a);
        add(*b);
        match aux {
            Aux::None | Aux::Class(_) => (),
            Aux::Call(call) => trace.calls[call.index()].operands().for_each(&mut add),
            Aux::Exit(exit) => trace.exit(*exit).uses().for_each(&mut add),
        }
    }
    match &block.end {
        End::Jump(_, args) => args.iter().for_each(|arg| add(*arg)),
        End::Leave(exit) => trace.exit(*exit).uses().for_each(add),
    }
    used
}

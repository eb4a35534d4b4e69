//! The backward pass: what nobody needs goes.
//!
//! ```text
//! store.i8 v0+0, v1       =>      store.i8 v0+0, v2
//! v3 = add.i8 v1, 1
//! store.i8 v0+0, v2
//! ```
//!
//! Dead code is found by marking: what has an effect is needed, and so are the operands of what is
//! needed; a parameter makes the arguments of the jumps needed, and only then.
//! Dead stores are found walking backward with the words that are about to be overwritten: a guard,
//! the end of the block, calls and loads that may read the word end that knowledge. A dead store
//! may be the last user of a load, and that load the reason why another store was alive: the walk
//! meets uses before definitions, so it passes over a load that nobody needs any more. Only what
//! a parameter hands around the loop is not seen that way, so marking and walks take turns until no
//! parameter has lost its last use.
//!
//! Invariants: `exits-see` (a guard's exit and whoever runs after it see all stores before the
//! guard), `interface` (the parameters of the entry stay).
//!
//! Not here: moving stores past guards, into exits (`sink`, which is called before).

use super::address::Defs;
use super::age::Ages;
use super::compact::compact;
use super::node::Node;
use super::owners::Apart;
use super::passes::Passes;
use super::rules::{Fired, Rule};
use super::sink::{runs_anything, sink};
use super::tree::{Origins, meeting};
use super::virtuals::virtuals;
use super::words::{Access, Untouched, Words};
use crate::ir::{Arg, Aux, Block, BlockId, Effect, End, Inst, Map, Op, Sig, Trace, ValueId};
use std::collections::BTreeSet;
use std::hash::Hash;

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
    if passes.contains(Passes::VIRTUALS) {
        // What only an exit stores somewhere need not be made before.
        let makes = |block: &Block| block.insts.iter().any(|inst| inst.op == Op::New);
        if trace.blocks.iter().any(makes) {
            if passes.contains(Passes::SINK) && sink(&mut trace, &mut origins, &defs, &mut fired) {
                merge_params(&mut trace, &mut fired);
            }
            defs = definitions(&trace, defs.apart);
            let (_, dead) = live(&trace, &defs, passes, &mut fired);
            for (block, dead) in trace.blocks.iter_mut().zip(&dead) {
                let mut dead = dead.iter();
                block.insts.retain(|_| !*dead.next().expect("one mark per instruction"));
            }
            if virtuals(&mut trace, &mut origins, &defs, &mut fired) {
                merge_params(&mut trace, &mut fired);
            }
            trace.drop_unreached();
            defs = definitions(&trace, defs.apart);
        }
    }
    if passes.contains(Passes::SINK) && sink(&mut trace, &mut origins, &defs, &mut fired) {
        merge_params(&mut trace, &mut fired);
    }
    let (live, stores_dead) = live(&trace, &defs, passes, &mut fired);
    for ((block, keep), dead) in trace.blocks.iter_mut().zip(&live.insts).zip(&stores_dead) {
        let removed = keep.iter().zip(dead).any(|(keep, dead)| !keep && !dead);
        if removed {
            fired.fire(Rule::DeadCode);
        }
        let mut keep = keep.iter();
        block.insts.retain(|_| *keep.next().expect("one mark per instruction"));
    }
    drop_dead_params(&mut trace, &live, &mut fired);
    let (trace, origins) = compact(trace, &origins);
    (trace, origins, fired)
}

/// At least so many of these instructions, which are not in a block of the trace yet, stay as a block
/// by themselves: guards, calls, and what they need. What becomes of objects is not known before.
pub(super) fn least(trace: &Trace, insts: &[Inst]) -> usize {
    let mut used = Used(vec![false; trace.values.len()]);
    let mut count = 0;
    for inst in insts.iter().rev() {
        let stays = matches!(inst.op.effect(), Effect::Any | Effect::Exit);
        match inst.op {
            Op::New | Op::NewKept | Op::Free => return 0,
            _ if stays || inst.dst.is_some_and(|v| used.has(v)) => (),
            _ => continue,
        }
        for_each_use(trace, inst, |arg| used.add(arg));
        count += 1;
    }
    count
}

/// The arguments of the jumps to a block; to the body of a peeled loop, that of the preamble first.
fn jumps_to(trace: &mut Trace, block: BlockId) -> impl Iterator<Item = &mut Vec<Arg>> {
    trace.blocks.iter_mut().filter_map(move |from| match &mut from.end {
        End::Jump(target, args) if *target == block => Some(args),
        End::Jump(..) | End::Leave(_) => None,
    })
}

/// The blocks with parameters that jumps lead to, but for the entry: its are the interface. Those behind
/// guards have none.
fn with_params(trace: &Trace) -> Vec<BlockId> {
    let blocks = (1..trace.blocks.len() as u32).map(BlockId);
    blocks.filter(|block| !trace.block(*block).params.is_empty()).collect()
}

/// Puts what only one way leads to behind that way, where ways could have met.
fn join_straight(trace: &mut Trace) {
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

/// What is needed, and by block and instruction: is it a dead store?
fn live(trace: &Trace, defs: &Defs, passes: Passes, fired: &mut Fired) -> (Live, Vec<Vec<bool>>) {
    let mut dead: Vec<Vec<bool>> =
        trace.blocks.iter().map(|block| vec![false; block.insts.len()]).collect();
    let mut live = Live::mark(trace, &dead, passes);
    while passes.contains(Passes::DSE) && find_dead_stores(trace, defs, &live, &mut dead, passes) {
        fired.fire(Rule::DeadStore);
        let before = std::mem::replace(&mut live, Live::mark(trace, &dead, passes));
        // Within blocks the walk has seen what else is not needed.
        let same = |param: &ValueId| live.values[param.index()] == before.values[param.index()];
        if trace.blocks.iter().flat_map(|block| &block.params).all(same) {
            break;
        }
    }
    (live, dead)
}

/// The pure operations that define values, and which of these are apart.
fn definitions(trace: &Trace, mut apart: Apart) -> Defs {
    apart.ages = Ages::of(trace);
    let mut defs = Defs::new(apart, trace.values.len());
    for inst in trace.blocks.iter().flat_map(|block| &block.insts) {
        let pure = inst.op.effect() == Effect::None && !inst.op.is_call();
        if let (Some(dst), true) = (inst.dst, pure) {
            let node = Node { op: inst.op, ty: inst.ty, a: inst.a, b: inst.b, imm: inst.imm };
            defs.set(dst, node);
        }
    }
    defs
}

/// Where a value comes from.
#[derive(Clone, Copy)]
enum Origin {
    Param(usize, usize),
    Inst(usize, usize),
}

/// What is needed.
struct Live {
    values: Vec<bool>,
    insts: Vec<Vec<bool>>,
    work: Vec<ValueId>,
}

impl Live {
    fn mark(trace: &Trace, stores_dead: &[Vec<bool>], passes: Passes) -> Live {
        let mut live = Live {
            values: vec![false; trace.values.len()],
            insts: stores_dead.iter().map(|b| vec![false; b.len()]).collect(),
            work: vec![],
        };
        let mut origins = vec![None; trace.values.len()];
        let keep_all = !passes.contains(Passes::DCE);
        for (b, block) in trace.blocks.iter().enumerate() {
            for (k, param) in block.params.iter().enumerate() {
                origins[param.index()] = Some(Origin::Param(b, k));
                if keep_all {
                    live.need((*param).into());
                }
            }
            for (i, inst) in block.insts.iter().enumerate() {
                if let Some(dst) = inst.dst {
                    origins[dst.index()] = Some(Origin::Inst(b, i));
                }
                if (has_effect(inst) || keep_all) && !stores_dead[b][i] {
                    live.inst(trace, b, i);
                }
            }
            match &block.end {
                // The entry's parameters are the interface; all its arguments are needed.
                End::Jump(BlockId(0), args) => args.iter().for_each(|arg| live.need(*arg)),
                End::Jump(..) => (),
                End::Leave(exit) => trace.exit(*exit).uses().for_each(|arg| live.need(arg)),
            }
        }
        while let Some(v) = live.work.pop() {
            match origins[v.index()].expect("a value that is used is defined") {
                Origin::Inst(b, i) => live.inst(trace, b, i),
                Origin::Param(b, k) => {
                    for block in &trace.blocks {
                        match &block.end {
                            End::Jump(target, args) if target.index() == b => live.need(args[k]),
                            _ => (),
                        }
                    }
                }
            }
        }
        live
    }

    fn need(&mut self, arg: Arg) {
        if let Arg::Value(v) = arg
            && !std::mem::replace(&mut self.values[v.index()], true)
        {
            self.work.push(v);
        }
    }

    fn inst(&mut self, trace: &Trace, block: usize, index: usize) {
        if std::mem::replace(&mut self.insts[block][index], true) {
            return;
        }
        for_each_use(trace, &trace.blocks[block].insts[index], |arg| self.need(arg));
    }
}

fn has_effect(inst: &Inst) -> bool {
    matches!(inst.op.effect(), Effect::Write | Effect::Any | Effect::Exit)
}

/// The operands of an instruction, of its call and of its exit.
fn for_each_use(trace: &Trace, inst: &Inst, mut with: impl FnMut(Arg)) {
    with(inst.a);
    with(inst.b);
    match inst.aux {
        Aux::None | Aux::Class(_) => (),
        Aux::Call(call) => trace.calls[call.index()].operands().for_each(with),
        Aux::Exit(exit) => trace.exit(exit).uses().for_each(with),
    }
}

/// Marks stores that are overwritten before anybody can see them; answers whether there are new
/// ones.
fn find_dead_stores(
    trace: &Trace,
    defs: &Defs,
    live: &Live,
    dead: &mut [Vec<bool>],
    passes: Passes,
) -> bool {
    let mut found = false;
    let keep_all = !passes.contains(Passes::DCE);
    // Where there is one store, nothing overwrites it.
    let is_store = |inst: &&Inst| inst.op == Op::Store;
    let has_two = |block: &Block| block.insts.iter().filter(is_store).nth(1).is_some();
    if !trace.blocks.iter().any(has_two) {
        return false;
    }
    let mut used = Used(vec![false; trace.values.len()]);
    for (b, block) in trace.blocks.iter().enumerate().rev() {
        used.at_end(trace, block, live);
        // The words that will be written before anybody reads them.
        let mut overwritten = Words::default();
        for (i, inst) in block.insts.iter().enumerate().rev() {
            let needed = has_effect(inst) || keep_all || inst.dst.is_some_and(|v| used.has(v));
            if !live.insts[b][i] || !needed {
                continue;
            }
            let access = || Access::of(inst, defs);
            match inst.op.sig() {
                Sig::Load => {
                    let access = access();
                    let here = access.address.place.base();
                    overwritten.remove_aliases_but(access, |base| defs.apart.bases(base, here));
                }
                Sig::Store => {
                    let access = access();
                    let covers = |word: &Access, ()| access.is_within(word).then_some(());
                    if overwritten.find_around(access, covers).is_some() {
                        dead[b][i] = true;
                        found = true;
                        continue;
                    }
                    overwritten.insert(access, ());
                }
                Sig::Call | Sig::CallIf => {
                    let call = &trace.calls[inst.call().index()];
                    let kept = Untouched::by(call, defs);
                    let read = |class| call.may_read(inst.op, class);
                    overwritten.remove_classes(read, |_| false, &kept);
                    if runs_anything(inst.op, call) {
                        // A collector looks at all words of an object.
                        let others = |base| !defs.apart.ages.is_new(base);
                        overwritten.remove_classes(|_| true, others, &kept);
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
            for_each_use(trace, inst, |arg| used.add(arg));
        }
    }
    found
}

/// The values that are used by what a walk from the end has met, as far as that is needed.
struct Used(Vec<bool>);

impl Used {
    fn has(&self, v: ValueId) -> bool {
        self.0[v.index()]
    }

    fn add(&mut self, arg: Arg) {
        if let Arg::Value(v) = arg {
            self.0[v.index()] = true;
        }
    }

    /// What the end of a block uses.
    fn at_end(&mut self, trace: &Trace, block: &Block, live: &Live) {
        match &block.end {
            End::Jump(target, args) => {
                for (param, arg) in trace.block(*target).params.iter().zip(args) {
                    // The entry's parameters are the interface.
                    if *target == BlockId(0) || live.values[param.index()] {
                        self.add(*arg);
                    }
                }
            }
            End::Leave(exit) => trace.exit(*exit).uses().for_each(|arg| self.add(arg)),
        }
    }
}

/// A parameter whose arguments are all one value, or itself, is that value; those that begin as the
/// same, and get the same in each jump, are one.
fn merge_params(trace: &mut Trace, fired: &mut Fired) {
    let mut work: BTreeSet<BlockId> = with_params(trace).into_iter().collect();
    if work.is_empty() {
        return;
    }
    let (mut subst, mut found) = (vec![None; trace.values.len()], false);
    while let Some(block) = work.pop_last() {
        if !merge_params_of(block, trace, &mut subst, fired) {
            continue;
        }
        found = true;
        // What is one value behind others may be one before them.
        for other in &trace.blocks {
            if let End::Jump(target, args) = &other.end
                && !trace.block(*target).params.is_empty()
                && *target != BlockId(0)
                && args.iter().any(|arg| resolve(&subst, *arg) != *arg)
            {
                work.insert(*target);
            }
        }
    }
    if found {
        substitute(trace, &subst);
    }
}

/// Does so for one block; answers whether there was any. The arguments of the jumps there are replaced,
/// those of others and all other operands are not.
fn merge_params_of(
    block: BlockId,
    trace: &mut Trace,
    subst: &mut [Option<Arg>],
    fired: &mut Fired,
) -> bool {
    let mut params = std::mem::take(&mut trace.blocks[block.index()].params);
    let mut found = false;
    let mut jumps: Vec<&mut Vec<Arg>> = jumps_to(trace, block).collect();
    loop {
        for args in &mut jumps {
            args.iter_mut().for_each(|arg| *arg = resolve(subst, *arg));
        }
        let classes = equal_params(&params, &jumps);
        let mut keep = vec![];
        for (k, param) in params.iter().enumerate() {
            let first = jumps[0][k];
            let mut again = jumps[1..].iter().map(|args| args[k]);
            let same = match again.all(|arg| arg == Arg::Value(*param) || arg == first) {
                true => first,
                false => params[classes[k]].into(),
            };
            if same == Arg::Value(*param) {
                keep.push(k);
            } else {
                subst[param.index()] = Some(same);
            }
        }
        if keep.len() == params.len() {
            break;
        }
        fired.fire(Rule::MergeParam);
        found = true;
        params = keep.iter().map(|k| params[*k]).collect();
        for args in &mut jumps {
            **args = keep.iter().map(|k| args[*k]).collect();
        }
    }
    trace.blocks[block.index()].params = params;
    found
}

/// By parameter: the first one that is always the same. Those that begin as the same are taken for
/// equal until a jump tells them apart.
fn equal_params(params: &[ValueId], jumps: &[&mut Vec<Arg>]) -> Vec<usize> {
    let (mut classes, mut count) = classes_of(params.len(), |k| jumps[0][k]);
    if count == params.len() {
        return classes;
    }
    let places: Map<ValueId, usize> =
        params.iter().enumerate().map(|(k, param)| (*param, k)).collect();
    loop {
        let mut found = count;
        for args in &jumps[1..] {
            (classes, found) = classes_of(params.len(), |k| {
                let place = args[k].as_value().and_then(|v| places.get(&v));
                (classes[k], place.map(|place| classes[*place]).ok_or(args[k]))
            });
        }
        if found == count {
            return classes;
        }
        count = found;
    }
}

/// By number: the first one with an equal key; and how many keys there are.
fn classes_of<K: Eq + Hash>(numbers: usize, key: impl Fn(usize) -> K) -> (Vec<usize>, usize) {
    if numbers < 2 {
        return ((0..numbers).collect(), numbers);
    }
    let mut seen = Map::with_capacity_and_hasher(numbers, Default::default());
    let classes = (0..numbers).map(|k| *seen.entry(key(k)).or_insert(k)).collect();
    (classes, seen.len())
}

fn resolve(subst: &[Option<Arg>], mut arg: Arg) -> Arg {
    while let Some(next) = arg.as_value().and_then(|v| subst[v.index()]) {
        arg = next;
    }
    arg
}

/// Replaces operands everywhere.
fn substitute(trace: &mut Trace, subst: &[Option<Arg>]) {
    let replace = |arg: &mut Arg| *arg = resolve(subst, *arg);
    for block in &mut trace.blocks {
        for Inst { a, b, .. } in &mut block.insts {
            replace(a);
            replace(b);
        }
        if let End::Jump(_, args) = &mut block.end {
            args.iter_mut().for_each(replace);
        }
    }
    let calls = trace.calls.iter_mut().flat_map(|call| call.operands_mut());
    calls.for_each(replace);
    let exits = trace.exits.iter_mut();
    exits.for_each(|exit| exit.operands_mut().for_each(replace));
}

/// Drops the parameters that nobody needs, with their arguments.
fn drop_dead_params(trace: &mut Trace, live: &Live, fired: &mut Fired) {
    for block in with_params(trace) {
        let params = &mut trace.blocks[block.index()].params;
        let keep: Vec<bool> = params.iter().map(|v| live.values[v.index()]).collect();
        if keep.iter().all(|keep| *keep) {
            continue;
        }
        fired.fire(Rule::DeadParam);
        let mut marks = keep.iter();
        params.retain(|_| *marks.next().expect("one mark per parameter"));
        for args in jumps_to(trace, block) {
            let mut marks = keep.iter();
            args.retain(|_| *marks.next().expect("one argument per parameter"));
        }
    }
}

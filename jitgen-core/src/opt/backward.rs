//! The backward pass: what nobody needs goes.
//!
//! ```text
//! store.i8 v0+0, v1       =>      store.i8 v0+0, v2
//! v3 = add.i8 v1, 1
//! store.i8 v0+0, v2
//! ```
//!
//! Dead code is found by marking: what has an effect is needed, and so are the operands of what is
//! needed; a parameter of a peeled body makes the arguments of both jumps needed, and only then.
//! Dead stores are found walking backward with the words that are about to be overwritten: a guard,
//! the end of the block, calls and loads that may read the word end that knowledge. A dead store
//! may be the last user of a load, and that load the reason why another store was alive: the walk
//! meets uses before definitions, so it passes over a load that nobody needs any more. Only what
//! a parameter hands around the loop is not seen that way, so marking and walks take turns until nothing
//! changes.
//!
//! Invariants: `exits-see` (a guard's exit and whoever runs after it see all stores before the
//! guard), `interface` (the parameters of the entry stay).
//!
//! Not here: moving stores past guards, into exits (`sink`, which is called before).

use super::address::{Defs, Place};
use super::age::Ages;
use super::compact::compact;
use super::node::Node;
use super::passes::Passes;
use super::rules::{Fired, Rule};
use super::sink::{runs_anything, sink};
use super::virtuals::virtuals;
use super::words::{Access, Untouched, Words};
use crate::ir::{Arg, Aux, Block, BlockId, Effect, End, Inst, Op, Sig, Trace, ValueId};
use std::collections::HashMap;

/// Removes dead code and dead stores, and renumbers what is left.
pub(super) fn backward(mut trace: Trace, passes: Passes) -> (Trace, Fired) {
    let mut fired = Fired::default();
    if trace.blocks.len() == 2 {
        merge_params(&mut trace, &mut fired);
    }
    let mut defs = definitions(&trace);
    if passes.contains(Passes::VIRTUALS) {
        // What only an exit stores somewhere need not be made before.
        let makes = |block: &Block| block.insts.iter().any(|inst| inst.op == Op::New);
        if trace.blocks.iter().any(makes) {
            if passes.contains(Passes::SINK) && sink(&mut trace, &defs, &mut fired) {
                merge_params(&mut trace, &mut fired);
            }
            defs = definitions(&trace);
            let (_, dead) = live(&trace, &defs, passes, &mut fired);
            for (block, dead) in trace.blocks.iter_mut().zip(&dead) {
                let mut dead = dead.iter();
                block.insts.retain(|_| !*dead.next().expect("one mark per instruction"));
            }
        }
        if virtuals(&mut trace, &defs, &mut fired) {
            merge_params(&mut trace, &mut fired);
        }
        defs = definitions(&trace);
    }
    if passes.contains(Passes::SINK) && sink(&mut trace, &defs, &mut fired) {
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
    if trace.blocks.len() == 2 {
        drop_dead_params(&mut trace, &live, &mut fired);
    }
    (compact(&trace), fired)
}

/// What is needed, and by block and instruction: is it a dead store?
fn live(trace: &Trace, defs: &Defs, passes: Passes, fired: &mut Fired) -> (Live, Vec<Vec<bool>>) {
    let mut dead: Vec<Vec<bool>> =
        trace.blocks.iter().map(|block| vec![false; block.insts.len()]).collect();
    let mut live = Live::mark(trace, &dead, passes);
    let ages = Ages::of(trace);
    while passes.contains(Passes::DSE)
        && find_dead_stores(trace, (defs, &ages), &live, &mut dead, passes)
    {
        fired.fire(Rule::DeadStore);
        live = Live::mark(trace, &dead, passes);
    }
    (live, dead)
}

/// The pure operations that define values.
fn definitions(trace: &Trace) -> Defs {
    let mut defs = Defs::default();
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
    (defs, ages): (&Defs, &Ages),
    live: &Live,
    dead: &mut [Vec<bool>],
    passes: Passes,
) -> bool {
    let mut found = false;
    let keep_all = !passes.contains(Passes::DCE);
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
                    let base = access.address.place.base;
                    overwritten.remove_aliases_but(access, |place| ages.apart(place.base, base));
                }
                Sig::Store => {
                    let access = access();
                    let mut later = overwritten.around(access);
                    if later.any(|(word, ())| access.is_within(&word)) {
                        dead[b][i] = true;
                        found = true;
                        continue;
                    }
                    drop(later);
                    overwritten.insert(access, ());
                }
                Sig::Call | Sig::CallIf => {
                    let call = &trace.calls[inst.call().index()];
                    let kept = Untouched::by(call, defs);
                    let read = |class| call.may_read(inst.op, class);
                    overwritten.remove_classes(read, |_| false, &kept);
                    if runs_anything(inst.op, call) {
                        // A collector looks at all words of an object.
                        let others = |place: &Place| !ages.is_new(place.base);
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

/// A parameter of the body whose arguments are all one value, or itself, is that value; two with
/// the same arguments are one.
fn merge_params(trace: &mut Trace, fired: &mut Fired) {
    let [entry, body] = &mut trace.blocks[..] else {
        return;
    };
    let (End::Jump(_, first), End::Jump(_, again)) = (&mut entry.end, &mut body.end) else {
        return;
    };
    let mut subst: Vec<Option<Arg>> = vec![None; trace.values.len()];
    loop {
        let mut seen = HashMap::new();
        let mut keep = vec![];
        for (k, param) in body.params.iter().enumerate() {
            again[k] = resolve(&subst, again[k]);
            let param = Arg::Value(*param);
            let same = if again[k] == param || again[k] == first[k] {
                first[k]
            } else {
                *seen.entry((first[k], again[k])).or_insert(param)
            };
            if same == param {
                keep.push(k);
            } else if let Arg::Value(v) = param {
                subst[v.index()] = Some(same);
            }
        }
        if keep.len() == body.params.len() {
            break;
        }
        fired.fire(Rule::MergeParam);
        body.params = keep.iter().map(|k| body.params[*k]).collect();
        *first = keep.iter().map(|k| first[*k]).collect();
        *again = keep.iter().map(|k| again[*k]).collect();
    }
    substitute(trace, &subst);
}

fn resolve(subst: &[Option<Arg>], mut arg: Arg) -> Arg {
    while let Some(next) = arg.as_value().and_then(|v| subst[v.index()]) {
        arg = next;
    }
    arg
}

/// Replaces operands everywhere but in jumps.
fn substitute(trace: &mut Trace, subst: &[Option<Arg>]) {
    let replace = |arg: &mut Arg| *arg = resolve(subst, *arg);
    let blocks = trace.blocks.iter_mut();
    for inst in blocks.flat_map(|block: &mut Block| &mut block.insts) {
        let Inst { a, b, .. } = inst;
        replace(a);
        replace(b);
    }
    let calls = trace.calls.iter_mut().flat_map(|call| call.operands_mut());
    calls.for_each(replace);
    let exits = trace.exits.iter_mut();
    exits.for_each(|exit| exit.operands_mut().for_each(replace));
}

/// Drops the parameters of the body that nobody needs, with their arguments.
fn drop_dead_params(trace: &mut Trace, live: &Live, fired: &mut Fired) {
    let params = trace.blocks[1].params.clone();
    let keep: Vec<bool> = params.iter().map(|v| live.values[v.index()]).collect();
    if keep.iter().any(|keep| !keep) {
        fired.fire(Rule::DeadParam);
    }
    let mut marks = keep.iter();
    trace.blocks[1].params.retain(|_| *marks.next().expect("one mark per parameter"));
    for block in &mut trace.blocks {
        if let End::Jump(BlockId(1), args) = &mut block.end {
            let mut marks = keep.iter();
            args.retain(|_| *marks.next().expect("one argument per parameter"));
        }
    }
}

//! Parameters of blocks: which of them are always another value, and which nobody needs.
//!
//! ```text
//! jump b1(v1, v2, v2)             jump b1(v2)
//! b1(v3, v4, v5):           =>    b1(v4):
//!     …                               …        ;; v3 is v1, v5 is v4
//!     jump b1(v3, v6, v6)             jump b1(v6)
//! ```
//!
//! Those of the entry are the interface: they stay as they are. Blocks behind guards have none.
//!
//! Invariant `behind` (asserted where ages are, `age`): a parameter is used in its own block and in blocks
//! behind that, so blocks before the first one that has lost a parameter are not looked at.
//!
//! Not here: which parameters are needed (`live`).

use super::live::Live;
use super::rules::{Fired, Rule};
use crate::ir::{Arg, Aux, BlockId, End, Inst, Map, Trace, ValueId};
use std::hash::Hash;

/// A parameter whose arguments are all one value, or itself, is that value; those that begin as the
/// same, and get the same in each jump, are one.
pub(super) fn merge_params(trace: &mut Trace, fired: &mut Fired) {
    let params = trace.blocks[1..].iter().flat_map(|block| &block.params);
    let Some(mut merged) = Merged::of(params) else { return };
    // By block: has it to be looked at?
    let mut waits: Vec<bool> = trace.blocks.iter().map(|b| !b.params.is_empty()).collect();
    waits[0] = false;
    let mut first = None;
    loop {
        let mut found = false;
        for (index, waits) in waits.iter_mut().enumerate().rev() {
            let block = BlockId(index as u32);
            if std::mem::take(waits) && merge_params_of(block, trace, &mut merged, fired) {
                found = true;
                first = first.min(Some(block)).or(Some(block));
            }
        }
        if !found {
            break;
        }
        // What is one value behind others may be one before them.
        for block in &trace.blocks {
            if let End::Jump(target, args) = &block.end
                && *target != BlockId(0)
                && args.iter().any(|arg| merged.get(*arg).is_some())
            {
                waits[target.index()] = true;
            }
        }
    }
    if let Some(first) = first {
        substitute(trace, first, &merged);
    }
}

/// What parameters are, those that are other values.
struct Merged {
    /// The least number of a parameter,
    first: u32,
    /// and by number from there on.
    values: Vec<Option<Arg>>,
}

impl Merged {
    /// These parameters are themselves; nothing if there are none.
    fn of<'a>(params: impl Iterator<Item = &'a ValueId> + Clone) -> Option<Merged> {
        let first = params.clone().map(|v| v.0).min()?;
        let last = params.map(|v| v.0).max()?;
        Some(Merged { first, values: vec![None; (last - first + 1) as usize] })
    }

    fn set(&mut self, param: ValueId, value: Arg) {
        self.values[(param.0 - self.first) as usize] = Some(value);
    }

    fn get(&self, arg: Arg) -> Option<Arg> {
        let number = arg.as_value()?.0.wrapping_sub(self.first);
        *self.values.get(number as usize)?
    }

    fn resolve(&self, mut arg: Arg) -> Arg {
        while let Some(next) = self.get(arg) {
            arg = next;
        }
        arg
    }
}

/// The arguments of the jumps to a block; to the body of a peeled loop, that of the preamble first.
fn jumps_to(trace: &mut Trace, block: BlockId) -> impl Iterator<Item = &mut Vec<Arg>> {
    trace.blocks.iter_mut().filter_map(move |from| match &mut from.end {
        End::Jump(target, args) if *target == block => Some(args),
        End::Jump(..) | End::Leave(_) => None,
    })
}

/// Does so for one block; answers whether there was any. The arguments of the jumps there are replaced,
/// those of others and all other operands are not.
fn merge_params_of(
    block: BlockId,
    trace: &mut Trace,
    merged: &mut Merged,
    fired: &mut Fired,
) -> bool {
    let mut params = std::mem::take(&mut trace.blocks[block.index()].params);
    let mut found = false;
    let mut jumps: Vec<&mut Vec<Arg>> = jumps_to(trace, block).collect();
    loop {
        for args in &mut jumps {
            args.iter_mut().for_each(|arg| *arg = merged.resolve(*arg));
        }
        let classes = equal_params(&params, &jumps);
        let mut keep = Vec::with_capacity(params.len());
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
                merged.set(*param, same);
            }
        }
        if keep.len() == params.len() {
            break;
        }
        fired.fire(Rule::MergeParam);
        found = true;
        keep_only(&mut params, &keep);
        jumps.iter_mut().for_each(|args| keep_only(args, &keep));
    }
    trace.blocks[block.index()].params = params;
    found
}

/// Keeps what is at these places, which are in order.
fn keep_only<T: Copy>(list: &mut Vec<T>, places: &[usize]) {
    for (to, from) in places.iter().enumerate() {
        list[to] = list[*from];
    }
    list.truncate(places.len());
}

/// By parameter: the first one that is always the same. Those that begin as the same are taken for
/// equal until a jump tells them apart.
fn equal_params(params: &[ValueId], jumps: &[&mut Vec<Arg>]) -> Vec<usize> {
    let (mut classes, count) = classes_of(params.len(), |k| jumps[0][k]);
    if count == params.len() {
        return classes;
    }
    let mut sizes = vec![0; params.len()];
    classes.iter().for_each(|class| sizes[*class] += 1);
    // What is alone in its class stays so.
    let others: Vec<usize> = (0..params.len()).filter(|k| sizes[classes[*k]] > 1).collect();
    let places: Map<ValueId, usize> =
        params.iter().enumerate().map(|(k, param)| (*param, k)).collect();
    let mut count = count - (params.len() - others.len());
    loop {
        let mut found = count;
        for args in &jumps[1..] {
            let (apart, classes_now) = classes_of(others.len(), |other| {
                let k = others[other];
                let place = args[k].as_value().and_then(|v| places.get(&v));
                (classes[k], place.map(|place| classes[*place]).ok_or(args[k]))
            });
            found = classes_now;
            for (k, first) in others.iter().zip(apart) {
                classes[*k] = others[first];
            }
        }
        if found == count {
            return classes;
        }
        count = found;
    }
}

/// By number: the first one with an equal key; and how many keys there are.
fn classes_of<K: Eq + Hash>(numbers: usize, key: impl Fn(usize) -> K) -> (Vec<usize>, usize) {
    // Few are compared faster than they are hashed.
    if numbers < 12 {
        let equal = |k| (0..k).find(|first| key(*first) == key(k));
        let classes: Vec<usize> = (0..numbers).map(|k| equal(k).unwrap_or(k)).collect();
        let count = classes.iter().enumerate().filter(|(k, class)| k == *class).count();
        return (classes, count);
    }
    let mut seen = Map::with_capacity_and_hasher(numbers, Default::default());
    let classes = (0..numbers).map(|k| *seen.entry(key(k)).or_insert(k)).collect();
    (classes, seen.len())
}

/// Replaces operands from a block on.
fn substitute(trace: &mut Trace, first: BlockId, merged: &Merged) {
    let Trace { blocks, exits, calls, .. } = trace;
    let replace = |arg: &mut Arg| {
        if merged.get(*arg).is_some() {
            *arg = merged.resolve(*arg);
        }
    };
    for block in &mut blocks[first.index()..] {
        // Guards in a row share exits.
        let mut last = None;
        for Inst { a, b, aux, .. } in &mut block.insts {
            replace(a);
            replace(b);
            match aux {
                Aux::Call(call) => calls[call.index()].operands_mut().for_each(replace),
                Aux::Exit(exit) if last.replace(*exit) != Some(*exit) => {
                    exits[exit.index()].operands_mut().for_each(replace);
                }
                Aux::None | Aux::Class(_) | Aux::Exit(_) => (),
            }
        }
        match &mut block.end {
            End::Jump(_, args) => args.iter_mut().for_each(replace),
            End::Leave(exit) => exits[exit.index()].operands_mut().for_each(replace),
        }
    }
}

/// Drops the parameters that nobody needs, with their arguments.
pub(super) fn drop_dead_params(trace: &mut Trace, live: &Live, fired: &mut Fired) {
    for index in 0..trace.blocks.len() {
        let End::Jump(target, args) = &mut trace.blocks[index].end else { continue };
        let (target, mut kept) = (*target, std::mem::take(args));
        if target != BlockId(0) {
            let mut params = trace.block(target).params.iter();
            kept.retain(|_| live.value(*params.next().expect("one parameter per argument")));
        }
        trace.blocks[index].end = End::Jump(target, kept);
    }
    for block in &mut trace.blocks[1..] {
        let before = block.params.len();
        block.params.retain(|v| live.value(*v));
        if block.params.len() < before {
            fired.fire(Rule::DeadParam);
        }
    }
}

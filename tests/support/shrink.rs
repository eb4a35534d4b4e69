//! A failing trace is made small: whatever can go, and leave it failing, goes.
//!
//! Tried in turn until nothing helps: drop an instruction (its result becomes 0), drop operands of
//! exits and their logs, drop alias classes and declared effects, pass a parameter on as it is,
//! replace an operand by 0.
//!
//! Not here: what failing is; that is the caller's predicate, which must reject traces that do
//! something undefined.

use jitgen_core::ir::{Arg, Aux, Const, Effects, End, Trace, Ty, ValueId, verify};

/// The smallest failing trace found from `trace`.
pub fn shrink(trace: &Trace, fails: &mut dyn FnMut(&Trace) -> bool) -> Trace {
    let mut best = trace.clone();
    loop {
        let mut smaller = false;
        for step in
            [drop_insts, drop_exit_operands, drop_declarations, simplify_jump, zero_operands]
        {
            smaller |= step(&mut best, fails);
        }
        if !smaller {
            return tidy(&best);
        }
    }
}

type Fails<'a> = &'a mut dyn FnMut(&Trace) -> bool;

/// Takes `candidate` over if it is another well-formed trace and fails.
fn attempt(best: &mut Trace, candidate: Trace, fails: Fails) -> bool {
    let good = candidate != *best && verify(&candidate).is_empty() && fails(&candidate);
    if good {
        *best = candidate;
    }
    good
}

fn drop_insts(best: &mut Trace, fails: Fails) -> bool {
    let mut smaller = false;
    for block in 0..best.blocks.len() {
        for place in (0..best.blocks[block].insts.len()).rev() {
            let mut candidate = best.clone();
            let inst = candidate.blocks[block].insts.remove(place);
            if let Some(dst) = inst.dst
                && !replace(&mut candidate, dst)
            {
                continue;
            }
            smaller |= attempt(best, candidate, fails);
        }
    }
    smaller
}

/// Puts 0 where `value` was used; of a pointer there must be no use.
fn replace(trace: &mut Trace, value: ValueId) -> bool {
    let ty = trace.values[value.index()];
    let mut uses = 0;
    let mut change = |arg: &mut Arg| {
        if *arg == Arg::Value(value) {
            *arg = Const::new(ty, 0).into();
            uses += 1;
        }
    };
    each_operand(trace, &mut change);
    for block in &mut trace.blocks {
        if let End::Jump(_, args) = &mut block.end {
            args.iter_mut().for_each(&mut change);
        }
    }
    ty != Ty::Ptr || uses == 0
}

/// Every operand but those of jumps, which [`simplify_jump`] sets otherwise.
fn each_operand(trace: &mut Trace, change: &mut dyn FnMut(&mut Arg)) {
    for block in &mut trace.blocks {
        for inst in &mut block.insts {
            change(&mut inst.a);
            change(&mut inst.b);
        }
    }
    for exit in &mut trace.exits {
        exit.operands_mut().for_each(&mut *change);
    }
    for call in &mut trace.calls {
        call.operands_mut().for_each(&mut *change);
    }
}

fn drop_exit_operands(best: &mut Trace, fails: Fails) -> bool {
    let mut smaller = false;
    for exit in 0..best.exits.len() {
        for red in (0..best.exits[exit].reds.len()).rev() {
            let mut candidate = best.clone();
            candidate.exits[exit].reds.remove(red);
            smaller |= attempt(best, candidate, fails);
        }
        for entry in (0..best.exits[exit].log.len()).rev() {
            let mut candidate = best.clone();
            candidate.exits[exit].log.remove(entry);
            smaller |= attempt(best, candidate, fails);
        }
        for store in (0..best.exits[exit].pending.len()).rev() {
            let mut candidate = best.clone();
            candidate.exits[exit].pending.remove(store);
            smaller |= attempt(best, candidate, fails);
        }
    }
    smaller
}

/// Without alias classes and declared effects: less is promised.
fn drop_declarations(best: &mut Trace, fails: Fails) -> bool {
    let mut smaller = false;
    for call in 0..best.calls.len() {
        let mut candidate = best.clone();
        // A function has one declaration.
        let symbol = &best.calls[call].symbol;
        let same = candidate.calls.iter_mut().filter(|call| call.symbol == *symbol);
        same.for_each(|call| call.effects = Effects::default());
        smaller |= attempt(best, candidate, fails);
    }
    for block in 0..best.blocks.len() {
        for place in 0..best.blocks[block].insts.len() {
            let mut candidate = best.clone();
            let inst = &mut candidate.blocks[block].insts[place];
            if matches!(inst.aux, Aux::Class(_)) {
                inst.aux = Aux::None;
                smaller |= attempt(best, candidate, fails);
            }
        }
    }
    smaller
}

fn simplify_jump(best: &mut Trace, fails: Fails) -> bool {
    let mut smaller = false;
    for place in 0..best.blocks[0].params.len() {
        let mut candidate = best.clone();
        let block = &mut candidate.blocks[0];
        if let End::Jump(_, args) = &mut block.end {
            args[place] = block.params[place].into();
            smaller |= attempt(best, candidate, fails);
        }
    }
    smaller
}

fn zero_operands(best: &mut Trace, fails: Fails) -> bool {
    let mut smaller = false;
    let mut count = 0;
    each_operand(&mut best.clone(), &mut |_| count += 1);
    for place in 0..count {
        let mut candidate = best.clone();
        let types = candidate.values.clone();
        let mut index = 0;
        each_operand(&mut candidate, &mut |arg| {
            if index == place
                && let Arg::Value(v) = *arg
                && types[v.index()] != Ty::Ptr
            {
                *arg = Const::new(types[v.index()], 0).into();
            }
            index += 1;
        });
        smaller |= attempt(best, candidate, fails);
    }
    smaller
}

/// Without exits and call sites that nothing names.
fn tidy(trace: &Trace) -> Trace {
    let mut trace = trace.clone();
    let (mut exits, mut calls) = (vec![], vec![]);
    for block in &mut trace.blocks {
        for inst in &mut block.insts {
            match &mut inst.aux {
                Aux::Exit(exit) => exit.0 = keep(&mut exits, exit.0),
                Aux::Call(call) => call.0 = keep(&mut calls, call.0),
                Aux::None | Aux::Class(_) => (),
            }
        }
        if let End::Leave(exit) = &mut block.end {
            exit.0 = keep(&mut exits, exit.0);
        }
    }
    let old = |id: &u32| *id as usize;
    trace.exits = exits.iter().map(|id| trace.exits[old(id)].clone()).collect();
    trace.calls = calls.iter().map(|id| trace.calls[old(id)].clone()).collect();
    trace
}

/// The new number of `id`.
fn keep(kept: &mut Vec<u32>, id: u32) -> u32 {
    let known = kept.iter().position(|other| *other == id);
    let place = known.unwrap_or_else(|| {
        kept.push(id);
        kept.len() - 1
    });
    place as u32
}

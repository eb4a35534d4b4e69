//! Traces joined to a region, as the runtime joins them, with bridges that do nothing.
//!
//! ```text
//! exit0: resume 0 [v0] pending […]        exit0: resume 0 [v0] pending […] -> b2
//!                                   =>    b2(v7): leave exit5
//!                                         exit5: resume 0 [v7]
//! ```
//!
//! Invariant `same-ending`: a run ends as that of the trace by itself does.
//!
//! Not here: which pieces the runtime joins (`jitgen_core::runtime::region`).

use jitgen_core::ir::{Arg, Block, End, Exit, LogEntry, Trace, ValueId};

/// The trace with a bridge behind each exit that goes on.
pub fn joined(trace: &Trace) -> Trace {
    let mut region = trace.clone();
    let goes_out = |exit: &Exit| !exit.is_return() && exit.link.is_none();
    for (index, exit) in trace.exits.iter().enumerate().filter(|(_, exit)| goes_out(exit)) {
        let (entry, _) = region.append(&bridge(trace, exit));
        region.exits[index].link = Some(entry);
    }
    region
}

/// Takes what an exit leaves, and leaves with it.
fn bridge(trace: &Trace, from: &Exit) -> Trace {
    let mut bridge = Trace::new("bridge");
    let types = from.args().map(|arg| trace.ty(arg));
    let params: Vec<ValueId> = types.map(|ty| bridge.add_value(ty)).collect();
    let mut exit = Exit { pending: vec![], ..from.clone() };
    let log = exit.log.iter_mut().filter_map(LogEntry::arg_mut).filter(|arg| is_value(arg));
    for (arg, param) in exit.reds.iter_mut().chain(log).zip(&params) {
        *arg = Arg::Value(*param);
    }
    let exit = bridge.add_exit(exit);
    bridge.blocks.push(Block { params, insts: vec![], end: End::Leave(exit) });
    bridge
}

fn is_value(arg: &Arg) -> bool {
    arg.as_value().is_some()
}

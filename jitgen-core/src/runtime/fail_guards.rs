//! The mode in which every guard is made to fail once, so that every exit is tested.
//!
//! ```text
//! guard v1 else exit0        v8 = load.bool 0x7f00+0
//!                      =>    v9 = and.bool v1, v8
//!                            guard v9 else exit0'
//! ```
//!
//! Every guard gets an exit of its own, and a flag in memory that says whether it has failed. When
//! an exit is taken, the runtime sets the flag.
//!
//! Not here: setting flags (`driver`).

use crate::ir::{Arg, Aux, Const, ExitId, Inst, Op, Trace, Ty};
use std::sync::atomic::AtomicU8;

/// A trace whose guards fail once.
pub(super) struct Failing {
    pub trace: Trace,
    /// By exit of that trace: the exit of the original.
    pub exits: Vec<ExitId>,
    /// By exit of that trace: the flag of its guard. Never freed, since code holds the address.
    pub flags: &'static [AtomicU8],
}

/// Makes every guard fail once.
pub(super) fn transform(original: &Trace) -> Failing {
    let mut trace = original.clone();
    let mut exits: Vec<ExitId> = (0..trace.exits.len() as u32).map(ExitId).collect();
    let count = exits.len() + original.guard_count();
    let flags: Box<[AtomicU8]> = (0..count).map(|_| AtomicU8::new(0)).collect();
    let flags: &'static [AtomicU8] = Box::leak(flags);
    for block in 0..trace.blocks.len() {
        let insts = std::mem::take(&mut trace.blocks[block].insts);
        let mut out = Vec::with_capacity(insts.len() * 2);
        for inst in insts {
            if !inst.op.is_guard() {
                out.push(inst);
                continue;
            }
            let exit = trace.add_exit(trace.exit(inst.exit()).clone());
            exits.push(inst.exit());
            let flag = std::ptr::from_ref(&flags[exit.index()]) as u64;
            let mut push = |trace: &mut Trace, op, a, b| {
                let dst = trace.add_value(Ty::Bool);
                let aux = Aux::None;
                out.push(Inst { op, ty: Ty::Bool, dst: Some(dst), a, b, imm: 0, aux });
                Arg::Value(dst)
            };
            let address = Arg::Const(Const::new(Ty::Ptr, flag));
            let failed = push(&mut trace, Op::Load, address, Arg::NONE);
            let condition = if inst.op == Op::Guard {
                push(&mut trace, Op::And, inst.a, failed)
            } else {
                let pending = push(&mut trace, Op::Not, failed, Arg::NONE);
                push(&mut trace, Op::Or, inst.a, pending)
            };
            out.push(Inst { a: condition, aux: Aux::Exit(exit), ..inst });
        }
        trace.blocks[block].insts = out;
    }
    Failing { trace, exits, flags }
}

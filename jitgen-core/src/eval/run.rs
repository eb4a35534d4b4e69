//! The evaluation loop: blocks, jumps, guards, memory and calls.
//!
//! Not here: arithmetic (`ops`).

use super::owners::Owners;
use super::{EvalError, Fault, Limits, Memory, Observer, Outcome, Undefined, compute};
use crate::ir::{Arg, Aux, BlockId, Const, End, ExitId, Inst, Op, Sig, Trace, Ty};

/// Runs `trace` from block 0 with `args`.
///
/// # Errors
/// If the arguments do not fit, the memory refuses, or the result is undefined.
///
/// # Panics
/// If the trace does not verify.
pub fn evaluate(
    trace: &Trace,
    args: &[Const],
    memory: &mut dyn Memory,
    limits: &Limits,
) -> Result<Outcome, EvalError> {
    evaluate_observed(trace, args, memory, limits, &mut ())
}

/// As [`evaluate`], and tells `observer` about every guard.
///
/// # Errors
/// As [`evaluate`].
///
/// # Panics
/// As [`evaluate`].
pub fn evaluate_observed(
    trace: &Trace,
    args: &[Const],
    memory: &mut dyn Memory,
    limits: &Limits,
    observer: &mut dyn Observer,
) -> Result<Outcome, EvalError> {
    let given: Vec<Ty> = args.iter().map(|c| c.ty).collect();
    let expected = trace.param_types();
    if given != expected {
        return Err(EvalError::Arguments { expected, given });
    }
    let values = trace.values.iter().map(|ty| Const::new(*ty, 0)).collect();
    let mut frame = Frame { trace, values, owners: Owners::default() };
    let mut fuel = limits.fuel;
    let mut next = frame.enter(BlockId(0), args);
    loop {
        let way = match frame.block(next, &mut fuel, memory, observer)? {
            Some(way) => way,
            None => return Ok(Outcome::OutOfFuel),
        };
        let (block, args) = match way {
            Way::Jump(block, args) => (block, args),
            Way::Exit(exit) => {
                frame.write_pending(exit, memory, observer)?;
                let args = frame.exit_args(exit);
                match trace.exit(exit).link {
                    Some(block) => (block, args),
                    None => return Ok(Outcome::Exit { exit, args }),
                }
            }
        };
        if limits.stop_at == Some(block) {
            return Ok(Outcome::Jumped { block, args });
        }
        next = frame.enter(block, &args);
    }
}

/// How a block is left.
enum Way {
    Jump(BlockId, Vec<Const>),
    Exit(ExitId),
}

struct Frame<'a> {
    trace: &'a Trace,
    values: Vec<Const>,
    owners: Owners,
}

impl Frame<'_> {
    fn enter(&mut self, block: BlockId, args: &[Const]) -> BlockId {
        for (param, arg) in self.trace.block(block).params.iter().zip(args) {
            self.values[param.index()] = *arg;
        }
        block
    }

    /// Executes a block; nothing when the fuel has run out.
    fn block(
        &mut self,
        block: BlockId,
        fuel: &mut u64,
        memory: &mut dyn Memory,
        observer: &mut dyn Observer,
    ) -> Result<Option<Way>, EvalError> {
        let block = self.trace.block(block);
        for inst in &block.insts {
            if !burn(fuel) {
                return Ok(None);
            }
            if inst.op.is_guard() {
                let passed = self.get(inst.a).is_true() == (inst.op == Op::Guard);
                let exit = inst.exit();
                observer.guard(exit, &|| self.exit_args(exit), passed);
                if !passed {
                    return Ok(Some(Way::Exit(exit)));
                }
            } else {
                let address = self.inst(inst, memory)?;
                if matches!(inst.op.sig(), Sig::Load | Sig::Store) {
                    observer.access(address, inst.ty, inst.class());
                }
            }
        }
        if !burn(fuel) {
            return Ok(None);
        }
        Ok(Some(match &block.end {
            End::Jump(target, args) => {
                Way::Jump(*target, args.iter().map(|arg| self.get(*arg)).collect())
            }
            End::Leave(exit) => Way::Exit(*exit),
        }))
    }

    /// Executes what is not a guard; answers the address that a load or store has.
    fn inst(&mut self, inst: &Inst, memory: &mut dyn Memory) -> Result<u64, EvalError> {
        let (a, b) = (self.get(inst.a), self.get(inst.b));
        let address = a.bits.wrapping_add_signed(i64::from(inst.imm));
        let size = inst.ty.size();
        let fault = |fault: Fault| EvalError::Fault { fault, inst: self.trace.inst_text(inst) };
        let result = match inst.op {
            Op::Load => Some(Const::new(inst.ty, memory.load(address, size).map_err(fault)?)),
            Op::LoadOwned => {
                let object = memory.load(address, size).map_err(fault)?;
                if !self.owners.owns(address, object) {
                    let inst = self.trace.inst_text(inst);
                    return Err(EvalError::Undefined { cause: Undefined::TwoOwners, inst });
                }
                Some(Const::new(inst.ty, object))
            }
            Op::Store => {
                memory.store(address, size, b.bits).map_err(fault)?;
                self.owners.wrote(address, size);
                None
            }
            Op::CallIf | Op::CallIfPure if !a.is_true() => inst.dst.map(|_| b),
            Op::Call
            | Op::CallRead
            | Op::CallCode
            | Op::CallPure
            | Op::CallIf
            | Op::CallIfPure
            | Op::New
            | Op::NewKept
            | Op::Free => {
                self.owners.called();
                self.call(inst, memory).map_err(fault)?
            }
            Op::ResultOf => {
                let call = &self.trace.calls[inst.call().index()];
                let args: Vec<Const> = call.args.iter().map(|arg| self.get(*arg)).collect();
                if !memory.is_result(&call.symbol, &args, a).map_err(fault)? {
                    let inst = self.trace.inst_text(inst);
                    return Err(EvalError::Undefined { cause: Undefined::WrongResult, inst });
                }
                None
            }
            Op::Scratch => {
                let address = memory.scratch().wrapping_add_signed(i64::from(inst.imm));
                Some(Const::new(Ty::Ptr, address))
            }
            op => Some(compute(op, inst.ty, a, b).map_err(|cause| EvalError::Undefined {
                cause,
                inst: self.trace.inst_text(inst),
            })?),
        };
        if let (Some(dst), Some(result)) = (inst.dst, result) {
            self.values[dst.index()] = result;
        }
        Ok(address)
    }

    fn call(&self, inst: &Inst, memory: &mut dyn Memory) -> Result<Option<Const>, Fault> {
        let Aux::Call(id) = inst.aux else {
            panic!("a call without call site");
        };
        let call = &self.trace.calls[id.index()];
        let args: Vec<Const> = call.args.iter().map(|arg| self.get(*arg)).collect();
        let result = inst.dst.map(|_| inst.ty);
        let bits = match inst.op {
            op if op.makes() => memory.allocate(inst.imm as u32, &call.symbol, &args)?,
            Op::Free => {
                memory.free(&call.symbol, &args)?;
                0
            }
            Op::CallRead => memory.call_read(&call.symbol, &args, result)?,
            Op::CallPure | Op::CallIfPure => memory.call_pure(&call.symbol, &args, result)?,
            Op::CallCode => {
                memory.call_code(&call.symbol, &args)?;
                return Ok(None);
            }
            Op::Call | Op::CallIf => {
                let kept = call.keeps.iter().map(|kept| {
                    let base = self.get(kept.base).bits;
                    let at =
                        |(offset, size)| (base.wrapping_add_signed(i64::from(offset)), Some(size));
                    kept.range.map_or((base, None), at)
                });
                memory.keep(&kept.collect::<Vec<_>>());
                memory.call(&call.symbol, &args, result)?
            }
            op => unreachable!("{} is no call", op.mnemonic()),
        };
        Ok(result.map(|ty| Const::new(ty, bits)))
    }

    fn get(&self, arg: Arg) -> Const {
        match arg {
            Arg::Value(v) => self.values[v.index()],
            Arg::Const(c) => c,
        }
    }

    /// Does the pending stores of an exit that is taken.
    fn write_pending(
        &self,
        exit: ExitId,
        memory: &mut dyn Memory,
        observer: &mut dyn Observer,
    ) -> Result<(), EvalError> {
        for store in &self.trace.exit(exit).pending {
            let base = self.get(store.base).bits;
            let address = base.wrapping_add_signed(i64::from(store.offset));
            let stored = memory.store(address, store.ty.size(), self.get(store.value).bits);
            let inst = || self.trace.pending_text(store);
            stored.map_err(|fault| EvalError::Fault { fault, inst: inst() })?;
            observer.access(address, store.ty, store.class);
        }
        Ok(())
    }

    fn exit_args(&self, exit: ExitId) -> Vec<Const> {
        let exit = self.trace.exit(exit);
        exit.args().map(|arg| self.get(arg)).collect()
    }
}

fn burn(fuel: &mut u64) -> bool {
    let left = *fuel > 0;
    *fuel = fuel.saturating_sub(1);
    left
}

//! What each op becomes: one arm per op.
//!
//! Cranelift's integer ops wrap and its shifts take the amount modulo the width, as ours do. Its
//! `sdiv` and `udiv` trap where ours are undefined: for a divisor of 0 and `MIN / -1`; a trace that
//! does not guard against these ends the process with a signal.
//!
//! Not here: ops without a value (`guard`, `store`) and calls, whose place is always their own.

use super::{Lowering, clif_type};
use crate::ir::{Inst, Op, Ty, ValueId};
use cranelift_codegen::ir::{InstBuilder, MemFlagsData, Type, Value, types};
use cranelift_frontend::FunctionBuilder;

impl<'a> Lowering<'a> {
    /// The value of an op at its place in the trace.
    pub(super) fn arithmetic(&mut self, inst: &Inst, dst: ValueId) -> Value {
        match self.plan.partners[dst.index()] {
            Some(predicate) => self.with_overflow(inst, predicate),
            None => self.result(inst),
        }
    }

    /// The value of an op that defines one.
    pub(super) fn result(&mut self, inst: &Inst) -> Value {
        match inst.op {
            Op::Add => self.binary(inst, |b, x, y| b.ins().iadd(x, y)),
            Op::Sub => self.binary(inst, |b, x, y| b.ins().isub(x, y)),
            Op::Mul => self.binary(inst, |b, x, y| b.ins().imul(x, y)),
            Op::DivS | Op::DivU | Op::RemS | Op::RemU => self.division(inst),
            Op::And => self.binary(inst, |b, x, y| b.ins().band(x, y)),
            Op::Or => self.binary(inst, |b, x, y| b.ins().bor(x, y)),
            Op::Xor => self.binary(inst, |b, x, y| b.ins().bxor(x, y)),
            Op::Shl => self.binary(inst, |b, x, y| b.ins().ishl(x, y)),
            Op::ShrS => self.binary(inst, |b, x, y| b.ins().sshr(x, y)),
            Op::ShrU => self.binary(inst, |b, x, y| b.ins().ushr(x, y)),
            Op::Neg => self.unary(inst, |b, x| b.ins().ineg(x)),
            // A truth value is 0 or 1: only its lowest bit is flipped.
            Op::Not if inst.ty == Ty::Bool => self.unary(inst, |b, x| {
                let one = b.ins().iconst(types::I8, 1);
                b.ins().bxor(x, one)
            }),
            Op::Not => self.unary(inst, |b, x| b.ins().bnot(x)),
            Op::AddOvfS
            | Op::AddOvfU
            | Op::SubOvfS
            | Op::SubOvfU
            | Op::MulOvfS
            | Op::MulOvfU
            | Op::Eq
            | Op::Ne
            | Op::LtS
            | Op::LeS
            | Op::LtU
            | Op::LeU
            | Op::FEq
            | Op::FNe
            | Op::FLt
            | Op::FLe => {
                let condition = self.condition(inst, None);
                self.condition_value(condition)
            }
            Op::FAdd => self.binary(inst, |b, x, y| b.ins().fadd(x, y)),
            Op::FSub => self.binary(inst, |b, x, y| b.ins().fsub(x, y)),
            Op::FMul => self.binary(inst, |b, x, y| b.ins().fmul(x, y)),
            Op::FDiv => self.binary(inst, |b, x, y| b.ins().fdiv(x, y)),
            Op::FNeg => self.unary(inst, |b, x| b.ins().fneg(x)),
            Op::Trunc => self.cast(inst, |b, ty, x| b.ins().ireduce(ty, x)),
            Op::Zext => self.cast(inst, |b, ty, x| b.ins().uextend(ty, x)),
            Op::Sext => self.cast(inst, |b, ty, x| b.ins().sextend(ty, x)),
            Op::FromS => self.signed_to_float(inst),
            Op::FromU => self.unsigned_to_float(inst),
            Op::ToS => self.float_to_signed(inst),
            Op::ToU => self.float_to_unsigned(inst),
            Op::FCvt if inst.ty == Ty::F64 => self.cast(inst, |b, ty, x| b.ins().fpromote(ty, x)),
            Op::FCvt => self.cast(inst, |b, ty, x| b.ins().fdemote(ty, x)),
            Op::Bitcast => self.cast(inst, |b, ty, x| b.ins().bitcast(ty, MemFlagsData::new(), x)),
            Op::Copy => self.value(inst.a),
            Op::PtrAdd => self.binary(inst, |b, x, y| b.ins().iadd(x, y)),
            Op::Scratch => self.scratch(inst),
            Op::Load | Op::LoadOwned => self.load(inst),
            Op::Store
            | Op::Call
            | Op::CallRead
            | Op::CallCode
            | Op::CallPure
            | Op::New
            | Op::NewKept
            | Op::Free
            | Op::CallIf
            | Op::CallIfPure
            | Op::ResultOf
            | Op::Guard
            | Op::GuardNot => {
                unreachable!("{} is lowered at its place", inst.op.mnemonic())
            }
        }
    }

    fn binary(
        &mut self,
        inst: &Inst,
        emit: impl FnOnce(&mut FunctionBuilder<'a>, Value, Value) -> Value,
    ) -> Value {
        let (a, b) = (self.value(inst.a), self.value(inst.b));
        emit(&mut self.builder, a, b)
    }

    fn unary(
        &mut self,
        inst: &Inst,
        emit: impl FnOnce(&mut FunctionBuilder<'a>, Value) -> Value,
    ) -> Value {
        let a = self.value(inst.a);
        emit(&mut self.builder, a)
    }

    /// A cast; between types with one representation (`bool` and `i8`, `ptr` and `i64`) nothing.
    fn cast(
        &mut self,
        inst: &Inst,
        emit: impl FnOnce(&mut FunctionBuilder<'a>, Type, Value) -> Value,
    ) -> Value {
        let (a, ty) = (self.value(inst.a), clif_type(inst.ty));
        if clif_type(self.trace.ty(inst.a)) == ty {
            return a;
        }
        emit(&mut self.builder, ty, a)
    }
}

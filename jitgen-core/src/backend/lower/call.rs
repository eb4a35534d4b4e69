//! Calls of `extern "C"` functions, and of code.
//!
//! The callee's address is a constant; its signature is what the operands' types say. Integers
//! narrower than 32 bits and truth values are passed zero-extended, because Rust's callee relies on
//! the caller for that; of a narrow result only the low bits count.
//!
//! ```text
//! v2 = call_if.i64 v0, v1 @f()        brif v0, called, next(v1)
//!                                  called: (cold)  v3 = call f(); jump next(v3)
//!                                  next(v2):
//! ```
//!
//! A conditional call is in a cold block, which is the first target of the branch, as exits are.

use super::{Lowering, clif_type, memory_flags, piece_signature};
use crate::backend::exit_cell::RETURNED;
use crate::backend::{CallCell, Frame, Stacks};
use crate::ir::{Inst, Ty};
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{AbiParam, BlockArg, InstBuilder, Signature, Value, types};
use cranelift_codegen::isa::CallConv;

impl Lowering<'_> {
    /// Emits the call; its result, if it has one.
    pub(super) fn call(&mut self, inst: &Inst) -> Option<Value> {
        let site = inst.call();
        let call = &self.trace.calls[site.index()];
        let mut signature = Signature::new(self.convention);
        let param = |ty: Ty| match ty {
            Ty::Bool | Ty::I8 | Ty::I16 => AbiParam::new(clif_type(ty)).uext(),
            Ty::I32 | Ty::I64 | Ty::F32 | Ty::F64 | Ty::Ptr => AbiParam::new(clif_type(ty)),
        };
        let types = call.args.iter().map(|arg| self.trace.ty(*arg));
        signature.params = types.map(param).collect();
        if call.has_result {
            signature.returns = vec![AbiParam::new(clif_type(inst.ty))];
        }
        let signature = self.builder.import_signature(signature);
        let args: Vec<Value> = call.args.iter().map(|arg| self.value(*arg)).collect();
        let address = self.addresses[site.index()] as i64;
        let callee = self.builder.ins().iconst(types::I64, address);
        let call = self.builder.ins().call_indirect(signature, callee, &args);
        self.builder.inst_results(call).first().copied()
    }

    /// Emits the call of a portal: of its code, or of the function that does the same. See
    /// `call_cell` for what becomes of it.
    pub(super) fn call_code(&mut self, inst: &Inst) {
        let site = inst.call();
        let call = &self.trace.calls[site.index()];
        let [cell, constant, place, args @ ..] = call.args.as_slice() else {
            unreachable!("verified: the call names its cell, its constants and its place")
        };
        let (cell, constant, place) =
            (self.value(*cell), self.value(*constant), self.value(*place));
        for (slot, arg) in args.iter().enumerate() {
            let value = self.value(*arg);
            let offset = Frame::SLOTS_OFFSET as i32 + Frame::slot_offset(slot);
            self.builder.ins().store(memory_flags(), value, place, offset);
        }
        let stacks = self.builder.ins().iconst(types::I64, self.stacks as i64);
        self.set_current(stacks, place);

        let [enter, slow, done] = [(); 3].map(|()| self.builder.create_block());
        self.builder.set_cold_block(slow);
        let left = self.builder.append_block_param(slow, types::I64);
        let flags = memory_flags();
        let ins = |lowering: &mut Self, offset| {
            lowering.builder.ins().load(types::I64, flags, stacks, offset)
        };
        let (native, frames) = (ins(self, Stacks::NATIVE_OFFSET), ins(self, Stacks::FRAMES_OFFSET));
        let pointer = self.builder.ins().get_stack_pointer(types::I64);
        let low = self.builder.ins().icmp(IntCC::UnsignedLessThan, pointer, native);
        let far = self.builder.ins().icmp(IntCC::UnsignedGreaterThanOrEqual, place, frames);
        let stops = self.builder.ins().bor(low, far);
        let null = self.builder.ins().iconst(types::I64, 0);
        self.builder.ins().brif(stops, slow, &[BlockArg::Value(null)], enter, &[]);

        self.builder.switch_to_block(enter);
        let entry = self.builder.ins().load(types::I64, flags, cell, CallCell::ENTRY_OFFSET);
        let frame = self.builder.ins().iadd_imm_s(place, Frame::SLOTS_OFFSET as i64);
        let null = self.builder.ins().iconst(types::I64, 0);
        let signature = self.builder.import_signature(piece_signature(CallConv::Tail));
        let code = self.builder.ins().call_indirect(signature, entry, &[frame, null]);
        let returned = self.builder.inst_results(code)[0];
        let bit = self.builder.ins().band_imm_u(returned, RETURNED as i64);
        let other = self.builder.ins().icmp_imm_u(IntCC::Equal, bit, 0);
        self.builder.ins().brif(other, slow, &[BlockArg::Value(returned)], done, &[]);

        self.builder.switch_to_block(slow);
        let mut signature = Signature::new(self.convention);
        signature.params = vec![AbiParam::new(types::I64); 3];
        let signature = self.builder.import_signature(signature);
        let address = self.addresses[site.index()] as i64;
        let callee = self.builder.ins().iconst(types::I64, address);
        self.builder.ins().call_indirect(signature, callee, &[constant, place, left]);
        self.builder.ins().jump(done, &[]);

        self.builder.switch_to_block(done);
        let own = self.builder.ins().iadd_imm_s(self.frame, Frame::SCRATCH_OFFSET);
        let stacks = self.builder.ins().iconst(types::I64, self.stacks as i64);
        self.set_current(stacks, own);
    }

    fn set_current(&mut self, stacks: Value, frame: Value) {
        let offset = Stacks::CURRENT_OFFSET;
        self.builder.ins().store(memory_flags(), frame, stacks, offset);
    }

    /// Emits the call if its condition holds; its result, if it has one.
    pub(super) fn call_if(&mut self, inst: &Inst) -> Option<Value> {
        if let Some(condition) = inst.a.as_const() {
            return match condition.is_true() {
                true => self.call(inst),
                false => inst.dst.map(|_| self.value(inst.b)),
            };
        }
        let condition = self.tested(inst.a);
        let flag = self.condition_value(condition);
        // What is computed here must not be computed in the cold block only.
        let call = &self.trace.calls[inst.call().index()];
        for arg in call.args.iter().filter(|arg| arg.as_value().is_some()) {
            self.value(*arg);
        }
        let otherwise: Vec<BlockArg> = inst.dst.iter().map(|_| self.value(inst.b).into()).collect();
        let (called, next) = (self.builder.create_block(), self.builder.create_block());
        let result = inst.dst.map(|_| self.builder.append_block_param(next, clif_type(inst.ty)));
        self.builder.set_cold_block(called);
        self.builder.ins().brif(flag, called, &[], next, &otherwise);
        self.builder.switch_to_block(called);
        let given: Vec<BlockArg> = self.call(inst).into_iter().map(BlockArg::from).collect();
        self.builder.ins().jump(next, &given);
        self.builder.switch_to_block(next);
        result
    }
}

//! Calls of `extern "C"` functions.
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

use super::{Lowering, clif_type};
use crate::ir::{Inst, Ty};
use cranelift_codegen::ir::{AbiParam, BlockArg, InstBuilder, Signature, Value, types};

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

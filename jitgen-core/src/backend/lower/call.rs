//! Calls of `extern "C"` functions.
//!
//! The callee's address is a constant; its signature is what the operands' types say. Integers
//! narrower than 32 bits and truth values are passed zero-extended, because Rust's callee relies on
//! the caller for that; of a narrow result only the low bits count.

use super::{Lowering, clif_type};
use crate::ir::{Inst, Ty};
use cranelift_codegen::ir::{AbiParam, InstBuilder, Signature, Value, types};

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
}

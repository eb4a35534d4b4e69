//! Loads, stores and the scratch area.
//!
//! An address is base plus constant offset, which Cranelift folds into the instruction, together
//! with a `ptr_add` that computes the base.

use super::{Lowering, clif_type, memory_flags};
use crate::backend::Frame;
use crate::ir::Inst;
use cranelift_codegen::ir::{InstBuilder, Value};

impl Lowering<'_> {
    pub(super) fn load(&mut self, inst: &Inst) -> Value {
        let base = self.value(inst.a);
        let (ty, flags) = (clif_type(inst.ty), memory_flags());
        self.builder.ins().load(ty, flags, base, inst.imm)
    }

    pub(super) fn store(&mut self, inst: &Inst) {
        let (base, value) = (self.value(inst.a), self.value(inst.b));
        let ins = self.builder.ins();
        ins.store(memory_flags(), value, base, inst.imm);
    }

    /// The address of a byte of the frame's scratch area.
    pub(super) fn scratch(&mut self, inst: &Inst) -> Value {
        let offset = Frame::SCRATCH_OFFSET + i64::from(inst.imm);
        self.builder.ins().iadd_imm_s(self.frame, offset)
    }
}

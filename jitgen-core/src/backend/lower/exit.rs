//! Exits: storing what an exit leaves, and the common way out.
//!
//! ```text
//! exit0: resume 0 [v0, v1]         store v0, frame+0; store v1, frame+8; jump common(&cells[0])
//! exit1: resume 1 [v0] -> b2       jump b2(v0)
//! exit2: resume 2 [v0] pending [i64 v0+8 = v1]
//!                                  store v1, v0+8; store v0, frame+0; jump common(&cells[2])
//!
//! common(cell):                    budget -= 1
//!                                  if budget == 0 { return cell }
//!                                  tail-call *cell.target(frame, cell)
//! ```
//!
//! An exit is one block however many guards share it. Before it leaves it does its pending stores
//! and computes the ops that were moved into it. An exit that leaves is cold; one that is linked is
//! a branch of a hot loop.

use super::{Lowering, memory_flags, piece_signature};
use crate::backend::{ExitCell, Frame};
use crate::ir::{BlockId, ExitId};
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{Block, BlockArg, InstBuilder, types};
use cranelift_codegen::isa::CallConv;

impl Lowering<'_> {
    /// The block that leaves by an exit.
    pub(super) fn exit_block(&mut self, exit: ExitId) -> Block {
        if let Some(block) = self.exits[exit.index()] {
            return block;
        }
        let block = self.builder.create_block();
        if self.trace.exit(exit).link.is_none() {
            self.builder.set_cold_block(block);
        }
        self.exits[exit.index()] = Some(block);
        block
    }

    /// Fills the blocks of all exits that something branches to.
    pub(super) fn lower_exits(&mut self) {
        for index in 0..self.exits.len() {
            if let Some(block) = self.exits[index] {
                self.builder.switch_to_block(block);
                let exit = ExitId(index as u32);
                self.write_pending(exit);
                match self.trace.exit(exit).link {
                    Some(target) => self.lower_link(exit, target),
                    None => self.lower_leave(exit),
                }
                for moved in std::mem::take(&mut self.sunk) {
                    self.values[moved.index()] = None;
                }
            }
        }
        if let Some(common) = self.common {
            self.lower_common(common);
        }
    }

    fn write_pending(&mut self, exit: ExitId) {
        let trace = self.trace;
        for store in &trace.exit(exit).pending {
            let (base, value) = (self.value(store.base), self.value(store.value));
            self.builder.ins().store(memory_flags(), value, base, store.offset);
        }
    }

    fn lower_link(&mut self, exit: ExitId, target: BlockId) {
        let args = self.trace.exit(exit).args();
        let args: Vec<BlockArg> = args.map(|arg| self.value(arg).into()).collect();
        let target = self.block(target);
        self.builder.ins().jump(target, &args);
    }

    fn lower_leave(&mut self, exit: ExitId) {
        for (slot, arg) in self.trace.exit(exit).args().enumerate() {
            let value = self.value(arg);
            let (flags, offset) = (memory_flags(), Frame::slot_offset(slot));
            self.builder.ins().store(flags, value, self.frame, offset);
        }
        let address = self.cells + exit.index() * size_of::<ExitCell>();
        let cell = self.builder.ins().iconst(types::I64, address as i64);
        let common = self.common_block();
        self.builder.ins().jump(common, &[BlockArg::Value(cell)]);
    }

    fn common_block(&mut self) -> Block {
        *self.common.get_or_insert_with(|| {
            let block = self.builder.create_block();
            self.builder.set_cold_block(block);
            self.builder.append_block_param(block, types::I64);
            block
        })
    }

    fn lower_common(&mut self, common: Block) {
        self.builder.switch_to_block(common);
        let cell = self.builder.block_params(common)[0];
        let flags = memory_flags();
        let spent = self.builder.create_block();
        let go_on = self.builder.create_block();
        self.builder.set_cold_block(spent);
        self.builder.set_cold_block(go_on);

        let budget = self.builder.ins().load(types::I64, flags, cell, ExitCell::BUDGET_OFFSET);
        let budget = self.builder.ins().iadd_imm_s(budget, -1);
        self.builder.ins().store(flags, budget, cell, ExitCell::BUDGET_OFFSET);
        let zero = self.builder.ins().iconst(types::I64, 0);
        let is_spent = self.builder.ins().icmp(IntCC::Equal, budget, zero);
        self.builder.ins().brif(is_spent, spent, &[], go_on, &[]);

        self.builder.switch_to_block(spent);
        self.builder.ins().return_(&[cell]);

        self.builder.switch_to_block(go_on);
        let target = self.builder.ins().load(types::I64, flags, cell, ExitCell::TARGET_OFFSET);
        let signature = self.builder.import_signature(piece_signature(CallConv::Tail));
        self.builder.ins().return_call_indirect(signature, target, &[self.frame, cell]);
    }
}

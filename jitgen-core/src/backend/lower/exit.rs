//! Exits: storing what an exit leaves, and the common way out.
//!
//! ```text
//! exit0: resume 0 [v0, v1]         store v0, slots+0; store v1, slots+8; jump common(&cells[0])
//! exit1: resume 1 [v0] -> b2       jump b2(v0)
//! exit2: resume 1 [] log [result 16, part +8 v0]
//!                                  store 0, scratch+0; store v0, scratch+8; return &cells[2] | 1
//! exit3: resume 2 [v0] pending [i64 v0+8 = v1]
//!                                  store v1, v0+8; store v0, slots+0; jump common(&cells[3])
//!
//! common(cell):                    budget -= 1
//!                                  if budget == 0 { return cell }
//!                                  tail-call *cell.target(slots, cell)
//! ```
//!
//! An exit is one block however many guards share it. Before it leaves it does its pending stores
//! and computes the ops that were moved into it. An exit that leaves is cold; one that is linked, or
//! by which the portal returns, is a branch of hot code.

use super::{Lowering, memory_flags, piece_signature};
use crate::backend::exit_cell::RETURNED;
use crate::backend::{ExitCell, Frame};
use crate::ir::{BlockId, ExitId, LogEntry};
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{Block, BlockArg, InstBuilder, Value, types};
use cranelift_codegen::isa::CallConv;

impl Lowering<'_> {
    /// The block that leaves by an exit.
    pub(super) fn exit_block(&mut self, exit: ExitId) -> Block {
        if let Some(block) = self.exits[exit.index()] {
            return block;
        }
        let block = self.builder.create_block();
        if self.trace.exit(exit).link.is_none() && !self.trace.exit(exit).is_return() {
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
                    None if self.trace.exit(exit).is_return() => self.lower_return(exit),
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
        let address = self.cell(exit);
        let cell = self.builder.ins().iconst(types::I64, address as i64);
        let common = self.common_block();
        self.builder.ins().jump(common, &[BlockArg::Value(cell)]);
    }

    /// The address of an exit's cell.
    fn cell(&self, exit: ExitId) -> usize {
        self.cells + exit.index() * size_of::<ExitCell>()
    }

    /// Stores the bytes of the portal's result where the scratch area begins: nothing in it is used
    /// any more.
    fn lower_return(&mut self, exit: ExitId) {
        let log = &self.trace.exit(exit).log;
        let parts = log.iter().filter_map(|entry| match *entry {
            LogEntry::Part { offset, arg, .. } => Some((offset, arg)),
            _ => None,
        });
        let whole = |at: u32| {
            parts.clone().any(|(offset, arg)| offset == at && self.trace.ty(arg).size() == 8)
        };
        let size = log.iter().map(LogEntry::result_size).max().unwrap_or(0);
        let empty: Vec<u32> = (0..size).step_by(8).filter(|at| !whole(*at)).collect();
        for at in empty {
            let zero = self.builder.ins().iconst(types::I64, 0);
            self.store_scratch(zero, at);
        }
        for (offset, arg) in parts.clone() {
            let value = self.value(arg);
            self.store_scratch(value, offset);
        }
        let returned = self.cell(exit) | RETURNED;
        let returned = self.builder.ins().iconst(types::I64, returned as i64);
        self.builder.ins().return_(&[returned]);
    }

    fn store_scratch(&mut self, value: Value, at: u32) {
        let offset = Frame::SCRATCH_OFFSET as i32 + at as i32;
        self.builder.ins().store(memory_flags(), value, self.frame, offset);
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

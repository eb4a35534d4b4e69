//! Allocations on the hot path: the next free cell, or a call where there is none.
//!
//! ```text
//! v1 = new.ptr @object(.., cell 32, header, cursor, limit)
//!
//!     cell = load cursor;  brif (cell == load limit), more, taken        more: (cold)
//! taken:                                                                     v1 = call object(..)
//!     store cell + 32, cursor;  store header, cell;  jump next(cell + 8)     jump next(v1)
//! next(v1):
//! ```
//!
//! In exits, which are cold, it is a call.
//!
//! Not here: when an object has to be made (`opt`, `plan`).

use super::{Lowering, memory_flags};
use crate::ir::{Cells, Inst};
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{BlockArg, InstBuilder, Value, types};

impl Lowering<'_> {
    /// Emits the allocation: the address of what has been made.
    pub(super) fn allocation(&mut self, inst: &Inst) -> Option<Value> {
        match self.trace.calls[inst.call().index()].cells() {
            Some(cells) => Some(self.cell_of(cells, inst)),
            None => self.call(inst),
        }
    }

    fn cell_of(&mut self, cells: Cells, inst: &Inst) -> Value {
        let flags = memory_flags();
        let [more, taken, next] = [(); 3].map(|()| self.builder.create_block());
        self.builder.set_cold_block(more);
        let result = self.builder.append_block_param(next, types::I64);
        let address =
            |lowering: &mut Self, bits: u64| lowering.builder.ins().iconst(types::I64, bits as i64);

        let cursor = address(self, cells.cursor);
        let cell = self.builder.ins().load(types::I64, flags, cursor, 0);
        let limit = address(self, cells.limit);
        let limit = self.builder.ins().load(types::I64, flags, limit, 0);
        let full = self.builder.ins().icmp(IntCC::Equal, cell, limit);
        self.builder.ins().brif(full, more, &[], taken, &[]);

        self.builder.switch_to_block(more);
        let given = self.call(inst).expect("a new has a result");
        self.builder.ins().jump(next, &[BlockArg::Value(given)]);

        self.builder.switch_to_block(taken);
        let behind = self.builder.ins().iadd_imm_s(cell, cells.size as i64);
        let cursor = address(self, cells.cursor);
        self.builder.ins().store(flags, behind, cursor, 0);
        let header = address(self, cells.header);
        self.builder.ins().store(flags, header, cell, 0);
        let given = self.builder.ins().iadd_imm_s(cell, Cells::HEADER as i64);
        self.builder.ins().jump(next, &[BlockArg::Value(given)]);

        self.builder.switch_to_block(next);
        result
    }
}

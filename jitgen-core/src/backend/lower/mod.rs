//! Lowering: a trace to a function of Cranelift's IR.
//!
//! ```text
//! trace                                CLIF
//! b0(v0: i64):                         entry(slots, cell): v0 = load slots+0; jump block1(v0)
//!     v1 = lt_s.i64 v0, 100            block1(v0):
//!     guard v1 else exit0                  brif (icmp sge v0, 100), exit0, block2
//!     v2 = add.i64 v0, 1               block2:
//!     jump b0(v2)                          jump block1(iadd v0, 1)
//! exit0: resume 0 [v0]                 exit0: (cold)
//!                                          store v0, slots+0; jump common(&cells[0])
//!                                      common(cell): count down, jump to the cell's target
//! ```
//!
//! Invariants: `failing-side-first` (a guard's exit is the first target of its branch: Cranelift
//! then places exits behind the loop, and its register allocator counts their uses as rare; the
//! other way round costs up to 6 times), `constants-at-use` (Cranelift would keep a constant that
//! is shared in a register).
//!
//! Not here: which op is computed where (`plan`), calling Cranelift (`compiler`).

mod allocate;
mod call;
mod cast;
mod condition;
mod division;
mod exit;
mod memory;
mod op;

use super::Frame;
use super::plan::{Place, Plan};
use super::stubs::piece_signature;
use crate::ir::{Arg, BlockId, Const, End, Inst, Op, Sig, Trace, Ty, ValueId};
use condition::Condition;
use cranelift_codegen::ir::immediates::{Ieee32, Ieee64};
use cranelift_codegen::ir::{
    Block, BlockArg, Function, InstBuilder, MemFlagsData, Type, UserFuncName, Value, types,
};
use cranelift_codegen::isa::{CallConv, TargetIsa};
use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext};

/// Lowers `trace` into `function`. `addresses` are those of the functions called, by call site;
/// `cells` is the address of the exit cells, `stacks` that of what is asked before code is called.
#[allow(clippy::too_many_arguments, reason = "each is a thing of its own")]
pub(super) fn lower(
    trace: &Trace,
    plan: &Plan,
    addresses: &[usize],
    cells: usize,
    stacks: usize,
    isa: &dyn TargetIsa,
    function: &mut Function,
    context: &mut FunctionBuilderContext,
) {
    function.name = UserFuncName::default();
    function.signature = piece_signature(CallConv::Tail);
    let mut builder = FunctionBuilder::new(function, context);
    let entry = builder.create_block();
    builder.append_block_params_for_function_params(entry);
    builder.switch_to_block(entry);
    let frame = builder.block_params(entry)[0];
    let mut lowering = Lowering {
        trace,
        plan,
        addresses,
        cells,
        stacks,
        convention: isa.default_call_conv(),
        builder,
        frame,
        common: None,
        blocks: vec![None; trace.blocks.len()],
        exits: vec![None; trace.exits.len()],
        values: vec![None; trace.values.len()],
        conditions: vec![None; trace.values.len()],
        sunk: vec![],
    };
    lowering.function();
    lowering.builder.seal_all_blocks();
    lowering.builder.finalize(isa.frontend_config());
}

struct Lowering<'a> {
    trace: &'a Trace,
    plan: &'a Plan,
    addresses: &'a [usize],
    cells: usize,
    stacks: usize,
    convention: CallConv,
    builder: FunctionBuilder<'a>,
    /// The address of the frame's slots.
    frame: Value,
    /// The block through which exits leave, once there is one.
    common: Option<Block>,
    /// By block of the trace.
    blocks: Vec<Option<Block>>,
    /// By exit: the block that leaves, once something branches to it.
    exits: Vec<Option<Block>>,
    /// By value of the trace, once it is computed.
    values: Vec<Option<Value>>,
    /// By value of the trace: the comparison that gives it.
    conditions: Vec<Option<Condition>>,
    /// The values computed for the exit that is being lowered.
    sunk: Vec<ValueId>,
}

impl Lowering<'_> {
    fn function(&mut self) {
        for block in &self.plan.order {
            self.declare(*block);
        }
        let params = &self.trace.blocks[0].params;
        let args: Vec<BlockArg> = params
            .iter()
            .enumerate()
            .map(|(slot, param)| {
                let ty = clif_type(self.trace.values[param.index()]);
                let offset = Frame::slot_offset(slot);
                let load = self.builder.ins().load(ty, memory_flags(), self.frame, offset);
                BlockArg::Value(load)
            })
            .collect();
        let start = self.block(BlockId(0));
        self.builder.ins().jump(start, &args);
        for block in &self.plan.order {
            self.lower_block(*block);
        }
        self.lower_exits();
    }

    fn declare(&mut self, id: BlockId) {
        let block = self.builder.create_block();
        self.blocks[id.index()] = Some(block);
        for param in &self.trace.block(id).params {
            let ty = clif_type(self.trace.values[param.index()]);
            self.values[param.index()] = Some(self.builder.append_block_param(block, ty));
        }
    }

    fn block(&self, id: BlockId) -> Block {
        self.blocks[id.index()].expect("only reached blocks are jumped to")
    }

    fn lower_block(&mut self, id: BlockId) {
        let trace = self.trace;
        self.builder.switch_to_block(self.block(id));
        for inst in &trace.block(id).insts {
            self.inst(inst);
        }
        match &trace.block(id).end {
            End::Jump(target, args) => {
                let args: Vec<BlockArg> = args.iter().map(|arg| self.value(*arg).into()).collect();
                let target = self.block(*target);
                self.builder.ins().jump(target, &args);
            }
            End::Leave(exit) => {
                let block = self.exit_block(*exit);
                self.builder.ins().jump(block, &[]);
            }
        }
    }

    /// Lowers an instruction at its place.
    fn inst(&mut self, inst: &Inst) {
        match (inst.op, inst.dst) {
            (Op::Guard | Op::GuardNot, _) => self.guard(inst),
            (Op::Store, _) => self.store(inst),
            (Op::CallCode, _) => self.call_code(inst),
            (Op::New | Op::NewKept, Some(dst)) => {
                if self.plan.place_of(dst) == Place::Here {
                    self.values[dst.index()] = self.allocation(inst);
                }
            }
            (
                Op::Call
                | Op::CallRead
                | Op::CallPure
                | Op::CallIf
                | Op::CallIfPure
                | Op::New
                | Op::NewKept
                | Op::Free,
                dst,
            ) => {
                if dst.is_none_or(|dst| self.plan.place_of(dst) == Place::Here) {
                    let conditional = inst.op.sig() == Sig::CallIf;
                    let result = if conditional { self.call_if(inst) } else { self.call(inst) };
                    if let Some(dst) = dst {
                        self.values[dst.index()] = result;
                    }
                }
            }
            (Op::ResultOf, _) => (),
            (op, Some(dst)) if op.sig() == Sig::Compare => self.comparison(inst, dst),
            (_, Some(dst)) if self.values[dst.index()].is_none() => {
                if self.plan.place_of(dst) == Place::Here {
                    self.values[dst.index()] = Some(self.arithmetic(inst, dst));
                }
            }
            // Computed together with its overflow predicate, or never asked for.
            (_, _) => (),
        }
    }

    /// The value of an operand, here.
    fn value(&mut self, arg: Arg) -> Value {
        let v = match arg {
            Arg::Const(constant) => return self.constant(constant),
            Arg::Value(v) => v,
        };
        if let Some(value) = self.values[v.index()] {
            return value;
        }
        let (block, index) = self.plan.definitions[v.index()].expect("parameters have values");
        debug_assert_eq!(self.plan.place_of(v), Place::Exits);
        let inst = &self.trace.block(block).insts[index];
        let value = match inst.op {
            Op::New => self.call(inst).expect("a new has a result"),
            _ => self.result(inst),
        };
        self.values[v.index()] = Some(value);
        self.sunk.push(v);
        value
    }

    fn constant(&mut self, constant: Const) -> Value {
        let bits = constant.bits;
        match constant.ty {
            Ty::F32 => self.builder.ins().f32const(Ieee32::with_bits(bits as u32)),
            Ty::F64 => self.builder.ins().f64const(Ieee64::with_bits(bits)),
            Ty::Bool | Ty::I8 | Ty::I16 | Ty::I32 | Ty::I64 | Ty::Ptr => {
                self.builder.ins().iconst(clif_type(constant.ty), bits as i64)
            }
        }
    }
}

/// How a type is represented: a truth value as an 8-bit 0 or 1, an address as an integer.
fn clif_type(ty: Ty) -> Type {
    match ty {
        Ty::Bool | Ty::I8 => types::I8,
        Ty::I16 => types::I16,
        Ty::I32 => types::I32,
        Ty::I64 | Ty::Ptr => types::I64,
        Ty::F32 => types::F32,
        Ty::F64 => types::F64,
    }
}

/// Memory accesses of a trace are valid and aligned: the recorder did the same ones.
fn memory_flags() -> MemFlagsData {
    MemFlagsData::trusted()
}

//! The two pieces of code that every process has once: the way in and the way out.
//!
//! ```text
//! enter: native fn(frame, entry) -> cell     { entry(&frame.slots, null) }   the platform's convention
//! leave: tail   fn(frame, cell)  -> cell     { cell }
//! ```
//!
//! `leave` is the target of every exit cell that is not linked. Both live until the process ends,
//! because a cell may point to `leave` for as long as its code lives. It is also what the cell of a
//! callee that has no code points to: called without a cell, it gives none.

use super::memory::{CodePtr, EnterFn, Memory, as_enter};
use super::{CompileError, Frame, machine};
use cranelift_codegen::Context;
use cranelift_codegen::ir::{
    AbiParam, Function, InstBuilder, Signature, UserFuncName, Value, types,
};
use cranelift_codegen::isa::{CallConv, TargetIsa};
use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext};
use std::sync::OnceLock;

/// The way in and the way out.
pub(super) struct Stubs {
    /// Calls a piece of code from Rust.
    pub enter: EnterFn,
    /// Returns to whoever called `enter`.
    pub leave: CodePtr,
}

/// The stubs, compiled at the first call.
pub(super) fn stubs() -> Result<&'static Stubs, CompileError> {
    static STUBS: OnceLock<Result<Stubs, CompileError>> = OnceLock::new();
    STUBS.get_or_init(build).as_ref().map_err(Clone::clone)
}

/// The signature of every piece of code.
pub(super) fn piece_signature(convention: CallConv) -> Signature {
    let mut signature = Signature::new(convention);
    signature.params = vec![AbiParam::new(types::I64); 2];
    signature.returns = vec![AbiParam::new(types::I64)];
    signature
}

fn build() -> Result<Stubs, CompileError> {
    let isa = machine::native()?;
    let leave = compile(&*isa, CallConv::Tail, |builder, _, cell| {
        builder.ins().return_(&[cell]);
    })?;
    let enter = compile(&*isa, isa.default_call_conv(), |builder, frame, entry| {
        let signature = builder.import_signature(piece_signature(CallConv::Tail));
        let null = builder.ins().iconst(types::I64, 0);
        let slots = builder.ins().iadd_imm_s(frame, Frame::SLOTS_OFFSET as i64);
        let call = builder.ins().call_indirect(signature, entry, &[slots, null]);
        let cell = builder.inst_results(call)[0];
        builder.ins().return_(&[cell]);
    })?;
    Ok(Stubs {
        enter: as_enter(Memory::install(&isa, &enter)?.keep()),
        leave: Memory::install(&isa, &leave)?.keep(),
    })
}

/// Compiles a function of a piece's signature in one block.
fn compile(
    isa: &dyn TargetIsa,
    convention: CallConv,
    body: impl FnOnce(&mut FunctionBuilder<'_>, Value, Value),
) -> Result<Context, CompileError> {
    let mut context = Context::for_function(Function::with_name_signature(
        UserFuncName::default(),
        piece_signature(convention),
    ));
    let mut builder_context = FunctionBuilderContext::new();
    let mut builder = FunctionBuilder::new(&mut context.func, &mut builder_context);
    let block = builder.create_block();
    builder.append_block_params_for_function_params(block);
    builder.switch_to_block(block);
    let [frame, other] = *builder.block_params(block) else {
        unreachable!("the signature has two parameters")
    };
    body(&mut builder, frame, other);
    builder.seal_all_blocks();
    builder.finalize(isa.frontend_config());
    machine::run_cranelift(&mut context, isa)?;
    Ok(context)
}

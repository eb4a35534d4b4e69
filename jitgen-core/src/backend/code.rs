//! Code: executable memory, the way into it, and its release.
//!
//! Each piece of code has a Cranelift JIT module of its own, hence pages of its own: they are
//! written, made executable (never both at once), and given back when the [`Code`] is dropped.
//! Measured, a module per piece costs about 9 µs over its life, under 2 % of compiling 100 ops.
//!
//! This is the one file of the backend with `unsafe` in it. What makes it sound:
//! `alive-while-inside` (who calls [`enter`] guarantees that the code entered, and what it is linked
//! to, is not dropped meanwhile), and `well-formed` (only code that was lowered from a trace is
//! installed, so it has the signature of a piece).
//!
//! Not here: which pieces there are, who links them, how many.

use super::{CompileError, ExitCell, Frame, stubs};
use crate::ir::ExitId;
use cranelift_codegen::Context;
use cranelift_codegen::isa::OwnedTargetIsa;
use cranelift_jit::{JITBuilder, JITModule};
use cranelift_module::{Module, default_libcall_names};
use std::time::Duration;

/// The address of a piece of code.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(transparent)]
pub struct CodePtr(usize);

impl CodePtr {
    /// As a number, for logs and profilers.
    pub fn address(self) -> usize {
        self.0
    }
}

/// What compiling took, by phase.
#[derive(Clone, Copy, Default, Debug)]
pub struct Timings {
    /// From the trace to Cranelift's IR.
    pub lowering: Duration,
    /// Cranelift.
    pub cranelift: Duration,
    /// From Cranelift's buffer to executable memory.
    pub install: Duration,
}

/// The text of a piece of code.
#[derive(Clone, Debug)]
pub struct Disassembly {
    /// Cranelift's IR.
    pub clif: String,
    /// The machine code.
    pub machine: String,
}

/// A compiled trace: its machine code and its exit cells. Dropping it frees both.
///
/// It may be dropped when nobody is inside and no cell of other code is linked to it; see [`enter`].
pub struct Code {
    entry: CodePtr,
    size: usize,
    cells: Box<[ExitCell]>,
    timings: Timings,
    disassembly: Option<Disassembly>,
    /// Taken by `drop`.
    module: Option<JITModule>,
}

impl Code {
    /// Makes what Cranelift has compiled executable.
    pub(super) fn install(
        isa: &OwnedTargetIsa,
        context: &Context,
        cells: Box<[ExitCell]>,
    ) -> Result<Code, CompileError> {
        let (module, entry, size) = install(isa, context)?;
        Ok(Code {
            entry,
            size,
            cells,
            timings: Timings::default(),
            disassembly: None,
            module: Some(module),
        })
    }

    /// Adds what the compiler knows about its work.
    pub(super) fn annotate(&mut self, timings: Timings, disassembly: Option<Disassembly>) {
        self.timings = timings;
        self.disassembly = disassembly;
    }

    /// Where to enter.
    pub fn entry(&self) -> CodePtr {
        self.entry
    }

    /// The cell of an exit. That of an exit linked within the trace is never left through.
    ///
    /// # Panics
    /// If the trace has no such exit.
    pub fn exit_cell(&self, exit: ExitId) -> &ExitCell {
        &self.cells[exit.index()]
    }

    /// The cells of all exits, by exit number.
    pub fn exit_cells(&self) -> &[ExitCell] {
        &self.cells
    }

    /// Bytes of machine code, constants included. The memory taken is this, rounded up to pages.
    pub fn code_size(&self) -> usize {
        self.size
    }

    /// What compiling took.
    pub fn timings(&self) -> Timings {
        self.timings
    }

    /// The text of the code, if `Options::disassemble` asked for it.
    pub fn disassembly(&self) -> Option<&Disassembly> {
        self.disassembly.as_ref()
    }
}

impl Drop for Code {
    fn drop(&mut self) {
        if let Some(module) = self.module.take() {
            // SAFETY: nobody executes this code any more or will: to enter it, or code linked to
            // it, takes a call of `enter`, whose caller guarantees that the code is alive until
            // then (`alive-while-inside`). The module was made for this code alone.
            unsafe { module.free_memory() }
        }
    }
}

/// Enters code and returns the cell through which it was left: one that is not linked, or one whose
/// budget has come to 0. The cell's exit operands are then in the first slots of the frame.
///
/// # Safety
/// - The first slots of `frame` hold the values that the code's entry takes, of the right types, and
///   the trace was right to rely on them (an address that it reads can be read, and so on).
/// - The [`Code`] that `entry` belongs to, and any that can be reached from it by linked cells, are
///   not dropped before this call returns, neither by functions that the code calls; and each cell
///   is linked to code that takes what the cell's exit leaves in the slots.
/// - The functions that the code calls have the signatures that the trace assumes, and do not unwind.
pub unsafe fn enter(entry: CodePtr, frame: &mut Frame) -> *const ExitCell {
    let Ok(stubs) = stubs::stubs() else {
        unreachable!("an entry exists, so the stubs were compiled before it")
    };
    // SAFETY: `stubs.enter` is alive for ever and has the signature of `EnterFn`. `entry` is a piece
    // of code (there is no other `CodePtr`) and alive, as the caller guarantees, and so is all that
    // it goes on in. It reads and writes `frame`, which is exclusively ours, and memory that the
    // caller vouches for.
    let cell = unsafe { (stubs.enter)(frame, entry.0) };
    std::ptr::with_exposed_provenance(cell)
}

/// The way in, as Rust calls it: frame and entry to exit cell.
pub(super) type EnterFn = unsafe extern "C" fn(*mut Frame, usize) -> usize;

/// The enter stub as a function.
pub(super) fn as_enter(code: CodePtr) -> EnterFn {
    let pointer = std::ptr::with_exposed_provenance::<()>(code.0);
    // SAFETY: only `stubs` calls this, with code compiled for the platform's default convention
    // (what `extern "C"` means) with two 64-bit integer parameters and one such result, which is how
    // pointers and `usize` are passed. The address is not null. To call the function is unsafe.
    unsafe { std::mem::transmute::<*const (), EnterFn>(pointer) }
}

/// Installs code that is never freed.
pub(super) fn install_forever(
    isa: &OwnedTargetIsa,
    context: &Context,
) -> Result<CodePtr, CompileError> {
    // Dropping the module leaks its memory: only `free_memory` gives it back.
    install(isa, context).map(|(_, entry, _)| entry)
}

fn install(
    isa: &OwnedTargetIsa,
    context: &Context,
) -> Result<(JITModule, CodePtr, usize), CompileError> {
    let memory = |error: cranelift_module::ModuleError| CompileError::Memory(error.to_string());
    let Some(compiled) = context.compiled_code() else {
        return Err(CompileError::Cranelift("there is no code".into()));
    };
    if !compiled.buffer.relocs().is_empty() {
        let message = "the code is not free of relocations";
        return Err(CompileError::Cranelift(message.into()));
    }
    let builder = JITBuilder::with_isa(isa.clone(), default_libcall_names());
    let mut module = JITModule::new(builder);
    let function = module
        .declare_anonymous_function(&context.func.signature)
        .map_err(memory)?;
    let bytes = compiled.code_buffer();
    module
        .define_function_bytes(function, u64::from(compiled.buffer.alignment), bytes, &[])
        .map_err(memory)?;
    module.finalize_definitions().map_err(memory)?;
    let entry = module.get_finalized_function(function);
    Ok((module, CodePtr(entry.expose_provenance()), bytes.len()))
}

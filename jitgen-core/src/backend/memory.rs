//! Executable memory: where machine code lies, and its release.
//!
//! Each piece of code has a Cranelift JIT module of its own, hence pages of its own: they are
//! written, made executable (never both at once), and given back when the [`Memory`] is dropped.
//! Measured, a module per piece costs about 9 µs over its life, under 2 % of compiling 100 ops.
//!
//! Invariant `well-formed`: what is installed was compiled from a function with the signature of a
//! piece, in the `tail` convention; only the enter stub has the platform's.
//!
//! Not here: what the code does, who may be inside.

use super::{CompileError, Frame};
use cranelift_codegen::Context;
use cranelift_codegen::isa::OwnedTargetIsa;
use cranelift_jit::{JITBuilder, JITModule};
use cranelift_module::{Module, ModuleError, default_libcall_names};

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

/// The enter stub, as Rust calls it: frame and entry to exit cell.
pub(super) type EnterFn = unsafe extern "C" fn(*mut Frame, usize) -> usize;

/// The pages of one piece of code. Dropping them frees the code; see `enter` for when that may be.
pub(super) struct Memory {
    entry: CodePtr,
    size: usize,
    /// Taken by `drop` and `keep`.
    module: Option<JITModule>,
}

impl Memory {
    /// Makes what Cranelift has compiled executable.
    pub fn install(isa: &OwnedTargetIsa, context: &Context) -> Result<Memory, CompileError> {
        let failed = |error: ModuleError| CompileError::Memory(error.to_string());
        let Some(compiled) = context.compiled_code() else {
            return Err(CompileError::Cranelift("there is no code".into()));
        };
        if !compiled.buffer.relocs().is_empty() {
            let message = "the code is not free of relocations";
            return Err(CompileError::Cranelift(message.into()));
        }
        let builder = JITBuilder::with_isa(isa.clone(), default_libcall_names());
        let mut module = JITModule::new(builder);
        let function =
            module.declare_anonymous_function(&context.func.signature).map_err(failed)?;
        let bytes = compiled.code_buffer();
        let alignment = u64::from(compiled.buffer.alignment);
        module.define_function_bytes(function, alignment, bytes, &[]).map_err(failed)?;
        module.finalize_definitions().map_err(failed)?;
        let entry = module.get_finalized_function(function);
        Ok(Memory {
            entry: CodePtr(entry.expose_provenance()),
            size: bytes.len(),
            module: Some(module),
        })
    }

    pub fn entry(&self) -> CodePtr {
        self.entry
    }

    /// Bytes of code.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Never frees the code.
    pub fn keep(mut self) -> CodePtr {
        // A module that is dropped leaks its memory: only `free_memory` gives it back.
        self.module = None;
        self.entry
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        if let Some(module) = self.module.take() {
            // SAFETY: nobody executes this code any more or will: to get into it, or into code
            // linked to it, takes a call of `backend::enter`, whose caller guarantees that the code
            // is not dropped before that call returns. The module holds this code alone.
            unsafe { module.free_memory() }
        }
    }
}

/// The enter stub as a function.
pub(super) fn as_enter(code: CodePtr) -> EnterFn {
    let pointer = std::ptr::with_exposed_provenance::<()>(code.0);
    // SAFETY: only `stubs` calls this, with code that is never freed and that was compiled for the
    // platform's default convention (what `extern "C"` means) with two 64-bit integer parameters and
    // one such result, which is how pointers and `usize` are passed. The address is not null. To
    // call the function is unsafe again.
    unsafe { std::mem::transmute::<*const (), EnterFn>(pointer) }
}

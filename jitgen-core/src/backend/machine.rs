//! The machine that we run on: Cranelift's description of it, with the flags that were measured best.

use super::CompileError;
use cranelift_codegen::Context;
use cranelift_codegen::control::ControlPlane;
use cranelift_codegen::isa::{OwnedTargetIsa, TargetIsa};
use cranelift_codegen::settings::{self, Configurable};

/// This machine. Debug builds verify Cranelift's IR, at half the speed.
pub(super) fn native() -> Result<OwnedTargetIsa, CompileError> {
    let unsupported = |message: String| CompileError::UnsupportedMachine(message);
    let verify = if cfg!(debug_assertions) { "true" } else { "false" };
    let mut flags = settings::builder();
    let values = [
        // Cranelift's optimizer computes what only exits need in each exit again: quadratic.
        ("opt_level", "none"),
        // The other allocator is no faster from 500 ops on and its code is three times as large.
        ("regalloc_algorithm", "backtracking"),
        // Emission of tail calls relies on them.
        ("preserve_frame_pointers", "true"),
        // Nothing unwinds through compiled code.
        ("unwind_info", "false"),
        ("is_pic", "false"),
        ("enable_verifier", verify),
    ];
    for (name, value) in values {
        flags.set(name, value).map_err(|error| unsupported(error.to_string()))?;
    }
    cranelift_native::builder()
        .map_err(|message| unsupported(message.to_string()))?
        .finish(settings::Flags::new(flags))
        .map_err(|error| unsupported(error.to_string()))
}

/// Compiles the function of a context, in place.
pub(super) fn run_cranelift(
    context: &mut Context,
    isa: &dyn TargetIsa,
) -> Result<(), CompileError> {
    match context.compile(isa, &mut ControlPlane::default()) {
        Ok(_) => Ok(()),
        // The debug form shows what the verifier found; the display form does not.
        Err(error) => Err(CompileError::Cranelift(format!("{:?}", error.inner))),
    }
}

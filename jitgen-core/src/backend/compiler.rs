//! The compiler: the phases from trace to code, and what a thread that compiles keeps for them.
//!
//! A compiler holds no state of the program: what it returns depends on its arguments alone. It
//! keeps Cranelift's contexts from one trace to the next because they hold allocated memory.
//!
//! Not here: what is emitted for an op (`lower`), what is computed where (`plan`).

use super::code::{Code, Disassembly, Timings};
use super::memory::Memory;
use super::plan::Plan;
use super::{CompileError, ExitCell, SCRATCH_WORDS, SLOTS, STACKS, lower, machine, stubs};
use crate::ir::{self, LogEntry, Op, Trace};
use cranelift_codegen::Context;
use cranelift_codegen::isa::OwnedTargetIsa;
use cranelift_frontend::FunctionBuilderContext;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

/// The most instructions that a trace may have. Up to some thousands each takes Cranelift 3 µs,
/// beyond that more: 30,000 took 0.4 s.
const MAX_INSTS: usize = 16_384;

/// How to compile.
#[derive(Clone, Copy, Default, Debug)]
pub struct Options {
    /// Keep the text of the code. It costs more time than compiling.
    pub disassemble: bool,
}

/// Gives the addresses of the functions that traces call.
pub trait Symbols {
    /// The address of the `extern "C"` function that a call of `symbol` calls.
    ///
    /// Narrow integers and `bool` are passed zero-extended, so it takes `u8` and `u16` rather than
    /// `i8` and `i16`. The function of a `call_code` takes what is constant at the call, the callee's
    /// frame, and the cell through which the callee's code was left, or null (see `call_cell`).
    fn address(&self, symbol: &str) -> Option<usize>;
}

/// Compiles traces. Each thread that compiles has one.
pub struct Compiler {
    options: Options,
    isa: OwnedTargetIsa,
    context: Context,
    builder_context: FunctionBuilderContext,
}

// A compiler may be made on one thread and used on another, and so may code.
const _: () = {
    const fn is_send<T: Send>() {}
    is_send::<Compiler>();
    is_send::<Code>();
};

impl Compiler {
    /// A compiler for this machine.
    ///
    /// # Errors
    /// If Cranelift does not know the machine, or the first code cannot be made executable.
    pub fn new(options: &Options) -> Result<Compiler, CompileError> {
        stubs::stubs()?;
        Ok(Compiler {
            options: *options,
            isa: machine::native()?,
            context: Context::new(),
            builder_context: FunctionBuilderContext::new(),
        })
    }

    /// Compiles a trace, which must be one that `ir::verify` finds well formed. `code_number` is
    /// what the exit cells will say that they belong to.
    ///
    /// # Errors
    /// If the trace exceeds a limit, calls an unknown function, or Cranelift fails.
    pub fn compile(
        &mut self,
        region: &Trace,
        symbols: &dyn Symbols,
        code_number: u32,
    ) -> Result<Code, CompileError> {
        check_limits(region)?;
        let addresses = call_addresses(region, symbols)?;
        let stacks = stacks_address(region, symbols)?;
        let phases = || self.phases(region, &addresses, stacks, code_number);
        match catch_unwind(AssertUnwindSafe(phases)) {
            Ok(result) => result,
            Err(panic) => {
                self.context = Context::new();
                self.builder_context = FunctionBuilderContext::new();
                Err(CompileError::Panic(panic_message(&*panic)))
            }
        }
    }

    fn phases(
        &mut self,
        region: &Trace,
        addresses: &[usize],
        stacks: usize,
        code_number: u32,
    ) -> Result<Code, CompileError> {
        let leave = stubs::stubs()?.leave;
        let exits = 0..region.exits.len() as u32;
        let cells: Box<[ExitCell]> =
            exits.map(|exit| ExitCell::new(code_number, exit, leave)).collect();

        let start = Instant::now();
        self.context.clear();
        let plan = Plan::new(region);
        lower::lower(
            region,
            &plan,
            addresses,
            cells.as_ptr().expose_provenance(),
            stacks,
            &*self.isa,
            &mut self.context.func,
            &mut self.builder_context,
        );
        let lowered = Instant::now();

        let disassemble = self.options.disassemble;
        self.context.set_disasm(disassemble);
        let clif = disassemble.then(|| self.context.func.display().to_string());
        let text_done = Instant::now();
        machine::run_cranelift(&mut self.context, &*self.isa)?;
        let compiled = Instant::now();

        let memory = Memory::install(&self.isa, &self.context)?;
        let timings = Timings {
            lowering: lowered - start,
            cranelift: compiled - text_done,
            install: compiled.elapsed(),
        };
        let machine = self.context.compiled_code().and_then(|c| c.vcode.clone());
        let disassembly = clif.zip(machine).map(|(clif, machine)| Disassembly { clif, machine });
        Ok(Code { memory, cells, timings, disassembly })
    }
}

fn check_limits(region: &Trace) -> Result<(), CompileError> {
    if cfg!(debug_assertions)
        && let Some(violation) = ir::verify(region).into_iter().next()
    {
        let ir::Violation { rule, message, .. } = violation;
        return Err(CompileError::Malformed(format!("{rule}: {message}")));
    }
    let length = region.inst_count();
    if length > MAX_INSTS {
        let limit = MAX_INSTS;
        return Err(CompileError::TraceTooLong { length, limit });
    }
    let entry = region.blocks.first().map_or(0, |block| block.params.len());
    let unlinked = region.exits.iter().filter(|exit| exit.link.is_none());
    let needed = unlinked.map(|exit| exit.args().count()).max();
    let needed = needed.unwrap_or(0).max(entry);
    if needed > SLOTS {
        let available = SLOTS;
        return Err(CompileError::TooManySlots { needed, available });
    }
    let results = region.exits.iter().flat_map(|exit| exit.log.iter().map(LogEntry::result_size));
    let needed = region.scratch_size().max(results.max().unwrap_or(0)) as usize;
    let available = SCRATCH_WORDS * 8;
    if needed > available {
        return Err(CompileError::ScratchTooLarge { needed, available });
    }
    Ok(())
}

/// The address that each call site calls.
fn call_addresses(region: &Trace, symbols: &dyn Symbols) -> Result<Vec<usize>, CompileError> {
    let address = |call: &ir::Call| {
        let unknown = || CompileError::UnknownSymbol(call.symbol.clone());
        symbols.address(&call.symbol).ok_or_else(unknown)
    };
    region.calls.iter().map(address).collect()
}

/// Where code that calls other code finds the thread's [`Stacks`](super::Stacks); 0 for other code.
fn stacks_address(region: &Trace, symbols: &dyn Symbols) -> Result<usize, CompileError> {
    let mut insts = region.blocks.iter().flat_map(|block| &block.insts);
    if !insts.any(|inst| inst.op == Op::CallCode) {
        return Ok(0);
    }
    symbols.address(STACKS).ok_or_else(|| CompileError::UnknownSymbol(STACKS.to_owned()))
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| text.to_string());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".into())
}

//! `test run`: a trace is evaluated with given arguments.
//!
//! ```text
//! ; memory: 0x1000 = i64 5, i8 3
//! ; run: @f(i64 1, ptr 0x1000) == exit0 [i64 6]
//! ; call: @g(i64 1) -> i64 77
//! ; then: 0x1000 = i64 6
//! ```
//!
//! `memory` lines hold for all runs of the case; values lie one behind the other. A `run` line may
//! end its arguments with `until b1`. Behind it stand the calls that it makes and the memory that
//! one wants to see (the values are filled in by blessing). The scratch area is at 0xf000.
//!
//! The optimized trace must do the same, and so must machine code where no memory is accessed.

use crate::differential::references;
use crate::filetest::{Case, Filetest};
use crate::native::Native;
use crate::text::{read_consts, write_consts};
use crate::world::World;
use jitgen_core::eval::{Limits, Model, Outcome, evaluate};
use jitgen_core::ir::{BlockId, Const, Effect, Op, Trace};
use jitgen_core::opt::{Passes, optimize};

/// Where the scratch area of a run lies.
const SCRATCH: u64 = 0xf000;

/// The command.
///
/// # Errors
/// If a line cannot be read.
pub fn command(_file: &Filetest, case: &Case) -> Result<Vec<String>, String> {
    let trace = case.trace()?;
    let mut fresh = Model::new();
    fresh.map(SCRATCH, vec![0; trace.scratch_size() as usize]);
    fresh.set_scratch(SCRATCH);
    let mut model = fresh.clone();
    let mut lines = vec![];
    for line in case.expectation() {
        let (key, rest) = line.split_once(": ").ok_or_else(|| unreadable(&line))?;
        match key {
            "memory" => {
                let (address, values) = read_memory(rest)?;
                fresh.map(address, bytes_of(&values));
                lines.push(line.clone());
            }
            "run" => {
                model = fresh.clone();
                lines.push(format!("run: {}", run(&trace, rest, &mut model)?));
                lines.extend(model.calls.iter().map(|call| format!("call: {call}")));
            }
            "call" => (),
            "then" => {
                let (mut address, mut values) = read_memory(rest)?;
                let start = address;
                for value in &mut values {
                    *value = model.read(address, value.ty).map_err(|fault| fault.to_string())?;
                    address += u64::from(value.ty.size());
                }
                lines.push(format!("then: {start:#x} = {}", write_consts(&values)));
            }
            _ => return Err(unreadable(&line)),
        }
    }
    if !lines.iter().any(|line| line.starts_with("run: ")) {
        return Err("there is no `; run:` line".to_owned());
    }
    Ok(lines)
}

fn unreadable(line: &str) -> String {
    format!("`; {line}` is not one of `memory:`, `run:`, `call:`, `then:`")
}

/// `0x1000 = i64 5, i8 3`
fn read_memory(text: &str) -> Result<(u64, Vec<Const>), String> {
    let (address, values) = text.split_once(" = ").ok_or_else(|| unreadable(text))?;
    let address = address.strip_prefix("0x").ok_or_else(|| unreadable(text))?;
    let address = u64::from_str_radix(address, 16).map_err(|error| error.to_string())?;
    Ok((address, read_consts(values)?))
}

fn bytes_of(values: &[Const]) -> Vec<u8> {
    let bytes = |c: &Const| c.bits.to_le_bytes()[..c.ty.size() as usize].to_vec();
    values.iter().flat_map(bytes).collect()
}

/// `@f(i64 1) == …`: the same line with the outcome that is right.
fn run(trace: &Trace, line: &str, model: &mut Model) -> Result<String, String> {
    let call = line.split(" ==").next().unwrap_or(line);
    let (start, until) = match call.split_once(" until b") {
        Some((start, block)) => (start, Some(block.parse().map_err(|_| unreadable(line))?)),
        None => (call, None),
    };
    let args = start
        .strip_prefix(&format!("@{}(", trace.name))
        .and_then(|rest| rest.strip_suffix(')'))
        .ok_or_else(|| format!("`{call}` is not a call of @{}", trace.name))?;
    let args = read_consts(args)?;
    if until.is_none() && args.iter().map(|c| c.ty).eq(trace.param_types()) {
        check_same(trace, &args, model)?;
    }
    let limits = Limits { fuel: 1_000_000, stop_at: until.map(BlockId) };
    let outcome = match evaluate(trace, &args, model, &limits) {
        Ok(Outcome::Exit { exit, args }) => format!("exit{} [{}]", exit.0, write_consts(&args)),
        Ok(Outcome::Jumped { block, args }) => format!("b{} [{}]", block.0, write_consts(&args)),
        Ok(Outcome::OutOfFuel) => "out of fuel".to_owned(),
        Err(error) => format!("error: {error}"),
    };
    Ok(format!("{call} == {outcome}"))
}

/// Do the optimized trace and the machine code of both do the same?
fn check_same(trace: &Trace, args: &[Const], model: &Model) -> Result<(), String> {
    let world = World { args: args.to_vec(), model: model.clone() };
    let optimized = optimize(trace, Passes::ALL).trace;
    let mut insts = trace.blocks.iter().flat_map(|block| &block.insts);
    let in_memory = trace.exits.iter().any(|exit| !exit.pending.is_empty());
    let pure = !in_memory
        && insts.all(|inst| {
            matches!(inst.op.effect(), Effect::None | Effect::Exit)
                && !inst.op.is_call()
                && inst.op != Op::Scratch
        });
    for reference in references(trace, [world]) {
        reference.compare(&optimized)?;
        for trace in [trace, &optimized] {
            if !pure {
                continue;
            }
            let mut native = Native::new(0)?;
            if let Some(code) = native.compile(trace)? {
                reference.compare_native(&mut native, &code)?;
            }
        }
    }
    Ok(())
}

//! `test optimize passes=fold,cse`: the text of the trace after these passes (or `all`, `none`). With
//! `seen=all` the recording has seen whatever the optimizer asks for.
//!
//! `test behind passes=…` does so with the bridges of a tree, each by itself.
//!
//! Each case is also executed: the trace and what it becomes, evaluated and as machine code, on
//! seeded inputs, and, if it is a loop, the same with a limit on its rounds. So a wrong expectation
//! cannot be blessed in.

use crate::behind::{Behind, behind, candidates};
use crate::differential::{counted, references};
use crate::filetest::{Case, Filetest, check_well_formed};
use crate::native::Native;
use crate::world::{World, fake_regions, for_trace, region_count};
use jitgen_core::ir::{Const, Trace};
use jitgen_core::opt::{Passes, optimize_seen, rules};
use std::collections::BTreeSet;

/// Inputs that a case is run on.
const WORLDS: u64 = 24;

/// The command.
///
/// # Errors
/// If the options name no passes, the trace is not well formed, or it behaves differently after.
pub fn command(file: &Filetest, case: &Case) -> Result<Vec<String>, String> {
    let passes = passes(file)?;
    let trace = case.trace()?;
    let seen = file.option("seen") == Some("all");
    let optimized = optimize_seen(&trace, passes, &|_, _| seen).trace;
    check_well_formed(&optimized)?;
    let text = optimized.to_string();
    let after = |trace: &Trace| {
        let after = optimize_seen(trace, passes, &|_, _| seen).trace;
        Ok((trace.clone(), after))
    };
    check_same(&trace, &after).map_err(|error| format!("{error}\nIt becomes:\n{text}"))?;
    Ok(text.lines().map(str::to_owned).collect())
}

/// `test behind passes=…`: what the bridge behind each linked exit of a tree becomes by itself, with what
/// is known at its exit.
///
/// # Errors
/// As those of [`command`].
pub fn command_behind(file: &Filetest, case: &Case) -> Result<Vec<String>, String> {
    let passes = passes(file)?;
    let trace = case.trace()?;
    let mut lines = vec![];
    for exit in candidates(&trace) {
        let behind = |tree: &Trace| behind(tree, exit, usize::MAX, (passes, passes));
        let text = behind(&trace)?.bridge.trace.to_string();
        let after = |trace: &Trace| {
            let Behind { tree, joined, .. } = behind(trace)?;
            Ok((tree, joined))
        };
        check_same(&trace, &after).map_err(|error| format!("{error}\nIt becomes:\n{text}"))?;
        lines.extend(text.lines().map(str::to_owned));
    }
    Ok(lines)
}

fn passes(file: &Filetest) -> Result<Passes, String> {
    let names = file.option("passes");
    Passes::parse(names.ok_or("the header must say `passes=…`")?)
}

/// What a trace is, and what it becomes.
type After<'a> = &'a dyn Fn(&Trace) -> Result<(Trace, Trace), String>;

/// Executes both.
fn check_same(trace: &Trace, after: After) -> Result<(), String> {
    let mut told = false;
    for (limited, trace) in [(false, Some(trace.clone())), (true, counted(trace))] {
        let Some(trace) = trace else { continue };
        let (trace, optimized) = after(&trace)?;
        check_well_formed(&optimized)?;
        let count = region_count(&trace);
        let regions = fake_regions(count + 1);
        let fake = |seed| world(&trace, seed, limited, &regions[..count], regions[count]);
        for reference in references(&trace, (0..WORLDS).map(fake)) {
            told |= reference.tells();
            reference.compare(&optimized)?;
        }
        // Machine code has no fuel, so loops are compiled with a limit on their rounds only.
        if !limited && counted(&trace).is_some() {
            continue;
        }
        let mut native = Native::new(count)?;
        let (regions, scratch) = native.addresses();
        let real = |seed| world(&trace, seed, limited, &regions, scratch);
        let references = references(&trace, (0..WORLDS).map(real));
        for trace in [&trace, &optimized] {
            if let Some(code) = native.compile(trace)? {
                let mut references = references.iter();
                references.try_for_each(|r| r.compare_native(&mut native, &code))?;
            }
        }
    }
    match told {
        true => Ok(()),
        false => Err("no seeded input makes this trace end, so it is not checked".to_owned()),
    }
}

fn world(trace: &Trace, seed: u64, limited: bool, regions: &[u64], scratch: u64) -> World {
    let mut world = for_trace(trace, seed, regions, scratch);
    if limited {
        let rounds = world.args.last_mut().expect("the number of rounds");
        *rounds = Const::i64(1 + seed as i64 % 5);
    }
    world
}

/// The rules of the optimizer that no case of these files fires.
///
/// # Errors
/// If a file cannot be read.
pub fn rules_without_test(files: &[Filetest]) -> Result<Vec<String>, String> {
    let mut fired = BTreeSet::new();
    for file in files.iter().filter(|file| file.command == "behind") {
        for case in &file.cases {
            let trace = case.trace()?;
            for exit in candidates(&trace) {
                let passes = passes(file)?;
                fired.extend(behind(&trace, exit, usize::MAX, (passes, passes))?.bridge.fired);
            }
        }
    }
    for file in files.iter().filter(|file| file.command == "optimize") {
        for case in &file.cases {
            let seen = file.option("seen") == Some("all");
            fired.extend(optimize_seen(&case.trace()?, passes(file)?, &|_, _| seen).fired);
        }
    }
    let missing = rules().into_iter().enumerate().filter(|(number, _)| !fired.contains(number));
    Ok(missing.map(|(_, (name, law))| format!("{name}: {law}")).collect())
}

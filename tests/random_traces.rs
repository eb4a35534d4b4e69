//! Random traces behave the same before and after each set of the optimizer's passes, evaluated and
//! as machine code, by itself and as part of a region.
//!
//! `JITGEN_RANDOM=10000 cargo test --test random_traces` tries that many traces; `JITGEN_SEED=7`
//! begins with that seed. A failing trace is made small and printed as a filetest.

use jitgen::differential::{Reference, counted, references};
use jitgen::filetest::check_well_formed;
use jitgen::generate::generate;
use jitgen::native::Native;
use jitgen::region::joined;
use jitgen::shrink::shrink;
use jitgen::typed_world::{Pointee, REGIONS, world};
use jitgen::world::{World, fake_regions};
use jitgen_core::ir::{BlockId, Const, End, Trace};
use jitgen_core::opt::{Passes, optimize_seen};
use std::env;
use std::ops::Range;

/// Worlds that each trace is run in.
const WORLDS: u64 = 8;

fn setting(name: &str, default: u64) -> u64 {
    let text = env::var(name).ok();
    text.map_or(default, |text| text.parse().expect("a number"))
}

#[test]
fn optimized_traces_do_the_same() {
    let first = setting("JITGEN_SEED", 0);
    let count = setting("JITGEN_RANDOM", 600);
    let mut native = Native::new(REGIONS).expect("this machine is supported");
    let (mut runs, mut ended, mut joined, mut trees) = (0, 0, 0, 0);
    for seed in first..first + count {
        let generated = generate(seed);
        check_well_formed(&generated.trace).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        trees += usize::from(generated.trace.blocks.len() > 1);
        joined += usize::from(joins(&generated.trace));
        for trace in variants(&generated.trace) {
            let case = Case::new(&mut native, &trace, &generated.params, seed, 0..WORLDS);
            runs += case.references.len();
            case.references.iter().for_each(|reference| assert!(!reference.broken, "seed {seed}"));
            ended += case.references.iter().filter(|r| r.tells()).count();
            for passes in passes_for(seed) {
                if case.check(&mut native, passes).is_err() {
                    report(&mut native, &case, passes);
                }
            }
        }
    }
    println!(
        "{ended} of {runs} runs came to an end; in {joined} of {trees} trees a bridge joins the body"
    );
    assert!(ended * 2 > runs, "only {ended} of {runs} runs came to an end");
    assert!(joined * 20 > trees, "only in {joined} of {trees} trees a bridge joins the body");
}

/// Does a bridge go on in the body of the peeled loop?
fn joins(trace: &Trace) -> bool {
    let optimized = optimize_seen(trace, Passes::ALL, &|_, _| false).trace;
    optimized.blocks.iter().skip(2).any(|block| matches!(block.end, End::Jump(BlockId(1), _)))
}

/// The trace, and if it is a loop, the same with a limit on its rounds.
fn variants(trace: &Trace) -> Vec<Trace> {
    match counted(trace) {
        Some(counted) => vec![trace.clone(), counted],
        None => vec![trace.clone()],
    }
}

/// No optimizer, all passes, one pass alone, all but one, and some set.
fn passes_for(seed: u64) -> Vec<Option<Passes>> {
    let set = |bits: usize| Passes::subsets().nth(bits);
    let bit = 1 << (seed % 9);
    let some = (seed.wrapping_mul(0x9e37_79b9) >> 3) % 512;
    vec![None, Some(Passes::ALL), set(bit), set(511 - bit), set(some as usize)]
}

/// A trace and how it ends in some worlds, with regions at fake addresses and at real ones.
struct Case<'a> {
    trace: Trace,
    params: &'a [Option<Pointee>],
    seed: u64,
    references: Vec<Reference>,
    real_references: Vec<Reference>,
}

impl<'a> Case<'a> {
    fn new(
        native: &mut Native,
        trace: &Trace,
        params: &'a [Option<Pointee>],
        seed: u64,
        worlds: Range<u64>,
    ) -> Case<'a> {
        let worlds = |regions: &[u64], scratch| {
            let world = |number| {
                let seed = seed + number * 1_000_003;
                let mut world = world(params, trace, seed, regions, scratch);
                if params.len() < world.args.len() {
                    // The number of rounds.
                    let last = world.args.last_mut().expect("there is one more");
                    *last = Const::i64(1 + number as i64);
                }
                world
            };
            worlds.clone().map(world).collect::<Vec<World>>()
        };
        let fake = fake_regions(REGIONS + 1);
        let (real, scratch) = native.addresses();
        Case {
            trace: trace.clone(),
            params,
            seed,
            references: references(trace, worlds(&fake, fake[REGIONS])),
            real_references: references(trace, worlds(&real, scratch)),
        }
    }

    fn check(&self, native: &mut Native, passes: Option<Passes>) -> Result<(), String> {
        let optimized = self.after(passes);
        self.check_trace(native, passes, &optimized)?;
        // A region differs by what exits do before they go on.
        let has_pending = optimized.exits.iter().any(|exit| !exit.pending.is_empty());
        if passes == Some(Passes::ALL) && (has_pending || self.seed.is_multiple_of(8)) {
            let region = joined(&optimized);
            let check = self.check_trace(native, passes, &region);
            check.map_err(|error| format!("in a region, {error}"))?;
        }
        Ok(())
    }

    fn check_trace(
        &self,
        native: &mut Native,
        passes: Option<Passes>,
        optimized: &Trace,
    ) -> Result<(), String> {
        check_well_formed(optimized)?;
        for reference in &self.references {
            reference.compare(optimized)?;
        }
        // One set of passes is enough for the backend. Machine code has no fuel: a loop without a
        // limit on its rounds might, miscompiled, never end.
        let is_counted = self.trace.param_types().len() > self.params.len();
        let ends = is_counted || matches!(self.trace.blocks[0].end, End::Leave(_));
        if ends
            && passes.is_none_or(|passes| passes == Passes::ALL)
            && let Some(code) = native.compile(optimized)?
        {
            for reference in &self.real_references {
                reference.compare_native(native, &code)?;
            }
        }
        Ok(())
    }

    fn after(&self, passes: Option<Passes>) -> Trace {
        match passes {
            // What has been seen may decide nothing but speed.
            Some(passes) => {
                optimize_seen(&self.trace, passes, &|_, _| !self.seed.is_multiple_of(3)).trace
            }
            None => self.trace.clone(),
        }
    }
}

fn report(native: &mut Native, case: &Case, passes: Option<Passes>) -> ! {
    let (params, seed) = (case.params, case.seed);
    let mut check = |trace: &Trace, worlds: &Range<u64>| {
        Case::new(native, trace, params, seed, worlds.clone()).check(native, passes)
    };
    // Most traces fail in one of the worlds, and one is faster.
    let mut single = (0..WORLDS).map(|world| world..world + 1);
    let failing = single.find(|world| check(&case.trace, world).is_err());
    let worlds = failing.unwrap_or(0..WORLDS);
    let small = shrink(&case.trace, &mut |trace| check(trace, &worlds).is_err());
    let error = check(&small, &worlds)
        .err()
        .unwrap_or_else(|| format!("only before it was tidied up:\n{}", case.trace));
    let after = Case::new(native, &small, params, seed, 0..0).after(passes);
    let passes = passes.unwrap_or(Passes::NONE);
    panic!(
        "seed {seed}, after passes={passes}:\n{error}\n\n\
         test optimize passes={passes}\n\n{small}\nIt becomes:\n{after}"
    );
}

//! Random traces behave the same before and after each set of the optimizer's passes.
//!
//! `JITGEN_RANDOM=10000 cargo test --test random_traces` tries that many traces; `JITGEN_SEED=7`
//! begins with that seed. A failing trace is made small and printed as a filetest.

use jitgen::differential::{Reference, counted, references};
use jitgen::filetest::check_well_formed;
use jitgen::generate::generate;
use jitgen::shrink::shrink;
use jitgen::typed_world::{Pointee, REGIONS, world};
use jitgen::world::fake_regions;
use jitgen_core::ir::{Const, Trace};
use jitgen_core::opt::{Passes, optimize};
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
    let count = setting("JITGEN_RANDOM", 300);
    let (mut runs, mut ended) = (0, 0);
    for seed in first..first + count {
        let generated = generate(seed);
        check_well_formed(&generated.trace).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        for trace in variants(&generated.trace) {
            let case = Case::new(&trace, &generated.params, seed, 0..WORLDS);
            runs += case.references.len();
            ended += case.references.iter().filter(|r| r.tells()).count();
            for passes in passes_for(seed) {
                if case.check(passes).is_err() {
                    report(&case, passes);
                }
            }
        }
    }
    println!("{ended} of {runs} runs came to an end");
    assert!(
        ended * 2 > runs,
        "only {ended} of {runs} runs came to an end"
    );
}

/// The trace, and if it is a loop, the same with a limit on its rounds.
fn variants(trace: &Trace) -> Vec<Trace> {
    match counted(trace) {
        Some(counted) => vec![trace.clone(), counted],
        None => vec![trace.clone()],
    }
}

/// All passes, one pass alone, all but one, and some set.
fn passes_for(seed: u64) -> Vec<Passes> {
    let single: Vec<Passes> = (0..7)
        .filter_map(|bit| Passes::subsets().nth(1 << bit))
        .collect();
    let all_but_one: Vec<Passes> = (0..7)
        .filter_map(|bit| Passes::subsets().nth(127 - (1 << bit)))
        .collect();
    let place = seed as usize % 7;
    let some = Passes::subsets().nth((seed.wrapping_mul(0x9e37_79b9) >> 3) as usize % 128);
    let mut found = vec![Passes::ALL, single[place], all_but_one[place]];
    found.extend(some);
    found
}

/// A trace and how it ends in some worlds.
struct Case<'a> {
    trace: Trace,
    params: &'a [Option<Pointee>],
    seed: u64,
    references: Vec<Reference>,
}

impl<'a> Case<'a> {
    fn new(
        trace: &Trace,
        params: &'a [Option<Pointee>],
        seed: u64,
        worlds: Range<u64>,
    ) -> Case<'a> {
        let regions = fake_regions(REGIONS + 1);
        let worlds = worlds.map(|number| {
            let seed = seed + number * 1_000_003;
            let mut world = world(params, trace, seed, &regions, regions[REGIONS]);
            if params.len() < world.args.len() {
                // The number of rounds.
                let last = world.args.last_mut().expect("there is one more");
                *last = Const::i64(1 + number as i64);
            }
            world
        });
        Case {
            trace: trace.clone(),
            params,
            seed,
            references: references(trace, worlds),
        }
    }

    fn check(&self, passes: Passes) -> Result<(), String> {
        let optimized = optimize(&self.trace, passes).trace;
        check_well_formed(&optimized)?;
        let mut references = self.references.iter();
        references.try_for_each(|reference| reference.compare(&optimized))
    }
}

fn report(case: &Case, passes: Passes) -> ! {
    let seed = case.seed;
    // Most traces fail in one of the worlds, and one is faster.
    let check = |trace: &Trace, worlds| Case::new(trace, case.params, seed, worlds).check(passes);
    let failing = (0..WORLDS).find(|world| check(&case.trace, *world..world + 1).is_err());
    let worlds = failing.map_or(0..WORLDS, |world| world..world + 1);
    let small = shrink(&case.trace, &mut |trace| {
        check(trace, worlds.clone()).is_err()
    });
    let error = check(&small, worlds).expect_err("the small one fails");
    let optimized = optimize(&small, passes).trace;
    panic!(
        "seed {seed}, after passes={passes}:\n{error}\n\n\
         test optimize passes={passes}\n\n{small}\nIt becomes:\n{optimized}"
    );
}

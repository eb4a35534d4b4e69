//! Random traces behave the same before and after each set of the optimizer's passes, evaluated and
//! as machine code, by itself and as part of a region.
//!
//! `JITGEN_RANDOM=10000 cargo test --test random_traces` tries that many traces; `JITGEN_SEED=7`
//! begins with that seed. A failing trace is made small and printed as a filetest.

use jitgen::behind::{Behind, behind, candidates, most};
use jitgen::differential::{Reference, counted, references};
use jitgen::filetest::check_well_formed;
use jitgen::generate::{Generated, generate};
use jitgen::native::Native;
use jitgen::region::joined;
use jitgen::shares::{Left, Seen, Shares};
use jitgen::shrink::shrink;
use jitgen::typed_world::{Interface, REGIONS, world};
use jitgen::world::{World, fake_regions};
use jitgen_core::ir::{End, Trace};
use jitgen_core::opt::{Optimized, Passes, optimize_seen};
use std::env;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};

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
    let (mut runs, mut ended, mut shares) = (0, 0, Shares::default());
    for seed in first..first + count {
        let _running = Running(seed);
        let generated = generate(seed);
        check_well_formed(&generated.trace).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        for trace in variants(&generated) {
            let case = Case::new(&mut native, &trace, &generated.interface, seed, 0..WORLDS);
            runs += case.references.len();
            case.references.iter().for_each(|reference| assert!(!reference.broken, "seed {seed}"));
            ended += case.references.iter().filter(|r| r.tells()).count();
            for passes in passes_for(seed, generated.interface.is_guest) {
                let mut seen = Seen::default();
                match case.check(&mut native, passes, &mut seen) {
                    Err(_) => report(&mut native, &case, passes),
                    Ok(optimized) if passes == Some(Passes::ALL) => {
                        shares.count_any(&optimized);
                        seen.bridges.iter().for_each(|bridge| shares.count_bridge(bridge));
                        if generated.interface.is_guest {
                            shares.count(&optimized, &seen.left.0);
                        }
                    }
                    Ok(_) => (),
                }
            }
        }
    }
    println!("{ended} of {runs} runs came to an end");
    shares.print();
    assert!(ended * 2 > runs, "only {ended} of {runs} runs came to an end");
    // A few traces are no sample.
    if count >= 600 {
        assert_eq!(shares.missing(), Vec::<&str>::new(), "too few trees show these");
    }
}

/// Says which seed it was if it fails.
struct Running(u64);

impl Drop for Running {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("found by seed {}", self.0);
        }
    }
}

/// The trace, and if it is a loop, the same with a limit on its rounds. The rounds of what is like a
/// recorded loop are many, if they are not limited.
fn variants(generated: &Generated) -> Vec<Trace> {
    let Generated { trace, interface } = generated;
    match counted(trace) {
        Some(counted) if interface.is_guest => vec![counted],
        Some(counted) => vec![trace.clone(), counted],
        None => vec![trace.clone()],
    }
}

/// No optimizer, all passes, all but one, some set, and one pass alone; for trees, of which it needs most
/// passes to make one loop, all but two.
fn passes_for(seed: u64, is_guest: bool) -> Vec<Option<Passes>> {
    let set = |bits: usize| Passes::subsets().nth(bits);
    let bit = 1 << (seed % 9);
    let some = (seed.wrapping_mul(0x9e37_79b9) >> 3) % 512;
    let other = if is_guest { 511 & !bit & !(1 << (seed / 9 % 9)) } else { bit };
    vec![None, Some(Passes::ALL), set(511 - bit), set(some as usize), set(other)]
}

/// A trace and how it ends in some worlds, with regions at fake addresses and at real ones.
struct Case<'a> {
    trace: Trace,
    interface: &'a Interface,
    seed: u64,
    worlds: Range<u64>,
    references: Vec<Reference>,
    real_references: Vec<Reference>,
}

impl<'a> Case<'a> {
    fn new(
        native: &mut Native,
        trace: &Trace,
        interface: &'a Interface,
        seed: u64,
        worlds: Range<u64>,
    ) -> Case<'a> {
        let range = worlds;
        let worlds = |regions: &[u64], scratch| {
            let world = |number| world(interface, trace, seed, number, regions, scratch);
            range.clone().map(world).collect::<Vec<World>>()
        };
        let fake = fake_regions(REGIONS + 1);
        let (real, scratch) = native.addresses();
        let is_native = ends(trace, interface);
        let native_worlds = if is_native { worlds(&real, scratch) } else { vec![] };
        Case {
            trace: trace.clone(),
            interface,
            seed,
            worlds: range.clone(),
            references: references(trace, worlds(&fake, fake[REGIONS])),
            real_references: references(trace, native_worlds),
        }
    }

    /// Does the trace do the same after these passes? `left`: the exits that it has left guards by. What
    /// panics does not.
    fn check(
        &self,
        native: &mut Native,
        passes: Option<Passes>,
        seen: &mut Seen,
    ) -> Result<Optimized, String> {
        let check = AssertUnwindSafe(|| self.check_unwinding(native, passes, seen));
        catch_unwind(check).unwrap_or_else(|cause| {
            let text = cause.downcast_ref::<String>().map(String::as_str);
            let text = text.or(cause.downcast_ref::<&str>().copied());
            Err(format!("panics: {}", text.unwrap_or_default()))
        })
    }

    fn check_unwinding(
        &self,
        native: &mut Native,
        passes: Option<Passes>,
        seen: &mut Seen,
    ) -> Result<Optimized, String> {
        let optimized = self.after(passes);
        let trace = &optimized.trace;
        self.check_trace(native, passes, trace, &mut seen.left)?;
        // A region differs by what exits do before they go on.
        let has_pending = trace.exits.iter().any(|exit| !exit.pending.is_empty());
        if passes == Some(Passes::ALL) && (has_pending || self.seed.is_multiple_of(8)) {
            let region = joined(trace);
            let check = self.check_trace(native, passes, &region, &mut Left::default());
            check.map_err(|error| format!("in a region, {error}"))?;
        }
        if let Some(passes) = passes {
            self.check_bridges(native, passes, seen)?;
        }
        Ok(optimized)
    }

    /// Bridges that are optimized by themselves, with what is known at their exits.
    fn check_bridges(
        &self,
        native: &mut Native,
        passes: Passes,
        seen: &mut Seen,
    ) -> Result<(), String> {
        for exit in candidates(&self.trace) {
            let of_rest = if self.seed.is_multiple_of(4) { Passes::NONE } else { passes };
            let most = most(self.seed);
            let Behind { tree, bridge, joined } =
                behind(&self.trace, exit, most, (of_rest, passes))?;
            seen.bridges.push(bridge);
            // Most often that is the same trace.
            let same = tree.blocks.len() == self.trace.blocks.len();
            let other = (!same)
                .then(|| Case::new(native, &tree, self.interface, self.seed, self.worlds.clone()));
            let case = other.as_ref().unwrap_or(self);
            let check = case.check_trace(native, Some(passes), &joined, &mut Left::default());
            check.map_err(|error| {
                format!("with the bridge of exit{} by itself, {error}\n{joined}", exit.0)
            })?;
        }
        Ok(())
    }

    fn check_trace(
        &self,
        native: &mut Native,
        passes: Option<Passes>,
        optimized: &Trace,
        left: &mut Left,
    ) -> Result<(), String> {
        check_well_formed(optimized)?;
        for reference in &self.references {
            reference.compare_watched(optimized, left)?;
        }
        // One set of passes is enough for the backend.
        if ends(&self.trace, self.interface)
            && passes.is_none_or(|passes| passes == Passes::ALL)
            && let Some(code) = native.compile(optimized)?
        {
            for reference in &self.real_references {
                reference.compare_native(native, &code)?;
            }
        }
        Ok(())
    }

    fn after(&self, passes: Option<Passes>) -> Optimized {
        match passes {
            // What has been seen may decide nothing but speed.
            Some(passes) => {
                optimize_seen(&self.trace, passes, &|_, _| !self.seed.is_multiple_of(3))
            }
            None => {
                let (trace, fired) = (self.trace.clone(), vec![]);
                Optimized { trace, origins: vec![], fired, alternates: false }
            }
        }
    }
}

/// Machine code has no fuel: a loop without a limit on its rounds might, miscompiled, never end.
fn ends(trace: &Trace, interface: &Interface) -> bool {
    let is_counted = trace.param_types().len() > interface.params.len();
    is_counted || matches!(trace.blocks[0].end, End::Leave(_))
}

fn report(native: &mut Native, case: &Case, passes: Option<Passes>) -> ! {
    let (interface, seed) = (case.interface, case.seed);
    println!("found by seed {seed}; it is made small");
    // The first panic has been printed.
    let hook = take_hook();
    set_hook(Box::new(|_| ()));
    let mut check = |trace: &Trace, worlds: &Range<u64>| {
        let case = Case::new(native, trace, interface, seed, worlds.clone());
        case.check(native, passes, &mut Seen::default()).map(drop)
    };
    // Most traces fail in one of the worlds, and one is faster.
    let mut single = (0..WORLDS).map(|world| world..world + 1);
    let failing = single.find(|world| check(&case.trace, world).is_err());
    let worlds = failing.unwrap_or(0..WORLDS);
    let small = shrink(&case.trace, &mut |trace| check(trace, &worlds).is_err());
    let error = check(&small, &worlds).err().unwrap_or_else(|| {
        let error = check(&case.trace, &worlds).expect_err("it has failed");
        format!("only before it was tidied up:\n{}\n{error}", case.trace)
    });
    let case = Case::new(native, &small, interface, seed, 0..0);
    let after = catch_unwind(AssertUnwindSafe(|| case.after(passes).trace.to_string()));
    let after = after.unwrap_or_else(|_| "nothing".to_owned());
    set_hook(hook);
    let passes = passes.unwrap_or(Passes::NONE);
    panic!(
        "seed {seed}, after passes={passes}:\n{error}\n\n\
         test optimize passes={passes}\n\n{small}\nIt becomes:\n{after}"
    );
}

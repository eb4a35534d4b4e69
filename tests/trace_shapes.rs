//! What a guest program is compiled to: the operations of its loop's body, counted.
//!
//! Few and stable: each pins something that the optimizer must not lose. The counts are those of
//! the block that runs at each round, behind the peeled first one.

#[allow(dead_code, reason = "the rest is for the bench")]
#[path = "interpreters/tree/mod.rs"]
mod tree;

use jitgen::modes;
use jitgen_core::ir::{Block, BlockId, End, Sig, Trace};
use std::collections::{BTreeMap, HashSet};
use std::io;
use std::rc::Rc;

#[allow(dead_code, reason = "the rest is for the other tests and the bench")]
#[path = "interpreters/register/mod.rs"]
mod register;

#[allow(dead_code, reason = "the rest is for the other tests and the bench")]
#[path = "interpreters/stack_machine/mod.rs"]
mod stack_machine;

/// Runs a bf program; gives the optimized traces in the order in which they were made.
fn optimized(source: &str) -> Vec<Trace> {
    optimized_by(|| {
        let program = Rc::new(bf::parse(source.as_bytes()).expect("the program is well formed"));
        let mut machine = bf::Machine::new(bf::Options::default(), io::empty(), io::sink());
        bf::run(&program, &mut machine).expect("the program runs");
    })
}

/// The optimized traces that a run makes, in order.
fn optimized_by(run: impl FnOnce() + Send) -> Vec<Trace> {
    modes::traces("threshold=3,bridge_threshold=3,background=off,log=trace", run)
}

/// The block that is the body of a peeled loop.
#[track_caller]
fn body(trace: &Trace) -> &Block {
    let [_, body] = &trace.blocks[..] else { panic!("the loop is not peeled:\n{trace}") };
    assert!(matches!(body.end, End::Jump(target, _) if target.0 == 1), "{trace}");
    body
}

/// How often each op stands in a block.
fn census(block: &Block) -> BTreeMap<&'static str, usize> {
    let mut counts = BTreeMap::new();
    for inst in &block.insts {
        *counts.entry(inst.op.mnemonic()).or_default() += 1;
    }
    counts
}

#[track_caller]
fn check(source: &str, expected: &[(&'static str, usize)]) {
    let traces = optimized(source);
    let first = traces.first().expect("the loop is compiled");
    let counts = census(body(first));
    assert_eq!(counts, expected.iter().copied().collect(), "{first}");
}

#[test]
fn a_cell_is_counted_down_in_a_register() {
    check("-[-]", &[("add", 1), ("guard", 1), ("ne", 1)]);
}

#[test]
fn a_moved_value_is_two_adds() {
    check(">>>-[-<<<+>>>]", &[("add", 2), ("guard", 1), ("ne", 1)]);
}

#[test]
fn plus_ten_times_is_one_add() {
    check("-[->++++++++++<]", &[("add", 2), ("guard", 1), ("ne", 1)]);
}

#[test]
fn the_order_of_moves_does_not_matter() {
    check("-[->>+<<>->+<<]", &[("add", 3), ("guard", 1), ("ne", 1)]);
}

#[test]
fn ways_taken_in_turn_are_rounds_of_one_trace() {
    // The flag behind the counter decides, and each way flips it: two rounds, no guard on the flag.
    let traces = optimized("-[->>+<[->->+<<]>[-<+>>>+<<]<<]");
    let first = traces.first().expect("the loop is compiled");
    let counts = census(body(first));
    assert_eq!((counts["guard"], counts.get("load")), (2, None), "{first}");
}

#[test]
fn a_bridge_leads_from_the_inner_loop_around_the_outer_one() {
    let traces = optimized("++++++++[->++++++++[->+<]<]");
    assert_eq!(traces.len(), 2, "one loop and one bridge");
    assert_eq!(traces[0].blocks.len(), 2, "the inner loop is peeled:\n{}", traces[0]);
    assert!(matches!(traces[1].blocks[0].end, End::Leave(_)), "{}", traces[1]);
}

#[test]
fn guards_share_the_exits_of_their_resume_points() {
    for trace in optimized("++++++++[->++++++++[->+>++<<]>[-<+>]<<]") {
        // Checks before an effect have one exit between them, also across instructions; what is
        // pending in the body tells its exits from those of the preamble.
        let plain = trace.exits.iter().filter(|exit| exit.pending.is_empty()).count();
        assert!(plain * 2 <= trace.guard_count() + 2, "{trace}");
        assert!(trace.exits.len() <= plain + 2, "{trace}");
    }
}

#[test]
fn variables_of_a_recursive_interpreter_stay_in_registers() {
    let kernel = tree::kernels::KERNELS.iter().find(|kernel| kernel.name == "int_sum");
    let kernel = kernel.expect("it is one");
    let traces = optimized_by(|| {
        tree::kernels::outcome(&kernel.program(50));
    });
    let [one] = &traces[..] else { panic!("{} traces", traces.len()) };
    // Two sums: the variables and the flag of the cell that they are in are written in the exit.
    let counts = census(body(one));
    let expected = [("add", 2), ("guard_not", 1), ("lt_s", 1)];
    assert_eq!(counts, expected.into_iter().collect(), "{one}");
}

/// The compiled loop of a kernel of the register machine.
fn kernel(name: &str) -> Vec<Trace> {
    kernel_of_size(name, 100)
}

fn kernel_of_size(name: &str, size: i64) -> Vec<Trace> {
    let kernel = register::kernels::KERNELS.iter().find(|kernel| kernel.name == name);
    let kernel = kernel.expect("there is such a kernel");
    optimized_by(|| {
        let _ = register::kernels::outcome(&(kernel.program)(size));
    })
}

/// Values are boxed in tags, helpers return `Result`s, and nothing of that is left: what the guest
/// computes, the comparison with what becomes a `Bool`; exits store what has changed.
#[test]
fn sums_of_tagged_integers_are_sums() {
    let traces = kernel("int_sum");
    let ops = census(body(&traces[0]));
    let expected = [("add", 2), ("guard_not", 1), ("le_s", 1), ("lt_s", 1), ("zext", 1)];
    assert_eq!(ops, expected.into_iter().collect(), "{}", traces[0]);
}

#[test]
fn tagged_floats_stay_in_float_registers() {
    let traces = kernel("float_recurrence");
    let ops = census(body(&traces[0]));
    assert_eq!((ops.get("fmul"), ops.get("fsub"), ops.get("load")), (Some(&2), Some(&1), None));
    assert_eq!(ops.get("bitcast"), None, "{}", traces[0]);
    assert_eq!(ops.get("guard"), None, "types are known: {}", traces[0]);
}

/// A guest call pushes a frame, and the callee's result goes through it: no call and no guard on
/// types is left in the loop.
fn inlines_its_call(name: &str, most: usize) {
    let traces = kernel(name);
    let ops = census(body(&traces[0]));
    assert_eq!(ops.get("call"), None, "{name}: {}", traces[0]);
    assert!(ops.values().sum::<usize>() < most, "{name}: {ops:?}");
    assert!(traces.len() < 4, "{name}: {} traces", traces.len());
}

#[test]
fn guest_calls_are_part_of_the_loop() {
    inlines_its_call("guest_call", 45);
}

#[test]
fn calls_of_closures_are_part_of_the_loop() {
    inlines_its_call("closure_call", 20);
    // The closure, what it has captured, its frame and the function's registers are known.
    let traces = kernel("closure_call");
    let ops = census(body(&traces[0]));
    assert_eq!((ops.get("load"), ops.get("store")), (None, None), "{}", traces[0]);
}

/// Registers and arrays are vectors of the same values, told apart by who owns them: of the guest's
/// state only the elements are in memory.
#[test]
fn loops_over_arrays_keep_their_registers() {
    let traces = kernel("array_copy");
    let memory = |trace: &Trace| {
        let ops = census(body(trace));
        (ops.get("load").copied().unwrap_or(0), ops.get("store").copied().unwrap_or(0))
    };
    // A tag and a payload each.
    assert_eq!(memory(&traces[0]), (0, 2), "it fills: {}", traces[0]);
    assert_eq!(memory(&traces[1]), (2, 2), "it copies: {}", traces[1]);
    let sum = &kernel("array_sum")[1];
    assert_eq!(memory(sum), (2, 0), "it sums: {sum}");
    // The counter's limit, the type of the element, the array's bounds.
    let ops = census(body(sum));
    assert_eq!((ops["guard"], ops["guard_not"]), (2, 1), "{sum}");
}

#[test]
fn fields_of_objects_are_in_registers() {
    let [one] = &kernel("fields")[..] else { panic!("one loop") };
    let ops = census(body(one));
    let expected = [
        ("add", 1),
        ("fadd", 2),
        ("fmul", 1),
        ("guard_not", 1),
        ("le_s", 1),
        ("lt_s", 1),
        ("zext", 1),
    ];
    assert_eq!(ops, expected.into_iter().collect(), "{one}");
}

/// The interpreter keeps the guest's frames: the trace goes in circles down and up again.
#[test]
fn a_recursion_in_frames_is_a_loop_down_and_a_loop_up() {
    // As deep as 49 frames.
    let traces = kernel_of_size("recursion", 2_000);
    let jumps = |trace: &&Trace| trace.blocks.iter().any(|b| matches!(b.end, End::Jump(..)));
    let loops = traces.iter().filter(jumps).count();
    assert!(loops >= 2, "{loops} loops");
    let ops = traces.iter().map(Trace::inst_count).sum::<usize>();
    assert!(traces.len() < 14 && ops < 900, "{} traces, {ops} operations", traces.len());
}

/// A loop that comes into another phase, and stays in it, is recorded again: in both phases the rounds are
/// those of a peeled body.
#[test]
fn a_loop_has_a_body_for_each_of_two_phases() {
    let kernel = register::kernels::KERNELS.iter().find(|kernel| kernel.name == "int_then_float");
    let kernel = kernel.expect("there is this kernel");
    let settings = "threshold=3,bridge_threshold=3,background=off,region_per_op=5,log=trace";
    let (traces, statistics) = modes::traces_and_statistics(settings, || {
        register::kernels::outcome(&(kernel.program)(4_000));
    });
    let adds = |trace: &Trace| census(body(trace)).get("fadd").copied();
    let loops = traces.iter().filter(|trace| trace.blocks.len() == 2);
    assert_eq!(loops.map(adds).collect::<Vec<_>>(), [None, Some(1)]);
    assert_eq!(statistics.loops, 2);
}

/// A loop that adds integers, and floats, and integers again, so often.
fn phases(times: i64) {
    let kernel = register::kernels::KERNELS.iter().find(|kernel| kernel.name == "phases");
    let kernel = kernel.expect("there is this kernel");
    register::kernels::outcome(&(kernel.program)(times));
}

/// When a loop is to be recorded again its phase may just have ended: what is recorded then is of no use,
/// and it is recorded once more. The two versions are one of integers and one of floats.
#[test]
fn a_loop_that_is_recorded_again_too_late_is_recorded_once_more() {
    // One of these begins in the first round of the next phase, and one in the last of this one.
    for threshold in 297..=302 {
        let settings =
            format!("background=off,region_min=200,log=trace,bridge_threshold={threshold}");
        let (traces, statistics) = modes::traces_and_statistics(&settings, || {
            phases(400);
        });
        let adds =
            |trace: &Trace| trace.blocks.last().and_then(|last| census(last).get("fadd").copied());
        let loops = traces.iter().filter(|trace| !matches!(trace.blocks[0].end, End::Leave(_)));
        let adds: Vec<_> = loops.map(adds).collect();
        assert_eq!(statistics.versions, 1, "bridges after {threshold}");
        assert_eq!(adds.last(), Some(&Some(1)), "bridges after {threshold}: {adds:?}");
    }
}

/// A recursion goes in circles that no tree can take in: what runs there by itself is no reason to make
/// the same tree once more.
#[test]
fn no_tree_is_made_twice() {
    let kernel = stack_machine::kernels::KERNELS.iter().find(|kernel| kernel.name == "recursion");
    let kernel = kernel.expect("there is this kernel");
    let settings = "background=off,region_min=200,region_per_op=1,log=trace";
    let regions = modes::regions(settings, || {
        let program = (kernel.program)(23);
        (0..10).for_each(|_| drop(stack_machine::kernels::outcome(&program)));
    });
    let texts: HashSet<String> = regions.iter().map(Trace::to_string).collect();
    assert!(regions.len() > 1);
    assert_eq!(texts.len(), regions.len(), "the same region again");
}

/// Two versions of a loop stay two when they are compiled with their bridges: what leaves the first round
/// of one tree leads to the other, also where a bridge of that round is in the tree. Inner rounds by the
/// hundred would each begin in the wrong one else.
#[test]
fn trees_of_two_versions_lead_to_each_other() {
    let settings = "background=off,region_min=200,region_per_op=5,log=trace";
    let regions = modes::regions(settings, || {
        phases(20_000);
    });
    let region = regions.last().expect("a region is compiled");
    let blocks = region.blocks.iter().enumerate();
    let bodies = blocks.filter(
        |(index, block)| matches!(block.end, End::Jump(target, _) if target.index() == *index),
    );
    let mut adds: Vec<bool> = bodies.map(|(_, body)| census(body).contains_key("fadd")).collect();
    adds.sort_unstable();
    assert_eq!(adds, [false, true], "{region}");
}

/// The traces of a loop with so many branches in a row, which random numbers decide.
fn traces_of_branches(bits: i8) -> (usize, usize) {
    let traces = optimized_by(|| {
        register::kernels::outcome(&register::kernels::branches(20_000, bits));
    });
    (traces.len(), traces.iter().map(Trace::inst_count).sum())
}

/// Ways that have parted meet again: with twice the branches there is about twice the code, where tails
/// to the end of the loop would double with each.
#[test]
fn code_for_branches_in_a_row_is_linear_in_their_number() {
    let [(few, small), (many, large)] = [6, 12].map(traces_of_branches);
    println!("{few} traces, {small} operations; {many} traces, {large} operations");
    assert!(many <= 3 * few && large <= 3 * small, "{many} and {few}, {large} and {small}");
    assert!(many < 12 * 10 && large < 12 * 600, "{many} traces, {large} operations");
}

/// Where the ways through a guest loop meet again, all of it is known that all of them know: from the
/// body on, in all lines, nothing is loaded or stored, and no type is tested.
#[test]
fn branches_in_a_row_stay_in_registers() {
    let settings =
        "threshold=3,bridge_threshold=3,background=off,region_min=500,region_per_op=5,log=trace";
    let regions = modes::regions(settings, || {
        register::kernels::outcome(&register::kernels::branches(20_000, 6));
    });
    let region = regions.last().expect("a region is compiled");
    let (mut inside, mut next) = (vec![BlockId(1)], 0);
    while let Some(block) = inside.get(next).copied() {
        next += 1;
        let more = region.successors(block).into_iter().filter(|next| *next != BlockId(0));
        let more: Vec<BlockId> = more.filter(|next| !inside.contains(next)).collect();
        inside.extend(more);
    }
    let inside = || inside.iter().map(|block| region.block(*block));
    let jumps = |to: BlockId| {
        inside().filter(|block| matches!(block.end, End::Jump(target, _) if target == to)).count()
    };
    let meetings = (2..region.blocks.len() as u32).filter(|block| jumps(BlockId(*block)) > 1);
    assert!(meetings.count() >= 3, "{region}");
    let memory = inside().flat_map(|block| &block.insts);
    let memory = memory.filter(|inst| matches!(inst.op.sig(), Sig::Load | Sig::Store));
    assert_eq!(memory.count(), 0, "{region}");
}

/// The region that a run of a register machine's kernel ends with.
fn region(name: &str) -> Trace {
    let kernel = register::kernels::KERNELS.iter().find(|kernel| kernel.name == name);
    let kernel = kernel.expect("there is this kernel");
    let settings =
        "threshold=3,bridge_threshold=3,background=off,region_min=500,region_per_op=5,log=trace";
    let mut regions = modes::regions(settings, || {
        register::kernels::outcome(&(kernel.program)(300));
    });
    regions.pop().expect("a region is compiled")
}

/// Both ways through a guest loop, and the loop around it, go round in the same registers.
#[test]
fn a_loop_with_branches_in_a_loop_stays_in_its_body() {
    let region = region("collatz");
    let mut inside = vec![1];
    let mut next = 0;
    while let Some(index) = inside.get(next).copied() {
        next += 1;
        let block = &region.blocks[index];
        assert!(matches!(block.end, End::Jump(target, _) if target.0 == 1), "b{index} of {region}");
        let exits = block.insts.iter().filter(|inst| inst.op.is_guard()).map(|inst| inst.exit());
        inside.extend(exits.filter_map(|exit| region.exit(exit).link).map(|block| block.index()));
        inside.dedup();
    }
    // The body, the other way through it, the outer loop, and both ways through its first round.
    assert!(inside.len() >= 4, "{region}");
    let ops = census(&region.blocks[1]);
    let memory = ["load", "store"].iter().filter_map(|op| ops.get(op)).sum::<usize>();
    assert_eq!(memory, 0, "{region}");
    assert_eq!(
        ops.get("guard").into_iter().chain(ops.get("guard_not")).sum::<usize>(),
        2,
        "{region}"
    );
}

/// A bridge that is compiled by itself knows what its parent has tested up to the exit: the types of the
/// registers, the bounds of the frame, the range of what is divided.
#[test]
fn a_bridge_tests_only_what_its_parent_has_not() {
    let traces = kernel_of_size("diamonds", 50);
    let ops = census(&traces[1].blocks[0]);
    assert!(matches!(traces[1].blocks[0].end, End::Leave(_)), "it is a bridge:\n{}", traces[1]);
    let guards = ops.get("guard").into_iter().chain(ops.get("guard_not")).sum::<usize>();
    assert!(guards <= 11, "23 if nothing is known:\n{}", traces[1]);
    assert_eq!(ops.get("div_s"), None, "what is divided is not negative:\n{}", traces[1]);
}

//! What the kernels of the stack machine are compiled to: how many pieces, and what their loops do
//! without.
//!
//! ```text
//! Local(0) Local(1) Add SetLocal(0)   =>   an addition; no load, no call, no test of a bound or tag
//! ```
//!
//! Not here: the shapes of bf's loops (`tests/trace_shapes.rs`), how fast they are
//! (`benches/interpreters.rs`).

#[allow(dead_code, reason = "the rest is for the bench")]
#[path = "interpreters/stack_machine/mod.rs"]
mod stack_machine;

use jitgen::modes::traces_and_statistics;
use jitgen_core::Statistics;
use jitgen_core::ir::Trace;
use stack_machine::kernels::{KERNELS, outcome};

/// Runs a kernel; gives the optimized traces in the order in which they were made.
fn compiled(name: &str, size: i64) -> (Vec<Trace>, Statistics) {
    let kernel = KERNELS.iter().find(|kernel| kernel.name == name).expect("it is a kernel");
    traces_and_statistics(
        "threshold=5,bridge_threshold=5,background=off,log=trace,region_min=1000000",
        || {
            let result = outcome(&(kernel.program)(size));
            assert_eq!(format!("{result:?}"), format!("{:?}", (kernel.native)(size)));
        },
    )
}

/// How often an op stands in the last block: the body of a loop that is peeled.
fn count(trace: &Trace, op: &str) -> usize {
    let body = trace.blocks.last().expect("a trace has blocks");
    body.insts.iter().filter(|inst| inst.op.mnemonic() == op).count()
}

/// One loop, without bridges; its body has no calls, and as many loads and guards as that.
#[track_caller]
fn check(name: &str, loads: usize, guards: usize) {
    let (traces, statistics) = compiled(name, 200);
    assert_eq!((statistics.loops, statistics.bridges), (1, 0), "{name}: {statistics:?}");
    assert!(statistics.aborts.keys().all(|abort| abort == "portal-returned"), "{statistics:?}");
    let first = &traces[0];
    assert_eq!(first.blocks.len(), 2, "{name}: the loop is not peeled:\n{first}");
    assert_eq!(count(first, "call") + count(first, "call_pure"), 0, "{name}:\n{first}");
    let checks = count(first, "guard") + count(first, "guard_not");
    assert_eq!((count(first, "load"), checks), (loads, guards), "{name}:\n{first}");
}

#[test]
fn integers_are_in_registers() {
    check("int_sum", 0, 1);
}

#[test]
fn floats_are_in_registers() {
    check("float_loop", 0, 1);
}

#[test]
fn numbers_of_both_kinds_are_in_registers() {
    check("int_and_float", 0, 1);
}

#[test]
fn deep_operands_are_in_registers() {
    check("deep_operands", 0, 1);
}

#[test]
fn globals_are_in_registers() {
    check("globals", 0, 1);
}

#[test]
fn an_error_that_is_handled_is_a_bridge() {
    let (traces, statistics) = compiled("handled_errors", 300);
    assert_eq!((statistics.loops, statistics.bridges), (1, 1), "{statistics:?}");
    for trace in &traces {
        assert_eq!(count(trace, "call") + count(trace, "call_pure"), 0, "{trace}");
    }
}

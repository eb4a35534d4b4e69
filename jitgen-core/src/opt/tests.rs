//! Tests of whole traces: what the passes do together. Single rules have filetests.

use super::{Passes, optimize};
use crate::ir::{Trace, parse, verify};

fn read(text: &str) -> Trace {
    let trace = parse(text).expect("the test's trace is trace text").remove(0);
    assert_eq!(verify(&trace), vec![]);
    trace
}

#[test]
fn a_loop_that_stays_in_place_keeps_only_its_work() {
    let raw = read(TRANSFER);
    let body = &optimize(&raw, Passes::ALL).trace.blocks[1];
    let ops: Vec<&str> = body.insts.iter().map(|inst| inst.op.mnemonic()).collect();
    assert_eq!(ops, ["ne", "guard", "add", "add"]);
}

#[test]
fn every_subset_gives_a_well_formed_trace_that_reads_back() {
    let raw = read(TRANSFER);
    for passes in Passes::subsets() {
        let optimized = optimize(&raw, passes).trace;
        assert_eq!(read(&optimized.to_string()), optimized, "with {passes}");
    }
}

#[test]
fn the_same_input_gives_the_same_output() {
    let raw = read(TRANSFER);
    let once = optimize(&raw, Passes::ALL).trace;
    for _ in 0..8 {
        assert_eq!(optimize(&raw, Passes::ALL).trace, once);
    }
}

#[test]
fn passes_are_read_as_they_are_printed() {
    for passes in Passes::subsets() {
        assert_eq!(Passes::parse(&passes.to_string()), Ok(passes));
    }
    assert!(Passes::parse("fold,fuse").is_err());
}

#[test]
fn a_call_of_code_may_do_anything() {
    let raw = read(CALL);
    let insts = &optimize(&raw, Passes::ALL).trace.blocks[0].insts;
    let ops: Vec<&str> = insts.iter().map(|inst| inst.op.mnemonic()).collect();
    // Of what is known before nothing is known behind, and what was stored may be read.
    let once = ["scratch", "load", "store", "store", "call_code", "load", "load", "load"];
    assert_eq!(ops[..8], once);
    assert_eq!(ops.iter().filter(|op| **op == "call_code").count(), 2);
}

/// A portal's result in scratch memory, and memory of the guest's before and behind the call.
const CALL: &str = "
trace @call {
b0(v0: ptr, v1: i64):
    v2 = scratch +16
    v3 = load.i64 v0+8 @7
    store.i64 v0+16 @7, v3
    store.i64 v2+0 @1, v3
    call_code @f(ptr 0x10, ptr 0x20, v2, v1)
    v4 = load.i64 v2+0 @1
    v5 = load.i64 v0+8 @7
    v6 = load.i64 v0+16 @7
    store.i64 v0+16 @7, v4
    call_code @f(ptr 0x10, ptr 0x20, v2, v5)
    store.i64 v0+16 @7, v6
    leave exit0
exit0: resume 0 [v0, v5]
}
";

/// `[->+<]`: the reds are a tape (pointer and length of its bytes at 8 and 16) and the position.
const TRANSFER: &str = "
trace @transfer {
b0(v0: ptr, v1: i64):
    v2 = load.ptr v0+8 @1
    v3 = load.i64 v0+16 @2
    v4 = lt_u.i64 v1, v3
    guard v4 else exit0
    v5 = ptr_add v2, v1
    v6 = load.i8 v5+0 @3
    v7 = ne.i8 v6, 0
    guard v7 else exit0
    v8 = load.ptr v0+8 @1
    v9 = load.i64 v0+16 @2
    v10 = lt_u.i64 v1, v9
    guard v10 else exit1
    v11 = ptr_add v8, v1
    v12 = load.i8 v11+0 @3
    v13 = add.i8 v12, -1
    store.i8 v11+0 @3, v13
    v14 = add_ovf_u.i64 v1, 1
    guard_not v14 else exit2
    v15 = add.i64 v1, 1
    v16 = load.ptr v0+8 @1
    v17 = load.i64 v0+16 @2
    v18 = lt_u.i64 v15, v17
    guard v18 else exit3
    v19 = ptr_add v16, v15
    v20 = load.i8 v19+0 @3
    v21 = add.i8 v20, 1
    store.i8 v19+0 @3, v21
    v22 = sub_ovf_u.i64 v15, 1
    guard_not v22 else exit4
    v23 = sub.i64 v15, 1
    jump b0(v0, v23)
exit0: resume 0 [v0, v1]
exit1: resume 1 [v0, v1]
exit2: resume 2 [v0, v1]
exit3: resume 3 [v0, v15]
exit4: resume 4 [v0, v15]
}
";

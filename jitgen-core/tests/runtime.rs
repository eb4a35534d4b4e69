//! The runtime as generated code uses it: results in all modes, and what gets compiled.

#[path = "support/machine.rs"]
mod machine;
#[path = "support/modes.rs"]
mod modes;

use jitgen_core::runtime::Config;
use machine::*;
use modes::{check, run_program, with_config};

/// `for r0 in 0..n { r2 += r0 }`
const SUM: &[i64] = &[
    SET, 1, 10_000, 0, //
    ADD, 2, 0, 0, // 4
    ADDI, 0, 1, 0, //
    LESS, 0, 1, 4, //
    ACC, 2, 0, 0, //
    HALT, 0, 0, 0,
];

#[test]
fn a_loop_is_compiled() {
    let all = check(SUM, None);
    let (statistics, lines) = &all[0];
    assert_eq!(statistics.loops, 1, "{lines:?}");
    assert_eq!(statistics.enters, 1);
    assert!(lines.iter().any(|line| line.starts_with("jitgen: loop machine::run@[")), "{lines:?}");
}

/// `for r0 in 0..n { if r0 is even { r2 += r0 } else { r3 += 1 } }`
const BRANCH: &[i64] = &[
    SET, 1, 100_000, 0, //
    EVEN, 0, 0, 16, // 4
    ADDI, 3, 1, 0, // 8
    GOTO, 0, 0, 20, // 12
    ADD, 2, 0, 0, // 16
    ADDI, 0, 1, 0, // 20
    LESS, 0, 1, 4, //
    ACC, 2, 0, 0, //
    ACC, 3, 0, 0, //
    HALT, 0, 0, 0,
];

#[test]
fn a_branch_gets_a_bridge_and_then_a_region() {
    let all = check(BRANCH, None);
    for (statistics, lines) in &all[..3] {
        let log = lines.join("\n");
        assert_eq!(statistics.loops, 1, "{log}");
        assert!(statistics.bridges >= 1, "{log}");
        assert!(statistics.regions >= 1, "{log}");
    }
    assert!(all[0].0.exits_taken() < 300);
}

/// `for r0 in 0..n { for r2 in 0..m { r3 += r2 } }`
const NESTED: &[i64] = &[
    SET, 1, 500, 0, //
    SET, 4, 50, 0, //
    SET, 2, 0, 0, // 8
    ADD, 3, 2, 0, // 12
    ADDI, 2, 1, 0, // 16
    LESS, 2, 4, 12, // 20
    ADDI, 0, 1, 0, //
    LESS, 0, 1, 8, //
    ACC, 3, 0, 0, //
    HALT, 0, 0, 0,
];

#[test]
fn nested_loops_become_one_region() {
    let all = check(NESTED, None);
    let (statistics, lines) = &all[2];
    assert!(statistics.regions >= 1, "{lines:?}");
    assert!(statistics.exits_taken() < 60, "{}", statistics.to_json());
}

/// `for r0 in 0..n { r2 = out(r0)?; if r2 > 10 { acc += 1 } }`
const OUTPUT: &[i64] = &[
    SET, 1, 700, 0, //
    OUT, 2, 0, 0, // 4
    ADDI, 0, 1, 0, //
    LESS, 0, 1, 4, //
    HALT, 0, 0, 0,
];

#[test]
fn a_residual_call_before_a_guard_is_made_once() {
    check(OUTPUT, None);
}

/// The same, but it meets what is refused.
const REFUSED: &[i64] = &[
    SET, 1, 2000, 0, //
    OUT, 2, 0, 0, // 4
    ADDI, 0, 1, 0, //
    LESS, 0, 1, 4, //
    HALT, 0, 0, 0,
];

#[test]
fn an_error_of_a_residual_call_leaves_the_portal() {
    check(REFUSED, None);
    let run = run_program(REFUSED, None);
    assert_eq!(run.0, Ok(Err(Refused(777))));
}

/// The same up to 700, then comes what panics.
const PANICS: &[i64] = &[
    SET, 1, 2000, 0, //
    SET, 0, 700, 0, //
    SET, 5, 0, 0, //
    OUT, 2, 5, 0, // 12
    ADDI, 5, 1, 0, //
    LESS, 5, 0, 12, //
    SET, 5, 888, 0, //
    GOTO, 0, 0, 12,
];

#[test]
fn a_panic_of_a_residual_call_goes_through_compiled_code() {
    for call in [OUT, WORD] {
        let mut code = PANICS.to_vec();
        code[12] = call;
        check(&code, None);
        let message = run_program(&code, None).0.expect_err("888 panics");
        assert!(message.contains("no such"), "{message}");
    }
}

#[test]
fn the_runtime_survives_a_panic() {
    let config = |c: &mut Config| c.threshold = 1;
    let (result, statistics, _) = with_config(config, || {
        assert!(run_program(PANICS, None).0.is_err());
        run_program(SUM, None).0
    });
    assert_eq!(result, Ok(Ok(49_995_000)));
    assert_eq!(statistics.loops, 2);
}

/// `for r0 in 0..n { r2 = nested(r0); if r2 > 10 { acc += 1 } }`
const CALLS: &[i64] = &[
    SET, 1, 300, 0, //
    CALL, 2, 0, 0, // 4
    ADDI, 0, 1, 0, //
    LESS, 0, 1, 4, //
    HALT, 0, 0, 0,
];

/// `for r0 in 0..=r1 { r2 += r0 }`
const CALLEE: &[i64] = &[
    ADD, 2, 0, 0, // 0
    ADDI, 0, 1, 0, //
    THIRD, 0, 0, 16, //
    ADDI, 2, 1, 0, //
    LESS, 0, 1, 0, // 16
    ACC, 2, 0, 0, //
    HALT, 0, 0, 0,
];

#[test]
fn a_portal_runs_inside_of_a_residual_call() {
    check(CALLS, Some(CALLEE));
}

//! The collected heap and the JIT together: the machine of objects in every mode, also with a
//! collection at each allocation and with so little memory that the guest has to deal with it.

#[path = "interpreters/objects.rs"]
mod objects;

use jitgen::modes::{MODES, Run, run_with};
use objects::vm::Insn as I;
use objects::{REGISTERS, Tally};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// What is set besides, in each mode.
const HEAPS: [&str; 3] = ["gc_threshold=8388608", "gc_stress=on", "gc_threshold=100000"];

/// Runs in every mode with every heap; all do the same, and drop what they have made. Gives the
/// run at threshold 1 with collections now and then.
#[track_caller]
fn agree(name: &str, heaps: &[&str], code: &[I]) -> Run {
    let mut expected: Option<String> = None;
    let mut chosen = None;
    for heap in heaps {
        for (mode, settings) in MODES {
            let tally = Arc::<Tally>::default();
            let done = run_with(&format!("{settings},{heap}"), || objects::run(code, &tally));
            let context = format!("{name}: mode `{mode}`, {heap}");
            assert_eq!(done.statistics.check_failures, 0, "{context}: a wrong trace");
            let (made, dropped) = (&tally.made, &tally.dropped);
            let counts = [made, dropped].map(|count| count.load(Ordering::Relaxed));
            assert_eq!(counts[0], counts[1], "{context}: made and dropped");
            match &expected {
                None => expected = Some(done.output.clone()),
                Some(expected) => assert_eq!(&done.output, expected, "{context} differs"),
            }
            if *mode == "threshold 1" {
                chosen = Some(done);
            }
        }
    }
    chosen.expect("there is such a mode")
}

#[test]
fn a_list_is_built_and_summed() {
    let code = [
        I::Int(7, 300),
        I::Nil(0),
        // 2
        I::Cons(0, 7, 0),
        I::Loop(7, 2),
        I::Int(1, 0),
        // 5
        I::Head(2, 0),
        I::Add(1, 1, 2),
        I::Tail(0, 0),
        I::Unless(0, 10),
        I::Int(6, 1),
        // 10: not reached with a list that has ended
        I::Int(6, 2),
        I::Halt,
    ];
    let run = agree("list", &HEAPS, &code);
    assert!(run.output.contains("300"), "{}", run.output);
    assert!(run.statistics.loops > 0 && run.statistics.heap.collections == 0);
}

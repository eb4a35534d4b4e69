//! Small interpreters in different styles, run in several modes with the same outcome: plain, JIT,
//! threshold 1, without optimization, and with every guard made to fail once.
//!
//! Each mode runs in a thread of its own, because the JIT belongs to a thread. The evaluator checks
//! every recorded trace on the way.

#[path = "interpreters/constructs.rs"]
mod constructs;
#[path = "interpreters/helpers.rs"]
mod helpers;
#[path = "interpreters/references.rs"]
mod references;
#[path = "interpreters/stack.rs"]
mod stack;
#[path = "interpreters/tagged.rs"]
mod tagged;
#[path = "interpreters/words.rs"]
mod words;

use jitgen::modes::{self, Run};
use oorandom::Rand32;
use stack::vm::Insn as S;
use std::rc::Rc;
use words::vm::Insn as W;

/// Runs in every mode; gives the run at threshold 1.
#[track_caller]
fn agree(name: &str, run: impl Fn() -> String + Clone + Send + Sync) -> Run {
    modes::agree(name, run)
}

#[test]
fn a_stack_machine_counts() {
    let code = vec![
        S::Push(0),
        S::Push(3000),
        // 2: the stack is `sum n`.
        S::Dup,
        S::JumpIfZero { target: 11 },
        S::Swap,
        S::Over,
        S::Add,
        S::Swap,
        S::Push(-1),
        S::Add,
        S::Jump { target: 2 },
        // 11
        S::Halt,
    ];
    let run = agree("count", move || stack::run(&Rc::new(stack::Program { code: code.clone() })));
    assert!(run.output.contains("4501500"), "{}", run.output);
    assert!(run.statistics.loops > 0);
}

fn stack_outcome(code: &[S]) -> String {
    stack::run(&Rc::new(stack::Program { code: code.to_vec() }))
}

/// Does something with a counter that goes from `from` to 0 in steps of `step`.
fn countdown(from: i64, step: i64, body: &[S]) -> Vec<S> {
    let mut code = vec![S::Push(from)];
    code.extend_from_slice(body);
    code.extend([S::Push(-step), S::Add, S::Dup]);
    let end = code.len() + 2;
    code.extend([S::JumpIfZero { target: end }, S::Jump { target: 1 }, S::Halt]);
    code
}

#[test]
fn errors_and_panics_in_compiled_code_are_those_of_the_interpreter() {
    // 50 panics in the residual function, after 250 rounds; 13 is an error, after 118.
    let emit = [S::Dup, S::Emit, S::Drop];
    for (from, step, outcome) in [(300, 1, "emitted 50"), (249, 2, "Unlucky")] {
        let code = countdown(from, step, &emit);
        let run = agree(outcome, move || stack_outcome(&code));
        assert!(run.output.contains(outcome), "{}", run.output);
        assert!(run.statistics.loops > 0);
    }
    // 1000 / (n - 50) panics in traced code.
    let divide = [S::Dup, S::Push(-50), S::Add, S::Push(1000), S::Swap, S::Quotient, S::Drop];
    let code = countdown(300, 1, &divide);
    let run = agree("division", move || stack_outcome(&code));
    assert!(run.output.contains("divide by zero"), "{}", run.output);
}

#[test]
fn replay_does_not_store_or_call_again() {
    let code = countdown(300, 1, &[S::Dup, S::Bump, S::Emit, S::Drop]);
    agree("bump", move || stack_outcome(&code));
}

/// A loop of 300 rounds around random straight code; sometimes an error ends it.
fn random_stack_program(seed: u64) -> Vec<S> {
    let mut random = Rand32::new(seed);
    let mut code = vec![S::Push(300)];
    for _ in 0..2 + random.rand_range(0..10) {
        let at = code.len();
        let insn = match random.rand_range(0..15) {
            0..=2 => S::Push(i64::from(random.rand_range(0..40)) - 5),
            3 | 4 => S::Dup,
            5 => S::Swap,
            6 => S::Over,
            7 => S::Add,
            8 => S::Sub,
            9 => S::Mul,
            10 => S::Div,
            11 => S::Less,
            12 => S::Bump,
            13 => S::Quotient,
            _ if random.rand_range(0..2) == 0 => S::Emit,
            _ => {
                code.push(S::Dup);
                S::JumpIfZero { target: at + 3 }
            }
        };
        code.push(insn);
    }
    // However the stack looks now, the counter is found again at its bottom.
    code.push(S::Drop);
    code.push(S::Push(-1));
    code.push(S::Add);
    code.push(S::Dup);
    let end = code.len() + 2;
    code.push(S::JumpIfZero { target: end });
    code.push(S::Jump { target: 1 });
    code.push(S::Halt);
    code
}

#[test]
fn random_stack_programs() {
    for seed in 0..60 {
        let code = random_stack_program(seed);
        agree(&format!("stack {seed}: {code:?}"), move || stack_outcome(&code));
    }
}

fn random_word_program(seed: u64) -> Vec<W> {
    let mut random = Rand32::new(seed);
    let mut code = vec![];
    for _ in 0..1 + random.rand_range(0..12) {
        let op = random.rand_range(0..8) as u8;
        let (a, b) = (random.rand_range(0..4) as usize, random.rand_range(0..4) as usize);
        let insn = match random.rand_range(0..14) {
            0 => W::I8(op, a, b),
            1 => W::U8(op, a, b),
            2 => W::I16(op, a, b),
            3 => W::U32(op, a, b),
            4 | 5 => W::I64(op, a, b),
            6 => W::Usize(op, a, b),
            7 => W::F64(op, a, b),
            8 => W::F32(op, a, b),
            9 => W::Promote(a),
            10 | 11 => W::Cast { from: op, to: random.rand_range(0..9) as u8, a, b },
            _ => {
                code.push(W::Skip { test: op % 6, a });
                W::I64(op, a, b)
            }
        };
        code.push(insn);
    }
    code.push(W::Again);
    code.push(W::Again);
    code
}

#[test]
fn random_word_programs() {
    for seed in 0..120 {
        let code = random_word_program(seed);
        agree(&format!("words {seed}: {code:?}"), move || {
            words::run(&Rc::new(words::Program { code: code.clone() }), 300)
        });
    }
}

#[test]
fn options_unrolled_loops_and_panics_with_values() {
    let run = agree("constructs", || constructs::run(400));
    assert!(run.statistics.loops > 0, "{:?}", run.statistics);
    let run = agree("references", || references::run(400));
    assert!(run.statistics.aborts.is_empty(), "{:?}", run.statistics.aborts);
    assert!(run.statistics.bridges > 0);
    let run = agree("constructs that panic", || constructs::run(5000));
    assert!(run.output.contains("the sum is 100"), "{}", run.output);
}

#[test]
fn helpers_in_helpers() {
    use helpers::Insn as H;
    let programs: [&[H]; 8] = [
        &[H::Nest(1)],
        &[H::Early(0)],
        &[H::Pure(5)],
        &[H::Outside(1)],
        &[H::Halfway(2)],
        &[H::Nest(2), H::Pure(7), H::Halfway(0)],
        &[H::Outside(0), H::Early(1), H::Outside(3)],
        &[H::Halfway(1), H::Outside(2), H::Nest(3), H::Early(2), H::Pure(-3)],
    ];
    for code in programs {
        for rounds in [400, 4000] {
            let run = agree(&format!("{code:?}"), move || helpers::run(code, rounds));
            assert!(run.statistics.loops > 0, "{code:?}: {:?}", run.statistics);
            // The last round ends with the portal.
            assert!(run.statistics.returning > 0 || rounds == 4000, "{:?}", run.statistics);
            // A result that a helper has consumed in the trace is not dropped by replay.
            assert!(!run.statistics.aborts.contains_key("owned-drop"), "{:?}", run.statistics);
        }
    }
}

/// The exits of the first loop that `code` gives, optimized.
fn exits(code: &'static [helpers::Insn]) -> Vec<jitgen_core::ir::Exit> {
    let traces =
        modes::traces("threshold=3,bridge_threshold=100000,background=off,log=trace", move || {
            helpers::run(code, 50);
        });
    traces.into_iter().next().expect("the loop is compiled").exits
}

fn values(exit: &jitgen_core::ir::Exit) -> usize {
    exit.log.iter().filter(|e| e.arg().is_some_and(|arg| arg.as_value().is_some())).count()
}

#[test]
fn a_helper_that_has_returned_is_one_entry_of_the_log() {
    use jitgen_core::ir::LogEntry as E;
    // Four additions in two pairs in one call: 12 loads and stores, one result.
    let exits = exits(&[helpers::Insn::Nest(1)]);
    let last = exits
        .iter()
        .filter(|exit| matches!(exit.log[..], [.., E::Return { call: 0, .. }, E::Part { .. }]));
    assert!(last.clone().count() > 0, "{exits:?}");
    assert!(last.clone().all(|exit| values(exit) == 1), "{exits:?}");
    // Inside of the second pair there is the first one's result, and what was loaded behind it.
    assert!(exits.iter().all(|exit| values(exit) <= 4), "{exits:?}");
}

fn random_tagged_program(seed: u64) -> Vec<tagged::vm::Insn> {
    use tagged::vm::{Insn as I, Operator, Value};
    let mut random = oorandom::Rand64::new(u128::from(seed) + 9000);
    let mut code = vec![];
    let value = |random: &mut oorandom::Rand64| match random.rand_range(0..8) {
        0 => Value::Nil,
        1 => Value::Bool(random.rand_range(0..2) == 1),
        2 => Value::Float(random.rand_range(0..100) as f64 / 8.0),
        3 => Value::Pair(random.rand_range(0..4) as u16, random.rand_range(0..5) as i32 - 2),
        _ => Value::Int(random.rand_range(0..300) as i64 - 100),
    };
    for _ in 0..random.rand_range(2..9) {
        let register = |random: &mut oorandom::Rand64| random.rand_range(0..6) as usize;
        let (to, a, b) = (register(&mut random), register(&mut random), register(&mut random));
        code.push(match random.rand_range(0..15) {
            0 => I::Load(to, value(&mut random)),
            12 | 13 => I::Table(to, a),
            1 => I::Move(to, a),
            2..4 => {
                let operators = [Operator::Add, Operator::Mul, Operator::Sub];
                I::Binary(operators[random.rand_range(0..3) as usize], to, a, b)
            }
            4 => I::Classify(to, a),
            5 => I::Shuffle(to, a, b),
            6 => I::Optional(to, a),
            7 => I::Borrow(to, a),
            8 | 9 => I::InPlace(to),
            10 => I::Outside(to, a),
            11 => I::Same(to, a, b),
            _ => I::Accumulate(a),
        });
    }
    code.push(I::Loop);
    code
}

#[test]
fn random_tagged_programs() {
    let seeds = std::env::var("JITGEN_RANDOM").map_or(150, |n| n.parse().expect("a number"));
    for seed in 0..seeds {
        let code = random_tagged_program(seed);
        agree(&format!("tagged {seed}: {code:?}"), move || tagged::run(&code, 200));
    }
}

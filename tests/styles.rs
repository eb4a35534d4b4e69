//! Three interpreters in three styles: what each kernel does is compared with the same in Rust, and
//! all modes with each other; random programs are compared between the modes.
//!
//! Not here: the interpreters (`tests/interpreters`), how fast they are (`benches/interpreters.rs`).

#[path = "interpreters/random.rs"]
mod random;
#[path = "interpreters/random_tree.rs"]
mod random_tree;
#[allow(dead_code, reason = "the rest is for the bench")]
#[path = "interpreters/register/mod.rs"]
mod register;
#[allow(dead_code, reason = "the rest is for the bench")]
#[path = "interpreters/stack_machine/mod.rs"]
mod stack_machine;
#[allow(dead_code, reason = "the rest is for the bench")]
#[path = "interpreters/tree/mod.rs"]
mod tree;

use jitgen::modes;
use jitgen::plain::{added_lines, strip};
use jitgen::sources::sources;
use std::env;

#[test]
fn register_kernels() {
    for kernel in register::kernels::KERNELS {
        let expected = format!("{:?}", (kernel.native)(kernel.small));
        let run = modes::agree(kernel.name, || {
            format!("{:?}", register::kernels::outcome(&(kernel.program)(kernel.small)))
        });
        assert_eq!(run.output, expected, "register: {}", kernel.name);
    }
}

#[test]
fn stack_kernels() {
    for kernel in stack_machine::kernels::KERNELS {
        let expected = format!("{:?}", (kernel.native)(kernel.small));
        let run = modes::agree(kernel.name, || {
            format!("{:?}", stack_machine::kernels::outcome(&(kernel.program)(kernel.small)))
        });
        assert_eq!(run.output, expected, "stack machine: {}", kernel.name);
    }
}

#[test]
fn tree_kernels() {
    for kernel in tree::kernels::KERNELS {
        let expected = format!("{:?}", (kernel.native)(kernel.small));
        let run = modes::agree(kernel.name, || {
            format!("{:?}", tree::kernels::outcome(&kernel.program(kernel.small)))
        });
        assert_eq!(run.output, expected, "tree: {}", kernel.name);
    }
}

#[test]
fn a_machine_goes_on_after_an_error() {
    use register::{kernels::KERNELS, vm};
    let kernel = |name: &str| KERNELS.iter().find(|kernel| kernel.name == name).expect("it is one");
    let run = modes::agree("an error, then a program", || {
        let mut machine = vm::Vm::default();
        let overflow = vm::run(&(kernel("overflow").program)(300), &mut machine);
        let sum = vm::run(&(kernel("int_sum").program)(300), &mut machine);
        format!("{overflow:?} {sum:?}")
    });
    assert_eq!(run.output, "Err(StackOverflow) Ok(Int(44850))");
}

/// How many random programs of each kind; more with `JITGEN_RANDOM`.
fn count() -> u64 {
    env::var("JITGEN_RANDOM").map_or(60, |text| text.parse().expect("a number"))
}

/// Are there programs of both kinds among them, those that end well and those that fail?
#[track_caller]
fn both_ways(outputs: &[String]) {
    let failed = outputs.iter().filter(|output| output.contains("result: Err")).count();
    println!("{failed} of {} end with an error", outputs.len());
    assert!(failed > outputs.len() / 10 && failed < outputs.len() * 9 / 10, "{failed}");
}

#[test]
fn random_register_programs() {
    let run = |seed: u64| {
        let run = || format!("{:?}", register::kernels::outcome(&random::register(seed)));
        modes::agree(&format!("register machine, seed {seed}"), run).output
    };
    both_ways(&(0..count()).map(run).collect::<Vec<_>>());
}

#[test]
fn random_stack_programs() {
    let run = |seed: u64| {
        let run = || format!("{:?}", stack_machine::kernels::outcome(&random::stack(seed)));
        modes::agree(&format!("stack machine, seed {seed}"), run).output
    };
    // 149: a bridge begins behind a helper whose result is a truth value in an `Option`.
    both_ways(&(0..count()).chain([149]).map(run).collect::<Vec<_>>());
}

#[test]
fn random_tree_programs() {
    let run = |seed: u64| {
        let run = || {
            let program = tree::resolver::parse(&random_tree::tree(seed));
            format!("{:?}", tree::kernels::outcome(&program))
        };
        modes::agree(&format!("tree, seed {seed}"), run).output
    };
    // They take longer than the others.
    both_ways(&(0..count().div_ceil(2)).map(run).collect::<Vec<_>>());
}

#[test]
fn marks_are_taken_out() {
    let annotated = "\
use jitgen_core::{Traced, promote};
#[derive(Clone, Copy, Traced)]
#[repr(C, u8)]
pub enum Insn {}
#[derive(jitgen_core::Traced)]
pub struct Program {}
#[jitgen_core::portal(
    greens(program, pc),
    reds(vm),
)]
#[inline(never)]
fn run() {
    loop {
        merge_point!();
        insn => { pc = promote(f(0)) + 1; can_enter_jit!(); }
    }
}
";
    let plain = "\
#[derive(Clone, Copy)]
pub enum Insn {}
pub struct Program {}
#[inline(never)]
fn run() {
    loop {
        insn => { pc = f(0) + 1; }
    }
}
";
    assert_eq!(strip(annotated), plain);
}

/// What runs kernels and what compares them with Rust is no part of an interpreter.
const OTHERS: [&str; 2] = ["kernels.rs", "native.rs"];

#[test]
fn plain_interpreters_know_nothing_of_the_jit() {
    let words = ["jitgen", "Traced", "merge_point", "can_enter_jit", "residual", "portal"];
    let mut files = sources();
    // Each in a folder of its own; the table has examples, which are never plain.
    files.retain(|file| file.path.matches('/').count() == 3 && !file.path.contains("/table/"));
    files.retain(|file| file.path.starts_with("tests/interpreters/") && file.is_rust());
    files.retain(|file| !file.path.contains("/files/"));
    files.retain(|file| !OTHERS.iter().any(|other| file.path.ends_with(other)));
    assert!(files.len() > 15, "the interpreters are not found");
    for file in files {
        let plain = strip(&file.text);
        let code = plain.lines().filter(|line| !line.trim_start().starts_with("//"));
        let left: Vec<&str> =
            code.filter(|line| words.iter().any(|word| line.contains(word))).collect();
        assert!(left.is_empty(), "{}: {left:?}", file.path);
    }
}

#[test]
fn annotating_costs_few_lines() {
    for style in ["register", "stack_machine", "tree"] {
        let mut sum = (0, 0);
        for source in sources() {
            let inside = source.path.contains(&format!("tests/interpreters/{style}/"));
            if inside && !OTHERS.iter().any(|other| source.path.ends_with(other)) {
                let (added, plain) = added_lines(&source.text);
                sum = (sum.0 + added, sum.1 + plain);
            }
        }
        assert!(sum.1 > 300, "{style} was not found: {sum:?}");
        // The tree has many free functions in several files, each of which has a mark of its own.
        let percent = if style == "tree" { 8 } else { 5 };
        assert!(sum.0 * 100 <= sum.1 * percent, "{style}: {} lines more than {}", sum.0, sum.1);
    }
}

//! Vectors and boxes that are exchanged while their elements are accessed: in every mode the same.

#[path = "interpreters/owners.rs"]
mod owners;

use jitgen::modes::agree;
use owners::vm::Insn as I;

fn random_program(seed: u64) -> Vec<I> {
    let mut random = oorandom::Rand64::new(u128::from(seed) + 41_000);
    let mut below = |limit: u64| random.rand_range(0..limit) as usize;
    let mut code = vec![];
    for _ in 0..3 + below(7) {
        let (x, y, row) = (below(4), below(4), below(3));
        code.push(match below(17) {
            0 | 1 => I::Look(x),
            2 => I::Copy(x, y),
            3 => I::Add(x, y),
            4 | 5 => I::Row(x, row),
            6 => I::Swap(x),
            7 => I::SwapOutside(x),
            8 | 9 => I::Aside(x),
            10 => I::Give(x, row),
            11 => I::Rows(below(3), row),
            12 => I::New(y as i64),
            13 => I::Grow(x as i64),
            14 => I::Nodes(x),
            15 => I::SwapNodes,
            _ => I::Relink,
        });
    }
    code.push(I::Again);
    code
}

#[test]
fn each_instruction() {
    let codes: [&[I]; 12] = [
        &[I::Look(0), I::Copy(0, 0), I::Look(0), I::Add(0, 1)],
        &[I::Row(1, 0), I::Look(1), I::Row(2, 1)],
        &[I::Copy(1, 1), I::Swap(1), I::Look(1)],
        &[I::Copy(1, 1), I::SwapOutside(1), I::Look(1)],
        &[I::Aside(2), I::Look(2), I::Aside(2)],
        &[I::Give(0, 1), I::Look(0), I::Row(0, 1)],
        &[I::Rows(0, 2), I::Row(0, 2), I::Rows(1, 1)],
        &[I::New(4), I::Look(0), I::Copy(3, 3)],
        &[I::Grow(4), I::Look(0), I::Copy(3, 3)],
        &[I::Nodes(1), I::SwapNodes, I::Nodes(1)],
        &[I::Relink, I::Nodes(2), I::Relink, I::Nodes(2)],
        &[I::Swap(0), I::Aside(0), I::Give(0, 0), I::SwapOutside(0), I::Look(0)],
    ];
    for code in codes {
        let code: Vec<I> = code.iter().copied().chain([I::Again]).collect();
        let name = format!("{code:?}");
        let run = agree(&name, move || owners::run(&code, 100));
        assert!(run.statistics.loops > 0, "{name}: {:?}", run.statistics);
    }
}

#[test]
fn random_programs() {
    let seeds = std::env::var("JITGEN_RANDOM").map_or(60, |n| n.parse().expect("a number"));
    for seed in 0..seeds {
        let code = random_program(seed);
        agree(&format!("owners {seed}: {code:?}"), move || owners::run(&code, 100));
    }
}

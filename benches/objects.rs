//! Short-lived objects of the collected heap: kernels of the machine of objects with the JIT off and
//! on, and the same in Rust with structs and with boxes, side by side.
//!
//! `cargo bench --bench objects` prints nanoseconds a round, the minimum of some runs, and the ratio
//! to the structs. Each run has a thread, hence a JIT, of its own.
//!
//! The machine is written for its tests: each operation is a match on tagged values, whose results
//! go to registers in memory, and it keeps the last one.

#[allow(dead_code, reason = "the rest is for the tests")]
#[path = "../tests/interpreters/objects.rs"]
mod objects;

use jitgen_core::{Config, configure};
use objects::vm::Insn as I;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

/// Runs of which the fastest counts.
const RUNS: u32 = 3;

struct Kernel {
    name: &'static str,
    before: &'static [I],
    body: &'static [I],
    plain: fn(i64) -> i64,
    boxed: fn(i64) -> i64,
}

#[derive(Clone, Copy)]
struct Pair {
    head: i64,
    tail: i64,
}

struct Link {
    pair: Pair,
    next: Box<Pair>,
}

fn plain_pairs(n: i64) -> i64 {
    (0..n).fold(0, |sum, i| sum + black_box(Pair { head: i, tail: i }).head)
}

fn boxed_pairs(n: i64) -> i64 {
    (0..n).fold(0, |sum, i| sum + black_box(Box::new(Pair { head: i, tail: i })).tail)
}

fn plain_nested(n: i64) -> i64 {
    let pair = |i| Pair { head: i, tail: i };
    (0..n).fold(0, |sum, i| {
        let (a, b) = black_box((pair(i), pair(i)));
        sum + a.head + b.tail
    })
}

fn boxed_nested(n: i64) -> i64 {
    let pair = |i| Pair { head: i, tail: i };
    (0..n).fold(0, |sum, i| {
        let link = black_box(Box::new(Link { pair: pair(i), next: Box::new(pair(i)) }));
        sum + link.pair.head + link.next.tail
    })
}

fn plain_kept(n: i64) -> i64 {
    let mut slots = [Pair { head: 0, tail: 0 }; 3];
    for i in 0..n {
        black_box(&mut slots)[1] = Pair { head: i, tail: i };
    }
    slots[1].head
}

fn boxed_kept(n: i64) -> i64 {
    let mut slots = [0; 3].map(|_| Box::new(Pair { head: 0, tail: 0 }));
    for i in 0..n {
        let new = black_box(Box::new(Pair { head: i, tail: i }));
        drop(std::mem::replace(&mut black_box(&mut slots)[1], new));
    }
    slots[1].head
}

const KERNELS: [Kernel; 3] = [
    Kernel {
        name: "short-lived",
        before: &[I::Int(0, 0)],
        body: &[I::Cons(1, 7, 7), I::Head(2, 1), I::Add(0, 0, 2)],
        plain: plain_pairs,
        boxed: boxed_pairs,
    },
    Kernel {
        name: "nested",
        before: &[I::Int(0, 0)],
        body: &[
            I::Cons(1, 7, 7),
            I::Cons(2, 7, 1),
            I::Head(3, 2),
            I::Add(0, 0, 3),
            I::Tail(3, 2),
            I::Tail(3, 3),
            I::Add(0, 0, 3),
        ],
        plain: plain_nested,
        boxed: boxed_nested,
    },
    Kernel {
        name: "kept",
        before: &[I::Int(0, 0), I::Array(1, 3), I::Int(2, 1)],
        body: &[I::Cons(3, 7, 7), I::Set(1, 2, 3)],
        plain: plain_kept,
        boxed: boxed_kept,
    },
];

/// Nanoseconds a round.
fn timed(rounds: i64, run: impl Fn() + Send + Sync) -> f64 {
    let once = || {
        let start = Instant::now();
        run();
        start.elapsed().as_nanos() as f64 / rounds as f64
    };
    (0..RUNS).map(|_| once()).fold(f64::INFINITY, f64::min)
}

fn guest(kernel: &Kernel, rounds: i64, settings: &str) -> f64 {
    let mut code = vec![I::Int(7, rounds)];
    code.extend_from_slice(kernel.before);
    let start = code.len();
    code.extend_from_slice(kernel.body);
    code.extend([I::Loop(7, start), I::Halt]);
    timed(rounds, || {
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut config = Config::default();
                config.apply(settings).expect("the settings are right");
                configure(config).expect("the thread is new");
                black_box(objects::run(&code, &Arc::default()));
            });
        });
    })
}

fn main() {
    let (few, many) = (300_000, 30_000_000);
    println!(
        "{:<12} {:>9} {:>9} {:>9} {:>9} {:>9}",
        "", "jit=off", "jit", "structs", "boxes", "ratio"
    );
    for kernel in &KERNELS {
        let (off, on) = (guest(kernel, few, "jit=off"), guest(kernel, many, ""));
        let plain = timed(many, || _ = black_box((kernel.plain)(black_box(many))));
        let boxed = timed(many, || _ = black_box((kernel.boxed)(black_box(many))));
        let Kernel { name, .. } = kernel;
        println!("{name:<12} {off:>9.2} {on:>9.2} {plain:>9.2} {boxed:>9.2} {:>9.2}", on / plain);
    }
}

//! Random graphs of objects, compared with a model: what is reachable lives, (nearly) all else goes.

#[path = "support/objects.rs"]
mod objects;

use jitgen_core::gc::{self, Gc, HeapConfig, Root};
use objects::*;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::mpsc::channel;

/// A graph as numbers: for each node its edges in `next`, `many`, `slots`.
#[derive(Default)]
struct Model {
    next: Vec<Option<usize>>,
    many: Vec<Vec<usize>>,
    slots: Vec<Vec<Option<usize>>>,
    roots: Vec<usize>,
}

impl Model {
    fn reachable(&self) -> BTreeSet<usize> {
        let mut found = BTreeSet::new();
        let mut work = self.roots.clone();
        while let Some(node) = work.pop() {
            if found.insert(node) {
                work.extend(self.next[node]);
                work.extend(&self.many[node]);
                work.extend(self.slots[node].iter().flatten());
            }
        }
        found
    }
}

struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        // xorshift64
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 33) as usize % end.max(1)
    }
}

type Nodes = Root<RefCell<Vec<Gc<Node>>>>;

/// A node some steps from a root, in both worlds.
fn walk(random: &mut Random, model: &Model, roots: &Nodes) -> (usize, Gc<Node>) {
    let start = random.below(model.roots.len());
    let (mut number, mut node) = (model.roots[start], roots.borrow()[start]);
    for _ in 0..random.below(6) {
        if let Some(next) = model.next[number] {
            (number, node) = (next, node.next.get().unwrap());
        }
        let many = &model.many[number];
        if !many.is_empty() {
            let index = random.below(many.len());
            let next = node.many.borrow()[index];
            (number, node) = (many[index], next);
        }
        if let Some(slots) = node.slots.get() {
            let index = random.below(slots.len());
            if let (Some(next), Some(to)) = (model.slots[number][index], slots[index].get()) {
                (number, node) = (next, to);
            }
        }
        assert_eq!(node.counted.number, number);
    }
    (number, node)
}

fn step(random: &mut Random, model: &mut Model, roots: &Nodes, drops: &Drops) {
    if model.roots.is_empty() || random.below(8) == 0 {
        let new = node(drops);
        roots.borrow_mut().push(new);
        model.roots.push(new.counted.number);
        model.next.push(None);
        model.many.push(vec![]);
        model.slots.push(vec![]);
        return;
    }
    let (from, node) = walk(random, model, roots);
    let (to, target) = walk(random, model, roots);
    match random.below(12) {
        0..3 => {
            let new = objects::node(drops);
            new.next.set(Some(target));
            node.next.set(Some(new));
            model.next.push(Some(to));
            model.many.push(vec![]);
            model.slots.push(vec![]);
            model.next[from] = Some(new.counted.number);
        }
        3 => {
            node.next.set(None);
            model.next[from] = None;
        }
        4 => {
            node.many.borrow_mut().push(target);
            model.many[from].push(to);
        }
        5 => {
            node.many.borrow_mut().clear();
            model.many[from].clear();
        }
        6..8 => {
            let length =
                1 + if random.below(10) == 0 { random.below(3000) } else { random.below(9) };
            let slots = Gc::<[Slot]>::try_from_fn(length, |_| Slot::default()).unwrap();
            node.slots.set(Some(slots));
            model.slots[from] = vec![None; length];
        }
        8..10 => {
            if let Some(slots) = node.slots.get() {
                let index = random.below(slots.len());
                slots[index].set(Some(target));
                model.slots[from][index] = Some(to);
            }
        }
        _ => {
            let index = random.below(model.roots.len());
            roots.borrow_mut().swap_remove(index);
            model.roots.swap_remove(index);
        }
    }
}

/// The same steps in both worlds. What the model reaches lives, and all else is dropped, but for
/// what a stray word of the stack leads to: the collector believes it. The answer is how many
/// objects it should have freed, and how many of these it has kept.
///
/// All that allocates runs apart: a word that leads to freed memory, left in this frame, would keep
/// the object that owns the same memory next.
fn compare(seed: u64, steps: usize, collections: usize, drops: &Drops) -> (usize, usize) {
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let mut model = Model::default();
    let roots = Nodes::new(RefCell::default());
    let (mut dead, mut kept) = (0, 0);
    for _ in 0..collections {
        apart(|| {
            for _ in 0..steps / collections {
                step(&mut random, &mut model, &roots, drops);
            }
        });
        assert!(collect());
        apart(|| {
            let reachable = model.reachable();
            for number in 0..model.next.len() {
                let dropped = drops.count(number);
                if reachable.contains(&number) {
                    assert_eq!(dropped, 0, "seed {seed}, node {number}");
                } else {
                    dead += 1;
                    kept += usize::from(dropped == 0);
                }
            }
        });
    }
    (dead, kept)
}

/// Compares many graphs, each on a thread of its own: its end drops what is left. One stray word
/// may keep much of a graph, but not of most.
fn compare_all(seeds: std::ops::Range<u64>, config: HeapConfig, steps: usize) {
    let mut all = vec![];
    for seed in seeds {
        let (sender, receiver) = channel();
        alone(move || {
            gc::configure(config);
            let drops = Drops::default();
            let counts = compare(seed, steps, 6, &drops);
            let statistics = gc::statistics();
            assert!(statistics.collections >= 7 && statistics.postponed == 0, "seed {seed}");
            assert!((0..drops.made()).all(|number| drops.count(number) <= 1), "seed {seed}");
            sender.send(counts).expect("the test waits");
        });
        all.push(receiver.recv().expect("the thread has sent it"));
    }
    assert!(all.iter().map(|(dead, _)| dead).sum::<usize>() > 1000);
    let clean = all.iter().filter(|(dead, kept)| kept * 50 < *dead).count();
    assert!(clean * 4 >= all.len() * 3, "of the dead objects some were kept: {all:?}");
}

#[test]
fn random_graphs_under_stress() {
    compare_all(1..20, HeapConfig { stress: true, ..HeapConfig::default() }, 600);
}

#[test]
fn random_graphs_with_few_collections() {
    let config = HeapConfig { initial_threshold: 64 << 10, ..HeapConfig::default() };
    compare_all(100..110, config, 20_000);
}

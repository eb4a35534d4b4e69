//! Random graphs of objects, compared with a model: what is reachable lives, all else goes.

#[path = "support/objects.rs"]
mod objects;

use jitgen_core::gc::{self, Gc, Root};
use objects::*;
use std::cell::RefCell;
use std::collections::BTreeSet;

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

/// The same steps in both worlds; then exactly what the model does not reach has been dropped.
fn compare(seed: u64, steps: usize, collections: usize) {
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let mut model = Model::default();
    let drops = Drops::default();
    let roots = Nodes::new(RefCell::default());
    for round in 0..collections {
        apart(|| {
            for _ in 0..steps / collections {
                step(&mut random, &mut model, &roots, &drops);
            }
        });
        assert!(collect());
        let reachable = model.reachable();
        for number in 0..model.next.len() {
            let expected = u32::from(!reachable.contains(&number));
            assert_eq!(drops.count(number), expected, "seed {seed}, round {round}, node {number}");
        }
    }
    roots.borrow_mut().clear();
    assert!(collect());
    assert_eq!(drops.total() as usize, model.next.len(), "seed {seed}");
    assert_eq!(gc::statistics().live_bytes, 0, "seed {seed}");
}

#[test]
fn random_graphs_under_stress() {
    alone(|| {
        for seed in 1..20 {
            configure(|config| config.stress = true);
            compare(seed, 600, 6);
        }
    });
}

#[test]
fn random_graphs_with_few_collections() {
    alone(|| {
        for seed in 100..110 {
            configure(|config| config.initial_threshold = 64 << 10);
            compare(seed, 20_000, 5);
        }
        assert!(gc::statistics().collections > 100);
    });
}

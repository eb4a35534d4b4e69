//! A machine whose instructions make boxes, counted values and vectors, most of which do not last.
//!
//! Each node holds a share of one token: how often that is counted at the end shows whether all
//! have been dropped, and none twice.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use vm::{Insn, Machine, Node};

/// The number of registers.
pub const REGISTERS: usize = 3;

/// Runs a program for so many rounds; what it did.
pub fn run(code: &[Insn], rounds: i64) -> String {
    let code = Rc::new(code.to_vec());
    let token = Rc::new(Cell::new(0));
    let mut machine = Machine {
        registers: std::array::from_fn(|_| None),
        kept: RefCell::new(vec![]),
        token: Rc::clone(&token),
        digest: 0,
        rounds,
        seen: 0,
    };
    vm::run(&code, &mut machine);
    let shown: Vec<_> = machine.registers.iter().map(|node| show(node.as_deref(), 4)).collect();
    let kept: Vec<_> = machine.kept.take().iter().map(|node| show(Some(node), 3)).collect();
    let Machine { digest, seen, .. } = machine;
    let made = token.get();
    drop(machine);
    let owners = Rc::strong_count(&token);
    format!("{shown:?} {kept:?} {digest} {seen} made: {made} owners: {owners}")
}

fn show(node: Option<&Node>, depth: usize) -> String {
    match node {
        None => "-".to_owned(),
        Some(_) if depth == 0 => "..".to_owned(),
        Some(node) => format!("{} {}", node.number.get(), show(node.next.as_deref(), depth - 1)),
    }
}

/// The interpreter.
#[jitgen_core::interpreter]
pub mod vm {
    use super::REGISTERS;
    use jitgen_core::prelude::*;
    use std::cell::{Cell, RefCell};
    use std::rc::Rc;

    /// An instruction; operands are registers.
    #[derive(Clone, Copy, Debug, Traced)]
    pub enum Insn {
        /// `to = a node with this number`
        Make(usize, i64),
        /// `to = a node that leads to a`
        Link(usize, usize),
        /// `to = a`
        Copy(usize, usize),
        /// `to = nothing`
        Clear(usize),
        /// The number of a node is changed.
        Add(usize, i64),
        /// The number of a node goes into the digest, and that of the next one.
        Look(usize),
        /// A chain of two nodes is made, looked at, and dropped.
        Chain(i64),
        /// A box, with a guard while it is there.
        Boxed(i64),
        /// A vector of so many elements, with a guard while it is there.
        Vector(usize, i64),
        /// A vector of nodes and one of vectors.
        Nested(usize),
        /// A node gets to know a residual function, in some rounds.
        Show(usize, i64),
        /// A node is made, and kept in some rounds.
        Keep(i64),
        /// Two nodes are compared.
        Same(usize, usize),
        /// The next round.
        Again,
    }

    /// What is counted.
    #[derive(Debug, Traced)]
    pub struct Node {
        /// A number.
        pub number: Cell<i64>,
        /// Another one.
        pub next: Option<Rc<Node>>,
        /// A share of the token.
        pub token: Rc<Cell<i64>>,
    }

    /// The machine.
    #[derive(Debug, Traced)]
    pub struct Machine {
        /// Registers.
        pub registers: [Option<Rc<Node>>; REGISTERS],
        /// Nodes that last.
        pub kept: RefCell<Vec<Rc<Node>>>,
        /// Counts the nodes that have been made.
        pub token: Rc<Cell<i64>>,
        /// A sum.
        pub digest: i64,
        /// Rounds left.
        pub rounds: i64,
        /// What residual functions have seen.
        pub seen: i64,
    }

    /// Runs it.
    #[portal(greens(code, pc), reds(machine))]
    pub fn run(code: &Rc<Vec<Insn>>, machine: &mut Machine) {
        let mut pc = 0;
        loop {
            merge_point!();
            match code[pc] {
                Insn::Again => {
                    machine.rounds -= 1;
                    if machine.rounds < 0 {
                        return;
                    }
                    pc = 0;
                    can_enter_jit!();
                }
                insn => {
                    step(machine, insn);
                    pc += 1;
                }
            }
        }
    }

    fn step(machine: &mut Machine, insn: Insn) {
        match insn {
            Insn::Make(to, number) => machine.registers[to] = Some(node(machine, number, None)),
            Insn::Link(to, a) => {
                let next = machine.registers[a].clone();
                if depth(&next) < 4 {
                    machine.registers[to] = Some(node(machine, machine.rounds & 3, next));
                }
            }
            Insn::Copy(to, a) => machine.registers[to] = machine.registers[a].clone(),
            Insn::Clear(to) => machine.registers[to] = None,
            Insn::Add(a, by) => {
                if let Some(node) = &machine.registers[a] {
                    node.number.set(node.number.get().wrapping_add(by));
                }
            }
            Insn::Look(a) => {
                if let Some(node) = &machine.registers[a] {
                    let found = sum(node);
                    machine.digest = machine.digest.wrapping_mul(31).wrapping_add(found);
                }
            }
            Insn::Chain(number) => {
                let first = node(machine, number, None);
                let second = node(machine, machine.rounds, Some(first.clone()));
                first.number.set(first.number.get().wrapping_add(1));
                if machine.rounds & 7 == number & 7 {
                    machine.digest = machine.digest.wrapping_add(1);
                }
                machine.digest = machine.digest.wrapping_add(sum(&second));
            }
            Insn::Boxed(number) => {
                let mut pair = Box::new(Pair { x: number, y: machine.rounds });
                pair.x = pair.x.wrapping_add(pair.y);
                if machine.rounds & 3 == 1 {
                    pair.y = 7;
                }
                machine.digest = machine.digest.wrapping_add(pair.x.wrapping_mul(pair.y));
            }
            Insn::Vector(length, number) => vector(machine, length, number),
            Insn::Nested(a) => nested(machine, a),
            Insn::Show(a, when) => {
                let shown = node(machine, machine.rounds, machine.registers[a].clone());
                if machine.rounds & 3 == when {
                    machine.digest = machine.digest.wrapping_add(show(machine, &shown));
                }
                machine.digest = machine.digest.wrapping_add(shown.number.get());
            }
            Insn::Keep(when) => {
                let kept = node(machine, machine.rounds, None);
                kept.number.set(kept.number.get().wrapping_mul(2));
                if machine.rounds & 15 == when {
                    keep(machine, kept.clone());
                }
                machine.digest = machine.digest.wrapping_add(kept.number.get());
            }
            Insn::Same(a, b) => {
                let fresh = Some(node(machine, 0, None));
                let found = match (&machine.registers[a], &machine.registers[b], &fresh) {
                    (Some(x), Some(y), Some(z)) if Rc::ptr_eq(x, y) && !Rc::ptr_eq(x, z) => 3,
                    (Some(_), Some(_), _) => 5,
                    _ => 7,
                };
                machine.digest = machine.digest.wrapping_add(found);
            }
            Insn::Again => (),
        }
    }

    #[derive(Traced)]
    struct Pair {
        x: i64,
        y: i64,
    }

    fn node(machine: &Machine, number: i64, next: Option<Rc<Node>>) -> Rc<Node> {
        let token = machine.token.clone();
        token.set(token.get() + 1);
        Rc::new(Node { number: Cell::new(number), next, token })
    }

    fn sum(node: &Rc<Node>) -> i64 {
        let next = match &node.next {
            Some(next) => next.number.get(),
            None => 1,
        };
        node.number.get().wrapping_mul(3).wrapping_add(next)
    }

    fn vector(machine: &mut Machine, length: usize, number: i64) {
        let mut items = Vec::with_capacity(length);
        items.push(number);
        items.push(machine.rounds);
        if machine.rounds & 7 == 5 {
            items.push(machine.digest);
        }
        items[0] = items[0].wrapping_add(items[1]);
        let last = items.pop();
        machine.digest = machine.digest.wrapping_add(items[0]).wrapping_add(items.len() as i64);
        if let Some(last) = last {
            machine.digest ^= last;
        }
    }

    fn nested(machine: &mut Machine, a: usize) {
        let mut nodes = Vec::with_capacity(2);
        nodes.push(node(machine, machine.digest & 15, machine.registers[a].clone()));
        if machine.rounds & 3 == 2 {
            nodes.push(nodes[0].clone());
        }
        let cell = Rc::new(RefCell::new(nodes));
        let other = cell.clone();
        machine.digest = machine.digest.wrapping_add(sum(&other.borrow()[0]));
        other.borrow_mut()[0] = node(machine, 4, None);
        let found = cell.borrow().len() as i64;
        machine.digest = machine.digest.wrapping_add(found);
    }

    #[unroll]
    fn depth(node: &Option<Rc<Node>>) -> usize {
        let mut depth = 0;
        let mut at = node;
        while let Some(node) = at {
            depth += 1;
            at = &node.next;
        }
        depth
    }

    #[residual]
    fn show(machine: &mut Machine, node: &Rc<Node>) -> i64 {
        machine.seen = machine.seen.wrapping_mul(7).wrapping_add(node.number.get());
        node.number.set(node.number.get().wrapping_add(100));
        machine.seen & 0xff
    }

    #[residual]
    fn keep(machine: &mut Machine, node: Rc<Node>) {
        machine.kept.borrow_mut().push(node);
    }
}

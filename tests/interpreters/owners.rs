//! A machine whose memory is owned by vectors and boxes, which are exchanged, taken, put back and
//! given to each other while their elements are looked at: what is known of an element must not
//! outlive that somebody else may have come to own it.

use std::rc::Rc;
use vm::{Insn, Node, Spare, Vm};

/// Elements of each vector.
pub const LENGTH: usize = 4;

/// Runs a program for so many rounds; what it left.
pub fn run(code: &[Insn], rounds: i64) -> String {
    let code = Rc::new(code.to_vec());
    let row = |first: i64| (first..first + LENGTH as i64).collect::<Vec<i64>>();
    let node = |number| Node { number, items: row(number).into_boxed_slice(), next: None };
    let mut vm = Vm {
        a: row(1),
        b: row(10),
        spare: Spare::Empty,
        rows: vec![row(20), row(30), row(40)],
        node: Box::new(Node { next: Some(Box::new(node(60))), ..node(50) }),
        other: Box::new(node(70)),
        at: 0,
        digest: 0,
        rounds,
    };
    vm::run(&code, &mut vm);
    format!("{vm:?}")
}

/// The interpreter.
#[jitgen_core::interpreter]
pub mod vm {
    use super::LENGTH;
    use jitgen_core::prelude::*;
    use std::mem;
    use std::rc::Rc;

    /// An instruction. Operands are numbers of elements, or of rows.
    #[derive(Clone, Copy, Debug, Traced)]
    pub enum Insn {
        /// An element of each vector goes into the digest.
        Look(usize),
        /// `a[x] = b[y] + 1`
        Copy(usize, usize),
        /// `b[x] += a[y]`
        Add(usize, usize),
        /// `rows[at][x] = rows[y][x] + a[x]`, where the guest computes `at`.
        Row(usize, usize),
        /// `a` and `b` are exchanged, and looked at behind that.
        Swap(usize),
        /// The same by a residual function.
        SwapOutside(usize),
        /// `a` is put aside, changed there, and put back.
        Aside(usize),
        /// `a` and a row are exchanged.
        Give(usize, usize),
        /// Two rows are exchanged.
        Rows(usize, usize),
        /// `a` is another vector.
        New(i64),
        /// `a` grows, and is shortened again.
        Grow(i64),
        /// The number of a node, its items, and those of the next one are changed.
        Nodes(usize),
        /// The boxes of the nodes are exchanged.
        SwapNodes,
        /// What follows on a node is given to the other one.
        Relink,
        /// The next round.
        Again,
    }

    /// A vector, or none.
    #[derive(Debug, Traced)]
    #[repr(C, u8)]
    pub enum Spare {
        /// None.
        Empty,
        /// A vector.
        Full(Vec<i64>),
    }

    /// A node of a list.
    #[derive(Debug, Traced)]
    pub struct Node {
        /// A number.
        pub number: i64,
        /// Items.
        pub items: Box<[i64]>,
        /// The next one.
        pub next: Option<Box<Node>>,
    }

    /// The machine.
    #[derive(Debug, Traced)]
    pub struct Vm {
        /// A vector,
        pub a: Vec<i64>,
        /// another one,
        pub b: Vec<i64>,
        /// and maybe a third.
        pub spare: Spare,
        /// More of them.
        pub rows: Vec<Vec<i64>>,
        /// A list.
        pub node: Box<Node>,
        /// Another one.
        pub other: Box<Node>,
        /// The number of a row.
        pub at: usize,
        /// Of all that was seen.
        pub digest: i64,
        /// Rounds to go.
        pub rounds: i64,
    }

    /// The dispatch loop.
    #[portal(greens(code, pc), reds(vm))]
    pub fn run(code: &Rc<Vec<Insn>>, vm: &mut Vm) {
        let mut pc = 0;
        loop {
            merge_point!();
            let insn = code[pc];
            pc += 1;
            match insn {
                Insn::Look(x) => vm.look(x),
                Insn::Copy(x, y) => vm.a[x] = vm.b[y].wrapping_add(1),
                Insn::Add(x, y) => vm.b[x] = vm.b[x].wrapping_add(vm.a[y]),
                Insn::Row(x, y) => {
                    let at = vm.at;
                    vm.rows[at][x] = vm.rows[y][x].wrapping_add(vm.a[x]);
                    vm.at = if at == 2 { 0 } else { at + 1 };
                }
                Insn::Swap(x) => {
                    let before = vm.a[x];
                    mem::swap(&mut vm.a, &mut vm.b);
                    vm.a[x] = vm.a[x].wrapping_add(before);
                    vm.b[x] = vm.b[x].wrapping_mul(3);
                }
                Insn::SwapOutside(x) => {
                    let before = vm.a[x];
                    vm.swap();
                    vm.a[x] = vm.a[x].wrapping_sub(before);
                    vm.b[x] = vm.b[x].wrapping_mul(5);
                }
                Insn::Aside(x) => {
                    let before = vm.a[x];
                    vm.spare = Spare::Full(mem::take(&mut vm.a));
                    if let Spare::Full(spare) = &mut vm.spare {
                        spare[x] = spare[x].wrapping_add(vm.b[x]);
                    }
                    if let Spare::Full(spare) = mem::replace(&mut vm.spare, Spare::Empty) {
                        vm.a = spare;
                    }
                    vm.see(vm.a[x].wrapping_sub(before));
                }
                Insn::Give(x, y) => {
                    let before = vm.a[x];
                    mem::swap(&mut vm.a, &mut vm.rows[y]);
                    vm.a[x] = vm.a[x].wrapping_add(1);
                    vm.see(vm.rows[y][x].wrapping_sub(before));
                }
                Insn::Rows(x, y) => {
                    let (first, second) = (vm.rows[x][0], vm.rows[y][0]);
                    vm.rows.swap(x, y);
                    vm.rows[x][0] = vm.rows[x][0].wrapping_add(first);
                    vm.see(vm.rows[y][0] ^ second);
                }
                Insn::New(number) => {
                    let last = vm.a[LENGTH - 1];
                    vm.a = vm.fresh(number);
                    vm.a[0] = vm.a[0].wrapping_add(last);
                }
                Insn::Grow(number) => {
                    vm.a.push(number);
                    vm.a[0] = vm.a[0].wrapping_add(vm.a[LENGTH]);
                    vm.a.truncate(LENGTH);
                }
                Insn::Nodes(x) => {
                    vm.node.number = vm.node.number.wrapping_add(vm.other.number);
                    vm.node.items[x] = vm.other.items[x].wrapping_add(1);
                    if let Some(next) = &mut vm.node.next {
                        next.items[x] = next.items[x].wrapping_add(vm.node.number);
                        next.number = vm.other.items[x];
                    }
                    vm.see(vm.node.items[x].wrapping_add(vm.node.number));
                }
                Insn::SwapNodes => {
                    let before = vm.node.number;
                    mem::swap(&mut vm.node, &mut vm.other);
                    vm.node.number = vm.node.number.wrapping_add(before);
                    vm.see(vm.other.number);
                }
                Insn::Relink => {
                    let next = vm.node.next.take();
                    vm.node.next = mem::replace(&mut vm.other.next, next);
                    if let Some(next) = &mut vm.other.next {
                        next.number = next.number.wrapping_add(vm.other.number);
                    }
                }
                Insn::Again => {
                    if vm.rounds == 0 {
                        return;
                    }
                    vm.rounds -= 1;
                    pc = 0;
                    can_enter_jit!();
                }
            }
        }
    }

    #[traced]
    impl Vm {
        fn see(&mut self, number: i64) {
            self.digest = self.digest.wrapping_mul(31) ^ number;
        }

        fn look(&mut self, x: usize) {
            self.see(self.a[x]);
            self.see(self.b[x]);
            self.see(self.rows[self.at][x]);
        }

        #[residual]
        fn swap(&mut self) {
            mem::swap(&mut self.a, &mut self.b);
        }

        #[residual]
        fn fresh(&mut self, number: i64) -> Vec<i64> {
            vec![number; LENGTH]
        }
    }
}

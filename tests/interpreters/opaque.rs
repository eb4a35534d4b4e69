//! A machine whose values own something in a way that the tracer does not know: they are dropped in
//! traced code, moved, or one or the other.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;
use vm::{Insn, Machine};

/// What counts drops.
pub struct Counted {
    items: BTreeMap<i64, i64>,
    drops: Rc<Cell<i64>>,
}

impl Drop for Counted {
    fn drop(&mut self) {
        // Wrong if it is dropped twice, or its bytes are not what they were.
        let items: i64 = self.items.iter().map(|(key, value)| key ^ value).sum();
        self.drops.set(self.drops.get().wrapping_mul(7).wrapping_add(items + 1));
    }
}

impl Counted {
    /// Something with numbers in it.
    pub fn new(number: i64, drops: &Rc<Cell<i64>>) -> Counted {
        let items = (0..3).map(|key| (key, number + key)).collect();
        Counted { items, drops: Rc::clone(drops) }
    }

    /// A number in it.
    pub fn number(&self) -> i64 {
        self.items[&1]
    }
}

/// Runs a program for so many rounds; what it did.
pub fn run(code: &[Insn], rounds: i64) -> String {
    let code = Rc::new(code.to_vec());
    let drops = Rc::new(Cell::new(0));
    let mut machine = Machine { sum: 0, rounds, made: 0, kept: vec![], drops: Rc::clone(&drops) };
    vm::run(&code, &mut machine);
    let Machine { sum, made, .. } = machine;
    let kept = machine.kept.len();
    drop(machine);
    format!("{sum} {made} {kept} {} owners: {}", drops.get(), Rc::strong_count(&drops))
}

/// The interpreter.
#[jitgen_core::interpreter]
pub mod vm {
    use super::Counted;
    use jitgen_core::prelude::*;
    use std::cell::Cell;
    use std::rc::Rc;

    /// An instruction.
    #[derive(Clone, Copy, Debug, Traced)]
    pub enum Insn {
        /// Makes an owner and drops it.
        Drop,
        /// Drops it behind guards.
        Later,
        /// Moves it to a function.
        Give,
        /// Moves it in some rounds, and drops it in the others.
        Either,
        /// Drops it behind a helper that may return early.
        Helper,
        /// One of several variants, of which one owns nothing.
        Some,
        /// The next round.
        Again,
    }

    /// What owns something.
    #[derive(Traced)]
    pub struct Owner(Counted);

    /// It may own something.
    #[derive(Traced)]
    pub enum Either {
        /// It does.
        Owns(Owner),
        /// It does not.
        Empty(i64),
    }

    /// The machine.
    #[derive(Traced)]
    pub struct Machine {
        /// The result.
        pub sum: i64,
        /// Rounds to go.
        pub rounds: i64,
        /// How many owners have been made.
        pub made: i64,
        /// Those that last.
        pub kept: Vec<Owner>,
        /// Counts drops.
        pub drops: Rc<Cell<i64>>,
    }

    /// The dispatch loop.
    #[portal(greens(code, pc), reds(machine))]
    pub fn run(code: &Rc<Vec<Insn>>, machine: &mut Machine) {
        let mut pc = 0;
        loop {
            merge_point!();
            let insn = code[pc];
            pc += 1;
            match insn {
                Insn::Drop => {
                    let _owner = make(machine);
                }
                Insn::Later => {
                    let _owner = make(machine);
                    machine.sum += machine.made & 5;
                    if machine.sum & 3 == 1 {
                        machine.sum += 1;
                    }
                    if machine.rounds & 7 == 2 {
                        machine.sum ^= 2;
                    }
                }
                Insn::Give => {
                    let owner = make(machine);
                    keep(machine, owner);
                }
                Insn::Either => {
                    let owner = make(machine);
                    if machine.rounds & 3 == 1 {
                        keep(machine, owner);
                    } else {
                        machine.sum += 5;
                    }
                }
                Insn::Helper => machine.sum = machine.sum.wrapping_add(early(machine)),
                Insn::Some => {
                    let either = some(machine);
                    machine.sum += 1;
                    if machine.sum & 1 == 1 {
                        machine.sum += size(either);
                    }
                }
                Insn::Again => {
                    pc = 0;
                    machine.rounds -= 1;
                    if machine.rounds == 0 {
                        return;
                    }
                    can_enter_jit!();
                }
            }
        }
    }

    fn early(machine: &mut Machine) -> i64 {
        let owner = make(machine);
        if machine.rounds & 3 == 0 {
            return 3;
        }
        if machine.rounds & 3 == 1 { number(owner) & 15 } else { 4 }
    }

    #[residual]
    fn make(machine: &mut Machine) -> Owner {
        machine.made += 1;
        Owner(Counted::new(machine.made, &machine.drops))
    }

    #[residual]
    fn some(machine: &mut Machine) -> Either {
        machine.made += 1;
        match machine.made % 3 {
            0 => Either::Empty(machine.made),
            _ => Either::Owns(Owner(Counted::new(machine.made, &machine.drops))),
        }
    }

    #[residual]
    fn number(owner: Owner) -> i64 {
        owner.0.number()
    }

    #[residual]
    fn size(either: Either) -> i64 {
        match either {
            Either::Owns(owner) => owner.0.number(),
            Either::Empty(n) => n,
        }
    }

    #[residual]
    fn keep(machine: &mut Machine, owner: Owner) {
        if machine.kept.len() > 4 {
            machine.kept.remove(0);
        }
        machine.kept.push(owner);
    }
}

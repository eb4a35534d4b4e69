//! An interpreter in several files and two crates, with attributes on single items.
//!
//! The dispatch loop is here, arithmetic in `arith` and `shapes`, a helper in another crate.

pub mod arith;
pub mod nested;
pub mod shapes;

use arith::{combine as mix, pick};
use jitgen_core::{Traced, traced};
use other_crate::{Half, halve, scaled};
use shapes::{Adder, Doubler, Shape, Twice, through};
use std::rc::Rc;

/// What an instruction does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Traced)]
pub enum Insn {
    /// A free function of another file, under another name.
    Mix,
    /// Static dispatch, by a trait of another file.
    Shape,
    /// The other crate.
    Other,
    /// A generic function.
    Pick,
    /// A residual method and residual functions.
    Residual,
    /// Values by `self`.
    ByValue,
    /// The receiver is read before the argument is evaluated.
    Order,
    /// The next round.
    Again,
}

/// The machine.
#[derive(Debug, Traced)]
pub struct Vm {
    /// The accumulator.
    pub a: i64,
    /// Rounds to go.
    pub left: u64,
    /// How often something was noted.
    pub notes: u64,
    /// A shape.
    pub adder: Adder,
    /// Another.
    pub doubler: Doubler,
    /// A number.
    pub twice: Twice<i64>,
    /// And one of the other crate.
    pub half: Half,
}

/// Runs a program; gives the machine's final state.
pub fn run(code: &[Insn], rounds: u64) -> String {
    let code = Rc::new(code.to_vec());
    let (adder, doubler) = (Adder { by: 3 }, Doubler { times: 1 });
    let mut vm =
        Vm { a: 5, left: rounds, notes: 0, adder, doubler, twice: Twice(0), half: Half { add: 7 } };
    let result = vm.run(&code);
    format!("{result} {vm:?}")
}

#[traced]
impl Vm {
    /// The dispatch loop.
    #[portal(greens(code, pc), reds(self))]
    pub fn run(&mut self, code: &Rc<Vec<Insn>>) -> i64 {
        let mut pc = 0;
        loop {
            merge_point!();
            let insn = code[pc];
            pc += 1;
            match insn {
                Insn::Mix => self.a = mix(self.a, self.left as i64),
                Insn::Shape => {
                    let a = self.adder.area(self.a);
                    let b = self.doubler.area(a).wrapping_add(self.doubler.perimeter());
                    self.a = through(&self.adder, b).wrapping_add(Adder::corners(2));
                }
                Insn::Other => {
                    let half = self.half.of(self.a);
                    self.a = halve(half).wrapping_add(other_crate::nested::tripled(1));
                    self.a = scaled::<4>(self.a);
                }
                Insn::Pick => {
                    self.a = pick(self.a > 0, self.a, -1);
                    let small: u8 = pick(self.left > 100, 1, 2);
                    self.a = self.a.wrapping_add(small as i64);
                }
                Insn::Residual => {
                    self.note(self.a);
                    self.a = arith::sum_below(self.a).wrapping_add(self.adder.looped(3));
                }
                Insn::ByValue => {
                    self.twice.0 = self.a.clamped();
                    self.a = self.twice.get().wrapping_sub(self.twice.inner());
                }
                Insn::Order => {
                    self.a = self.a.wrapping_mul(3).min(self.a.wrapping_sub(self.bump()))
                }
                Insn::Again => {
                    if self.left == 0 {
                        return self.a;
                    }
                    self.left -= 1;
                    pc = 0;
                    can_enter_jit!();
                }
            }
        }
    }

    fn bump(&mut self) -> i64 {
        self.a = self.a.wrapping_add(1);
        self.a
    }

    #[residual]
    fn note(&mut self, value: i64) {
        let text = format!("{value}");
        self.notes += text.len() as u64;
    }
}

/// By value, on a word.
#[traced]
trait Clamped {
    fn clamped(self) -> i64;
}

#[traced]
impl Clamped for i64 {
    fn clamped(self) -> i64 {
        self.clamp(-1000, 1000)
    }
}

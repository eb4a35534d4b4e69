//! Numbers in random traces that one fact relates: to each other, to a bound, to how they were made.
//!
//! ```text
//! v2 = lt_s.i64 v0, v1                v2 = and.i64 v0, 31
//! guard v2 else exit0                 v3 = shr_u.i8 v1, v2
//! v3 = add.i64 v0, 1                  v4 = lt_u.i8 v3, 16
//! v4 = le_s.i64 v3, v1                ;; v4 is shown
//! ;; v4 is shown
//! ```
//!
//! Steps that are drawn one by one seldom ask what an earlier one has answered. Here the questions come
//! behind the facts, about the same small numbers or the ends of their types, and the next exit shows
//! the answers.
//!
//! Not here: guards whose exits are drawn, too (`guards`), memory (`reuse`).

use super::Generator;
use crate::world::pick;
use jitgen_core::ir::{Arg, Const, Op, Ty};

impl Generator {
    /// Numbers that are related, in one of several ways.
    pub(super) fn related(&mut self) {
        match self.below(9) {
            0 | 1 => self.orders(),
            2 | 3 => self.bounded(),
            4 => self.real_orders(),
            5 => self.both(),
            6 => self.overflow(),
            7 => self.tested(),
            _ => self.guard_bounds(),
        }
    }

    /// The next exit shows it, or a jump before that.
    pub(super) fn show(&mut self, value: Arg) {
        self.shown.push(value);
    }

    /// A value of that type which the next exit would show.
    pub(super) fn shown_of(&mut self, ty: Ty) -> Option<Arg> {
        let at = self.shown.iter().rposition(|arg| self.trace.ty(*arg) == ty)?;
        Some(self.shown.remove(at))
    }

    /// It is tested, or shown.
    fn ask(&mut self, condition: Arg) {
        match self.chance(1, 3) {
            true => self.guard_on(Op::Guard, condition),
            false => self.show(condition),
        }
    }

    /// A number of few bits, mostly.
    pub(super) fn few(&mut self, ty: Ty) -> Arg {
        let word = self.of_kind(ty, None);
        match self.chance(2, 3) {
            true => self.define(Op::And, ty, word, Const::new(ty, 7).into(), 0),
            false => word,
        }
    }

    /// Indices and lengths: what is less than what, and what follows from that.
    fn orders(&mut self) {
        let ty = self.int_ty();
        let (index, length) = (self.few(ty), self.few(ty));
        let orders = [Op::LtS, Op::LeS, Op::LtU, Op::LeU];
        let op = pick(&mut self.rng, &orders);
        let less = self.define(op, ty, index, length, 0);
        self.guard_on(Op::Guard, less);
        let mut pairs = vec![(index, length), (length, index)];
        if self.chance(1, 3) {
            let (op, room) = (pick(&mut self.rng, &orders), self.few(ty));
            let less = self.define(op, ty, length, room, 0);
            self.guard_on(Op::Guard, less);
            pairs.extend([(index, room), (room, index)]);
        }
        let by = Const::new(ty, 1 + self.below(2)).into();
        let next = self.define(Op::Add, ty, index, by, 0);
        pairs.extend([(next, length), (next, length), (length, next)]);
        for _ in 0..1 + self.below(3) {
            let ops = match op {
                Op::LtS | Op::LeS => [Op::LtS, Op::LeS, Op::LeS, Op::LtU, Op::Eq],
                _ => [Op::LtU, Op::LeU, Op::LeU, Op::LtS, Op::Ne],
            };
            let (op, (a, b)) = (pick(&mut self.rng, &ops), pick(&mut self.rng, &pairs));
            let answer = self.define(op, ty, a, b, 0);
            self.ask(answer);
        }
    }

    /// A number of which something is known, what is made of it, and whether that is in some bounds.
    fn bounded(&mut self) {
        let ty = self.int_ty();
        let word = self.of_kind(ty, None);
        let low = pick(&mut self.rng, &[1, 3, 7, 15, 127, 255, 255, 511]);
        let known = match self.below(4) {
            0 | 1 => self.define(Op::And, ty, word, Const::new(ty, low).into(), 0),
            2 => {
                let by = Const::new(ty, 1 + self.below(u64::from(ty.width()) - 1)).into();
                let op = pick(&mut self.rng, &[Op::ShrS, Op::ShrU]);
                self.define(op, ty, word, by, 0)
            }
            _ => {
                let by = Const::new(ty, pick(&mut self.rng, &[3, 7, 8, 100])).into();
                let op = pick(&mut self.rng, &[Op::RemS, Op::RemU]);
                self.define(op, ty, word, by, 0)
            }
        };
        let made = self.made_of(ty, known);
        self.show(made);
        let ty = self.trace.ty(made);
        for _ in 0..1 + self.below(2) {
            let (sign, small) = (1u64 << (ty.width() - 1), self.below(20));
            let ends = [0, u64::MAX, sign, sign - 1, low, low + 1, small, small.wrapping_neg()];
            let end = Const::new(ty, pick(&mut self.rng, &ends)).into();
            let op = pick(&mut self.rng, &[Op::LtS, Op::LtU, Op::LeS, Op::LeU, Op::Eq]);
            let (a, b) = if self.chance(1, 2) { (made, end) } else { (end, made) };
            let answer = self.define(op, ty, a, b, 0);
            self.ask(answer);
        }
    }

    /// What an operation makes of a number of which something is known, also at the ends of its type.
    fn made_of(&mut self, ty: Ty, known: Arg) -> Arg {
        let (width, sign) = (u64::from(ty.width()), 1u64 << (ty.width() - 1));
        let number = |bits: u64| Arg::Const(Const::new(ty, bits));
        let other = self.of_kind(ty, None);
        match self.below(9) {
            0 | 1 => {
                // Amounts may be larger than the width, which they are taken modulo of.
                let by = self.define(Op::And, ty, known, number(3), 0);
                let more = number(pick(&mut self.rng, &[1, 4, width - 1, width, width + 1]));
                let by = self.define(Op::Add, ty, by, more, 0);
                let op = pick(&mut self.rng, &[Op::Shl, Op::ShrS, Op::ShrU]);
                match self.chance(1, 2) {
                    true => self.define(op, ty, other, by, 0),
                    false => {
                        let by = self.below(2 * width);
                        self.define(op, ty, known, number(by), 0)
                    }
                }
            }
            2 => {
                let by = pick(&mut self.rng, &[2, 3, 7, 10, sign, sign - 1, sign + 1]);
                let op = pick(&mut self.rng, &[Op::DivS, Op::DivU, Op::RemS, Op::RemU]);
                let a = if self.chance(1, 2) { known } else { other };
                self.define(op, ty, a, number(by), 0)
            }
            3 => {
                // A divisor of which it is known that it is not 0.
                let by = self.define(Op::Or, ty, known, number(1), 0);
                let op = pick(&mut self.rng, &[Op::DivU, Op::RemU]);
                self.define(op, ty, other, by, 0)
            }
            4 if ty == Ty::I64 => {
                let to = pick(&mut self.rng, &[Ty::I8, Ty::I16, Ty::I32]);
                self.define(Op::Trunc, to, known, Arg::NONE, 0)
            }
            4 | 5 if ty != Ty::I64 => {
                let op = pick(&mut self.rng, &[Op::Sext, Op::Zext]);
                self.define(op, Ty::I64, known, Arg::NONE, 0)
            }
            8 if ty != Ty::I8 => {
                let to = if ty == Ty::I16 { Ty::I8 } else { Ty::I16 };
                self.define(Op::Trunc, to, known, Arg::NONE, 0)
            }
            6 => {
                let by = pick(&mut self.rng, &[3, 16, sign, sign - 1, u64::MAX]);
                let op = pick(&mut self.rng, &[Op::Mul, Op::Xor, Op::Sub]);
                self.define(op, ty, known, number(by), 0)
            }
            _ => {
                let by = pick(&mut self.rng, &[1, 4, sign, sign - 1, u64::MAX - 3]);
                self.define(Op::Add, ty, known, number(by), 0)
            }
        }
    }

    /// Floats are compared, also with NaN and zeros of either sign, and compared again.
    fn real_orders(&mut self) {
        let ty = pick(&mut self.rng, &[Ty::F64, Ty::F64, Ty::F32]);
        let zero = Arg::Const(Const::new(ty, 0));
        let mut words = [self.operand(ty), self.operand(ty)];
        if self.chance(1, 2) {
            // A zero that has a sign, and one that has none, or what is no number.
            words[0] = self.define(Op::FMul, ty, words[0], zero, 0);
            words[1] = zero;
            if self.chance(1, 2) {
                words[1] = self.define(Op::FDiv, ty, words[0], zero, 0);
            }
        }
        let ops = [Op::FEq, Op::FNe, Op::FLt, Op::FLe, Op::FLt];
        let op = pick(&mut self.rng, &ops);
        let condition = self.define(op, ty, words[0], words[1], 0);
        self.guard_on(Op::Guard, condition);
        for _ in 0..1 + self.below(2) {
            let op = pick(&mut self.rng, &[Op::FLe, Op::FLe, Op::FLt, Op::FEq, Op::FNe]);
            let (a, b) = if self.chance(1, 3) { (0, 1) } else { (1, 0) };
            let answer = self.define(op, ty, words[a], words[b], 0);
            self.ask(answer);
        }
        if self.chance(1, 2) {
            let bits = if ty == Ty::F64 { Ty::I64 } else { Ty::I32 };
            let bits = self.define(Op::Bitcast, bits, words[0], Arg::NONE, 0);
            self.show(bits);
        }
    }

    /// A word is compared with several constants, for one exit.
    fn tested(&mut self) {
        let ty = self.int_ty();
        let (word, exit) = (self.few(ty), self.exit());
        for _ in 0..2 + self.below(2) {
            let op = pick(&mut self.rng, &[Op::Ne, Op::LtS, Op::LtU, Op::LeS, Op::LeU]);
            let end = Const::new(ty, self.below(8)).into();
            let (a, b) = if self.chance(1, 2) { (word, end) } else { (end, word) };
            let condition = self.define(op, ty, a, b, 0);
            self.leave_by(exit, Op::Guard, condition);
            self.between_guards();
        }
    }

    /// Two conditions are tested at once, and each is looked at.
    fn both(&mut self) {
        let (p, q) = (self.comparison(), self.comparison());
        let op = pick(&mut self.rng, &[Op::And, Op::Or, Op::Xor]);
        let mut condition = self.define(op, Ty::Bool, p, q, 0);
        if self.chance(1, 3) {
            condition = self.define(Op::Not, Ty::Bool, condition, Arg::NONE, 0);
        }
        self.guard_on(Op::Guard, condition);
        self.show(p);
        self.show(q);
    }

    /// Whether a result overflows is tested, and then it is looked at.
    fn overflow(&mut self) {
        let ty = self.int_ty();
        let ops = [
            (Op::AddOvfS, Op::Add),
            (Op::AddOvfU, Op::Add),
            (Op::SubOvfS, Op::Sub),
            (Op::SubOvfU, Op::Sub),
            (Op::MulOvfS, Op::Mul),
            (Op::MulOvfU, Op::Mul),
        ];
        let (overflows, op) = pick(&mut self.rng, &ops);
        let sign = 1u64 << (ty.width() - 1);
        let (word, far) = (self.of_kind(ty, None), Const::new(ty, sign - 1 - self.below(4)));
        let mut near = self.define(Op::Or, ty, word, far.into(), 0);
        if self.chance(2, 3) {
            near = self.define(Op::And, ty, near, Const::new(ty, sign - 1).into(), 0);
        }
        let other = self.few(ty);
        let (a, b) = if self.chance(2, 3) { (near, other) } else { (word, other) };
        let condition = self.define(overflows, ty, a, b, 0);
        self.guard_on(Op::Guard, condition);
        let result = self.define(op, ty, a, b, 0);
        self.show(result);
        let end = Const::new(ty, pick(&mut self.rng, &[0, sign, sign - 1, 8])).into();
        for op in [Op::LtS, Op::LtU] {
            let answer = self.define(op, ty, result, end, 0);
            self.ask(answer);
        }
    }
}

//! Guards of random traces.
//!
//! Not here: what they leave by (`generate`), that most pass in the first round (`turn_guards` there).

use super::{Generator, tree};
use crate::world::pick;
use jitgen_core::ir::{Arg, Aux, Const, ExitId, Inst, Op, Ty};

impl Generator {
    pub(super) fn guard(&mut self) {
        if self.chance(1, 9) {
            return self.guard_bounds();
        }
        let condition = match self.chance(1, 3) {
            true => self.of_kind(Ty::Bool, None),
            false => self.comparison(),
        };
        self.guard_on(Op::Guard, condition);
        if self.chance(1, 3) {
            self.guard_again(condition);
        }
    }

    /// Sums of a word are compared with one bound, as the indices of a guest's registers are; that they
    /// do not wrap is guarded, too, mostly. Some words are distances, so that some sums do.
    pub(super) fn guard_bounds(&mut self) {
        let ty = self.int_ty();
        let (mut word, mut limit) = (self.of_kind(ty, None), self.few(ty));
        if self.chance(2, 3) {
            let low = Const::new(ty, 3).into();
            let (a, b) = (self.of_kind(ty, None), self.of_kind(ty, None));
            let a = self.define(Op::And, ty, a, low, 0);
            let b = self.define(Op::And, ty, b, low, 0);
            word = self.define(Op::Sub, ty, a, b, 0);
        }
        let exit = self.exit();
        let (mut by, mut of_four) = (self.below(4), 3);
        for _ in 0..2 + self.below(3) {
            let wraps = Const::new(ty, by.wrapping_neg());
            if by > 0 && self.chance(of_four, 4) {
                let fits = self.define(Op::LtU, ty, word, wraps.into(), 0);
                self.leave_by(exit, Op::Guard, fits);
                of_four = 1;
            }
            let sum = self.define(Op::Add, ty, word, Const::new(ty, by).into(), 0);
            let less = self.define(Op::LtU, ty, sum, limit, 0);
            self.leave_by(exit, Op::Guard, less);
            by = if self.chance(1, 2) { by + 1 } else { self.below(5) };
            if self.chance(1, 4) {
                limit = self.of_kind(ty, None);
            }
        }
    }

    /// The word that a guard has compared is compared with something else, mostly for the same exit.
    fn guard_again(&mut self, condition: Arg) {
        let of = |inst: &&Inst| inst.dst.map(Arg::Value) == Some(condition);
        let Some(Inst { ty, a, .. }) = self.insts.iter().find(of).copied() else { return };
        if !ty.is_int() {
            return;
        }
        let word = match self.chance(1, 3) {
            true => {
                let by = self.constant(ty);
                self.define(Op::Add, ty, a, by, 0)
            }
            false => a,
        };
        let ops = [Op::Eq, Op::Ne, Op::Ne, Op::LtS, Op::LeS, Op::LtU, Op::LeU];
        let (op, with) = (pick(&mut self.rng, &ops), self.constant(ty));
        let (a, b) = if self.chance(1, 2) { (word, with) } else { (with, word) };
        let condition = self.define(op, ty, a, b, 0);
        let last = self.insts.iter().rev().find_map(|inst| match inst.aux {
            Aux::Exit(exit) => Some(exit),
            Aux::None | Aux::Class(_) | Aux::Call(_) => None,
        });
        self.between_guards();
        match last.filter(|_| self.chance(3, 4)) {
            Some(exit) => self.leave_by(exit, Op::Guard, condition),
            None => self.guard_on(Op::Guard, condition),
        }
    }

    /// What two guards of an exit must not be one across: a guard that leaves otherwise, an effect. From
    /// there on the exit says less than it could, as one does whose log is not needed.
    pub(super) fn between_guards(&mut self) {
        match self.below(6) {
            0 | 1 => {
                let (condition, exit) = (self.comparison(), self.exit());
                self.leave_by(exit, Op::Guard, condition);
            }
            2 => {
                let place = self.place();
                self.store(place, None);
            }
            _ => (),
        }
    }

    pub(super) fn guard_on(&mut self, op: Op, condition: Arg) {
        // Guards up to the next effect share an exit, and others: then no bridge begins there.
        let share = self.chance(1, 3) && (self.guest.is_none() || self.is_quiet_since_exit());
        // What is pending may be for an object that has been freed since.
        let plain = |exit: &ExitId| self.trace.exit(*exit).pending.is_empty();
        let exit = match self.last_exit.filter(|exit| share && plain(exit)) {
            Some(exit) => exit,
            None => self.exit(),
        };
        self.leave_by(exit, op, condition);
    }

    pub(super) fn leave_by(&mut self, exit: ExitId, op: Op, a: Arg) {
        let (ty, b, aux) = (Ty::Bool, Arg::NONE, Aux::Exit(exit));
        self.insts.push(Inst { op, ty, dst: None, a, b, imm: 0, aux });
    }

    /// Has nothing had an effect since the last exit was left for the first time?
    fn is_quiet_since_exit(&self) -> bool {
        let leaves = |inst: &Inst| self.last_exit.is_some_and(|e| inst.aux == Aux::Exit(e));
        let first = self.insts.iter().position(leaves);
        first.is_none_or(|first| !self.insts[first..].iter().any(tree::has_effect))
    }

    /// A guard whose exit shows many values.
    pub(super) fn reveal(&mut self) {
        let condition = self.comparison();
        let exit = self.exit();
        let shown = self.pool.iter().rev().take(24).map(|value| value.arg);
        self.trace.exits[exit.index()].reds = shown.collect();
        self.last_exit = Some(exit);
        self.leave_by(exit, Op::Guard, condition);
    }
}

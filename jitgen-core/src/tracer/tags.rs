//! Which variant a value is: tests of patterns, and the guards that they come to.
//!
//! ```text
//! match (a, b) { (Int, Int) => .., (Float, Float) => .., _ => .. }     a is Nil, b is Int
//!     test a is Int: no      a is not in {Int}
//!     test a is Float: no    a is not in {Int, Float}
//!     the arm does something: guard tag(a) is not in {Int, Float};      nothing about b
//! ```
//!
//! A test narrows the set of tags that the trace takes for possible, and emits nothing. The guards
//! come out together, before the next entry of the log, effect, guard or merge point.
//!
//! Invariants: `no-lost-guard` (a narrowed set is guarded before anything that depends on it can be
//! observed), `same-log` (when the guard comes out, the log has nothing that was met only because
//! of what the tests found). See the callers of `Session::flush`.
//!
//! Not here: where a tag lies in a type (`macro_support::shape`).

use super::recorder::Recorder;
use super::{Opnd, Session, Word};
use crate::ir::{Arg, Const, Op, Ty, ValueId};

/// A test of a pattern's head.
#[derive(Clone, Copy, Debug)]
pub struct Tag {
    /// The tag as it is.
    pub word: Word,
    /// The tags that exist, as bits; 0 if there are more than 64 or they are not known.
    pub all: u64,
}

/// What is known of a value of the trace.
#[derive(Clone, Copy, Debug)]
pub(super) struct Possible {
    /// The tags that it can have.
    now: u64,
    /// The tags that the guards emitted so far leave.
    guarded: u64,
    /// All tags.
    all: u64,
}

impl Session {
    /// The twin has found out whether a value has the tag `tested` (if that is known): `yes`.
    pub fn test(&mut self, tag: Tag, tested: Option<u64>, yes: bool) {
        let Opnd::Ssa(v) = tag.word.opnd else { return };
        if !self.is_recording() {
            return;
        }
        let now = tag.word.now.bits;
        let listed = tag.all != 0 && now < 64 && tested.is_none_or(|tested| tested < 64);
        if !listed || tag.all & 1 << now == 0 {
            self.promote(tag.word);
            return;
        }
        let possible = self.tags.entry(v).or_insert(Possible {
            now: tag.all,
            guarded: tag.all,
            all: tag.all,
        });
        match tested {
            Some(tested) if !yes => possible.now &= !(1 << tested),
            _ => possible.now = 1 << now,
        }
        if possible.now != possible.guarded && !self.pending.contains(&v) {
            self.pending.push(v);
        }
    }

    /// The operand, which is constant if enough is known of it.
    pub fn resolve(&self, opnd: Opnd, now: Const) -> Opnd {
        let Opnd::Ssa(v) = opnd else { return opnd };
        let tag = self.tags.get(&v).is_some_and(|possible| possible.now.count_ones() == 1);
        if tag || self.equal.get(&v) == Some(&now) { Opnd::Const } else { opnd }
    }

    /// From here on a value of the trace is that constant.
    pub fn learn_equal(&mut self, v: ValueId, now: Const) {
        self.equal.insert(v, now);
    }

    /// Emits the guards of all tests since the last time.
    pub fn flush(&mut self) {
        if self.pending.is_empty() {
            return;
        }
        for v in std::mem::take(&mut self.pending) {
            let Some(possible) = self.tags.get_mut(&v) else { continue };
            let (now, before, all) = (possible.now, possible.guarded, possible.all);
            possible.guarded = now;
            if let Some(recorder) = self.recorder() {
                guard(recorder, v, (now, before, all));
            }
        }
    }
}

/// One guard that the tag `v`, which is one of `before`, is one of `now`.
fn guard(r: &mut Recorder, v: ValueId, (now, before, all): (u64, u64, u64)) {
    let ty = r.type_of(v);
    let constant = |bits: u32| Arg::Const(Const::new(ty, bits.into()));
    let removed = before & !now;
    if now.count_ones() == 1 || removed.count_ones() == 1 {
        let (set, value) = if now.count_ones() == 1 { (now, true) } else { (removed, false) };
        if ty == Ty::Bool {
            return r.guard(v, (set == 2) == value);
        }
        let same = r.op(Op::Eq, ty, v.into(), constant(set.trailing_zeros()));
        return r.guard(same, value);
    }
    // Bit `tag` of a constant. Tags that do not exist may count as they like.
    let wide = if ty == Ty::I64 { v } else { r.op(Op::Zext, Ty::I64, v.into(), Arg::NONE) };
    let set = Arg::Const(Const::i64((now | !all) as i64));
    let bit = r.op(Op::ShrU, Ty::I64, set, wide.into());
    let bit = r.op(Op::Trunc, Ty::I8, bit.into(), Arg::NONE);
    let one = Arg::Const(Const::new(Ty::I8, 1));
    let bit = r.op(Op::And, Ty::I8, bit.into(), one);
    let yes = r.op(Op::Ne, Ty::I8, bit.into(), Arg::Const(Const::new(Ty::I8, 0)));
    r.guard(yes, true);
}

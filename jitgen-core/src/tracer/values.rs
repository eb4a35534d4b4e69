//! Values of several words: aggregates, their parts, and results of calls in scratch memory.
//!
//! ```text
//! Value::Int(x)     Agg [ +8 i64 v3 ]                the tag is not listed: constant
//! regs[i]           Agg [ +0 i8 v4, +8 i64 v5 ]
//! part +8 as f64    bitcast.f64 v5
//! ```
//!
//! A part has the type with which it was made; whoever wants the bytes with another type gets a
//! conversion, at that moment. So a value that is only copied costs nothing but its loads.
//!
//! Invariants: `immutable` (an aggregate is never changed; a changed value gets a new one),
//! `listed` (bytes that no part covers are constant: what the concrete value holds).
//!
//! Not here: which words a Rust type has (`macro_support::shape`).

use super::{Blob, Opnd, Part, Session, Word};
use crate::ir::{Const, Op, Ty, ValueId};

impl Session {
    /// An aggregate of these parts; constant if they all are.
    pub fn aggregate(&mut self, mut parts: Vec<Part>) -> Opnd {
        parts.retain(|part| part.opnd != Opnd::Const);
        if parts.is_empty() {
            return Opnd::Const;
        }
        self.parts.push(parts);
        Opnd::Agg(self.parts.len() as u32 - 1)
    }

    /// The operand of the word at byte `offset` of `whole`, which is `now`.
    pub fn part(&mut self, whole: Opnd, offset: u32, now: Const) -> Opnd {
        let size = now.ty.size();
        let opnd = match self.slice(whole, offset, size) {
            Opnd::Ssa(v) => self.typed(v, now.ty),
            Opnd::Agg(id) => self.combine(id, now),
            Opnd::Blob(id) => self.load_blob(id, 0, now),
            Opnd::Frozen if now.ty != Ty::Ptr => Opnd::Const,
            other => other,
        };
        self.resolve(opnd, now)
    }

    /// The operand of the `size` bytes at byte `offset` of `whole`.
    pub fn slice(&mut self, whole: Opnd, offset: u32, size: u32) -> Opnd {
        match whole {
            Opnd::Const | Opnd::Frozen => whole,
            Opnd::Blob(id) => {
                let blob = self.blobs[id as usize];
                self.add_blob(Blob { tag: None, offset: blob.offset + offset as i32 })
            }
            Opnd::Local(_) => whole,
            Opnd::Ssa(v) => {
                let Some(ty) = self.value_type(v) else { return Opnd::Const };
                self.cut(vec![Part::word(0, ty, whole)], offset, size)
            }
            Opnd::Agg(id) => {
                let parts = self.parts[id as usize].clone();
                self.cut(parts, offset, size)
            }
        }
    }

    /// The same value (of `len` bytes) with other bytes from `offset` on: `new` stands for `size`
    /// of them.
    pub fn replace(
        &mut self,
        whole: Opnd,
        len: u32,
        (offset, size): (u32, u32),
        new: Opnd,
    ) -> Opnd {
        let old = self.listed(whole, len);
        let end = offset + size;
        let mut parts = vec![];
        for part in old {
            let stop = part.offset + part.size;
            if part.offset >= end || stop <= offset {
                parts.push(part);
                continue;
            }
            // What sticks out on either side stays, byte by byte.
            let rest = (part.offset..stop).filter(|at| *at < offset || *at >= end);
            for at in rest.collect::<Vec<_>>() {
                let opnd = self.extract(part, at, 1);
                parts.push(Part::word(at, Ty::I8, opnd));
            }
        }
        parts.extend(self.listed(new, size).into_iter().map(|part| Part {
            offset: part.offset + offset,
            ..part
        }));
        self.settle(parts)
    }

    /// The parts of an operand that stands for `size` bytes.
    pub fn listed(&mut self, opnd: Opnd, size: u32) -> Vec<Part> {
        match opnd {
            Opnd::Const => vec![],
            Opnd::Agg(id) => self.parts[id as usize].clone(),
            Opnd::Ssa(v) => match self.value_type(v) {
                Some(ty) => vec![Part::word(0, ty, opnd)],
                None => vec![],
            },
            Opnd::Local(_) => vec![Part::word(0, Ty::Ptr, opnd)],
            // Pointers read from frozen memory stay frozen, whatever is around them.
            Opnd::Frozen => (0..size / 8)
                .map(|index| Part::word(index * 8, Ty::Ptr, opnd))
                .collect(),
            Opnd::Blob(_) => vec![Part { offset: 0, size, ty: Ty::I8, opnd }],
        }
    }

    /// A word of a call's result, which is `now`.
    pub fn load_blob(&mut self, blob: u32, offset: u32, now: Const) -> Opnd {
        let base = self.blobs[blob as usize].offset;
        self.emit(|r| Opnd::Ssa(r.load_scratch(base, offset, now)))
    }

    /// An operand for parts: the only part itself if it is all there is.
    pub fn settle(&mut self, parts: Vec<Part>) -> Opnd {
        match parts[..] {
            [Part { offset: 0, opnd, .. }] if !matches!(opnd, Opnd::Blob(_)) => opnd,
            _ => self.aggregate(parts),
        }
    }

    /// The bytes from `offset` on that these parts cover.
    fn cut(&mut self, parts: Vec<Part>, offset: u32, size: u32) -> Opnd {
        let end = offset + size;
        let mut inside = vec![];
        for part in parts {
            let stop = part.offset + part.size;
            if part.offset >= end || stop <= offset {
                continue;
            }
            let (from, to) = (part.offset.max(offset), stop.min(end));
            if (from, to) == (part.offset, stop) {
                inside.push(Part { offset: from - offset, ..part });
                continue;
            }
            if let Opnd::Blob(_) = part.opnd {
                let opnd = self.slice(part.opnd, from - part.offset, to - from);
                inside.push(Part { offset: from - offset, size: to - from, opnd, ..part });
                continue;
            }
            let ty = int_of(to - from);
            let step = ty.map_or(1, Ty::size);
            for at in (from..to).step_by(step as usize) {
                let opnd = self.extract(part, at, step);
                inside.push(Part::word(at - offset, ty.unwrap_or(Ty::I8), opnd));
            }
        }
        match inside[..] {
            [Part { offset: 0, size: all, opnd, .. }] if all == size => opnd,
            _ => self.aggregate(inside),
        }
    }

    /// `size` bytes of a part, from byte `at` of the aggregate on, as an integer.
    fn extract(&mut self, part: Part, at: u32, size: u32) -> Opnd {
        if let Opnd::Blob(_) = part.opnd {
            return self.slice(part.opnd, at - part.offset, size);
        }
        let Opnd::Ssa(v) = part.opnd else { return part.opnd };
        let Some(whole) = int_of(part.size) else { return Opnd::Const };
        let Some(ty) = int_of(size) else { return Opnd::Const };
        let v = self.typed(v, whole);
        let distance = u64::from(at - part.offset) * 8;
        let shifted = if distance == 0 {
            v
        } else {
            self.pure(Op::ShrU, whole, v, Some(Const::new(whole, distance)))
        };
        if whole == ty { shifted } else { self.pure(Op::Trunc, ty, shifted, None) }
    }

    /// The word `now` from parts that cover some of its bytes.
    fn combine(&mut self, id: u32, now: Const) -> Opnd {
        let parts = self.parts[id as usize].clone();
        let Some(ty) = int_of(now.ty.size()) else { return Opnd::Const };
        let values = parts.iter().filter(|part| matches!(part.opnd, Opnd::Ssa(_) | Opnd::Blob(_)));
        let covered = values.fold(0, |mask, part| mask | part.ty_mask() << (part.offset * 8));
        let mut sum = None;
        let rest = Const::new(ty, now.bits & !covered);
        for part in parts {
            let v = match part.opnd {
                Opnd::Ssa(v) => v,
                Opnd::Const | Opnd::Frozen => continue,
                Opnd::Blob(id) => {
                    let own = int_of(part.size).unwrap_or(Ty::I8);
                    let bits = now.bits >> (part.offset * 8);
                    match self.load_blob(id, 0, Const::new(own, bits)) {
                        Opnd::Ssa(v) => v,
                        _ => continue,
                    }
                }
                Opnd::Agg(_) | Opnd::Local(_) => {
                    // Mixed with what is no word: nothing can be said of the whole.
                    self.abort(super::AbortReason::OpaqueValue);
                    return Opnd::Const;
                }
            };
            let own = int_of(part.size).unwrap_or(Ty::I8);
            let mut v = self.typed(v, own);
            if own != ty {
                v = self.pure(Op::Zext, ty, v, None);
            }
            if part.offset > 0 {
                let distance = Const::new(ty, u64::from(part.offset) * 8);
                v = self.pure(Op::Shl, ty, v, Some(distance));
            }
            sum = Some(match sum {
                None if rest.bits == 0 => v,
                None => self.pure(Op::Or, ty, v, Some(rest)),
                Some(sum) => self.both(Op::Or, ty, sum, v),
            });
        }
        match sum {
            Some(Opnd::Ssa(v)) => self.typed(v, now.ty),
            _ => Opnd::Const,
        }
    }

    /// A value of the trace as a value of another type of the same size.
    fn typed(&mut self, v: ValueId, ty: Ty) -> Opnd {
        match self.value_type(v) {
            None => Opnd::Const,
            Some(own) if own == ty => Opnd::Ssa(v),
            Some(Ty::Bool) if ty == Ty::I8 => self.pure(Op::Zext, ty, Opnd::Ssa(v), None),
            Some(Ty::I8) if ty == Ty::Bool => {
                let zero = Some(Const::new(Ty::I8, 0));
                self.pure_as(Op::Ne, Ty::I8, Opnd::Ssa(v), zero)
            }
            Some(own) if own.size() == ty.size() => {
                self.pure(Op::Bitcast, ty, Opnd::Ssa(v), None)
            }
            // A wider value whose low bytes are wanted.
            Some(own) if own.size() > ty.size() => {
                let opnd = self.extract(Part::word(0, own, Opnd::Ssa(v)), 0, ty.size());
                match opnd {
                    Opnd::Ssa(low) => self.typed(low, ty),
                    other => other,
                }
            }
            Some(_) => {
                self.abort(super::AbortReason::OpaqueValue);
                Opnd::Const
            }
        }
    }

    fn pure(&mut self, op: Op, ty: Ty, a: Opnd, b: Option<Const>) -> Opnd {
        self.pure_as(op, ty, a, b)
    }

    fn pure_as(&mut self, op: Op, ty: Ty, a: Opnd, b: Option<Const>) -> Opnd {
        // The concrete value plays no part in an operation on a value of the trace.
        let a = Word { now: Const::new(ty, 0), opnd: a };
        let b = b.map(|now| Word { now, opnd: Opnd::Const });
        self.op(op, ty, a, b)
    }

    fn both(&mut self, op: Op, ty: Ty, a: Opnd, b: Opnd) -> Opnd {
        let word = |opnd| Word { now: Const::new(ty, 0), opnd };
        self.op(op, ty, word(a), Some(word(b)))
    }
}

impl Part {
    /// The bits of a part of that type, at distance 0.
    fn ty_mask(&self) -> u64 {
        u64::MAX >> (64 - self.ty.size() * 8)
    }
}

/// The integer of that many bytes.
fn int_of(size: u32) -> Option<Ty> {
    match size {
        1 => Some(Ty::I8),
        2 => Some(Ty::I16),
        4 => Some(Ty::I32),
        8 => Some(Ty::I64),
        _ => None,
    }
}

//! Words in random traces that are known by one access and looked at by another.
//!
//! ```text
//! store.i64 v1+0, v4                  v5 = load.i32 v6+0          ;; v6 = v2 + v0 * 4
//! v5 = load.i16 v1+4                  v7 = eq.i64 v0, 4
//! ;; v5 is shown                      guard v7 else exit0         ;; so v6 is v2 + 16
//! ```
//!
//! Parts of a word, elements by indices that are computed in several ways or promoted later, words that
//! are stored again before anybody has looked, objects that others get to know, calls of the same
//! function. The next exit shows what is found.
//!
//! Not here: single accesses (`memory`), numbers (`numbers`).

use super::{Generator, Place, Value};
use crate::typed_world::{FIELDS, FUNCTIONS, Pointee};
use crate::world::pick;
use jitgen_core::ir::{Arg, Aux, Call, Const, Effects, Inst, LogEntry, Op, Ty};

impl Generator {
    /// A word is accessed twice, in one of several ways.
    pub(super) fn reuse(&mut self) {
        match self.below(8) {
            0 | 1 => {
                let place = self.place();
                self.parts(place);
            }
            2 | 3 => self.elements(),
            4 | 5 => self.promoted(),
            6 => self.overwritten(),
            _ => self.conditional_calls(),
        }
    }

    /// A word whose bytes differ, and some of its bytes; or some of its bytes, and the word.
    fn parts(&mut self, place: Place) {
        let (pointer, offset, ty, points, kind) = place;
        if !ty.is_int() || ty.size() < 2 || points.is_some() {
            return;
        }
        if self.chance(2, 3) {
            let bits = self.rng.rand_u64();
            let word = self.operand(ty);
            let word = self.define(Op::Xor, ty, word, Const::new(ty, bits).into(), 0);
            self.store(place, Some(word));
        } else {
            self.load(place);
        }
        let narrower: Vec<Ty> =
            [Ty::I8, Ty::I16, Ty::I32].into_iter().filter(|part| part.size() < ty.size()).collect();
        let part = pick(&mut self.rng, &narrower);
        let first = self.below(u64::from(ty.size() / part.size())) as i32;
        let part = (pointer, offset + first * part.size() as i32, part, None, kind);
        match self.chance(1, 2) {
            true => {
                let found = self.load(part);
                self.show(found);
            }
            false => {
                self.store(part, None);
                let found = self.load(place);
                self.show(found);
            }
        }
    }

    /// The same with a word of an object.
    pub(super) fn parts_of(&mut self, object: Arg) {
        let (offset, ty, points) = FIELDS[pick(&mut self.rng, &[0, 3])];
        let field = FIELDS.iter().position(|field| field.0 == offset);
        self.parts((object, offset, ty, points, field.expect("it is one of them")));
    }

    /// Elements of an array by indices that may be the same, which may be known later.
    fn elements(&mut self) {
        let (base, ty) = self.some_array();
        let word = self.of_kind(Ty::I64, None);
        let index = self.define(Op::And, Ty::I64, word, Const::i64(7).into(), 0);
        let mut seen = vec![];
        for _ in 0..2 + self.below(3) {
            let place = self.element(base, ty, index, &seen);
            seen.push(place);
            match self.chance(1, 2) {
                true => {
                    let found = self.load(place);
                    if place.3.is_none() {
                        self.show(found);
                    }
                }
                false => self.store(place, None),
            }
        }
    }

    fn some_array(&mut self) -> (Value, Ty) {
        let is_array = |v: &&Value| !v.interior && matches!(v.points, Some(Pointee::Array(_)));
        let arrays: Vec<Value> = self.pool.iter().filter(is_array).copied().collect();
        let base = pick(&mut self.rng, &arrays);
        let Some(Pointee::Array(ty)) = base.points else { unreachable!("it is an array") };
        (base, ty)
    }

    /// An element by an index that turns out to be a constant; one at a constant index before that.
    fn promoted(&mut self) {
        let (base, ty) = self.some_array();
        let (size, index_ty) = (Const::i64(ty.size().into()).into(), Ty::I64);
        let (_, _, _, points, kind) = self.array(base.arg, ty);
        let of_constant = if self.chance(2, 3) { 1 } else { self.below(8) as i32 };
        let found = self.load((base.arg, of_constant * ty.size() as i32, ty, points, kind));
        let word = self.of_kind(index_ty, None);
        // One of two, which is not a sum.
        let bit = self.define(Op::And, index_ty, word, Const::i64(1).into(), 0);
        let some = self.define(Op::Mul, index_ty, bit, size, 0);
        let index = self.define(Op::Xor, index_ty, some, size, 0);
        let offset = self.define(Op::Mul, index_ty, index, size, 0);
        let pointer = self.emit(Op::PtrAdd, Ty::Ptr, base.arg, offset, 0);
        match self.chance(1, 2) {
            true => drop(self.load((pointer, 0, ty, points, kind))),
            false => self.store((pointer, 0, ty, points, kind), None),
        }
        if points.is_none() {
            self.show(found);
        }
        let known = self.define(Op::Eq, index_ty, index, size, 0);
        self.guard_on(Op::Guard, known);
    }

    /// The element at that index, one near it, at twice the index, at a constant one, or again one of
    /// those that have been seen.
    fn element(&mut self, base: Value, ty: Ty, index: Arg, seen: &[Place]) -> Place {
        let size = ty.size() as i32;
        let number = |bits: i64| Arg::Const(Const::i64(bits));
        let (_, _, _, points, kind) = self.array(base.arg, ty);
        let near = [size, 1, 1, 2];
        let by = pick(&mut self.rng, &near);
        let way = self.below(7);
        if way == 0 && !seen.is_empty() {
            return pick(&mut self.rng, seen);
        }
        if way < 3 {
            let element = if self.chance(2, 3) { by } else { self.below(8) as i32 };
            return (base.arg, element * size, ty, points, kind);
        }
        let index = match way {
            3 => {
                let far = self.define(Op::Add, Ty::I64, index, number(8), 0);
                self.define(Op::Sub, Ty::I64, far, number(by.into()), 0)
            }
            4 => self.define(Op::Add, Ty::I64, index, number(by.into()), 0),
            _ => index,
        };
        let offset = self.define(Op::Mul, Ty::I64, index, number(size.into()), 0);
        let mut pointer = self.emit(Op::PtrAdd, Ty::Ptr, base.arg, offset, 0);
        if way == 5 {
            pointer = self.emit(Op::PtrAdd, Ty::Ptr, pointer, offset, 0);
        }
        (pointer, 0, ty, points, kind)
    }

    /// A word is stored again and again; what is loaded in between may be the same word, and nobody may
    /// be interested in that.
    fn overwritten(&mut self) {
        let place = self.place();
        self.store(place, None);
        let other = self.place();
        let found = self.load(other);
        if self.chance(1, 3) && other.3.is_none() {
            self.show(found);
        }
        self.store(place, None);
        self.guard();
        self.store(place, None);
    }

    /// Pointers into an object are compared.
    pub(super) fn inside(&mut self, object: Arg) {
        let other = self.of_kind(Ty::Ptr, Some(Pointee::Object));
        let mut pointers = vec![object, other];
        for of in [object, object, other] {
            let by = Const::i64(8 * self.below(3) as i64).into();
            pointers.push(self.emit(Op::PtrAdd, Ty::Ptr, of, by, 0));
        }
        for _ in 0..2 {
            let (a, b) = (pick(&mut self.rng, &pointers), pick(&mut self.rng, &pointers));
            let op = pick(&mut self.rng, &[Op::Eq, Op::Ne]);
            let answer = self.define(op, Ty::Ptr, a, b, 0);
            self.show(answer);
        }
    }

    /// A function is called if a condition holds; and again, with the same or another value for when it
    /// does not.
    fn conditional_calls(&mut self) {
        let op = pick(&mut self.rng, &[Op::CallIf, Op::CallIfPure, Op::CallIfPure]);
        let of_numbers = FUNCTIONS[0];
        let (symbol, params, result) = of_numbers;
        let args: Vec<Arg> = params.iter().map(|ty| self.operand(*ty)).collect();
        let ty = result.expect("it has one");
        let mut condition = self.of_kind(Ty::Bool, None);
        for _ in 0..2 {
            let other = self.operand(ty);
            if self.chance(1, 4) {
                condition = self.of_kind(Ty::Bool, None);
            }
            let call = Call {
                symbol: symbol.to_owned(),
                args: args.clone(),
                has_result: true,
                effects: Effects::default(),
                keeps: vec![],
            };
            let aux = Aux::Call(self.trace.add_call(call));
            let dst = self.trace.add_value(ty);
            self.insts.push(Inst { op, ty, dst: Some(dst), a: condition, b: other, imm: 0, aux });
            self.log.push(LogEntry::Call(Some(dst.into())));
            self.add(dst.into(), None);
            self.show(dst.into());
        }
    }

    /// The first word of an object is known, and then the object is given to a function.
    pub(super) fn give(&mut self, object: Arg) {
        let (offset, ty, points) = FIELDS[0];
        let word = (object, offset, ty, points, 0);
        self.store(word, None);
        let args = vec![object, self.operand(Ty::I64)];
        self.shows(object);
        let call = Call {
            symbol: "f3".to_owned(),
            args,
            has_result: false,
            effects: Effects::default(),
            keeps: vec![],
        };
        let aux = Aux::Call(self.trace.add_call(call));
        let (ty, b) = (Ty::I64, Arg::NONE);
        self.insts.push(Inst { op: Op::Call, ty, dst: None, a: b, b, imm: 0, aux });
        self.log.push(LogEntry::Call(None));
        let found = self.load(word);
        self.show(found);
    }
}

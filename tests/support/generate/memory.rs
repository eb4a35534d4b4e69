//! Memory in random traces: places, accesses, pointers to elements, calls.
//!
//! Not here: which words there are (`typed_world`).

use super::{Generator, Place, Value};
use crate::typed_world::{ARRAYS, FIELDS, FUNCTIONS, Pointee};
use crate::world::pick;
use jitgen_core::ir::{Arg, Aux, Call, Class, Const, Effects, Inst, Kept, LogEntry, Op, Sig, Ty};

impl Generator {
    pub(super) fn place(&mut self) -> Place {
        match self.chance(1, 2) {
            true => pick(&mut self.rng, &self.hot),
            false => self.any_place(),
        }
    }

    pub(super) fn any_place(&mut self) -> Place {
        let pointers = self.pool.iter().filter(|value| value.ty == Ty::Ptr);
        let pointers: Vec<Value> = pointers.copied().collect();
        let pointer = pick(&mut self.rng, &pointers);
        match pointer.points.expect("a pointer points to something") {
            Pointee::Object => {
                let field = self.below(FIELDS.len() as u64) as usize;
                let (offset, ty, points) = FIELDS[field];
                (pointer.arg, offset, ty, points, field)
            }
            Pointee::Array(ty) => {
                let offset = self.below(4) as i32 * ty.size() as i32;
                let (_, _, _, points, kind) = self.array(pointer.arg, ty);
                (pointer.arg, offset, ty, points, kind)
            }
            points => self.word_of(pointer.arg, points),
        }
    }

    /// What a pointer of the pool points to.
    fn pointee(&self, pointer: Arg) -> Option<Pointee> {
        self.pool.iter().find(|value| value.arg == pointer)?.points
    }

    /// The class of an access to the field, or array, of that number.
    pub(super) fn class(&mut self, kind: usize) -> Class {
        match !self.is_exact && self.chance(1, 6) {
            true => Class::ANY,
            false => Class(1 + (kind as u64 % self.classes) as u32),
        }
    }

    pub(super) fn some_effects(&mut self) -> Effects {
        let classes = |this: &mut Generator| {
            this.chance(3, 4).then(|| {
                let count = this.below(4);
                let kinds = (FIELDS.len() + ARRAYS.len()) as u64;
                let class = |_| {
                    let kind = this.below(kinds) as usize;
                    this.class(kind)
                };
                (0..count).map(class).collect()
            })
        };
        let (writes, reads) = (classes(self), classes(self));
        Effects { writes, reads, no_escape: self.chance(1, 2) }
    }

    /// A word, or a part of it, accessed as something else than what it is.
    pub(super) fn access_otherwise(&mut self) {
        let place = self.place();
        let (pointer, offset, ty, points, kind) = place;
        if self.allocates && ty == Ty::Ptr {
            return;
        }
        let part = |size: u32| ty.size() / size;
        let types: Vec<Ty> = match ty {
            Ty::Bool | Ty::I8 => vec![Ty::I8],
            _ => {
                use Ty::{F32, F64, I8, I16, I32, I64};
                [I64, F64, I32, F32, I16, I8].into_iter().filter(|t| part(t.size()) > 0).collect()
            }
        };
        let other = pick(&mut self.rng, &types);
        let at = offset + (self.below(part(other.size()).into()) as i32) * other.size() as i32;
        // Often through another pointer, which may be the same, to what is known.
        let mut through = pointer;
        if self.chance(1, 2) {
            self.load(place);
            let same = |v: &&Value| v.points.is_some() && v.points == self.pointee(pointer);
            let others: Vec<Arg> = self.pool.iter().filter(same).map(|value| value.arg).collect();
            through = pick(&mut self.rng, &others);
        }
        let only_read = points.is_some() || ty == Ty::Bool;
        match only_read || self.chance(1, 2) {
            true => drop(self.load((through, at, other, None, kind))),
            false => self.store((through, at, other, None, kind), None),
        }
        // What was there is looked at again.
        if self.chance(1, 2) {
            self.load(place);
        }
    }

    pub(super) fn access(&mut self) {
        let place = self.place();
        match self.chance(1, 2) {
            true => drop(self.load(place)),
            false => self.store(place, None),
        }
    }

    /// Words move from one hot place to another: what a loop knows of memory at its head is no
    /// longer so at its end.
    pub(super) fn rotate(&mut self) {
        let (from, to) = (pick(&mut self.rng, &self.hot), pick(&mut self.rng, &self.hot));
        let value = self.load(from);
        if from.2 == to.2 && from.3 == to.3 {
            self.store(to, Some(value));
        }
        self.store(from, None);
    }

    /// Words that are stored again and again, with guards between: the registers of a guest.
    pub(super) fn registers(&mut self) {
        for _ in 0..1 + self.below(3) {
            let place = pick(&mut self.rng, &self.hot);
            if self.chance(1, 2) {
                self.load(place);
            }
            for _ in 0..1 + self.below(2) {
                self.store(place, None);
                if self.chance(2, 3) {
                    self.guard();
                }
            }
        }
    }

    /// The first word of an array.
    pub(super) fn word_of_array(&self, pointer: Arg) -> Place {
        self.array(pointer, Ty::I64)
    }

    /// The first element of an array of that type.
    pub(super) fn array(&self, pointer: Arg, ty: Ty) -> Place {
        let array = ARRAYS.iter().position(|other| *other == ty);
        let points = (ty == Ty::Ptr).then_some(Pointee::Array(Ty::I64));
        (pointer, 0, ty, points, FIELDS.len() + array.expect("every type has an array"))
    }

    pub(super) fn load(&mut self, place: Place) -> Arg {
        self.load_by(Op::Load, place)
    }

    pub(super) fn load_by(&mut self, op: Op, place: Place) -> Arg {
        let (pointer, offset, ty, points, kind) = place;
        let class = self.class(kind);
        let value = self.emit(op, ty, pointer, Arg::NONE, offset);
        self.insts.last_mut().expect("just emitted").aux = Aux::class(class);
        self.add(value, points);
        if points.is_none() {
            self.held.push(value);
        }
        self.log.push(LogEntry::Load(value));
        value
    }

    pub(super) fn store(&mut self, (pointer, offset, ty, points, kind): Place, value: Option<Arg>) {
        let value = value.unwrap_or_else(|| match points {
            None => self.operand(ty),
            Some(_) => self.of_kind(ty, points),
        });
        self.shows(value);
        self.held.extend(value.as_value().filter(|_| points.is_none()).map(Arg::Value));
        let aux = Aux::class(self.class(kind));
        self.insts.push(Inst {
            op: Op::Store,
            ty,
            dst: None,
            a: pointer,
            b: value,
            imm: offset,
            aux,
        });
        self.log.push(LogEntry::Store);
    }

    /// `base + (index & 7) * size`, with detours.
    pub(super) fn indexed_pointer(&mut self) {
        if self.chance(1, 8) {
            // The scratch area is an array like the others, but at other addresses.
            let offset = 8 * self.below(4) as i32;
            let pointer = self.emit(Op::Scratch, Ty::Ptr, Arg::NONE, Arg::NONE, offset);
            self.add(pointer, Some(Pointee::Array(Ty::I64)));
            return;
        }
        let is_array = |v: &&Value| !v.interior && matches!(v.points, Some(Pointee::Array(_)));
        let bases: Vec<Value> = self.pool.iter().filter(is_array).copied().collect();
        let base = pick(&mut self.rng, &bases);
        let Some(Pointee::Array(ty)) = base.points else {
            return;
        };
        let int = |bits| Arg::Const(Const::new(Ty::I64, bits));
        let index = self.of_kind(Ty::I64, None);
        let mut index = self.define(Op::And, Ty::I64, index, int(7), 0);
        if self.chance(1, 3) {
            let more = self.below(4);
            index = self.define(Op::Add, Ty::I64, index, int(more), 0);
        }
        let shift = u64::from(ty.size().trailing_zeros());
        let (op, by) = match self.chance(1, 2) {
            true => (Op::Shl, shift),
            false => (Op::Mul, 1 << shift),
        };
        let mut offset = self.define(op, Ty::I64, index, int(by), 0);
        let (mut base, base_points) = (base.arg, base.points);
        match self.below(4) {
            0 => offset = self.emit(Op::Add, Ty::I64, offset, int(2 << shift), 0),
            1 => base = self.emit(Op::PtrAdd, Ty::Ptr, base, int(u64::from(ty.size())), 0),
            _ => (),
        }
        let pointer = self.emit(Op::PtrAdd, Ty::Ptr, base, offset, 0);
        self.pool.push(Value { arg: pointer, ty: Ty::Ptr, points: base_points, interior: true });
    }

    /// Memory that a call leaves alone: words, or all that a pointer points into.
    fn some_kept(&mut self, known: Option<Place>) -> Vec<Kept> {
        let number = 1 + self.below(3);
        let kept = |k| {
            let known = known.filter(|_| k == 0);
            let (base, offset, ty, _, _) = known.unwrap_or_else(|| self.place());
            // Of some words only the first half.
            let size = if self.chance(1, 3) { ty.size().div_ceil(2) } else { ty.size() };
            let range = self.chance(1, 2).then_some((offset, size));
            Kept { base, range }
        };
        (0..number).map(kept).collect()
    }

    /// A call, often between two loads of a word that calls write.
    pub(super) fn call(&mut self) {
        if self.chance(1, 2) {
            return self.call_function(None);
        }
        let (offset, ty, points) = FIELDS[0];
        let object = self.of_kind(Ty::Ptr, Some(Pointee::Object));
        let shared = (object, offset, ty, points, 0);
        self.load(shared);
        self.call_function(Some(shared));
        let found = self.load(shared);
        self.show(found);
    }

    /// A call; `known`: a word that it may leave alone, or a part of it.
    fn call_function(&mut self, known: Option<Place>) {
        let (symbol, params, result) = pick(&mut self.rng, &FUNCTIONS);
        let ops = [Op::Call, Op::CallRead, Op::CallPure, Op::CallIf, Op::CallIfPure];
        let op = pick(&mut self.rng, &ops);
        let arg = |ty: &Ty| match ty {
            Ty::Ptr => self.of_kind(Ty::Ptr, Some(Pointee::Object)),
            _ => self.operand(*ty),
        };
        let args: Vec<Arg> = params.iter().map(arg).collect();
        args.iter().for_each(|arg| self.shows(*arg));
        let (mut a, mut b) = (Arg::NONE, Arg::NONE);
        if op.sig() == Sig::CallIf {
            a = self.operand(Ty::Bool);
            b = result.map_or(b, |ty| self.operand(ty));
        }
        let dst = result.map(|ty| self.trace.add_value(ty));
        let mut symbol = symbol.to_owned();
        let mut effects = Effects::default();
        if self.chance(2, 3) {
            // Each declaration is another function.
            let number = self.below(self.effects.len() as u64) as usize;
            effects = self.effects[number].clone();
            symbol += &format!(".{number}{}", op.mnemonic());
            if op.is_pure_call() {
                effects.reads = None;
            }
        }
        let keeps = if op.unconditional() == Op::Call && self.chance(1, 4) {
            self.some_kept(known)
        } else {
            vec![]
        };
        let call = Call { symbol, args, has_result: result.is_some(), effects, keeps };
        let call = self.trace.add_call(call);
        self.insts.push(Inst {
            op,
            ty: result.unwrap_or(Ty::I64),
            dst,
            a,
            b,
            imm: 0,
            aux: Aux::Call(call),
        });
        if let Some(dst) = dst {
            self.add(dst.into(), None);
        }
        self.log.push(LogEntry::Call(dst.map(Arg::Value)));
    }
}

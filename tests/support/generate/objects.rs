//! Objects that random traces make and free.
//!
//! Each field is stored to at once, in some order and with a guard in between here and there, so
//! that no word is read that nobody has written. An object is freed as long as nobody else knows
//! it, and then not used any more; logs may still name it.

use super::{Generator, Value};
use crate::typed_world::{FIELDS, OBJECT, Pointee};
use crate::world::pick;
use jitgen_core::ir::{Arg, Aux, Call, Cells, Const, Effects, Inst, LogEntry, Op, Ty};

impl Generator {
    pub(super) fn object(&mut self) {
        match self.own.is_empty() || self.chance(2, 3) {
            true => self.make(),
            false => self.free(),
        }
    }

    fn make(&mut self) {
        let object: Arg = self.trace.add_value(Ty::Ptr).into();
        let reads = self.chance(1, 2).then(Vec::new);
        let size = Const::i64(OBJECT as i64);
        let cells = Cells { size: OBJECT + 8, header: 64, cursor: 0x5008, limit: 0x5010 };
        let (symbol, args) = match self.chance(1, 2) {
            true => ("alloc", vec![size, Const::i64(8)]),
            false => ("object", [&[size][..], &cells.args()].concat()),
        };
        let args = args.into_iter().map(Arg::Const).collect();
        let op = if self.chance(1, 5) { Op::NewKept } else { Op::New };
        self.allocation(op, symbol, object.as_value(), args, reads);
        self.log.push(LogEntry::Call(Some(object)));
        let object = self.perhaps_as_bits(object);
        self.store_shape(object);
        let mut fields: Vec<usize> = (0..FIELDS.len()).collect();
        while !fields.is_empty() {
            let next = self.below(fields.len() as u64) as usize;
            let field = fields.swap_remove(next);
            let (offset, ty, points) = FIELDS[field];
            self.store((object, offset, ty, points, field), None);
            if self.chance(1, 20) {
                self.guard();
            }
        }
        self.own.push(object);
        let points = Some(Pointee::Object);
        self.pool.push(Value { arg: object, ty: Ty::Ptr, points, interior: false });
        for _ in 0..self.below(3) {
            let field = self.below(FIELDS.len() as u64) as usize;
            let (offset, ty, points) = FIELDS[field];
            self.hot.push((object, offset, ty, points, field));
        }
        match self.below(8) {
            0 | 1 => self.find_again(object),
            2 => self.give(object),
            3 => self.inside(object),
            4 => self.parts_of(object),
            _ => (),
        }
    }

    /// Others get to know an object, or one that leads to it, and it is accessed by a pointer that comes
    /// from there.
    fn find_again(&mut self, object: Arg) {
        let pointer = FIELDS.len() - 1;
        let (offset, ty, points) = FIELDS[pointer];
        let word = |holder| (holder, offset, ty, points, pointer);
        let holder = self.of_kind(ty, points);
        let other = self.of_kind(ty, points);
        if holder.as_value().is_none() || other.as_value().is_none() {
            return;
        }
        let between = self.own.iter().rev().find(|own| **own != object && **own != holder);
        let between = between.copied().filter(|_| self.chance(3, 4));
        if let Some(between) = between {
            self.store(word(between), Some(object));
        }
        self.store(word(holder), Some(between.unwrap_or(object)));
        // What is there now is not known.
        self.store(word(other), None);
        let mut again = self.load(word(holder));
        if between.is_some() {
            again = self.load(word(again));
        }
        let field = self.below(pointer as u64) as usize;
        let (offset, ty, points) = FIELDS[field];
        let word = |object| (object, offset, ty, points, field);
        self.store(word(object), None);
        self.load(word(again));
        self.store(word(object), None);
        // By either pointer there is what was stored last, by whichever.
        let (last, asked) = if self.chance(1, 2) { (object, again) } else { (again, object) };
        self.store(word(last), None);
        let found = self.load(word(asked));
        if points.is_none() {
            self.show(found);
        }
    }

    /// The address, which may have been the bits of it for a while.
    fn perhaps_as_bits(&mut self, object: Arg) -> Arg {
        if self.chance(1, 2) {
            return object;
        }
        let mut cast = |ty, a| {
            let dst = self.trace.add_value(ty);
            let (op, b, aux) = (Op::Bitcast, Arg::NONE, Aux::None);
            self.insts.push(Inst { op, ty, dst: Some(dst), a, b, imm: 0, aux });
            Arg::from(dst)
        };
        let bits = cast(Ty::I64, object);
        let again = cast(Ty::Ptr, bits);
        self.log.push(LogEntry::Load(bits));
        self.bits.push(bits);
        if self.chance(1, 2) { again } else { object }
    }

    fn free(&mut self) {
        let object = pick(&mut self.rng, &self.own);
        self.shows(object);
        self.gone.push(object);
        self.pool.retain(|value| value.arg != object);
        self.hot.retain(|place| place.0 != object);
        let nothing = Some(vec![]);
        let args = vec![object, Const::i64(OBJECT as i64).into()];
        self.allocation(Op::Free, "dealloc", None, args, nothing);
        self.log.push(LogEntry::Call(None));
    }

    pub(super) fn allocation(
        &mut self,
        op: Op,
        symbol: &str,
        dst: Option<jitgen_core::ir::ValueId>,
        args: Vec<Arg>,
        reads: Option<Vec<jitgen_core::ir::Class>>,
    ) {
        let effects = Effects { writes: Some(vec![]), reads, no_escape: false };
        let call = Call {
            symbol: symbol.to_owned(),
            args,
            has_result: dst.is_some(),
            effects,
            keeps: vec![],
        };
        let aux = Aux::Call(self.trace.add_call(call));
        let imm = if op.makes() { self.allocations } else { 0 };
        self.allocations += i32::from(op.makes());
        self.insts.push(Inst { op, ty: Ty::Ptr, dst, a: Arg::NONE, b: Arg::NONE, imm, aux });
    }

    /// Somebody else knows a value.
    pub(super) fn shows(&mut self, value: Arg) {
        self.own.retain(|own| *own != value);
    }
}

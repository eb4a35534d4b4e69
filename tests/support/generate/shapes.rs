//! Shapes in random traces: an immutable word in each object, which tells some of them apart.
//!
//! Not here: which shapes the objects of a world have (`typed_world`).

use super::Generator;
use crate::typed_world::{FIELDS, Pointee, SHAPE, SHAPES};
use crate::world::pick;
use jitgen_core::ir::{Arg, Aux, Class, Const, Inst, LogEntry, Op, Ty};

/// No other word is of this class.
const CLASS: Class = Class(60).immutable();

impl Generator {
    /// The shape of an object that is made.
    pub(super) fn store_shape(&mut self, object: Arg) {
        let (op, ty, aux) = (Op::Store, Ty::I32, Aux::class(CLASS));
        let b = Const::new(ty, pick(&mut self.rng, &SHAPES)).into();
        self.insts.push(Inst { op, ty, dst: None, a: object, b, imm: SHAPE, aux });
        self.log.push(LogEntry::Store);
    }

    /// An object, whose shape is guarded mostly.
    fn of_shape(&mut self, shape: u64) -> Arg {
        let object = self.of_kind(Ty::Ptr, Some(Pointee::Object));
        if self.chance(1, 8) {
            return object;
        }
        let found = self.emit(Op::Load, Ty::I32, object, Arg::NONE, SHAPE);
        self.insts.last_mut().expect("just emitted").aux = Aux::class(CLASS);
        self.log.push(LogEntry::Load(found));
        let is_it = self.emit(Op::Eq, Ty::I32, found, Const::new(Ty::I32, shape).into(), 0);
        self.guard_on(Op::Guard, is_it);
        object
    }

    /// A field of one object is known while the same field of another is stored to; what is there then
    /// is seen in an array.
    pub(super) fn shapes(&mut self) {
        let one = pick(&mut self.rng, &SHAPES);
        let other = if self.chance(1, 2) { one } else { pick(&mut self.rng, &SHAPES) };
        let (one, other) = (self.of_shape(one), self.of_shape(other));
        let (offset, ty, points) = FIELDS[0];
        let place = |object| (object, offset, ty, points, 0);
        match self.chance(1, 2) {
            true => drop(self.load(place(one))),
            false => self.store(place(one), None),
        }
        self.store(place(other), None);
        let seen = self.load(place(one));
        let array = self.of_kind(Ty::Ptr, Some(Pointee::Array(ty)));
        self.store(self.word_of_array(array), Some(seen));
    }
}

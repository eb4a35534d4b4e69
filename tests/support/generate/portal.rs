//! What portals leave in random traces: calls of code, returns, known results, pending stores.
//!
//! Words of the scratch area are those of one more array; what a call of code leaves behind its place is
//! anything (`eval::Model`).
//!
//! Not here: the log of helpers and inner portals (`generate`).

use super::{Generator, Place};
use crate::typed_world::Pointee;
use crate::world::pick;
use jitgen_core::ir::{
    Arg, Aux, Call, Class, Const, Effects, Exit, ExitId, Inst, LogEntry, Op, PendingStore,
    ResumeId, Ty,
};

impl Generator {
    /// The call of a portal; its result is a word, or bytes that the log names.
    pub(super) fn call_code(&mut self) {
        let offset = 8 * self.below(4) as i32;
        let place = self.emit(Op::Scratch, Ty::Ptr, Arg::NONE, Arg::NONE, offset);
        let address = |bits| Arg::Const(Const::new(Ty::Ptr, bits));
        let mut args = vec![address(0x10), address(0x20), place];
        for _ in 0..self.below(4) {
            let arg = self.word();
            args.push(arg);
        }
        args.iter().for_each(|arg| self.shows(*arg));
        self.add_call(Op::CallCode, "portal", args, None);
        let array = Some(Pointee::Array(Ty::I64));
        self.add(place, array);
        let result = self.word_of_array(place);
        let value = self.load(result);
        // The word is what the call has given, not a load of its own.
        self.log.pop();
        self.log.push(LogEntry::Call(Some(value)));
        if self.chance(1, 2) {
            let size = 8 * (1 + self.below(2) as u32);
            self.log.push(LogEntry::Blob { offset, size });
        }
    }

    /// What a pure call would give is known: it has been made with an operand that is the same in
    /// other words.
    pub(super) fn known_result(&mut self) {
        let x = self.operand(Ty::I64);
        let given = self.add_call(Op::CallPure, "f0", vec![x], Some(Ty::I64));
        let given = given.expect("it has a result");
        let other = self.operand(Ty::I64);
        let some = self.emit(Op::And, Ty::I64, x, other, 0);
        let same = self.emit(Op::Or, Ty::I64, x, some, 0);
        let call = self.trace.add_call(Call {
            symbol: "f0".to_owned(),
            args: vec![same],
            has_result: false,
            effects: Effects::default(),
            keeps: vec![],
        });
        let (ty, b, aux) = (Ty::I64, Arg::NONE, Aux::Call(call));
        self.insts.push(Inst { op: Op::ResultOf, ty, dst: None, a: given, b, imm: 0, aux });
        self.add_call(Op::CallPure, "f0", vec![same], Some(Ty::I64));
    }

    fn add_call(
        &mut self,
        op: Op,
        symbol: &str,
        args: Vec<Arg>,
        result: Option<Ty>,
    ) -> Option<Arg> {
        let call = self.trace.add_call(Call {
            symbol: symbol.to_owned(),
            args,
            has_result: result.is_some(),
            effects: Effects::default(),
            keeps: vec![],
        });
        let dst = result.map(|ty| self.trace.add_value(ty));
        let (ty, aux) = (result.unwrap_or(Ty::I64), Aux::Call(call));
        self.insts.push(Inst { op, ty, dst, a: Arg::NONE, b: Arg::NONE, imm: 0, aux });
        let value = dst.map(Arg::Value);
        value.iter().for_each(|value| self.add(*value, None));
        value
    }

    /// An operand of any kind.
    fn word(&mut self) -> Arg {
        match pick(&mut self.rng, &[Ty::I64, Ty::I8, Ty::F64, Ty::Bool, Ty::Ptr]) {
            Ty::Ptr => self.of_kind(Ty::Ptr, Some(Pointee::Object)),
            ty => self.operand(ty),
        }
    }

    /// The exit at the end of a trace that does not jump: the portal may have returned.
    pub(super) fn last_exit(&mut self) -> ExitId {
        if self.chance(2, 3) {
            return self.exit();
        }
        let words = self.below(4) as u32;
        let mut log = vec![LogEntry::Result { size: 8 * words }];
        for word in 0..words {
            let (arg, frozen) = (self.word(), self.chance(1, 8));
            log.push(LogEntry::Part { offset: 8 * word, arg, frozen });
        }
        let resume = ResumeId(self.trace.exits.len() as u32);
        let pending = self.some_pending();
        self.trace.add_exit(Exit { resume, reds: vec![], log, pending, link: None })
    }

    /// Stores that an exit writes; mostly none.
    pub(super) fn some_pending(&mut self) -> Vec<PendingStore> {
        if self.guest.is_some() || !self.chance(1, 12) {
            return vec![];
        }
        let count = 1 + self.below(2);
        let store = |_| {
            let stored = self.insts.iter().rev().find(|inst| inst.op == Op::Store).copied();
            if let Some(Inst { ty, a: base, imm: offset, .. }) =
                stored.filter(|_| self.chance(1, 2))
                && ty != Ty::Ptr
                && ty != Ty::Bool
                && !self.gone.contains(&base)
            {
                // What is written over what the trace has just stored.
                let (class, value) =
                    (stored.map_or(Class::ANY, |inst| inst.class()), self.operand(ty));
                return PendingStore { ty, class, base, offset, value };
            }
            let (base, offset, ty, points, kind): Place = self.place();
            let value = match points {
                None => self.operand(ty),
                Some(_) => self.of_kind(ty, points),
            };
            PendingStore { ty, class: self.class(kind), base, offset, value }
        };
        (0..count).map(store).collect()
    }
}

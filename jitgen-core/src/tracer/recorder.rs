//! The recorder: appends operations to the trace and gives guards their exits.
//!
//! ```text
//! merge point          resume point R, log empty
//!   load               v1 = load …                log: load v1
//!   guard              guard … else exit0         exit0: resume R [reds]           (no effect yet: no log)
//!   store              store …                    log: load v1, store
//!   guard              guard … else exit1         exit1: resume R [reds] log [load v1, store]
//! ```
//!
//! Exits belong to the resume point and the effects since: guards between two effects share one,
//! also across merge points, because handlers without an effect can be done again (the *anchor*).
//!
//! Invariants: `logged` (every load of a word, store and call since the resume point is in the log,
//! in order, also loads that were folded to constants), `constants-fold` (an operation on constants is not recorded),
//! `cut-forgets` (where the trace may be cut nothing is known any more).
//!
//! What it knows of memory is in `recorder/facts.rs`, what it has computed in
//! `recorder/computed.rs`; calls are in `recorder/call.rs`.
//!
//! Not here: which mode the twin runs in, and what a merge point decides (`session`).

mod call;
mod computed;
mod facts;

use super::classes::{FLAG_CLASS, SCRATCH_CLASS, VALIDITY_CLASS};
use super::journal::Event;
use super::owned::{Origin, Ownership};
use super::private::Private;
use super::{Address, Image, Opnd, Word};
use crate::ir::{
    Arg, Aux, Block, Class, Const, End, Exit, ExitId, Inst, LogEntry, Op, ResumeId, Trace, Ty,
    ValueId,
};
use computed::Computed;
use facts::Fact;

/// Where the evaluator of a check puts the scratch area: no address of guest memory.
pub const SCRATCH_BASE: u64 = 0x1000;

/// The trace under construction.
#[derive(Debug)]
pub struct Recorder {
    pub(super) trace: Trace,
    pub(super) block: Block,
    /// The resume point to which guards leave: the first one since the last effect.
    anchor: (ResumeId, Vec<Arg>),
    /// The merge point that was passed last; an effect makes it the anchor.
    latest: (ResumeId, Vec<Arg>),
    /// What has happened since `latest`.
    log: Vec<LogEntry>,
    effects: usize,
    /// The exit that guards at this point share.
    exit: Option<ExitId>,
    facts: Vec<Fact>,
    computed: Computed,
    pub(super) private: Private,
    ownership: Ownership,
    scratch: i32,
    /// How many objects have been made.
    pub(super) allocations: i32,
    /// What really happened, for the check.
    pub journal: Vec<Event>,
}

impl Recorder {
    /// A recorder whose trace takes parameters of these types and uses scratch memory from byte
    /// `scratch` on.
    pub fn new(name: String, params: &[Ty], scratch: u32) -> Recorder {
        let mut trace = Trace::new(name);
        let params = params.iter().map(|ty| trace.add_value(*ty)).collect();
        Recorder {
            trace,
            block: Block { params, insts: vec![], end: End::Leave(ExitId(0)) },
            anchor: (ResumeId(0), vec![]),
            latest: (ResumeId(0), vec![]),
            log: vec![],
            effects: 0,
            exit: None,
            facts: vec![],
            computed: Computed::default(),
            private: Private::default(),
            ownership: Ownership::default(),
            scratch: scratch as i32,
            allocations: 0,
            journal: vec![],
        }
    }

    /// The parameter of that number.
    pub fn param(&self, index: usize) -> ValueId {
        self.block.params[index]
    }

    /// Which parameter a value is.
    pub fn param_index(&self, v: ValueId) -> Option<usize> {
        self.block.params.iter().position(|param| *param == v)
    }

    /// The type of a value.
    pub fn type_of(&self, v: ValueId) -> Ty {
        self.trace.ty(v.into())
    }

    /// All constants so far.
    pub fn constants(&self) -> impl Iterator<Item = Const> + '_ {
        self.trace.constants().chain(self.block.constants())
    }

    /// Number of operations so far.
    pub fn len(&self) -> usize {
        self.block.insts.len()
    }

    /// Is nothing recorded yet?
    pub fn is_empty(&self) -> bool {
        self.block.insts.is_empty()
    }

    /// A merge point to which later guards leave.
    pub fn resume_at(&mut self, id: ResumeId, reds: Vec<Arg>, log: Vec<LogEntry>) {
        self.anchor = (id, reds.clone());
        self.latest = (id, reds);
        self.effects = log.len();
        self.log = log;
        self.exit = None;
    }

    /// A merge point on the way. Where nothing visible has happened since the anchor, later guards
    /// still leave to that, and the interpreter does the handlers in between again.
    pub fn pass(&mut self, id: ResumeId, reds: Vec<Arg>) {
        if self.effects > 0 {
            return self.resume_at(id, reds, vec![]);
        }
        self.latest = (id, reds);
        self.log.clear();
    }

    /// The operand of a word as the trace has it.
    pub fn arg(word: Word) -> Arg {
        match word.opnd {
            Opnd::Ssa(v) => Arg::Value(v),
            _ => Arg::Const(word.now),
        }
    }

    /// Appends an operation on words, unless its result is known.
    pub fn op(&mut self, op: Op, ty: Ty, a: Arg, b: Arg) -> ValueId {
        if let Some(known) = self.computed.value(op, ty, a, b) {
            return known;
        }
        let result = self.push(op, ty, a, b, 0, Aux::None).expect("a pure op has a result");
        match (op, b) {
            (Op::PtrAdd, Arg::Const(by)) => self.private.derive(result, a, by.signed()),
            (Op::Bitcast, _) => self.private.derive(result, a, 0),
            (Op::Eq | Op::Ne, _) => (),
            _ => [a, b].into_iter().for_each(|arg| self.private.leak(arg)),
        }
        self.computed.compute(op, ty, (a, b), result);
        result
    }

    /// Appends a guard that the condition is `value`, unless it is known to be.
    pub fn guard(&mut self, condition: ValueId, value: bool) {
        if !self.computed.guard(condition, value) {
            return;
        }
        let exit = self.current_exit();
        let op = if value { Op::Guard } else { Op::GuardNot };
        self.push(op, Ty::Bool, condition.into(), Arg::NONE, 0, Aux::Exit(exit));
    }

    /// Ends the trace by leaving at the current resume point.
    pub fn leave(&mut self) {
        let exit = self.current_exit();
        self.block.end = End::Leave(exit);
    }

    /// Ends the trace because the portal has returned.
    pub fn leave_with(&mut self, result: &Image) {
        let mut log = vec![LogEntry::Result { size: result.bytes.len() as u32 }];
        log.extend(result.parts());
        let exit = Exit { resume: self.latest.0, reds: vec![], log, pending: vec![], link: None };
        self.block.end = End::Leave(self.trace.add_exit(exit));
    }

    /// Number of entries in the log.
    pub fn log_len(&self) -> usize {
        self.log.len()
    }

    /// The entries of the log from `from` on become this one and what it speaks of, if that is
    /// shorter.
    pub fn collapse(&mut self, from: usize, entry: LogEntry, result: &Image) {
        let mut returned = vec![entry];
        returned.extend(result.parts());
        // What counts is a value: each costs a slot and an instruction in every exit.
        let values = |log: &[LogEntry]| {
            log.iter()
                .filter(|entry| entry.arg().is_some_and(|arg| arg.as_value().is_some()))
                .count()
        };
        let cost = |log: &[LogEntry]| 4 * values(log) + log.len();
        if cost(&returned) > cost(&self.log[from..]) {
            return;
        }
        self.log.truncate(from);
        self.log.append(&mut returned);
        if self.effects > 0 {
            self.exit = None;
        }
    }

    /// Appends a load that gave `now`.
    pub fn load(&mut self, address: Address, now: Const) -> Opnd {
        let base = Self::base(address);
        let v = self
            .push(address.load(), now.ty, base, Arg::NONE, address.offset, class_of(address))
            .expect("a load has a result");
        self.private.leak_held(self.place(address).0);
        self.log(LogEntry::Load(v.into()), false);
        self.saw_load(address.now(), now);
        self.learn(address, Word { now, opnd: Opnd::Ssa(v) });
        Opnd::Ssa(v)
    }

    /// Appends a load that gave `now`, unless that is known. It is not logged: what depends on it
    /// alone can be seen by what follows in the log.
    pub fn peek(&mut self, address: Address, now: Const) -> Opnd {
        if let Some(word) = self.known(address).filter(|word| word.now == now) {
            return word.opnd;
        }
        let (base, class) = (Self::base(address), class_of(address));
        let v = self.push(address.load(), now.ty, base, Arg::NONE, address.offset, class);
        let opnd = Opnd::Ssa(v.expect("a load has a result"));
        self.private.leak_held(self.place(address).0);
        self.saw_load(address.now(), now);
        self.learn(address, Word { now, opnd });
        opnd
    }

    /// Logs a load whose result was known.
    pub fn log_known(&mut self, word: Word) {
        self.log(LogEntry::Load(Self::arg(word)), false);
    }

    /// A value without words was stored: replay meets the store all the same.
    pub fn log_nothing_stored(&mut self) {
        self.log(LogEntry::Store, true);
    }

    /// Puts words into scratch memory, which is nobody else's; gives the address.
    pub fn store_scratch(&mut self, base: i32, words: &[(u32, Word)]) -> ValueId {
        let pointer = self.scratch_address(base);
        self.ownership.spill(pointer, words.iter().map(|(_, word)| *word).collect());
        for (offset, word) in words {
            let value = Self::arg(*word);
            self.private.leak(value);
            let at = *offset as i32;
            self.push(Op::Store, word.now.ty, pointer.into(), value, at, Aux::Class(SCRATCH_CLASS));
            let address = SCRATCH_BASE + base as u64 + u64::from(*offset);
            self.saw_store(address, word.now);
        }
        pointer
    }

    /// Appends the store of a word; `first`: of a value.
    pub fn store(&mut self, address: Address, word: Word, first: bool) {
        let base = Self::base(address);
        let value = Self::arg(word);
        self.push(Op::Store, word.now.ty, base, value, address.offset, class_of(address));
        if first {
            self.log(LogEntry::Store, true);
        }
        let (place, size, private) = (self.place(address), word.now.ty.size(), &self.private);
        let apart =
            |fact: &Fact| fact.base != place.0 && (private.has(fact.base) || private.has(place.0));
        self.facts.retain(|fact| apart(fact) || !fact.may_change(place, address.class, size));
        self.private.store(place.0, value);
        self.learn(address, word);
        self.saw_store(address.now(), word.now);
    }

    /// Reserves `size` bytes of scratch memory; gives the offset.
    pub fn reserve_scratch(&mut self, size: u32) -> i32 {
        let offset = self.scratch;
        self.scratch += size.next_multiple_of(8) as i32;
        offset
    }

    /// Bytes of scratch memory in use.
    pub fn scratch_size(&self) -> i32 {
        self.scratch
    }

    /// Logs that an inner portal has been handed over at its merge point of that number.
    pub fn log_handed_over(&mut self, number: u32) {
        self.log(LogEntry::Return { call: number, next: number + 1, size: 0 }, false);
    }

    /// Appends the address of a place in scratch memory.
    pub fn scratch_address(&mut self, offset: i32) -> ValueId {
        self.push(Op::Scratch, Ty::Ptr, Arg::NONE, Arg::NONE, offset, Aux::None)
            .expect("an address is a result")
    }

    /// Appends a load from scratch memory; not logged, since replay has the bytes.
    pub fn load_scratch(&mut self, base: i32, offset: u32, now: Const) -> ValueId {
        let pointer = self.scratch_address(base);
        self.saw_load(SCRATCH_BASE + base as u64 + u64::from(offset), now);
        let aux = Aux::Class(SCRATCH_CLASS);
        self.push(Op::Load, now.ty, pointer.into(), Arg::NONE, offset as i32, aux)
            .expect("a load has a result")
    }

    /// Appends a guard that the byte at `flag` is still 0.
    pub fn guard_flag(&mut self, flag: u64) {
        let base = Arg::Const(Const::new(Ty::Ptr, flag));
        let value = self
            .push(Op::Load, Ty::Bool, base, Arg::NONE, 0, Aux::Class(FLAG_CLASS))
            .expect("a load has a result");
        self.saw_load(flag, Const::bool(false));
        self.guard(value, false);
    }

    /// Appends a guard that the byte at `flag` is still 0, unless it is known to be.
    pub fn guard_validity(&mut self, flag: u64) {
        let address = Address {
            base: Opnd::Const,
            base_now: flag,
            offset: 0,
            frozen: false,
            class: VALIDITY_CLASS.0,
            owner: false,
        };
        if self.known(address).is_some() {
            return;
        }
        let (base, aux) = (Self::base(address), Aux::Class(VALIDITY_CLASS));
        let value =
            self.push(Op::Load, Ty::Bool, base, Arg::NONE, 0, aux).expect("a load has a result");
        let now = Const::bool(false);
        self.saw_load(flag, now);
        self.guard(value, false);
        self.learn(address, Word { now, opnd: Opnd::Const });
    }

    /// Gives every red a value of its own, so that the trace can be cut here; gives their operands.
    pub fn rename(&mut self, reds: &[Word]) -> Vec<ValueId> {
        self.forget();
        self.computed = Computed::default();
        self.ownership.rename();
        reds.iter().map(|red| self.op(Op::Copy, red.now.ty, Self::arg(*red), Arg::NONE)).collect()
    }

    /// The recorded trace; `end` closes it into a loop whose head is where `params` were renamed
    /// (all operations before are cut off).
    pub fn finish(mut self, close: Option<Close>) -> (Trace, Vec<Event>) {
        if let Some(close) = close {
            self.block.insts.drain(..close.position);
            self.journal.drain(..close.journal);
            self.block.params = close.params;
            self.block.end = End::Jump(crate::ir::BlockId(0), close.args);
        }
        self.trace.blocks.push(self.block);
        (self.trace, self.journal)
    }

    /// The pointer of an address.
    pub(super) fn base(address: Address) -> Arg {
        match address.base {
            Opnd::Ssa(v) => Arg::Value(v),
            _ => Arg::Const(Const::new(Ty::Ptr, address.base_now)),
        }
    }

    fn saw_store(&mut self, address: u64, word: Const) {
        self.journal.push(Event::Store { address, size: word.ty.size(), bits: word.bits });
    }

    fn saw_load(&mut self, address: u64, now: Const) {
        self.journal.push(Event::Load { address, size: now.ty.size(), bits: now.bits });
    }

    pub(super) fn log(&mut self, entry: LogEntry, effect: bool) {
        self.log.push(entry);
        if effect && self.effects == 0 {
            self.anchor = self.latest.clone();
        }
        self.effects += usize::from(effect);
        if self.effects > 0 {
            self.exit = None;
        }
    }

    fn current_exit(&mut self) -> ExitId {
        if let Some(exit) = self.exit {
            return exit;
        }
        let log = if self.effects > 0 { self.log.clone() } else { vec![] };
        let (resume, reds) = self.anchor.clone();
        let exit = Exit { resume, reds, log, pending: vec![], link: None };
        let id = self.trace.add_exit(exit);
        self.exit = Some(id);
        id
    }

    pub(super) fn push(
        &mut self,
        op: Op,
        ty: Ty,
        a: Arg,
        b: Arg,
        imm: i32,
        aux: Aux,
    ) -> Option<ValueId> {
        let result = op.result(ty).filter(|_| op != Op::CallCode);
        let dst = result.map(|ty| self.trace.add_value(ty));
        if let (Some(v), Ty::Ptr) = (dst, ty) {
            match op {
                Op::Load | Op::LoadOwned => self.ownership.derive(v, Origin::Behind(a)),
                Op::PtrAdd | Op::Copy | Op::Bitcast => self.ownership.derive(v, Origin::Same(a)),
                _ => (),
            }
        }
        self.block.insts.push(Inst { op, ty, dst, a, b, imm, aux });
        dst
    }
}

fn class_of(address: Address) -> Aux {
    Aux::class(Class(address.class))
}

/// Where and how a trace closes into a loop.
#[derive(Clone, Debug)]
pub struct Close {
    /// Number of operations before the loop's head.
    pub position: usize,
    /// Number of journal events before it.
    pub journal: usize,
    /// The loop's parameters.
    pub params: Vec<ValueId>,
    /// What the end of the loop passes.
    pub args: Vec<Arg>,
}

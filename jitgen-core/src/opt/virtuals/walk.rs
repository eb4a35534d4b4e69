//! A walk through a block with the objects that have not been made.
//!
//! Not here: what is carried from one block to the next (`layout`).

use super::super::address::{Address, Defs};
use super::super::rules::{Fired, Rule};
use super::super::tree::{Origins, meeting};
use super::meet::Way;
use crate::ir::{
    Arg, Aux, Block, BlockId, Class, Const, End, Exit, ExitId, Gone, Inst, Map, Op, PendingStore,
    Set, Sig, Trace, Ty, ValueId,
};

/// So many words are in objects that are not made, at most: each exit may have to write them.
const MAX_WORDS: usize = 128;

/// A word of an object.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    pub offset: i32,
    pub ty: Ty,
    pub class: Class,
    pub value: Arg,
}

impl Field {
    /// The store that fills it.
    fn store(&self, base: Arg, value: Arg) -> PendingStore {
        PendingStore { ty: self.ty, class: self.class, base, offset: self.offset, value }
    }

    fn end(&self) -> i64 {
        i64::from(self.offset) + i64::from(self.ty.size())
    }

    fn overlaps(&self, offset: i64, size: u32) -> bool {
        i64::from(self.offset) < offset + i64::from(size) && offset < self.end()
    }

    fn is_within(&self, offset: i64, size: u32) -> bool {
        offset <= i64::from(self.offset) && self.end() <= offset + i64::from(size)
    }
}

/// An object that has not been made, as far as `Walk::of` leads to it.
#[derive(Clone, Debug)]
pub(super) struct Object {
    /// What exits call it.
    value: ValueId,
    pub new: Inst,
    /// What has been stored.
    pub fields: Vec<Field>,
    /// Pointers to it and into it that have been computed, and the same as other types: how far.
    derived: Vec<(ValueId, i64, Ty)>,
}

/// The state of a walk.
pub(super) struct Walk<'t> {
    pub trace: &'t Trace,
    defs: &'t Defs,
    /// Values that the walk has made, which are so far behind an object's address.
    names: Map<ValueId, (ValueId, i64)>,
    pub out: Trace,
    pub origins: Origins,
    pub insts: Vec<Inst>,
    pub objects: Vec<Object>,
    /// The objects by what exits call them.
    pub of: Map<ValueId, usize>,
    /// What values have become.
    pub subst: Map<ValueId, Arg>,
    /// By block where ways meet: those that have come there.
    pub meetings: Map<BlockId, Vec<Way>>,
    /// What there is to know where a block behind a guard begins.
    forks: Map<BlockId, Fork>,
    /// Is there a block behind guards between which an object has been made?
    pub is_mixed: bool,
    pub fired: Fired,
}

/// The objects at a guard, and what values have become.
struct Fork {
    objects: Vec<Object>,
    of: Map<ValueId, usize>,
    subst: Map<ValueId, Arg>,
}

impl<'t> Walk<'t> {
    pub fn new(trace: &'t Trace, origins: &Origins, defs: &'t Defs) -> Walk<'t> {
        let out = Trace { blocks: vec![], ..trace.clone() };
        Walk {
            trace,
            defs,
            names: Map::default(),
            out,
            origins: origins.clone(),
            insts: vec![],
            objects: vec![],
            of: Map::default(),
            subst: Map::default(),
            meetings: Map::default(),
            forks: Map::default(),
            is_mixed: false,
            fired: Fired::default(),
        }
    }

    /// The next block begins.
    pub fn begin(&mut self) {
        self.of.clear();
    }

    /// A block behind a guard begins; answers whether there is such a guard. Each object that has not
    /// been made is another here, since exits name only objects of their own block.
    pub fn enter(&mut self, block: BlockId) -> bool {
        let Some(Fork { objects, of, subst }) = self.forks.remove(&block) else {
            return false;
        };
        (self.objects, self.of, self.subst) = (objects, Map::default(), subst);
        let mut known: Vec<(ValueId, usize)> = of.into_iter().collect();
        known.sort_unstable();
        for (old, index) in known {
            let value = self.out.add_value(Ty::Ptr);
            let Object { new, derived, fields, .. } = self.objects[index].clone();
            let new = Inst { dst: Some(value), ..new };
            self.insts.push(new);
            self.subst.insert(old, value.into());
            let derived = self.derive_again(value, derived);
            // Here these are names of what is not made.
            for (name, offset, _) in &derived {
                self.names.insert(*name, (value, *offset));
            }
            self.objects[index] = Object { value, new, derived, fields };
            self.of.insert(value, index);
        }
        true
    }

    /// An object that has no words yet; its number.
    pub fn add_object(&mut self, value: ValueId, new: Inst) -> usize {
        self.of.insert(value, self.objects.len());
        self.objects.push(Object { value, new, fields: vec![], derived: vec![] });
        self.objects.len() - 1
    }

    /// `name` is the address of that object, as a value of whatever type it has.
    pub fn name(&mut self, name: ValueId, object: ValueId) {
        let ty = self.out.ty(name.into());
        if ty == Ty::Ptr {
            self.subst.insert(name, object.into());
            return;
        }
        let a = object.into();
        let (dst, b) = (Some(name), Arg::NONE);
        self.insts.push(Inst { op: Op::Bitcast, ty, dst, a, b, imm: 0, aux: Aux::None });
        self.names.insert(name, (object, 0));
        let index = self.of[&object];
        self.objects[index].derived.push((name, 0, ty));
    }

    /// What an operand has become.
    pub fn resolve(&self, mut arg: Arg) -> Arg {
        while let Some(next) = arg.as_value().and_then(|v| self.subst.get(&v)) {
            arg = *next;
        }
        arg
    }

    fn address(&self, pointer: Arg, offset: i64) -> Address {
        let mut at = self.defs.address(self.resolve(pointer), offset);
        loop {
            let base = self.resolve(at.place.base());
            let name = base.as_value().and_then(|v| self.names.get(&v));
            let (base, by) = match name {
                Some((object, by)) => (self.resolve((*object).into()), *by),
                None => (base, 0),
            };
            if base == at.place.base() {
                return at;
            }
            let next = self.defs.address(base, at.offset.wrapping_add(by));
            // An index more, or none: which one is of no interest.
            let root = next.place.root().or(at.place.root());
            at = Address { place: next.place.with_root(root), offset: next.offset };
        }
    }

    /// The object that is not made to which an operand leads, and how far, if that is a constant.
    pub fn object(&self, arg: Arg) -> Option<(usize, Option<i64>)> {
        if self.of.is_empty() {
            return None;
        }
        let at = self.address(arg, 0);
        let index = *self.of.get(&at.place.base().as_value()?)?;
        Some((index, at.place.root().is_none().then_some(at.offset)))
    }

    pub fn block(&mut self, insts: &[Inst]) {
        for inst in insts {
            self.step(inst);
        }
    }

    fn step(&mut self, inst: &Inst) {
        let place = || Some((inst.a, i64::from(inst.imm)));
        match inst.op.sig() {
            Sig::Load => {
                if let Some((index, offset)) = self.within(place()) {
                    if self.load(inst, index, offset) {
                        return;
                    }
                    self.make(index);
                }
            }
            Sig::Store => {
                if let Some((index, offset)) = self.within(place()) {
                    if self.store(inst, index, offset) {
                        return;
                    }
                    self.make(index);
                }
                self.known(inst.a);
                self.known(inst.b);
            }
            Sig::Call => match inst.op {
                Op::New => {
                    let value = inst.dst.expect("a new has a result");
                    self.add_object(value, *inst);
                }
                Op::Free => return self.free(inst),
                _ => {
                    let call = &self.trace.calls[inst.call().index()];
                    self.all_known(&call.args);
                }
            },
            Sig::CallIf => {
                let call = &self.trace.calls[inst.call().index()];
                self.all_known(&call.args);
                self.all_known(&[inst.a, inst.b]);
            }
            Sig::Known => {
                let call = &self.trace.calls[inst.call().index()];
                self.all_known(&call.args);
                self.known(inst.a);
            }
            Sig::Guard => return self.guard(inst),
            Sig::Compare if matches!(inst.op, Op::Eq | Op::Ne) && inst.ty == Ty::Ptr => {
                if self.compare(inst) {
                    return;
                }
            }
            Sig::PtrAdd => {
                if self.derive(inst, inst.b) {
                    return;
                }
            }
            Sig::Cast if inst.op == Op::Bitcast => {
                if self.derive(inst, Const::i64(0).into()) {
                    return;
                }
            }
            Sig::Binary | Sig::Compare | Sig::Unary | Sig::Cast | Sig::Scratch => {
                self.known(inst.a);
                self.known(inst.b);
            }
        }
        self.emit(inst);
    }

    /// The object that an access goes to.
    fn within(&self, place: Option<(Arg, i64)>) -> Option<(usize, Option<i64>)> {
        let (base, imm) = place?;
        let (index, offset) = self.object(base)?;
        Some((index, offset.map(|offset| offset + imm)))
    }

    /// Emits an instruction of the input with what its operands have become.
    fn emit(&mut self, inst: &Inst) {
        let mut inst = Inst { a: self.resolve(inst.a), b: self.resolve(inst.b), ..*inst };
        if let Aux::Call(call) = inst.aux {
            let same = &self.trace.calls[call.index()];
            let mut call = same.clone();
            // What has not been made nobody needs to be told to leave alone.
            call.keeps.retain(|kept| self.object(kept.base).is_none());
            call.operands_mut().for_each(|arg| *arg = self.resolve(*arg));
            if call != *same {
                inst.aux = Aux::Call(self.out.add_call(call));
            }
        }
        self.insts.push(inst);
    }

    /// A word that is known.
    fn load(&mut self, inst: &Inst, index: usize, offset: Option<i64>) -> bool {
        let Some(offset) = offset else { return false };
        let fields = &self.objects[index].fields;
        let same =
            |field: &&Field| i64::from(field.offset) == offset && field.ty.size() == inst.ty.size();
        let Some(field) = fields.iter().find(same).copied() else { return false };
        let dst = inst.dst.expect("a load has a result");
        if field.ty == inst.ty {
            self.subst.insert(dst, field.value);
            return true;
        }
        if field.ty == Ty::Bool || inst.ty == Ty::Bool {
            return false;
        }
        let a = self.resolve(field.value);
        let cast = Inst { op: Op::Bitcast, a, imm: 0, aux: Aux::None, ..*inst };
        match self.object(a) {
            Some((index, Some(offset))) => {
                let object = self.objects[index].value;
                self.derive(&cast, Const::i64(0).into());
                self.names.insert(dst, (object, offset));
            }
            Some((index, None)) => {
                self.make(index);
                self.insts.push(Inst { a: self.resolve(a), ..cast });
            }
            None => self.insts.push(cast),
        }
        true
    }

    fn store(&mut self, inst: &Inst, index: usize, offset: Option<i64>) -> bool {
        let Some(offset) = offset.and_then(|offset| i32::try_from(offset).ok()) else {
            return false;
        };
        let words = self.of.values().map(|index| self.objects[*index].fields.len());
        if words.sum::<usize>() >= MAX_WORDS {
            return false;
        }
        let (at, size) = (i64::from(offset), inst.ty.size());
        let fields = &mut self.objects[index].fields;
        let cut = |field: &Field| field.overlaps(at, size) && !field.is_within(at, size);
        if fields.iter().any(cut) {
            return false;
        }
        fields.retain(|field| !field.overlaps(at, size));
        fields.push(Field { offset, ty: inst.ty, class: inst.class(), value: inst.b });
        true
    }

    fn free(&mut self, inst: &Inst) {
        let args = &self.trace.calls[inst.call().index()].args;
        match self.object(args[0]) {
            Some((index, Some(0))) => {
                self.fired.fire(Rule::VirtualFree);
                let object = &self.objects[index];
                let gone = object.value;
                let derived = object.derived.clone();
                self.of.remove(&gone);
                let address = Gone::address(gone);
                self.subst.insert(gone, address.into());
                for (v, offset, ty) in derived {
                    let inside = Const::new(ty, address.bits.wrapping_add_signed(offset));
                    self.subst.insert(v, inside.into());
                }
            }
            _ => {
                self.all_known(args);
                self.emit(inst);
            }
        }
    }

    /// A comparison with the address of an object that nobody else knows.
    fn compare(&mut self, inst: &Inst) -> bool {
        let (a, b) = (self.object(inst.a), self.object(inst.b));
        let equal = match (a, b) {
            (None, None) => return false,
            (Some((x, Some(i))), Some((y, Some(j)))) => x == y && i == j,
            (Some((_, Some(_))), None) | (None, Some((_, Some(_)))) => false,
            _ => {
                self.known(inst.a);
                self.known(inst.b);
                return false;
            }
        };
        self.fired.fire(Rule::FreshCompare);
        let dst = inst.dst.expect("a comparison has a result");
        self.subst.insert(dst, Const::bool(equal == (inst.op == Op::Eq)).into());
        true
    }

    /// A pointer `by` behind another, or its bits: if that leads into an object.
    fn derive(&mut self, inst: &Inst, by: Arg) -> bool {
        let Some((index, offset)) = self.object(inst.a) else { return false };
        let dst = inst.dst.expect("it has a result");
        let (Some(offset), Arg::Const(by)) = (offset, self.resolve(by)) else {
            self.make(index);
            return false;
        };
        let offset = offset.wrapping_add(by.bits as i64);
        let object = &mut self.objects[index];
        object.derived.push((dst, offset, if inst.op == Op::PtrAdd { Ty::Ptr } else { inst.ty }));
        // For exits.
        self.insts.push(Inst { a: self.resolve(inst.a), ..*inst });
        true
    }

    fn guard(&mut self, inst: &Inst) {
        let condition = self.known(inst.a);
        if condition.as_const().is_some_and(|c| c.is_true() == (inst.op == Op::Guard)) {
            self.fired.fire(Rule::GuardConstant);
            return;
        }
        let link = self.trace.exit(inst.exit()).link;
        if let Some(block) = link.filter(|block| *block != BlockId(0)) {
            let Walk { objects, of, subst, .. } = self;
            let mixed = self.forks.get(&block).is_some_and(|fork| fork.of != *of);
            self.is_mixed |= mixed;
            self.forks.entry(block).or_insert_with(|| Fork {
                objects: objects.clone(),
                of: of.clone(),
                subst: subst.clone(),
            });
            self.insts.push(Inst { a: condition, ..*inst });
            return;
        }
        let exit = self.exit(inst.exit());
        self.insts.push(Inst { a: condition, aux: Aux::Exit(exit), ..*inst });
    }

    /// The exit of a guard that stands here.
    fn exit(&mut self, id: ExitId) -> ExitId {
        let mut exit: Exit = self.trace.exit(id).clone();
        let same = exit.clone();
        exit.operands_mut().for_each(|arg| *arg = self.resolve(*arg));
        let mut needed: Vec<usize> = vec![];
        for arg in exit.uses() {
            self.reach(arg, &mut needed);
        }
        let mut fill = vec![];
        for index in needed {
            self.fired.fire(Rule::VirtualExit);
            let Object { value, fields, .. } = &self.objects[index];
            for field in fields {
                fill.push(field.store((*value).into(), self.resolve(field.value)));
            }
        }
        // What is pending already comes later.
        exit.pending.splice(0..0, fill);
        if exit == same {
            return id;
        }
        self.origins.again(id);
        self.out.add_exit(exit)
    }

    /// The objects that are not made to which an operand leads.
    fn reach(&self, arg: Arg, found: &mut Vec<usize>) {
        let Some((index, _)) = self.object(arg) else { return };
        if found.contains(&index) {
            return;
        }
        found.push(index);
        for field in &self.objects[index].fields {
            self.reach(field.value, found);
        }
    }

    /// An operand that others get to know.
    pub fn known(&mut self, arg: Arg) -> Arg {
        if let Some((index, _)) = self.object(arg) {
            self.make(index);
        }
        self.resolve(arg)
    }

    /// Makes the objects to which these values lead.
    pub fn make_used(&mut self, used: &Set<ValueId>) {
        let mut used: Vec<ValueId> = used.iter().copied().collect();
        used.sort();
        let used: Vec<Arg> = used.into_iter().map(Arg::Value).collect();
        self.all_known(&used);
    }

    fn all_known(&mut self, args: &[Arg]) {
        for arg in args {
            self.known(*arg);
        }
    }

    /// Makes an object, and what it leads to: first all of them, since they may lead to each other.
    fn make(&mut self, index: usize) {
        self.fired.fire(Rule::VirtualLate);
        let mut found = vec![];
        self.reach(self.objects[index].value.into(), &mut found);
        for index in &found {
            let Object { value, new, ref derived, .. } = self.objects[*index];
            let made = self.out.add_value(Ty::Ptr);
            self.insts.push(Inst { dst: Some(made), ..new });
            self.of.remove(&value);
            self.subst.insert(value, made.into());
            self.derive_again(made, derived.clone());
        }
        for index in found {
            let Object { value, ref fields, .. } = self.objects[index];
            let a = self.resolve(value.into());
            for field in fields.clone() {
                let value = self.resolve(field.value);
                self.insts.push(field.store(a, value).inst());
            }
        }
    }

    /// Computes pointers to and into an object again, and their bits; what they are then.
    fn derive_again(
        &mut self,
        object: ValueId,
        derived: Vec<(ValueId, i64, Ty)>,
    ) -> Vec<(ValueId, i64, Ty)> {
        let mut pointers = Map::from_iter([(0, object)]);
        let mut again = vec![];
        for (v, offset, ty) in derived {
            let mut step = |op, ty, a: ValueId, b| {
                let (dst, a) = (self.out.add_value(ty), a.into());
                self.insts.push(Inst { op, ty, dst: Some(dst), a, b, imm: 0, aux: Aux::None });
                dst
            };
            let pointer = *pointers
                .entry(offset)
                .or_insert_with(|| step(Op::PtrAdd, Ty::Ptr, object, Const::i64(offset).into()));
            let name = match ty {
                Ty::Ptr => pointer,
                ty => step(Op::Bitcast, ty, pointer, Arg::NONE),
            };
            self.subst.insert(v, name.into());
            again.push((name, offset, ty));
        }
        again
    }

    /// Ends a block as the input's ends, with its parameters.
    pub fn end(&mut self, block: &Block) {
        self.end_as(block, block.params.clone());
    }

    /// The same with other parameters.
    pub fn end_as(&mut self, block: &Block, params: Vec<ValueId>) {
        let end = match &block.end {
            End::Leave(exit) => End::Leave(self.exit(*exit)),
            // What becomes of the objects is found out when all ways have come there.
            End::Jump(..) if meeting(&block.end).is_some() => block.end.clone(),
            End::Jump(target, args) => {
                End::Jump(*target, args.iter().map(|arg| self.known(*arg)).collect())
            }
        };
        self.end_with(end, params);
    }

    pub fn end_with(&mut self, end: End, params: Vec<ValueId>) {
        let mut end = end;
        if let End::Jump(_, args) = &mut end {
            // Making one object may have made others.
            args.iter_mut().for_each(|arg| *arg = self.resolve(*arg));
        }
        let insts = std::mem::take(&mut self.insts);
        let target = meeting(&end);
        self.out.blocks.push(Block { params, insts, end });
        target.into_iter().for_each(|to| self.note_way(to));
    }
}

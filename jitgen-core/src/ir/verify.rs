//! What must hold of every trace. Each rule has a name; all violations are returned.
//!
//! | rule | meaning |
//! |---|---|
//! | `ids` | every id is in range |
//! | `single-definition` | a value is defined once |
//! | `dominance` | a value is used where its definition has been passed on every way |
//! | `type` | operands have the types that the op table asks for |
//! | `domain` | the type suffix is one that the op knows |
//! | `cast` | a cast goes between types that it is for |
//! | `jump-args` | jumps and links pass what the target block takes |
//! | `log` | blobs lie at non-negative offsets |
//! | `pending` | pending stores go to pointers, and store what their type says |
//! | `class` | loads and stores have an alias class, guards an exit, calls a call site |
//! | `effects` | what is declared of a call's effects fits its op |
//! | `allocation` | a `new` says how many bytes, a `free` what |
//! | `call` | a call of code has the operands that it needs, and no others of a call's things |

use super::{
    Arg, Aux, BlockId, Class, Effects, End, Exit, ExitId, Inst, LogEntry, Op, Sig, Trace, Ty,
    ValueId,
};

/// A rule that a trace breaks, and where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Violation {
    /// The rule's name.
    pub rule: &'static str,
    /// The block, if it is in one.
    pub block: Option<BlockId>,
    /// The instruction's place in the block; its length stands for the block's end.
    pub inst: Option<usize>,
    /// What is wrong, in lower case.
    pub message: String,
}

/// Checks `trace`; an empty answer means that it is well formed.
pub fn verify(trace: &Trace) -> Vec<Violation> {
    let mut checker = Checker { trace, at: (None, None), found: vec![] };
    if checker.ids() {
        checker.definitions();
        checker.types();
    }
    checker.found
}

struct Checker<'a> {
    trace: &'a Trace,
    at: (Option<BlockId>, Option<usize>),
    found: Vec<Violation>,
}

impl Checker<'_> {
    fn report(&mut self, rule: &'static str, message: impl Into<String>) {
        let (block, inst) = self.at;
        self.found.push(Violation { rule, block, inst, message: message.into() });
    }

    /// Every id in range; the other checks rely on it.
    fn ids(&mut self) -> bool {
        let trace = self.trace;
        if trace.blocks.is_empty() {
            self.report("ids", "a trace needs a block");
        }
        for (index, block) in trace.blocks.iter().enumerate() {
            self.at = (Some(BlockId(index as u32)), None);
            block.params.iter().for_each(|v| self.value_id(*v));
            for (place, inst) in block.insts.iter().enumerate() {
                self.at.1 = Some(place);
                inst.dst.into_iter().for_each(|v| self.value_id(v));
                self.arg_id(inst.a);
                self.arg_id(inst.b);
                match inst.aux {
                    Aux::None | Aux::Class(_) => (),
                    Aux::Exit(exit) => self.exit_id(exit),
                    Aux::Call(call) if call.index() >= trace.calls.len() => {
                        self.report("ids", format!("there is no call site {}", call.0));
                    }
                    Aux::Call(call) => {
                        trace.calls[call.index()].operands().for_each(|arg| self.arg_id(arg));
                    }
                }
            }
            self.at.1 = Some(block.insts.len());
            match &block.end {
                End::Leave(exit) => self.exit_id(*exit),
                End::Jump(target, args) => {
                    self.block_id(*target);
                    args.iter().for_each(|arg| self.arg_id(*arg));
                }
            }
        }
        self.at = (None, None);
        for exit in &trace.exits {
            exit.uses().for_each(|arg| self.arg_id(arg));
            exit.link.into_iter().for_each(|block| self.block_id(block));
        }
        self.found.is_empty()
    }

    fn value_id(&mut self, v: ValueId) {
        if v.index() >= self.trace.values.len() {
            self.report("ids", format!("there is no value v{}", v.0));
        }
    }

    fn arg_id(&mut self, arg: Arg) {
        arg.as_value().into_iter().for_each(|v| self.value_id(v));
    }

    fn exit_id(&mut self, exit: ExitId) {
        if exit.index() >= self.trace.exits.len() {
            self.report("ids", format!("there is no exit{}", exit.0));
        }
    }

    fn block_id(&mut self, block: BlockId) {
        if block.index() >= self.trace.blocks.len() {
            self.report("ids", format!("there is no block b{}", block.0));
        }
    }

    /// `single-definition` and `dominance`, the latter as a forward data flow: the values available
    /// at a block are those available at all its predecessors.
    fn definitions(&mut self) {
        let trace = self.trace;
        let mut defined = vec![false; trace.values.len()];
        for (index, block) in trace.blocks.iter().enumerate() {
            let results = block.insts.iter().enumerate().map(|(i, inst)| (Some(i), inst.dst));
            let params = block.params.iter().map(|v| (None, Some(*v)));
            for (place, value) in params.chain(results) {
                let Some(v) = value else { continue };
                if std::mem::replace(&mut defined[v.index()], true) {
                    self.at = (Some(BlockId(index as u32)), place);
                    self.report("single-definition", format!("v{} is defined again", v.0));
                }
            }
        }
        let mut available: Vec<Option<Vec<bool>>> = vec![None; trace.blocks.len()];
        available[0] = Some(vec![false; trace.values.len()]);
        let mut work = vec![0usize];
        while let Some(index) = work.pop() {
            let mut set = available[index].clone().expect("queued blocks are reached");
            for (target, set) in self.flow(index, &mut set, false) {
                let known = &mut available[target.index()];
                let merged = match &*known {
                    None => set,
                    Some(old) => old.iter().zip(&set).map(|(a, b)| *a && *b).collect(),
                };
                if known.as_ref() != Some(&merged) {
                    *known = Some(merged);
                    work.push(target.index());
                }
            }
        }
        for (index, set) in available.into_iter().enumerate() {
            if let Some(mut set) = set {
                self.flow(index, &mut set, true);
            }
        }
    }

    /// Walks a block with the values available at its start; returns what is available on each way
    /// out. With `check` it reports uses of what is not.
    fn flow(&mut self, index: usize, set: &mut [bool], check: bool) -> Vec<(BlockId, Vec<bool>)> {
        let trace = self.trace;
        let block = &trace.blocks[index];
        let mut out = vec![];
        block.params.iter().for_each(|v| set[v.index()] = true);
        for (place, inst) in block.insts.iter().enumerate() {
            self.at = (Some(BlockId(index as u32)), Some(place));
            if check {
                self.used(set, [inst.a, inst.b]);
            }
            match inst.aux {
                Aux::None | Aux::Class(_) => (),
                Aux::Call(call) if check => {
                    self.used(set, trace.calls[call.index()].operands());
                }
                Aux::Call(_) => (),
                Aux::Exit(exit) => self.leave(exit, set, check, &mut out),
            }
            inst.dst.into_iter().for_each(|v| set[v.index()] = true);
        }
        self.at = (Some(BlockId(index as u32)), Some(block.insts.len()));
        match &block.end {
            End::Leave(exit) => self.leave(*exit, set, check, &mut out),
            End::Jump(target, args) => {
                if check {
                    self.used(set, args.iter().copied());
                }
                out.push((*target, set.to_vec()));
            }
        }
        out
    }

    fn leave(
        &mut self,
        exit: ExitId,
        set: &[bool],
        check: bool,
        out: &mut Vec<(BlockId, Vec<bool>)>,
    ) {
        let exit = &self.trace.exits[exit.index()];
        if check {
            self.used(set, exit.uses());
        }
        if let Some(target) = exit.link {
            out.push((target, set.to_vec()));
        }
    }

    fn used(&mut self, set: &[bool], args: impl IntoIterator<Item = Arg>) {
        for v in args.into_iter().filter_map(Arg::as_value) {
            if !set[v.index()] {
                self.report("dominance", format!("v{} is not defined on every way here", v.0));
            }
        }
    }

    fn types(&mut self) {
        let trace = self.trace;
        for (index, block) in trace.blocks.iter().enumerate() {
            for (place, inst) in block.insts.iter().enumerate() {
                self.at = (Some(BlockId(index as u32)), Some(place));
                self.inst(inst);
            }
            self.at = (Some(BlockId(index as u32)), Some(block.insts.len()));
            if let End::Jump(target, args) = &block.end {
                self.passes(*target, args.iter().copied());
            }
        }
        self.at = (None, None);
        for exit in &trace.exits {
            exit.link.into_iter().for_each(|target| self.passes(target, exit.args()));
            self.log(exit);
            self.pending(exit);
        }
    }

    fn log(&mut self, exit: &Exit) {
        let mut size = None;
        for (index, entry) in exit.log.iter().enumerate() {
            if index > 0 && exit.is_return() && !matches!(entry, LogEntry::Part { .. }) {
                self.report("log", "behind the portal's result only its parts can follow");
            }
            match *entry {
                LogEntry::Part { offset, arg, .. } => match size {
                    None => self.report("log", "a part belongs to no result"),
                    Some(size) if offset + self.trace.ty(arg).size() > size => {
                        self.report("log", format!("a part is outside of the {size} bytes"));
                    }
                    Some(_) => (),
                },
                LogEntry::Return { call, next, .. } | LogEntry::Level { call, next, .. }
                    if next <= call =>
                {
                    self.report("log", "a call ends before it begins");
                }
                LogEntry::Result { .. } if index > 0 => {
                    self.report("log", "the portal's result does not stand first");
                }
                LogEntry::Blob { offset, .. } if offset < 0 => {
                    self.report("log", "a blob's offset is negative");
                }
                _ => (),
            }
            size = match *entry {
                LogEntry::Return { size, .. }
                | LogEntry::Level { size, .. }
                | LogEntry::Result { size } => Some(size),
                LogEntry::Part { .. } => size,
                _ => None,
            };
        }
        if exit.is_return() && (exit.link.is_some() || !exit.reds.is_empty()) {
            self.report("log", "where the portal returns nothing goes on");
        }
    }

    fn pending(&mut self, exit: &Exit) {
        for store in &exit.pending {
            for (arg, expected) in [(store.base, Ty::Ptr), (store.value, store.ty)] {
                let given = self.trace.ty(arg);
                if given != expected {
                    let message = format!("a pending store takes {expected} here, not {given}");
                    self.report("pending", message);
                }
            }
        }
    }

    fn passes(&mut self, target: BlockId, args: impl Iterator<Item = Arg>) {
        let trace = self.trace;
        let given: Vec<Ty> = args.map(|arg| trace.ty(arg)).collect();
        let taken: Vec<Ty> =
            trace.block(target).params.iter().map(|v| trace.values[v.index()]).collect();
        if given != taken {
            let message = format!("b{} takes {taken:?}, not {given:?}", target.0);
            self.report("jump-args", message);
        }
    }

    fn inst(&mut self, inst: &Inst) {
        let trace = self.trace;
        let name = inst.op.mnemonic();
        if inst.op.has_suffix() && !inst.op.domain().contains(inst.ty) {
            self.report("domain", format!("there is no {name}.{}", inst.ty));
        }
        if let Some(dst) = inst.dst {
            let expected = inst.op.result(inst.ty);
            if expected != Some(trace.values[dst.index()]) {
                self.report("type", format!("the result of {name} has another type"));
            }
        }
        self.aux(inst);
        match inst.op.sig() {
            Sig::Binary | Sig::Compare => self.operands(inst, Some(inst.ty), Some(inst.ty)),
            Sig::Unary => self.operands(inst, Some(inst.ty), None),
            Sig::Cast => self.cast(inst),
            Sig::Load => self.operands(inst, Some(Ty::Ptr), None),
            Sig::Store => self.operands(inst, Some(Ty::Ptr), Some(inst.ty)),
            Sig::PtrAdd => self.operands(inst, Some(Ty::Ptr), Some(Ty::I64)),
            Sig::Guard => self.operands(inst, Some(Ty::Bool), None),
            Sig::Scratch if inst.imm < 0 => self.report("log", "a scratch offset is negative"),
            Sig::Scratch => (),
            Sig::Call => {
                self.effects(inst);
                self.callee(inst);
                self.allocation(inst);
            }
            Sig::Known => self.operands(inst, Some(inst.ty), None),
            Sig::CallIf => {
                self.operands(inst, Some(Ty::Bool), inst.dst.map(|_| inst.ty));
                self.effects(inst);
            }
        }
    }

    /// `class`: the op has what it needs besides operands, and nothing else.
    fn aux(&mut self, inst: &Inst) {
        let fits = match inst.aux {
            Aux::None => !inst.op.is_guard() && !inst.op.is_call() && inst.op.sig() != Sig::Known,
            Aux::Call(_) => inst.op.is_call() || inst.op.sig() == Sig::Known,
            Aux::Exit(_) => inst.op.is_guard(),
            Aux::Class(class) => {
                matches!(inst.op.sig(), Sig::Load | Sig::Store) && class != Class::ANY
            }
        };
        if !fits {
            self.report("class", format!("{} does not take {:?}", inst.op.mnemonic(), inst.aux));
        }
    }

    /// `call`: a call of code says where its cell, its constants and its place are, has its result in
    /// memory, and declares nothing.
    fn callee(&mut self, inst: &Inst) {
        let Aux::Call(id) = inst.aux else { return };
        if inst.op != Op::CallCode {
            return;
        }
        let trace = self.trace;
        let call = &trace.calls[id.index()];
        let first = call.args.iter().take(3).filter(|arg| trace.ty(**arg) == Ty::Ptr);
        if first.count() < 3 || inst.dst.is_some() || call.effects != Effects::default() {
            self.report("call", "call_code takes three pointers and more, and gives nothing");
        }
    }

    fn effects(&mut self, inst: &Inst) {
        let Aux::Call(call) = inst.aux else { return };
        let call = &self.trace.calls[call.index()];
        let effects = &call.effects;
        if !call.keeps.is_empty() && inst.op.unconditional() != Op::Call {
            self.report("effects", "only an effect can leave memory alone");
        }
        if call.keeps.iter().any(|kept| self.trace.ty(kept.base) != Ty::Ptr) {
            self.report("type", "what a call keeps is behind a pointer");
        }
        if inst.op.is_pure_call() && effects.reads.is_some() {
            let name = inst.op.mnemonic();
            let message = format!("the result of {name} depends on its arguments alone");
            self.report("effects", message);
        }
    }

    fn allocation(&mut self, inst: &Inst) {
        let Aux::Call(call) = inst.aux else { return };
        let call = &self.trace.calls[call.index()];
        let first = call.args.first().copied();
        let size = first.and_then(Arg::as_const).filter(|c| c.ty == Ty::I64);
        match inst.op {
            op if op.makes()
                && size.is_none_or(|size| !(1..=i64::from(i32::MAX)).contains(&size.signed())) =>
            {
                self.report("allocation", "the first operand of new is its size, as in `i64 8`");
            }
            op if op.makes() && call.args.len() > 2 && call.cells().is_none() => {
                let message = "the operands of new are one or two, or those of free cells";
                self.report("allocation", message);
            }
            op if op.makes() && (inst.dst.is_none() || inst.imm < 0) => {
                self.report("allocation", "new has a number and a result");
            }
            Op::Free if inst.dst.is_some() || first.is_none_or(|a| self.trace.ty(a) != Ty::Ptr) => {
                self.report(
                    "allocation",
                    "the first operand of free is a pointer, and it has no result",
                );
            }
            _ => (),
        }
    }

    fn operands(&mut self, inst: &Inst, a: Option<Ty>, b: Option<Ty>) {
        for (arg, expected) in [(inst.a, a), (inst.b, b)] {
            let Some(expected) = expected else { continue };
            let given = self.trace.ty(arg);
            if given != expected {
                let name = inst.op.mnemonic();
                self.report("type", format!("{name} takes {expected} here, not {given}"));
            }
        }
    }

    fn cast(&mut self, inst: &Inst) {
        let (from, to) = (self.trace.ty(inst.a), inst.ty);
        let fits = match inst.op {
            Op::Trunc => from.is_int() && from.size() > to.size(),
            Op::Zext => from == Ty::Bool || from.is_int() && from.size() < to.size(),
            Op::Sext => from.is_int() && from.size() < to.size(),
            Op::FromS | Op::FromU => from.is_int(),
            Op::ToS | Op::ToU => from.is_float(),
            Op::FCvt => from.is_float() && from != to,
            Op::Bitcast => {
                from != to && from.size() == to.size() && from != Ty::Bool && to != Ty::Bool
            }
            _ => true,
        };
        if !fits {
            self.report("cast", format!("{} does not go from {from} to {to}", inst.op.mnemonic()));
        }
    }
}

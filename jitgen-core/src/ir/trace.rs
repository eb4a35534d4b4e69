//! The trace: blocks of instructions in SSA form, and the exits of their guards.
//!
//! ```text
//! trace @count {
//! b0(v0: ptr, v1: i64):
//!     v2 = load.i64 v0+8
//!     v3 = lt_u.i64 v1, v2
//!     guard v3 else exit0
//!     v4 = add.i64 v1, 1
//!     jump b0(v0, v4)
//! exit0: resume 0 [v0, v1]
//! }
//! ```
//!
//! One type serves the whole way: a recorded loop is one block that jumps to itself, a bridge is
//! one block that ends with `leave`, a peeled loop is two blocks (preamble and body), a *region*
//! is the blocks of several of those with exits linked to blocks (`exit0: … -> b3`).
//! Block 0 is the entry.
//!
//! An exit may have *pending stores*: what the trace has stored, and memory does not hold yet. They
//! are written, in order, when the exit is taken, before anything else that happens there:
//!
//! ```text
//! store.i64 v0+8, v1          guard v2 else exit0
//! guard v2 else exit0    =    store.i64 v0+8, v1
//! exit0: resume 1 [v0]        exit0: resume 1 [v0] pending [i64 v0+8 = v1]
//! ```
//!
//! Invariants (checked by `verify`): `ssa` (a value is defined once, before its uses, in a block
//! that dominates them), `typed` (operands fit the op table), `exit-shape` (an exit that is linked
//! has the types of the block it is linked to).
//!
//! Not here: addresses of code, greens, interpreters. An exit carries the number of a resume point;
//! what that number means is the runtime's business.

use super::effects::touches;
use super::{Class, Const, Effect, Effects, Op, Ty};
use std::hash::{Hash, Hasher};

macro_rules! id {
    ($(#[$doc:meta])+ $name:ident) => {
        $(#[$doc])+
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
        pub struct $name(pub u32);

        impl $name {
            /// The position in the table that this id indexes.
            pub fn index(self) -> usize {
                self.0 as usize
            }
        }
    };
}

id! {
    /// Names an SSA value; indexes [`Trace::values`].
    ValueId
}
id! {
    /// Names a block; indexes [`Trace::blocks`].
    BlockId
}
id! {
    /// Names an exit; indexes [`Trace::exits`].
    ExitId
}
id! {
    /// Names a call site's operands; indexes [`Trace::calls`].
    CallId
}
id! {
    /// Names a resume point: a merge point that recording has passed. Opaque here.
    ResumeId
}

/// An operand: a value, or a constant in place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Arg {
    /// An SSA value.
    Value(ValueId),
    /// A constant.
    Const(Const),
}

impl Arg {
    /// The constant, if it is one.
    pub fn as_const(self) -> Option<Const> {
        match self {
            Arg::Const(c) => Some(c),
            Arg::Value(_) => None,
        }
    }

    /// The value, if it is one.
    pub fn as_value(self) -> Option<ValueId> {
        match self {
            Arg::Value(v) => Some(v),
            Arg::Const(_) => None,
        }
    }

    /// The constant 0 of type `i64`: what an unused operand field holds.
    pub const NONE: Arg = Arg::Const(Const { ty: Ty::I64, bits: 0 });
}

/// One word: tables of the optimizer are looked into by operands all the time.
impl Hash for Arg {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(match self {
            Arg::Value(v) => v.0.into(),
            Arg::Const(c) => !c.bits.rotate_left(4) ^ c.ty as u64,
        });
    }
}

impl From<ValueId> for Arg {
    fn from(v: ValueId) -> Arg {
        Arg::Value(v)
    }
}

impl From<Const> for Arg {
    fn from(c: Const) -> Arg {
        Arg::Const(c)
    }
}

/// One operation. Which fields are in use follows from the op's [`super::Sig`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Inst {
    /// What it does.
    pub op: Op,
    /// The type suffix; for ops without one: `ptr` for `ptr_add` and `scratch`, `bool` for guards.
    pub ty: Ty,
    /// The value it defines.
    pub dst: Option<ValueId>,
    /// First operand ([`Arg::NONE`] if there is none); the condition of `call_if`.
    pub a: Arg,
    /// Second operand ([`Arg::NONE`] if there is none); what `call_if` gives if it does not call.
    pub b: Arg,
    /// Byte offset of `load`, `store`, `scratch`; number of a `new`.
    pub imm: i32,
    /// The call's operands, the guard's exit, or the access's class.
    pub aux: Aux,
}

/// What an instruction has besides two operands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Aux {
    /// Nothing.
    None,
    /// The target and operands of a call.
    Call(CallId),
    /// Where a failing guard leaves.
    Exit(ExitId),
    /// What a load or a store may touch; [`Class::ANY`] is written as [`Aux::None`], see
    /// [`Aux::class`].
    Class(Class),
}

impl Aux {
    /// That of a load or a store of this class.
    pub fn class(class: Class) -> Aux {
        if class == Class::ANY { Aux::None } else { Aux::Class(class) }
    }
}

impl Inst {
    /// The exit of a guard.
    ///
    /// # Panics
    /// If it is not a guard.
    pub fn exit(&self) -> ExitId {
        match self.aux {
            Aux::Exit(exit) => exit,
            _ => panic!("{} has no exit", self.op.mnemonic()),
        }
    }

    /// The alias class of a load or a store.
    pub fn class(&self) -> Class {
        match self.aux {
            Aux::Class(class) => class,
            Aux::None | Aux::Call(_) | Aux::Exit(_) => Class::ANY,
        }
    }

    /// The call site of a call, a `new` or a `free`, and of `result_of`.
    ///
    /// # Panics
    /// If it has none.
    pub fn call(&self) -> CallId {
        match self.aux {
            Aux::Call(call) => call,
            _ => panic!("{} is not a call", self.op.mnemonic()),
        }
    }
}

/// How many of `a`, `b` an op uses.
pub fn operand_count(op: Op) -> usize {
    use super::Sig;
    match op.sig() {
        Sig::Binary | Sig::Compare | Sig::Store | Sig::PtrAdd | Sig::CallIf => 2,
        Sig::Unary | Sig::Cast | Sig::Load | Sig::Known | Sig::Guard => 1,
        Sig::Scratch | Sig::Call => 0,
    }
}

/// A call's target and operands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Call {
    /// The symbol of the function; its address is the embedder's business.
    pub symbol: String,
    /// The operands.
    pub args: Vec<Arg>,
    /// Does the call define a value (of the instruction's `ty`)?
    pub has_result: bool,
    /// What is declared of its effects.
    pub effects: Effects,
    /// The memory that it neither reads nor writes, whatever else is declared.
    pub keeps: Vec<Kept>,
}

/// Memory that a call leaves alone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Kept {
    /// A pointer.
    pub base: Arg,
    /// First byte and number of bytes, as seen from there; without one the whole object into which
    /// the pointer points, as far as it is addressed with it.
    pub range: Option<(i32, u32)>,
}

impl Call {
    /// All operands: arguments, and pointers to what it leaves alone.
    pub fn operands(&self) -> impl Iterator<Item = Arg> + '_ {
        self.args.iter().copied().chain(self.keeps.iter().map(|kept| kept.base))
    }

    /// The same, to be replaced.
    pub fn operands_mut(&mut self) -> impl Iterator<Item = &mut Arg> + '_ {
        self.args.iter_mut().chain(self.keeps.iter_mut().map(|kept| &mut kept.base))
    }

    /// May a call by `op` write what an access of this class touches?
    pub fn may_write(&self, op: Op, class: Class) -> bool {
        let declared = self.effects.writes.as_ref();
        let writes = declared.map_or(op.effect() == Effect::Any, |classes| touches(classes, class));
        writes && !class.is_immutable()
    }

    /// May a call by `op` read what an access of this class touches?
    pub fn may_read(&self, op: Op, class: Class) -> bool {
        let declared = self.effects.reads.as_ref();
        declared.map_or(!op.is_pure_call(), |classes| touches(classes, class))
    }
}

/// How a block ends.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum End {
    /// Go on in a block of this trace.
    Jump(BlockId, Vec<Arg>),
    /// Leave by an exit, always.
    Leave(ExitId),
}

/// Instructions in a row, with parameters.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Block {
    /// The values that a jump to this block passes.
    pub params: Vec<ValueId>,
    /// The instructions.
    pub insts: Vec<Inst>,
    /// What comes last.
    pub end: End,
}

/// One entry of the log of an exit behind an effect: what the handler has done since its resume
/// point, so that replay can take it from here instead of doing it again.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum LogEntry {
    /// A load's result.
    Load(Arg),
    /// A store has happened.
    Store,
    /// A residual call's result word, if it has one.
    Call(Option<Arg>),
    /// `size` bytes at byte `offset` of the frame's scratch area: a residual call's result that is not a word.
    Blob {
        /// First byte within the scratch area.
        offset: i32,
        /// Number of bytes.
        size: u32,
    },
    /// A helper has returned: what it has done is not in the log, only its result, in the parts
    /// that follow.
    Return {
        /// The number of the call since the resume point.
        call: u32,
        /// The number that the next call after it gets.
        next: u32,
        /// Number of bytes of the result.
        size: u32,
    },
    /// An inner portal is past a merge point: what it has done before is not in the log, only its
    /// state there, in the parts that follow (greens, then words of reds, in eight bytes each).
    Level {
        /// The number of its call since the resume point.
        call: u32,
        /// The number that the next call after the merge point gets.
        next: u32,
        /// Number of bytes of the state.
        size: u32,
    },
    /// The portal has returned, which ends the trace: its result, in the parts that follow. It
    /// stands first, and nothing else is in its log.
    Result {
        /// Number of bytes.
        size: u32,
    },
    /// A word of a result. Bytes that no part names are 0; of parts that overlap the later counts.
    Part {
        /// Byte offset in the result.
        offset: u32,
        /// The word.
        arg: Arg,
        /// Does it point to memory that may be taken for constant?
        frozen: bool,
    },
}

impl LogEntry {
    /// The operand, if the entry has one.
    pub fn arg(self) -> Option<Arg> {
        match self {
            LogEntry::Load(arg) | LogEntry::Call(Some(arg)) | LogEntry::Part { arg, .. } => {
                Some(arg)
            }
            LogEntry::Store
            | LogEntry::Call(None)
            | LogEntry::Blob { .. }
            | LogEntry::Return { .. }
            | LogEntry::Level { .. }
            | LogEntry::Result { .. } => None,
        }
    }

    /// Number of bytes of the portal's result, if the entry is one.
    pub fn result_size(&self) -> u32 {
        match *self {
            LogEntry::Result { size } => size,
            _ => 0,
        }
    }

    /// The operand, to be replaced.
    pub fn arg_mut(&mut self) -> Option<&mut Arg> {
        match self {
            LogEntry::Load(arg) | LogEntry::Call(Some(arg)) | LogEntry::Part { arg, .. } => {
                Some(arg)
            }
            LogEntry::Store
            | LogEntry::Call(None)
            | LogEntry::Blob { .. }
            | LogEntry::Return { .. }
            | LogEntry::Level { .. }
            | LogEntry::Result { .. } => None,
        }
    }
}

/// A store that has happened, but is not in memory yet.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct PendingStore {
    /// The type of the word.
    pub ty: Ty,
    /// The alias class.
    pub class: Class,
    /// The pointer.
    pub base: Arg,
    /// The byte offset from it.
    pub offset: i32,
    /// What is stored.
    pub value: Arg,
}

impl PendingStore {
    /// What a store does.
    pub fn of(store: &Inst) -> PendingStore {
        let Inst { ty, a: base, b: value, imm: offset, .. } = *store;
        PendingStore { ty, class: store.class(), base, offset, value }
    }

    /// The store that does it.
    pub fn inst(self) -> Inst {
        let PendingStore { ty, class, base: a, offset: imm, value: b } = self;
        Inst { op: Op::Store, ty, dst: None, a, b, imm, aux: Aux::class(class) }
    }
}

/// Where and with what a trace is left. It belongs to a resume point (and the effects since), not
/// to a guard: guards share exits.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Exit {
    /// The resume point.
    pub resume: ResumeId,
    /// The reds as of the resume point.
    pub reds: Vec<Arg>,
    /// What has happened since the resume point.
    pub log: Vec<LogEntry>,
    /// What is written first when the exit is taken, in order. For the log these stores have
    /// happened.
    pub pending: Vec<PendingStore>,
    /// In a region: the block that takes over, with [`Exit::args`] as its arguments.
    pub link: Option<BlockId>,
}

impl Exit {
    /// The operands in the order of frame slots and of the parameters of a bridge: reds, then the
    /// log's operands that are not constant (whoever reads the log finds the others there).
    pub fn args(&self) -> impl Iterator<Item = Arg> + '_ {
        let log = self.log.iter().filter_map(|entry| entry.arg());
        self.reds.iter().copied().chain(log.filter(|arg| arg.as_const().is_none()))
    }

    /// All operands that the exit uses: those of its pending stores, then [`Exit::args`].
    pub fn uses(&self) -> impl Iterator<Item = Arg> + '_ {
        let pending = self.pending.iter().flat_map(|store| [store.base, store.value]);
        pending.chain(self.args())
    }

    /// Has the portal returned here?
    pub fn is_return(&self) -> bool {
        matches!(self.log.first(), Some(LogEntry::Result { .. }))
    }

    /// All operands, also the log's constants and those of pending stores, to be replaced.
    pub fn operands_mut(&mut self) -> impl Iterator<Item = &mut Arg> + '_ {
        let log = self.log.iter_mut().filter_map(LogEntry::arg_mut);
        let pending = self.pending.iter_mut();
        let pending = pending.flat_map(|store| [&mut store.base, &mut store.value]);
        self.reds.iter_mut().chain(log).chain(pending)
    }
}

impl Block {
    /// The exits by which it may be left, once per place.
    pub fn exits(&self) -> impl Iterator<Item = ExitId> + '_ {
        let of_guards = self.insts.iter().filter_map(|inst| match inst.aux {
            Aux::Exit(exit) => Some(exit),
            Aux::None | Aux::Call(_) | Aux::Class(_) => None,
        });
        of_guards.chain(match self.end {
            End::Leave(exit) => Some(exit),
            End::Jump(..) => None,
        })
    }

    /// All constants.
    pub fn constants(&self) -> impl Iterator<Item = Const> + '_ {
        let end = match &self.end {
            End::Jump(_, args) => args.as_slice(),
            End::Leave(_) => &[],
        };
        let insts = self.insts.iter().flat_map(|inst| [inst.a, inst.b]);
        insts.chain(end.iter().copied()).filter_map(Arg::as_const)
    }
}

/// A trace, a bridge, or a region of them.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Trace {
    /// What it is called in logs.
    pub name: String,
    /// The blocks; block 0 is the entry.
    pub blocks: Vec<Block>,
    /// The type of each value.
    pub values: Vec<Ty>,
    /// The exits.
    pub exits: Vec<Exit>,
    /// The call sites.
    pub calls: Vec<Call>,
}

impl Trace {
    /// A trace without blocks.
    pub fn new(name: impl Into<String>) -> Trace {
        Trace { name: name.into(), ..Trace::default() }
    }

    /// A new value of type `ty`.
    pub fn add_value(&mut self, ty: Ty) -> ValueId {
        self.values.push(ty);
        ValueId(self.values.len() as u32 - 1)
    }

    /// A new exit.
    pub fn add_exit(&mut self, exit: Exit) -> ExitId {
        self.exits.push(exit);
        ExitId(self.exits.len() as u32 - 1)
    }

    /// A new call site.
    pub fn add_call(&mut self, call: Call) -> CallId {
        self.calls.push(call);
        CallId(self.calls.len() as u32 - 1)
    }

    /// The type of an operand.
    pub fn ty(&self, arg: Arg) -> Ty {
        match arg {
            Arg::Value(v) => self.values[v.index()],
            Arg::Const(c) => c.ty,
        }
    }

    /// The block of that id.
    pub fn block(&self, id: BlockId) -> &Block {
        &self.blocks[id.index()]
    }

    /// The blocks that go on behind one: those of its exits, then that of its jump.
    pub fn successors(&self, id: BlockId) -> Vec<BlockId> {
        let block = self.block(id);
        let links = block.exits().filter_map(|exit| self.exit(exit).link);
        let jump = match &block.end {
            End::Jump(target, _) => Some(*target),
            End::Leave(_) => None,
        };
        links.chain(jump).collect()
    }

    /// The exit of that id.
    pub fn exit(&self, id: ExitId) -> &Exit {
        &self.exits[id.index()]
    }

    /// Is it a peeled loop: a preamble, which is its first round, and the body, maybe with blocks behind
    /// their guards?
    pub fn is_peeled(&self) -> bool {
        matches!(self.blocks[0].end, End::Jump(BlockId(1), _))
    }

    /// Number of instructions, block ends not counted.
    pub fn inst_count(&self) -> usize {
        self.blocks.iter().map(|block| block.insts.len()).sum()
    }

    /// Number of guards.
    pub fn guard_count(&self) -> usize {
        self.blocks.iter().flat_map(|b| &b.insts).filter(|inst| inst.op.is_guard()).count()
    }

    /// All constants, those of exits, logs and pending stores included.
    pub fn constants(&self) -> impl Iterator<Item = Const> + '_ {
        let calls = self.calls.iter().flat_map(|call| call.args.iter().copied());
        let reds = self.exits.iter().flat_map(|exit| exit.reds.iter().copied());
        let logs = self.exits.iter().flat_map(|exit| exit.log.iter().filter_map(|e| e.arg()));
        let pending = self.exits.iter().flat_map(|exit| &exit.pending);
        let pending = pending.flat_map(|store| [store.base, store.value]);
        let blocks = self.blocks.iter().flat_map(Block::constants);
        calls.chain(reds).chain(logs).chain(pending).filter_map(Arg::as_const).chain(blocks)
    }

    /// The types of the entry's parameters.
    pub fn param_types(&self) -> Vec<Ty> {
        self.blocks[0].params.iter().map(|v| self.values[v.index()]).collect()
    }

    /// The number of bytes of scratch area the trace addresses with `scratch` and names in logs.
    pub fn scratch_size(&self) -> u32 {
        let blobs = self.exits.iter().flat_map(|exit| &exit.log).map(|entry| match *entry {
            LogEntry::Blob { offset, size } => offset as u32 + size,
            _ => 0,
        });
        let ops = self.blocks.iter().flat_map(|b| &b.insts).map(|inst| match inst.op {
            Op::Scratch => inst.imm as u32 + 8,
            _ => 0,
        });
        blobs.chain(ops).max().unwrap_or(0)
    }

    /// Keeps these blocks, in this order; what leads to them follows. Answers what each block is now.
    ///
    /// # Panics
    /// If a block that is kept jumps to one that is not.
    pub fn keep_blocks(&mut self, order: &[BlockId]) -> Vec<Option<BlockId>> {
        let mut places = vec![None; self.blocks.len()];
        for (place, block) in order.iter().enumerate() {
            places[block.index()] = Some(BlockId(place as u32));
        }
        let old = std::mem::take(&mut self.blocks).into_iter().zip(&places);
        let mut kept: Vec<_> = old.filter_map(|(block, place)| Some(((*place)?, block))).collect();
        kept.sort_by_key(|(place, _)| *place);
        self.blocks = kept.into_iter().map(|(_, block)| block).collect();
        for block in &mut self.blocks {
            if let End::Jump(target, _) = &mut block.end {
                *target = places[target.index()].expect("what is kept jumps to what is kept");
            }
        }
        for exit in &mut self.exits {
            exit.link = exit.link.and_then(|block| places[block.index()]);
        }
        places
    }

    /// By block: does `from` lead to it, or is it that, without going through `end`?
    pub fn reached(&self, from: BlockId, end: Option<BlockId>) -> Vec<bool> {
        let mut reached = vec![false; self.blocks.len()];
        let mut work = vec![from];
        while let Some(block) = work.pop() {
            if Some(block) != end && !std::mem::replace(&mut reached[block.index()], true) {
                work.extend(self.successors(block));
            }
        }
        reached
    }

    /// Removes the blocks that nothing leads to.
    pub fn drop_unreached(&mut self) {
        let reached = self.reached(BlockId(0), None);
        if reached.contains(&false) {
            let blocks = (0..self.blocks.len() as u32).map(BlockId);
            let kept: Vec<BlockId> = blocks.filter(|block| reached[block.index()]).collect();
            self.keep_blocks(&kept);
        }
    }

    /// Copies the blocks of `other` behind those of `self`, renumbered, and returns its entry.
    pub fn append(&mut self, other: &Trace) -> (BlockId, Renumbering) {
        let offsets = Renumbering {
            value: self.values.len() as u32,
            block: self.blocks.len() as u32,
            exit: self.exits.len() as u32,
            call: self.calls.len() as u32,
        };
        self.values.extend_from_slice(&other.values);
        for exit in &other.exits {
            let mut exit = exit.clone();
            exit.operands_mut().for_each(|arg| offsets.arg(arg));
            exit.link = exit.link.map(|b| BlockId(b.0 + offsets.block));
            self.exits.push(exit);
        }
        for call in &other.calls {
            let mut call = call.clone();
            call.operands_mut().for_each(|arg| offsets.arg(arg));
            self.calls.push(call);
        }
        for block in &other.blocks {
            let mut block = block.clone();
            block.params.iter_mut().for_each(|v| v.0 += offsets.value);
            block.insts.iter_mut().for_each(|inst| offsets.inst(inst));
            match &mut block.end {
                End::Jump(target, args) => {
                    target.0 += offsets.block;
                    args.iter_mut().for_each(|arg| offsets.arg(arg));
                }
                End::Leave(exit) => exit.0 += offsets.exit,
            }
            self.blocks.push(block);
        }
        (BlockId(offsets.block), offsets)
    }
}

/// What [`Trace::append`] has added to the ids of the appended trace.
#[derive(Clone, Copy, Debug)]
pub struct Renumbering {
    /// Added to value ids.
    pub value: u32,
    /// Added to block ids.
    pub block: u32,
    /// Added to exit ids.
    pub exit: u32,
    /// Added to call ids.
    pub call: u32,
}

impl Renumbering {
    fn arg(&self, arg: &mut Arg) {
        if let Arg::Value(v) = arg {
            v.0 += self.value;
        }
    }

    fn inst(&self, inst: &mut Inst) {
        if let Some(dst) = &mut inst.dst {
            dst.0 += self.value;
        }
        self.arg(&mut inst.a);
        self.arg(&mut inst.b);
        match &mut inst.aux {
            Aux::None | Aux::Class(_) => (),
            Aux::Call(call) => call.0 += self.call,
            Aux::Exit(exit) => exit.0 += self.exit,
        }
    }
}

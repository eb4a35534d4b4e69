//! What is pending at a guard stays pending in the block behind it.
//!
//! ```text
//! b1(v2: i64):
//!     guard v3 else exit0          ;; v0+8 = v2 is pending
//! b2():                            ;; and here
//!     store.i64 v0+8, v4           ;; v4 instead
//!     guard v5 else exit1          ;; … pending [i64 v0+8 = v4]
//!     call @f()                    ;; before it: store.i64 v0+8, v4
//!     jump b1(v6)                  ;; before it: v6 = load.i64 v0+8
//! ```
//!
//! Such a block never makes the body of the loop keep a store: what may see a pending store makes all
//! of them be written there, in order. A jump to the body passes what its words hold: what is pending,
//! what is known to be in memory, or else what is loaded. So does a jump to where ways meet: the words of
//! the loop are pending there, too.
//!
//! Invariant `in-order`: pending stores are written in the order of the trace.
//!
//! Not here: what is pending at the guards of the body (`super`).

use super::super::address::Defs;
use super::super::tree::Origins;
use super::super::words::{Access, Words};
use super::{MAX_PENDING, Step, hold, runs_anything};
use crate::ir::{Arg, Aux, BlockId, End, Exit, ExitId, Inst, Map, Op, PendingStore, Trace};

/// In a block with more exits nothing is pending.
const MAX_EXITS: usize = 8;

/// Exits with what is pending, so that guards go on sharing them.
#[derive(Default)]
pub(super) struct Exits {
    /// What is pending has changed so often.
    changes: u32,
    /// By exit: the one with what was pending after so many changes.
    with_stores: Vec<Option<(u32, ExitId)>>,
}

impl Exits {
    /// What is pending changes.
    pub fn change(&mut self) {
        self.changes += 1;
    }

    /// The exit that first does the stores that are pending.
    pub fn with(
        &mut self,
        trace: &mut Trace,
        origins: &mut Origins,
        exit: ExitId,
        stores: impl ExactSizeIterator<Item = PendingStore>,
    ) -> ExitId {
        if stores.len() == 0 {
            return exit;
        }
        if self.with_stores.len() <= exit.index() {
            self.with_stores.resize(trace.exits.len(), None);
        }
        match self.with_stores[exit.index()] {
            Some((changes, known)) if changes == self.changes => known,
            _ => {
                let Exit { resume, reds, log, pending, link } = trace.exit(exit);
                let mut all = Vec::with_capacity(stores.len() + pending.len());
                all.extend(stores);
                all.extend(pending);
                let (reds, log) = (reds.clone(), log.clone());
                let with_stores = Exit { resume: *resume, reds, log, pending: all, link: *link };
                origins.again(exit);
                let new = trace.add_exit(with_stores);
                self.with_stores[exit.index()] = Some((self.changes, new));
                new
            }
        }
    }
}

/// What is pending, and what is known of memory, where a block begins.
#[derive(Default)]
pub(super) struct Sides(Map<BlockId, (Vec<PendingStore>, Words<Arg>)>);

impl Sides {
    /// At a guard that leads to the block. There is no effect between all such guards, or their exits would
    /// be two. But a load may be, before which some of the stores have been written: the block writes
    /// these again, which changes nothing.
    pub fn add(&mut self, block: BlockId, pending: Vec<PendingStore>, held: Words<Arg>) {
        let (known, _) = self.0.entry(block).or_insert_with(|| (pending.clone(), held));
        debug_assert!(
            pending.iter().all(|store| known.contains(store)),
            "{pending:?} in {known:?}"
        );
    }

    /// At a jump to a block where ways meet, which passes what the words of the loop hold: there they are
    /// pending, as at the head of the body.
    fn meet(&mut self, block: BlockId, trace: &mut Trace, words: &[(Access, PendingStore)]) {
        self.0.entry(block).or_insert_with(|| {
            let mut param = |ty| {
                let param = trace.add_value(ty);
                trace.blocks[block.index()].params.push(param);
                param.into()
            };
            let pending = words.iter().map(|(_, store)| {
                let value = param(store.ty);
                PendingStore { value, ..*store }
            });
            (pending.collect(), Words::default())
        });
    }

    /// Walks the blocks behind guards. `words` are those that the body of the loop carries, with a
    /// store to each.
    pub fn walk(
        mut self,
        trace: &mut Trace,
        origins: &mut Origins,
        defs: &Defs,
        words: &[(Access, PendingStore)],
        exits: &mut Exits,
    ) {
        for index in 0..trace.blocks.len() {
            let Some((pending, held)) = self.0.remove(&BlockId(index as u32)) else { continue };
            let pending = pending.into_iter().map(|store| (access(&store, defs), store)).collect();
            let insts = vec![];
            let mut side = Side { trace, origins, defs, words, exits, pending, held, insts };
            side.block(index, &mut self);
        }
    }
}

/// The word that a store writes.
pub(super) fn access(store: &PendingStore, defs: &Defs) -> Access {
    let address = defs.address(store.base, store.offset.into());
    Access { ty: store.ty, class: store.class, address }
}

struct Side<'a> {
    trace: &'a mut Trace,
    origins: &'a mut Origins,
    defs: &'a Defs,
    /// The words that the body of the loop carries.
    words: &'a [(Access, PendingStore)],
    exits: &'a mut Exits,
    pending: Vec<(Access, PendingStore)>,
    /// What memory holds, for sure.
    held: Words<Arg>,
    insts: Vec<Inst>,
}

impl Side<'_> {
    fn block(&mut self, index: usize, sides: &mut Sides) {
        let insts = std::mem::take(&mut self.trace.blocks[index].insts);
        self.insts.reserve(insts.len() + self.pending.len());
        self.exits.change();
        let leaves = insts.iter().filter_map(|inst| match inst.aux {
            Aux::Exit(exit) => Some(exit).filter(|exit| self.trace.exit(*exit).link.is_none()),
            Aux::None | Aux::Call(_) | Aux::Class(_) => None,
        });
        let mut leaves: Vec<ExitId> = leaves.collect();
        leaves.dedup();
        if leaves.len() > MAX_EXITS {
            self.write();
        }
        for inst in insts {
            self.step(inst, sides);
        }
        let mut end = self.trace.blocks[index].end.clone();
        match &mut end {
            End::Leave(exit) => *exit = self.leave(*exit),
            End::Jump(BlockId(0), _) => self.write(),
            End::Jump(target, args) => {
                self.carry(args);
                if *target != BlockId(1) {
                    sides.meet(*target, self.trace, self.words);
                }
            }
        }
        self.trace.blocks[index].insts = std::mem::take(&mut self.insts);
        self.trace.blocks[index].end = end;
    }

    fn step(&mut self, mut inst: Inst, sides: &mut Sides) {
        match Step::of(&inst, || Access::of(&inst, self.defs)) {
            Some(Step::Load(access)) => self.show(&access),
            Some(Step::Store(access)) => return self.store(inst, access),
            Some(Step::Call) => {
                let call = &self.trace.calls[inst.call().index()];
                let sees_all = runs_anything(inst.op, call);
                let reads = |word: &Access| sees_all || call.may_read(inst.op, word.class);
                if self.pending.iter().any(|(word, _)| reads(word)) {
                    self.write();
                }
            }
            Some(Step::Guard) => match self.trace.exit(inst.exit()).link {
                Some(side) => sides.add(side, self.stores(), self.held.clone()),
                None => inst.aux = Aux::Exit(self.leave(inst.exit())),
            },
            None => (),
        }
        self.emit(inst);
    }

    /// The instruction stands here.
    fn emit(&mut self, inst: Inst) {
        if !self.words.is_empty() {
            hold(self.trace, self.defs, &inst, &mut self.held);
        }
        self.insts.push(inst);
    }

    /// A store is pending if it is to a word that the loop carries.
    fn store(&mut self, inst: Inst, access: Access) {
        self.exits.change();
        self.pending.retain(|(word, _)| !word.is_within(&access));
        let is_carried = self.words.iter().any(|(word, _)| *word == access);
        if is_carried && self.pending.len() < MAX_PENDING {
            return self.pending.push((access, PendingStore::of(&inst)));
        }
        self.show(&access);
        self.emit(inst);
    }

    /// These bytes are accessed.
    fn show(&mut self, access: &Access) {
        if self.pending.iter().any(|(word, _)| self.defs.apart.may_touch(word, access)) {
            self.write();
        }
    }

    /// Writes all that is pending.
    fn write(&mut self) {
        self.exits.change();
        for (_, store) in std::mem::take(&mut self.pending) {
            self.emit(store.inst());
        }
    }

    fn stores(&self) -> Vec<PendingStore> {
        self.pending.iter().map(|(_, store)| *store).collect()
    }

    fn leave(&mut self, exit: ExitId) -> ExitId {
        let stores = self.pending.iter().map(|(_, store)| *store);
        self.exits.with(self.trace, self.origins, exit, stores)
    }

    /// Adds what the words of the loop hold to the arguments of a jump to its body.
    fn carry(&mut self, args: &mut Vec<Arg>) {
        let words = self.words;
        let carried = |word: &Access| words.iter().any(|(carried, _)| carried == word);
        if self.pending.iter().any(|(word, _)| !carried(word)) {
            self.write();
        }
        for (word, store) in words {
            let pending = self.pending.iter().find(|(access, _)| access == word);
            args.push(match pending {
                Some((_, store)) => store.value,
                None => self.held.get(*word).unwrap_or_else(|| self.load(store)),
            });
        }
    }

    /// What memory holds where that store goes.
    fn load(&mut self, store: &PendingStore) -> Arg {
        let PendingStore { ty, class, base: a, offset: imm, .. } = *store;
        let value = self.trace.add_value(ty);
        let (dst, b, aux) = (Some(value), Arg::NONE, Aux::class(class));
        self.insts.push(Inst { op: Op::Load, ty, dst, a, b, imm, aux });
        value.into()
    }
}

//! Compaction: what is needed, with ids in order of definition, and equal exits shared.
//!
//! ```text
//! v7 = add.i64 v4, 1          v1 = add.i64 v0, 1
//! guard v9 else exit5    =>   guard v2 else exit0
//! ```
//!
//! Invariant `round-trip`: what it returns is what parsing its text returns.
//!
//! Not here: deciding what is needed (`live`).

use super::live::Live;
use super::rules::{Fired, Rule};
use super::tree::Origins;
use crate::ir::{Arg, Aux, Block, CallId, End, Exit, ExitId, Inst, Map, Trace, ValueId};
use std::hash::BuildHasher;
use std::mem::take;

/// What is needed of a trace, with compact ids, and where its exits come from.
pub(super) fn compact(
    mut trace: Trace,
    origins: &Origins,
    live: &Live,
    fired: &mut Fired,
) -> (Trace, Origins) {
    let (blocks, name) = (take(&mut trace.blocks), take(&mut trace.name));
    let (values, exits) = (Vec::with_capacity(trace.values.len()), trace.exits.len());
    let out = Trace { values, exits: Vec::with_capacity(exits), ..Trace::new(name) };
    let mut compaction = Compaction {
        live,
        from: origins,
        origins: Origins(Vec::with_capacity(exits)),
        out: Trace { blocks: Vec::with_capacity(blocks.len()), ..out },
        values: vec![None; trace.values.len()],
        exits: vec![None; exits],
        shared: Map::with_capacity_and_hasher(exits, Default::default()),
        input: trace,
    };
    for block in blocks {
        compaction.block(block, fired);
    }
    (compaction.out, compaction.origins)
}

struct Compaction<'a> {
    live: &'a Live,
    /// Its exits that have been met have gone on.
    input: Trace,
    from: &'a Origins,
    out: Trace,
    origins: Origins,
    values: Vec<Option<ValueId>>,
    exits: Vec<Option<ExitId>>,
    /// By hash, or behind it if that is taken.
    shared: Map<u64, ExitId>,
}

impl Compaction<'_> {
    fn block(&mut self, mut block: Block, fired: &mut Fired) {
        block.params.iter_mut().for_each(|v| *v = self.define(*v));
        let (number, mut index) = (self.out.blocks.len(), 0);
        block.insts.retain_mut(|inst| {
            let stays = self.live.inst(number, index, inst);
            if stays {
                self.inst(inst);
            } else if !self.live.is_dead_store(number, index, inst) {
                fired.fire(Rule::DeadCode);
            }
            index += 1;
            stays
        });
        match &mut block.end {
            End::Jump(_, args) => args.iter_mut().for_each(|arg| self.arg(arg)),
            End::Leave(exit) => *exit = self.exit(*exit),
        }
        self.out.blocks.push(block);
    }

    fn define(&mut self, v: ValueId) -> ValueId {
        let new = self.out.add_value(self.input.values[v.index()]);
        self.values[v.index()] = Some(new);
        new
    }

    fn inst(&mut self, Inst { a, b, aux, dst, .. }: &mut Inst) {
        self.arg(a);
        self.arg(b);
        match aux {
            Aux::None | Aux::Class(_) => (),
            Aux::Call(call) => *call = self.call(*call),
            Aux::Exit(exit) => *exit = self.exit(*exit),
        }
        if let Some(v) = dst {
            *v = self.define(*v);
        }
    }

    fn arg(&self, arg: &mut Arg) {
        if let Arg::Value(v) = arg {
            *v = self.values[v.index()].expect("defined before its use");
        }
    }

    fn call(&mut self, id: CallId) -> CallId {
        let mut call = self.input.calls[id.index()].clone();
        call.operands_mut().for_each(|arg| self.arg(arg));
        self.out.add_call(call)
    }

    fn exit(&mut self, id: ExitId) -> ExitId {
        if let Some(known) = self.exits[id.index()] {
            return known;
        }
        let Exit { resume, reds, log, pending, link } = &mut self.input.exits[id.index()];
        let (reds, log, pending) = (take(reds), take(log), take(pending));
        let mut exit = Exit { resume: *resume, reds, log, pending, link: *link };
        exit.operands_mut().for_each(|arg| self.arg(arg));
        let mut hash = self.shared.hasher().hash_one(&exit);
        let new = loop {
            match self.shared.get(&hash) {
                Some(known) if *self.out.exit(*known) == exit => break *known,
                Some(_) => hash = hash.wrapping_add(1),
                None => {
                    self.origins.add(self.from.0[id.index()]);
                    let new = self.out.add_exit(exit);
                    self.shared.insert(hash, new);
                    break new;
                }
            }
        };
        self.exits[id.index()] = Some(new);
        new
    }
}

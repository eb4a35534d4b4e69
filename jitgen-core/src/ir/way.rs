//! Ways: what has been executed when an exit is taken, as a straight line.
//!
//! ```text
//! b0(v0: ptr):                               b0(v0: ptr):
//!     v1 = load.i64 v0+8                         v1 = load.i64 v0+8
//!     guard v2 else exit0 -> b1        =>        guard v2 else exit0     ;; of no use but to pass
//! b1(v3: i64):                                   v4 = add.i64 v1, 1
//!     v4 = add.i64 v3, 1                         leave exit1
//!     guard v5 else exit1                    exit1: resume 0 [v4]
//! exit0: resume 0 [v1]
//! ```
//!
//! A way begins at the entry of a trace, or where several lead, of which nothing is known, and goes through
//! blocks (and from a trace to the bridge of one of its exits) to the first guard that leaves by the
//! exit, which writes what is pending. It says what is true there, and is not meant to be run: where its
//! guards lead is left out.
//!
//! Invariant `suffix`: a way may also begin later; what the rest uses of what came before are parameters.
//!
//! Not here: what is learned of it (`opt::behind`).

use super::{
    Arg, Aux, Block, BlockId, Effect, End, Exit, ExitId, Inst, Map, ResumeId, Trace, ValueId,
};

/// A part of a way: from the entry of a trace to one of its exits.
#[derive(Clone, Debug)]
pub struct Leg<'t> {
    /// The trace, recorded or optimized.
    pub trace: &'t Trace,
    /// By which it is left.
    pub exit: ExitId,
    /// The parameters of what follows, as operands of the trace.
    pub args: Vec<Arg>,
}

/// The way through these, the last `most` instructions of it; it leaves with what the last one passes on.
/// `None` if there is no guard with that exit, or if guards that share it see different effects.
pub fn way(legs: &[Leg], most: usize) -> Option<Trace> {
    let mut stretches: Vec<Vec<Stretch>> = vec![];
    for leg in legs.iter().rev() {
        let (found, begins) = stretches_to(leg.trace, leg.exit)?;
        stretches.push(found);
        if begins == Begins::Within {
            break;
        }
    }
    let count: usize = stretches.iter().flatten().map(|stretch| stretch.insts).sum();
    let mut walk = Walk { skip: count.saturating_sub(most), ..Walk::default() };
    for (leg, stretches) in legs[legs.len() - stretches.len()..].iter().zip(stretches.iter().rev())
    {
        walk.leg(leg, stretches);
    }
    Some(walk.end())
}

/// Of the versions of an exit the one whose way is the longest: from the entry, if there is one.
pub fn longest(trace: &Trace, versions: impl Iterator<Item = ExitId>) -> Option<ExitId> {
    let begins = |exit: &ExitId| stretches_to(trace, *exit).map(|(_, begins)| begins);
    let mut within = None;
    for exit in versions {
        match begins(&exit) {
            Some(Begins::AtEntry) => return Some(exit),
            Some(Begins::Within) => _ = within.get_or_insert(exit),
            None => (),
        }
    }
    within
}

/// A block, and how many of its instructions are on the way.
struct Stretch {
    block: BlockId,
    insts: usize,
}

/// Where in a trace does a way begin?
#[derive(PartialEq)]
enum Begins {
    AtEntry,
    Within,
}

/// The blocks that lead to an exit, from the last place where several ways lead.
fn stretches_to(trace: &Trace, exit: ExitId) -> Option<(Vec<Stretch>, Begins)> {
    let first = first_guards(trace);
    // By block: the exit that leads to it.
    let mut from = vec![None; trace.blocks.len()];
    for (index, exit) in trace.exits.iter().enumerate() {
        if let Some(block) = exit.link {
            from[block.index()] = Some(ExitId(index as u32));
        }
    }
    let (mut stretches, mut at) = (vec![], exit);
    let begins = loop {
        let (block, insts) = first[at.index()]?;
        is_one_state(&trace.block(block).insts[insts..], at).then_some(())?;
        stretches.push(Stretch { block, insts });
        match from[block.index()] {
            Some(exit) => at = exit,
            None if block == BlockId(0) => break Begins::AtEntry,
            None => break Begins::Within,
        }
    };
    stretches.reverse();
    Some((stretches, begins))
}

/// By exit: where the first guard is that leaves by it.
fn first_guards(trace: &Trace) -> Vec<Option<(BlockId, usize)>> {
    let mut first = vec![None; trace.exits.len()];
    for (index, block) in trace.blocks.iter().enumerate() {
        for (place, inst) in block.insts.iter().enumerate() {
            if let Aux::Exit(exit) = inst.aux {
                first[exit.index()].get_or_insert((BlockId(index as u32), place));
            }
        }
    }
    first
}

/// Is nothing changed between the first of these instructions and the last guard that leaves by `exit`?
fn is_one_state(insts: &[Inst], exit: ExitId) -> bool {
    let last = insts.iter().rposition(|inst| inst.aux == Aux::Exit(exit)).unwrap_or(0);
    let changes =
        |inst: &Inst| !matches!(inst.op.effect(), Effect::None | Effect::Read | Effect::Exit);
    !insts[..last].iter().any(changes)
}

/// A way that is being written.
#[derive(Default)]
struct Walk {
    way: Trace,
    params: Vec<ValueId>,
    insts: Vec<Inst>,
    /// What the values of the trace that is gone through are in the way.
    known: Map<ValueId, Arg>,
    /// So many instructions are left out.
    skip: usize,
    /// What the next trace's parameters are.
    next: Vec<Arg>,
}

impl Walk {
    fn leg(&mut self, leg: &Leg, stretches: &[Stretch]) {
        let Leg { trace, .. } = leg;
        self.known.clear();
        let mut args = std::mem::take(&mut self.next);
        for (k, Stretch { block, insts }) in stretches.iter().enumerate() {
            let block = trace.block(*block);
            let params = block.params.iter().copied().zip(args.drain(..));
            self.known.extend(params);
            for inst in &block.insts[..*insts] {
                match self.skip {
                    0 => self.inst(trace, inst),
                    _ => self.skip -= 1,
                }
            }
            if let Some(next) = stretches.get(k + 1) {
                let leads = |exit: &&Exit| exit.link == Some(next.block);
                let exit = trace.exits.iter().find(leads).expect("an exit leads there");
                self.pending(trace, exit);
                args = exit.args().map(|arg| self.arg(trace, arg)).collect();
            }
        }
        self.pending(trace, trace.exit(leg.exit));
        self.next = leg.args.iter().map(|arg| self.arg(trace, *arg)).collect();
    }

    fn inst(&mut self, trace: &Trace, inst: &Inst) {
        let (a, b) = (self.arg(trace, inst.a), self.arg(trace, inst.b));
        let aux = match inst.aux {
            Aux::None | Aux::Class(_) => inst.aux,
            Aux::Call(call) => {
                let mut call = trace.calls[call.index()].clone();
                call.operands_mut().for_each(|arg| *arg = self.arg(trace, *arg));
                Aux::Call(self.way.add_call(call))
            }
            Aux::Exit(_) => Aux::Exit(self.exit(vec![])),
        };
        let dst = inst.dst.map(|dst| {
            let new = self.way.add_value(trace.values[dst.index()]);
            self.known.insert(dst, new.into());
            new
        });
        self.insts.push(Inst { dst, a, b, aux, ..*inst });
    }

    /// Writes what an exit writes.
    fn pending(&mut self, trace: &Trace, exit: &Exit) {
        exit.pending.iter().for_each(|store| self.inst(trace, &store.inst()));
    }

    fn exit(&mut self, reds: Vec<Arg>) -> ExitId {
        let (log, pending) = (vec![], vec![]);
        self.way.add_exit(Exit { resume: ResumeId(0), reds, log, pending, link: None })
    }

    fn arg(&mut self, trace: &Trace, arg: Arg) -> Arg {
        let Arg::Value(v) = arg else { return arg };
        *self.known.entry(v).or_insert_with(|| {
            let param = self.way.add_value(trace.values[v.index()]);
            self.params.push(param);
            param.into()
        })
    }

    fn end(mut self) -> Trace {
        let reds = std::mem::take(&mut self.next);
        let exit = self.exit(reds);
        let Walk { mut way, params, insts, .. } = self;
        way.blocks.push(Block { params, insts, end: End::Leave(exit) });
        way
    }
}

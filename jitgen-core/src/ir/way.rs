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

impl<'t> Leg<'t> {
    /// To one of these versions of an exit, that with the longest way. What follows takes the operands that
    /// `left`, another version, passes on: its reds, and those of its log that are no constants. `None` if
    /// there is no way, or if these are no versions of one exit.
    pub fn to(
        trace: &'t Trace,
        versions: impl Iterator<Item = ExitId>,
        left: &Exit,
    ) -> Option<Leg<'t>> {
        let exit = longest(trace, versions)?;
        let from = trace.exit(exit);
        let same = left.log.len() == from.log.len() && left.reds.len() == from.reds.len();
        let passed = from.log.iter().zip(&left.log).filter_map(|(here, there)| {
            let is_passed = there.arg().is_some_and(|arg| arg.as_value().is_some());
            here.arg().filter(|_| is_passed)
        });
        let args = from.reds.iter().copied().chain(passed).collect();
        same.then_some(Leg { trace, exit, args })
    }
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
fn longest(trace: &Trace, versions: impl Iterator<Item = ExitId>) -> Option<ExitId> {
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
    // By block: the exits that lead to it.
    let mut from = vec![vec![]; trace.blocks.len()];
    for (index, exit) in trace.exits.iter().enumerate() {
        if let Some(block) = exit.link {
            from[block.index()].push(ExitId(index as u32));
        }
    }
    let (mut stretches, mut at) = (vec![], exit);
    let begins = loop {
        let (block, insts) = first[at.index()]?;
        is_one_state(&trace.block(block).insts[insts..], at).then_some(())?;
        stretches.push(Stretch { block, insts });
        // What leads back to the entry, where nothing is known, is another round.
        match from[block.index()][..] {
            _ if block == BlockId(0) => break Begins::AtEntry,
            [exit] => at = exit,
            _ => break Begins::Within,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::parse;

    const LOOP: &str = "trace @loop {
b0(v0: ptr, v1: i64):
    v2 = load.i64 v0+8
    v3 = lt_s.i64 v2, v1
    guard v3 else exit0
    v4 = add.i64 v2, 1
    v5 = eq.i64 v4, 7
    guard_not v5 else exit1
    jump b0(v0, v4)
exit0: resume 0 [v0]
exit1: resume 0 [v0, v4] pending [i64 v0+8 = v4]
}";

    const BRIDGE: &str = "trace @bridge {
b0(v0: ptr, v1: i64):
    v2 = load.i64 v0+16
    v3 = lt_s.i64 v2, v1
    guard v3 else exit0
    store.i64 v0+16, v1
    v4 = load.i64 v0+24
    guard v3 else exit1
    leave exit1
exit0: resume 0 [v1]
exit1: resume 0 [v1]
}";

    fn trace(text: &str) -> Trace {
        parse(text).expect("it is well formed").remove(0)
    }

    fn leg(trace: &Trace, exit: u32) -> Leg<'_> {
        let exit = ExitId(exit);
        Leg { trace, exit, args: trace.exit(exit).args().collect() }
    }

    /// What the loop's exit has written is on the way, and its operands are the bridge's parameters.
    #[test]
    fn a_way_goes_from_a_loop_into_its_bridge() {
        let (first, second) = (trace(LOOP), trace(BRIDGE));
        let way = way(&[leg(&first, 1), leg(&second, 1)], usize::MAX).expect("there is a way");
        let ops = way.blocks[0].insts.iter().map(|inst| inst.op.mnemonic());
        let of_loop = ["load", "lt_s", "guard", "add", "eq", "store"];
        let of_bridge = ["load", "lt_s", "guard", "store", "load"];
        assert_eq!(ops.collect::<Vec<_>>(), [&of_loop[..], &of_bridge].concat(), "{way}");
        assert_eq!(crate::ir::verify(&way), vec![], "{way}");
        let End::Leave(exit) = way.blocks[0].end else { panic!("{way}") };
        let sum = way.blocks[0].insts[3].dst.expect("a sum");
        assert_eq!(way.exit(exit).reds, vec![sum.into()], "{way}");
        assert_eq!(way.param_types().len(), 2, "{way}");
    }

    /// The last instructions, and what they use.
    #[test]
    fn a_way_may_begin_later() {
        let first = trace(LOOP);
        let way = way(&[leg(&first, 1)], 2).expect("there is a way");
        let ops = way.blocks[0].insts.iter().map(|inst| inst.op.mnemonic());
        assert_eq!(ops.collect::<Vec<_>>(), ["add", "eq", "store"], "{way}");
        assert_eq!(crate::ir::verify(&way), vec![], "{way}");
    }

    /// A guard of the first block that leads back to it, as those that test what a body takes for a constant.
    #[test]
    fn a_way_begins_at_the_entry_whatever_leads_back_there() {
        let first = trace(&LOOP.replace("exit0: resume 0 [v0]", "exit0: resume 0 [v0, v1] -> b0"));
        let way = way(&[leg(&first, 1)], usize::MAX).expect("there is a way");
        assert_eq!(way.inst_count(), 6, "{way}");
    }

    /// Two guards of one exit, between which something is stored.
    #[test]
    fn what_is_left_in_two_states_has_no_way() {
        let bridge = trace(&BRIDGE.replace("exit1\n    leave", "exit0\n    leave"));
        assert!(way(&[leg(&bridge, 0)], usize::MAX).is_none());
        assert_eq!(longest(&bridge, [ExitId(0)].into_iter()), None);
    }
}

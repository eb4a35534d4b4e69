//! A tree taken apart at an exit: the bridge behind it is optimized by itself, with the way to it, and
//! linked to what the rest has become; as the runtime does with a bridge that has just been recorded.
//!
//! Invariant `same-ending`: the result ends as the tree does, less what is behind exits of the bridge.
//!
//! Not here: running both (`differential`).

use jitgen_core::ir::{Arg, Block, BlockId, End, Exit, ExitId, Leg, ResumeId, Trace, way};
use jitgen_core::opt::{Optimized, Passes, optimize, optimize_behind};

/// The resume point of the exit from which a bridge was taken off.
const TAKEN_OFF: ResumeId = ResumeId(2_000_000);

/// A bridge that was optimized behind its way.
pub struct Behind {
    /// The tree, less what is behind exits of the bridge.
    pub tree: Trace,
    /// The bridge, optimized.
    pub bridge: Optimized,
    /// The same as the tree.
    pub joined: Trace,
}

/// The exits that lead to a bridge which can be taken off: only they lead there, and it leads nowhere
/// but out or to the head.
pub fn candidates(trace: &Trace) -> Vec<ExitId> {
    let goes = |exit: &&ExitId| match trace.exit(**exit).link {
        Some(block) => match trace.block(block).end {
            End::Leave(_) => true,
            End::Jump(target, _) => target == BlockId(0),
        },
        None => false,
    };
    let exits: Vec<ExitId> = (0..trace.exits.len() as u32).map(ExitId).collect();
    exits.iter().filter(goes).copied().collect()
}

/// Takes the bridge behind that exit off, optimizes it behind the last `most` instructions of its way,
/// and puts it back behind the exits of the rest, optimized, too; `passes` are those of both.
///
/// # Errors
/// If the way is not well formed.
pub fn behind(
    trace: &Trace,
    exit: ExitId,
    most: usize,
    (of_rest, passes): (Passes, Passes),
) -> Result<Behind, String> {
    let tree = bare(trace, exit);
    let mut rest = tree.clone();
    rest.exits[exit.index()].link = None;
    // What was recorded has equal exits only where the state is the same.
    rest.exits[exit.index()].resume = TAKEN_OFF;
    rest.drop_unreached();
    let Optimized { trace: mut joined, origins, .. } = optimize(&rest, of_rest);
    let (bridge, head) = taken_off(&tree, exit);
    let versions = (0..).map(ExitId).zip(&origins).filter(|(_, of)| **of == exit);
    let leg = Leg::to(&joined, versions.map(|(version, _)| version), tree.exit(exit));
    let way = leg.and_then(|leg| way(&[leg], most));
    let Some(way) = way else {
        // Nothing leads there.
        let bridge = optimize(&bridge, passes);
        return Ok(Behind { tree, bridge, joined });
    };
    let violations = jitgen_core::ir::verify(&way);
    if !violations.is_empty() {
        return Err(format!("the way is not well formed: {violations:?}\n{way}"));
    }
    let bridge = optimize_behind(&way, &bridge, passes);
    for (index, origin) in origins.iter().enumerate() {
        if *origin != exit || joined.exits[index].link.is_some() {
            continue;
        }
        let (entry, offsets) = joined.append(&bridge.trace);
        enter(&mut joined, ExitId(index as u32), tree.exit(exit), entry);
        for (own, origin) in bridge.origins.iter().enumerate() {
            if Some(*origin) == head {
                joined.exits[own + offsets.exit as usize].link = Some(BlockId(0));
            }
        }
    }
    Ok(Behind { tree, bridge, joined })
}

/// Lets an exit lead to that block, which takes all the operands that it had `before`; some in the log may
/// have become constants.
fn enter(trace: &mut Trace, from: ExitId, before: &Exit, entry: BlockId) {
    let exit = trace.exit(from).clone();
    let mut params = vec![];
    let mut pass = |arg: Arg| {
        let param = trace.add_value(trace.ty(arg));
        params.push(param);
        Arg::Value(param)
    };
    let mut args: Vec<Arg> = exit.reds.iter().map(|arg| pass(*arg)).collect();
    for (was, is) in before.log.iter().zip(&exit.log) {
        match (was.arg(), is.arg()) {
            (_, Some(arg @ Arg::Value(_))) => args.push(pass(arg)),
            (Some(Arg::Value(_)), Some(c)) => args.push(c),
            _ => (),
        }
    }
    trace.exits[from.index()].link = Some(BlockId(trace.blocks.len() as u32));
    trace.blocks.push(Block { params, insts: vec![], end: End::Jump(entry, args) });
}

/// The tree, less what is behind exits of the bridge.
fn bare(trace: &Trace, exit: ExitId) -> Trace {
    let mut tree = trace.clone();
    let bridge = trace.exit(exit).link.expect("there is a bridge");
    for own in trace.block(bridge).exits() {
        tree.exits[own.index()].link = None;
    }
    tree.drop_unreached();
    tree
}

/// The bridge as a trace of its own, and its exit that leads to the head.
fn taken_off(tree: &Trace, exit: ExitId) -> (Trace, Option<ExitId>) {
    let block = tree.exit(exit).link.expect("there is a bridge");
    let mut bridge = tree.clone();
    bridge.exits.iter_mut().for_each(|exit| exit.link = None);
    let mut only = bridge.block(block).clone();
    let head = match only.end {
        End::Leave(_) => None,
        End::Jump(_, reds) => {
            let (log, pending) = (vec![], vec![]);
            let exit = Exit { resume: ResumeId(0), reds, log, pending, link: None };
            let exit = bridge.add_exit(exit);
            only.end = End::Leave(exit);
            Some(exit)
        }
    };
    bridge.blocks = vec![only];
    (bridge, head)
}

/// How long ways are, by seed: some begin in the middle.
pub fn most(seed: u64) -> usize {
    [500, 500, 12, 3][(seed % 4) as usize]
}

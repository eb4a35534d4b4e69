//! Runs of a trace and of what the optimizer made of it, compared.
//!
//! What must agree: the resume point, the exit's operands, the regions' bytes, the effectful calls.
//! Exits are compared by resume point, because the optimizer numbers exits as it likes. A run that
//! does something undefined tells nothing, nor does one that does not end; [`counted`] makes a
//! loop end.

use crate::classes::Watch;
use crate::native::{Compiled, Native};
use crate::text::write_consts;
use crate::world::World;
use jitgen_core::eval::{
    CallRecord, EvalError, Limits, Model, Observer, Outcome, evaluate_observed,
};
use jitgen_core::ir::{
    Arg, Aux, BlockId, Const, End, Exit, ExitId, Inst, LogEntry, Op, ResumeId, Trace, Ty, ValueId,
};
use std::fmt;

/// Instructions that a run may take.
const FUEL: u64 = 2_000;

/// How a run has ended, by what can be seen from outside.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ending {
    /// The resume point.
    pub resume: ResumeId,
    /// The values of the reds and of the log's operands.
    pub args: Vec<Const>,
    /// The log without operands: which entries there are, and what is in the scratch area for them.
    pub log: Vec<String>,
    /// The memory's regions, without the scratch area, the objects that can be reached, and what was
    /// written elsewhere.
    pub memory: Vec<(u64, Vec<u8>)>,
    /// The effectful calls.
    pub calls: Vec<CallRecord>,
}

/// What a run tells.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Run {
    /// It came to an end.
    Ended(Box<Ending>),
    /// It did something undefined, or left the memory.
    Undefined(String),
    /// It did not end.
    Endless,
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Run::Endless => f.write_str("does not end"),
            Run::Undefined(cause) => f.write_str(cause),
            Run::Ended(end) => {
                write!(f, "resume {} [{}]", end.resume.0, write_consts(&end.args))?;
                end.calls.iter().try_for_each(|call| write!(f, ", {call}"))
            }
        }
    }
}

/// Evaluates `trace` in `world`; also answers the memory afterwards.
pub fn run(trace: &Trace, world: &World, fuel: u64) -> (Run, Model) {
    run_watched(trace, world, fuel, &mut ())
}

fn run_watched(trace: &Trace, world: &World, fuel: u64, watch: &mut dyn Observer) -> (Run, Model) {
    let mut model = world.model.clone();
    let limits = Limits::fuel(fuel);
    let outcome = evaluate_observed(trace, &world.args, &mut model, &limits, watch);
    let run = match outcome {
        Ok(Outcome::Exit { exit, args }) => ended(trace, exit, args, &model),
        Ok(Outcome::Jumped { .. } | Outcome::OutOfFuel) => Run::Endless,
        Err(error @ (EvalError::Undefined { .. } | EvalError::Fault { .. })) => {
            Run::Undefined(error.to_string())
        }
        Err(error @ EvalError::Arguments { .. }) => panic!("{error}"),
    };
    (run, model)
}

/// The run that left `trace` by `exit`.
pub fn ended(trace: &Trace, exit: ExitId, args: Vec<Const>, model: &Model) -> Run {
    let scratch = jitgen_core::eval::Memory::scratch(model);
    let written = model.written().iter().map(|(at, byte)| (*at, vec![*byte]));
    let exit = trace.exit(exit);
    // The optimizer may have found that an entry of the log is constant: then the exit has it.
    let mut args = args.into_iter();
    let mut operands: Vec<Const> = args.by_ref().take(exit.reds.len()).collect();
    for operand in exit.log.iter().filter_map(|entry| entry.arg()) {
        let value = operand.as_const().or_else(|| args.next());
        operands.push(value.expect("an exit has a value for each operand that is not constant"));
    }
    let (args, regions) = model.seen_from(&operands);
    Run::Ended(Box::new(Ending {
        resume: exit.resume,
        args,
        log: exit.log.iter().map(|entry| entry_text(entry, model, scratch)).collect(),
        memory: regions.into_iter().chain(written).collect(),
        calls: model.calls.clone(),
    }))
}

/// The entry without operands, but with the bytes of scratch memory that it names.
fn entry_text(entry: &LogEntry, model: &Model, scratch: u64) -> String {
    match entry {
        LogEntry::Load(_) => "load".to_owned(),
        LogEntry::Store => "store".to_owned(),
        LogEntry::Call(arg) => format!("call {}", arg.is_some()),
        LogEntry::Blob { offset, size } => {
            let area = model.regions().find(|(address, _)| *address == scratch);
            let bytes =
                area.and_then(|(_, area)| area.get(*offset as usize..)?.get(..*size as usize));
            format!("blob {offset:+} {bytes:02x?}")
        }
        LogEntry::Return { call, next, size } => format!("return {call}..{next} {size}"),
        LogEntry::Level { call, next, size } => format!("level {call}..{next} {size}"),
        LogEntry::Result { size } => format!("result {size}"),
        LogEntry::Part { offset, frozen, .. } => format!("part +{offset} {frozen}"),
    }
}

/// A world, and how the unoptimized trace ends in it.
#[derive(Clone, Debug)]
pub struct Reference {
    /// The world.
    pub world: World,
    /// The run.
    pub run: Run,
    /// Did it access memory outside of the regions?
    strayed: bool,
    /// Did it break the promise of the alias classes?
    pub broken: bool,
}

/// Runs `raw` in each world. Calls with declared effects do what they declare, on the memory that
/// the trace accesses.
pub fn references(raw: &Trace, worlds: impl IntoIterator<Item = World>) -> Vec<Reference> {
    let reference = |mut world: World| {
        let mut watch = Watch::default();
        // What else the run does the second one says, with the effects of calls.
        let limits = Limits::fuel(FUEL);
        if !raw.calls.is_empty() {
            let mut model = world.model.clone();
            let _ = evaluate_observed(raw, &world.args, &mut model, &limits, &mut watch);
            watch.tell(raw, &mut world.model);
        }
        let mut watch = Watch::default();
        let (mut run, model) = run_watched(raw, &world, FUEL, &mut watch);
        let broken = watch.broken.is_some();
        if let Some(cause) = watch.broken {
            run = Run::Undefined(cause);
        }
        Reference { world, run, strayed: model.strayed, broken }
    };
    worlds.into_iter().map(reference).collect()
}

impl Reference {
    /// Did the run come to an end, so that there is something to compare with?
    pub fn tells(&self) -> bool {
        matches!(self.run, Run::Ended(_))
    }

    /// Does `other` do the same?
    ///
    /// # Errors
    /// How they differ.
    pub fn compare(&self, other: &Trace) -> Result<(), String> {
        self.compare_watched(other, &mut ())
    }

    /// The same, with a look at what `other` does.
    ///
    /// # Errors
    /// How they differ.
    pub fn compare_watched(&self, other: &Trace, watch: &mut dyn Observer) -> Result<(), String> {
        if !self.tells() {
            return Ok(());
        }
        let (is, _) = run_watched(other, &self.world, 4 * FUEL, watch);
        same(&self.run, &is, &self.world)
    }

    /// Does code do the same? The world must be one for this `native`.
    ///
    /// # Errors
    /// How they differ.
    pub fn compare_native(&self, native: &mut Native, code: &Compiled) -> Result<(), String> {
        if !self.tells() || self.strayed {
            return Ok(());
        }
        let is = native.run(code, &self.world);
        same(&self.run, &is, &self.world).map_err(|error| format!("as machine code, {error}"))
    }
}

/// Are the runs equal?
///
/// # Errors
/// How they differ.
pub fn same(expected: &Run, is: &Run, world: &World) -> Result<(), String> {
    if expected == is {
        return Ok(());
    }
    let args = write_consts(&world.args);
    let mut message = format!("with [{args}]\n  expected: {expected}\n  is:       {is}");
    if let (Run::Ended(a), Run::Ended(b)) = (expected, is) {
        if a.log != b.log {
            message += &format!("\n  logs: {:?}\n        {:?}", a.log, b.log);
        }
        for ((address, a), (_, b)) in a.memory.iter().zip(&b.memory) {
            if let Some(at) = a.iter().zip(b).position(|(a, b)| a != b) {
                let address = address + at as u64;
                let (a, b) = (&a[at..], &b[at..]);
                let (a, b) = (&a[..a.len().min(8)], &b[..b.len().min(8)]);
                message += &format!("\n  memory at {address:#x}: {a:02x?}\n{:28}{b:02x?}", "");
            }
        }
        if a.memory.len() != b.memory.len() {
            message += "\n  writes outside of the regions";
        }
    }
    Err(message)
}

/// The resume point of the exit that [`counted`] adds.
const COUNTED: ResumeId = ResumeId(1_000_000);

/// The same loop with one more parameter, a number of rounds; when it is used up the loop is left
/// with all that it would have passed on. Blocks behind its guards, if there are any, count, too. What
/// is no loop gives nothing.
pub fn counted(trace: &Trace) -> Option<Trace> {
    let mut trace = trace.clone();
    let jumps = |end: &End| matches!(end, End::Jump(BlockId(0), _));
    if !trace.blocks.iter().any(|block| jumps(&block.end)) {
        return None;
    }
    for index in 0..trace.blocks.len() {
        let rounds = trace.add_value(Ty::I64);
        let entering = trace.exits.iter().find(|exit| exit.link == Some(BlockId(index as u32)));
        // Behind it is what the exit has added to its reds.
        let place = entering.map_or(trace.blocks[index].params.len(), |exit| exit.reds.len() - 1);
        let exits = trace.blocks[index].insts.iter().filter_map(|inst| match inst.aux {
            Aux::Exit(exit) => Some(exit),
            Aux::None | Aux::Class(_) | Aux::Call(_) => None,
        });
        let mut linked: Vec<ExitId> = exits.filter(|e| trace.exit(*e).link.is_some()).collect();
        linked.sort_unstable();
        linked.dedup();
        for exit in linked {
            trace.exits[exit.index()].reds.push(rounds.into());
        }
        trace.blocks[index].params.insert(place, rounds);
        count(&mut trace, index, rounds);
    }
    Some(trace)
}

/// Counts a round down before the block's jump, if it has one.
fn count(trace: &mut Trace, index: usize, rounds: ValueId) {
    let (left, more) = (trace.add_value(Ty::I64), trace.add_value(Ty::Bool));
    let exit = ExitId(trace.exits.len() as u32);
    let block = &mut trace.blocks[index];
    let End::Jump(_, args) = &mut block.end else { return };
    let (reds, log, pending) = (args.clone(), vec![], vec![]);
    trace.exits.push(Exit { resume: COUNTED, reds, log, pending, link: None });
    args.push(Arg::Value(left));
    let inst =
        |op, ty, dst, a, aux| Inst { op, ty, dst, a: Arg::Value(a), b: Arg::NONE, imm: 0, aux };
    let mut sub = inst(Op::Sub, Ty::I64, Some(left), rounds, Aux::None);
    sub.b = Arg::Const(Const::i64(1));
    let ne = inst(Op::Ne, Ty::I64, Some(more), left, Aux::None);
    let guard = inst(Op::Guard, Ty::Bool, None, more, Aux::Exit(exit));
    block.insts.extend([sub, ne, guard]);
}

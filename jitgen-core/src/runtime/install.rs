//! Installing: from what recording has given to linked code.
//!
//! ```text
//! recorded --> verify, check --> optimize --> verify, check --> piece --> compile --> unit --> linked
//! ```
//!
//! Not here: regions (`region`), the comparison with what really happened (`check`).

use super::location::{self, State, back_off};
use super::record::{Job, Origin};
use super::statistics::ms;
use super::store::{Kind, Piece, PieceId, Unit, UnitId};
use super::{Jit, check, counters, fail_guards};
use crate::backend::{Code, CompileError};
use crate::ir::{
    Arg, Aux, Const, End, Exit, ExitId, Inst, LogEntry, Op, ResumeId, Trace, Ty, ValueId, verify,
};
use crate::opt::optimize;
use crate::tracer::journal::Event;
use crate::tracer::{AbortReason, MergeState, Recorded, Resume, panics};
use std::collections::HashMap;
use std::time::Instant;

/// Why there is no code, with details.
type Refusal = (AbortReason, String);

impl Jit {
    /// Turns what was recorded into linked code.
    pub(super) fn accept(
        &mut self,
        job: &Job,
        mut recorded: Recorded,
        resumes: Vec<Resume>,
        stopped: &MergeState,
    ) -> Result<(), Refusal> {
        let is_loop = matches!(recorded.trace.blocks[0].end, End::Jump(..));
        for function in &recorded.functions {
            let known = self.store.symbols.insert(function.symbol, function.address);
            if known.is_some_and(|address| address != function.address) {
                let message = format!("two functions are called {}", function.symbol);
                return Err((AbortReason::Backend, message));
            }
        }
        if !is_loop && matches!(job.origin, Origin::Exit(..)) {
            guard_panic(&job.start_log, &mut recorded);
        }
        self.statistics.ops_recorded += recorded.trace.inst_count() as u64;
        let args = if is_loop { None } else { Some(&job.args[..]) };
        self.check(job, &recorded.trace, &recorded.journal, args, Some(stopped), "recorded")?;

        let start = Instant::now();
        let optimized = optimize(&recorded.trace, self.config.opt);
        if optimized.alternates
            && let Origin::Location(keys) = &job.origin
            && **keys == *recorded.target
        {
            let location = self.locations.get_or_create(job.portal, keys);
            if location.rounds < 8 {
                location.rounds *= 2;
                return Ok(());
            }
        }
        let trace = optimized.trace;
        self.statistics.optimize_ms += ms(start.elapsed());
        let stays = !is_loop || trace.blocks.len() == 1;
        self.check(job, &trace, &recorded.journal, args, stays.then_some(stopped), "optimized")?;
        self.statistics.ops_optimized += trace.inst_count() as u64;
        self.statistics.guards += trace.guard_count() as u64;
        self.statistics.trace_exits += trace.exits.len() as u64;

        let leads_to = match is_loop {
            true => None,
            false => self.locations.compiled(job.portal, &recorded.target),
        };
        if !is_loop && leads_to.is_none() {
            return Err((AbortReason::Backend, "it leads to no compiled loop".to_owned()));
        }
        let head = match (&job.origin, is_loop) {
            (_, true) => Some(recorded.target.clone()),
            (Origin::Location(keys), false) => Some(keys.clone()),
            (Origin::Exit(..), false) => None,
        };
        let (kind, label, what) = match (&job.origin, &head) {
            (Origin::Exit(piece, exit), None) => {
                (Kind::Bridge(*piece, *exit), job.label.clone(), "bridge")
            }
            (_, head) => {
                let keys = head.as_deref().unwrap_or_default();
                let what = if is_loop { "loop" } else { "entry" };
                (Kind::Location, location::label(job.portal, keys), what)
            }
        };
        if self.is_superseded(job, head.as_deref(), &kind) {
            self.events.line(|| format!("{what} {label} has been compiled meanwhile"));
            return Ok(());
        }
        for (index, resume) in resumes.into_iter().enumerate() {
            self.store.resumes.insert(ResumeId(job.first_resume + index as u32), resume);
        }
        let ops = (recorded.trace.inst_count(), trace.inst_count());
        let piece = self.add_piece(label, kind, trace, leads_to);
        let unit = match self.compile_piece(piece) {
            Ok(unit) => unit,
            Err(error) => {
                // Nothing refers to the piece; its number stays unused.
                return Err((AbortReason::Backend, error.to_string()));
            }
        };
        self.attach(job, piece, head.as_deref(), what);
        self.report(what, unit, Some(ops.0), start);
        Ok(())
    }

    /// Has a recording further in on the stack done the same?
    fn is_superseded(&self, job: &Job, head: Option<&[u64]>, kind: &Kind) -> bool {
        match (head, kind) {
            (Some(keys), _) => self.locations.compiled(job.portal, keys).is_some(),
            (None, Kind::Bridge(piece, exit)) => {
                self.store.piece(*piece).bridges.contains_key(exit)
            }
            (None, Kind::Location) => false,
        }
    }

    fn add_piece(
        &mut self,
        label: String,
        kind: Kind,
        trace: Trace,
        leads_to: Option<PieceId>,
    ) -> PieceId {
        self.store.pieces.push(Piece {
            label,
            kind,
            trace,
            leads_to,
            bridges: HashMap::new(),
            failures: HashMap::new(),
            entry: None,
            units: vec![],
            transitions: 0,
        });
        PieceId(self.store.pieces.len() as u32 - 1)
    }

    /// Makes a piece that has code the one of its location or exit.
    fn attach(&mut self, job: &Job, piece: PieceId, head: Option<&[u64]>, what: &str) {
        match what {
            "loop" => self.statistics.loops += 1,
            "entry" => self.statistics.entries += 1,
            _ => self.statistics.bridges += 1,
        }
        if let Some(keys) = head {
            self.locations.get_or_create(job.portal, keys).state = State::Compiled(piece);
            counters::arm(job.portal, keys, 1);
        }
        if let Kind::Bridge(parent, exit) = self.store.piece(piece).kind {
            self.store.piece_mut(parent).bridges.insert(exit, piece);
            for (unit, index) in self.store.places(parent, exit) {
                self.wire(unit, index);
            }
        }
    }

    fn compile_piece(&mut self, piece: PieceId) -> Result<UnitId, CompileError> {
        let trace = self.store.piece(piece).trace.clone();
        let exits = (0..trace.exits.len() as u32).map(|exit| (piece, ExitId(exit))).collect();
        self.compile(piece, &trace, exits)
    }

    /// Compiles a trace that begins with the piece `root` and links its exits.
    pub(super) fn compile(
        &mut self,
        root: PieceId,
        trace: &Trace,
        mut exits: Vec<(PieceId, ExitId)>,
    ) -> Result<UnitId, CompileError> {
        let failing = self.config.fail_guards.then(|| fail_guards::transform(trace));
        if let Some(failing) = &failing {
            exits = failing.exits.iter().map(|exit| exits[exit.index()]).collect();
        }
        let flags = failing.as_ref().map(|failing| failing.flags);
        let trace = failing.as_ref().map_or(trace, |failing| &failing.trace);
        let code = self.generate(trace)?;
        self.statistics.ops_compiled += trace.inst_count() as u64;
        let count = exits.len();
        let unit = self.store.add_unit(Unit {
            code,
            root,
            exits,
            inside: trace.exits.iter().map(|exit| exit.link.is_some()).collect(),
            taken: vec![0; count],
            granted: vec![0; count],
            flags,
        });
        for exit in 0..count {
            self.wire(unit, exit);
        }
        Ok(unit)
    }

    fn generate(&mut self, trace: &Trace) -> Result<Code, CompileError> {
        let number = self.store.units.len() as u32;
        let symbols = std::mem::take(&mut self.store.symbols);
        let compiled = self.compiler().and_then(|c| c.compile(trace, &symbols, number));
        self.store.symbols = symbols;
        let code = compiled?;
        let timings = code.timings();
        self.statistics.lower_ms += ms(timings.lowering);
        self.statistics.cranelift_ms += ms(timings.cranelift);
        self.statistics.install_ms += ms(timings.install);
        self.statistics.code_bytes += code.code_size() as u64;
        if let Some(text) = code.disassembly() {
            let log = self.events.log;
            if log.clif {
                self.events.text("clif", &text.clif);
            }
            if log.asm {
                self.events.text("asm", &text.machine);
            }
        }
        if self.statistics.code_bytes >= self.config.code_budget as u64 && !self.is_full {
            self.is_full = true;
            self.events.line(|| "the code budget is spent: nothing more is compiled".to_owned());
        }
        Ok(code)
    }

    /// Links an exit of a unit, or lets it count until it is hot.
    pub(super) fn wire(&mut self, unit: UnitId, exit: usize) {
        let (piece, of) = self.store.unit(unit).exits[exit];
        if self.store.unit(unit).inside[exit] {
            return;
        }
        let is_leave = self.store.piece(piece).is_leave(of);
        let budget = match self.store.link(unit, exit) {
            // Every cycle of pieces has an exit that is not a leave, so those need not count.
            Some(_) if is_leave => 0,
            Some(_) => self.region_budget(),
            None => self.bridge_budget(piece, of),
        };
        self.store.unit_mut(unit).grant(exit, budget);
    }

    fn bridge_budget(&self, piece: PieceId, exit: ExitId) -> i64 {
        let failures = self.store.piece(piece).failures.get(&exit).copied().unwrap_or(0);
        back_off(self.config.bridge_threshold, failures).into()
    }

    /// Lets an exit without bridge count until it is hot.
    pub(super) fn set_bridge_budget(&mut self, piece: PieceId, exit: ExitId) {
        let budget = self.bridge_budget(piece, exit);
        for (unit, index) in self.store.places(piece, exit) {
            self.store.unit_mut(unit).grant(index, budget);
        }
    }

    /// The event of new code.
    pub(super) fn report(
        &mut self,
        what: &str,
        unit: UnitId,
        recorded: Option<usize>,
        start: Instant,
    ) {
        let unit = self.store.unit(unit);
        let piece = self.store.piece(unit.root);
        let (label, trace) = (&piece.label, &piece.trace);
        let bytes = unit.code.code_size();
        let time = ms(start.elapsed());
        self.events.line(|| {
            let ops = match recorded {
                Some(recorded) => format!("{recorded}->{}", trace.inst_count()),
                None => trace.inst_count().to_string(),
            };
            format!(
                "{what} {label} ops {ops} guards {} exits {} {time:.2}ms {bytes} bytes",
                trace.guard_count(),
                trace.exits.len(),
            )
        });
    }

    fn check(
        &mut self,
        job: &Job,
        trace: &Trace,
        journal: &[Event],
        args: Option<&[Const]>,
        stopped: Option<&MergeState>,
        stage: &str,
    ) -> Result<(), Refusal> {
        if self.events.log.trace {
            self.events.text(&format!("{stage} trace of {}", job.label), trace);
        }
        if !self.config.check {
            return Ok(());
        }
        let start = Instant::now();
        let found = match verify(trace).first() {
            Some(violation) => Err(format!("{}: {}", violation.rule, violation.message)),
            None => check::check(trace, journal, args, stopped.map(|state| &state.reds[..])),
        };
        self.statistics.checks += 1;
        self.statistics.check_ms += ms(start.elapsed());
        found.map_err(|message| {
            self.statistics.check_failures += 1;
            self.events.text(&format!("check of the {stage} trace failed: {message}"), trace);
            (AbortReason::CheckFailed, format!("{stage}: {message}"))
        })
    }
}

/// A bridge behind a residual call is entered also when the call has panicked, since the exit of
/// the panic's guard is shared by the guards that follow: so the bridge begins with that guard.
fn guard_panic(start: &[LogEntry], recorded: &mut Recorded) {
    let trace = &mut recorded.trace;
    let Some(Event::Resume { id, reds }) = recorded.journal.first() else {
        return;
    };
    let last = start.iter().rev().find(|entry| !matches!(entry, LogEntry::Blob { .. }));
    if !matches!(last, Some(LogEntry::Call(_))) {
        return;
    }
    let params = (0..reds.len() as u32).map(|index| Arg::Value(ValueId(index))).collect();
    let exit = Exit { resume: *id, reds: params, log: start.to_vec(), link: None };
    let exit = trace.add_exit(exit);
    let flag = panics::flag_address();
    let value = trace.add_value(Ty::Bool);
    let load = Inst {
        op: Op::Load,
        ty: Ty::Bool,
        dst: Some(value),
        a: Arg::Const(Const::new(Ty::Ptr, flag)),
        b: Arg::NONE,
        imm: 0,
        aux: Aux::None,
    };
    let a = Arg::Value(value);
    let guard = Inst { op: Op::GuardNot, dst: None, a, aux: Aux::Exit(exit), ..load };
    trace.blocks[0].insts.splice(0..0, [load, guard]);
    recorded.journal.insert(1, Event::Load { address: flag, size: 1, bits: 0 });
}

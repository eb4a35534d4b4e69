//! Installing: from what recording has given to linked code.
//!
//! ```text
//! recorded --> request --(queue: produced on this thread or another)--> piece, unit --> linked
//! ```
//!
//! Between request and product the location is `Compiling`, the exit `pending`: they are not recorded
//! again, and what may be said of them meanwhile (traces that lead there) is said after them, because
//! products come in the order of the requests.
//!
//! Not here: making code (`produce`), regions (`region`).

use super::location::{self, State, back_off};
use super::produce::{Loaded, Made, Product, Refusal, Request, Stopped, What, Witness};
use super::queue::{Ordered, Work};
use super::record::{Job, Origin};
use super::statistics::ms;
use super::store::{Kind, Piece, PieceId, Unit, UnitId};
use super::{Jit, counters};
use crate::ir::{
    Arg, Aux, Const, End, Exit, ExitId, Inst, LogEntry, Op, ResumeId, Trace, Ty, ValueId,
};
use crate::tracer::journal::Event;
use crate::tracer::{AbortReason, FLAG_CLASS, Map, MergeState, Recorded, Resume, Validity, panics};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// An optimized trace, what it was before, and of which exit there each exit is a version.
pub(super) struct Optimized {
    pub trace: Trace,
    pub source: Trace,
    pub origins: Vec<ExitId>,
    /// What loads of the source have given.
    pub loaded: Arc<Loaded>,
}

/// A trace has at most so many rounds of its loop.
const MAX_ROUNDS: u32 = 8;

/// A recorded trace on its way to code.
pub(super) struct Recording {
    job: Box<Job>,
    resumes: Vec<Resume>,
    /// The keys of the loop's head, or of where the straight line leads.
    target: Box<[u64]>,
    is_loop: bool,
    /// Does the portal return at its end?
    returns: bool,
    /// Operations recorded.
    ops: usize,
    validity: Option<Rc<Validity>>,
}

impl Recording {
    /// The location that the code is for; bridges have none.
    fn head(&self) -> Option<&[u64]> {
        match (&self.job.origin, self.is_loop) {
            (_, true) => Some(&self.target),
            (Origin::Location(keys), false) => Some(keys),
            (Origin::Exit(..), false) => None,
        }
    }

    fn label(&self) -> String {
        match self.head() {
            Some(keys) => location::label(self.job.portal, keys),
            None => self.job.label.clone(),
        }
    }

    fn what(&self) -> &'static str {
        match (self.is_loop, self.head()) {
            (true, _) => "loop",
            (false, Some(_)) => "entry",
            (false, None) => "bridge",
        }
    }
}

impl Jit {
    /// Orders code for what was recorded.
    pub(super) fn accept(
        &mut self,
        job: Box<Job>,
        mut recorded: Recorded,
        resumes: Vec<Resume>,
        stopped: &MergeState,
    ) {
        for function in &recorded.functions {
            let known = self.store.symbols.get(function.symbol).copied();
            if known.is_none() {
                Arc::make_mut(&mut self.store.symbols).insert(function.symbol, function.address);
            } else if known != Some(function.address) {
                let detail = format!("two functions are called {}", function.symbol);
                return self.give_up(&job, AbortReason::Backend, Some(detail));
            }
        }
        self.pinned.trace(&recorded.trace);
        let is_loop = matches!(recorded.trace.blocks[0].end, End::Jump(..));
        if !is_loop && matches!(job.origin, Origin::Exit(..)) {
            guard_panic(&job.start_log, &mut recorded);
        }
        let Recorded { trace, journal, target, result, cleared, validity, .. } = recorded;
        let ops = trace.inst_count();
        self.statistics.ops_recorded += ops as u64;
        let args = (!is_loop).then(|| {
            let mut args = job.args.clone();
            cleared.iter().for_each(|(index, now)| args[*index] = *now);
            args
        });
        let again = self.may_take_more_rounds(&job, is_loop, &target);
        let returns = result.is_some();
        let stopped = match result {
            Some(result) => Stopped::Returned(result),
            None => Stopped::At(stopped.reds.clone()),
        };
        let recording =
            Box::new(Recording { job, resumes, target, is_loop, returns, ops, validity });
        if self.is_no_version(&recording.job, &trace, is_loop) {
            return self.give_up_version(&recording.job);
        }
        if self.is_superseded(&recording) {
            return self.supersede(&recording);
        }
        let job = &recording.job;
        let way = match job.origin {
            Origin::Exit(piece, exit) if !is_loop => self.way_to(piece, exit),
            _ => None,
        };
        match (recording.head(), &job.origin) {
            (Some(keys), _) => {
                self.locations.get_or_create(job.portal, keys).state = State::Compiling;
                counters::arm(job.portal, keys, self.config.patience());
            }
            (None, Origin::Exit(piece, exit)) => {
                self.store.piece_mut(*piece).pending.push(*exit);
            }
            (None, Origin::Location(_)) => unreachable!("a location is the head of its code"),
        }
        self.settle(job);
        let label = job.label.clone();
        let what = What::Recorded(Witness { journal, args, stopped, again, way });
        self.order(Work::Piece(recording), |symbols, unit| Request {
            trace,
            label,
            what,
            symbols,
            unit,
        });
    }

    /// Can the loop be recorded over more rounds, if one trace of it does not repeat?
    fn may_take_more_rounds(&mut self, job: &Job, is_loop: bool, target: &[u64]) -> bool {
        let Origin::Location(keys) = &job.origin else { return false };
        let location = self.locations.get_or_create(job.portal, keys);
        // A recursion is not at the same depth again after any number of rounds.
        let may = location.rounds < MAX_ROUNDS && !location.is_circle;
        is_loop && **keys == *target && may
    }

    /// Has a recording further in on the stack done the same?
    fn is_superseded(&self, recording: &Recording) -> bool {
        let job = &recording.job;
        match (recording.head(), &job.origin) {
            (Some(keys), _) => self.locations.is_taken(job.portal, keys),
            (None, Origin::Exit(piece, exit)) => {
                let piece = self.store.piece(*piece);
                piece.bridges.contains_key(exit) || piece.pending.contains(exit)
            }
            (None, Origin::Location(_)) => false,
        }
    }

    fn supersede(&mut self, recording: &Recording) {
        let (what, label) = (recording.what(), recording.label());
        self.events.line(|| format!("{what} {label} has been compiled meanwhile"));
        self.settle(&recording.job);
    }

    /// A request has been fulfilled; nothing if making it panicked.
    pub(super) fn deliver(&mut self, ordered: Ordered, product: Option<Product>) {
        let Ordered { unit, work } = ordered;
        let nothing = || (AbortReason::Backend, "compiling panicked".to_owned());
        let Some(product) = product else {
            return self.deliver_made(unit, work, None, Err(nothing()), Duration::ZERO);
        };
        let Product { trace, source, origins, loaded, made, texts, times } = product;
        for (title, text) in texts {
            self.events.text(&title, text);
        }
        let statistics = &mut self.statistics;
        statistics.checks += times.checks;
        statistics.check_failures += u64::from(times.check_failed);
        statistics.check_ms += ms(times.check);
        statistics.optimize_ms += ms(times.optimize);
        if let Ok(made) = &made {
            self.note_code(made);
        }
        let optimized = Some(Optimized { trace, source, origins, loaded });
        self.deliver_made(unit, work, optimized, made, times.total);
    }

    fn deliver_made(
        &mut self,
        unit: UnitId,
        work: Work,
        optimized: Option<Optimized>,
        made: Result<Made, Refusal>,
        time: Duration,
    ) {
        match (work, optimized) {
            (Work::Region(region), optimized) => {
                self.install_region(unit, region, optimized, made, time);
            }
            (Work::Piece(recording), Some(optimized)) => {
                let installed = made
                    .and_then(|made| self.install_piece(unit, &recording, optimized, made, time));
                match installed {
                    Ok(()) => self.succeed(&recording),
                    Err(refusal) => self.refuse(&recording, refusal),
                }
            }
            (Work::Piece(recording), None) => {
                if let Err(refusal) = made {
                    self.refuse(&recording, refusal);
                }
            }
        }
    }

    fn install_piece(
        &mut self,
        unit: UnitId,
        recording: &Recording,
        optimized: Optimized,
        made: Made,
        time: Duration,
    ) -> Result<(), Refusal> {
        if recording.validity.as_ref().is_some_and(|validity| validity.is_over()) {
            return Err((AbortReason::Invalidated, "while it was compiled".to_owned()));
        }
        let job = &recording.job;
        let ends = recording.is_loop || recording.returns;
        let leads_to = match ends {
            true => None,
            false => self.locations.compiled(job.portal, &recording.target),
        };
        let target = self.locations.get(job.portal, &recording.target);
        if !ends && leads_to.is_none() && !target.is_some_and(|at| at.is_join) {
            return Err((AbortReason::Backend, "it leads to no compiled loop".to_owned()));
        }
        self.note_trace(&optimized.trace);
        for (index, resume) in recording.resumes.iter().enumerate() {
            let id = ResumeId(job.first_resume + index as u32);
            self.store.resumes.insert(id, resume.clone());
        }
        self.note_passed(job, &recording.resumes);
        let kind = match (&job.origin, recording.head()) {
            (Origin::Exit(piece, exit), None) => Kind::Bridge(*piece, *exit),
            _ => Kind::Location,
        };
        let exits = (0..optimized.trace.exits.len() as u32).map(ExitId);
        let piece = self.add_piece(recording.label(), kind, optimized);
        let leads_to = leads_to.map(|to| self.version_for(&self.store.piece(piece).kind, to));
        let new = self.store.piece_mut(piece);
        new.validity.extend(recording.validity.clone());
        match (&new.trace.blocks[0].end, leads_to) {
            (End::Leave(exit), Some(target)) => _ = new.leaves.insert(*exit, target),
            (End::Leave(exit), None) if !ends => {
                new.awaits = Some(*exit);
                let target = self.locations.get_or_create(job.portal, &recording.target);
                target.awaited_by.push(piece);
            }
            (End::Leave(_) | End::Jump(..), _) => (),
        }
        self.install(unit, piece, made, &exits.map(|exit| (piece, exit)).collect::<Vec<_>>());
        self.attach(piece, recording);
        self.report(recording.what(), unit, Some(recording.ops), time);
        Ok(())
    }

    /// There is no code: the next recording is further away, or one of more rounds.
    fn refuse(&mut self, recording: &Recording, (reason, detail): Refusal) {
        let job = &recording.job;
        if reason == AbortReason::Alternates {
            self.note_abort(&job.label, reason, Some(detail));
            let location = self.locations.get_or_create(job.portal, &recording.target);
            location.state = State::Counting;
            if location.older.is_some() {
                // One phase has ended in that round.
                return self.keep_older(job.portal, &recording.target);
            }
            location.rounds *= 2;
            return counters::arm(job.portal, &recording.target, 2);
        }
        if let Origin::Exit(piece, exit) = &job.origin {
            self.store.piece_mut(*piece).pending.retain(|other| other != exit);
        }
        if let Some(keys) = recording.head() {
            let location = self.locations.get_or_create(job.portal, keys);
            if location.state == State::Compiling {
                location.state = State::Recording;
            }
        }
        self.give_up(job, reason, Some(detail));
        // A loop that began elsewhere.
        if let Some(keys) = recording.head() {
            self.back_off_location(job.portal, keys);
        }
    }

    pub(super) fn note_trace(&mut self, trace: &Trace) {
        self.statistics.ops_optimized += trace.inst_count() as u64;
        self.statistics.guards += trace.guard_count() as u64;
        self.statistics.trace_exits += trace.exits.len() as u64;
    }

    pub(super) fn add_piece(
        &mut self,
        label: String,
        kind: Kind,
        Optimized { trace, source, origins, loaded }: Optimized,
    ) -> PieceId {
        let since = self.account.elapsed();
        self.store.pieces.push(Piece {
            label,
            kind,
            trace,
            source: Rc::new(source),
            origins,
            loaded,
            at: None,
            validity: vec![],
            dropped: false,
            replaces: None,
            replaced_by: None,
            other: None,
            leaves: Map::default(),
            awaits: None,
            joints: vec![],
            bridges: Map::default(),
            pending: vec![],
            region_pending: false,
            failures: Map::default(),
            entry: None,
            call: None,
            units: vec![],
            transitions: 0,
            early: Map::default(),
            since,
        });
        PieceId(self.store.pieces.len() as u32 - 1)
    }

    /// Makes a piece that has code the one of its location or exit.
    fn attach(&mut self, piece: PieceId, recording: &Recording) {
        let job = &recording.job;
        match recording.what() {
            "loop" => self.statistics.loops += 1,
            "entry" => self.statistics.entries += 1,
            _ => self.statistics.bridges += 1,
        }
        self.statistics.returning += u64::from(recording.returns);
        if let Some(keys) = recording.head() {
            let location = self.locations.get_or_create(job.portal, keys);
            location.state = State::Compiled(piece);
            if let Some(cell) = &location.call {
                self.store.call_by(piece, Rc::clone(cell));
            }
            counters::arm(job.portal, keys, 1);
            self.store.piece_mut(piece).at = Some((job.portal, keys.into()));
            self.replace_dropped(job.portal, keys, piece);
            self.add_version(job.portal, keys, piece);
            self.lead_awaiting(job.portal, keys, piece);
        }
        if let Kind::Bridge(parent, exit) = self.store.piece(piece).kind {
            self.store.piece_mut(parent).pending.retain(|other| *other != exit);
            self.store.piece_mut(parent).bridges.insert(exit, piece);
            for (unit, index) in self.store.places(parent, exit) {
                self.wire(unit, index);
            }
        }
    }

    fn succeed(&mut self, recording: &Recording) {
        let job = &recording.job;
        match &job.origin {
            Origin::Exit(piece, exit) => {
                self.store.piece_mut(*piece).failures.remove(exit);
            }
            Origin::Location(keys) => {
                self.locations.get_or_create(job.portal, keys).failures = 0;
            }
        }
    }

    /// Makes code that begins with the piece `root` a unit, and links its exits. `exits` are those of
    /// the trace that was compiled.
    pub(super) fn install(
        &mut self,
        unit: UnitId,
        root: PieceId,
        made: Made,
        exits: &[(PieceId, ExitId)],
    ) {
        let Made { code, exits: from, inside, flags, .. } = made;
        let count = from.len();
        let exits = from.iter().map(|exit| exits[exit.index()]).collect();
        let (taken, granted) = (vec![0; count], vec![0; count]);
        let new = Unit { code, root, exits, inside, taken, granted, flags };
        self.store.add_unit(unit, new);
        for exit in 0..count {
            self.wire(unit, exit);
        }
    }

    fn note_code(&mut self, made: &Made) {
        let timings = made.code.timings();
        let statistics = &mut self.statistics;
        statistics.ops_compiled += made.ops as u64;
        statistics.lower_ms += ms(timings.lowering);
        statistics.cranelift_ms += ms(timings.cranelift);
        statistics.install_ms += ms(timings.install);
        statistics.code_bytes += made.code.code_size() as u64;
        if let Some(text) = made.code.disassembly() {
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
        let here = self.store.piece(piece);
        let failures = here.failures.get(&exit).copied().unwrap_or(0);
        let log = here.trace.exit(exit).log.len();
        back_off(location::bridge_budget(self.config.bridge_threshold, log), failures).into()
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
        time: Duration,
    ) {
        let unit = self.store.unit(unit);
        let piece = self.store.piece(unit.root);
        let (label, trace) = (&piece.label, &piece.trace);
        let bytes = unit.code.code_size();
        let time = ms(time);
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
    let exit = Exit { resume: *id, reds: params, log: start.to_vec(), pending: vec![], link: None };
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
        aux: Aux::Class(FLAG_CLASS),
    };
    let a = Arg::Value(value);
    let guard = Inst { op: Op::GuardNot, dst: None, a, aux: Aux::Exit(exit), ..load };
    trace.blocks[0].insts.splice(0..0, [load, guard]);
    recorded.journal.insert(1, Event::Load { address: flag, size: 1, bits: 0 });
}

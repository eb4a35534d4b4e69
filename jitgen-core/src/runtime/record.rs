//! Recording: runs a twin with a recorder, and hands what it gave to `install`.
//!
//! Whatever happens to a recording, its location or exit gets out of the state of being recorded:
//! it is compiled, or backs off.
//!
//! Not here: the recorder (`tracer`).

use super::exit;
use super::location::{State, back_off};
use super::statistics::ms;
use super::store::PieceId;
use super::{Jit, counters, joins, location, with_jit};
use crate::backend::SCRATCH_WORDS;
use crate::ir::{Const, ExitId, LogEntry, ResumeId, Ty};
use crate::tracer::{
    AbortReason, MergeState, Plan, Portal, Recorded, Replayed, Session, keys, panics, run_within,
};
use std::time::Instant;

/// A trace from a loop's head ends by returning only after so many recordings from there have been
/// given up: it is likely that the loop was in its last round.
const PATIENCE: u32 = 2;

/// So many recordings may be open at a time, inside of each other: a guest that recurses would else
/// have one, with the frames of a twin, at each level of its recursion.
const MAX_OPEN: u32 = 3;

/// A recording to be made.
pub(super) struct Job {
    pub portal: &'static Portal,
    /// As the event log shows it.
    pub label: String,
    pub origin: Origin,
    pub first_resume: u32,
    /// The values of the trace's parameters at its start.
    pub args: Vec<Const>,
    /// For a bridge: what has happened since its resume point.
    pub start_log: Vec<LogEntry>,
    log: Vec<Replayed>,
    plan: Option<Plan>,
}

/// Where a recording begins.
#[derive(Clone, Debug)]
pub(super) enum Origin {
    /// At a location.
    Location(Box<[u64]>),
    /// At an exit.
    Exit(PieceId, ExitId),
}

/// Runs the twin from `state` and records what it does; gives where it has stopped, or nothing if
/// the portal has returned.
pub(super) fn record(
    mut job: Box<Job>,
    state: MergeState,
    twin: super::driver::Twin<'_>,
) -> Option<MergeState> {
    struct Unwind(Option<Box<Job>>);
    impl Drop for Unwind {
        fn drop(&mut self) {
            with_jit(|jit| jit.open -= 1);
            if let Some(job) = self.0.take() {
                with_jit(|jit| jit.give_up(&job, AbortReason::Panicked, None));
            }
        }
    }
    let start = Instant::now();
    let plan = job.plan.take().expect("a job is done once");
    let log = std::mem::take(&mut job.log);
    with_jit(|jit| {
        jit.open += 1;
        // While this records.
        jit.queue.warm_up();
    });
    let mut unwind = Unwind(Some(job));
    let (stopped, session) = run_within(Session::record(plan, log), || twin(state));
    let job = unwind.0.take().expect("nothing has unwound");
    with_jit(|jit| {
        jit.statistics.record_ms += ms(start.elapsed());
        jit.finish(job, session, stopped.as_ref());
        jit.account.charge(start.elapsed());
    });
    stopped
}

impl Jit {
    /// Are so many recordings open that none can begin?
    pub(super) fn is_nested(&self) -> bool {
        self.open >= MAX_OPEN
    }

    /// The recording of a loop.
    pub(super) fn job_for_location(
        &mut self,
        portal: &'static Portal,
        keys: Box<[u64]>,
        params: Vec<Ty>,
        state: &MergeState,
        at_entry: bool,
    ) -> Job {
        let label = location::label(portal, &keys);
        let (first_resume, mut plan) = self.plan(portal, params, None, 0);
        let location = self.locations.get_or_create(portal, &keys);
        plan.rounds = location.rounds;
        plan.may_return = at_entry || location.failures >= PATIENCE;
        if location.is_join {
            plan.may_return = true;
            plan.join = joins::asks(portal, &keys);
        }
        Job {
            portal,
            label,
            origin: Origin::Location(keys),
            first_resume,
            args: state.reds.clone(),
            start_log: vec![],
            log: vec![],
            plan: Some(plan),
        }
    }

    /// The recording of a bridge.
    pub(super) fn job_for_bridge(
        &mut self,
        portal: &'static Portal,
        piece: PieceId,
        exit: ExitId,
        log: Vec<Replayed>,
        args: Vec<Const>,
    ) -> Job {
        let here = self.store.piece(piece);
        let at = here.trace.exit(exit);
        let resume = at.resume;
        let greens = keys(&self.store.resumes[&resume].greens);
        let label =
            format!("{} of {} exit{}", location::label(portal, &greens), here.trace.name, exit.0);
        let params = args.iter().map(|arg| arg.ty).collect();
        let start_log = exit::log_of_params(at);
        let scratch = exit::scratch_end(&start_log);
        // A nested run of the same code does not record the same bridge.
        self.set_bridge_budget(piece, exit);
        let start = Some((resume, start_log.clone()));
        let (first_resume, mut plan) = self.plan(portal, params, start, scratch);
        plan.may_return = true;
        plan.join = joins::asks(portal, &greens);
        let origin = Origin::Exit(piece, exit);
        Job { portal, label, origin, first_resume, args, start_log, log, plan: Some(plan) }
    }

    fn plan(
        &mut self,
        portal: &'static Portal,
        params: Vec<Ty>,
        start: Option<(ResumeId, Vec<LogEntry>)>,
        scratch: u32,
    ) -> (u32, Plan) {
        self.statistics.recordings += 1;
        let first_resume = self.next_resume;
        let limit = self.config.trace_limit;
        // More than a recording can make, since recordings nest; `finish` gives the rest back.
        self.next_resume = first_resume.saturating_add(limit as u32 + 2);
        let plan = Plan {
            name: format!("{}#{}", portal.name, self.next_trace),
            first_resume,
            params,
            start,
            rounds: 1,
            may_return: false,
            inline_depth: self.config.inline_depth,
            limit,
            check_effects: self.config.check_effects,
            scratch: scratch..(SCRATCH_WORDS * 8) as u32,
            is_compiled: Box::new(move |keys| with_jit(|jit| jit.locations.is_taken(portal, keys))),
            join: Box::new(|_| false),
            is_circle: Box::new(move |keys| {
                with_jit(|jit| jit.locations.get(portal, keys).is_some_and(|at| at.is_circle))
            }),
            recurses: Box::new(|portal, keys| {
                with_jit(|jit| {
                    jit.locations.get(portal, keys).map_or_else(Default::default, |at| at.recursion)
                })
            }),
            call_cell: Box::new(|portal, keys| with_jit(|jit| jit.call_cell(portal, keys))),
            panic_flag: panics::flag_address(),
        };
        (first_resume, plan)
    }

    fn finish(&mut self, job: Box<Job>, mut session: Session, stopped: Option<&MergeState>) {
        self.kept.append(&mut session.kept);
        session.pinned.iter().for_each(|word| self.pinned.word(*word));
        for keys in &session.circles {
            self.locations.get_or_create(job.portal, keys).is_circle = true;
        }
        for ((portal, keys), recursion) in &session.recursions {
            let location = self.locations.get_or_create(portal, keys);
            location.recursion = location.recursion.max(*recursion);
        }
        let recorded = session.recorded.take();
        let nowhere = MergeState::default();
        let stopped = match &recorded {
            Some(Recorded { result: Some(_), .. }) => Some(&nowhere),
            _ => stopped,
        };
        let Some((recorded, stopped)) = recorded.zip(stopped) else {
            let reason = session.abort.unwrap_or(AbortReason::PortalReturned);
            if reason == AbortReason::Branches {
                self.note_abort(&job.label, reason, session.detail);
                return self.retry(&job);
            }
            return self.give_up(&job, reason, session.detail);
        };
        let used = session.resumes.len() as u32;
        let reserved = job.first_resume.saturating_add(self.config.trace_limit as u32 + 2);
        if self.next_resume == reserved {
            self.next_resume = job.first_resume + used;
        }
        self.next_trace += 1;
        self.accept(job, recorded, session.resumes, stopped);
    }

    /// The recording has given a trace, for its origin or elsewhere: the origin is not being
    /// recorded any more.
    pub(super) fn settle(&mut self, job: &Job) {
        match &job.origin {
            Origin::Exit(piece, exit) => self.set_bridge_budget(*piece, *exit),
            Origin::Location(keys) => {
                let threshold = self.config.threshold;
                let location = self.locations.get_or_create(job.portal, keys);
                if location.state == State::Recording {
                    location.state = State::Counting;
                    counters::arm(job.portal, keys, back_off(threshold, 0));
                }
            }
        }
    }

    /// Another recording from there will succeed: it is made at once.
    fn retry(&mut self, job: &Job) {
        match &job.origin {
            Origin::Exit(piece, exit) => {
                for (unit, index) in self.store.places(*piece, *exit) {
                    self.store.unit_mut(unit).grant(index, 1);
                }
            }
            Origin::Location(keys) => {
                self.locations.get_or_create(job.portal, keys).state = State::Counting;
                counters::arm(job.portal, keys, 1);
            }
        }
    }

    /// The recording has given nothing: the next one is further away.
    pub(super) fn give_up(&mut self, job: &Job, reason: AbortReason, detail: Option<String>) {
        self.note_abort(&job.label, reason, detail);
        match &job.origin {
            Origin::Exit(piece, exit) => {
                *self.store.piece_mut(*piece).failures.entry(*exit).or_default() += 1;
                self.set_bridge_budget(*piece, *exit);
            }
            Origin::Location(keys) => {
                self.locations.get_or_create(job.portal, keys).failures += 1;
                self.back_off_location(job.portal, keys);
            }
        }
    }

    /// A location that was being recorded counts again.
    pub(super) fn back_off_location(&mut self, portal: &'static Portal, keys: &[u64]) {
        let threshold = self.config.threshold;
        let location = self.locations.get_or_create(portal, keys);
        if location.state == State::Recording {
            location.state = State::Counting;
            counters::arm(portal, keys, back_off(threshold, location.failures));
        }
        self.put_off_join(portal, keys);
        self.keep_version(portal, keys);
    }
}

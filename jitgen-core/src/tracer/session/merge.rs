//! Merge points, as a session passes them: where a trace begins, is closed, or leads to others.
//!
//! ```text
//! merge point      while recording
//!   first          the reds are the trace's parameters
//!   on the way     a resume point, to which later guards leave
//!   a header       first visit: the reds are renamed, for the trace can be cut here;
//!                  visited before: the trace is closed into a loop; compiled: the trace leads there
//!   a join         the trace leads there, or is given up until it can
//! ```
//!
//! Invariants: `numbered` (each merge point that is passed is a resume point, and they are numbered
//! in the order in which they are passed).
//!
//! Not here: merge points of portals within the trace (`levels`), what a recorder does there.

use super::Session;
use crate::ir::{Arg, Const, ResumeId, Ty, ValueId};
use crate::tracer::journal::Event;
use crate::tracer::recorder::{Close, Recorder};
use crate::tracer::{AbortReason, Word};
use std::any::Any;
use std::rc::Rc;

/// A green at a merge point.
#[derive(Clone, Debug)]
pub struct Green {
    /// What identifies it.
    pub key: u64,
    /// The bits with which a twin or the interpreter goes on.
    pub bits: u64,
    /// What keeps the bits meaningful.
    pub keep: Option<Rc<dyn Any>>,
}

/// The state at a merge point: all that the interpreter, its twin and compiled code exchange.
#[derive(Clone, Debug, Default)]
pub struct MergeState {
    /// The greens.
    pub greens: Vec<Green>,
    /// The words of the reds.
    pub reds: Vec<Const>,
}

/// A merge point that recording has passed.
#[derive(Clone, Debug)]
pub struct Resume {
    /// Its greens.
    pub greens: Vec<Green>,
    /// The types of its reds' words.
    pub reds: Vec<Ty>,
}

/// The keys of greens.
pub fn keys(greens: &[Green]) -> Box<[u64]> {
    greens.iter().map(|green| green.key).collect()
}

/// Where the trace may be closed.
pub(super) struct Header {
    greens: Box<[u64]>,
    position: usize,
    journal: usize,
    params: Vec<ValueId>,
    /// Rounds until the loop is closed.
    rounds: u32,
}

/// What a merge point says to the twin.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Step {
    /// Go on.
    Go,
    /// Go on with these operands of the reds' words.
    Rename(Vec<ValueId>),
    /// Return the state.
    Stop,
}

impl Session {
    /// A green that lives in memory, as it is at the merge point from which the twin starts.
    pub fn start_green(&mut self, green: Green) {
        self.start_greens.push_back(green);
    }

    /// That green, at that merge point.
    pub fn take_start_green(&mut self) -> Option<Green> {
        self.start_greens.pop_front()
    }

    /// `can_enter_jit!()`: the next merge point may be a loop's head.
    pub fn mark_header(&mut self) {
        self.at_header = true;
    }

    /// The twin is at a merge point.
    pub fn merge(&mut self, greens: Vec<Green>, reds: &[Word]) -> Step {
        if !self.levels.is_empty() {
            return self.merge_within(&greens, reds);
        }
        assert!(self.replay.is_empty() || !self.started, "replay ends before the next merge point");
        self.calls = 0;
        self.merges += 1;
        let at_header = std::mem::take(&mut self.at_header);
        self.flush();
        if !std::mem::replace(&mut self.started, true) {
            self.start(greens, reds);
            return Step::Go;
        }
        let Some(recording) = &mut self.recording else {
            return Step::Stop;
        };
        if recording.recorder.len() + self.resumes.len() > recording.plan.limit {
            self.abort(AbortReason::TooLong);
            return Step::Stop;
        }
        let keys = keys(&greens);
        let is_circle = self.circles.contains(&keys) || (recording.plan.is_circle)(&keys);
        let at_header = at_header || is_circle;
        let begins_round = !at_header && recording.circles.pass(&keys);
        if begins_round {
            self.circles.push(keys.clone());
        }
        let at_header = at_header || begins_round;
        if at_header {
            recording.circles.forget();
        }
        let is_join = (recording.plan.join)(&keys) && !at_header;
        let mut first_visit = at_header;
        if at_header && let Some(place) = recording.headers.iter().position(|h| h.greens == keys) {
            first_visit = false;
            let header = &mut recording.headers[place];
            header.rounds -= 1;
            if header.rounds == 0 {
                self.close(place, reds);
                return Step::Stop;
            }
        }
        let id = ResumeId(recording.plan.first_resume + self.resumes.len() as u32);
        self.resumes.push(Resume { greens, reds: reds.iter().map(|red| red.now.ty).collect() });
        let args: Vec<Arg> = reds.iter().map(|red| Recorder::arg(*red)).collect();
        if is_join || first_visit && (recording.plan.is_compiled)(&keys) {
            recording.recorder.resume_at(id, args, vec![]);
            recording.recorder.leave();
            self.finish(None, keys);
            return Step::Stop;
        }
        let now = reds.iter().map(|red| red.now).collect();
        recording.recorder.journal.push(Event::Resume { id, reds: now });
        if !first_visit {
            recording.recorder.pass(id, args);
            return Step::Go;
        }
        let journal = recording.recorder.journal.len() - 1;
        let params = recording.recorder.rename(reds);
        let position = recording.recorder.len();
        let header = Header { greens: keys, position, journal, params: params.clone(), rounds: 1 };
        recording.headers.push(header);
        recording.recorder.resume_at(id, params.iter().map(|v| (*v).into()).collect(), vec![]);
        Step::Rename(params)
    }

    /// The merge point from which the session starts.
    fn start(&mut self, greens: Vec<Green>, reds: &[Word]) {
        let Some(recording) = &mut self.recording else {
            return;
        };
        let now: Vec<Const> = reds.iter().map(|red| red.now).collect();
        let params: Vec<ValueId> = (0..reds.len()).map(|i| recording.recorder.param(i)).collect();
        let args = params.iter().map(|v| Arg::Value(*v)).collect();
        let (id, log) = match &recording.plan.start {
            Some((id, log)) => {
                recording.circles.pass(&keys(&greens));
                self.kept.extend(greens);
                (*id, log.clone())
            }
            None => {
                let greens_keys = keys(&greens);
                let types = now.iter().map(|c| c.ty).collect();
                self.resumes.push(Resume { greens, reds: types });
                let rounds = recording.plan.rounds;
                let header =
                    Header { greens: greens_keys, position: 0, journal: 0, params, rounds };
                recording.headers.push(header);
                (ResumeId(recording.plan.first_resume), vec![])
            }
        };
        recording.recorder.journal.push(Event::Resume { id, reds: now });
        recording.recorder.resume_at(id, args, log);
    }

    fn close(&mut self, place: usize, reds: &[Word]) {
        let Some(recording) = &mut self.recording else {
            return;
        };
        let header = recording.headers.swap_remove(place);
        let close = Close {
            position: header.position,
            journal: header.journal,
            params: header.params,
            args: reds.iter().map(|red| Recorder::arg(*red)).collect(),
        };
        self.finish(Some(close), header.greens);
    }
}

//! The driver: from a hot merge point through recording and compiled code back to the interpreter.
//!
//! ```text
//! state at a loop header --> compiled?  --yes--> run --> exit --> hot? --yes--> record a bridge --+
//!        ^                      | no                       | no                                   |
//!        |                   record a loop                 +-- log empty --> interpreter          |
//!        |                      |                          +-- log --> replay --> interpreter     |
//!        +----------------------+-----------------------------------------------------------------+
//! ```
//!
//! Each turn makes progress in the guest program, by the twin or by compiled code.
//!
//! Invariant `unborrowed`: twins and compiled code run without a borrow of the runtime, with a frame
//! of their own: a residual function may come back here.
//!
//! Not here: how traces are recorded (`record`) and compiled (`install`).

use super::exit;
use super::location::{self, State};
use super::record::{self, Job};
use super::store::{PieceId, UnitId};
use super::{Jit, counters, frames::is_deep, with_jit};
use crate::backend::{self, CodePtr, ExitCell, Frame};
use crate::ir::Const;
use crate::tracer::{Image, MergeState, Portal, Replayed, Session, Site, keys, panics, run_within};
use std::sync::atomic::Ordering;

/// An exit without a log that has been taken so many times as often as makes it hot has cost as much
/// as its bridge will.
const PAID: u32 = 3;

/// Runs a portal's twin from a state to the next merge point at which it stops; nothing if the
/// portal has returned.
pub type Twin<'a> = &'a mut dyn FnMut(MergeState) -> Option<MergeState>;

/// How twins and compiled code have left the interpreter behind.
#[derive(Debug)]
pub enum Left {
    /// It goes on from this state.
    At(MergeState),
    /// The twin has returned the portal's result.
    Returned,
    /// Compiled code has returned this result of the portal.
    Result(Image),
}

/// Goes on from a state at a loop header, or where a portal begins (`at_entry`), by compiled code
/// where there is some.
pub fn enter(portal: &'static Portal, state: MergeState, at_entry: bool, twin: Twin<'_>) -> Left {
    let mut state = state;
    let mut may_record = true;
    loop {
        let (then, next) = match with_jit(|jit| jit.decide(portal, &state, may_record, at_entry)) {
            Decision::Interpret => (Then::Interpret, Some(state)),
            Decision::Record(job) => (Then::Header, record::record(job, state, twin)),
            Decision::Run(piece, entry) => {
                let frame = with_jit(|jit| jit.frame(piece, &state));
                match proceed(run(portal, frame, entry), twin) {
                    Ok(next) => next,
                    Err(result) => return Left::Result(result),
                }
            }
        };
        let Some(next) = next else {
            return Left::Returned;
        };
        state = next;
        if then == Then::Interpret {
            return Left::At(with_jit(|jit| jit.give(portal, state)));
        }
        may_record = false;
    }
}

/// A call of a portal that compiled code has begun, and not finished by itself.
#[derive(Debug)]
pub struct Begun<'a> {
    site: &'a Site,
    frame: *mut Frame,
    cell: *const ExitCell,
}

impl Begun<'_> {
    /// The call, as the function of a `call_code` is told of it.
    ///
    /// # Safety
    /// The arguments must be those with which compiled code calls that function, during that call.
    pub unsafe fn new<'a>(site: *const Site, frame: *mut (), cell: *const ()) -> Begun<'a> {
        // SAFETY: the trace keeps the site.
        Begun { site: unsafe { &*site }, frame: frame.cast(), cell: cell.cast() }
    }

    /// The callee's state, as long as its code has not been entered.
    pub fn state(&self) -> MergeState {
        // SAFETY: the frame is the callee's, and nobody else uses it now.
        let frame = unsafe { &*self.frame };
        let words = self.site.reds.iter().enumerate();
        let reds = words.map(|(slot, ty)| Const::new(*ty, frame.read(slot, *ty))).collect();
        MergeState { greens: self.site.greens.clone(), reds }
    }

    /// Where the result is expected.
    pub fn place(&self) -> *mut u8 {
        self.frame.cast()
    }
}

/// Goes on with a call: where the callee's code has left off, or, if it has not been entered, with
/// the code for these greens. Nothing if there is none, or if so little is left of the native stack
/// that the plain portal must see to it.
pub fn go_on(call: &Begun<'_>, twin: Twin<'_>) -> Option<Left> {
    let portal = call.site.portal;
    let after = if call.cell.is_null() {
        if is_deep() {
            return None;
        }
        let state = call.state();
        let piece = with_jit(|jit| jit.locations.compiled(portal, &keys(&state.greens)))?;
        let (entry, frame) =
            with_jit(|jit| Some((jit.store.entry(piece)?, jit.frame(piece, &state))))?;
        run(portal, frame, entry)
    } else {
        follow(portal, call.frame, call.cell)
    };
    Some(match proceed(after, twin) {
        Err(result) => Left::Result(result),
        Ok((_, None)) => Left::Returned,
        Ok((Then::Header, Some(state))) => enter(portal, state, false, twin),
        Ok((Then::Interpret, Some(state))) => Left::At(with_jit(|jit| jit.give(portal, state))),
    })
}

/// What comes after a step.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Then {
    /// The state may be at the header of a compiled loop.
    Header,
    /// The state is for the interpreter.
    Interpret,
}

enum Decision {
    Interpret,
    Record(Box<Job>),
    Run(PieceId, CodePtr),
}

/// What to do after compiled code has been left.
enum After {
    /// Enter this code; the frame is as it should be.
    GoOn(CodePtr),
    /// The state may be at the header of a compiled loop.
    Header(MergeState),
    /// The interpreter can take over.
    Interpret(MergeState),
    /// The twin goes on behind what has already happened.
    Replay(MergeState, Vec<Replayed>),
    /// The portal has returned.
    Return(Image),
    /// The twin goes on, and what it does becomes a bridge.
    Record(Box<Job>, MergeState),
}

/// Runs compiled code until it is left for good; gives its frame back.
fn run(portal: &'static Portal, frame: *mut Frame, entry: CodePtr) -> After {
    // SAFETY: the frame holds what the code's entry takes: the reds of its location. No code is
    // dropped before its thread ends. The functions that it calls are thunks that catch panics. What
    // the code is told of the stacks `frames` has just written.
    let cell = unsafe { backend::enter(entry, frame) };
    let after = follow(portal, frame, cell);
    with_jit(|jit| jit.frames.free());
    after
}

/// Code has been left through `cell`: runs what it is linked to until that is left for good.
fn follow(portal: &'static Portal, frame: *mut Frame, cell: *const ExitCell) -> After {
    let mut cell = cell;
    loop {
        // SAFETY: cells live as long as their code.
        let exit = unsafe { &*cell };
        // SAFETY: the code has been left, and nobody else writes to its frame.
        let left = unsafe { &*frame };
        match with_jit(|jit| jit.leave(portal, exit, left)) {
            // SAFETY: as in `run`; the frame holds what the exit has left in it for this code.
            After::GoOn(code) => cell = unsafe { backend::enter(code, frame) },
            after => return after,
        }
    }
}

/// Goes on after compiled code has been left for good.
///
/// # Errors
/// If the portal has returned in compiled code: its result.
fn proceed(after: After, twin: Twin<'_>) -> Result<(Then, Option<MergeState>), Image> {
    Ok(match after {
        After::GoOn(_) => unreachable!("`follow` goes on"),
        After::Return(result) => return Err(result),
        After::Header(state) => (Then::Header, Some(state)),
        After::Interpret(state) => (Then::Interpret, Some(state)),
        After::Replay(state, log) => {
            let (next, _) = run_within(Session::direct(log), || twin(state));
            (Then::Interpret, next)
        }
        After::Record(job, state) => (Then::Header, record::record(job, state, twin)),
    })
}

impl Jit {
    fn decide(
        &mut self,
        portal: &'static Portal,
        state: &MergeState,
        may_record: bool,
        at_entry: bool,
    ) -> Decision {
        self.poll();
        let keys = keys(&state.greens);
        let full = self.is_full;
        let is_due = self.is_due(portal, &keys);
        let records = (may_record || is_due) && !full && !self.is_nested();
        let threshold = self.config.threshold;
        let location = self.locations.get_or_create(portal, &keys);
        match location.state {
            State::Compiled(piece) => {
                counters::arm(portal, &keys, 1);
                let entry = self.store.entry(piece).expect("a compiled location has code");
                Decision::Run(piece, entry)
            }
            State::Counting if records => {
                if !self.may_spend(is_due) {
                    counters::arm(portal, &keys, self.config.patience());
                    return Decision::Interpret;
                }
                self.locations.get_or_create(portal, &keys).state = State::Recording;
                let types = state.reds.iter().map(|red| red.ty).collect();
                let job = self.job_for_location(portal, keys, types, state, at_entry);
                Decision::Record(Box::new(job))
            }
            State::Compiling => {
                counters::arm(portal, &keys, self.config.patience());
                Decision::Interpret
            }
            State::Counting | State::Recording => {
                if may_record {
                    let ticks = if full { u32::MAX } else { location::back_off(threshold, 0) };
                    counters::arm(portal, &keys, ticks);
                }
                Decision::Interpret
            }
        }
    }

    /// A frame with the reds in its slots; [`run`] gives it back.
    fn frame(&mut self, piece: PieceId, state: &MergeState) -> *mut Frame {
        self.statistics.enters += 1;
        debug_assert!(
            (self.store.piece(piece).trace.param_types().iter())
                .eq(state.reds.iter().map(|red| &red.ty)),
            "a portal's reds have the same types at all its merge points"
        );
        let frame = self.frames.begin();
        // SAFETY: nobody else uses it yet.
        let slots = unsafe { &mut *frame };
        for (slot, red) in state.reds.iter().enumerate() {
            slots.write(slot, red.ty, red.bits);
        }
        frame
    }

    /// Compiled code has returned through `cell`.
    fn leave(&mut self, portal: &'static Portal, cell: &ExitCell, frame: &Frame) -> After {
        let unit = UnitId(cell.code);
        let index = cell.exit as usize;
        let was_linked = cell.is_linked();
        self.poll();
        if was_linked {
            return After::GoOn(self.spent(unit, index));
        }
        if let Some(target) = self.store.target(unit, index)
            && cell.is_linked()
        {
            // Just now.
            return After::GoOn(self.store.entry(target).expect("a linked exit's target has code"));
        }
        self.store.unit_mut(unit).taken[index] += 1;
        let (piece, exit) = self.store.unit(unit).exits[index];
        self.fail_flag(unit, index);
        let here = self.store.piece(piece);
        if here.trace.exit(exit).is_return() {
            return After::Return(exit::read_result(&here.trace, exit, frame));
        }
        let is_leave = here.is_leave(exit);
        let threshold = self.config.bridge_threshold;
        let panicked = panics::settle();
        let hot = cell.budget() <= 0 && !self.config.fail_guards;
        let hot = hot && !self.is_full && !self.is_nested();
        let busy = here.bridges.contains_key(&exit) || here.pending.contains(&exit);
        let mut records = hot && !is_leave && !panicked && !busy && !here.dropped;
        // What has cost as much as its bridge will, in exits or replays, gets that.
        let paid = match here.trace.exit(exit).log.is_empty() {
            true => self.store.unit(unit).taken[index] >= u64::from(PAID) * u64::from(threshold),
            false => true,
        };
        if records && !self.may_spend(paid) {
            records = false;
            self.store.unit_mut(unit).grant(index, threshold.div_ceil(4).into());
        }
        if hot && !records && !is_leave {
            self.rest(unit);
        }
        let trace = &self.store.piece(piece).trace;
        let exit::Left { state, log, args } =
            exit::read(&self.store, trace, trace.exit(exit), frame, records);
        if records {
            let job = self.job_for_bridge(portal, piece, exit, log, args);
            return After::Record(Box::new(job), state);
        }
        match (is_leave, log.is_empty()) {
            (true, _) => After::Header(state),
            (false, true) => After::Interpret(state),
            (false, false) => {
                self.statistics.replays += 1;
                After::Replay(state, log)
            }
        }
    }

    /// Code was left where its bridge is still to come: the interpreter goes on for a while before the
    /// code is entered again, since entering and leaving cost about as much as so many passes.
    fn rest(&mut self, unit: UnitId) {
        if let Some((portal, keys)) = &self.store.piece(self.store.ancestor(unit)).at {
            counters::arm(portal, keys, self.config.bridge_threshold);
        }
    }

    /// In the mode where guards are made to fail, the guard of this exit has.
    fn fail_flag(&mut self, unit: UnitId, exit: usize) {
        if let Some(flags) = self.store.unit(unit).flags {
            flags[exit].store(1, Ordering::Relaxed);
        }
    }
}

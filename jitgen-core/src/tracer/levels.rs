//! Portals that the twin has entered inside of another one: recursion of the guest.
//!
//! ```text
//! twin of run            resume point, log
//!   call of run          level 1: the twin runs through it, as through a helper
//!     merge point        no resume point: guards leave to the outermost level, with its log
//!     merge point        a loop's header, too deep, or not recording: handed over
//! ```
//!
//! A level that is *handed over* is finished by the plain interpreter, which begins at that merge
//! point; for the trace that is a call of the code for that merge point (`call_code`). So a twin never
//! goes far without recording, and loops of inner levels have code of their own.
//!
//! Each merge point of a level has a number like a call of a helper; where the level was handed
//! over the log has that number, so that replay hands it over (and takes the result) there.
//!
//! At a merge point of a level its log so far becomes the state there, so that replay begins the
//! level at that merge point: what exits carry is a state for each level, and one handler's log.
//!
//! A portal that calls itself more than once in a call is not inlined into itself: see `SAME`.
//!
//! Invariant `numbers` of `inline`.
//!
//! Not here: the thunk that is called (`macro_support::recursion`).

use super::plan::Recursion;
use super::session::{Function, Green, Portal, Step, keys};
use super::{AbortReason, Blob, Image, Inlined, Opnd, Replayed, Session, Word};
use crate::ir::{Const, LogEntry, Ty};
use std::any::Any;
use std::rc::Rc;

/// So many levels may begin at the same place of the guest program in one trace, if the portal
/// calls itself there, once in each call. If it does so more often it is not inlined at all: the
/// levels would have as many ways through as all of them together, each a bridge.
const SAME: usize = 2;

/// A portal within a portal.
#[derive(Debug)]
pub struct Level {
    portal: &'static Portal,
    /// The number of its call.
    number: u32,
    /// Entries in the log when it was called; nothing if it is not to be collapsed.
    log: Option<usize>,
    /// The keys at its first merge point, when it has reached that.
    keys: Option<Box<[u64]>>,
    /// It has begun within itself, while this level was the innermost one that had begun there.
    recursed: bool,
}

/// Where a level was handed over, for the call that the trace makes instead.
#[derive(Debug)]
pub struct Site {
    /// The portal.
    pub portal: &'static Portal,
    /// The greens at that merge point.
    pub greens: Vec<Green>,
    /// The types of the reds' words, which are the callee's arguments.
    pub reds: Vec<Ty>,
}

/// The result of a portal that compiled code calls, as it lies in scratch memory.
#[derive(Clone, Copy, Debug)]
pub enum Handed {
    /// A machine word.
    Word(Const),
    /// A value of so many bytes.
    Bytes {
        /// How many.
        size: u32,
        /// Which variant it is, if its bytes do not say: the word behind them.
        variant: Option<Const>,
    },
}

impl Handed {
    /// Bytes of scratch memory that it takes, a word for the variant included.
    pub fn size(self) -> u32 {
        match self {
            Handed::Word(_) => 8,
            Handed::Bytes { size, variant } => {
                size.next_multiple_of(8) + 8 * u32::from(variant.is_some())
            }
        }
    }
}

impl Session {
    /// The twin is about to enter a portal.
    pub fn enter_level(&mut self, portal: &'static Portal, call: &Inlined) {
        let Inlined { number, log, .. } = *call;
        self.levels.push(Level { portal, number, log, keys: None, recursed: false });
    }

    /// The portal just entered is past a merge point, as the log says: its state there, greens and
    /// then reds, in eight bytes each.
    pub fn level_state(&mut self) -> Option<Image> {
        let level = self.levels.last()?;
        let Some(Replayed::Level { call, next, size }) = self.replay.front() else {
            return None;
        };
        if *call != level.number {
            return None;
        }
        self.calls = *next;
        let size = *size as usize;
        self.replay.pop_front();
        self.resumes_level = true;
        Some(self.replayed_image(size))
    }

    /// It has come back.
    pub fn leave_level(&mut self) {
        self.levels.pop();
    }

    /// The twin is at a merge point of an inner level.
    pub(super) fn merge_within(&mut self, greens: &[Green], reds: &[Word]) -> Step {
        if std::mem::take(&mut self.resumes_level) {
            let level = self.levels.last_mut().expect("the twin is within a level");
            level.keys = Some(keys(greens));
            self.keep_greens(greens);
            return Step::Go;
        }
        // What patterns have found out is guarded while the log still says how.
        self.flush();
        let number = self.calls;
        self.calls += 1;
        let at_header = std::mem::take(&mut self.at_header);
        if matches!(self.replay.front(), Some(Replayed::Return { call, .. }) if *call == number) {
            self.replay.pop_front();
            return Step::Stop;
        }
        let keys = keys(greens);
        let level = self.levels.last_mut().expect("the twin is within a level");
        let portal = level.portal;
        let is_first = level.keys.is_none();
        if is_first {
            level.keys = Some(keys.clone());
        }
        if !self.replay.is_empty() {
            return Step::Go;
        }
        let too_deep = is_first && self.is_too_deep(portal, keys);
        let Some(recording) = &self.recording else {
            return Step::Stop;
        };
        let is_long = recording.recorder.len() > recording.plan.limit / 2;
        self.keep_greens(greens);
        if at_header || too_deep || is_long {
            if let Some(recording) = &mut self.recording {
                recording.recorder.log_handed_over(number);
            }
            return Step::Stop;
        }
        self.collapse_level(greens, reds);
        Step::Go
    }

    /// Is the level that begins there to be called rather than inlined?
    fn is_too_deep(&mut self, portal: &'static Portal, keys: Box<[u64]>) -> bool {
        let Some(recording) = &mut self.recording else { return true };
        let plan = &recording.plan;
        if self.levels.len() > plan.inline_depth {
            return true;
        }
        let here = |level: &&mut Level| {
            std::ptr::eq(level.portal, portal) && level.keys.as_ref() == Some(&keys)
        };
        let innermost = self.levels.len() - 1;
        let around = self.levels[..innermost].iter_mut().rev().find(here);
        let found = match around.map(|level| std::mem::replace(&mut level.recursed, true)) {
            None => Recursion::None,
            Some(false) => Recursion::Line,
            Some(true) => Recursion::Tree,
        };
        let known = (plan.recurses)(portal, &keys);
        if found > known {
            self.recursions.push(((portal, keys.clone()), found));
        }
        if found == Recursion::Tree && known != Recursion::Tree {
            // What has been inlined so far should not have been.
            self.abort(AbortReason::Branches);
            return true;
        }
        let begun = recording.begun.iter().filter(|at| std::ptr::eq(at.0, portal) && at.1 == keys);
        let begun = begun.count();
        recording.begun.push((portal, keys));
        let most = match found.max(known) {
            Recursion::None => return false,
            Recursion::Line => SAME,
            Recursion::Tree => 0,
        };
        // What goes on within a level does so for one of the ways through it.
        let within = |(_, log): &(_, Vec<LogEntry>)| {
            log.iter().any(|entry| matches!(entry, LogEntry::Level { .. }))
        };
        begun >= most || plan.start.as_ref().is_some_and(within)
    }

    /// A trace may hold pointers to them.
    fn keep_greens(&mut self, greens: &[Green]) {
        if self.recording.is_some() {
            self.kept.extend(greens.iter().filter(|green| green.keep.is_some()).cloned());
        }
    }

    /// What the innermost level has done becomes its state at this merge point.
    fn collapse_level(&mut self, greens: &[Green], reds: &[Word]) {
        let local = reds.iter().any(|red| self.mentions_local(red.opnd));
        let (next, level) = (self.calls, self.levels.last());
        let (Some(Level { number, log: Some(from), .. }), Some(recording), false) =
            (level, &mut self.recording, local)
        else {
            return;
        };
        let mut state = Image::new(8 * (greens.len() + reds.len()));
        let greens = greens
            .iter()
            .map(|green| Word { now: Const::new(Ty::I64, green.bits), opnd: Opnd::Const });
        for (index, word) in greens.chain(reds.iter().copied()).enumerate() {
            state.put(8 * index as u32, word);
        }
        let size = state.bytes.len() as u32;
        let entry = LogEntry::Level { call: *number, next, size };
        recording.recorder.collapse(*from, entry, &state);
    }

    /// A level that was handed over in this state has given its result: the call that the trace makes
    /// instead of that.
    pub fn end_handed_over(
        &mut self,
        function: Function,
        portal: &'static Portal,
        greens: &[Green],
        reds: &[Word],
        result: Handed,
    ) -> Opnd {
        self.flush();
        let Some(offset) = self.reserve(result.size()) else { return Opnd::Const };
        self.uses(function);
        let Some(recording) = &self.recording else { return Opnd::Const };
        let cell = (recording.plan.call_cell)(portal, &keys(greens));
        let types = reds.iter().map(|red| red.now.ty).collect();
        let site = Rc::new(Site { portal, greens: greens.to_vec(), reds: types });
        let constants = [cell, Rc::as_ptr(&site) as u64];
        self.kept.push(Green { key: 0, bits: 0, keep: Some(site) });
        let mut word = None;
        self.emit_call(|r, flag| {
            word = r.call_code(function.symbol, constants, reds, result, offset);
            r.guard_flag(flag);
            Opnd::Const
        });
        match result {
            Handed::Word(_) => word.map_or(Opnd::Const, Opnd::Ssa),
            Handed::Bytes { size: 0, .. } => Opnd::Const,
            Handed::Bytes { .. } => self.add_blob(Blob { tag: word.map(Opnd::Ssa), offset }),
        }
    }

    /// Keeps something alive as long as the twin runs and as the trace that is recorded exists.
    pub fn keep_with_trace(&mut self, what: Rc<dyn Any>) {
        self.pins.push(Rc::clone(&what));
        self.kept.push(Green { key: 0, bits: 0, keep: Some(what) });
    }

    /// The operand is a red that is a shared reference: nobody stores to what it leads to.
    pub fn share(&mut self, opnd: Opnd) {
        if let Opnd::Ssa(_) = opnd {
            self.shared.push(opnd);
        }
    }

    /// Is it such a red?
    pub fn is_shared(&self, opnd: Opnd) -> bool {
        self.shared.contains(&opnd)
    }
}

//! Helpers that a twin runs through, and what is left of them in the log when they have returned.
//!
//! ```text
//! fn bump(vm) -> i64 { let x = vm.n; vm.n = x + 1; x }      the second call since the resume point
//!     inside     log [load v4, store]
//!     returned   log [return 1..2 8, part +0 v4]
//! ```
//!
//! So a log is as long as the helpers that have not returned. In replay a helper whose number the
//! next entry has is not run: its result is in the entry. Helpers that have touched nothing leave
//! no entry and are computed again, which is why calls need numbers.
//!
//! Invariants: `numbers` (recording and replay give the same call the same number: it counts the
//! calls since the resume point, and a call that is skipped says how many were in it), `no-locals`
//! (a helper that was given, or returns, a reference to a local of the twin is not collapsed: what
//! it has done to that local must be done again).
//!
//! Not here: which values can be put into a log (`macro_support::inline`).

#[cfg(test)]
mod tests;

use super::recorder::Recorder;
use super::{Opnd, Replayed, Session, Word};
use crate::ir::{Arg, Const, LogEntry, Ty};

/// A value as a log has it: its bytes, and which of them are words of the trace.
#[derive(Clone, PartialEq, Default, Debug)]
pub struct Image {
    /// The bytes, as they are now.
    pub bytes: Vec<u8>,
    /// Words by byte offset; bytes that are in none of them are the same in every execution.
    pub words: Vec<(u32, Word)>,
}

impl Image {
    /// A value of `size` bytes, all 0.
    pub fn new(size: usize) -> Image {
        Image { bytes: vec![0; size], words: vec![] }
    }

    /// Puts a word in.
    pub fn put(&mut self, offset: u32, word: Word) {
        self.write(offset, word.now);
        if word.opnd != Opnd::Const {
            self.words.push((offset, word));
        }
    }

    /// The operand of the word at that offset.
    pub fn opnd(&self, offset: u32) -> Opnd {
        let found = self.words.iter().find(|(at, _)| *at == offset);
        found.map_or(Opnd::Const, |(_, word)| word.opnd)
    }

    fn write(&mut self, offset: u32, now: Const) {
        let (at, size) = (offset as usize, now.ty.size() as usize);
        self.bytes[at..at + size].copy_from_slice(&now.bits.to_le_bytes()[..size]);
    }

    /// The bytes that the log's parts say, where `value` gives those that are not constant.
    pub fn bytes_of(log: &[LogEntry], mut value: impl FnMut() -> Option<Const>) -> Option<Vec<u8>> {
        let mut image = Image::default();
        for entry in log {
            match *entry {
                LogEntry::Result { size }
                | LogEntry::Return { size, .. }
                | LogEntry::Level { size, .. } => {
                    image = Image::new(size as usize);
                }
                LogEntry::Part { offset, arg, .. } => {
                    image.write(offset, arg.as_const().or_else(&mut value)?);
                }
                _ => (),
            }
        }
        Some(image.bytes)
    }

    /// The entries that say it, behind the one that says what it is.
    pub(super) fn parts(&self) -> Vec<LogEntry> {
        let mut parts = vec![];
        for (index, chunk) in self.bytes.chunks(8).enumerate() {
            let offset = index as u32 * 8;
            let whole = |at: u32, word: &Word| at == offset && word.now.ty.size() == 8;
            if chunk.iter().all(|byte| *byte == 0)
                || self.words.iter().any(|(at, word)| whole(*at, word))
            {
                continue;
            }
            constants(offset, chunk, &mut parts);
        }
        parts.extend(self.words.iter().map(|(offset, word)| LogEntry::Part {
            offset: *offset,
            arg: Recorder::arg(*word),
            frozen: word.opnd == Opnd::Frozen,
        }));
        parts
    }
}

/// Up to eight bytes as words.
fn constants(offset: u32, bytes: &[u8], parts: &mut Vec<LogEntry>) {
    let mut at = 0;
    while at < bytes.len() {
        let (size, ty) = match bytes.len() - at {
            8.. => (8, Ty::I64),
            4.. => (4, Ty::I32),
            2.. => (2, Ty::I16),
            _ => (1, Ty::I8),
        };
        let mut bits = [0; 8];
        bits[..size].copy_from_slice(&bytes[at..at + size]);
        let arg = Arg::Const(Const::new(ty, u64::from_le_bytes(bits)));
        parts.push(LogEntry::Part { offset: offset + at as u32, arg, frozen: false });
        at += size;
    }
}

/// A helper that the twin runs through.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Inlined {
    pub(super) number: u32,
    /// Merge points that were behind the twin when it began.
    merges: u32,
    /// Entries in the log when it began; nothing if it is not to be collapsed.
    pub(super) log: Option<usize>,
}

impl Session {
    /// The twin is about to run through a helper with these arguments.
    ///
    /// # Errors
    /// If it has returned already, as the log says: its result.
    pub fn begin_inline(&mut self, args: &[&Opnd]) -> Result<Inlined, Image> {
        let number = self.calls;
        self.calls += 1;
        if let Some(Replayed::Return { call, next, size }) = self.replay.front()
            && *call == number
        {
            self.calls = *next;
            let size = *size as usize;
            self.replay.pop_front();
            return Err(self.replayed_image(size));
        }
        let given = args.iter().any(|arg| self.mentions_local(**arg));
        let log = if given { None } else { self.log_position() };
        Ok(Inlined { number, merges: self.merges, log })
    }

    /// Is the result of a helper that returns of use in the log?
    pub fn collapses(&self, call: &Inlined, result: Opnd) -> bool {
        let longer = call.log.zip(self.log_position()).is_some_and(|(from, to)| from < to);
        longer
            && call.merges == self.merges
            && self.replay.is_empty()
            && !self.mentions_local(result)
    }

    /// A helper has returned.
    pub fn end_inline(&mut self, call: &Inlined, result: &Image) {
        let next = self.calls;
        if let (Some(recording), Some(from)) = (&mut self.recording, call.log) {
            let size = result.bytes.len() as u32;
            let entry = LogEntry::Return { call: call.number, next, size };
            recording.recorder.collapse(from, entry, result);
        }
    }

    /// Does an operand refer to a local of the twin?
    pub fn mentions_local(&self, opnd: Opnd) -> bool {
        match opnd {
            Opnd::Local(_) => true,
            Opnd::Agg(id) => {
                self.parts[id as usize].iter().any(|part| self.mentions_local(part.opnd))
            }
            Opnd::Const | Opnd::Frozen | Opnd::Ssa(_) | Opnd::Blob(_) => false,
        }
    }

    /// Can the trace end because the portal returns?
    pub fn may_return(&self) -> bool {
        let recording = self.recording.as_ref();
        recording.is_some_and(|r| r.plan.may_return)
            && self.levels.is_empty()
            && self.replay.is_empty()
    }

    /// The portal returns, and the trace ends by that.
    pub fn returns(&mut self, result: Image) {
        self.flush();
        if let Some(recording) = &mut self.recording {
            recording.recorder.leave_with(&result);
        }
        self.finish(None, [].into());
        if let Some(recorded) = &mut self.recorded {
            recorded.result = Some(result.bytes);
        }
    }

    /// How much of the log is behind the twin, while it is recorded.
    fn log_position(&self) -> Option<usize> {
        let recording = self.recording.as_ref()?;
        // A bridge begins with the whole log of the exit, of which some is still to be replayed.
        Some(recording.recorder.log_len() - self.replay.len())
    }

    pub(super) fn replayed_image(&mut self, size: usize) -> Image {
        let mut image = Image::new(size);
        while let Some(Replayed::Part { .. }) = self.replay.front()
            && let Some(Replayed::Part { offset, word, frozen }) = self.replay.pop_front()
        {
            let frozen = frozen && word.opnd.is_const();
            let opnd = if frozen { Opnd::Frozen } else { word.opnd };
            image.put(offset, Word { opnd, ..word });
        }
        image
    }
}

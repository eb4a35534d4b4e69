//! Exits: from what compiled code leaves in a frame back to a state of the interpreter.
//!
//! ```text
//! exit1: resume 3 [v0, i64 0] log [load v4, store, blob +0 24]
//! =>  greens of resume point 3;  reds  slot 0, 0;  log  Load(slot 1), Store, Blob(24 bytes of scratch)
//! ```
//!
//! Not here: what is done with the state (`driver`).

use super::store::Store;
use crate::backend::Frame;
use crate::ir::{Arg, Const, Exit, ExitId, LogEntry, Trace, ValueId};
use crate::tracer::{Image, MergeState, Opnd, Replayed, Word};

/// What is at an exit.
pub(super) struct Left {
    /// The state as of the resume point.
    pub state: MergeState,
    /// What has happened since.
    pub log: Vec<Replayed>,
    /// The values of the exit's operands: reds, then those of the log that are not constant.
    pub args: Vec<Const>,
}

/// Reads an exit's operands from a frame. While recording goes on behind the exit, the operands
/// are the parameters of the new trace (`as_params`); else nobody asks.
pub(super) fn read(
    store: &Store,
    trace: &Trace,
    exit: &Exit,
    frame: &Frame,
    as_params: bool,
) -> Left {
    let mut args = vec![];
    let mut next = |arg: Arg| {
        let ty = trace.ty(arg);
        let value = match arg {
            Arg::Const(c) => c,
            Arg::Value(_) => Const::new(ty, frame.read(args.len(), ty)),
        };
        let opnd = match as_params {
            true => Opnd::Ssa(ValueId(args.len() as u32)),
            false => Opnd::Const,
        };
        args.push(value);
        Word { now: value, opnd }
    };
    let reds = exit.reds.iter().map(|arg| next(*arg).now).collect();
    let mut word = |arg: Arg| match arg {
        Arg::Const(now) => Word { now, opnd: Opnd::Const },
        Arg::Value(_) => next(arg),
    };
    let log = exit
        .log
        .iter()
        .map(|entry| match *entry {
            LogEntry::Load(arg) => Replayed::Load(word(arg)),
            LogEntry::Store => Replayed::Store,
            LogEntry::Call(arg) => Replayed::Call(arg.map(&mut word)),
            LogEntry::Blob { offset, size } => {
                let first = offset as usize;
                Replayed::Blob(frame.bytes(first..first + size as usize), offset)
            }
            LogEntry::Return { call, next, size } => Replayed::Return { call, next, size },
            LogEntry::Level { call, next, size } => Replayed::Level { call, next, size },
            LogEntry::Result { size } => Replayed::Return { call: 0, next: 0, size },
            LogEntry::Part { offset, arg, frozen } => {
                Replayed::Part { offset, word: word(arg), frozen }
            }
        })
        .collect();
    let greens = store.resumes[&exit.resume].greens.clone();
    Left { state: MergeState { greens, reds }, log, args }
}

/// The portal's result, where an exit ends the trace by returning.
pub(super) fn read_result(trace: &Trace, exit: ExitId, frame: &Frame) -> Image {
    let size = trace.exit(exit).log.iter().map(LogEntry::result_size).max();
    Image { bytes: frame.bytes(0..size.unwrap_or(0) as usize), words: vec![] }
}

/// The log as a bridge begins with it: operands are its parameters.
pub(super) fn log_of_params(exit: &Exit) -> Vec<LogEntry> {
    let mut param = exit.reds.len() as u32;
    let mut log = exit.log.clone();
    for arg in log.iter_mut().filter_map(LogEntry::arg_mut) {
        if arg.as_value().is_some() {
            *arg = ValueId(param).into();
            param += 1;
        }
    }
    log
}

/// The first byte of scratch memory that a log does not speak of.
pub(super) fn scratch_end(log: &[LogEntry]) -> u32 {
    let ends = log.iter().map(|entry| match *entry {
        LogEntry::Blob { offset, size } => (offset as u32 + size).next_multiple_of(8),
        _ => 0,
    });
    ends.max().unwrap_or(0)
}

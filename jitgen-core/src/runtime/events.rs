//! The event log: one line for each thing that the runtime does.
//!
//! ```text
//! jitgen: loop bf::run@[program=0x5581,pc=12] ops 40->31 guards 5 exits 2 0.31ms 812 bytes
//! jitgen: abort bf::run@[program=0x5581,pc=3] owned-drop; move the whole value, or …
//! ```
//!
//! Lines are queued and written after the runtime has let go of its state, so a sink may ask for
//! statistics.
//!
//! Not here: when something happens.

use super::config::{EventSink, Log};
use std::io::Write;

/// The log of a thread.
pub(super) struct Events {
    /// What to show.
    pub log: Log,
    sink: Option<EventSink>,
    queue: Vec<String>,
}

/// Lines to be written, and where.
pub(super) type Pending = (Option<EventSink>, Vec<String>);

impl Events {
    pub fn new(log: Log, sink: Option<EventSink>) -> Events {
        Events { log, sink, queue: vec![] }
    }

    /// Adds a line.
    pub fn line(&mut self, text: impl FnOnce() -> String) {
        if self.log.events || self.log.trace {
            self.queue.push(format!("jitgen: {}", text()));
        }
    }

    /// Adds a text of several lines, below an event.
    pub fn text(&mut self, title: &str, text: impl std::fmt::Display) {
        self.queue.push(format!("jitgen: {title}\n{text}"));
    }

    /// Takes what is to be written; the sink must be given back.
    pub fn take(&mut self) -> Option<Pending> {
        let lines = std::mem::take(&mut self.queue);
        (!lines.is_empty()).then(|| (self.sink.take(), lines))
    }

    /// Gives the sink back.
    pub fn restore(&mut self, sink: Option<EventSink>) {
        self.sink = sink;
    }
}

/// Writes lines.
pub(super) fn write((sink, lines): &mut Pending) {
    for line in lines {
        match sink {
            Some(sink) => sink(line),
            None => complain(line),
        }
    }
}

/// Writes a line to stderr; a closed stderr is no reason to panic.
pub(super) fn complain(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

//! What the JIT keeps alive on the collected heap.
//!
//! ```text
//! frames in use              arguments and results of calls that are not words
//! sessions                   constants of what is being recorded, logs that are being replayed
//! constants of traces        pinned when a trace is accepted
//! ```
//!
//! Compiled code and twins run on the native stack, which the collector sees itself. Everything
//! here is reported as words that may be pointers; of greens, [`Root`](crate::gc::Root)s take care.
//!
//! Invariant `pinned`: a constant that has led to an object when its trace was accepted keeps it, as
//! long as the code may run.
//!
//! Not here: the heap.

use super::JIT;
use crate::gc::{self, Roots, Tracer};
use crate::ir::{Trace, Ty};
use crate::tracer;
use std::collections::HashSet;

/// What is kept for as long as the thread's code.
#[derive(Default)]
pub(super) struct Pinned {
    words: HashSet<u64>,
}

impl Pinned {
    /// Keeps the object that a word leads to, if it does.
    pub fn word(&mut self, word: u64) {
        if gc::leads_to_object(word as usize) {
            self.words.insert(word);
        }
    }

    /// Keeps the objects that a trace knows.
    pub fn trace(&mut self, trace: &Trace) {
        let constants = trace.constants().filter(|c| matches!(c.ty, Ty::Ptr | Ty::I64));
        constants.for_each(|constant| self.word(constant.bits));
    }

    /// Reports all of it.
    pub fn report(&self, tracer: &mut Tracer<'_>) {
        self.words.iter().for_each(|word| tracer.word(*word as usize));
    }
}

/// Reports to each collection of this thread, from now on.
pub(super) fn register() -> Roots {
    gc::register_roots(|tracer| {
        let report = |tracer: &mut Tracer<'_>| {
            let seen = JIT.try_with(|jit| {
                let jit = jit.try_borrow().ok()?;
                jit.as_ref().into_iter().for_each(|jit| jit.report_words(tracer));
                Some(())
            });
            // A thread that ends runs no code any more.
            seen.unwrap_or(Some(())).is_some()
        };
        if !report(tracer) || !tracer::each_word(&mut |word| tracer.word(word as usize)) {
            // Somebody makes objects where nobody should; the next collection will do.
            tracer.postpone();
        }
    })
}

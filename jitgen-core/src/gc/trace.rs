//! `Collect`: which pointers are in a value; and the tracer that they are reported to.
//!
//! ```text
//! tracer.visit(gc)     a pointer: the object lives
//! tracer.word(w)       maybe a pointer, anywhere into an object: then it lives
//! ```
//!
//! Marking goes through a list of objects whose fields are still to be seen, so that long lists
//! of objects do not use up the stack.
//!
//! Not here: where tracing begins (`cycle`), `Collect` for the standard library (`std_types`).

use super::block::{HEADER, Slot};
use super::header::TypeInfo;
use super::pointer::Gc;
use super::space::Memory;
use std::collections::HashSet;

/// A type that says which pointers are in it. Write `#[derive(Collect)]`.
///
/// # Safety
/// `trace` reports every [`Gc`] in the value, and does the same again as long as the value is not
/// changed. It neither allocates nor changes anything. Dropping a value does not look at objects.
#[diagnostic::on_unimplemented(
    message = "the collector cannot trace `{Self}`",
    note = "write `#[derive(Collect)]` before the type if it is yours; a field without pointers to \
            objects can be skipped with `#[collect(skip)]`"
)]
pub unsafe trait Collect {
    /// Can there be pointers in a value?
    const NEEDS_TRACE: bool = true;

    /// Reports the pointers in the value.
    fn trace(&self, tracer: &mut Tracer<'_>);
}

/// What `#[collect(skip)]` asks of a field's type: what can be sent to other threads has no pointer
/// to an object of this one.
#[doc(hidden)]
pub fn skip<T: Send + ?Sized>() {}

/// What pointers are reported to during a collection.
pub struct Tracer<'a> {
    memory: &'a Memory,
    /// Marked objects whose fields are to be seen.
    work: Vec<Slot>,
    /// Shared values outside of the heap that have been seen.
    seen: HashSet<usize>,
    postponed: bool,
    /// The type of the object that is being traced.
    current: Option<&'static TypeInfo>,
    /// Words of the stack that lead to no object, in order once they are all known.
    strangers: Vec<usize>,
    /// Asking, not marking: does one of them lead to what the object owns?
    question: Option<bool>,
}

/// Bits of a word that can be an address; those above are tags (of boxed floats, say).
const ADDRESS: usize = (1 << 48) - 1;

/// Would [`Tracer::word`] keep an object?
pub(super) fn leads_to_object(memory: &Memory, word: usize) -> bool {
    let address = word & ADDRESS;
    memory.find(address).or_else(|| memory.find(address.wrapping_sub(1))).is_some()
}

impl<'a> Tracer<'a> {
    pub(super) fn new(memory: &'a Memory) -> Tracer<'a> {
        Tracer {
            memory,
            work: vec![],
            seen: HashSet::new(),
            postponed: false,
            current: None,
            strangers: vec![],
            question: None,
        }
    }

    /// An object is reachable.
    #[inline]
    pub fn visit<T: ?Sized>(&mut self, gc: Gc<T>) {
        if self.question.is_some() {
            return;
        }
        let slot = gc.slot();
        if cfg!(debug_assertions) {
            let found = self.memory.find(slot.address() + HEADER);
            assert!(found == Some(slot), "{} leads to an object that is not there", self.name());
        }
        self.mark(slot);
    }

    /// Whose pointer it is.
    fn name(&self) -> &'static str {
        self.current.map_or("a root", |info| (info.name)())
    }

    /// If the word is an address in an object, that is reachable. The upper 16 bits and, since
    /// any place in the object will do, small tags in the lower ones do not matter.
    #[inline]
    pub fn word(&mut self, word: usize) {
        if self.question.is_some() {
            return;
        }
        let address = word & ADDRESS;
        let Some(slot) = self.memory.find(address) else {
            // Behind the last object before free memory.
            return self.before(address);
        };
        self.mark(slot);
        if slot.address() == address {
            // No pointer leads to a header, but one behind the previous object does.
            self.before(address);
        }
    }

    fn before(&mut self, address: usize) {
        if let Some(slot) = self.memory.find(address.wrapping_sub(1)) {
            self.mark(slot);
        }
    }

    /// [`word`](Self::word) for all words in some memory.
    ///
    /// # Safety
    /// The words are there, aligned and initialized.
    pub unsafe fn words(&mut self, start: *const usize, count: usize) {
        for index in 0..count {
            // SAFETY: the caller's promise.
            self.word(unsafe { start.add(index).read() });
        }
    }

    /// Is this the first time that the shared value at this address is met? For values outside of
    /// the heap that several own: they may be in a cycle.
    pub fn first_time(&mut self, address: *const ()) -> bool {
        self.seen.insert(address.addr())
    }

    /// The value owns memory outside of the heap, which goes with it. It is for containers: a
    /// reference to what is in there keeps the object that it was borrowed from, as one to a field
    /// does.
    #[inline]
    pub fn owns(&mut self, start: *const u8, bytes: usize) {
        if let Some(answer) = &mut self.question {
            let first = self.strangers.partition_point(|word| *word < start.addr());
            let next = self.strangers.get(first);
            *answer |= next.is_some_and(|word| *word - start.addr() <= bytes);
        }
    }

    /// Is it asked what values own? Containers that would have to count it up save the effort.
    pub(super) fn asks(&self) -> bool {
        self.question.is_some()
    }

    /// A word of the stack that may lead to what an object owns.
    pub(super) fn stranger(&mut self, word: usize) {
        let address = word & ADDRESS;
        if address > 0xffff && self.memory.find(address).is_none() {
            self.strangers.push(address);
        }
    }

    /// Marks objects that own what words of the stack lead to, and what is reachable from there.
    pub(super) fn keep_owners(&mut self, slots: impl Iterator<Item = Slot>) {
        self.strangers.sort_unstable();
        self.strangers.dedup();
        for slot in slots.filter(|slot| !slot.is_free() && !slot.is_marked()) {
            let info = slot.info().filter(|info| info.drop.is_some());
            let Some(trace) = info.and_then(|info| info.trace) else {
                continue;
            };
            self.seen.clear();
            self.question = Some(false);
            // SAFETY: the object has not been dropped, and its header says what it is.
            unsafe { trace(slot.payload(), self) };
            if self.question.take() == Some(true) {
                self.mark(slot);
            }
        }
        self.seen.clear();
        self.finish();
    }

    /// What is in a value cannot be seen now: the collection does not take place.
    pub fn postpone(&mut self) {
        // Of those who are asked, nobody has borrowed a part: that would have kept them.
        self.postponed |= self.question.is_none();
    }

    pub(super) fn is_postponed(&self) -> bool {
        self.postponed
    }

    /// The object is reachable.
    #[inline]
    pub(super) fn mark(&mut self, slot: Slot) {
        if slot.mark() {
            self.work.push(slot);
        }
    }

    /// Marks what is reachable from what has been reported.
    pub(super) fn finish(&mut self) {
        while !self.postponed
            && let Some(slot) = self.work.pop()
        {
            self.current = slot.info();
            if let Some(trace) = self.current.and_then(|info| info.trace) {
                // SAFETY: the object is alive, and its header says what it is.
                unsafe { trace(slot.payload(), self) };
            }
        }
    }
}

//! Frames: the memory that compiled code works on, and how deep its calls may go.
//!
//! ```text
//! region   [ frame of the code that the runtime has entered                     …  ][ two frames' room ]
//!              [ of the code that it calls  ]
//!                  [ of the code that this calls ]        each begins within the caller's (backend::Frame)
//!                          [ entered by the runtime again, from a function that the code has called ]
//! ```
//!
//! The frames of a thread form a stack, in regions that are kept: the runtime and compiled code both
//! add to it, and [`Stacks`] says how far it goes. Where a region is full compiled code does not call
//! other code but lets the runtime do so, which takes the next region.
//!
//! Invariant `room`: behind the address at which a region is full there is room for two frames, so
//! that what a call has as arguments can be stored before anybody has looked.
//!
//! Not here: what is in frames (`backend`).

use crate::backend::{Frame, SCRATCH_WORDS, Stacks};
use crate::gc::Tracer;

/// Words of a region: half a MiB, of which the system gives only what is touched.
const REGION_WORDS: usize = 64 << 10;

/// Bytes of native stack below which no further portal begins. Twins, recording and compiling on
/// the guest's thread need some.
const MARGIN: usize = 256 << 10;

/// Is so little left of the native stack that a portal must not begin?
#[inline(always)]
pub fn is_deep() -> bool {
    stacker::remaining_stack().is_some_and(|left| left < MARGIN)
}

/// The lowest address of the native stack at which compiled code may call other code.
fn lowest() -> usize {
    let here = 0u8;
    let left = stacker::remaining_stack();
    left.map_or(0, |left| (&raw const here as usize).saturating_sub(left) + MARGIN)
}

/// A frame that the runtime has entered code with, and that code's callees.
struct Entered {
    first: *mut Frame,
    /// What `Stacks` said before.
    before: (*mut Frame, usize),
    /// The lowest address of the native stack, which may have been another one.
    native: usize,
    /// It is in a region of its own, the last one.
    is_in_next: bool,
}

/// The frames of a thread.
#[derive(Default)]
pub(super) struct Frames {
    /// Read and written by compiled code, hence at an address of its own.
    stacks: Box<Stacks>,
    regions: Vec<Box<[u64]>>,
    /// Regions in use.
    used: usize,
    /// The innermost last.
    entered: Vec<Entered>,
}

impl Frames {
    /// What compiled code looks at.
    pub fn stacks(&self) -> &Stacks {
        &self.stacks
    }

    /// A frame for code that the runtime enters; it is in use until [`free`](Self::free).
    pub fn begin(&mut self) -> *mut Frame {
        let before = (self.stacks.current(), self.stacks.end());
        // What the innermost code has in use is within its scratch area.
        let behind = before.0.wrapping_byte_add(SCRATCH_WORDS * 8);
        let is_in_next = behind.addr() >= before.1;
        let (first, end) = if is_in_next { self.next_region() } else { (behind, before.1) };
        self.stacks.set_frames(first, end);
        let native = self.stacks.set_native(lowest());
        self.entered.push(Entered { first, before, native, is_in_next });
        first
    }

    /// The frame that was made last is not in use any more.
    pub fn free(&mut self) {
        let entered = self.entered.pop().expect("frames are freed in the reverse order");
        self.used -= usize::from(entered.is_in_next);
        self.stacks.set_frames(entered.before.0, entered.before.1);
        self.stacks.set_native(entered.native);
    }

    fn next_region(&mut self) -> (*mut Frame, usize) {
        if self.used == self.regions.len() {
            self.regions.push(vec![0; REGION_WORDS].into());
        }
        let region = self.regions[self.used].as_mut_ptr_range();
        self.used += 1;
        (region.start.cast(), region.end.addr() - 2 * size_of::<Frame>())
    }

    /// Reports the scratch areas in use. Code has its inputs out of the slots before it calls
    /// anything, so what is left there is not looked at (it would keep what the guest dropped long
    /// ago).
    pub fn report(&self, tracer: &mut Tracer<'_>) {
        let innermost = self.stacks.current();
        let lasts = self.entered.iter().skip(1).map(|next| next.before.0).chain([innermost]);
        for (entered, last) in self.entered.iter().zip(lasts) {
            let words = (last.addr() - entered.first.addr()) / 8 + SCRATCH_WORDS;
            // SAFETY: from the first frame to the scratch area of the last one this is memory of one
            // region, whose words were initialized when it was made. Its code has called out, or
            // has been left.
            unsafe { tracer.words(entered.first.cast(), words) };
        }
    }
}

//! Panics of residual functions that compiled code has called.
//!
//! Compiled code has no unwind tables. The thunk catches the panic and raises a flag, the trace
//! leaves by the exit behind the call, and replay goes on with the panic at the place of the call.
//!
//! Not here: panics in the twin or the interpreter, which unwind as they always do.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

thread_local! {
    static PANICKED: Cell<bool> = const { Cell::new(false) };
    static PAYLOAD: RefCell<Option<Box<dyn Any + Send>>> = const { RefCell::new(None) };
}

/// The address of this thread's flag.
pub fn flag_address() -> u64 {
    PANICKED.with(|flag| std::ptr::from_ref(flag) as u64)
}

/// Has compiled code stopped for a panic?
pub fn pending() -> bool {
    PANICKED.get()
}

/// Goes on with the panic that compiled code has stopped for, if there is one.
pub fn resume() {
    if PANICKED.replace(false)
        && let Some(payload) = PAYLOAD.take()
    {
        resume_unwind(payload);
    }
}

/// A panic of a function without effects is not kept: the function is called again, and the flag is
/// to be taken down. Answers whether it was up, for whatever reason.
pub fn settle() -> bool {
    let pending = PANICKED.get();
    if pending && PAYLOAD.with_borrow(Option::is_none) {
        PANICKED.set(false);
    }
    pending
}

/// Runs an elidable function on behalf of compiled code; `again`: one that is called again when it
/// has panicked.
pub fn guarded_elidable(again: bool, f: &mut dyn Run) {
    guarded(f);
    if again {
        drop(PAYLOAD.take());
    }
}

/// Runs `f` on behalf of compiled code; a panic is kept for [`resume`].
pub fn guarded(f: &mut dyn Run) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| f.run())) {
        PAYLOAD.set(Some(payload));
        PANICKED.set(true);
    }
}

/// The same of something with a result; `on_panic` is what it gives then.
pub fn guarded_with<R>(on_panic: R, mut f: impl FnMut() -> R) -> R {
    let mut result = on_panic;
    guarded(&mut || result = f());
    result
}

/// What can be run: less than a function, so that there is less to compile of each.
pub trait Run {
    /// Runs it.
    fn run(&mut self);
}

impl<F: FnMut()> Run for F {
    fn run(&mut self) {
        self();
    }
}

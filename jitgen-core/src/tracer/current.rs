//! Which session runs on this thread, and which wait for residual code.
//!
//! ```text
//! twin        with(|s| ...)                     the session that runs
//!   residual  Outside, outside(f)               it waits; `f` may run portals, with sessions of their own
//! ```
//!
//! Not here: what a session does (`session`).

use super::Replayed;
use super::session::Session;
use std::cell::RefCell;

thread_local! {
    static SESSION: RefCell<Option<Session>> = const { RefCell::new(None) };
    /// The sessions whose twins wait for residual code, the latest last.
    static WAITING: RefCell<Vec<Option<Session>>> = const { RefCell::new(vec![]) };
}

/// Runs `f` with this thread's session.
///
/// # Panics
/// If no twin is running on this thread.
pub fn with<R>(f: impl FnOnce(&mut Session) -> R) -> R {
    SESSION.with_borrow_mut(|session| f(session.as_mut().expect("a twin runs within a session")))
}

/// Runs `f` with this thread's session, if a twin is running.
pub fn try_with<R>(f: impl FnOnce(&mut Session) -> R) -> Option<R> {
    SESSION.try_with(|session| session.try_borrow_mut().ok()?.as_mut().map(f)).ok()?
}

/// Puts a session back when it is dropped, also by a panic.
struct Restore(Option<Session>);

impl Drop for Restore {
    fn drop(&mut self) {
        SESSION.replace(self.0.take());
    }
}

/// Runs `f` within a new session; gives the session back as it is then. It is also gone when `f`
/// panics.
pub fn run_within<R>(session: Session, f: impl FnOnce() -> R) -> (R, Session) {
    let restore = Restore(SESSION.replace(Some(session)));
    let result = f();
    let session = SESSION.take().expect("the session is put back after residual calls");
    drop(restore);
    (result, session)
}

/// While it lives, residual code runs: outside of the session, so that it can run portals of its
/// own. Then the session is put back that has waited, also by a panic.
pub struct Outside(());

impl Outside {
    /// The session waits from here on.
    #[inline(never)]
    pub fn begin() -> Outside {
        let session = SESSION.take();
        WAITING.with_borrow_mut(|waiting| waiting.push(session));
        Outside(())
    }
}

impl Drop for Outside {
    #[inline(never)]
    fn drop(&mut self) {
        let session = WAITING.with_borrow_mut(Vec::pop).flatten();
        SESSION.replace(session);
    }
}

/// Runs `f` (residual code) [`Outside`] of the session.
pub fn outside<R>(f: impl FnOnce() -> R) -> R {
    let _outside = Outside::begin();
    f()
}

/// Calls `f` with every word of this thread's sessions that may be a pointer: constants of traces
/// that are being recorded, and what is left to replay. False if they cannot be seen now.
pub fn each_word(f: &mut dyn FnMut(u64)) -> bool {
    let current = SESSION.try_with(|session| {
        let session = session.try_borrow().ok()?;
        session.iter().for_each(|session| session.each_word(f));
        Some(())
    });
    let waiting = WAITING.try_with(|waiting| {
        let waiting = waiting.try_borrow().ok()?;
        waiting.iter().flatten().for_each(|session| session.each_word(f));
        Some(())
    });
    // In the last moments of a thread there are none.
    current.unwrap_or(Some(())).is_some() && waiting.unwrap_or(Some(())).is_some()
}

impl Session {
    /// See [`each_word`].
    fn each_word(&self, f: &mut dyn FnMut(u64)) {
        self.pinned.iter().for_each(|word| f(*word));
        for entry in &self.replay {
            match entry {
                Replayed::Load(word) | Replayed::Call(Some(word)) => f(word.now.bits),
                Replayed::Part { word, .. } => f(word.now.bits),
                Replayed::Blob(bytes, _) => {
                    let words = bytes.chunks_exact(8).filter_map(|chunk| chunk.try_into().ok());
                    words.for_each(|word| f(u64::from_ne_bytes(word)));
                }
                Replayed::Store
                | Replayed::Call(None)
                | Replayed::Return { .. }
                | Replayed::Level { .. } => (),
            }
        }
        if let Some(recording) = &self.recording {
            recording.recorder.constants().for_each(|constant| f(constant.bits));
        }
    }
}

//! A worker: a thread that does one job after the other and hands back the results.
//!
//! ```text
//! guest thread   submit(job) ......... poll() -> none .... poll() -> result    (one atomic load)
//! worker                    \__ do(job) ____________________/
//! ```
//!
//! Invariants: `in-order` (results come in the order of the jobs, one for each, also for a job that
//! panics), `nobody-waits` (neither side ever blocks on the other: a worker whose owner is gone ends
//! after the job that it is at, and what it has made is dropped with the channel).
//!
//! Not here: what the jobs are (`produce`), what becomes of results (`install`).

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

/// What both sides see.
#[derive(Default)]
struct Shared {
    /// Results that have been sent.
    done: AtomicUsize,
    /// The owner is gone.
    stop: AtomicBool,
}

/// A thread and the ways to it.
pub(super) struct Worker<Q, A> {
    jobs: Sender<Q>,
    results: Receiver<Option<A>>,
    shared: Arc<Shared>,
    taken: usize,
}

impl<Q: Send + 'static, A: Send + 'static> Worker<Q, A> {
    /// Starts the thread. `make` runs on it and gives what does the jobs; when that panics, `make` is
    /// asked again.
    /// It is asked as soon as the thread runs, before there is a job.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub fn start<F: FnMut(Q) -> A>(
        make: impl Fn() -> F + Send + 'static,
    ) -> std::io::Result<Worker<Q, A>> {
        let (jobs, incoming) = channel::<Q>();
        let (outgoing, results) = channel();
        let shared = Arc::new(Shared::default());
        let seen = Arc::clone(&shared);
        let work = move || {
            // It may take time to get ready; a job may still be on its way.
            let mut perform = catch_unwind(AssertUnwindSafe(&make)).ok();
            for job in incoming {
                if seen.stop.load(Ordering::Relaxed) {
                    return;
                }
                let perform_job = AssertUnwindSafe(|| perform.get_or_insert_with(&make)(job));
                let result = catch_unwind(perform_job).ok();
                if result.is_none() {
                    perform = None;
                }
                if outgoing.send(result).is_err() {
                    return;
                }
                seen.done.fetch_add(1, Ordering::Release);
            }
        };
        // Detached: whoever owns the worker must be able to end at once.
        thread::Builder::new().name("jitgen".to_owned()).spawn(work)?;
        Ok(Worker { jobs, results, shared, taken: 0 })
    }

    /// Gives the thread a job.
    pub fn submit(&self, job: Q) {
        // The receiver lives as long as the thread, which lives as long as this sender.
        let _ = self.jobs.send(job);
    }

    /// The next result, if it is there. The inner is `None` if the job panicked.
    #[inline]
    pub fn poll(&mut self) -> Option<Option<A>> {
        if self.shared.done.load(Ordering::Acquire) == self.taken {
            return None;
        }
        let result = self.results.try_recv().ok()?;
        self.taken += 1;
        Some(result)
    }
}

impl<Q, A> Drop for Worker<Q, A> {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn wait<A: Send + 'static>(worker: &mut Worker<u64, A>) -> Option<A> {
        for _ in 0..10_000 {
            if let Some(result) = worker.poll() {
                return result;
            }
            thread::sleep(Duration::from_millis(1));
        }
        panic!("no result in 10 s");
    }

    #[test]
    fn results_come_in_order() {
        let mut worker = Worker::start(|| |job: u64| job * 2).unwrap();
        (0..100).for_each(|job| worker.submit(job));
        for job in 0..100 {
            assert_eq!(wait(&mut worker), Some(job * 2));
        }
        assert!(worker.poll().is_none());
    }

    #[test]
    fn a_panic_is_a_result_and_the_worker_goes_on_afresh() {
        let make = || {
            let mut jobs = 0;
            move |job: u64| {
                jobs += 1;
                assert_ne!(job, 1, "this panic is part of the test");
                jobs
            }
        };
        let mut worker = Worker::start(make).unwrap();
        (0..4).for_each(|job| worker.submit(job));
        let results: Vec<Option<i32>> = (0..4).map(|_| wait(&mut worker)).collect();
        assert_eq!(results, [Some(1), None, Some(1), Some(2)]);
    }

    #[test]
    fn an_owner_that_goes_leaves_no_job_behind_but_the_one_under_way() {
        let (send, receive) = channel();
        let worker = Worker::start(move || {
            let send = send.clone();
            move |job: u64| {
                send.send(job).unwrap();
                thread::sleep(Duration::from_millis(20));
            }
        });
        let worker = worker.unwrap();
        (0..100).for_each(|job| worker.submit(job));
        assert_eq!(receive.recv(), Ok(0));
        drop(worker);
        // The sender is dropped when the thread ends.
        assert!(receive.iter().count() < 99);
    }
}

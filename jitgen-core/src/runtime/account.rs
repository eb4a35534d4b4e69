//! The account: how much of a thread's time the JIT may take.
//!
//! ```text
//! spent on the guest's thread + price of a recording  <=  ALLOWANCE + time / SHARE      from FIRST on
//! ```
//!
//! A trace is worth its price only if the program goes on for long enough, which nobody knows. What
//! is known is how long it has been going on. While the account is overdrawn, a hot place is put off
//! and comes again soon; since hotter places come by more often, they are served first.
//!
//! The first recording costs more than the others, since the twin and the recorder are not in any
//! cache, and its code comes a millisecond later: a program that is over by then has only lost.
//! What has already cost as much as it will is not put off (`paid`, see `driver`).
//!
//! Only in the background mode: where compilation happens on the guest's thread, no clock decides
//! anything, so that the same program gives the same traces.
//!
//! Not here: what is charged (`record`, `queue`), for how long a place is put off (`driver`).

use std::time::{Duration, Instant};

/// Before that nothing is recorded.
const FIRST: Duration = Duration::from_millis(1);
/// What the JIT may take besides, once.
const ALLOWANCE: Duration = Duration::from_micros(150);
/// What the next recording will cost, more or less.
const PRICE: Duration = Duration::from_micros(100);
/// What the JIT may take of the time: one part in so many.
const SHARE: u32 = 8;

/// The account of a thread.
pub(super) struct Account {
    /// When the thread entered its first portal; none where no clock decides.
    start: Option<Instant>,
    spent: Duration,
}

impl Account {
    /// An account that is opened now, or that always covers.
    pub fn new(limited: bool) -> Account {
        Account { start: limited.then(Instant::now), spent: Duration::ZERO }
    }

    /// For how long the thread has been running, where clocks decide.
    pub fn elapsed(&self) -> Option<Duration> {
        self.start.map(|start| start.elapsed())
    }

    /// The JIT has taken time from the guest.
    pub fn charge(&mut self, time: Duration) {
        self.spent += time;
    }

    /// May the JIT take more?
    pub fn covers(&self) -> bool {
        self.start.is_none_or(|start| self.spent + PRICE <= allowed(start.elapsed()))
    }

    /// All that was charged.
    pub fn spent(&self) -> Duration {
        self.spent
    }
}

fn allowed(elapsed: Duration) -> Duration {
    if elapsed < FIRST {
        return Duration::ZERO;
    }
    ALLOWANCE + elapsed / SHARE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_allowed_after_a_while() {
        let ms = Duration::from_millis;
        assert_eq!(allowed(FIRST / 2), Duration::ZERO);
        assert_eq!(allowed(FIRST), ALLOWANCE + FIRST / SHARE);
        assert_eq!(allowed(ms(24)), ALLOWANCE + ms(3));
    }

    #[test]
    fn an_overdrawn_account_does_not_cover_and_one_without_limit_does() {
        let (mut limited, mut unlimited) = (Account::new(true), Account::new(false));
        assert!(!limited.covers());
        std::thread::sleep(FIRST);
        assert!(limited.covers());
        limited.charge(Duration::from_secs(10));
        unlimited.charge(Duration::from_secs(10));
        assert!(!limited.covers() && unlimited.covers());
    }
}

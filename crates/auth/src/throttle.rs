//! Growing delays after failed sign-ins, instead of a lock-out that anyone could trigger against anyone.
//!
//! Three counters, because a whole town may share one address behind a carrier's NAT, and one login may be tried from
//! everywhere: the pair grows fast and long, each alone late and short. Whoever has signed in from an address before is
//! counted there by the pair alone, so that nobody else's guessing, at the login or from the address, keeps them out.

use std::time::Duration;

use unionflow_protocol::Timestamp;

/// What a failed attempt is counted against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counter {
    /// One login from one address.
    Pair,
    /// One login from anywhere.
    Login,
    /// One address, whatever the login.
    Address,
}

/// Failures counted so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Failures {
    /// How many, since the last success or the last quiet day.
    pub count: u32,
    /// When the newest was.
    pub last_at: Option<Timestamp>,
}

impl Counter {
    /// All three.
    pub const ALL: [Self; 3] = [Self::Pair, Self::Login, Self::Address];

    /// The letter that keys of this kind begin with.
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Pair => "p",
            Self::Login => "l",
            Self::Address => "a",
        }
    }

    /// Free attempts, then a delay that doubles from one second up to a limit.
    const fn free_and_longest(self) -> (u32, Duration) {
        match self {
            Self::Pair => (5, Duration::from_secs(15 * 60)),
            Self::Login => (30, Duration::from_secs(10)),
            Self::Address => (200, Duration::from_secs(5)),
        }
    }
}

/// How long it is remembered that a login was used from an address.
pub const KNOWN_FOR: Duration = Duration::from_secs(90 * 24 * 3600);

/// After so long without a failure, counting begins anew.
pub const FORGET_AFTER: Duration = Duration::from_secs(24 * 3600);

impl Failures {
    /// How long to wait before the next attempt; zero = now.
    pub fn wait(self, counter: Counter, now: Timestamp) -> Duration {
        let Some(last_at) = self.last_at else { return Duration::ZERO };
        let (free, longest) = counter.free_and_longest();
        if self.count < free || now.since(last_at) >= FORGET_AFTER {
            return Duration::ZERO;
        }
        let delay = Duration::from_secs(1 << (self.count - free).min(20)).min(longest);
        delay.saturating_sub(now.since(last_at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(1_800_000_000_000 + seconds * 1000)
    }

    fn after(failures: u32) -> Failures {
        Failures { count: failures, last_at: Some(at(0)) }
    }

    #[test]
    fn delays_grow_and_end_by_themselves() {
        let wait = |n, counter| after(n).wait(counter, at(0)).as_secs();
        assert_eq!([4, 5, 6, 8, 40].map(|n| wait(n, Counter::Pair)), [0, 1, 2, 8, 900]);
        assert_eq!(after(40).wait(Counter::Pair, at(901)), Duration::ZERO);
    }

    #[test]
    fn nobody_is_locked_out_by_attempts_from_elsewhere() {
        assert!(after(100_000).wait(Counter::Login, at(0)) <= Duration::from_secs(10));
        assert!(after(100_000).wait(Counter::Address, at(0)) <= Duration::from_secs(5));
    }

    #[test]
    fn a_quiet_day_forgets() {
        assert_eq!(after(40).wait(Counter::Pair, at(90_000)), Duration::ZERO);
    }
}

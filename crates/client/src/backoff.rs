//! How long to wait before the next attempt: bounds of 1, 2, 4 … 60 seconds, and full jitter below them, so that clients that
//! were cut off together do not come back together.

use std::{collections::VecDeque, time::Duration};

/// The bound of the first wait.
pub const BOUND_MIN: Duration = Duration::from_secs(1);
/// The bound that all later waits keep.
pub const BOUND_MAX: Duration = Duration::from_secs(60);

/// Where the randomness of waits comes from: a seed, or a script in tests.
///
/// ```
/// use unionflow_client::backoff::Jitter;
///
/// let (mut one, mut other) = (Jitter::seeded(17), Jitter::seeded(17));
/// assert_eq!(one.next(), other.next());
/// assert_eq!(Jitter::scripted([0.5]).next(), 0.5);
/// ```
#[derive(Debug, Clone)]
pub struct Jitter(Source);

#[derive(Debug, Clone)]
enum Source {
    Seeded(u64),
    Scripted(VecDeque<f64>),
}

impl Jitter {
    /// The same numbers for the same seed.
    pub const fn seeded(seed: u64) -> Self {
        Self(Source::Seeded(seed))
    }

    /// These numbers, each at least 0 and below 1; then 0.
    pub fn scripted(numbers: impl IntoIterator<Item = f64>) -> Self {
        Self(Source::Scripted(numbers.into_iter().collect()))
    }

    /// The next number, at least 0 and below 1.
    #[expect(clippy::should_implement_trait, reason = "it never ends, so it is no iterator")]
    pub fn next(&mut self) -> f64 {
        match &mut self.0 {
            Source::Seeded(state) => {
                // SplitMix64: spreads well from any seed, which is all that jitter needs.
                *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
                let mut mixed = *state;
                mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
                mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
                mixed ^= mixed >> 31;
                (mixed >> 11) as f64 / (1_u64 << 53) as f64
            }
            Source::Scripted(numbers) => numbers.pop_front().unwrap_or(0.0).clamp(0.0, 0.999_999_999),
        }
    }
}

/// Counts attempts and says how long to wait before the next.
///
/// ```
/// use std::time::Duration;
/// use unionflow_client::backoff::{Backoff, Jitter};
///
/// let mut backoff = Backoff::new(Jitter::scripted([0.5, 0.5, 0.5]));
/// let waits = [backoff.next_wait(), backoff.next_wait(), backoff.next_wait()];
/// assert_eq!(waits, [500, 1000, 2000].map(Duration::from_millis));
/// ```
#[derive(Debug, Clone)]
pub struct Backoff {
    jitter: Jitter,
    attempts: u32,
}

impl Backoff {
    /// None yet.
    pub const fn new(jitter: Jitter) -> Self {
        Self { jitter, attempts: 0 }
    }

    /// Failures since it last went well.
    pub const fn attempts(&self) -> u32 {
        self.attempts
    }

    /// It went well: the next wait is a short one again.
    pub const fn reset(&mut self) {
        self.attempts = 0;
    }

    /// Counts a failure that is followed by an attempt without a wait; `false` if it is not the first.
    pub const fn is_first(&mut self) -> bool {
        let first = self.attempts == 0;
        if first {
            self.attempts = 1;
        }
        first
    }

    /// Counts a failure: how long to wait now.
    pub fn next_wait(&mut self) -> Duration {
        let bound = Self::bound(self.attempts);
        self.attempts = self.attempts.saturating_add(1);
        bound.mul_f64(self.jitter.next())
    }

    /// What the wait after so many earlier failures stays below.
    fn bound(attempts: u32) -> Duration {
        BOUND_MIN.saturating_mul(1 << attempts.min(6)).min(BOUND_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_double_from_one_second_to_sixty_and_stay_there() {
        let bounds: Vec<u64> = (0..9).map(|attempts| Backoff::bound(attempts).as_secs()).collect();
        assert_eq!(bounds, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(Backoff::bound(u32::MAX), BOUND_MAX);
    }

    #[test]
    fn waits_are_spread_over_the_whole_of_their_bound() {
        let mut jitter = Jitter::seeded(1);
        let numbers: Vec<f64> = (0..10_000).map(|_| jitter.next()).collect();
        assert!(numbers.iter().all(|number| (0.0..1.0).contains(number)));
        for tenth in 0..10 {
            let within = |number: &&f64| (**number * 10.0) as usize == tenth;
            let share = numbers.iter().filter(within).count();
            assert!((850..1150).contains(&share), "{share} of 10,000 in tenth {tenth}");
        }
    }

    #[test]
    fn after_it_went_well_waits_are_short_again() {
        let mut backoff = Backoff::new(Jitter::scripted([0.5; 4]));
        for _ in 0..3 {
            backoff.next_wait();
        }
        backoff.reset();
        assert_eq!(backoff.next_wait(), Duration::from_millis(500));
    }
}

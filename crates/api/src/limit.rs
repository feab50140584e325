//! How often somebody may ask.

use std::{num::NonZeroU32, time::Duration};

use governor::{
    DefaultKeyedRateLimiter, Quota, RateLimiter,
    clock::{Clock, DefaultClock},
};
use unionflow_domain::Refusal;
use unionflow_protocol::{id::PersonId, problem::ErrorCode};

use crate::config::Config;

/// Counts requests by person, and those without a sign-in by address.
pub(crate) struct Limits {
    clock: DefaultClock,
    people: DefaultKeyedRateLimiter<PersonId>,
    addresses: DefaultKeyedRateLimiter<String>,
}

impl Limits {
    pub(crate) fn new(config: &Config) -> Self {
        let quota = |per_second: u32, burst: u32| {
            let at_least_one = |n| NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN);
            Quota::per_second(at_least_one(per_second)).allow_burst(at_least_one(burst))
        };
        let anonymous = config.anonymous_requests_per_second;
        Self {
            clock: DefaultClock::default(),
            people: RateLimiter::keyed(quota(config.requests_per_second, config.burst)),
            addresses: RateLimiter::keyed(quota(anonymous, anonymous.saturating_mul(5))),
        }
    }

    pub(crate) fn person(&self, person: PersonId) -> Result<(), Refusal> {
        self.people.check_key(&person).map_err(|wait| Self::refuse(wait.wait_time_from(self.clock.now())))
    }

    pub(crate) fn address(&self, address: &String) -> Result<(), Refusal> {
        self.addresses.check_key(address).map_err(|wait| Self::refuse(wait.wait_time_from(self.clock.now())))
    }

    /// Forgets those who have been quiet, or the tables would only grow.
    pub(crate) fn forget_quiet(&self) {
        self.people.retain_recent();
        self.people.shrink_to_fit();
        self.addresses.retain_recent();
        self.addresses.shrink_to_fit();
    }

    fn refuse(wait: Duration) -> Refusal {
        let seconds = u32::try_from(wait.as_secs() + 1).unwrap_or(u32::MAX);
        Refusal::retry_after(ErrorCode::RateLimited, seconds)
    }
}

//! How often somebody may ask.

use std::{num::NonZeroU32, time::Duration};

use governor::{
    DefaultKeyedRateLimiter, Quota, RateLimiter,
    clock::{Clock, DefaultClock},
};
use unionflow_auth::secret::SecretHash;
use unionflow_domain::Refusal;
use unionflow_protocol::{
    id::{PersonId, ServiceKeyId, SignInId},
    problem::ErrorCode,
};

use crate::config::Config;

/// Counts requests by person or service key, and those without either by address.
pub(crate) struct Limits {
    clock: DefaultClock,
    people: DefaultKeyedRateLimiter<PersonId>,
    keys: DefaultKeyedRateLimiter<ServiceKeyId>,
    shown: DefaultKeyedRateLimiter<Shown>,
    addresses: DefaultKeyedRateLimiter<String>,
}

/// What somebody shows who is not signed in, and which only its owner has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Shown {
    /// A refresh token of this sign-in.
    SignIn(SignInId),
    /// An access token that has ended, or a service key that was revoked.
    Token(SecretHash),
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
            keys: RateLimiter::keyed(quota(config.requests_per_second, config.burst)),
            shown: RateLimiter::keyed(quota(config.requests_per_second, config.burst)),
            addresses: RateLimiter::keyed(quota(anonymous, anonymous.saturating_mul(5))),
        }
    }

    pub(crate) fn person(&self, person: PersonId) -> Result<(), Refusal> {
        self.people.check_key(&person).map_err(|wait| Self::refuse(wait.wait_time_from(self.clock.now())))
    }

    /// Another system: by its key, so that one of an organisation's systems never waits for the other.
    pub(crate) fn key(&self, key: ServiceKeyId) -> Result<(), Refusal> {
        self.keys.check_key(&key).map_err(|wait| Self::refuse(wait.wait_time_from(self.clock.now())))
    }

    /// Who shows something that is truly ours: by that, whoever else is behind the same address.
    pub(crate) fn shown(&self, shown: Shown) -> Result<(), Refusal> {
        self.shown.check_key(&shown).map_err(|wait| Self::refuse(wait.wait_time_from(self.clock.now())))
    }

    pub(crate) fn address(&self, address: &String) -> Result<(), Refusal> {
        self.addresses.check_key(address).map_err(|wait| Self::refuse(wait.wait_time_from(self.clock.now())))
    }

    /// Forgets those who have been quiet, or the tables would only grow.
    pub(crate) fn forget_quiet(&self) {
        self.people.retain_recent();
        self.people.shrink_to_fit();
        self.keys.retain_recent();
        self.keys.shrink_to_fit();
        self.shown.retain_recent();
        self.shown.shrink_to_fit();
        self.addresses.retain_recent();
        self.addresses.shrink_to_fit();
    }

    fn refuse(wait: Duration) -> Refusal {
        let seconds = u32::try_from(wait.as_secs() + 1).unwrap_or(u32::MAX);
        Refusal::retry_after(ErrorCode::RateLimited, seconds)
    }
}

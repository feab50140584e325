//! Whether the other end is still there: a ping every so often, and a pong that must come.

use std::time::Duration;

use super::Moment;

/// Pings are never further apart, whatever the server says: a dead link is noticed within 40 seconds.
pub(super) const EVERY_MAX: Duration = Duration::from_secs(30);
const EVERY_MIN: Duration = Duration::from_secs(1);
/// How long after a ping, or after the last that was heard since, silence means that the link is dead.
pub(super) const PONG_WITHIN: Duration = Duration::from_secs(10);
/// A pong behind a long replay on a slow network may take so long, as long as something comes.
pub(super) const PONG_AT_MOST: Duration = Duration::from_secs(45);

#[derive(Debug, Default)]
pub(super) struct Heartbeat {
    every: Duration,
    next_ping: Option<Moment>,
    /// Since when a pong is due, and when something was last heard.
    waiting: Option<(Moment, Moment)>,
}

impl Heartbeat {
    pub(super) fn beginning(now: Moment, every: Duration) -> Self {
        let every = every.clamp(EVERY_MIN, EVERY_MAX);
        Self { every, next_ping: Some(now + every), waiting: None }
    }

    /// Notes a ping; `false` if one is on its way already.
    pub(super) fn ping(&mut self, now: Moment) -> bool {
        self.next_ping = Some(now + self.every);
        let first = self.waiting.is_none();
        self.waiting.get_or_insert((now, now));
        first
    }

    pub(super) fn pong(&mut self) {
        self.waiting = None;
    }

    pub(super) fn heard(&mut self, now: Moment) {
        if let Some((_, heard)) = &mut self.waiting {
            *heard = now;
        }
    }

    pub(super) fn is_due(&self, now: Moment) -> bool {
        self.next_ping.is_some_and(|at| at <= now)
    }

    pub(super) fn is_dead(&self, now: Moment) -> bool {
        self.dead_at().is_some_and(|at| at <= now)
    }

    pub(super) fn next(&self) -> Option<Moment> {
        self.dead_at().into_iter().chain(self.next_ping).min()
    }

    fn dead_at(&self) -> Option<Moment> {
        let (since, heard) = self.waiting?;
        Some((heard + PONG_WITHIN).min(since + PONG_AT_MOST))
    }
}

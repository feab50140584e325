//! Events that wait until snapshots are there, so that the two join without a gap and without an overlap.

use std::time::Duration;

use unionflow_protocol::{Seq, event::EventType};

use super::Moment;
use crate::{
    event::{DashboardStatsEvent, Delivery, RealtimeEvent},
    message::Resync,
};

/// Events held back at the most; beyond, snapshots are fetched anew.
pub(super) const HELD_MAX: usize = 1_000;
const RETRY_MAX: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(super) struct Holding {
    pub(super) resync: Resync,
    /// When to fetch again.
    pub(super) deadline: Option<Moment>,
    failures: u32,
    held: Vec<Delivery>,
}

impl Holding {
    pub(super) fn until(resync: Resync, deadline: Moment) -> Self {
        Self { resync, deadline: Some(deadline), failures: 0, held: Vec::new() }
    }

    /// Holds an event back; `false` if there are too many. Of figures and read marks only the newest counts.
    pub(super) fn hold(&mut self, delivery: Delivery) -> bool {
        if delivery.seq().is_none() {
            let kind = kind_of(&delivery);
            self.held.retain(|held| held.seq().is_some() || kind_of(held) != kind);
        }
        self.held.push(delivery);
        self.held.len() <= HELD_MAX
    }

    /// What lies after the snapshots, in order.
    pub(super) fn after(self, as_of: Seq) -> impl Iterator<Item = Delivery> {
        let newer = move |delivery: &Delivery| delivery.seq().is_none_or(|seq| seq > as_of);
        self.held.into_iter().filter(newer)
    }

    pub(super) fn failed(&mut self, now: Moment) {
        let wait = Duration::from_secs(1 << self.failures.min(6)).min(RETRY_MAX);
        self.failures = self.failures.saturating_add(1);
        self.deadline = Some(now + wait);
    }

    pub(super) fn is_due(&self, now: Moment) -> bool {
        self.deadline.is_some_and(|at| at <= now)
    }
}

fn kind_of(delivery: &Delivery) -> Option<EventType> {
    match &delivery.event {
        RealtimeEvent::DashboardStats(DashboardStatsEvent::DashboardStatsUpdate(_)) => {
            Some(EventType::DashboardStatsUpdate)
        }
        RealtimeEvent::DashboardStats(DashboardStatsEvent::KpiUpdate(_)) => Some(EventType::KpiUpdate),
        RealtimeEvent::Notification(_) => Some(EventType::NotificationRead),
        _ => None,
    }
}

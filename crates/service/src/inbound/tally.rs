//! How many records were not taken in, for each reason: told at once after a pause, then summed up.

use std::{collections::BTreeMap, time::Duration};

use tokio::time::Instant;
use unionflow_bus::Received;
use unionflow_domain::inbound::Reason;
use unionflow_protocol::Topic;

/// From one line about a reason to the next.
const INTERVAL: Duration = Duration::from_secs(10);

/// What was not told yet, and when what was told last.
#[derive(Debug, Default)]
pub(super) struct Tally {
    waiting: BTreeMap<Reason, Line>,
    told: BTreeMap<Reason, Instant>,
}

/// What is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) reason: Reason,
    pub(super) count: u64,
    /// Topic, partition and offset.
    pub(super) newest: (Topic, i32, i64),
}

impl Tally {
    pub(super) fn add(&mut self, reason: Reason, received: &Received) {
        let newest = (received.record.topic, received.partition, received.offset);
        let line = self.waiting.entry(reason).or_insert(Line { reason, count: 0, newest });
        (line.count, line.newest) = (line.count + 1, newest);
    }

    /// When something is to be told; a reason that was not told lately is at once, and needs no reminder.
    pub(super) fn due(&self) -> Option<Instant> {
        self.waiting.keys().filter_map(|reason| Some(*self.told.get(reason)? + INTERVAL)).min()
    }

    pub(super) fn take_due(&mut self, now: Instant) -> Vec<Line> {
        let told = &self.told;
        let is_due = |reason: &Reason| told.get(reason).is_none_or(|told| now >= *told + INTERVAL);
        let due: Vec<Line> = self.waiting.values().filter(|line| is_due(&line.reason)).copied().collect();
        for line in &due {
            self.waiting.remove(&line.reason);
            self.told.insert(line.reason, now);
        }
        due
    }

    /// All of it, at the end.
    pub(super) fn take_all(&mut self) -> Vec<Line> {
        std::mem::take(&mut self.waiting).into_values().collect()
    }
}

#[cfg(test)]
mod tests {
    use unionflow_bus::{Inbound, InboundInMemory, RawRecord};

    use super::*;

    #[tokio::test]
    async fn a_flood_is_one_line_for_each_reason_and_interval_and_its_end_is_told_too() {
        let (sender, mut inbound) = InboundInMemory::new();
        sender.put(RawRecord { topic: Topic::Inbound, key: None, headers: vec![], value: None });
        let mut received = inbound.next().await.expect("it was put in");
        let (mut tally, begin) = (Tally::default(), Instant::now());
        let mut lines = Vec::new();
        for n in 0..30_000_u64 {
            received.offset = i64::try_from(n).expect("small");
            tally.add(if n % 3 == 0 { Reason::NotJson } else { Reason::BadData }, &received);
            // A millisecond each.
            lines.extend(tally.take_due(begin + Duration::from_millis(n)));
        }
        assert_eq!(lines.len(), 2 * 3, "{lines:?}");
        assert!(lines[..2].iter().all(|line| line.count == 1), "the first is told at once");
        assert_eq!(tally.due(), Some(begin + Duration::from_secs(30)));
        lines.extend(tally.take_due(begin + Duration::from_secs(31)));
        assert_eq!(lines.iter().map(|line| line.count).sum::<u64>(), 30_000);
        assert_eq!(lines.iter().map(|line| line.newest.2).max(), Some(29_999));
        assert_eq!((tally.due(), tally.take_all()), (None, vec![]));
    }
}

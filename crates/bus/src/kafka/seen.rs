//! What was seen of the brokers last: whether they answered, which topics were there, what they did not take. Health is told
//! from it, so that nobody has to ask.

use std::collections::HashMap;

use parking_lot::Mutex;
use tokio::time::{Duration, Instant};
use unionflow_protocol::Topic;

use crate::BusFault;

/// For how long it counts that we were not let, when nothing was tried since.
const FORBIDDEN_FOR: Duration = Duration::from_secs(20);
/// And that a record was not taken. Whatever waits is tried again more often, but another process may publish now.
const AWAY_FOR: Duration = Duration::from_secs(5);

/// What was seen last. Nothing is held against brokers that were not asked yet.
#[derive(Default)]
pub(super) struct Seen(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    /// Why they did not answer when they were asked last.
    unanswered: Option<String>,
    /// Topics that were not there, or not to be seen by us.
    missing: Vec<Topic>,
    /// When a record was not taken, and why, by topics on which none was since.
    not_taken: HashMap<Topic, Complaint>,
    /// When we were not let read what others send, and why.
    not_read: Option<Complaint>,
}

/// Why something did not go, and until when that counts.
struct Complaint {
    until: Instant,
    why: String,
}

impl Seen {
    /// They answered.
    pub(super) fn answered(&self) {
        self.0.lock().unanswered = None;
    }

    /// They did not.
    pub(super) fn unanswered(&self, why: String) {
        self.0.lock().unanswered = Some(why);
    }

    /// These topics are there.
    pub(super) fn topics<T>(&self, there: &HashMap<Topic, T>) {
        let mut seen = self.0.lock();
        seen.unanswered = None;
        seen.missing = Topic::ALL.iter().copied().filter(|topic| !there.contains_key(topic)).collect();
    }

    /// Records were taken on this topic.
    pub(super) fn taken(&self, topic: Topic) {
        let mut seen = self.0.lock();
        seen.unanswered = None;
        seen.not_taken.remove(&topic);
    }

    /// A record was not, and not for what it is: the brokers are away, or do not let us.
    pub(super) fn not_taken(&self, topic: Topic, fault: &BusFault) {
        let counts_for = if matches!(fault, BusFault::Forbidden(_)) { FORBIDDEN_FOR } else { AWAY_FOR };
        self.0.lock().not_taken.insert(topic, Complaint::of(fault.to_string(), counts_for));
    }

    /// We were not let read what others send.
    pub(super) fn not_read(&self, why: String) {
        self.0.lock().not_read = Some(Complaint::of(why, FORBIDDEN_FOR));
    }

    /// Why records on these topics are not taken, if they are not.
    pub(super) fn why_not_taken(&self, topics: &[Topic]) -> Option<String> {
        let seen = self.0.lock();
        let missing = || topics.iter().find(|topic| seen.missing.contains(topic));
        let not_taken = || topics.iter().find_map(|topic| seen.not_taken.get(topic)?.counts());
        let unanswered = seen.unanswered.clone();
        unanswered
            .or_else(|| {
                missing().map(|topic| format!("there is no topic `{topic}`, or none that we may see"))
            })
            .or_else(not_taken)
    }

    /// Why what others send on these topics is not taken in, if it is not.
    pub(super) fn why_not_taken_in(&self, topics: &[Topic]) -> Option<String> {
        let not_read = || self.0.lock().not_read.as_ref().and_then(Complaint::counts);
        let missing = || {
            let seen = self.0.lock();
            let missing = topics.iter().find(|topic| seen.missing.contains(topic))?;
            Some(format!("there is no topic `{missing}`, or none that we may see"))
        };
        self.why_not_taken(&[Topic::DeadLetter]).or_else(missing).or_else(not_read)
    }
}

impl Complaint {
    fn of(why: String, counts_for: Duration) -> Self {
        Self { until: Instant::now() + counts_for, why }
    }

    fn counts(&self) -> Option<String> {
        (Instant::now() < self.until).then(|| self.why.clone())
    }
}

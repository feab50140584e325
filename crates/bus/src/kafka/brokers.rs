//! What librdkafka says of the brokers of its own accord: whether any is there, and what goes wrong.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use rdkafka::{
    ClientContext, Statistics, client::DefaultClientContext, config::RDKafkaLogLevel, error::KafkaError,
};
use tokio::time::Instant;
use unionflow_protocol::Topic;

use super::{seen::Seen, send::is_forbidden};
use crate::BusFault;

/// For how long a complaint explains faults.
const EXPLAINS_FOR: Duration = Duration::from_secs(10);

/// Kept by what librdkafka says of its connections every second. Down until the first is made.
#[derive(Default)]
pub(super) struct Brokers {
    any_up: AtomicBool,
    /// What came of what we asked of them, and sent.
    pub(super) seen: Seen,
    /// The newest: a refused connection, a wrong password, an unknown certificate.
    complaint: Mutex<Option<(Instant, String)>>,
}

impl Brokers {
    pub(super) fn any_up(&self) -> bool {
        self.any_up.load(Ordering::Relaxed)
    }

    pub(super) fn complained(&self, error: &KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "Kafka");
        *self.complaint.lock() = Some((Instant::now(), reason.to_owned()));
    }

    /// The fault of brokers that are away, and why: that something timed out helps nobody.
    pub(super) fn away(&self, error: &KafkaError) -> BusFault {
        let complaint = self.complaint.lock().clone().filter(|(at, _)| at.elapsed() < EXPLAINS_FOR);
        BusFault::Unavailable(match complaint {
            Some((_, reason)) => format!("{error}; {reason}"),
            None => error.to_string(),
        })
    }

    /// Notes that a record was not taken, and not for what it is; the fault of it.
    pub(super) fn not_taken(&self, topic: Topic, error: &KafkaError) -> BusFault {
        let fault = if is_forbidden(error) {
            BusFault::Forbidden(format!("{error} (`{topic}`)"))
        } else {
            self.away(error)
        };
        self.seen.not_taken(topic, &fault);
        fault
    }
}

/// The producer's ear.
pub(super) struct Watching(pub(super) Arc<Brokers>);

impl ClientContext for Watching {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        // What it says at each start of a setting that we chose knowingly.
        let is_known = facility == "CONFWARN" && message.contains("enable.gapless.guarantee is experimental");
        if !is_known {
            DefaultClientContext.log(level, facility, message);
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.0.complained(&error, reason);
    }

    fn stats(&self, statistics: Statistics) {
        let up = statistics.brokers.values().any(|broker| broker.state == "UP");
        self.0.any_up.store(up, Ordering::Relaxed);
        metrics::gauge!("unionflow_bus_up").set(f64::from(u8::from(up)));
    }
}

//! Whether any broker is there, as the producer sees it.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use rdkafka::{ClientContext, Statistics, producer::FutureProducer};

pub(super) type Sender = FutureProducer<Watching>;

/// Kept by what librdkafka says of its connections every second. Down until the first is made.
#[derive(Default)]
pub(super) struct Brokers {
    any_up: AtomicBool,
}

impl Brokers {
    pub(super) fn any_up(&self) -> bool {
        self.any_up.load(Ordering::Relaxed)
    }
}

/// The producer's ear.
pub(super) struct Watching(pub(super) Arc<Brokers>);

impl ClientContext for Watching {
    fn stats(&self, statistics: Statistics) {
        let up = statistics.brokers.values().any(|broker| broker.state == "UP");
        self.0.any_up.store(up, Ordering::Relaxed);
        metrics::gauge!("unionflow_bus_up").set(f64::from(u8::from(up)));
    }
}

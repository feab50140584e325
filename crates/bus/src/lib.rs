//! What carries events between the relay and the gateways.
//!
//! Every subscriber sees every record, at least once, and records of one organisation and topic in the order they were
//! published. Exactly once is the hub's work, by `seq`.
//!
//! **Invariant:** a bus never looks into a record's value, and never changes it.

use std::{future::Future, pin::Pin, sync::Arc};

use tokio::sync::mpsc;
use unionflow_protocol::Record;

#[cfg(feature = "conformance")]
pub mod conformance;
mod in_process;

pub use in_process::InProcessBus;

/// Carries records. What it promises is in the crate's documentation; the suite in `conformance` proves it.
pub trait Bus: Send + Sync + 'static {
    /// Publishes in order. Done when the bus has taken responsibility for all of them: until then the relay keeps them.
    ///
    /// Waits while a subscriber or the broker is behind: that is the relay's backpressure, not the command's.
    fn publish(
        &self,
        records: Arc<[Record]>,
    ) -> Pin<Box<dyn Future<Output = Result<(), BusFault>> + Send + '_>>;

    /// Follows everything published from now on, on the topics of [`Topic::BUSINESS`](unionflow_protocol::Topic::BUSINESS).
    /// Once this returns, nothing later is missed. Records of different topics may overtake each other.
    fn subscribe(&self) -> Pin<Box<dyn Future<Output = Result<Subscription, BusFault>> + Send + '_>>;
}

/// Why a bus could not take records.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BusFault {
    /// The broker cannot be reached; what was not taken must be published again.
    #[error("the bus is not available: {0}")]
    Unavailable(String),
}

/// Records in the order of the bus.
pub struct Subscription(mpsc::Receiver<Arc<[Delivered]>>);

/// A record and where the bus keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivered {
    /// The record.
    pub record: Record,
    /// Its place on the bus.
    pub place: Place,
}

/// A place on the bus: grows within the record's topic and partition. Not a cursor of a client, which is a `seq`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The partition.
    pub partition: u32,
    /// The offset in it.
    pub offset: u64,
}

impl Subscription {
    /// From a channel that a bus fills.
    pub fn new(receiver: mpsc::Receiver<Arc<[Delivered]>>) -> Self {
        Self(receiver)
    }

    /// The next records; `None` when it is broken: whoever still wants to follow subscribes again, and reads what it missed
    /// from the journal. Cancel-safe.
    pub async fn next(&mut self) -> Option<Arc<[Delivered]>> {
        self.0.recv().await
    }
}

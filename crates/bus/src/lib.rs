//! What carries events between the relay and the gateways.
//!
//! Every subscriber sees every record, at least once, and records of one organisation and topic in the order they were
//! published. Exactly once is the hub's work, by `seq`, so a record needs no other name on the bus: no partition, no offset.
//!
//! After a fault the records that the bus did not take responsibility for are published again. Then a subscriber may see
//! some of them twice, and steps back in the order; whatever it sees for the first time is still in order.
//!
//! **Invariant:** a bus never looks into a record's value, and never changes it.

use std::{future::Future, pin::Pin, sync::Arc};

use tokio::sync::mpsc;
use unionflow_protocol::Record;

#[cfg(feature = "conformance")]
pub mod conformance;
mod in_process;
#[cfg(feature = "kafka")]
pub mod kafka;
mod raw;

pub use in_process::InProcessBus;
pub use raw::{
    Inbound, InboundInMemory, InboundSender, NotAll, Outlet, OutletInMemory, RAW_VALUE_BYTES_MAX, RawRecord,
    Received, Sending,
};

/// Carries records. What it promises is in the crate's documentation; the suite in `conformance` proves it.
pub trait Bus: Send + Sync + 'static {
    /// Publishes in order. Done when the bus has taken responsibility for all of them: until then the relay keeps them. After
    /// a fault, or when it is dropped midway, any of them may have been taken, and may arrive.
    ///
    /// May wait for subscribers that are behind: that is the relay's backpressure, not the command's. A broker that is away is
    /// a fault within a few seconds, and never a longer wait: whoever publishes has other work, and wants to stop.
    fn publish(
        &self,
        records: Arc<[Record]>,
    ) -> Pin<Box<dyn Future<Output = Result<(), BusFault>> + Send + '_>>;

    /// Follows everything published from now on, on the topics of [`Topic::BUSINESS`](unionflow_protocol::Topic::BUSINESS),
    /// by whatever process. Once this returns, nothing later is missed; it may begin with records from before. Records of
    /// different topics may overtake each other.
    ///
    /// Each subscription stands alone: dropping it, or not reading it for long, takes nothing from the others.
    fn subscribe(&self) -> Pin<Box<dyn Future<Output = Result<Subscription, BusFault>> + Send + '_>>;

    /// How it stands now, for health; asks nobody.
    fn standing(&self) -> Standing {
        Standing { name: "in-process", is_local: true, is_up: true, takes_in: None }
    }
}

/// How a bus stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// What it is: `in-process`, `kafka`.
    pub name: &'static str,
    /// Whether it reaches this process alone, and without a way round.
    pub is_local: bool,
    /// Whether it takes records: while it does not, they wait in the outbox.
    pub is_up: bool,
    /// Whether what others send comes in, and what cannot be taken in gets away; `None` where nothing is taken in.
    pub takes_in: Option<bool>,
}

/// The largest value that every bus takes. What is larger may be refused.
pub const VALUE_BYTES_MAX: usize = 768 * 1024;

/// Why a bus could not take records.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BusFault {
    /// The broker cannot be reached. It is the same for all records: publishing others now fails too.
    #[error("the bus is not available: {0}")]
    Unavailable(String),
    /// The broker is there and does not take one of these, for example because it is too large for the topic. As long as the
    /// operator changes nothing it is refused again; records of other organisations are taken.
    #[error("the bus refuses a record: {0}")]
    Refused(String),
    /// The broker is there and does not let us write to a topic: whatever the record, until an operator allows it. Records of
    /// other topics may be taken.
    #[error("the bus does not let us write: {0}")]
    Forbidden(String),
}

/// Records in the order of the bus.
pub struct Subscription(mpsc::Receiver<Arc<[Record]>>);

impl Subscription {
    /// From a channel that a bus fills.
    pub fn new(receiver: mpsc::Receiver<Arc<[Record]>>) -> Self {
        Self(receiver)
    }

    /// The next records; `None` when it is broken: whoever still wants to follow subscribes again, and reads what it missed
    /// from the journal. A broker that is away breaks nothing: it goes on where it was. Cancel-safe.
    pub async fn next(&mut self) -> Option<Arc<[Record]>> {
        self.0.recv().await
    }
}

//! The registry of which session follows which organisation: sharded, each shard with one owner.

use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use unionflow_bus::{Bus, BusFault, Subscription};
use unionflow_protocol::{Position, Record, Seq, id::OrganizationId};
use unionflow_storage::{Clock, Commits, Store, Wake, Wakes};

use crate::{
    config::FOLLOW_AGAIN,
    connection::Connection,
    feed::{Live, Replay},
};

pub(crate) mod registry;
mod shard;

pub(crate) use registry::Follower;
use shard::{Input, Shard};

/// Hands live events to sessions. Cheap to clone.
#[derive(Clone)]
pub struct Hub {
    shards: Arc<[mpsc::Sender<Input>]>,
}

/// The bus being followed.
pub(crate) type Subscribing = Pin<Box<dyn Future<Output = Result<Subscription, BusFault>> + Send>>;

/// Where a session is in its replay.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cursor {
    /// Complete up to here.
    pub(crate) after: Seq,
    /// The newest event when the store was asked: the replay goes at least so far.
    pub(crate) joined_at: Seq,
}

/// How a session stands after it asked to be attached.
pub(crate) enum Attached {
    /// It is live: everything up to the head was handed to it in the same step.
    Live,
    /// First these, then ask again.
    Ring(Replay),
    /// The ring does not go back so far: first a page of the journal, then ask again.
    BeyondRing,
}

/// How clients are sent away.
#[derive(Debug, Clone, Copy)]
pub struct Drain {
    /// Over how long their return is spread.
    pub spread: Duration,
    /// Over how long the sockets are closed.
    pub leave_within: Duration,
}

/// Inputs that wait for a shard; beyond, the bus waits.
const QUEUED: usize = 1024;

impl Hub {
    /// Starts the shards. They take part in the work until told to stop.
    pub(crate) fn start(
        store: &Store,
        clock: &Arc<dyn Clock>,
        ring_bytes: usize,
        stop: &CancellationToken,
    ) -> (Self, Vec<tokio::task::JoinHandle<()>>) {
        let count = std::thread::available_parallelism().map_or(2, usize::from).clamp(1, 16);
        let mut senders = Vec::new();
        let mut tasks = Vec::new();
        for _ in 0..count {
            let (sender, receiver) = mpsc::channel(QUEUED);
            let shard = Shard::new(store.clone(), clock.clone(), ring_bytes / count, sender.downgrade());
            tasks.push(tokio::spawn(shard.run(receiver, stop.clone())));
            senders.push(sender);
        }
        (Self { shards: senders.into() }, tasks)
    }

    /// Follows the bus until the hub is gone. A bus that is away when a server starts, or that breaks off, is asked again;
    /// until then the heads of the journals are watched, and what was missed is read from there.
    /// `first`: what the first subscription came to; none where it still goes on.
    pub(crate) async fn follow(
        self,
        bus: Arc<dyn Bus>,
        first: Option<Result<Subscription, BusFault>>,
        going_on: Subscribing,
    ) {
        let mut subscribed = match first {
            Some(first) => first,
            None => {
                tracing::warn!("the bus does not answer yet; the journals are read meanwhile");
                let late = going_on.await;
                self.followed_anew(&late).await;
                late
            }
        };
        loop {
            match subscribed {
                Ok(mut subscription) => {
                    while let Some(records) = subscription.next().await {
                        if !self.hand_out(&records).await {
                            return;
                        }
                    }
                    tracing::warn!(
                        "the bus broke off; it is followed again, and the journals are read meanwhile"
                    );
                }
                Err(fault) => {
                    tracing::warn!(%fault, "the bus cannot be followed; the journals are read meanwhile");
                }
            }
            tokio::time::sleep(FOLLOW_AGAIN).await;
            subscribed = bus.subscribe().await;
            self.followed_anew(&subscribed).await;
        }
    }

    /// What was published before is missing: shards look into the journals.
    async fn followed_anew(&self, subscribed: &Result<Subscription, BusFault>) {
        if subscribed.is_err() {
            return;
        }
        for shard in self.shards.iter() {
            let _ = shard.send(Input::FollowedAnew).await;
        }
    }

    /// Hands on what this process commits without the way over a broker: the bus brings it again, and it is known by its `seq`.
    /// States take the bus alone: they have none.
    pub(crate) async fn take_shortest_way(self, mut commits: Commits) {
        while let Some(records) = commits.next().await {
            let facts: Vec<Record> = records
                .iter()
                .filter(|record| matches!(record.position, Position::Fact(_)))
                .cloned()
                .collect();
            if !self.hand_out(&facts).await {
                return;
            }
        }
    }

    /// Reads on in journals that other processes went on with, unless the bus was first.
    pub(crate) async fn hear(self, mut wakes: Wakes) {
        loop {
            let wake = wakes.next().await;
            for shard in self.shards.iter() {
                let woken = match &wake {
                    Wake::Everything => None,
                    Wake::Journals(journals) => Some(journals.clone()),
                };
                if shard.send(Input::Woken(woken)).await.is_err() {
                    return;
                }
            }
        }
    }

    /// Splits records over the shards; whether these are still there.
    async fn hand_out(&self, records: &[Record]) -> bool {
        let mut parts: Vec<Vec<Arc<Live>>> = vec![Vec::new(); self.shards.len()];
        for record in records {
            let live = Arc::new(Live::new(record));
            parts[self.shard_of(live.organization_id)].push(live);
        }
        for (shard, part) in self.shards.iter().zip(parts) {
            if !part.is_empty() && shard.send(Input::Records(part)).await.is_err() {
                return false;
            }
        }
        true
    }

    /// Makes a session live if the ring holds all that it has missed and that is little; else says how to come nearer.
    /// `None` when the hub is gone.
    pub(crate) async fn attach(
        &self,
        organization: OrganizationId,
        connection: &Arc<Connection>,
        cursor: Cursor,
    ) -> Option<Attached> {
        let (reply, answer) = oneshot::channel();
        let input = Input::Attach { organization, connection: connection.clone(), cursor, reply };
        self.shards[self.shard_of(organization)].send(input).await.ok()?;
        answer.await.ok()
    }

    /// Forgets a session. Nothing of the organisation reaches it once this returns.
    pub(crate) async fn detach(&self, organization: OrganizationId, connection: &Arc<Connection>) {
        let (reply, answer) = oneshot::channel();
        let input = Input::Detach { organization, connection: connection.clone(), reply };
        if self.shards[self.shard_of(organization)].send(input).await.is_ok() {
            let _ = answer.await;
        }
    }

    fn shard_of(&self, organization: OrganizationId) -> usize {
        // The last bytes of a UUID version 7 are random.
        let bytes = organization.as_bytes();
        usize::from(bytes[15]) % self.shards.len()
    }
}

//! One part of the hub: drives its registry with what the bus, the sessions and the store say.

use std::{collections::HashMap, sync::Arc};

use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, MissedTickBehavior, interval, sleep_until},
};
use tokio_util::sync::CancellationToken;
use unionflow_protocol::{Record, Seq, id::OrganizationId};
use unionflow_storage::{Clock, Store};

use super::{
    Attached, Cursor,
    registry::{Filled, LookUp, Registry},
};
use crate::{
    config::{HEADS_EVERY, HOLE_EVENTS},
    connection::Connection,
    feed::Live,
    figures,
    session::Now,
};

/// What happens to a shard.
pub(crate) enum Input {
    /// Records of the bus.
    Records(Vec<Arc<Live>>),
    /// Other processes went on with these journals; with any, where none are named.
    Woken(Option<HashMap<OrganizationId, Seq>>),
    /// The bus is followed anew, after it could not be for a while.
    FollowedAnew,
    /// A session wants to be live.
    Attach {
        organization: OrganizationId,
        connection: Arc<Connection>,
        cursor: Cursor,
        reply: oneshot::Sender<Attached>,
    },
    /// A session leaves.
    Detach { organization: OrganizationId, connection: Arc<Connection>, reply: oneshot::Sender<()> },
    /// What was read from the store to fill a hole.
    Filled(OrganizationId, Filled),
    /// The newest figures, read from the store if it could be.
    Figures(OrganizationId, Option<Vec<Arc<Live>>>),
    /// What the store says about heads.
    Heads(Vec<(OrganizationId, Seq)>),
}

pub(super) struct Shard {
    store: Store,
    clock: Arc<dyn Clock>,
    /// To itself, from look-ups; weak, so that the shard ends with the hub.
    itself: mpsc::WeakSender<Input>,
    registry: Registry<Arc<Connection>>,
}

impl Shard {
    pub(super) fn new(
        store: Store,
        clock: Arc<dyn Clock>,
        ring_bytes_max: usize,
        itself: mpsc::WeakSender<Input>,
    ) -> Self {
        Self { store, clock, itself, registry: Registry::new(ring_bytes_max) }
    }

    pub(super) async fn run(mut self, mut inputs: mpsc::Receiver<Input>, stop: CancellationToken) {
        let mut heads = interval(HEADS_EVERY);
        heads.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let deadline = self.registry.next_deadline();
            // Cancel-safe: a channel and timers.
            tokio::select! {
                () = stop.cancelled() => return,
                input = inputs.recv() => match input {
                    Some(input) => self.handle(input),
                    None => return,
                },
                () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => {
                    self.registry.handle_deadline(Instant::now());
                }
                _ = heads.tick() => self.registry.watch_heads(),
            }
            while let Some(look_up) = self.registry.poll_look_up() {
                self.look_up(look_up);
            }
        }
    }

    fn handle(&mut self, input: Input) {
        let steady = Instant::now();
        match input {
            Input::Records(records) => {
                records.into_iter().for_each(|live| self.registry.handle_record(steady, live));
            }
            Input::Woken(Some(journals)) => self.registry.handle_woken(&journals),
            Input::Woken(None) => self.registry.watch_heads(),
            Input::FollowedAnew => self.registry.handle_followed_anew(),
            Input::Attach { organization, connection, cursor, reply } => {
                let now = Now { steady, wall: self.clock.now() };
                let attached = self.registry.handle_attach(now, organization, &connection, cursor);
                let _ = reply.send(attached);
            }
            Input::Detach { organization, connection, reply } => {
                self.registry.handle_detach(organization, &connection);
                let _ = reply.send(());
            }
            Input::Filled(organization, filled) => {
                self.registry.handle_filled(steady, organization, filled);
            }
            Input::Figures(organization, figures) => {
                self.registry.handle_figures(steady, organization, figures);
            }
            Input::Heads(heads) => {
                for (organization, head) in heads {
                    self.registry.handle_head(organization, head);
                }
            }
        }
    }

    fn look_up(&self, look_up: LookUp) {
        let (store, Some(itself)) = (self.store.clone(), self.itself.upgrade()) else { return };
        tokio::spawn(async move {
            let answer = match look_up {
                LookUp::Hole { organization, after } => {
                    Some(Input::Filled(organization, read_hole(&store, organization, after).await))
                }
                LookUp::Heads(organizations) => read_heads(&store, organizations).await.map(Input::Heads),
                LookUp::Figures(organization) => {
                    Some(Input::Figures(organization, read_figures(&store, organization).await))
                }
            };
            if let Some(answer) = answer {
                let _ = itself.send(answer).await;
            }
        });
    }
}

async fn read_hole(store: &Store, organization: OrganizationId, after: Seq) -> Filled {
    let read = store.read(move |reader| {
        figures::foresee(reader, organization)?;
        let records = reader.journal_after(organization, after, HOLE_EVENTS)?;
        Ok((records, figures::all(reader, organization)?))
    });
    let (events, figures, complete) = match read.await {
        Ok((records, figures)) => (records, figures, true),
        Err(error) => {
            tracing::warn!(%error, "a hole could not be read from the journal; it is tried again");
            (Vec::new(), Vec::new(), false)
        }
    };
    metrics::counter!("unionflow_hub_events_from_journal_total").increment(events.len() as u64);
    Filled { events: framed(&events), figures: framed(&figures), complete }
}

async fn read_figures(store: &Store, organization: OrganizationId) -> Option<Vec<Arc<Live>>> {
    match store.read(move |reader| Ok(figures::all(reader, organization)?)).await {
        Ok(records) => Some(framed(&records)),
        Err(error) => {
            tracing::warn!(%error, "figures could not be read; it is tried again");
            None
        }
    }
}

fn framed(records: &[Record]) -> Vec<Arc<Live>> {
    records.iter().map(|record| Arc::new(Live::new(record))).collect()
}

async fn read_heads(store: &Store, organizations: Vec<OrganizationId>) -> Option<Vec<(OrganizationId, Seq)>> {
    let read = store.read(move |reader| {
        let mut heads = Vec::with_capacity(organizations.len());
        for id in organizations {
            heads.extend(reader.head_of(id)?.map(|head| (id, head.seq)));
        }
        Ok(heads)
    });
    match read.await {
        Ok(heads) => Some(heads),
        Err(error) => {
            tracing::warn!(%error, "the heads of the journals could not be read");
            None
        }
    }
}

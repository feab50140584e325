//! When the figures of each organisation are published: at once on the first change, then at most four times a second.

use std::{
    collections::{BTreeSet, HashMap},
    future::pending,
    time::Duration,
};

use tokio::{
    task::{JoinError, JoinSet},
    time::{Instant, sleep_until},
};
use unionflow_protocol::{id::OrganizationId, limits::FIGURES_INTERVAL};
use unionflow_storage::{Scope, Store, Tx, Undo};

use super::warn_later;
use crate::dashboard::{self, Sent};

/// Organisations whose figures are published at once.
const AT_ONCE: usize = 16;
/// When figures that could not be published are tried again.
const AGAIN: Duration = Duration::from_secs(1);

/// The figures of all organisations.
pub(super) struct Figures {
    store: Store,
    organizations: HashMap<OrganizationId, Turn>,
    /// Whose turn is when, soonest first; not those that are being published.
    queue: BTreeSet<(Instant, OrganizationId)>,
    publishing: JoinSet<(OrganizationId, Result<Sent, Undo>)>,
}

#[derive(Debug, Default)]
struct Turn {
    last: Option<Instant>,
    due: Option<Instant>,
    /// What went out last; away while it is being published.
    sent: Sent,
    is_publishing: bool,
}

impl Figures {
    pub(super) fn new(store: Store) -> Self {
        let (organizations, queue) = (HashMap::new(), BTreeSet::new());
        Self { store, organizations, queue, publishing: JoinSet::new() }
    }

    /// Something happened in an organisation.
    pub(super) fn changed(&mut self, organization: OrganizationId) {
        let now = Instant::now();
        let turn = self.organizations.entry(organization).or_default();
        let due = turn.last.map_or(now, |last| now.max(last + FIGURES_INTERVAL));
        turn.fall_due(organization, due, &mut self.queue);
    }

    /// Facts that were missed are in the journal; states that were missed are nowhere, so all of them are sent once more.
    pub(super) fn send_anew(&mut self) {
        let now = Instant::now();
        for (organization, turn) in &mut self.organizations {
            turn.sent = Sent::default();
            turn.fall_due(*organization, now, &mut self.queue);
        }
    }

    /// Waits for the next thing to do, and does it. Cancel-safe: whatever it does is done without waiting.
    pub(super) async fn step(&mut self) {
        let next = self.queue.first().map(|(due, _)| *due).filter(|_| self.publishing.len() < AT_ONCE);
        tokio::select! {
            () = sleep_until(next.unwrap_or_else(Instant::now)), if next.is_some() => self.publish_due(),
            Some(ended) = self.publishing.join_next(), if !self.publishing.is_empty() => self.published(ended),
            else => pending().await,
        }
    }

    /// The newest figures go out by a commit of their own, and so behind the events they include.
    fn publish_due(&mut self) {
        let now = Instant::now();
        while self.publishing.len() < AT_ONCE
            && let Some((due, organization)) = self.queue.first().copied()
            && due <= now
        {
            self.queue.pop_first();
            let turn = self.organizations.entry(organization).or_default();
            (turn.last, turn.due, turn.is_publishing) = (Some(now), None, true);
            let (store, sent) = (self.store.clone(), std::mem::take(&mut turn.sent));
            self.publishing.spawn(async move {
                let unit = move |tx: &mut Tx<'_>| dashboard::publish(tx, sent);
                (organization, store.write(Scope::Organization(organization), unit).await)
            });
        }
    }

    fn published(&mut self, ended: Result<(OrganizationId, Result<Sent, Undo>), JoinError>) {
        let Ok((organization, published)) = ended else {
            // Only a runtime that is ending cancels it: then nothing more is published either.
            return;
        };
        let turn = self.organizations.entry(organization).or_default();
        turn.is_publishing = false;
        match published {
            Ok(sent) => turn.sent = sent,
            Err(error) => {
                // The screens show the figures of before: not only the next change mends that.
                turn.due.get_or_insert(Instant::now() + AGAIN);
                warn_later("figures were not published; it is tried again", &error);
            }
        }
        if let Some(due) = turn.due {
            self.queue.insert((due, organization));
        }
    }
}

impl Turn {
    /// Is due then, unless it is already.
    fn fall_due(
        &mut self,
        organization: OrganizationId,
        at: Instant,
        queue: &mut BTreeSet<(Instant, OrganizationId)>,
    ) {
        if self.due.is_none() {
            self.due = Some(at);
            if !self.is_publishing {
                queue.insert((at, organization));
            }
        }
    }
}

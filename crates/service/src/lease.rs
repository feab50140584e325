//! What only one process of a store may do at a time: it holds a lease, renews it while it lives, and another takes over when
//! it is gone.

use std::time::Duration;

use tokio::time::Instant;
use unionflow_storage::{Scope, Store};
use uuid::Uuid;

/// How long a lease lasts without being renewed: so long a journal may stand still when its relay died.
const TERM: Duration = Duration::from_secs(3);
/// How often it is renewed, or tried for.
pub(crate) const KEEP: Duration = Duration::from_millis(500);

/// One process's claim.
pub(crate) struct Lease {
    store: Store,
    name: &'static str,
    holder: Uuid,
    /// By this process's own clock, counted from before it asked: never later than the store's.
    until: Option<Instant>,
}

impl Lease {
    pub(crate) fn new(store: Store, name: &'static str) -> Self {
        // Only its random part matters.
        let holder = store.ids().uuid(unionflow_protocol::Timestamp::from_millis(0));
        Self { store, name, holder, until: None }
    }

    /// Whether this process is the one. A store that has only one server needs no lease.
    pub(crate) fn is_held(&self) -> bool {
        !self.store.is_shared() || self.until.is_some_and(|until| Instant::now() < until)
    }

    /// Whether it is held and will soon not be: whoever is busy for long renews it in between.
    pub(crate) fn runs_out(&self) -> bool {
        self.until.is_some_and(|until| Instant::now() + TERM / 2 > until)
    }

    /// Renews the claim, or tries to take it.
    pub(crate) async fn keep(&mut self) {
        if !self.store.is_shared() {
            return;
        }
        let (asked, name, holder) = (Instant::now(), self.name, self.holder);
        let taken = self.store.write(Scope::Server, move |tx| Ok(tx.take_lease(name, holder, TERM)?));
        match taken.await {
            Ok(true) => self.until = Some(asked + TERM),
            Ok(false) => self.until = None,
            // Whether it still holds is known by the time.
            Err(error) => tracing::warn!(%error, name, "a lease could not be renewed"),
        }
    }

    /// Gives it back, so that another process goes on at once.
    pub(crate) async fn release(&mut self) {
        if self.until.take().is_none() {
            return;
        }
        let (name, holder) = (self.name, self.holder);
        let released = self.store.write(Scope::Server, move |tx| Ok(tx.release_lease(name, holder)?));
        if let Err(error) = released.await {
            tracing::debug!(%error, name, "a lease was not given back; it runs out");
        }
    }
}

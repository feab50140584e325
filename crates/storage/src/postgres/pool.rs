//! Connections that nobody uses at the moment. The one that was used last is used next, so that there are no more than needed.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;

use super::{
    address::Target,
    incarnation::Incarnation,
    link::{Link, Trouble},
    transaction::{CONTROLS, ROLLBACK},
};
use crate::fault::{PostgresFault, StoreFault};

/// How often a unit tries to connect, and how long it waits in between: a server that starts again is soon there.
const TRIES: u32 = 3;
const AGAIN: Duration = Duration::from_millis(100);
/// An answer means durable, whatever the server's default. A lock is waited for as long as a command has patience, and a
/// process that vanished within a transaction holds its locks no longer than it takes to notice.
const SETTINGS: &str = "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'; \
                        SET lock_timeout = 5000; SET statement_timeout = 9000; SET idle_in_transaction_session_timeout = 10000; \
                        SET tcp_user_timeout = 10000; SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 3; \
                        SET tcp_keepalives_count = 3";

/// Connections of one store.
pub(super) struct Pool {
    pub(super) target: Arc<Target>,
    /// Of the server at opening: another one is refused.
    incarnation: Option<Incarnation>,
    idle: Mutex<Vec<Link>>,
}

impl Pool {
    pub(super) fn new(target: Arc<Target>) -> Self {
        Self { target, incarnation: None, idle: Mutex::default() }
    }

    /// For this server from now on.
    pub(super) fn of(self, incarnation: Incarnation) -> Self {
        Self { incarnation: Some(incarnation), ..self }
    }

    /// Begins something on a connection. One that broke while nobody used it is replaced, once.
    pub(super) fn begin<T>(
        &self,
        until: Instant,
        begin: impl Fn(&mut Link) -> Result<T, Trouble>,
    ) -> Result<(Link, T), StoreFault> {
        if let Some(mut link) = self.take() {
            match begin(&mut link) {
                Ok(begun) => return Ok((link, begun)),
                // Then the others broke too, most likely.
                Err(trouble) if trouble.is_end() => self.clear(),
                Err(trouble) => return Err(self.give_up(link, &trouble)),
            }
        }
        let mut link = self.connect(until)?;
        match begin(&mut link) {
            Ok(begun) => Ok((link, begun)),
            Err(trouble) => Err(self.give_up(link, &trouble)),
        }
    }

    /// Keeps a connection on which nothing is under way; another is closed.
    pub(super) fn put(&self, link: Link) {
        if link.is_idle() {
            self.idle.lock().push(link);
        }
    }

    /// Closes what is idle.
    pub(super) fn clear(&self) {
        // Taken out first: each says goodbye.
        drop(std::mem::take(&mut *self.idle.lock()));
    }

    fn take(&self) -> Option<Link> {
        self.idle.lock().pop()
    }

    fn give_up(&self, mut link: Link, trouble: &Trouble) -> StoreFault {
        if !trouble.is_end() && link.batch(ROLLBACK).is_ok() {
            self.put(link);
        }
        self.target.fault(trouble)
    }

    /// A new connection, for a unit that waits until then.
    pub(super) fn connect(&self, until: Instant) -> Result<Link, StoreFault> {
        let mut tries = 0;
        let mut link = loop {
            let fault = match Link::connect(&self.target, SETTINGS, CONTROLS) {
                Ok(link) => break link,
                Err(fault) => fault,
            };
            tries += 1;
            let passes = matches!(
                fault,
                StoreFault::Postgres(
                    PostgresFault::Unreachable { .. } | PostgresFault::TooManyConnections { .. }
                )
            );
            if !passes || now() + AGAIN * tries > until || tries == TRIES {
                return Err(fault);
            }
            std::thread::sleep(AGAIN * tries);
        };
        if let Some(known) = &self.incarnation {
            let found = Incarnation::of(&mut link).map_err(|trouble| self.target.fault(&trouble))?;
            if found.lacks_tables_of(known) {
                // A copy is being read in: kept, this connection would pass for one to the tables that will be there.
                let reason = "its tables are not there".to_owned();
                return Err(PostgresFault::Unreachable { at: self.target.at.clone(), reason }.into());
            }
            if !found.matches(known) {
                return Err(PostgresFault::Reincarnated { at: self.target.at.clone() }.into());
            }
        }
        Ok(link)
    }
}

#[expect(clippy::disallowed_methods, reason = "how long this process may wait decides nothing else")]
pub(super) fn now() -> Instant {
    Instant::now()
}

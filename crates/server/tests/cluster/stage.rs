//! The components that all scenarios share: they come after one another, each with a database of its own.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use tokio::{
    sync::{Mutex as Turn, OwnedMutexGuard},
    task::block_in_place,
};
use unionflow_components::{Kafka, Postgres};
use unionflow_testkit::ServerProcess;

/// What a scenario breaks.
pub(crate) struct Parts {
    pub(crate) postgres: Postgres,
    pub(crate) kafka: Kafka,
    /// Where the broker says that its second listener is: nobody is there, unless a proxy stands there.
    pub(crate) by_proxy: SocketAddr,
}

static SHARED: Mutex<Weak<Turn<Parts>>> = Mutex::new(Weak::new());

/// A scenario's turn. Components are started for the first and stopped after the last.
pub(crate) async fn turn() -> OwnedMutexGuard<Parts> {
    let parts = block_in_place(|| {
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        shared.upgrade().unwrap_or_else(|| {
            let started = Arc::new(Turn::new(Parts::start()));
            *shared = Arc::downgrade(&started);
            started
        })
    });
    let mut parts = parts.lock_owned().await;
    block_in_place(|| parts.heal());
    parts
}

impl Parts {
    fn start() -> Self {
        let by_proxy = ServerProcess::free_address();
        let postgres = Postgres::start_with(&["max_connections=200"]).expect("PostgreSQL starts");
        let kafka = Kafka::start_advertised(&by_proxy.to_string()).expect("Kafka starts");
        Self { postgres, kafka, by_proxy }
    }

    /// A scenario that failed may have left anything.
    fn heal(&mut self) {
        self.kafka.resume();
        if !self.kafka.is_started() {
            self.kafka.start_again().expect("Kafka starts again");
        }
        if !self.postgres.is_started() {
            self.postgres.start_again().expect("PostgreSQL starts again");
        }
    }
}

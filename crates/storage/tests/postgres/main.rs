//! PostgreSQL passes the suite of all backends, and what is its own: many processes, broken connections, encryption.

use std::sync::Arc;

use unionflow_components::{Database, Postgres};
use unionflow_storage::{Ids, ScriptedClock, Store, postgres, storage_conformance};

fn fresh() -> (Store, Arc<ScriptedClock>, Database) {
    let database = Postgres::database().expect("a database of our own");
    let clock = Arc::new(ScriptedClock::default());
    let options = postgres::Options {
        address: database.url().to_owned(),
        clock: Some(clock.clone()),
        ids: Ids::system(),
    };
    (postgres::open(options).expect("a store opens"), clock, database)
}

storage_conformance!(fresh);

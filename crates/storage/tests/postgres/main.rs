//! PostgreSQL passes the suite of all backends, and what is its own: many processes, broken connections, encryption.

use std::sync::Arc;

use unionflow_components::{Database, Postgres};
use unionflow_protocol::id::OrganizationId;
use unionflow_storage::{ScriptedClock, Store, StoreFault, postgres, storage_conformance};

mod breaks;
mod faults;
mod moving;
mod opening;
mod plans;
mod processes;
mod tls;
mod wakes;

fn fresh() -> (Store, Arc<ScriptedClock>, Database) {
    let database = Postgres::database().expect("a database of our own");
    let clock = Arc::new(ScriptedClock::default());
    let options = postgres::Options { clock: Some(clock.clone()), ..postgres::Options::new(database.url()) };
    (postgres::open(options).expect("a store opens"), clock, database)
}

storage_conformance!(fresh);

mod on_the_servers_clock {
    use super::*;

    fn fresh() -> (Store, Arc<ScriptedClock>, Database) {
        let database = Postgres::database().expect("a database of our own");
        (open(database.url()).expect("a store opens"), Arc::default(), database)
    }

    storage_conformance!(fresh;
        seq_has_no_gaps_and_the_chain_verifies
        a_faulty_or_panicking_unit_leaves_nothing_and_harms_nobody_else
        a_statement_that_failed_undoes_its_unit_whatever_the_unit_makes_of_it
        a_refusal_is_kept_and_a_fault_frees_the_key
        one_key_has_one_effect_and_a_hundred_equal_answers
        readers_see_one_moment
        ended_sign_ins_can_be_watched
        one_refresh_wins_and_failures_add_up
        a_lease_has_one_holder_until_it_ends
    );
}

/// As a process opens it.
fn open(address: &str) -> Result<Store, StoreFault> {
    postgres::open(postgres::Options::new(address))
}

async fn verify(store: &Store, organization: OrganizationId) -> Result<u64, String> {
    let verdict = store
        .read(move |reader| Ok(reader.verify_journal(organization)?))
        .await
        .expect("the journal is read");
    verdict.map_err(|broken| broken.to_string())
}

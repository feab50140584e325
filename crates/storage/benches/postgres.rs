//! Durable units of work a second on PostgreSQL, beside what `pgbench` does with the same statements on the same server.
//!
//! `cargo bench -p unionflow-storage --features postgres --bench postgres`; with `-- SECONDS` for longer runs. Both sides have
//! as many clients as organisations; the server is a fresh one as durable as it comes, or the one that `DATABASE_URL` names.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::task::JoinSet;
use unionflow_components::Postgres;
use unionflow_storage::{
    Scope, Store,
    conformance::{found, join},
    postgres,
};

/// One unit's statements, as the store sends them.
const SCRIPT: &str = "\
BEGIN;
SELECT 1 FROM organization WHERE id = decode(lpad(to_hex(:client_id::int), 32, '0'), 'hex') FOR NO KEY UPDATE;
SAVEPOINT unit;
SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now \\gset
SELECT head_seq + 1 AS seq, settings, head_hash FROM organization WHERE id = decode(lpad(to_hex(:client_id::int), 32, '0'), 'hex') \\gset
SELECT body FROM figures WHERE organization_id = decode(lpad(to_hex(:client_id::int), 32, '0'), 'hex');
INSERT INTO journal SELECT organization_id, :seq::bigint, uuid_send(gen_random_uuid()), event_type, topic, audience, aggregate_id, :now::bigint, trace_parent, inbound, \
envelope, hash FROM journal WHERE organization_id = decode(lpad(to_hex(:client_id::int), 32, '0'), 'hex') AND seq = 1;
UPDATE organization SET head_seq = :seq, head_at = :now WHERE id = decode(lpad(to_hex(:client_id::int), 32, '0'), 'hex');
UPDATE figures SET stale_at = :now WHERE organization_id = decode(lpad(to_hex(:client_id::int), 32, '0'), 'hex');
COMMIT;
";

/// Organisations of pgbench's own, copies of the first.
const ORGANIZATIONS: &str = "\
INSERT INTO organization SELECT decode(lpad(to_hex(n), 32, '0'), 'hex'), version, currency, settings, created_at, 1, head_hash, \
head_at, 0 FROM (SELECT * FROM organization LIMIT 1) AS one, generate_series(0, 63) AS n; \
INSERT INTO figures SELECT decode(lpad(to_hex(n), 32, '0'), 'hex'), stale_at, body FROM (SELECT * FROM figures LIMIT 1) AS one, \
generate_series(0, 63) AS n; \
INSERT INTO journal SELECT decode(lpad(to_hex(n), 32, '0'), 'hex'), seq, event_id, event_type, topic, audience, aggregate_id, \
recorded_at, trace_parent, inbound, envelope, hash FROM (SELECT * FROM journal LIMIT 1) AS one, generate_series(0, 63) AS n; \
VACUUM ANALYZE";

fn main() {
    let seconds = std::env::args().filter_map(|argument| argument.parse().ok()).next().unwrap_or(8);
    let own = std::env::var("DATABASE_URL").is_err().then(|| Postgres::start().expect("a server"));
    let database = own.as_ref().map_or_else(Postgres::database, Postgres::new_database).expect("a database");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let store = postgres::open(postgres::Options::new(database.url())).expect("a store");
    println!("clients  organisations  units/s  pgbench/s  ratio");
    for (clients, organizations) in [(1, 1), (16, 16), (64, 64), (16, 1), (64, 1)] {
        let ours = runtime.block_on(units(&store, clients, organizations, seconds));
        if clients == 1 {
            for statement in ORGANIZATIONS.split("; ") {
                database.psql(statement).expect("copied");
            }
        }
        let pgbench = || database.pgbench(SCRIPT, clients, seconds).expect("it is installed beside psql");
        let theirs = (clients == organizations).then(pgbench);
        let (theirs, ratio) = theirs
            .map(|theirs| (format!("{theirs:.0}"), format!("{:.2}", ours / theirs)))
            .unwrap_or_default();
        println!("{clients:>7}  {organizations:>13}  {ours:>7.0}  {theirs:>9}  {ratio:>5}");
    }
    let server = runtime.block_on(server_units(&store, seconds));
    println!("16 clients, units of no organisation: {server:.0}/s");
}

/// Units of organisations, an event each.
async fn units(store: &Store, clients: usize, organizations: usize, seconds: u64) -> f64 {
    let mut ids = Vec::new();
    for _ in 0..organizations {
        ids.push(found(store).await);
    }
    let ids = Arc::new(ids);
    rate(clients, seconds, move |n| {
        let (store, id) = (store.clone(), ids[n % ids.len()]);
        async move {
            join(&store, id).await.expect("written");
        }
    })
    .await
}

/// Units of no organisation, as many clients at once: they share a lock.
async fn server_units(store: &Store, seconds: u64) -> f64 {
    rate(16, seconds, |n| {
        let store = store.clone();
        async move {
            let key = [u8::try_from(n).unwrap_or(0); 32];
            let unit = store.write(Scope::Server, move |tx| {
                Ok(tx.count_failure(&key, unionflow_protocol::Timestamp::from_millis(0))?)
            });
            unit.await.expect("written");
        }
    })
    .await
}

#[expect(clippy::disallowed_methods, reason = "a measure")]
async fn rate<F>(clients: usize, seconds: u64, unit: impl Fn(usize) -> F) -> f64
where
    F: Future<Output = ()> + Send + 'static,
{
    let mut running = JoinSet::new();
    let begin = |running: &mut JoinSet<usize>, client| {
        let unit = unit(client);
        running.spawn(async move {
            unit.await;
            client
        });
    };
    let begun = Instant::now();
    for client in 0..clients {
        begin(&mut running, client);
    }
    let mut done = 0_u32;
    while begun.elapsed() < Duration::from_secs(seconds) {
        let client = running.join_next().await.expect("clients run").expect("and do not panic");
        begin(&mut running, client);
        done += 1;
    }
    let elapsed = begun.elapsed().as_secs_f64();
    running.join_all().await;
    f64::from(done) / elapsed
}

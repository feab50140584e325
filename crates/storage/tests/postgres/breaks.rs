//! Connections and servers that break: what was acknowledged is there, nothing is half there, and it goes on by itself.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use tokio::{sync::watch, task::JoinSet, time::timeout};
use unionflow_components::Postgres;
use unionflow_protocol::{Seq, id::OrganizationId, id::PersonId};
use unionflow_storage::{
    Key, PostgresFault, Scope, Store, StoreFault, Undo,
    conformance::{found, join, join_in},
    tables::text::{Text, TextKind},
};

use super::{open, verify};

const PATIENCE: Duration = Duration::from_secs(60);
const BREAK: &str = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() \
                     AND pid <> pg_backend_pid()";

/// Clients that write for as long as they are let, each unit an event and a text.
struct Load {
    store: Store,
    organizations: Vec<OrganizationId>,
    next: AtomicU32,
    stopped: AtomicBool,
    acknowledged: Mutex<BTreeSet<(OrganizationId, Seq)>>,
    count: watch::Sender<usize>,
    /// Units of which nobody knows.
    unknown: AtomicU32,
}

impl Load {
    async fn start(store: &Store) -> (Arc<Self>, JoinSet<()>) {
        let mut organizations = Vec::new();
        for _ in 0..4 {
            organizations.push(found(store).await);
        }
        let load = Arc::new(Self {
            store: store.clone(),
            organizations,
            next: AtomicU32::new(0),
            stopped: AtomicBool::new(false),
            acknowledged: Mutex::default(),
            count: watch::Sender::new(0),
            unknown: AtomicU32::new(0),
        });
        let mut clients = JoinSet::new();
        for _ in 0..12 {
            clients.spawn(load.clone().client());
        }
        (load, clients)
    }

    async fn client(self: Arc<Self>) {
        while !self.stopped.load(Ordering::SeqCst) {
            let n = self.next.fetch_add(1, Ordering::SeqCst);
            let organization = self.organizations[n as usize % self.organizations.len()];
            let unit = self.store.write(Scope::Organization(organization), move |tx| {
                let seq = join_in(tx)?;
                let (owner_id, kind) = (organization.into(), TextKind::Comment);
                let text = Text { owner_id, kind, n, author_id: None, salt: [0; 16], body: seq.to_string() };
                tx.save_text(organization, &text)?;
                Ok(seq)
            });
            match unit.await {
                Ok(seq) => {
                    let mut acknowledged = self.acknowledged.lock();
                    assert!(acknowledged.insert((organization, seq)), "no place is given twice");
                    self.count.send_replace(acknowledged.len());
                }
                Err(Undo::Fault(StoreFault::Postgres(PostgresFault::Unknown { .. }))) => {
                    self.unknown.fetch_add(1, Ordering::SeqCst);
                }
                Err(Undo::Fault(
                    StoreFault::Postgres(PostgresFault::Unreachable { .. }) | StoreFault::Busy,
                )) => {}
                Err(other) => panic!("{other}"),
            }
        }
    }

    /// Until so many more were acknowledged.
    async fn goes_on(&self, more: usize) {
        let mut count = self.count.subscribe();
        let wanted = *count.borrow_and_update() + more;
        timeout(PATIENCE, count.wait_for(|count| *count >= wanted))
            .await
            .expect("it goes on")
            .expect("it is counted");
    }

    /// Stops the clients and counts.
    async fn ends_whole(&self, clients: JoinSet<()>) {
        self.stopped.store(true, Ordering::SeqCst);
        clients.join_all().await;
        let acknowledged = std::mem::take(&mut *self.acknowledged.lock());
        let mut beyond = 0;
        for organization in self.organizations.iter().copied() {
            let events = verify(&self.store, organization).await.expect("the journal is whole");
            let texts =
                self.store.read(move |reader| Ok(reader.load_texts(organization.into(), TextKind::Comment)?));
            let written: BTreeSet<Seq> = texts
                .await
                .expect("texts are read")
                .into_iter()
                .map(|(_, seq)| Seq(seq.parse().expect("a number")))
                .collect();
            assert_eq!(written, (2..=events).map(Seq).collect(), "each event with its text, or neither");
            let ours = acknowledged.iter().filter(|(of, _)| *of == organization).map(|(_, seq)| *seq);
            let ours: BTreeSet<Seq> = ours.collect();
            assert!(ours.is_subset(&written), "what was acknowledged is there");
            beyond += written.len() - ours.len();
        }
        let unknown = self.unknown.load(Ordering::SeqCst) as usize;
        assert!(beyond <= unknown, "{beyond} units more than acknowledged, {unknown} said to be unknown");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_are_cut_under_load_lose_nothing_that_was_acknowledged() {
    let database = Postgres::database().unwrap();
    let store = open(database.url()).unwrap();
    let (load, clients) = Load::start(&store).await;
    for _ in 0..5 {
        load.goes_on(40).await;
        database.psql(BREAK).unwrap();
    }
    load.goes_on(40).await;
    load.ends_whole(clients).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_killed_and_started_again_under_load_loses_nothing_that_was_acknowledged() {
    let mut server = Postgres::start().unwrap();
    let store = open(&server.url()).unwrap();
    let (load, clients) = Load::start(&store).await;
    for how in [Postgres::kill, Postgres::stop] {
        load.goes_on(40).await;
        let restarted = tokio::task::spawn_blocking(move || {
            how(&mut server);
            server.start_again().map(|()| server)
        });
        server = restarted.await.unwrap().unwrap();
    }
    load.goes_on(40).await;
    load.ends_whole(clients).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_broke_while_nobody_used_them_cost_no_fault() {
    let database = Postgres::database().unwrap();
    let store = open(database.url()).unwrap();
    let organization = found(&store).await;
    for n in 2..6 {
        assert_eq!(join(&store, organization).await, Ok(Seq(n)));
        assert_eq!(verify(&store, organization).await, Ok(n));
        database.psql(BREAK).unwrap();
    }
}

fn key() -> Key {
    Key {
        principal: PersonId::from_uuid(uuid::Uuid::from_u128(9)),
        route: "POST /members".to_owned(),
        key: "unknown-1".to_owned(),
        fingerprint: [1; 32],
        secret: false,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_without_an_answer_is_never_called_unwritten_and_its_key_tells() {
    let database = Postgres::database().unwrap();
    let store = open(database.url()).unwrap();
    let organization = found(&store).await;
    database
        .psql(
            "CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); \
             RETURN NULL; END $$; \
             CREATE CONSTRAINT TRIGGER dies_in_commit AFTER INSERT ON idempotency DEFERRABLE INITIALLY DEFERRED \
             FOR EACH ROW EXECUTE FUNCTION die()",
        )
        .unwrap();
    let scope = Scope::Organization(organization);
    let run = || store.write_keyed(scope, Some(key()), |_| Ok(()), |_| Ok(()), join_in_keyed);
    let fault = run().await.unwrap_err();
    assert!(matches!(fault, StoreFault::Postgres(PostgresFault::Unknown { .. })), "{fault}");
    database.psql("DROP TRIGGER dies_in_commit ON idempotency").unwrap();
    let repeated = run().await.unwrap();
    assert_eq!((repeated.answer, repeated.replayed), (Ok(2), false), "here it was not written");
    let again = run().await.unwrap();
    assert_eq!((again.answer, again.replayed), (Ok(2), true));
}

fn join_in_keyed(tx: &mut unionflow_storage::Tx<'_>) -> Result<u64, Undo> {
    join_in(tx).map(|seq| seq.0)
}

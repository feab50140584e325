//! Several servers over one PostgreSQL and one Kafka.

use std::{path::Path, time::Duration};

use tokio::{
    task::{block_in_place, spawn_blocking},
    time::{interval, timeout},
};
use unionflow_components::{Database, Kafka, Postgres};
use unionflow_protocol::Role;
use unionflow_server::{Options, Server, Settings};
use unionflow_testkit::{Frame, Person, ServerProcess, Socket, Troupe, open_service_on, settings};

const BINARY: &str = env!("CARGO_BIN_EXE_unionflow");

/// One database, one broker, two organisations.
struct Cluster {
    settings: Settings,
    espoir: Troupe,
    solidarite: Troupe,
    database: Database,
}

impl Cluster {
    async fn start(servers: &str) -> Self {
        let database = spawn_blocking(Postgres::database).await.expect("it ran").expect("PostgreSQL starts");
        let mut settings = settings(Path::new("unused"));
        database.url().clone_into(&mut settings.database_url);
        servers.clone_into(&mut settings.kafka_bootstrap_servers);
        let opened = settings.database().expect("an address");
        let store = spawn_blocking(move || opened.serve(None)).await.expect("it ran").expect("a store opens");
        let service = open_service_on(store).await;
        let espoir = Troupe::found(&service, "Mutuelle Espoir").await;
        let solidarite = Troupe::found(&service, "Union Solidarité").await;
        spawn_blocking(move || service.store().close()).await.expect("it closes");
        Self { settings, espoir, solidarite, database }
    }

    async fn server(&self) -> Server {
        Server::start(Options::new(self.settings.clone())).await.unwrap_or_else(|fault| panic!("{fault}"))
    }

    /// What the database answers, once it is as it should be.
    async fn until(&self, query: &str, is_so: impl Fn(&str) -> bool) -> String {
        let mut look = interval(Duration::from_millis(50));
        let looking = async {
            loop {
                look.tick().await;
                let answer = self.database.psql(query).expect("it answers").trim().to_owned();
                if is_so(&answer) {
                    return answer;
                }
            }
        };
        timeout(Duration::from_secs(20), looking).await.expect(query)
    }

    async fn person(&self, server: &Server, troupe: &Troupe, role: Role) -> Person {
        Person::sign_in(&server.address.to_string(), troupe, troupe.account(role)).await
    }
}

async fn live(person: &Person) -> Socket {
    let mut socket = person.connect("").await.unwrap_or_else(|refused| panic!("{refused:?}"));
    socket.until("SYSTEM_CAUGHT_UP").await;
    socket
}

fn count(frames: &[Frame], event_type: &str) -> usize {
    frames.iter().filter(|frame| frame.event_type() == event_type).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_decision_at_one_server_reaches_the_screens_of_another_and_no_other_organisation() {
    let kafka = spawn_blocking(Kafka::shared).await.expect("it ran").expect("Kafka starts");
    let cluster = Cluster::start(&kafka).await;
    let (here, there) = (cluster.server().await, cluster.server().await);
    let treasurer = cluster.person(&here, &cluster.espoir, Role::Treasurer).await;
    let president = cluster.person(&there, &cluster.espoir, Role::President).await;
    let stranger = cluster.person(&there, &cluster.solidarite, Role::President).await;
    let (mut screen, mut foreign) = (live(&president).await, live(&stranger).await);
    let mut own = live(&treasurer).await;

    let request = treasurer.submit(75_000).await;
    let seen = screen.events_until(request["asOfSeq"].as_u64().expect("a place")).await;
    assert_eq!(count(&seen, "APPROVAL_PENDING"), 1, "{seen:?}");
    // Decided at the other one: what each has committed is the other's to see, in one order.
    let decided = president.approve(&request).await.expect(200);
    let seq = decided["asOfSeq"].as_u64().expect("a place");
    let seen = own.events_until(seq).await;
    let mut order: Vec<u64> = seen.iter().filter_map(Frame::seq).collect();
    assert_eq!(count(&seen, "APPROVAL_PENDING") + count(&seen, "APPROVAL_APPROVED"), 2, "{seen:?}");
    let sent = order.len();
    order.dedup();
    assert!(order.is_sorted() && order.len() == sent, "{order:?}");
    assert!(foreign.events_until(stranger.head().await).await.iter().all(|frame| frame.seq().is_none()));
    here.stop().await;
    there.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_kafka_a_server_hears_of_the_others_from_the_database() {
    let address = std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port");
    let cluster = Cluster::start(&address.to_string()).await;
    let (here, there) = (cluster.server().await, cluster.server().await);
    let treasurer = cluster.person(&here, &cluster.espoir, Role::Treasurer).await;
    let president = cluster.person(&there, &cluster.espoir, Role::President).await;
    let mut screen = live(&president).await;
    let request = treasurer.submit(75_000).await;
    let seen = screen.events_until(request["asOfSeq"].as_u64().expect("a place")).await;
    assert_eq!(count(&seen, "APPROVAL_PENDING"), 1, "{seen:?}");
    here.stop().await;
    there.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_the_server_that_publishes_is_gone_another_takes_over() {
    let kafka = spawn_blocking(Kafka::shared).await.expect("it ran").expect("Kafka starts");
    let cluster = Cluster::start(&kafka).await;
    let first = cluster.server().await;
    let lease = "SELECT holder FROM lease WHERE name = 'relay'";
    let held_by = cluster.until(lease, |holder| !holder.is_empty()).await;
    let second = cluster.server().await;
    first.stop().await;
    let treasurer = cluster.person(&second, &cluster.espoir, Role::Treasurer).await;
    treasurer.submit(75_000).await;
    let behind = "SELECT count(*) FROM organization o JOIN published p ON p.organization_id = o.id WHERE o.head_seq > p.seq";
    cluster.until(behind, |count| count == "0").await;
    let holder = cluster.until(lease, |holder| !holder.is_empty()).await;
    assert_ne!(holder, held_by);
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_whose_database_was_restored_ends_and_the_next_one_has_clients_begin_anew() {
    let cluster = Cluster::start("").await;
    let folder = tempfile::tempdir().expect("a folder");
    let (copy, log) = (folder.path().join("copy"), folder.path().join("log"));
    let environment = [
        ("DATABASE_URL", cluster.settings.database_url.clone()),
        ("KAFKA_BOOTSTRAP_SERVERS", String::new()),
        ("LANG", "fr_FR.UTF-8".to_owned()),
    ];
    let address = ServerProcess::free_address();
    let start = || ServerProcess::start_with(Path::new(BINARY), address, &environment, Some(&log));
    let process = start().await;
    let troupe = &cluster.espoir;
    let president = Person::sign_in(&address.to_string(), troupe, troupe.account(Role::President)).await;
    let mut screen = live(&president).await;
    block_in_place(|| cluster.database.dump(&copy)).expect("it is copied");
    block_in_place(|| cluster.database.restore(&copy)).expect("it is restored");

    assert_eq!(process.ends().await, Some(1), "so that its supervisor starts it again");
    assert_eq!(screen.closes().await.1.code, 1012, "the socket is told to come back");
    let said = std::fs::read_to_string(&log).expect("a log");
    assert!(said.contains("a été restaurée ou remplacée depuis le démarrage"), "{said}");

    let process = start().await;
    let mut again = president.connect(&screen.resume()).await.unwrap_or_else(|refused| panic!("{refused:?}"));
    again.until("SYSTEM_RESYNC_REQUIRED").await;
    assert_ne!(again.epoch, screen.epoch);
    process.kill().await;
}

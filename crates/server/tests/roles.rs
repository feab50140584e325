//! One process serves REST and works, others serve the sockets.

use std::{net::TcpListener, time::Duration};

use serde_json::{Value, json};
use tokio::task::spawn_blocking;
use unionflow_components::{Database, Kafka, Postgres};
use unionflow_protocol::Role;
use unionflow_server::{Options, ProcessRole, Server, Settings};
use unionflow_testkit::{Frame, Person, Socket, Troupe, open_service_on, settings};

/// An organisation on a database.
struct Cluster {
    settings: Settings,
    espoir: Troupe,
    _database: Database,
}

impl Cluster {
    async fn start(servers: &str) -> Self {
        let database = spawn_blocking(Postgres::database).await.expect("it ran").expect("PostgreSQL starts");
        let mut settings = settings(std::path::Path::new("unused"));
        database.url().clone_into(&mut settings.database_url);
        servers.clone_into(&mut settings.kafka_bootstrap_servers);
        let opened = settings.database().expect("an address");
        let store = spawn_blocking(move || opened.serve(None)).await.expect("it ran").expect("a store opens");
        let service = open_service_on(store).await;
        let espoir = Troupe::found(&service, "Mutuelle Espoir").await;
        spawn_blocking(move || service.store().close()).await.expect("it closes");
        Self { settings, espoir, _database: database }
    }

    async fn server(&self, role: ProcessRole) -> Server {
        let settings = Settings { role, ..self.settings.clone() };
        Server::start(Options::new(settings)).await.unwrap_or_else(|fault| panic!("{fault}"))
    }

    async fn person(&self, api: &Server, role: Role) -> Person {
        Person::sign_in(&api.address.to_string(), &self.espoir, self.espoir.account(role)).await
    }
}

async fn json_of(url: String) -> (u16, Value) {
    let answer = reqwest::Client::new().get(url).header("accept-language", "en").send().await;
    let answer = answer.expect("an answer");
    (answer.status().as_u16(), answer.json().await.expect("JSON"))
}

/// A socket at a gateway, by a ticket that an api process gave.
async fn by_ticket(person: &Person, gateway: &Server, more: &str) -> Socket {
    let ticket = person.post("/realtime/tickets", &json!({})).await.expect(201);
    let (ticket, organization) = (ticket["ticket"].as_str().expect("a ticket"), person.organization);
    let url =
        format!("ws://{}/ws/dashboard?organizationId={organization}&ticket={ticket}{more}", gateway.address);
    Socket::connect(&url, &[]).await.unwrap_or_else(|refused| panic!("{refused:?}"))
}

fn seqs(frames: &[Frame]) -> Vec<u64> {
    frames.iter().filter(|frame| frame.is_event()).filter_map(Frame::seq).collect()
}

async fn stop(servers: impl IntoIterator<Item = Server>) {
    for server in servers {
        server.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gateways_show_what_an_api_process_records_and_one_that_came_late_shows_all_of_it() {
    let kafka = spawn_blocking(Kafka::shared).await.expect("it ran").expect("Kafka starts");
    let cluster = Cluster::start(&kafka).await;
    let (api, first) = (cluster.server(ProcessRole::Api).await, cluster.server(ProcessRole::Gateway).await);
    let treasurer = cluster.person(&api, Role::Treasurer).await;
    let president = cluster.person(&api, Role::President).await;
    let mut screen = by_ticket(&treasurer, &first, "").await;
    screen.until("SYSTEM_CAUGHT_UP").await;
    let request = treasurer.submit(75_000).await;
    president.approve(&request).await.expect(200);
    screen.until("APPROVAL_APPROVED").await;
    // Figures take the bus alone.
    screen.until("DASHBOARD_STATS_UPDATE").await;
    let head = president.head().await;

    let late = cluster.server(ProcessRole::Gateway).await;
    let mut newcomer = by_ticket(&president, &late, "&after=0").await;
    let replayed = newcomer.until("SYSTEM_CAUGHT_UP").await;
    let seen = seqs(&replayed);
    assert!(seen.is_sorted() && seen.first() == Some(&1), "{seen:?}");
    let approved = replayed.iter().filter(|frame| frame.event_type() == "APPROVAL_APPROVED").count();
    assert_eq!((approved, newcomer.cursor), (1, head), "{replayed:?}");
    let next = treasurer.submit(80_000).await;
    let place = next["asOfSeq"].as_u64().expect("a place");
    newcomer.sees_until(place).await;
    screen.sees_until(place).await;
    // What other systems send is given to who takes it in, and to nobody else.
    let members = spawn_blocking(move || {
        let group = ["--describe", "--members", "--group", "unionflow-websocket-server"];
        Kafka::tool(&kafka, "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand", &group)
    });
    let members = members.await.expect("it ran").expect("the tool runs");
    let rows = members.lines().filter(|line| line.starts_with("unionflow-websocket-server")).count();
    assert_eq!(rows, 1, "{members}");
    stop([late, first, api]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_process_does_not_serve_it_says_with_its_role() {
    let cluster = Cluster::start("").await;
    let (api, gateway) = (cluster.server(ProcessRole::Api).await, cluster.server(ProcessRole::Gateway).await);
    for (server, role, path, works) in [
        (&api, "api", "/ws/dashboard", json!(["read", "record", "publish"])),
        (&gateway, "gateway", "/api/v1/me", json!(["deliver"])),
        (&gateway, "gateway", "/setup", json!(["deliver"])),
    ] {
        let (status, problem) = json_of(format!("http://{}{path}", server.address)).await;
        assert_eq!((status, problem["code"].as_str()), (503, Some("UNAVAILABLE")), "{problem}");
        let detail = problem["detail"].as_str().expect("a detail");
        assert!(detail.contains(&format!("role = {role}")), "{detail}");
        for address in [server.address, server.admin_address] {
            let (status, ready) = json_of(format!("http://{address}/health/ready")).await;
            assert_eq!((status, &ready["role"], &ready["works"]), (200, &json!(role), &works), "{ready}");
            let (status, live) = json_of(format!("http://{address}/health/live")).await;
            assert_eq!((status, live), (200, json!({"status": "live", "role": role})));
        }
    }
    stop([gateway, api]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_kafka_a_gateway_lives_by_the_database_and_one_without_its_broker_starts_and_stops_at_once() {
    let cluster = Cluster::start("").await;
    let (api, gateway) = (cluster.server(ProcessRole::Api).await, cluster.server(ProcessRole::Gateway).await);
    let treasurer = cluster.person(&api, Role::Treasurer).await;
    let mut screen = by_ticket(&treasurer, &gateway, "").await;
    screen.until("SYSTEM_CAUGHT_UP").await;
    let seen = treasurer.submit(75_000).await;
    screen.sees_until(seen["asOfSeq"].as_u64().expect("a place")).await;
    drop(screen);
    stop([gateway, api]).await;

    let nobody = TcpListener::bind("127.0.0.1:0").and_then(|nobody| nobody.local_addr()).expect("a port");
    let settings = Settings {
        kafka_bootstrap_servers: nobody.to_string(),
        drain_seconds: 0,
        ..cluster.settings.clone()
    };
    let alone = Cluster { settings, ..cluster };
    let began = tokio::time::Instant::now();
    let server = alone.server(ProcessRole::All).await;
    let started = began.elapsed();
    assert!(started < Duration::from_secs(4), "{started:?}");
    let treasurer = alone.person(&server, Role::Treasurer).await;
    treasurer.submit(75_000).await;
    let ready = json_of(format!("http://{}/health/ready", server.address)).await.1;
    assert_eq!(
        (&ready["status"], &ready["works"]),
        (&json!("degraded"), &json!(["read", "record", "deliver"]))
    );
    assert!(
        ready["detail"].as_str().is_some_and(|detail| detail.contains("the bus does not answer")),
        "{ready}"
    );
    let began = tokio::time::Instant::now();
    server.stop().await;
    let stopped = began.elapsed();
    assert!(stopped < Duration::from_secs(3), "{stopped:?}");
}

#[test]
fn a_file_has_one_server_that_does_everything() {
    for role in [ProcessRole::Api, ProcessRole::Gateway] {
        let settings = Settings { role, ..settings(std::path::Path::new("unionflow.db")) };
        let fault = settings.check().expect_err("refused").to_string();
        assert!(fault.starts_with(&format!("role: `{}` needs PostgreSQL", role.as_str())), "{fault}");
    }
}

//! A server with Kafka between its relay and its hub.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::{
    task::spawn_blocking,
    time::{interval, timeout},
};
use unionflow_components::Kafka;
use unionflow_protocol::Role;
use unionflow_testkit::World;

async fn broker() -> Kafka {
    spawn_blocking(Kafka::start).await.expect("it ran").expect("Kafka starts")
}

async fn world(servers: &str) -> World {
    World::start_with(|settings| settings.kafka_bootstrap_servers = servers.to_owned()).await
}

async fn readiness(world: &World) -> Value {
    let url = format!("http://{}/health/ready", world.address());
    reqwest::get(url).await.expect("an answer").json().await.expect("JSON")
}

async fn becomes(world: &World, status: &str) -> Value {
    let mut look = interval(Duration::from_millis(50));
    let looking = async {
        loop {
            look.tick().await;
            let ready = readiness(world).await;
            if ready["status"] == status {
                return ready;
            }
        }
    };
    timeout(Duration::from_secs(30), looking).await.unwrap_or_else(|_| panic!("it becomes {status}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_decision_is_on_the_topic_as_the_screen_sees_it() {
    let broker = broker().await;
    let world = world(&broker.servers()).await;
    let (treasurer, president) = (world.espoir(Role::Treasurer).await, world.espoir(Role::President).await);
    let mut screen = world.socket(&treasurer).await;
    let request = treasurer.submit(75_000).await;
    let decided = president.approve(&request).await.expect(200);
    let seen = screen.events_until(decided["asOfSeq"].as_u64().expect("a place")).await;
    let approved = seen.iter().find(|frame| frame.event_type() == "APPROVAL_APPROVED").expect("it is seen");
    let ready = becomes(&world, "ready").await;
    assert_eq!((&ready["bus"], &ready["parts"]["bus"]), (&"kafka".into(), &"ok".into()));
    assert_eq!(ready["parts"]["inbound"], "ok");
    assert_eq!(ready["works"], json!(["read", "record", "deliver", "publish", "take_in"]));

    // As any program reads it: with the console consumer of Kafka's own distribution.
    let servers = broker.servers();
    let printed = spawn_blocking(move || {
        let print = ["--property", "print.headers=true", "--timeout-ms", "8000", "--from-beginning"];
        let topic = ["--topic", "unionflow.finance.approvals"];
        Kafka::tool(
            &servers,
            "org.apache.kafka.tools.consumer.ConsoleConsumer",
            &[&topic[..], &print].concat(),
        )
    });
    let printed = printed.await.expect("it ran").expect("the consumer runs");
    let line = printed.lines().find(|line| line.contains("ce_type:APPROVAL_APPROVED")).expect(&printed);
    let (headers, value) = line.split_once("\t{").expect("headers and a value");
    let value: Value = serde_json::from_str(&format!("{{{value}")).expect("JSON");
    assert_eq!(value["data"], *approved.data());
    assert_eq!(value["seq"].as_u64(), approved.seq());
    for header in [
        "ce_specversion:1.0",
        "ce_organizationid:",
        "ce_sequence:",
        "ce_epoch:",
        "ce_audience:roles:",
        "ce_mac:",
    ] {
        assert!(headers.contains(header), "{header} in {headers}");
    }
    assert!(!printed.contains("Achat"), "no words of people on a topic");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_kafka_is_down_commands_go_on_and_every_screen_still_sees_them() {
    let mut broker = broker().await;
    let world = world(&broker.servers()).await;
    let treasurer = world.espoir(Role::Treasurer).await;
    let mut screen = world.socket(&treasurer).await;
    becomes(&world, "ready").await;

    let broker = spawn_blocking(move || {
        broker.kill();
        broker
    });
    let mut broker = broker.await.expect("killed");
    let ready = becomes(&world, "degraded").await;
    assert_eq!((&ready["parts"]["store"], &ready["parts"]["bus"]), (&"ok".into(), &"unavailable".into()));
    let request = treasurer.submit(40_000).await;
    let seq = request["asOfSeq"].as_u64().expect("a place");
    let seen = screen.events_until(seq).await;
    assert!(seen.iter().any(|frame| frame.event_type() == "APPROVAL_PENDING"), "{seen:?}");

    let broker = spawn_blocking(move || {
        broker.start_again().expect("it starts again");
        broker
    });
    let _broker = broker.await.expect("started");
    becomes(&world, "ready").await;
    let later = treasurer.submit(41_000).await;
    let seen = screen.events_until(later["asOfSeq"].as_u64().expect("a place")).await;
    let pending = seen.iter().filter(|frame| frame.event_type() == "APPROVAL_PENDING").count();
    assert_eq!(pending, 1, "once, though the outbox held what was missed: {seen:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_starts_and_serves_without_its_broker() {
    let address = std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port");
    let world = timeout(Duration::from_secs(60), world(&address.to_string())).await.expect("it starts");
    let treasurer = world.espoir(Role::Treasurer).await;
    let mut screen = world.socket(&treasurer).await;
    let request = treasurer.submit(40_000).await;
    let seen = screen.events_until(request["asOfSeq"].as_u64().expect("a place")).await;
    assert!(seen.iter().any(|frame| frame.event_type() == "APPROVAL_PENDING"), "{seen:?}");
    assert_eq!(readiness(&world).await["status"], "degraded");
}

//! What `/metrics` says of Kafka, the outbox and the hub: each moves when that happens which it counts, and no label names an
//! organisation.

use std::{process::Command, time::Duration};

use tokio::{
    task::spawn_blocking,
    time::{interval, timeout},
};
use unionflow_bus::{
    Outlet, RawRecord,
    kafka::{Identity, KafkaBus, Settings},
};
use unionflow_components::Kafka;
use unionflow_protocol::{Role, Topic, id::Epoch};
use unionflow_testkit::{World, settings};

async fn scrape(world: &World) -> String {
    let url = format!("http://{}/metrics", world.server().admin_address);
    reqwest::get(url).await.expect("an answer").text().await.expect("text")
}

/// The sum over all labels.
fn sum(text: &str, name: &str) -> Option<f64> {
    let values = text.lines().filter_map(|line| {
        let rest = line.strip_prefix(name).filter(|rest| rest.starts_with(['{', ' ']))?;
        rest.rsplit(' ').next()?.parse::<f64>().ok()
    });
    values.reduce(|a, b| a + b)
}

/// Until a metric is as it should be.
async fn until(world: &World, name: &str, is_so: impl Fn(f64) -> bool) -> String {
    let mut look = interval(Duration::from_millis(50));
    let looking = async {
        loop {
            look.tick().await;
            let text = scrape(world).await;
            if sum(&text, name).is_some_and(&is_so) {
                return text;
            }
        }
    };
    timeout(Duration::from_secs(40), looking).await.unwrap_or_else(|_| panic!("{name} moves"))
}

/// Something that is none of our records, on a topic of ours.
async fn write_foreign(servers: &str) {
    let identity = Identity { epoch: Epoch::from_uuid(uuid::Uuid::nil()), key: b"another".to_vec() };
    let bus = KafkaBus::new(Settings::new(servers), identity).expect("settings that can be used");
    let (key, value) = (Some("a".into()), Some("{}".into()));
    let record = RawRecord { topic: Topic::Members, key, headers: Vec::new(), value };
    bus.outlet().send(record).await.expect("it is taken");
}

/// An event that another process commits to the same file.
async fn grant_beside(world: &World, login: &str) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_unionflow"));
    command.args(["user", "role", login, "AUDITOR"]).env_clear();
    command.env("DATABASE_URL", settings(&world.database()).database_url);
    command.args(["--organization", &world.espoir.id.to_string()]);
    let ended = spawn_blocking(move || command.output()).await.expect("it ran").expect("the binary starts");
    assert!(ended.status.success(), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_counted_moves_and_names_no_organisation() {
    let broker = spawn_blocking(Kafka::start).await.expect("it ran").expect("Kafka starts");
    let servers = broker.servers();
    let world = World::start_with(|settings| servers.clone_into(&mut settings.kafka_bootstrap_servers)).await;
    let treasurer = world.espoir(Role::Treasurer).await;
    let mut screen = world.socket(&treasurer).await;
    until(&world, "unionflow_bus_up", |up| up == 1.0).await;
    let request = treasurer.submit(75_000).await;
    screen.sees_until(request["asOfSeq"].as_u64().expect("a place")).await;
    until(&world, "unionflow_relay_published_total", |count| count > 0.0).await;
    until(&world, "unionflow_checkpoints_signed_total", |count| count >= 2.0).await;
    // Each event of this process comes twice: directly, and from Kafka.
    until(&world, "unionflow_hub_duplicates_total", |count| count > 0.0).await;
    write_foreign(&servers).await;
    until(&world, "unionflow_bus_ignored_total", |count| count >= 1.0).await;
    until(&world, "unionflow_bus_lag_records", |lag| lag == 0.0).await;

    let broker = spawn_blocking(move || {
        let mut broker = broker;
        broker.kill();
        broker
    });
    let mut broker = broker.await.expect("killed");
    until(&world, "unionflow_bus_up", |up| up == 0.0).await;
    treasurer.submit(80_000).await;
    until(&world, "unionflow_outbox_events", |count| count > 0.0).await;
    until(&world, "unionflow_outbox_age_seconds", |age| age > 0.5).await;
    grant_beside(&world, &world.espoir.account(Role::Member).login).await;
    until(&world, "unionflow_hub_events_from_journal_total", |count| count > 0.0).await;

    let broker = spawn_blocking(move || {
        broker.start_again().expect("it starts again");
        broker
    });
    let _broker = broker.await.expect("started");
    until(&world, "unionflow_outbox_events", |count| count == 0.0).await;
    let text = until(&world, "unionflow_outbox_age_seconds", |age| age == 0.0).await;
    for id in [world.espoir.id, world.solidarite.id] {
        assert!(!text.contains(&id.to_string()), "{text}");
    }
}

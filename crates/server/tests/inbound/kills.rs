//! A process that is killed between what it has committed and what it has said to be done.

use std::{process::Stdio, time::Duration};

use serde_json::{Value, json};
use tokio::{
    process::{Child, Command},
    time::{interval, timeout},
};
use unionflow_protocol::{Topic, id::OrganizationId};
use unionflow_server::{Database, Settings};
use unionflow_storage::Store;
use unionflow_testkit::{Books, PATIENCE};

use crate::scene::{Scene, foreign, paid};

fn process(settings: &Settings) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_unionflow"));
    command.args(["serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]).env_clear();
    command.env("DATABASE_URL", &settings.database_url);
    command.env("KAFKA_BOOTSTRAP_SERVERS", &settings.kafka_bootstrap_servers);
    command.env("UNIONFLOW_INBOUND_ORGANIZATIONS", format!("{:?}", settings.inbound_organizations));
    command.env("UNIONFLOW_INBOUND_SOURCES", format!("{:?}", settings.inbound_sources));
    command.env("UNIONFLOW_LOG", "warn").stdin(Stdio::null()).stdout(Stdio::null()).kill_on_drop(true);
    command.spawn().expect("the binary starts")
}

/// Facts of others in the journal, once there are more than so many.
async fn until(store: &Store, organization: OrganizationId, more_than: usize) -> Vec<Value> {
    let mut look = interval(Duration::from_millis(5));
    let looking = async {
        loop {
            look.tick().await;
            let told = foreign(&Books::read(store, organization).await);
            if told.len() > more_than {
                return told;
            }
        }
    };
    timeout(4 * PATIENCE, looking).await.expect("they are taken in in time")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_killed_process_had_taken_in_is_in_the_journal_once() {
    const RECORDS: usize = 120;
    let scene = Scene::without_server(|_| ()).await;
    for n in 0..RECORDS {
        scene.send(Topic::Inbound, &[], paid(&json!({"amount": n}))).await;
    }
    let database = scene.settings.database().expect("an address");
    let Database::File(path) = database else { panic!("a file") };
    let clock = std::sync::Arc::new(unionflow_storage::SystemClock);
    let beside = unionflow_storage::sqlite::open(unionflow_storage::sqlite::Options::beside(path, clock));
    let store = beside.expect("it opens beside a server");
    let mut told = 0;
    while told < RECORDS {
        // As soon as there is more, long before the brokers are told how far it came.
        let mut server = process(&scene.settings);
        told = until(&store, scene.espoir.id, told).await.len();
        server.kill().await.expect("it can be killed");
    }
    // One more record behind all of them: what came again has been looked at when it is there.
    let _server = process(&scene.settings);
    scene.send(Topic::Inbound, &[], paid(&json!({"amount": RECORDS}))).await;
    let mut amounts: Vec<Option<u64>> =
        until(&store, scene.espoir.id, RECORDS).await.iter().map(|data| data["amount"].as_u64()).collect();
    amounts.sort_unstable();
    assert_eq!(amounts, (0..=RECORDS as u64).map(Some).collect::<Vec<_>>());
    scene.verify().await;
}

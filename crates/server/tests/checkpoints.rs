//! A journal that is rewritten with all its hashes recomputed verifies by itself, and not against what was signed.

use std::{path::Path, process::Command, time::Duration};

use rusqlite::Connection;
use serde_json::Value;
use tokio::{
    task::spawn_blocking,
    time::{interval, timeout},
};
use unionflow_components::Kafka;
use unionflow_protocol::{Role, Topic, chain::ChainHash};
use unionflow_testkit::World;

/// How `unionflow verify` ended, and what it said.
async fn verify(database: &Path, servers: &str) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_unionflow"));
    command.arg("verify").env_clear().env("LANG", "en").env("KAFKA_BOOTSTRAP_SERVERS", servers);
    command.env("DATABASE_URL", format!("sqlite:{}", database.display()));
    let output = spawn_blocking(move || command.output()).await.expect("it ran").expect("the binary starts");
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(text).expect("text"))
}

/// As the program of anybody reads them: with the console consumer of Kafka's own distribution.
async fn printed(servers: &str) -> Vec<Value> {
    let servers = servers.to_owned();
    let topic = ["--topic", "unionflow.audit.checkpoints", "--from-beginning", "--timeout-ms", "8000"];
    let class = "org.apache.kafka.tools.consumer.ConsoleConsumer";
    let printed = spawn_blocking(move || Kafka::tool(&servers, class, &topic));
    let printed = printed.await.expect("it ran").expect("the consumer runs");
    printed.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// Changes who did something, and every hash from there to the head.
fn rewrite(database: &Path, organization: &[u8]) {
    let file = Connection::open(database).expect("it opens");
    file.execute_batch("DROP TRIGGER journal_is_never_changed").expect("whoever has the file may do this");
    let mut hash = ChainHash::GENESIS;
    let mut entries = file
        .prepare("SELECT seq, topic, audience, envelope FROM journal WHERE organization_id = ?1 ORDER BY seq")
        .expect("a statement");
    let entries: Vec<(i64, String, String, Vec<u8>)> = entries
        .query_map([organization], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))
        .expect("it runs")
        .collect::<Result<_, _>>()
        .expect("entries");
    for (seq, topic, audience, envelope) in entries {
        let said: Value = serde_json::from_slice(&envelope).expect("JSON");
        let text = String::from_utf8(envelope).expect("text");
        let envelope = match (said["eventType"].as_str(), said["actorId"].as_str()) {
            // Nobody did it.
            (Some("APPROVAL_VOTE_RECORDED"), Some(actor)) => {
                text.replacen(&format!("\"actorId\":\"{actor}\""), "\"actorId\":null", 1)
            }
            _ => text,
        };
        let topic: Topic = topic.parse().expect("a topic");
        hash = hash.link(topic, &audience, envelope.as_bytes());
        file.execute(
            "UPDATE journal SET envelope = ?3, hash = ?4 WHERE organization_id = ?1 AND seq = ?2",
            (organization, seq, envelope.as_bytes(), hash.as_bytes()),
        )
        .expect("it is rewritten");
    }
    file.execute("UPDATE organization SET head_hash = ?2 WHERE id = ?1", (organization, hash.as_bytes()))
        .expect("and its head");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rewritten_journal_is_found_by_the_heads_that_were_signed_before() {
    let broker = spawn_blocking(Kafka::start).await.expect("it ran").expect("Kafka starts");
    let servers = broker.servers();
    let mut world =
        World::start_with(|settings| servers.clone_into(&mut settings.kafka_bootstrap_servers)).await;
    let (treasurer, president) = (world.espoir(Role::Treasurer).await, world.espoir(Role::President).await);
    let url = format!("http://{}/health/ready", world.address());
    let mut look = interval(Duration::from_millis(50));
    let up = async {
        loop {
            look.tick().await;
            let ready: Value = reqwest::get(&url).await.expect("an answer").json().await.expect("JSON");
            if ready["status"] == "ready" {
                return;
            }
        }
    };
    timeout(Duration::from_secs(30), up).await.expect("Kafka is there");
    let request = treasurer.submit(75_000).await;
    president.approve(&request).await.expect(200);
    let head = treasurer.head().await;
    let (database, organization) = (world.database(), *world.espoir.id.as_bytes());
    let id = world.espoir.id.to_string();
    world.stop().await;

    // Signed at the stop, and for each organisation.
    let signed = printed(&servers).await;
    let ours: Vec<&Value> = signed.iter().filter(|checkpoint| checkpoint["organizationId"] == *id).collect();
    assert_eq!(ours.last().expect("one of ours")["seq"], head, "{signed:?}");
    let keys = ["epoch", "hash", "keyId", "organizationId", "seq", "signature", "signedAt"];
    assert!(ours[0].as_object().expect("an object").keys().eq(&keys), "{ours:?}");

    let (code, said) = verify(&database, &servers).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains(&format!("the journal holds the signed head {head}")), "{said}");
    assert!(said.contains("  ed25519  "), "the public key is told: {said}");

    rewrite(&database, &organization);
    let (code, said) = verify(&database, "").await;
    assert_eq!(code, Some(0), "by itself it verifies: {said}");
    let (code, said) = verify(&database, &servers).await;
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("it was rewritten, or cut off"), "{said}");
}

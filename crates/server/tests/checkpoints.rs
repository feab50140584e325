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

/// Takes every row of an organisation out of the store.
fn delete(file: &Connection, organization: &[u8]) {
    file.execute_batch("PRAGMA foreign_keys = OFF").expect("whoever has the file may do this");
    let mut names = file
        .prepare("SELECT type, name FROM sqlite_schema WHERE type IN ('table', 'trigger') AND name NOT LIKE 'sqlite_%'")
        .expect("a statement");
    let names: Vec<(String, String)> = names
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .expect("it runs")
        .collect::<Result<_, _>>()
        .expect("names");
    for (_, trigger) in names.iter().filter(|(kind, _)| kind == "trigger") {
        file.execute_batch(&format!("DROP TRIGGER {trigger}")).expect("it is dropped");
    }
    for (_, table) in names.iter().filter(|(kind, _)| kind == "table") {
        let has = "SELECT count(*) FROM pragma_table_info(?1) WHERE name = 'organization_id'";
        let has: u32 = file.query_row(has, [table], |row| row.get(0)).expect("its columns");
        if has > 0 {
            file.execute(&format!("DELETE FROM {table} WHERE organization_id = ?1"), [organization])
                .expect("they are deleted");
        }
    }
    file.execute("DELETE FROM organization WHERE id = ?1", [organization]).expect("it is deleted");
}

/// A server with Kafka that signed the heads of its organisations, one of them after a decision, and stopped. Where its store
/// is, and that one's head.
async fn signed_and_stopped(servers: &str) -> (World, u64) {
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
    world.stop().await;
    (world, head)
}

async fn broker() -> Kafka {
    spawn_blocking(Kafka::start).await.expect("it ran").expect("Kafka starts")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rewritten_journal_is_found_by_the_heads_that_were_signed_before() {
    let broker = broker().await;
    let servers = broker.servers();
    let (world, head) = signed_and_stopped(&servers).await;
    let (database, organization) = (world.database(), *world.espoir.id.as_bytes());
    let id = world.espoir.id.to_string();

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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_epoch_hides_no_signed_head_and_an_organisation_that_is_deleted_whole_is_missed() {
    let broker = broker().await;
    let servers = broker.servers();
    let (world, head) = signed_and_stopped(&servers).await;
    let (database, espoir) = (world.database(), world.espoir.id);
    let file = Connection::open(&database).expect("it opens");
    let epoch: String = file
        .query_row("SELECT value FROM meta WHERE key = 'epoch'", [], |row| row.get(0))
        .expect("it has an epoch");
    let mut other = epoch.clone().into_bytes();
    let last = other.last_mut().expect("a text");
    *last = if *last == b'0' { b'1' } else { b'0' };
    let other = String::from_utf8(other).expect("text");
    let set_epoch = |epoch: &str| {
        file.execute("UPDATE meta SET value = ?1 WHERE key = 'epoch'", [epoch]).expect("it is changed");
    };

    set_epoch(&other);
    let (code, said) = verify(&database, &servers).await;
    assert_eq!(code, Some(0), "a restore does so on purpose: {said}");
    let told = format!("of another epoch, {epoch}, which the journal holds up to entry {head}: a restore");
    assert!(said.contains(&told), "{said}");
    let about = said.lines().find(|line| line.contains(&told)).expect("seen above");
    assert!(about.starts_with("! Mutuelle Espoir"), "{said}");
    rewrite(&database, espoir.as_bytes());
    let (code, said) = verify(&database, &servers).await;
    assert_eq!(code, Some(0), "{said}");
    let told = format!("of another epoch, {epoch}");
    let about = said.lines().find(|line| line.starts_with("! Mutuelle Espoir")).expect(&said);
    assert!(about.contains(&told) && about.contains(&format!("without the one of entry {head}")), "{said}");

    delete(&file, espoir.as_bytes());
    let missing = format!("{espoir}  has a signed head of another epoch and is not in this store");
    let (code, said) = verify(&database, &servers).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains(&format!("! {missing}")), "{said}");
    set_epoch(&epoch);
    let (code, said) = verify(&database, &servers).await;
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains(&format!("✗ {espoir}  has a signed head and is not in this store")), "{said}");
}

//! What we may do is told as it is: who is let in and may do nothing is not ready, and loses nothing.

use std::{sync::Arc, time::Duration};

use tokio::{
    task::spawn_blocking,
    time::{interval, timeout},
};
use unionflow_bus::{
    Bus, BusFault, Inbound, Outlet, RawRecord,
    kafka::{KafkaBus, KafkaShelf, Mechanism, Protocol, Sasl, Settings},
};
use unionflow_components::Kafka;
use unionflow_protocol::Topic;

use crate::{identity, organization, record, stands};

const PASSWORD: &str = "for-tests-only";
const USERS: [&str; 3] = ["nobody", "described", "unionflow"];
const WITHIN: Duration = Duration::from_secs(60);

/// A broker that knows these users; what is not allowed is forbidden to them.
fn start() -> Kafka {
    let users: String = USERS.map(|user| format!(" user_{user}=\"{PASSWORD}\"")).concat();
    let properties = format!(
        "sasl.enabled.mechanisms=PLAIN
listener.name.secure.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required{users};
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS"
    );
    let broker = Kafka::start_secure("SASL_PLAINTEXT", &properties).expect("Kafka starts");
    // Others make the topics.
    let topics =
        KafkaBus::new(Settings::new(broker.servers()), identity()).expect("settings that can be used");
    tokio::runtime::Handle::current().block_on(topics.ensure_topics()).expect("they are made");
    broker
}

/// By an administrator.
fn allow(broker: &Kafka, user: &str, operations: &[&str], on: &[&str]) {
    let principal = format!("User:{user}");
    let mut arguments = vec!["--add", "--allow-principal", &principal];
    arguments.extend(operations.iter().flat_map(|operation| ["--operation", operation]));
    arguments.extend(on);
    Kafka::tool(&broker.servers(), "org.apache.kafka.tools.AclCommand", &arguments).expect("it is changed");
}

fn settings(broker: &Kafka, user: &str) -> Settings {
    let mut settings = Settings::new(broker.second_servers());
    settings.security.protocol = Protocol::SaslPlaintext;
    let password = PASSWORD.to_owned().into();
    settings.security.sasl = Some(Sasl { mechanism: Mechanism::Plain, username: user.to_owned(), password });
    settings
}

fn bus(broker: &Kafka, user: &str) -> Arc<KafkaBus> {
    Arc::new(KafkaBus::new(settings(broker, user), identity()).expect("settings that can be used"))
}

async fn apart<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    spawn_blocking(work).await.expect("it ran")
}

fn letter() -> RawRecord {
    RawRecord { topic: Topic::DeadLetter, key: None, headers: Vec::new(), value: Some("a".into()) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_let_in_and_may_do_nothing_does_not_stand_and_does_once_it_may() {
    let broker = Arc::new(apart(start).await);
    let (nobody, described) = (bus(&broker, "nobody"), bus(&broker, "described"));
    let all = ["--topic", "unionflow.", "--resource-pattern-type", "prefixed"];
    let administrator = broker.clone();
    apart(move || allow(&administrator, "described", &["Describe"], &all)).await;
    for bus in [&nobody, &described] {
        bus.watch();
        let published = bus.publish([record(organization(50), 1)].into()).await;
        assert!(matches!(published, Err(BusFault::Unavailable(_) | BusFault::Forbidden(_))), "{published:?}");
    }
    // Longer than it takes to know that a connection is there.
    let mut look = interval(Duration::from_millis(100));
    for _ in 0..40 {
        look.tick().await;
        assert!(!nobody.standing().is_up && !described.standing().is_up);
    }
    // Made by others, and what we may not make is no difference.
    assert_eq!(described.ensure_topics().await, Ok(Vec::new()));
    // Without the right to read, nobody is told that there is nothing.
    let shelf = KafkaShelf::new(settings(&broker, "nobody")).expect("settings that can be used");
    let read = shelf.read(Topic::DeadLetter, async |_| Ok(())).await;
    let Err(BusFault::Unavailable(why)) = read else { panic!("it says that all is well") };
    assert!(why.to_lowercase().contains("authorization"), "{why}");
    let administrator = broker.clone();
    apart(move || allow(&administrator, "nobody", &["Write", "Describe"], &all)).await;
    let again = async { while nobody.publish([record(organization(50), 1)].into()).await.is_err() {} };
    timeout(WITHIN, again).await.expect("taken once it may");
    stands(&nobody, |standing| standing.is_up, "it may").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn inbound_stands_still_where_dead_letters_cannot_be_written_or_records_not_be_read() {
    let broker = Arc::new(apart(start).await);
    let administrator = broker.clone();
    apart(move || {
        let all = ["--topic", "unionflow.", "--resource-pattern-type", "prefixed"];
        allow(&administrator, "unionflow", &["Describe"], &all);
        let business: Vec<&str> =
            Topic::BUSINESS.iter().flat_map(|topic| ["--topic", topic.as_str()]).collect();
        allow(&administrator, "unionflow", &["Write"], &business);
        let group = ["--group", "unionflow-websocket-server"];
        allow(&administrator, "unionflow", &["Read"], &group);
    })
    .await;
    let bus = bus(&broker, "unionflow");
    assert_eq!(bus.standing().takes_in, None);
    bus.watch();
    let mut inbound = bus.inbound(&[Topic::Inbound]).expect("settings that can be used");
    let taking = tokio::spawn(async move { inbound.next().await });
    stands(&bus, |standing| standing.is_up && standing.takes_in == Some(false), "it may not read").await;
    let administrator = broker.clone();
    apart(move || {
        allow(&administrator, "unionflow", &["Read"], &["--topic", Topic::Inbound.as_str()]);
    })
    .await;
    stands(&bus, |standing| standing.takes_in == Some(true), "it may").await;

    let buried = bus.outlet().send(letter()).await;
    assert!(matches!(buried, Err(BusFault::Forbidden(_))), "{buried:?}");
    let standing = bus.standing();
    assert!(standing.is_up && standing.takes_in == Some(false), "{standing:?}");
    let administrator = broker.clone();
    apart(move || {
        allow(&administrator, "unionflow", &["Write"], &["--topic", Topic::DeadLetter.as_str()]);
    })
    .await;
    let again = async { while bus.outlet().send(letter()).await.is_err() {} };
    timeout(WITHIN, again).await.expect("taken once it may");
    stands(&bus, |standing| standing.takes_in == Some(true), "it may").await;
    taking.abort();
}

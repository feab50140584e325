//! Encryption and sign-in, against a broker that asks for both.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use tokio::time::timeout;
use unionflow_bus::{
    Bus, BusFault,
    kafka::{KafkaBus, Mechanism, Protocol, Sasl, Settings},
};
use unionflow_components::Kafka;

use crate::{identity, organization, record, until};

const USER: &str = "unionflow";
const PASSWORD: &str = "for-tests-only";

/// A certificate for loopback that signs itself, and its key; the broker takes both from one file.
fn certificate(folder: &Path) {
    let openssl = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"])
        .args(["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "key.pem", "-out", "certificate.pem"])
        .current_dir(folder)
        .output()
        .expect("openssl runs");
    assert!(openssl.status.success(), "{}", String::from_utf8_lossy(&openssl.stderr));
    let part = |name: &str| fs::read_to_string(folder.join(name)).expect("written");
    fs::write(folder.join("both.pem"), part("key.pem") + &part("certificate.pem")).expect("written");
}

fn properties(folder: &Path) -> String {
    let jaas = "org.apache.kafka.common.security";
    format!(
        "sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512
listener.name.secure.plain.sasl.jaas.config={jaas}.plain.PlainLoginModule required user_{USER}=\"{PASSWORD}\";
listener.name.secure.scram-sha-256.sasl.jaas.config={jaas}.scram.ScramLoginModule required;
listener.name.secure.scram-sha-512.sasl.jaas.config={jaas}.scram.ScramLoginModule required;
listener.name.secure.ssl.keystore.type=PEM
listener.name.secure.ssl.keystore.location={}",
        folder.join("both.pem").display()
    )
}

/// A broker that knows the user by all mechanisms.
fn start(folder: &Path) -> Kafka {
    certificate(folder);
    let broker = Kafka::start_secure("SASL_SSL", &properties(folder)).expect("Kafka starts");
    for mechanism in ["SCRAM-SHA-256", "SCRAM-SHA-512"] {
        let secret = format!("{mechanism}=[password={PASSWORD}]");
        let user = ["--alter", "--add-config", &secret, "--entity-type", "users", "--entity-name", USER];
        Kafka::tool(&broker.servers(), "kafka.admin.ConfigCommand", &user).expect("the user is known");
    }
    broker
}

fn settings(servers: &str, ca_file: Option<PathBuf>, mechanism: Mechanism, password: &str) -> Settings {
    let mut settings = Settings::new(servers);
    settings.security.protocol = Protocol::SaslSsl;
    settings.security.ca_file = ca_file;
    settings.security.sasl =
        Some(Sasl { mechanism, username: USER.to_owned(), password: password.to_owned().into() });
    settings
}

async fn why_not(settings: Settings) -> String {
    let bus = KafkaBus::new(settings, identity()).expect("settings that can be used");
    let published = timeout(Duration::from_secs(30), bus.publish([record(organization(30), 1)].into())).await;
    let Err(BusFault::Unavailable(why)) = published.expect("in time") else { panic!("it was taken") };
    assert!(!why.contains(PASSWORD) && !why.contains("wrong-one"), "{why}");
    why
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_travel_encrypted_and_signed_in_and_who_is_not_let_in_is_told_why() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().to_owned();
    let broker = tokio::task::spawn_blocking(move || start(&path)).await.expect("it ran");
    let (servers, authority) = (broker.second_servers(), folder.path().join("certificate.pem"));
    let mechanisms = [Mechanism::Plain, Mechanism::ScramSha256, Mechanism::ScramSha512];
    for (mechanism, n) in mechanisms.into_iter().zip(31..) {
        let settings = settings(&servers, Some(authority.clone()), mechanism, PASSWORD);
        let bus = KafkaBus::new(settings, identity()).expect("settings that can be used");
        let mut subscription = bus.subscribe().await.expect("subscribed");
        bus.publish([record(organization(n), 1)].into()).await.expect("published");
        assert_eq!(until(&mut subscription, organization(n), 1).await, [record(organization(n), 1)]);
    }
    let wrong = why_not(settings(&servers, Some(authority), Mechanism::ScramSha512, "wrong-one")).await;
    assert!(wrong.to_lowercase().contains("authentication"), "{wrong}");
    let stranger = why_not(settings(&servers, None, Mechanism::ScramSha512, PASSWORD)).await;
    assert!(stranger.to_lowercase().contains("certificate"), "{stranger}");
}

//! A build without Kafka and without PostgreSQL, as operators meet it: what it refuses, and what it says to do.
//!
//! `cargo test --package unionflow-server --no-default-features --test without`
#![cfg(not(any(feature = "kafka", feature = "postgres")))]

use std::process::{Command, Stdio};

/// What `serve` says in this language, with this variable set, when it is refused.
fn refusal(language: &str, name: &str, value: &str) -> String {
    refusal_of(&["serve"], language, name, value)
}

fn refusal_of(arguments: &[&str], language: &str, name: &str, value: &str) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_unionflow"));
    command.args(arguments).args(["--lang", language]).env_clear().env(name, value).stdin(Stdio::null());
    let output = command.output().expect("the binary starts");
    assert_eq!(output.status.code(), Some(2), "the configuration is wrong");
    String::from_utf8(output.stderr).expect("text")
}

#[test]
fn kafka_is_refused_by_the_key_that_asks_for_it() {
    for (variable, key, value) in [
        ("UNIONFLOW_BUS", "bus", "kafka"),
        ("KAFKA_BOOTSTRAP_SERVERS", "kafka_bootstrap_servers", "127.0.0.1:9092"),
    ] {
        let english = refusal("en", variable, value);
        assert!(english.contains(&format!("{key}: this build has no Kafka: leave it out")), "{english}");
        assert!(english.contains("install a build with the feature `kafka`"), "{english}");
        let french = refusal("fr", variable, value);
        assert!(french.contains(&format!("{key} : cette version n’a pas Kafka : retirez-le")), "{french}");
    }
}

#[test]
fn dead_letters_lie_in_kafka_and_the_command_says_so() {
    let said = |language| refusal_of(&["dead-letters", "list"], language, "UNIONFLOW_LOG", "warn");
    let english = said("en");
    assert!(
        english.contains("no Kafka, where dead letters lie: install a build with the feature `kafka`"),
        "{english}"
    );
    let french = said("fr");
    assert!(french.contains("n’a pas Kafka, où se trouvent ces messages : installez"), "{french}");
}

#[test]
fn postgresql_is_refused_and_its_password_is_not_repeated() {
    let url = "postgres://unionflow:s3cret@db/unionflow";
    let english = refusal("en", "DATABASE_URL", url);
    assert!(english.contains("database_url: this build has no PostgreSQL: use sqlite:PATH"), "{english}");
    let french = refusal("fr", "DATABASE_URL", url);
    assert!(french.contains("cette version n’a pas PostgreSQL : prenez sqlite:CHEMIN"), "{french}");
    assert!(!(english + &french).contains("s3cret"));
}

//! Settings that cannot be used are told at once, by name; secrets are told never.

use unionflow_bus::{
    Bus,
    kafka::{KafkaBus, Mechanism, Protocol, Sasl, Settings, SettingsFault},
};

use crate::{identity, organization, record, until};

fn with(name: &str, value: &str) -> Result<(), SettingsFault> {
    let mut settings = Settings::new("127.0.0.1:1");
    settings.more.insert(name.to_owned(), value.to_owned());
    KafkaBus::new(settings, identity()).map(|_| ())
}

#[tokio::test]
async fn what_the_promises_rest_on_cannot_be_set() {
    for name in
        ["acks", "enable.idempotence", "enable.auto.commit", "group.id", "bootstrap.servers", "sasl.password"]
    {
        let fault = with(name, "1").expect_err(name);
        assert!(fault.to_string().contains(name), "{fault}");
    }
    assert_eq!(with("compression.type", "none"), Ok(()));
}

#[tokio::test]
async fn what_librdkafka_does_not_take_is_named_without_its_value() {
    for (name, value) in [
        ("no.such.setting", "hunter-two"),
        ("socket.timeout.ms", "hunter-two"),
        ("compression.type", "hunter-two"),
    ] {
        let fault = with(name, value).expect_err(name);
        assert!(fault.to_string().contains(name), "{fault}");
        assert!(!format!("{fault} {fault:?}").contains(value), "{fault:?}");
    }
}

/// Others may use any of them, whatever we use ourselves.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_of_every_compression_are_read() {
    let servers = crate::shared().await;
    let reader = crate::bus(&servers, identity());
    let mut subscription = reader.subscribe().await.expect("the broker is there");
    for (seq, compression) in (1..).zip(["gzip", "snappy", "lz4", "zstd"]) {
        let mut settings = Settings::new(&servers);
        settings.more.insert("compression.type".to_owned(), compression.to_owned());
        let writer = KafkaBus::new(settings, identity()).expect("settings that can be used");
        // Alone it would not be worth compressing.
        let mut record = record(organization(900), seq);
        record.value = format!("{{\"seq\":{seq},\"text\":\"{}\"}}", "mutuelle ".repeat(200)).into();
        writer.publish([record].into()).await.unwrap_or_else(|fault| panic!("{compression}: {fault}"));
        let seen = until(&mut subscription, organization(900), seq).await;
        assert!(seen.last().is_some_and(|record| record.value.len() > 1_000), "{compression}");
    }
}

#[tokio::test]
async fn a_password_is_not_shown() {
    let mut settings = Settings::new("127.0.0.1:1");
    settings.security.protocol = Protocol::SaslPlaintext;
    let password = "hunter-two".to_owned().into();
    settings.security.sasl =
        Some(Sasl { mechanism: Mechanism::ScramSha512, username: "u".to_owned(), password });
    settings.more.insert("ssl.key.password".to_owned(), "hunter-two".to_owned());
    assert!(!format!("{settings:?}").contains("hunter-two"));
    settings.more.clear();
    assert!(KafkaBus::new(settings, identity()).is_ok());
}

//! What cannot be taken in, and the operator who sees to it.

use serde_json::{Value, json};
use tokio::task::spawn_blocking;
use unionflow_components::Kafka;
use unionflow_protocol::Topic;

use crate::scene::{Scene, foreign, paid};

/// The dead letters, oldest first, once there are so many.
async fn letters(scene: &Scene, count: usize) -> Vec<Value> {
    let read = |printed: &str| -> Vec<Value> {
        let list: Value = serde_json::from_str(printed.trim()).unwrap_or_default();
        list["items"].as_array().cloned().unwrap_or_default()
    };
    let list = ["dead-letters", "list", "--json"];
    let printed = scene.until_printed(&list, |printed| read(printed).len() >= count).await;
    let letters = read(&printed);
    assert_eq!(letters.len(), count, "{printed}");
    letters
}

fn place(letter: &Value) -> String {
    format!("{}:{}", letter["partition"], letter["offset"])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_bad_record_is_a_dead_letter_with_its_reason_and_the_stream_goes_on() {
    let scene = Scene::open(|_| ()).await;
    let claim = json!({"eventId": uuid::Uuid::from_u128(9), "organizationId": scene.espoir.id, "seq": 100_000,
        "eventType": "MEMBER_LEFT", "timestamp": "2026-11-22T10:15:30.123Z", "aggregateId": uuid::Uuid::nil(),
        "aggregateVersion": 1, "actorId": null, "origin": "command", "causationId": null, "data": {}});
    let stranger = paid(&json!({})).replace("org-123", "org-9");
    type Headers = [(&'static str, &'static str)];
    let bad: [(&Headers, String, &str); 7] = [
        (&[("origine", "guichet 4")], "ce n’est pas du JSON".into(), "NOT_JSON"),
        (&[], stranger, "UNKNOWN_ORGANIZATION"),
        (&[("ce_source", "mairie")], paid(&json!({})), "SOURCE_NOT_ALLOWED"),
        (
            &[("ce_source", "caisse")],
            paid(&json!({})).replace("CONTRIBUTION_PAID", "MEMBER_LEFT"),
            "TYPE_NOT_ALLOWED",
        ),
        (&[], format!("{{\"x\":\"{}\"}}", "x".repeat(2_000_000)), "TOO_LARGE"),
        (&[("ce_specversion", "2.0")], paid(&json!({})), "FUTURE_VERSION"),
        (&[("ce_mac", "AAAA")], claim.to_string(), "AHEAD_OF_JOURNAL"),
    ];
    for (n, (headers, value, _)) in bad.iter().enumerate() {
        scene.send(Topic::Inbound, headers, value.clone()).await;
        scene.send(Topic::Inbound, &[], paid(&json!({"amount": n}))).await;
    }
    let told = foreign(&scene.until_told(bad.len()).await);
    assert_eq!(told.len(), bad.len());
    let letters = letters(&scene, bad.len()).await;
    let mut reasons: Vec<&str> = letters.iter().filter_map(|letter| letter["reason"].as_str()).collect();
    reasons.sort_unstable();
    let mut expected: Vec<&str> = bad.iter().map(|(.., reason)| *reason).collect();
    expected.sort_unstable();
    assert_eq!(reasons, expected);

    let of =
        |reason: &str| letters.iter().find(|letter| letter["reason"] == reason).map(place).expect(reason);
    let (code, shown) = scene.run(&["dead-letters", "show", &of("NOT_JSON")]).await;
    assert_eq!(code, Some(0), "{shown}");
    for part in [
        "NOT_JSON",
        "value: it is no JSON at line 1",
        "origine: guichet 4",
        "\nce n’est pas du JSON",
        "pay-1",
    ] {
        assert!(shown.contains(part), "{part} in\n{shown}");
    }
    let (_, list) = scene.run(&["--lang", "fr", "dead-letters", "list"]).await;
    for part in ["L’organisation est inconnue : nommez-la", "en anglais : organizationId: "] {
        assert!(list.contains(part), "{part} in\n{list}");
    }
    let (code, doctor) = scene.run(&["--data", ".", "doctor"]).await;
    let waiting = format!("! {} records of other systems were not taken in", bad.len());
    assert!(
        code == Some(0) && doctor.contains("✓ Kafka's topics are") && doctor.contains(&waiting),
        "{doctor}"
    );
    let (code, refused) = scene.run(&["dead-letters", "replay", &of("TOO_LARGE")]).await;
    assert!(code == Some(1) && refused.contains("is missing: their sender"), "{refused}");
    let (code, absent) = scene.run(&["dead-letters", "show", "0:100000"]).await;
    assert!(code == Some(1) && absent.contains("there is nothing at 0:100000"), "{absent}");
    let (code, wrong) = scene.run(&["dead-letters", "list", "--reason", "BAD"]).await;
    assert!(code == Some(2) && wrong.contains("NOT_JSON, TOO_LARGE"), "{wrong}");

    shown_by_kafkas_own_consumer(&scene).await;
    scene.verify().await;
}

/// The headers, and how much is kept of what was too large.
async fn shown_by_kafkas_own_consumer(scene: &Scene) {
    // As any program reads them: with the console consumer of Kafka's own distribution.
    let servers = scene.broker.servers();
    let printed = spawn_blocking(move || {
        let print = ["--property", "print.headers=true", "--timeout-ms", "8000", "--from-beginning"];
        let topic = ["--topic", Topic::DeadLetter.as_str()];
        Kafka::tool(
            &servers,
            "org.apache.kafka.tools.consumer.ConsoleConsumer",
            &[&topic[..], &print].concat(),
        )
    });
    let printed = printed.await.expect("it ran").expect("the consumer runs");
    let line = printed.lines().find(|line| line.contains("reason:UNKNOWN_ORGANIZATION")).expect(&printed);
    for part in [
        "detail:organizationId: ",
        "source_topic:unionflow.events.inbound",
        "source_partition:",
        "source_offset:",
        "received_at:20",
    ] {
        assert!(line.contains(part), "{part} in {line}");
    }
    let large = printed.lines().find(|line| line.contains("reason:TOO_LARGE")).expect("it is there");
    assert!(large.contains("value_bytes:2000008") && large.len() < 300_000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn once_the_organisation_is_named_what_was_sent_before_is_taken_in_once() {
    let mut scene = Scene::without_server(|settings| settings.inbound_organizations.clear()).await;
    scene.start().await;
    for amount in [1, 2] {
        scene.send(Topic::Inbound, &[], paid(&json!({"amount": amount}))).await;
    }
    let first = letters(&scene, 2).await;
    assert!(first.iter().all(|letter| letter["reason"] == "UNKNOWN_ORGANIZATION"), "{first:?}");
    // In vain: they come back.
    let (code, said) = scene.run(&["dead-letters", "replay", "--all"]).await;
    assert!(code == Some(0) && said.contains("2 sent to unionflow.events.inbound"), "{said}");
    letters(&scene, 4).await;
    scene.stop().await;
    scene.settings.inbound_organizations = vec![format!("org-123={}", scene.espoir.id)];
    scene.start().await;
    let one = place(&first[0]);
    let (code, said) = scene.run(&["dead-letters", "replay", &one, &one, "--json"]).await;
    assert_eq!((code, said.trim()), (Some(0), r#"{"incomplete":[],"sent":1}"#));
    let all = ["dead-letters", "replay", "--all", "--reason", "UNKNOWN_ORGANIZATION"];
    for _ in 0..2 {
        let (code, said) = scene.run(&all).await;
        assert!(code == Some(0) && said.contains("2 sent to"), "four lie there, of two records: {said}");
    }
    scene.until_told(2).await;
    // Whatever was sent last is behind all of them in its partition: all have the same key.
    scene.send(Topic::Inbound, &[], paid(&json!({"amount": 3}))).await;
    let mut told = foreign(&scene.until_told(3).await);
    told.sort_by_key(|data| data["amount"].as_i64());
    assert_eq!(told, [json!({"amount": 1}), json!({"amount": 2}), json!({"amount": 3})]);
    scene.verify().await;
}

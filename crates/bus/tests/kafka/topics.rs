//! Topics that are missing are made; those that are there are looked at and left as they are.

use std::{sync::Arc, time::Duration};

use rdkafka::{
    ClientConfig,
    admin::{
        AdminClient, AdminOptions, AlterConfig, NewPartitions, NewTopic, ResourceSpecifier, TopicReplication,
    },
    client::DefaultClientContext,
};
use unionflow_bus::{
    Bus, BusFault,
    kafka::{Difference, Differs, KafkaBus, Settings},
};
use unionflow_components::Kafka;
use unionflow_protocol::{Language, Record, Topic};

use crate::{broker, bus, identity, organization, record, stands, until};

fn admin(broker: &Kafka) -> AdminClient<DefaultClientContext> {
    ClientConfig::new().set("bootstrap.servers", broker.servers()).create().expect("a client")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn missing_topics_are_made_and_what_differs_is_said_and_left() {
    let broker = broker().await;
    let servers = broker.servers();
    let tool = |arguments: &[&str]| {
        Kafka::tool(&servers, "org.apache.kafka.tools.TopicCommand", arguments).expect("the tool runs")
    };
    let members = ["--topic", "unionflow.members.events"];
    tool(&[&["--create"], &members[..], &["--partitions", "2", "--config", "retention.ms=1000"]].concat());
    let bus = bus(&servers, identity());

    let differences = bus.ensure_topics().await.expect("asked");
    let retention =
        Differs::Setting { name: "retention.ms", wanted: "604800000".to_owned(), found: "1000".to_owned() };
    let of = |topic, differs| Difference { topic, differs };
    let partitions = Differs::Partitions { wanted: 6, found: 2 };
    assert_eq!(differences, [of(Topic::Members, partitions), of(Topic::Members, retention)]);
    for (difference, what) in differences.iter().zip(["partitions", "retention.ms"]) {
        let text = difference.text(Language::French);
        assert!(text.contains("unionflow.members.events") && text.contains(what), "{text}");
    }

    let described = tool(&["--describe"]);
    for topic in Topic::ALL {
        assert!(described.contains(topic.as_str()), "{topic} is missing in\n{described}");
    }
    let line = |topic: &str| {
        described.lines().find(|line| line.contains(&format!("Topic: {topic}\t"))).expect(topic)
    };
    assert!(line("unionflow.members.events").contains("retention.ms=1000"), "it was altered");
    assert!(line("unionflow.members.events").contains("PartitionCount: 2"), "it was altered");
    assert!(line("unionflow.finance.approvals").contains("PartitionCount: 6"));
    assert!(line("unionflow.audit.checkpoints").contains("cleanup.policy=compact"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn topics_that_others_make_are_looked_at_and_those_that_are_missing_are_told() {
    let broker = broker().await;
    let (admin, options) = (admin(&broker), AdminOptions::new());
    let topics = [
        NewTopic::new(Topic::Approvals.as_str(), 6, TopicReplication::Fixed(1)).set("retention.ms", "-1"),
        NewTopic::new(Topic::DeadLetter.as_str(), 6, TopicReplication::Fixed(1)).set("retention.ms", "-1"),
    ];
    let made = admin.create_topics(&topics, &options).await.expect("asked");
    assert!(made.iter().all(Result::is_ok), "{made:?}");
    let mut settings = Settings::new(broker.servers());
    (settings.make_topics, settings.replication) = (false, 3);
    let bus = Arc::new(KafkaBus::new(settings, identity()).expect("settings that can be used"));
    let differences = bus.ensure_topics().await.expect("asked");
    let of = |topic: Topic| -> Vec<&Differs> {
        differences.iter().filter(|found| found.topic == topic).map(|found| &found.differs).collect()
    };
    let few = Differs::Replication { wanted: 3, found: 1 };
    // What is ours alone may stay longer; what others sent may hold names.
    let kept = Differs::Setting { name: "retention.ms", wanted: "604800000".into(), found: "-1".into() };
    assert_eq!(of(Topic::DeadLetter), [&few, &kept]);
    assert_eq!(of(Topic::Approvals), [&few]);
    for missing in Topic::ALL.iter().filter(|topic| ![Topic::Approvals, Topic::DeadLetter].contains(topic)) {
        assert_eq!(of(*missing), [&Differs::Missing]);
    }

    bus.watch();
    stands(&bus, |standing| !standing.is_up, "without its topics it takes nothing").await;
    let maker = crate::bus(&broker.servers(), identity());
    assert!(maker.ensure_topics().await.is_ok());
    stands(&bus, |standing| standing.is_up, "with them it does").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn partitions_that_are_added_are_read_from_their_beginning() {
    let broker = broker().await;
    let mut settings = Settings::new(broker.servers());
    settings.look_for_partitions = Duration::from_millis(300);
    let before = KafkaBus::new(settings, identity()).expect("settings that can be used");
    let mut subscription = before.subscribe().await.expect("subscribed");
    let admin = admin(&broker);
    let more = NewPartitions::new(Topic::Approvals.as_str(), 24);
    let added = admin.create_partitions([&more], &AdminOptions::new()).await.expect("asked");
    assert!(added[0].is_ok(), "{added:?}");

    // One that knows of them. Most of these organisations are in one of the new ones.
    let after = bus(&broker.servers(), identity());
    let page: Arc<[Record]> = (0..24).map(|n| record(organization(100 + n), 1)).collect();
    while after.publish(page.clone()).await.is_err() {
        // Their leaders are not known at once.
    }
    let mut missing: Vec<_> = page.iter().map(|record| record.organization_id).collect();
    while !missing.is_empty() {
        for record in subscription.next().await.expect("the bus is there").iter() {
            missing.retain(|organization| *organization != record.organization_id);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_overtakes_a_record_that_the_topic_refuses() {
    let broker = broker().await;
    let (admin, options) = (admin(&broker), AdminOptions::new());
    let small = NewTopic::new(Topic::Approvals.as_str(), 1, TopicReplication::Fixed(1));
    let made =
        admin.create_topics([&small.set("max.message.bytes", "150000")], &options).await.expect("asked");
    assert!(made[0].is_ok(), "{made:?}");
    let mut settings = Settings::new(broker.servers());
    // So that there are batches behind the one with the large record.
    settings.more.insert("batch.num.messages".to_owned(), "10".to_owned());
    let bus = KafkaBus::new(settings, identity()).expect("settings that can be used");
    let mine = organization(7);
    let mut subscription = bus.subscribe().await.expect("subscribed");
    let mut page: Vec<Record> = (1..=200).map(|seq| record(mine, seq)).collect();
    page[99].value = vec![b' '; 300_000].into();
    let page: Arc<[Record]> = page.into();
    for _ in 0..5 {
        let refused = bus.publish(page.clone()).await;
        assert!(
            matches!(&refused, Err(BusFault::Refused(what)) if what.contains("300000 bytes")),
            "{refused:?}"
        );
        // Others are not held up.
        bus.publish([record(organization(8), 1)].into()).await.expect("taken");
    }

    let larger = AlterConfig::new(ResourceSpecifier::Topic(Topic::Approvals.as_str()));
    let altered = admin.alter_configs([&larger.set("max.message.bytes", "1000000")], &options).await;
    assert!(altered.as_ref().is_ok_and(|topics| topics[0].is_ok()), "{altered:?}");
    bus.publish(page.clone()).await.expect("taken");
    let mut newest = 0;
    for seq in until(&mut subscription, mine, 200).await.iter().map(|record| record.position.seq().0) {
        assert!(seq <= newest + 1, "{seq} after {newest}");
        newest = newest.max(seq);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_of_large_records_is_not_too_large_for_the_topic() {
    let (bus, mine) = (bus(&crate::shared().await, identity()), organization(9));
    let mut subscription = bus.subscribe().await.expect("subscribed");
    let page: Vec<Record> =
        (1..=100).map(|seq| Record { value: vec![b' '; 60_000].into(), ..record(mine, seq) }).collect();
    bus.publish(page.clone().into()).await.expect("taken");
    assert!(until(&mut subscription, mine, 100).await == page);
}

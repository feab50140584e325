//! Topics that are missing are made; those that are there are looked at and left as they are.

use unionflow_bus::kafka::{Difference, Differs};
use unionflow_components::Kafka;
use unionflow_protocol::{Language, Topic};

use crate::{broker, bus, identity};

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
    assert_eq!(differences, [Difference { topic: Topic::Members, differs: retention }]);
    let text = differences[0].text(Language::French);
    assert!(text.contains("unionflow.members.events") && text.contains("retention.ms"), "{text}");

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

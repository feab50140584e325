//! Who may write to a topic can forge nothing of ours.

use std::time::Duration;

use rdkafka::{
    ClientConfig, Message, Offset, TopicPartitionList,
    consumer::{Consumer, StreamConsumer},
    message::{Header, Headers, OwnedHeaders, OwnedMessage},
    producer::{FutureProducer, FutureRecord},
};
use unionflow_bus::{Bus, kafka::Identity};
use unionflow_protocol::id::Epoch;
use uuid::Uuid;

use crate::{bus, identity, organization, record, shared, until};

/// What an attacker has: the message as it lies on the topic.
struct Copy {
    topic: String,
    partition: i32,
    key: Vec<u8>,
    headers: Vec<(String, Vec<u8>)>,
    value: Vec<u8>,
}

async fn read(servers: &str, event_id: &str, topic: &str) -> Copy {
    let consumer: StreamConsumer = ClientConfig::new()
        .set("bootstrap.servers", servers)
        .set("group.id", "an-attacker")
        .set("auto.offset.reset", "earliest")
        .create()
        .expect("a consumer");
    let mut all = TopicPartitionList::new();
    for partition in 0..6 {
        all.add_partition_offset(topic, partition, Offset::Beginning).expect("a partition");
    }
    consumer.assign(&all).expect("assigned");
    let found = loop {
        // Copied at once: a borrowed message must not outlive its consumer.
        let message: OwnedMessage = consumer.recv().await.expect("a message").detach();
        let is_it = message.headers().is_some_and(|headers| {
            headers.iter().any(|header| header.key == "ce_id" && header.value == Some(event_id.as_bytes()))
        });
        if is_it {
            break message;
        }
    };
    let headers = found.headers().expect("headers").iter();
    Copy {
        topic: found.topic().to_owned(),
        partition: found.partition(),
        key: found.key().expect("a key").to_vec(),
        headers: headers.map(|h| (h.key.to_owned(), h.value.unwrap_or_default().to_vec())).collect(),
        value: found.payload().expect("a value").to_vec(),
    }
}

async fn write(producer: &FutureProducer, copy: &Copy) {
    let headers = copy.headers.iter().fold(OwnedHeaders::new(), |headers, (key, value)| {
        headers.insert(Header { key, value: Some(value) })
    });
    let to = FutureRecord::to(&copy.topic).partition(copy.partition).key(&copy.key).payload(&copy.value);
    producer.send(to.headers(headers), Duration::from_secs(5)).await.expect("written");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_that_was_changed_in_any_part_never_comes_out() {
    let servers = shared().await;
    let (bus, mine) = (bus(&servers, identity()), organization(1));
    let mut subscription = bus.subscribe().await.expect("subscribed");
    bus.publish(vec![record(mine, 1)].into()).await.expect("published");
    assert_eq!(until(&mut subscription, mine, 1).await, [record(mine, 1)]);
    let event_id = record(mine, 1).event_id.to_string();
    let genuine = read(&servers, &event_id, "unionflow.finance.approvals").await;
    let copy = || Copy {
        topic: genuine.topic.clone(),
        partition: genuine.partition,
        key: genuine.key.clone(),
        headers: genuine.headers.clone(),
        value: genuine.value.clone(),
    };
    let producer: FutureProducer =
        ClientConfig::new().set("bootstrap.servers", &servers).create().expect("a producer");

    let other = organization(2).to_string();
    for (name, value) in [
        ("ce_audience", "organization"),
        ("ce_organizationid", other.as_str()),
        ("ce_sequence", "2"),
        ("ce_type", "ROLE_GRANTED"),
        ("ce_id", other.as_str()),
        ("ce_time", "2020-01-01T00:00:00.000Z"),
        ("ce_epoch", other.as_str()),
        ("ce_mac", "AAAA"),
        ("ce_mac", "ü"),
        ("ce_audience", "roles:EVERYBODY"),
    ] {
        let mut forged = copy();
        for header in forged.headers.iter_mut().filter(|header| header.0 == name) {
            header.1 = value.as_bytes().to_vec();
        }
        write(&producer, &forged).await;
    }
    for i in 0..genuine.headers.len() {
        let (mut without, mut garbled) = (copy(), copy());
        let gone = without.headers.remove(i).0;
        garbled.headers[i].1 = vec![0xff, 0xfe];
        // These three say the same in every record of ours and route nothing.
        if !["ce_specversion", "ce_source", "content-type"].contains(&gone.as_str()) {
            write(&producer, &without).await;
            write(&producer, &garbled).await;
        }
    }
    let mut changes: Vec<Copy> = (0..5).map(|_| copy()).collect();
    changes[0].value = br#"{"seq":9}"#.to_vec();
    changes[1].key = Uuid::from_u128(8).to_string().into_bytes();
    changes[2].topic = "unionflow.members.events".to_owned();
    changes[3].headers.push(("ce_origin".to_owned(), b"inbound".to_vec()));
    changes[4].headers.clear();
    for forged in &changes {
        write(&producer, forged).await;
    }

    // On the same partition, hence after all of them.
    bus.publish(vec![record(mine, 3)].into()).await.expect("published");
    assert_eq!(until(&mut subscription, mine, 3).await, [record(mine, 3)], "nothing came between");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_of_another_store_or_another_epoch_never_come_out() {
    let (servers, mine) = (shared().await, organization(3));
    let ours = bus(&servers, identity());
    let mut subscription = ours.subscribe().await.expect("subscribed");
    let restored = Identity { epoch: Epoch::from_uuid(Uuid::from_u128(5)), ..identity() };
    let stranger = Identity { key: b"another key".to_vec(), ..identity() };
    for (seq, other) in [(1, restored), (2, stranger)] {
        bus(&servers, other).publish(vec![record(mine, seq)].into()).await.expect("published");
    }
    ours.publish(vec![record(mine, 3)].into()).await.expect("published");
    assert_eq!(until(&mut subscription, mine, 3).await, [record(mine, 3)]);
}

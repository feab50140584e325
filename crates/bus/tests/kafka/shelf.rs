//! What lies on a topic is read without a group, and what is ours among it is known.

use std::time::Duration;

use tokio::time::timeout;
use unionflow_bus::{
    Bus, Inbound, Outlet, RawRecord, Received,
    kafka::{Identity, KafkaShelf, Settings},
};
use unionflow_protocol::{Topic, id::Epoch};
use uuid::Uuid;

use crate::{broker, bus, identity, organization, record};

fn letter(n: usize) -> RawRecord {
    let (key, value) = (Some(format!("key {n}").into()), Some(n.to_string().into()));
    RawRecord { topic: Topic::DeadLetter, key, headers: vec![("reason".into(), "NOT_JSON".into())], value }
}

async fn all(shelf: &KafkaShelf) -> Vec<Received> {
    let mut seen = Vec::new();
    let read = shelf.read(Topic::DeadLetter, async |received| {
        seen.push(received);
        Ok(())
    });
    read.await.expect("read");
    seen
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_is_read_from_its_oldest_record_to_its_newest_as_often_as_one_likes() {
    let broker = broker().await;
    let shelf = KafkaShelf::new(Settings::new(broker.servers())).expect("settings that can be used");
    assert_eq!(all(&shelf).await, [], "a topic that is not there is empty");
    let bus = bus(&broker.servers(), identity());
    assert_eq!(bus.ensure_topics().await, Ok(Vec::new()));
    assert_eq!(all(&shelf).await, []);
    let outlet = shelf.outlet().expect("settings that can be used");
    for n in 0..40 {
        outlet.send(letter(n)).await.expect("sent");
    }
    for _ in 0..2 {
        let seen = all(&shelf).await;
        let mut values: Vec<usize> = seen
            .iter()
            .map(|received| {
                std::str::from_utf8(received.record.value.as_ref().expect("a value")).expect("text")
            })
            .map(|text| text.parse().expect("a number"))
            .collect();
        values.sort_unstable();
        assert_eq!(values, (0..40).collect::<Vec<_>>());
        let one = &seen[17];
        let found = shelf.one(Topic::DeadLetter, one.partition, one.offset).await.expect("read");
        assert_eq!(found.as_ref(), Some(one));
    }
    for (partition, offset) in [(0, 1_000_000), (99, 0), (0, -1)] {
        assert_eq!(shelf.one(Topic::DeadLetter, partition, offset).await, Ok(None));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_of_ours_is_known_by_its_signature_whatever_its_epoch() {
    let broker = broker().await;
    let mine = bus(&broker.servers(), identity());
    let before = Identity { epoch: Epoch::from_uuid(Uuid::from_u128(5)), ..identity() };
    let stranger = Identity { key: b"another key".to_vec(), ..identity() };
    for (n, who) in [(1, identity()), (2, before), (3, stranger)] {
        let bus = bus(&broker.servers(), who);
        bus.publish(vec![record(organization(n), 1)].into()).await.expect("published");
    }
    let mut inbound = mine.inbound(&[Topic::Approvals]).expect("settings that can be used");
    for _ in 0..3 {
        let next = timeout(Duration::from_secs(40), inbound.next()).await.expect("in time").expect("one");
        let told = next.record.header("ce_organizationid").expect("a header").to_owned();
        assert_eq!(next.is_ours, told != organization(3).to_string(), "{told}");
    }
}

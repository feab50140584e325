//! What others send is taken in at least once, in order, by whichever process is there.

use std::{collections::HashSet, time::Duration};

use tokio::time::timeout;
use unionflow_bus::{
    Inbound, Outlet, RAW_VALUE_BYTES_MAX, RawRecord, Received, VALUE_BYTES_MAX,
    kafka::{KafkaBus, KafkaInbound, KafkaShelf, Settings},
};
use unionflow_protocol::Topic;

use crate::{broker, bus, identity};

const WITHIN: Duration = Duration::from_secs(40);

fn raw(key: usize, text: impl Into<String>) -> RawRecord {
    let headers = vec![
        ("ce_id".to_owned(), "é".into()),
        ("twice".to_owned(), "1".into()),
        ("twice".to_owned(), "2".into()),
    ];
    RawRecord {
        topic: Topic::Inbound,
        key: Some(format!("key {key}").into()),
        headers,
        value: Some(text.into().into()),
    }
}

fn taker(bus: &KafkaBus) -> KafkaInbound {
    bus.inbound(&[Topic::Inbound]).expect("settings that can be used")
}

async fn next(inbound: &mut KafkaInbound) -> Received {
    timeout(WITHIN, inbound.next()).await.expect("in time").expect("the bus is there")
}

fn number(received: &Received) -> usize {
    let value = received.record.value.as_ref().expect("a value");
    std::str::from_utf8(value).ok().and_then(|text| text.parse().ok()).expect("a number")
}

/// A bus whose topics are there.
async fn made(servers: &str) -> KafkaBus {
    let bus = bus(servers, identity());
    assert_eq!(bus.ensure_topics().await, Ok(Vec::new()));
    // Until each partition has a leader: on a busy machine that takes longer than a record may wait.
    let shelf = KafkaShelf::new(Settings::new(servers)).expect("settings that can be used");
    let led = async { while shelf.read(Topic::Inbound, async |_| Ok(())).await.is_err() {} };
    timeout(WITHIN, led).await.expect("in time");
    bus
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_not_done_comes_again_when_its_taker_is_gone() {
    let broker = broker().await;
    let bus = made(&broker.servers()).await;
    let outlet = bus.outlet();
    for n in 1..=10 {
        outlet.send(raw(1, n.to_string())).await.expect("sent");
    }
    let mut first = taker(&bus);
    for n in 1..=6 {
        let received = next(&mut first).await;
        assert_eq!(received.record, raw(1, n.to_string()));
        if n <= 3 {
            first.commit(&received);
        }
    }
    drop(first);
    let mut second = taker(&bus);
    for n in 4..=10 {
        let received = next(&mut second).await;
        assert_eq!(number(&received), n);
        second.commit(&received);
    }
    drop(second);
    let long = "x".repeat(RAW_VALUE_BYTES_MAX + 1);
    outlet.send(raw(1, long)).await.expect("sent");
    let mut third = taker(&bus);
    let received = next(&mut third).await;
    assert!(received.is_cut(), "what was done does not come again");
    assert_eq!(received.value_bytes, RAW_VALUE_BYTES_MAX + 1);
    assert_eq!(received.record.value.expect("a value").len(), RAW_VALUE_BYTES_MAX);
    assert!(outlet.send(raw(1, "x".repeat(2 * VALUE_BYTES_MAX))).await.is_err(), "too large for the topic");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_of_others_may_be_larger_than_ours_and_are_cut() {
    let broker = broker().await;
    let bus = made(&broker.servers()).await;
    let mut theirs = Settings::new(broker.servers());
    theirs.more.insert("message.max.bytes".to_owned(), "9000000".to_owned());
    let outlet = KafkaShelf::new(theirs).and_then(|shelf| shelf.outlet()).expect("settings that can be used");
    let mut inbound = taker(&bus);
    for bytes in [2_000_000, 8_000_000, 3] {
        outlet.send(raw(1, "x".repeat(bytes))).await.expect("sent");
    }
    for bytes in [2_000_000, 8_000_000, 3] {
        let received = next(&mut inbound).await;
        let kept = received.record.value.as_ref().map(bytes::Bytes::len);
        assert_eq!((received.value_bytes, kept), (bytes, Some(bytes.min(RAW_VALUE_BYTES_MAX))));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_share_what_comes_and_lose_nothing_when_one_joins_one_goes_and_the_broker_dies() {
    let mut broker = broker().await;
    let bus = made(&broker.servers()).await;
    let outlet = bus.outlet();
    let (mut seen, mut undone) = (HashSet::new(), HashSet::new());
    let (mut one, mut two) = (taker(&bus), taker(&bus));
    // Until both have something to do.
    let (mut has_one, mut sent) = (false, 0);
    while !has_one || undone.is_empty() {
        outlet.send(raw(sent, sent.to_string())).await.expect("sent");
        sent += 1;
        let (by_one, received) = tokio::select! {
            received = one.next() => (true, received),
            received = two.next() => (false, received),
        };
        let received = received.expect("the bus is there");
        let is_first = seen.insert(number(&received));
        // What the second one takes is never said to be done by it; by the first it may have been.
        if by_one {
            has_one = true;
            one.commit(&received);
            undone.remove(&number(&received));
        } else if is_first {
            undone.insert(number(&received));
        }
    }
    drop(two);
    let mut broker = tokio::task::spawn_blocking(move || {
        broker.kill();
        broker.start_again().expect("it starts again");
        broker
    })
    .await
    .expect("it ran");
    for _ in 0..50 {
        while outlet.send(raw(sent, sent.to_string())).await.is_err() {}
        sent += 1;
    }
    while !undone.is_empty() || seen.len() < sent {
        let received = next(&mut one).await;
        one.commit(&received);
        seen.insert(number(&received));
        undone.remove(&number(&received));
    }
    broker.kill();
}

//! Others may write to our topics: what they write costs nobody an event, nor much time.

use std::time::Duration;

use rdkafka::{
    ClientConfig,
    producer::{BaseProducer, BaseRecord, Producer},
};
use tokio::{task::spawn_blocking, time::timeout};
use unionflow_bus::Bus;
use unionflow_components::Kafka;

use crate::{bus, identity, organization, record, until};

const PATIENCE: Duration = Duration::from_secs(10);
const TRANSACTIONS: &str = "transaction.state.log.replication.factor=1\ntransaction.state.log.min.isr=1\n\
                            transaction.state.log.num.partitions=1";

fn foreign(servers: &str, settings: &[(&str, &str)]) -> BaseProducer {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", servers);
    for (name, value) in settings {
        config.set(*name, *value);
    }
    config.create().expect("a producer")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_that_somebody_leaves_open_holds_up_none_of_our_events() {
    let broker =
        spawn_blocking(|| Kafka::start_with(TRANSACTIONS)).await.expect("it ran").expect("Kafka starts");
    let (bus, mine) = (bus(&broker.servers(), identity()), organization(1));
    let mut subscription = bus.subscribe().await.expect("subscribed");
    let theirs = foreign(&broker.servers(), &[("transactional.id", "left-open")]);
    let theirs = spawn_blocking(move || {
        theirs.init_transactions(PATIENCE).expect("transactions are there");
        theirs.begin_transaction().expect("begun");
        for partition in 0..6 {
            let to = BaseRecord::<(), [u8]>::to("unionflow.finance.approvals").partition(partition);
            theirs.send(to.payload(b"never committed")).expect("queued");
        }
        theirs.flush(PATIENCE).expect("written");
        theirs
    });
    let theirs = theirs.await.expect("it ran");
    bus.publish(vec![record(mine, 1)].into()).await.expect("published");
    let seen = timeout(PATIENCE, until(&mut subscription, mine, 1)).await.expect("while it is open");
    assert_eq!(seen, [record(mine, 1)]);
    spawn_blocking(move || drop(theirs)).await.expect("it ran");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ours_come_through_between_many_that_are_not() {
    let broker = spawn_blocking(Kafka::start).await.expect("it ran").expect("Kafka starts");
    let (bus, mine) = (bus(&broker.servers(), identity()), organization(1));
    let mut subscription = bus.subscribe().await.expect("subscribed");
    let servers = broker.servers();
    let flood = spawn_blocking(move || {
        let theirs = foreign(&servers, &[("queue.buffering.max.messages", "200000")]);
        for n in 0..100_000_i32 {
            let to = BaseRecord::<(), [u8]>::to("unionflow.finance.approvals").partition(n % 6);
            theirs.send(to.payload(b"not ours")).expect("queued");
        }
        theirs.flush(PATIENCE).expect("written");
    });
    for seq in 1..=20 {
        bus.publish(vec![record(mine, seq)].into()).await.expect("published");
    }
    let seen = timeout(PATIENCE, until(&mut subscription, mine, 20)).await.expect("they come");
    assert_eq!(seen, (1..=20).map(|seq| record(mine, seq)).collect::<Vec<_>>());
    flood.await.expect("it ran");
}

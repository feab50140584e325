//! A broker that is killed, paused or away costs time, never a record.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::Notify,
    time::{interval, timeout},
};
use unionflow_bus::{Bus, BusFault, Subscription, VALUE_BYTES_MAX, kafka::KafkaBus};
use unionflow_components::Kafka;
use unionflow_protocol::{Record, id::OrganizationId};

use crate::{broker, bus, identity, organization, record, shared, stands, until};

const PAGE: u64 = 20;

/// What the relay does: the same page again until it is taken.
async fn relay(bus: &KafkaBus, organization: OrganizationId, last: u64, under_way: &Notify) -> usize {
    let mut faults = 0;
    let mut again = interval(Duration::from_millis(50));
    for first in (1..=last).step_by(usize::try_from(PAGE).expect("small")) {
        let page: Arc<[Record]> = (first..first + PAGE).map(|seq| record(organization, seq)).collect();
        while let Err(fault) = bus.publish(page.clone()).await {
            assert!(matches!(fault, BusFault::Unavailable(_)), "{fault}");
            faults += 1;
            again.tick().await;
        }
        if first > last / 6 {
            under_way.notify_one();
        }
        again.tick().await;
    }
    faults
}

/// What the hub does: a subscription that broke off is made anew.
async fn followed(
    bus: &KafkaBus,
    mut subscription: Subscription,
    organization: OrganizationId,
    last: u64,
) -> Vec<Record> {
    let mut seen = Vec::new();
    let mut again = interval(Duration::from_millis(200));
    loop {
        while let Some(records) = subscription.next().await {
            seen.extend(records.iter().filter(|record| record.organization_id == organization).cloned());
            if seen.iter().any(|record| record.position.seq().0 == last) {
                return seen;
            }
        }
        subscription = loop {
            again.tick().await;
            if let Ok(subscription) = bus.subscribe().await {
                break subscription;
            }
        };
    }
}

async fn nothing_is_lost_while(disturb: impl FnOnce(&mut Kafka) + Send + 'static) -> usize {
    let last = 60 * PAGE;
    let mut broker = broker().await;
    let (bus, mine) = (Arc::new(bus(&broker.servers(), identity())), organization(4));
    let subscription = bus.subscribe().await.expect("subscribed");
    let (relayed, under_way) = (bus.clone(), Arc::new(Notify::new()));
    let told = under_way.clone();
    let relaying = tokio::spawn(async move { relay(&relayed, mine, last, &told).await });
    let disturbing = tokio::spawn(async move {
        under_way.notified().await;
        tokio::task::spawn_blocking(move || {
            disturb(&mut broker);
            broker
        })
        .await
    });
    let seen = timeout(Duration::from_secs(60), followed(&bus, subscription, mine, last)).await;
    let (seen, faults) = (seen.expect("it goes on by itself"), relaying.await.expect("all was taken"));
    drop(disturbing.await);
    let mut newest = 0;
    for seq in seen.iter().map(|record| record.position.seq().0) {
        // What was published again steps back; whatever comes for the first time is next.
        assert!(seq <= newest + 1, "{seq} after {newest}");
        newest = newest.max(seq);
    }
    assert_eq!(newest, last);
    faults
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_is_killed_and_started_again_loses_nothing() {
    nothing_is_lost_while(|broker| {
        broker.kill();
        broker.start_again().expect("it starts again");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_hangs_is_a_fault_within_seconds_and_loses_nothing() {
    let faults = nothing_is_lost_while(|broker| {
        broker.pause();
        std::thread::park_timeout(Duration::from_secs(5));
        broker.resume();
    })
    .await;
    assert!(faults > 0, "a publisher that waits for ever cannot stop");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_hangs_is_noticed_also_by_a_bus_that_is_idle() {
    let broker = broker().await;
    let bus = Arc::new(bus(&broker.servers(), identity()));
    bus.watch();
    stands(&bus, |standing| standing.is_up, "it makes its topics by itself").await;
    broker.pause();
    stands(&bus, |standing| !standing.is_up, "it hangs").await;
    broker.resume();
    stands(&bus, |standing| standing.is_up, "it goes on").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_broker_everything_is_told_and_nothing_hangs() {
    // A port that was free a moment ago.
    let address = std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port");
    let bus = bus(&address.to_string(), identity());
    let within = Duration::from_secs(15);
    let published = timeout(within, bus.publish(vec![record(organization(5), 1)].into())).await;
    assert!(matches!(published.expect("in time"), Err(BusFault::Unavailable(_))));
    let subscribed = timeout(within, bus.subscribe()).await.expect("in time");
    assert!(matches!(subscribed.err(), Some(BusFault::Unavailable(_))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_that_is_too_large_is_refused_by_name_and_others_are_taken() {
    let (bus, mine) = (bus(&shared().await, identity()), organization(6));
    let mut subscription = bus.subscribe().await.expect("subscribed");
    let large = Record { value: vec![b' '; 2 * VALUE_BYTES_MAX].into(), ..record(mine, 1) };
    let Err(BusFault::Refused(what)) = bus.publish(vec![large].into()).await else { panic!("not refused") };
    assert!(what.contains(&mine.to_string()) && what.contains("APPROVAL_APPROVED"), "{what}");
    bus.publish(vec![record(mine, 2)].into()).await.expect("published");
    assert_eq!(until(&mut subscription, mine, 2).await, [record(mine, 2)]);
}

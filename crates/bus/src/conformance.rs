//! What every bus must do, as tests that take a fresh one.

use std::sync::Arc;

use unionflow_protocol::{
    Audience, Position, Record, Seq, Timestamp, Topic,
    id::{AggregateId, EventId, OrganizationId},
};
use uuid::Uuid;

use crate::{Bus, Delivered, Subscription};

/// Runs the suite: one test per fact.
#[macro_export]
macro_rules! bus_conformance {
    ($fresh:path) => {
        $crate::bus_conformance!($fresh;
            every_subscriber_sees_every_record_unchanged
            the_order_of_an_organization_is_kept
            publishing_without_subscribers_is_fine
            a_subscriber_that_left_does_not_stop_the_others
            a_slow_subscriber_loses_nothing
        );
    };
    ($fresh:path; $($fact:ident)+) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $fact() {
                let fact = $crate::conformance::$fact($fresh());
                // A bus that hangs fails.
                tokio::time::timeout(std::time::Duration::from_secs(60), fact).await.expect("done within a minute");
            }
        )+
    };
}

fn record(organization: u128, seq: u64) -> Record {
    Record {
        organization_id: OrganizationId::from_uuid(Uuid::from_u128(organization)),
        position: Position::Fact(Seq(seq)),
        event_id: EventId::from_uuid(Uuid::from_u128(organization << 64 | u128::from(seq))),
        event_type: "MEMBER_UPDATED".into(),
        topic: Topic::Members,
        audience: Audience::everyone(),
        key: AggregateId::from_uuid(Uuid::from_u128(u128::from(seq))),
        timestamp: Timestamp::from_millis(1_800_000_000_000),
        trace_parent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned()),
        inbound: false,
        value: format!("{{\"seq\":{seq},\"é\":\"\\u0000\"}}").into(),
    }
}

async fn take(subscription: &mut Subscription, count: usize) -> Vec<Delivered> {
    let mut taken = Vec::new();
    while taken.len() < count {
        taken.extend(subscription.next().await.expect("the bus is there").iter().cloned());
    }
    taken
}

/// Two followers, the same bytes and headers, places that grow.
pub async fn every_subscriber_sees_every_record_unchanged(bus: Arc<dyn Bus>) {
    let (mut one, mut two) = (bus.subscribe().await.expect("a bus"), bus.subscribe().await.expect("a bus"));
    let sent: Vec<Record> = (1..=20).map(|seq| record(1, seq)).collect();
    for records in sent.chunks(7) {
        bus.publish(records.into()).await.expect("taken");
    }
    for subscription in [&mut one, &mut two] {
        let seen = take(subscription, 20).await;
        assert_eq!(seen.iter().map(|delivered| delivered.record.clone()).collect::<Vec<_>>(), sent);
        assert!(seen.windows(2).all(|pair| {
            pair[0].place.partition != pair[1].place.partition || pair[0].place.offset < pair[1].place.offset
        }));
    }
}

/// Publishers of different organisations at once.
pub async fn the_order_of_an_organization_is_kept(bus: Arc<dyn Bus>) {
    let mut subscription = bus.subscribe().await.expect("a bus");
    let mut publishers = tokio::task::JoinSet::new();
    for organization in 1..=4 {
        let bus = bus.clone();
        publishers.spawn(async move {
            for seq in 1..=50 {
                bus.publish([record(organization, seq)].into()).await.expect("taken");
            }
        });
    }
    let seen = take(&mut subscription, 200).await;
    publishers.join_all().await;
    for organization in 1..=4 {
        let id = OrganizationId::from_uuid(Uuid::from_u128(organization));
        let seqs: Vec<u64> = seen
            .iter()
            .filter(|delivered| delivered.record.organization_id == id)
            .map(|delivered| delivered.record.position.seq().0)
            .collect();
        assert_eq!(seqs, (1..=50).collect::<Vec<_>>());
    }
}

/// Nobody listens yet.
pub async fn publishing_without_subscribers_is_fine(bus: Arc<dyn Bus>) {
    bus.publish([record(1, 1)].into()).await.expect("taken");
    let mut late = bus.subscribe().await.expect("a bus");
    bus.publish([record(1, 2)].into()).await.expect("taken");
    let seen = take(&mut late, 1).await;
    assert_eq!(seen.last().map(|delivered| delivered.record.position.seq()), Some(Seq(2)));
}

/// Its loss is nobody else's.
pub async fn a_subscriber_that_left_does_not_stop_the_others(bus: Arc<dyn Bus>) {
    let (gone, mut stays) = (bus.subscribe().await.expect("a bus"), bus.subscribe().await.expect("a bus"));
    drop(gone);
    for seq in 1..=3000 {
        let bus = bus.clone();
        let publish = bus.publish([record(1, seq)].into());
        let (published, seen) = tokio::join!(publish, take(&mut stays, 1));
        published.expect("taken");
        assert_eq!(seen[0].record.position.seq(), Seq(seq));
    }
}

/// Whoever reads late still sees all of it, in order.
pub async fn a_slow_subscriber_loses_nothing(bus: Arc<dyn Bus>) {
    let mut slow = bus.subscribe().await.expect("a bus");
    let publisher = {
        let bus = bus.clone();
        tokio::spawn(async move {
            for seq in 1..=3000 {
                bus.publish([record(1, seq)].into()).await.expect("taken");
            }
        })
    };
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    let seen = take(&mut slow, 3000).await;
    publisher.await.expect("ran");
    let seqs: Vec<u64> = seen.iter().map(|delivered| delivered.record.position.seq().0).collect();
    assert_eq!(seqs, (1..=3000).collect::<Vec<_>>());
}

//! What every bus must do, as tests that take one.
//!
//! The bus need not be empty: each test has organisations of its own and looks at nothing else, so that all of them can run at
//! once against one broker, again and again.

use std::{
    collections::HashMap,
    hash::{BuildHasher, Hasher, RandomState},
    sync::Arc,
    time::Duration,
};

use tokio::{
    task::{JoinSet, yield_now},
    time::timeout,
};
use unionflow_protocol::{
    Audience, Date, Position, Record, RoleSet, Seq, Timestamp, Topic, View,
    id::{AggregateId, EventId, MemberId, OrganizationId},
};
use uuid::Uuid;

use crate::{Bus, Subscription, VALUE_BYTES_MAX};

/// Runs the suite: one test per fact. Takes an async function that makes a bus.
#[macro_export]
macro_rules! bus_conformance {
    ($fresh:path) => {
        $crate::bus_conformance!($fresh;
            every_subscriber_sees_every_record_unchanged
            a_value_of_the_largest_size_arrives_whole
            the_order_of_an_organization_is_kept
            the_order_is_kept_within_large_batches_of_many_organizations
            publishing_without_subscribers_is_fine
            once_subscribed_nothing_is_missed
            what_is_published_again_disturbs_nothing
            what_was_given_up_midway_stops_nobody
            a_subscriber_that_left_does_not_stop_the_others
            a_subscriber_that_leaves_while_behind_frees_the_publisher
            a_slow_subscriber_loses_nothing
        );
    };
    ($fresh:path; $($fact:ident)+) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $fact() {
                let fact = async { $crate::conformance::$fact($fresh().await).await };
                // A bus that hangs fails.
                tokio::time::timeout(std::time::Duration::from_secs(60), fact).await.expect("done within a minute");
            }
        )+
    };
}

/// More batches than any bus keeps for a subscriber that does not read.
const MANY: u64 = 3000;

/// One that no other test has, and no run before.
fn organization() -> OrganizationId {
    let random = || RandomState::new().build_hasher().finish();
    OrganizationId::from_uuid(Uuid::from_u64_pair(random(), random()))
}

fn record(organization_id: OrganizationId, seq: u64) -> Record {
    Record {
        organization_id,
        position: Position::Fact(Seq(seq)),
        event_id: EventId::from_uuid(Uuid::from_u128(organization_id.uuid().as_u128() ^ u128::from(seq))),
        event_type: "MEMBER_UPDATED".into(),
        topic: Topic::Members,
        audience: Audience::everyone(),
        key: AggregateId::from_uuid(Uuid::from_u128(u128::from(seq % 7))),
        timestamp: Timestamp::from_millis(1_800_000_000_000),
        trace_parent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned()),
        inbound: false,
        value: format!("{{\"seq\":{seq},\"é\":\"\\u0000\"}}").into(),
    }
}

fn facts(organization_id: OrganizationId, seqs: std::ops::RangeInclusive<u64>) -> Vec<Record> {
    seqs.map(|seq| record(organization_id, seq)).collect()
}

/// Every topic, every kind of position and audience; what may be absent, absent; what is rare, there. The clock of whoever
/// wrote them was wrong, or they have waited for long: a bus goes by the order in which they come, not by their time.
fn of_every_kind(organization: OrganizationId) -> Vec<Record> {
    let plain = |seq| record(organization, seq);
    let member = |n| MemberId::from_uuid(Uuid::from_u128(n));
    let as_of_date = Date::new(2028, 2, 29).expect("a leap year");
    let state = |seq, event_type: &'static str, topic, audience| Record {
        position: Position::State { as_of_seq: Seq(seq), as_of_date },
        event_type: event_type.into(),
        topic,
        audience,
        key: AggregateId::from_uuid(organization.uuid()),
        ..plain(seq)
    };
    let long_audience = (0..100).fold(Audience::roles(RoleSet::OFFICERS), |all, n| all.and_member(member(n)));
    vec![
        Record { topic: Topic::Approvals, audience: long_audience, ..plain(1) },
        Record { audience: Audience::none(), trace_parent: None, ..plain(2) },
        Record { topic: Topic::Contributions, inbound: true, ..plain(3) },
        Record { topic: Topic::Notifications, audience: Audience::member(member(9)), ..plain(4) },
        Record { event_type: "A_TYPE_OF_LATER".to_owned().into(), ..plain(5) },
        Record { timestamp: Timestamp::from_millis(0), value: "{}".into(), ..plain(6) },
        Record { timestamp: Timestamp::from_millis(i64::MAX), ..plain(9_007_199_254_740_991) },
        state(0, "DASHBOARD_STATS_UPDATE", Topic::Dashboard, Audience::view(View::Officers)),
        state(7, "NOTIFICATION_READ", Topic::Notifications, Audience::member(member(9))),
    ]
}

/// The next records of these organisations, at least so many.
async fn take(subscription: &mut Subscription, of: &[OrganizationId], count: usize) -> Vec<Record> {
    let mut taken = Vec::new();
    while taken.len() < count {
        let records = subscription.next().await.expect("the bus is there");
        taken.extend(records.iter().filter(|record| of.contains(&record.organization_id)).cloned());
    }
    taken
}

/// Until this record comes, whatever comes before it.
async fn until(subscription: &mut Subscription, id: OrganizationId, seq: u64) {
    while seqs(&take(subscription, &[id], 1).await).last() != Some(&seq) {}
}

fn seqs<'a>(records: impl IntoIterator<Item = &'a Record>) -> Vec<u64> {
    records.into_iter().map(|record| record.position.seq().0).collect()
}

async fn subscribed(bus: &Arc<dyn Bus>) -> Subscription {
    bus.subscribe().await.expect("a bus")
}

async fn publish(bus: &Arc<dyn Bus>, records: Vec<Record>) {
    bus.publish(records.into()).await.expect("taken");
}

/// By topic, because topics may overtake each other.
fn by_topic(records: Vec<Record>) -> HashMap<Topic, Vec<Record>> {
    let mut topics: HashMap<Topic, Vec<Record>> = HashMap::new();
    for record in records {
        topics.entry(record.topic).or_default().push(record);
    }
    topics
}

/// Two followers, the same bytes and headers.
pub async fn every_subscriber_sees_every_record_unchanged(bus: Arc<dyn Bus>) {
    let (mut one, mut two) = (subscribed(&bus).await, subscribed(&bus).await);
    let id = organization();
    let sent = of_every_kind(id);
    for records in sent.chunks(4) {
        publish(&bus, records.to_vec()).await;
    }
    for subscription in [&mut one, &mut two] {
        let seen = take(subscription, &[id], sent.len()).await;
        assert_eq!(by_topic(seen), by_topic(sent.clone()));
    }
}

/// Beside small ones, which it does not hold up.
pub async fn a_value_of_the_largest_size_arrives_whole(bus: Arc<dyn Bus>) {
    let mut subscription = subscribed(&bus).await;
    let id = organization();
    let mut sent = facts(id, 1..=3);
    // Nothing that could be made smaller.
    let bytes = (0..).flat_map(|n: u64| RandomState::new().hash_one(n).to_le_bytes());
    sent[1].value = bytes.take(VALUE_BYTES_MAX).collect::<Vec<u8>>().into();
    publish(&bus, sent.clone()).await;
    assert!(take(&mut subscription, &[id], 3).await == sent);
}

/// Publishers of different organisations at once.
pub async fn the_order_of_an_organization_is_kept(bus: Arc<dyn Bus>) {
    let mut subscription = subscribed(&bus).await;
    let organizations: Vec<OrganizationId> = (0..4).map(|_| organization()).collect();
    let mut publishers = JoinSet::new();
    for id in organizations.clone() {
        let bus = bus.clone();
        publishers.spawn(async move {
            for record in facts(id, 1..=50) {
                publish(&bus, vec![record]).await;
            }
        });
    }
    let seen = take(&mut subscription, &organizations, 200).await;
    publishers.join_all().await;
    for id in organizations {
        let of_one = seen.iter().filter(|record| record.organization_id == id);
        assert_eq!(seqs(of_one), (1..=50).collect::<Vec<_>>());
    }
}

/// As after an outage: pages of a journal, several topics in each.
pub async fn the_order_is_kept_within_large_batches_of_many_organizations(bus: Arc<dyn Bus>) {
    let mut subscription = subscribed(&bus).await;
    let organizations: Vec<OrganizationId> = (0..16).map(|_| organization()).collect();
    let topic_of = |seq: u64| Topic::BUSINESS[usize::try_from(seq % 5).expect("small")];
    let sent = organizations.iter().flat_map(|id| facts(*id, 1..=500));
    let sent: Vec<Record> =
        sent.map(|record| Record { topic: topic_of(record.position.seq().0), ..record }).collect();
    publish(&bus, sent.clone()).await;
    let seen = take(&mut subscription, &organizations, sent.len()).await;
    for id in organizations {
        let of_one = |records: &[Record]| -> HashMap<Topic, Vec<Record>> {
            by_topic(records.iter().filter(|record| record.organization_id == id).cloned().collect())
        };
        assert!(of_one(&seen) == of_one(&sent));
    }
}

/// Nobody listens yet. Whoever comes may be told of it or not.
pub async fn publishing_without_subscribers_is_fine(bus: Arc<dyn Bus>) {
    let id = organization();
    publish(&bus, facts(id, 1..=1)).await;
    let mut late = subscribed(&bus).await;
    publish(&bus, facts(id, 2..=2)).await;
    until(&mut late, id, 2).await;
}

/// The end from which a subscription follows is known when it is returned, not found out a moment later.
pub async fn once_subscribed_nothing_is_missed(bus: Arc<dyn Bus>) {
    let id = organization();
    for seq in 1..=20 {
        let mut subscription = subscribed(&bus).await;
        publish(&bus, facts(id, seq..=seq)).await;
        until(&mut subscription, id, seq).await;
    }
}

/// As after a fault: whatever is seen for the first time is in order, and nothing is missing.
pub async fn what_is_published_again_disturbs_nothing(bus: Arc<dyn Bus>) {
    let mut subscription = subscribed(&bus).await;
    let id = organization();
    publish(&bus, facts(id, 1..=10)).await;
    publish(&bus, facts(id, 5..=15)).await;
    let mut seen = Vec::new();
    while seen.len() < 15 {
        for seq in seqs(&take(&mut subscription, &[id], 1).await) {
            if !seen.contains(&seq) {
                seen.push(seq);
            }
        }
    }
    assert_eq!(seen, (1..=15).collect::<Vec<_>>());
}

/// What was given up may arrive or not; what comes later does.
pub async fn what_was_given_up_midway_stops_nobody(bus: Arc<dyn Bus>) {
    let mut subscription = subscribed(&bus).await;
    let id = organization();
    for seq in 1..=20 {
        let given_up = bus.publish(facts(id, seq..=seq).into());
        let _ = timeout(Duration::from_micros(seq * 20), given_up).await;
    }
    publish(&bus, facts(id, 21..=21)).await;
    until(&mut subscription, id, 21).await;
}

/// Its loss is nobody else's.
pub async fn a_subscriber_that_left_does_not_stop_the_others(bus: Arc<dyn Bus>) {
    let (gone, mut stays) = (subscribed(&bus).await, subscribed(&bus).await);
    drop(gone);
    let id = organization();
    for record in facts(id, 1..=MANY) {
        let seq = record.position.seq().0;
        let mine = [id];
        let ((), seen) = tokio::join!(publish(&bus, vec![record]), take(&mut stays, &mine, 1));
        assert_eq!(seqs(&seen), [seq]);
    }
}

/// A publisher may wait for it, but not beyond its end.
pub async fn a_subscriber_that_leaves_while_behind_frees_the_publisher(bus: Arc<dyn Bus>) {
    let (behind, mut stays) = (subscribed(&bus).await, subscribed(&bus).await);
    let id = organization();
    let publisher = {
        let bus = bus.clone();
        tokio::spawn(async move {
            for record in facts(id, 1..=MANY) {
                publish(&bus, vec![record]).await;
            }
        })
    };
    // Until the publisher waits for it, or has done all: the other one sees nothing more for a while.
    let mut seen = Vec::new();
    while let Ok(more) = timeout(Duration::from_millis(200), take(&mut stays, &[id], 1)).await {
        seen.extend(seqs(&more));
    }
    drop(behind);
    let left = usize::try_from(MANY).expect("small") - seen.len();
    seen.extend(seqs(&take(&mut stays, &[id], left).await));
    publisher.await.expect("ran");
    assert_eq!(seen, (1..=MANY).collect::<Vec<_>>());
}

/// Whoever reads late still sees all of it, in order.
pub async fn a_slow_subscriber_loses_nothing(bus: Arc<dyn Bus>) {
    let mut slow = subscribed(&bus).await;
    let id = organization();
    let publisher = {
        let bus = bus.clone();
        tokio::spawn(async move {
            for record in facts(id, 1..=MANY) {
                publish(&bus, vec![record]).await;
            }
        })
    };
    for _ in 0..100 {
        yield_now().await;
    }
    let seen = take(&mut slow, &[id], usize::try_from(MANY).expect("small")).await;
    publisher.await.expect("ran");
    assert_eq!(seqs(&seen), (1..=MANY).collect::<Vec<_>>());
}

//! How fast records travel on a real Kafka, beside the in-process bus in the same run.
//!
//! `cargo bench -p unionflow-bus --features kafka --bench kafka`. Starts a broker, or takes what `KAFKA_BOOTSTRAP_SERVERS`
//! names.

use std::{
    fs,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::time::{MissedTickBehavior, interval};
use unionflow_bus::{
    Bus, InProcessBus, Subscription,
    kafka::{Identity, KafkaBus, Settings},
};
use unionflow_components::Kafka;
use unionflow_protocol::{
    Audience, Position, Record, Seq, Timestamp, Topic,
    id::{AggregateId, Epoch, EventId, OrganizationId},
};
use uuid::Uuid;

const VALUE_BYTES: usize = 350;
const ORGANIZATIONS: u64 = 16;
const PAGE: u64 = 500;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let kafka: Arc<dyn Bus> = Arc::new(kafka());
    let in_process: Arc<dyn Bus> = Arc::new(InProcessBus::default());
    for (name, bus) in [("in-process", in_process), ("kafka", kafka)] {
        one_by_one(name, &bus, 2_000, None).await;
        one_by_one(name, &bus, 200, Some(Duration::from_millis(50))).await;
        backlog(name, &bus, 100_000).await;
    }
}

fn kafka() -> KafkaBus {
    let servers = tokio::task::block_in_place(Kafka::shared).expect("Kafka starts");
    let identity =
        Identity { epoch: Epoch::from_uuid(Uuid::from_u128(1)), key: b"a key of the store".to_vec() };
    KafkaBus::new(Settings::new(servers), identity).expect("settings that can be used")
}

/// Of this run alone, and of one measure in it.
fn organization(measure: u64, n: u64) -> OrganizationId {
    OrganizationId::from_uuid(Uuid::from_u64_pair(u64::from(std::process::id()) << 8 | measure, n))
}

fn record(organization_id: OrganizationId, seq: u64) -> Record {
    Record {
        organization_id,
        position: Position::Fact(Seq(seq)),
        event_id: EventId::from_uuid(Uuid::from_u128(
            organization_id.uuid().as_u128() ^ (u128::from(seq) << 8),
        )),
        event_type: "MEMBER_UPDATED".into(),
        topic: Topic::BUSINESS[usize::try_from(seq % 4).expect("small")],
        audience: Audience::everyone(),
        key: AggregateId::from_uuid(Uuid::from_u128(u128::from(seq % 7))),
        timestamp: Timestamp::from_millis(1_800_000_000_000),
        trace_parent: None,
        inbound: false,
        value: vec![b'x'; VALUE_BYTES].into(),
    }
}

/// One record, until it has come; then the next, or at the next beat.
async fn one_by_one(name: &str, bus: &Arc<dyn Bus>, count: u64, beat: Option<Duration>) {
    let mine = organization(if beat.is_some() { 1 } else { 2 }, 0);
    let mut subscription = bus.subscribe().await.expect("subscribed");
    let mut pace = interval(beat.unwrap_or(Duration::from_millis(1)));
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut taken, mut came) = (Vec::new(), Vec::new());
    let (begun, cpu) = (now(), cpu());
    for seq in 1..=count {
        if beat.is_some() {
            pace.tick().await;
        }
        let at = now();
        let publishing = async {
            bus.publish([record(mine, seq)].into()).await.expect("taken");
            taken.push(at.elapsed());
        };
        let seeing = async {
            until(&mut subscription, |record| {
                record.organization_id == mine && record.position == Position::Fact(Seq(seq))
            })
            .await;
            came.push(at.elapsed());
        };
        tokio::join!(publishing, seeing);
    }
    let paced = beat.map_or("one after the other".to_owned(), |beat| format!("one every {beat:?}"));
    println!(
        "{name}: {count} {paced}: came p50 {:?} p99 {:?}, taken p50 {:?} p99 {:?}; {:.0} a second, {:?} of CPU each",
        percentile(&mut came, 50),
        percentile(&mut came, 99),
        percentile(&mut taken, 50),
        percentile(&mut taken, 99),
        per_second(count, begun),
        each(cpu, count)
    );
}

/// As the relay after an outage: page after page, organisation after organisation; one subscriber.
async fn backlog(name: &str, bus: &Arc<dyn Bus>, count: u64) {
    let mut subscription = bus.subscribe().await.expect("subscribed");
    let organizations: Vec<_> = (0..ORGANIZATIONS).map(|n| organization(3, n)).collect();
    let (begun, cpu) = (now(), cpu());
    let last = organizations.clone();
    let seeing = tokio::spawn(async move {
        let mut left = count;
        while left > 0 {
            let records = subscription.next().await.expect("the bus is there");
            left -= records.iter().filter(|record| last.contains(&record.organization_id)).count() as u64;
        }
    });
    let pages = count / PAGE;
    for page in 0..pages {
        let organization = organizations[usize::try_from(page % ORGANIZATIONS).expect("small")];
        let first = page / ORGANIZATIONS * PAGE + 1;
        let records: Arc<[Record]> = (first..first + PAGE).map(|seq| record(organization, seq)).collect();
        bus.publish(records).await.expect("taken");
    }
    let taken = per_second(pages * PAGE, begun);
    seeing.await.expect("all came");
    println!(
        "{name}: backlog of {count}, pages of {PAGE}: taken {taken:.0} a second, come {:.0} a second, {:?} of CPU each",
        per_second(count, begun),
        each(cpu, count)
    );
}

async fn until(subscription: &mut Subscription, is_it: impl Fn(&Record) -> bool) {
    while !subscription.next().await.expect("the bus is there").iter().any(&is_it) {}
}

fn percentile(times: &mut [Duration], percent: usize) -> Duration {
    times.sort_unstable();
    times[(times.len() - 1) * percent / 100]
}

fn per_second(count: u64, since: Instant) -> f64 {
    count as f64 / since.elapsed().as_secs_f64()
}

fn each(cpu_before: Duration, count: u64) -> Duration {
    (cpu() - cpu_before) / u32::try_from(count).expect("small")
}

/// What this process has used: librdkafka's threads too, the broker not.
fn cpu() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name may hold blanks; after it user and system time are the 12th and 13th, in hundredths of a second.
    let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace().skip(11).take(2);
    fields.filter_map(|field| field.parse::<u64>().ok()).map(|ticks| Duration::from_millis(ticks * 10)).sum()
}

#[expect(clippy::disallowed_methods, reason = "a measure reads the clock")]
fn now() -> Instant {
    Instant::now()
}

//! `POST …/approve` sent to one process → frame at another person's socket on another process, 20 a second.

use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::time::{MissedTickBehavior, interval};
use unionflow_protocol::Role;
use unionflow_testkit::{Person, Troupe};

use super::{Stage, close, open_service, processes::Process};
use crate::report::{Report, millis, percentile};

const DECISIONS: usize = 400;
const EVERY: Duration = Duration::from_millis(50);
/// Of the process that publishes: it has the lease by then.
const HEAD_START: Duration = Duration::from_millis(1500);

/// Where the request goes to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sent {
    /// To the process that publishes for all: its commits go straight to Kafka.
    ToThePublisher,
    /// To the other one: the publisher hears of the commit from PostgreSQL.
    ToTheOther,
}

struct Times {
    p50: Duration,
    p99: Duration,
    answered: Duration,
    /// Events that the subscriber's process read from the journal, because it heard of them there first; of how many.
    from_journal: u64,
    events: u64,
}

pub(super) async fn measure(report: &mut Report, stage: &Stage) {
    for (sent, name) in
        [(Sent::ToThePublisher, "that publishes"), (Sent::ToTheOther, "that does not publish")]
    {
        let with = run(stage, sent, true).await;
        let without = run(stage, sent, false).await;
        let (p50, p99) = (millis(with.p50), millis(with.p99));
        report.row(
            &format!("approve at a process {name} → frame on another, p50 / p99"),
            format!("{p50} / {p99} (answer: {})", millis(with.answered)),
            format!("{} / {} without Kafka", millis(without.p50), millis(without.p99)),
            "≤ 4 / 12 ms",
            with.p50 <= Duration::from_millis(4) && with.p99 <= Duration::from_millis(12),
        );
        report.note(
            "  of its events the subscriber's process read from the journal, told by NOTIFY before Kafka brought them",
            format!("{} of {}", with.from_journal, with.events),
        );
    }
}

async fn run(stage: &Stage, sent: Sent, has_kafka: bool) -> Times {
    let database = stage.database();
    let service = open_service(&database).await;
    let troupe = Troupe::found(&service, "Mutuelle Espoir").await;
    close(&service);
    let publisher = Process::start(stage, &database, has_kafka, &[]).await;
    tokio::time::sleep(HEAD_START).await;
    let other = Process::start(stage, &database, has_kafka, &[]).await;
    let (asked, followed) = match sent {
        Sent::ToThePublisher => (&publisher, &other),
        Sent::ToTheOther => (&other, &publisher),
    };
    let here = asked.address();
    let treasurer = Person::sign_in(&here, &troupe, troupe.account(Role::Treasurer)).await;
    let president = Person::sign_in(&here, &troupe, troupe.account(Role::President)).await;
    let secretary = Person::sign_in(&followed.address(), &troupe, troupe.account(Role::Secretary)).await;
    let mut socket = secretary.connect("").await.expect("it connects");
    socket.until("SYSTEM_CAUGHT_UP").await;
    let mut requests: Vec<Value> = Vec::new();
    for _ in 0..DECISIONS {
        requests.push(treasurer.submit(1_000).await);
        socket.until("APPROVAL_PENDING").await;
    }
    let read = "unionflow_hub_events_from_journal_total";
    let (read_before, head_before) = (followed.counter(read).await, president.head().await);
    let (mut seen, mut answered) = (Vec::new(), Vec::new());
    let mut pace = interval(EVERY);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for request in &requests {
        pace.tick().await;
        let begun = Instant::now();
        let (answer, ()) = tokio::join!(
            async {
                let answer = president.approve(request).await;
                answered.push(begun.elapsed());
                answer
            },
            async {
                socket.until("APPROVAL_APPROVED").await;
                seen.push(begun.elapsed());
            }
        );
        answer.expect(200);
    }
    let from_journal = followed.counter(read).await - read_before;
    let events = president.head().await - head_before;
    publisher.server.kill().await;
    other.server.kill().await;
    let (p50, p99) = (percentile(&mut seen, 0.5), percentile(&mut seen, 0.99));
    Times { p50, p99, answered: percentile(&mut answered, 0.5), from_journal, events }
}

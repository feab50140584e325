//! Approvals a second on PostgreSQL and Kafka: the full command, with rules, reservation, figures, events, outbox and key.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::json;
use tokio::task::JoinSet;
use unionflow_components::Database;
use unionflow_protocol::{Role, id::ApprovalId, rest::approval::Approve};
use unionflow_server::{Options, Server};
use unionflow_service::{
    Call, Service,
    approval::{approve::approve, foresee},
};
use unionflow_storage::{Reader, Tx};
use unionflow_testkit::{Person, Troupe};

use super::{Stage, close, cpu::Cpu, open_service};
use crate::{
    report::Report,
    submissions::syncs_a_second,
    worlds::{call, submit_one},
};

const CLIENTS: usize = 16;
/// Requests that are made beforehand, in each organisation; and in the one that all clients share at last.
const EACH: usize = 3_000;
const SHARED: usize = 12_000;
const LASTS: Duration = Duration::from_secs(6);
/// An approval's statements and the organisations for them.
const APPROVAL: &str = include_str!("approval.sql");
const ORGANIZATIONS: &str = include_str!("organizations.sql");
const NO_END: Duration = Duration::from_secs(600);

/// An organisation, and its requests that wait for a vote.
struct Lot {
    troupe: Troupe,
    waiting: Mutex<Vec<ApprovalId>>,
}

/// How many a second, and what each took.
struct Rate {
    a_second: f64,
    cpu: Cpu,
}

impl std::fmt::Display for Rate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.0}/s, each {}", self.a_second, self.cpu)
    }
}

pub(super) async fn measure(report: &mut Report, stage: &Stage) {
    let folder = tempfile::tempdir().expect("a folder");
    let syncs = syncs_a_second(&folder.path().join("baseline"));
    let database = stage.database();
    let service = open_service(&database).await;
    let mut lots = Vec::new();
    for n in 0..CLIENTS {
        let troupe = Troupe::found(&service, &format!("Mutuelle {n}")).await;
        lots.push(Arc::new(Lot { troupe, waiting: Mutex::default() }));
    }
    close(&service);
    let options = Options::new(stage.settings(&database, true));
    let server = Server::start(options).await.unwrap_or_else(|fault| panic!("{fault}"));
    let service = server.service().clone();

    let submissions = submissions(&service, &lots, EACH).await;
    let approvals = approvals(&service, &lots).await;
    let emptied = until_published(&service).await;
    report.row(
        "approvals a second on PostgreSQL and Kafka, 16 clients, 16 organisations",
        approvals.to_string(),
        format!("{syncs:.0} syncs/s of this disk; the outbox empty {emptied:.1} s later"),
        "≥ 4,000/s",
        approvals.a_second >= 4_000.0,
    );
    report.note("submissions a second there", submissions.to_string());
    let over_http = over_http(&server, &lots).await;
    report.note("approvals over HTTP, clients on the same cores", over_http.to_string());
    let one = vec![lots[0].clone(); CLIENTS];
    self::submissions(&service, &one, SHARED).await;
    let shared = self::approvals(&service, &one).await;
    report.note("approvals with all 16 clients in one organisation", shared.to_string());
    server.stop().await;
    report
        .note("what pgbench does with the statements of an approval, nothing else running", bare(&database));
}

/// The database's own limit: the same statements without whoever decides what they are, in organisations of their own. An
/// approval of its own each time would be slower: here the same rows are changed again and again.
fn bare(database: &Database) -> String {
    let script = APPROVAL.replace("ORG", "decode(lpad(to_hex(:client_id::int), 32, '0'), 'hex')");
    let rate = tokio::task::block_in_place(|| {
        database.psql(ORGANIZATIONS)?;
        database.psql("VACUUM ANALYZE")?;
        database.pgbench(&script, CLIENTS, LASTS.as_secs())
    });
    rate.map_or_else(|fault| fault.to_string(), |rate| format!("{rate:.0}/s"))
}

async fn submissions(service: &Service, lots: &[Arc<Lot>], goal: usize) -> Rate {
    let service = service.clone();
    rate(lots, NO_END, move |lot| {
        let service = service.clone();
        async move {
            let id = submit_one(&service, &lot.troupe, 1).await;
            let mut waiting = lot.waiting.lock().expect("nobody panicked");
            waiting.push(id);
            waiting.len() < goal
        }
    })
    .await
}

async fn approvals(service: &Service, lots: &[Arc<Lot>]) -> Rate {
    let service = service.clone();
    rate(lots, LASTS, move |lot| {
        let service = service.clone();
        async move {
            let Some(id) = lot.next() else { return false };
            let call = call(lot.troupe.account(Role::President), "POST /finance/approvals/{id}/approve");
            let unit = move |tx: &mut Tx<'_>, call: &Call| approve(tx, call, id, &Approve::default());
            let organization = lot.troupe.id;
            let loads = move |reader: &mut Reader<'_>| foresee(reader, organization, id);
            let done = service.command_foreseeing(organization, call, loads, unit).await;
            done.expect("no fault").answer.expect("no refusal");
            true
        }
    })
    .await
}

async fn over_http(server: &Server, lots: &[Arc<Lot>]) -> Rate {
    let address = server.address.to_string();
    let mut presidents = HashMap::new();
    for Lot { troupe, .. } in lots.iter().map(Arc::as_ref) {
        let president = Person::sign_in(&address, troupe, troupe.account(Role::President)).await;
        presidents.insert(troupe.id, president);
    }
    let presidents = Arc::new(presidents);
    rate(lots, LASTS, move |lot| {
        let presidents = presidents.clone();
        async move {
            let Some(id) = lot.next() else { return false };
            presidents[&lot.troupe.id].approve(&json!({"id": id})).await.expect(200);
            true
        }
    })
    .await
}

/// A client for each, one call after the other, until one of them is told that it was the last, or the time is over.
async fn rate<F: Future<Output = bool> + Send + 'static>(
    lots: &[Arc<Lot>],
    lasts: Duration,
    one: impl Fn(Arc<Lot>) -> F + Clone + Send + 'static,
) -> Rate {
    let (stop, count) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let (mut clients, begun, cpu) = (JoinSet::new(), Instant::now(), Cpu::now());
    for lot in lots {
        let (lot, one, stop, count) = (lot.clone(), one.clone(), stop.clone(), count.clone());
        clients.spawn(async move {
            while !stop.load(Ordering::Relaxed) && one(lot.clone()).await {
                count.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    // Fewer clients would be another measure.
    let _ = tokio::time::timeout(lasts, clients.join_next()).await;
    let (elapsed, cpu_after, count) = (begun.elapsed(), Cpu::now(), count.load(Ordering::Relaxed));
    stop.store(true, Ordering::Relaxed);
    clients.join_all().await;
    Rate { a_second: count as f64 / elapsed.as_secs_f64(), cpu: cpu_after.each_since(cpu, count) }
}

/// Until the relay has noted that everything is on the bus; how many seconds.
async fn until_published(service: &Service) -> f64 {
    let begun = Instant::now();
    while !service.read(|reader| Ok(reader.unpublished(1)?)).await.expect("it is read").is_empty() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    begun.elapsed().as_secs_f64()
}

impl Lot {
    fn next(&self) -> Option<ApprovalId> {
        self.waiting.lock().expect("nobody panicked").pop()
    }
}

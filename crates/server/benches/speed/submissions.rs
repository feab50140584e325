//! Durable submissions of an approval a second: the full command, with rules, figures, event, outbox and key.

use std::{
    io::Write,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::Value;
use unionflow_service::Service;
use unionflow_storage::SystemClock;
use unionflow_testkit::{Person, Troupe, World, open_service};

use crate::{report::Report, worlds::submit_one};

const CLIENTS: usize = 16;
const LASTS: Duration = Duration::from_secs(6);

pub(crate) async fn measure(report: &mut Report) {
    let folder = tempfile::tempdir().expect("a folder");
    let syncs = syncs_a_second(&folder.path().join("baseline"));
    let service = open_service(folder.path().join("unionflow.db"), Arc::new(SystemClock)).await;
    let mut troupes = Vec::new();
    for n in 0..CLIENTS {
        troupes.push(Troupe::found(&service, &format!("Mutuelle {n}")).await);
    }
    let rate = by_use_case(&service, &troupes).await;
    service.store().close();
    report.row(
        "durable submissions a second, 16 clients, 16 organisations",
        format!("{rate:.0}/s"),
        format!("{syncs:.0} syncs/s of this disk, {:.2} submissions a sync", rate / syncs),
        "≥ 5,000/s",
        rate >= 5_000.0,
    );
    report.note("the same over HTTP, clients on the same cores", format!("{:.0}/s", over_http().await));
}

/// 4 KiB appended and synced, one after the other: what the disk can do.
pub(crate) fn syncs_a_second(path: &std::path::Path) -> f64 {
    let mut file = std::fs::File::create(path).expect("a file");
    let begun = Instant::now();
    let mut count = 0;
    while begun.elapsed() < Duration::from_secs(2) {
        file.write_all(&[7; 4096]).expect("room");
        file.sync_data().expect("a sync");
        count += 1;
    }
    f64::from(count) / begun.elapsed().as_secs_f64()
}

async fn by_use_case(service: &Service, troupes: &[Troupe]) -> f64 {
    let (stop, count) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let clients = troupes.iter().cloned().map(|troupe| {
        let (service, stop, count) = (service.clone(), stop.clone(), count.clone());
        tokio::spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                submit_one(&service, &troupe, 1_000 + count.load(Ordering::Relaxed) % 50_000).await;
                count.fetch_add(1, Ordering::Relaxed);
            }
        })
    });
    let clients: Vec<_> = clients.collect();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (begun, before) = (Instant::now(), count.load(Ordering::Relaxed));
    tokio::time::sleep(LASTS).await;
    let rate = (count.load(Ordering::Relaxed) - before) as f64 / begun.elapsed().as_secs_f64();
    stop.store(true, Ordering::Relaxed);
    for client in clients {
        client.await.expect("a client ends well");
    }
    rate
}

async fn over_http() -> f64 {
    let world = World::start().await;
    let mut clients = Vec::new();
    let (stop, count) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    for n in 0..CLIENTS {
        let troupe = Troupe::found(world.server().service(), &format!("Mutuelle {n}")).await;
        let person = world.sign_in(&troupe, troupe.account(unionflow_protocol::Role::Treasurer)).await;
        let (stop, count) = (stop.clone(), count.clone());
        clients.push(tokio::spawn(async move { submit_until(person, &stop, &count).await }));
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (begun, before) = (Instant::now(), count.load(Ordering::Relaxed));
    tokio::time::sleep(LASTS).await;
    let rate = (count.load(Ordering::Relaxed) - before) as f64 / begun.elapsed().as_secs_f64();
    stop.store(true, Ordering::Relaxed);
    for client in clients {
        client.await.expect("a client ends well");
    }
    rate
}

async fn submit_until(person: Person, stop: &AtomicBool, count: &AtomicU64) {
    while !stop.load(Ordering::Relaxed) {
        let request: Value = person.submit(25_000).await;
        assert_eq!(request["status"], "PENDING");
        count.fetch_add(1, Ordering::Relaxed);
    }
}

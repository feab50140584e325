//! `kill -9` at any moment under load: what was acknowledged is there exactly once, nothing is half-done, and every socket
//! that resumes sees each event once.
//!
//! `UNIONFLOW_KILL_RUNS=200` makes the long run, `UNIONFLOW_KILL_SEED` begins with another seed. Each run prints its seed
//! when it fails.

use std::{path::Path, sync::Arc, time::Duration};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use tokio::{sync::watch, task::JoinSet};
use unionflow_protocol::Role;
use unionflow_storage::SystemClock;
use unionflow_testkit::{
    Books, Follower, Load, Office, Person, ServerProcess, Tally, Troupe, how_many, open_service,
};

const BINARY: &str = env!("CARGO_BIN_EXE_unionflow");
const RUNS: u64 = 5;

/// What came of some runs.
#[derive(Debug, Default)]
struct Report {
    runs: u64,
    kills: u64,
    delivered: usize,
    welcomes: usize,
    tally: Tally,
}

/// A store with three organisations, to begin each run with.
async fn template(folder: &Path) -> Vec<Troupe> {
    let service = open_service(folder.join("template.db"), Arc::new(SystemClock)).await;
    let mut troupes = Vec::new();
    for name in ["Mutuelle Espoir", "Union Solidarité", "Tontine Étoile"] {
        troupes.push(Troupe::found(&service, name).await);
    }
    service.store().close();
    troupes
}

async fn followers(address: &str, office: &Office) -> Vec<Follower> {
    let troupe = &office.troupe;
    let mut followers = Vec::new();
    for account in [troupe.account(Role::Auditor), troupe.account(Role::Member), troupe.in_all()] {
        followers.push(Follower::new(Person::sign_in(address, troupe, account).await));
    }
    followers.push(Follower::new(office.treasurer.clone()));
    followers
}

async fn run(folder: &Path, troupes: &[Troupe], seed: u64, report: &mut Report) {
    let mut rng = StdRng::seed_from_u64(seed);
    let database = folder.join(format!("{seed}.db"));
    std::fs::copy(folder.join("template.db"), &database).expect("a copy of the template");
    let address = ServerProcess::free_address();
    let start = || ServerProcess::start(Path::new(BINARY), &database, address);
    let mut process = start().await;

    let load = Load::paced(Duration::ZERO);
    let (mut desks, mut following) = (JoinSet::new(), JoinSet::new());
    let (mut offices, mut goals) = (Vec::new(), Vec::new());
    for (n, troupe) in troupes.iter().enumerate() {
        let office = Office::open(&[address.to_string()], troupe.clone()).await;
        let goal = watch::Sender::new(None);
        for follower in followers(&address.to_string(), &office).await {
            let goal = goal.subscribe();
            following.spawn(async move { (n, follower.follow(goal).await) });
        }
        office.begin(&load, &mut desks);
        offices.push(office);
        goals.push(goal);
    }
    for _ in 0..rng.random_range(1..=2) {
        load.goes_on(rng.random_range(3..60)).await;
        process.kill_after(Duration::from_micros(rng.random_range(0..8_000))).await;
        report.kills += 1;
        process = start().await;
    }
    load.goes_on(10).await;
    load.ends(desks).await;
    for (office, goal) in offices.iter().zip(&goals) {
        goal.send_replace(Some(office.treasurer.head().await));
    }
    let mut seen: Vec<(usize, Follower)> = Vec::new();
    while let Some(ended) = following.join_next().await {
        seen.push(ended.expect("no follower gives up"));
    }
    process.kill().await;
    check(&database, &offices, &seen, report).await;
    report.runs += 1;
}

async fn check(database: &Path, offices: &[Arc<Office>], seen: &[(usize, Follower)], report: &mut Report) {
    let url = format!("sqlite:{}", database.display());
    let verified =
        std::process::Command::new(BINARY).arg("verify").env_clear().env("DATABASE_URL", url).output();
    let verified = verified.expect("the command runs");
    if !verified.status.success() {
        report
            .tally
            .faults
            .push(format!("`unionflow verify`: {}", String::from_utf8_lossy(&verified.stdout)));
    }
    let service = open_service(database.to_owned(), Arc::new(SystemClock)).await;
    for (n, office) in offices.iter().enumerate() {
        let books = Books::read(service.store(), office.troupe.id).await;
        office.audit(&books, &mut report.tally);
        for (_, follower) in seen.iter().filter(|(of, _)| *of == n) {
            report.delivered += follower.facts.len();
            report.welcomes += follower.welcomes as usize;
            report.tally.faults.extend(follower.disorder.iter().cloned());
            report.tally.faults.extend(follower.differs(&books));
        }
    }
    service.store().close();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whenever_the_process_is_killed_nothing_is_lost_doubled_or_half_done() {
    let folder = tempfile::tempdir().unwrap();
    let troupes = template(folder.path()).await;
    let mut report = Report::default();
    let first = how_many("UNIONFLOW_KILL_SEED", 1);
    for seed in first..first + how_many("UNIONFLOW_KILL_RUNS", RUNS) {
        run(folder.path(), &troupes, seed, &mut report).await;
        assert!(report.tally.faults.is_empty(), "UNIONFLOW_KILL_SEED={seed}: {report:#?}");
        let _ = std::fs::remove_file(folder.path().join(format!("{seed}.db")));
    }
    println!("{report:?}");
    assert!(report.welcomes > usize::try_from(report.runs).unwrap() * 12, "sockets came back: {report:?}");
}

//! `kill -9` at any moment under load: what was acknowledged is there exactly once, nothing is half-done, and every socket
//! that resumes sees each event once.
//!
//! `UNIONFLOW_KILL_RUNS=200` makes the long run, `UNIONFLOW_KILL_SEED` begins with another seed. Each run prints its seed
//! when it fails.

use std::{
    collections::BTreeSet,
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};
use tokio::{sync::watch, task::JoinSet};
use unionflow_protocol::Role;
use unionflow_storage::SystemClock;
use unionflow_testkit::{Books, Follower, PATIENCE, Person, ServerProcess, Troupe, how_many, open_service};

const BINARY: &str = env!("CARGO_BIN_EXE_unionflow");
const RUNS: u64 = 5;
/// Pairs of people at work in each organisation.
const DESKS: usize = 3;

/// What came of some runs.
#[derive(Debug, Default)]
struct Report {
    runs: u64,
    kills: u64,
    acknowledged: usize,
    repeated: usize,
    events: usize,
    delivered: usize,
    welcomes: usize,
    lost: usize,
    doubled: usize,
    faults: Vec<String>,
}

/// What an organisation's people did, by what they were answered.
#[derive(Default)]
struct Done {
    /// Amounts asked for: each is asked for once.
    submitted: BTreeSet<i64>,
    approved: BTreeSet<String>,
    executed: BTreeSet<String>,
    members: BTreeSet<String>,
    /// Commands whose first answer got lost.
    repeated: usize,
    faults: Vec<String>,
}

/// One organisation at work.
struct Office {
    troupe: Troupe,
    treasurer: Person,
    president: Person,
    secretary: Person,
    next_amount: AtomicI64,
    done: Mutex<Done>,
}

/// Who drives the load.
#[derive(Clone)]
struct Load {
    /// Commands answered so far.
    answered: watch::Sender<u64>,
    /// Whether the server can be asked.
    is_up: watch::Sender<bool>,
    /// Whether to finish.
    stop: watch::Sender<bool>,
}

impl Office {
    async fn open(address: &str, troupe: Troupe) -> Arc<Self> {
        let sign_in = |role| Person::sign_in(address, &troupe, troupe.account(role));
        let (treasurer, president, secretary) =
            tokio::join!(sign_in(Role::Treasurer), sign_in(Role::President), sign_in(Role::Secretary));
        let (next_amount, done) = (AtomicI64::new(1), Mutex::default());
        Arc::new(Self { troupe, treasurer, president, secretary, next_amount, done })
    }

    fn done(&self) -> MutexGuard<'_, Done> {
        self.done.lock().expect("nobody panics while holding it")
    }

    /// Asks, decides, carries out and admits, until told to stop; every command until it is answered.
    async fn work(self: Arc<Self>, load: Load) {
        while !*load.stop.borrow() {
            let amount = self.next_amount.fetch_add(1, Ordering::Relaxed);
            let asked = self.insist(
                &load,
                &self.treasurer,
                "/finance/approvals",
                self.treasurer.expense(amount),
                201,
            );
            let asked = asked.await;
            let id = asked["id"].as_str().unwrap_or_default().to_owned();
            self.done().submitted.insert(amount);
            let act = |verb: &str| format!("/finance/approvals/{id}/{verb}");
            self.insist(&load, &self.president, &act("approve"), json!({}), 200).await;
            self.done().approved.insert(id.clone());
            self.insist(&load, &self.treasurer, &act("execute"), json!({}), 200).await;
            self.done().executed.insert(id.clone());
            let body = json!({"organizationId": self.troupe.id, "givenName": "Issa", "familyName": format!("N{amount}")});
            let member = self.insist(&load, &self.secretary, "/members", body, 201).await;
            let member = member["id"].as_str().unwrap_or_default().to_owned();
            self.done().members.insert(member);
        }
    }

    /// One command with one key, again and again until the server answers.
    async fn insist(&self, load: &Load, person: &Person, path: &str, body: Value, expected: u16) -> Value {
        let key = Person::fresh_key();
        let mut up = load.is_up.subscribe();
        for attempt in 0.. {
            let _ = up.wait_for(|up| *up).await;
            let asked = person.ask(reqwest::Method::POST, path).json(&body).key(&key).try_send().await;
            let Ok(answer) = asked else {
                tokio::task::yield_now().await;
                continue;
            };
            if answer.status >= 500 {
                continue;
            }
            let mut done = self.done();
            done.repeated += usize::from(attempt > 0);
            if answer.status != expected {
                done.faults.push(format!("{path} {body} was answered {}: {}", answer.status, answer.text));
            }
            load.answered.send_modify(|answered| *answered += 1);
            return answer.body;
        }
        unreachable!("it tries for ever")
    }

    /// Compares what was answered with what is kept.
    fn audit(&self, books: &Books, report: &mut Report) {
        let done = self.done();
        let name = &self.troupe.name;
        report.faults.extend(done.faults.iter().map(|fault| format!("{name}: {fault}")));
        report.faults.extend(books.faults().into_iter().map(|fault| format!("{name}: {fault}")));
        report.repeated += done.repeated;
        report.events += books.journal.len();
        let founders = self.troupe.accounts.len();
        let approvals = |kind: &str| texts(books, kind, "id");
        let amounts = books.of_type("APPROVAL_PENDING").filter_map(|entry| entry.data()["amount"].as_i64());
        let members = approvals("MEMBER_CREATED").into_iter().skip(founders).collect();
        report.compare(&format!("{name}: submitted"), &done.submitted, amounts.collect());
        report.compare(&format!("{name}: approved"), &done.approved, approvals("APPROVAL_APPROVED"));
        report.compare(&format!("{name}: voted"), &done.approved, approvals("APPROVAL_VOTE_RECORDED"));
        report.compare(&format!("{name}: executed"), &done.executed, approvals("APPROVAL_EXECUTED"));
        report.compare(&format!("{name}: admitted"), &done.members, members);
        report.acknowledged +=
            done.submitted.len() + done.approved.len() + done.executed.len() + done.members.len();
    }
}

fn texts(books: &Books, kind: &str, key: &str) -> Vec<String> {
    books.of_type(kind).filter_map(|entry| entry.data()[key].as_str().map(str::to_owned)).collect()
}

impl Report {
    /// Everything acknowledged is there, once; and there is nothing else.
    fn compare<T: Ord + std::fmt::Debug>(&mut self, what: &str, acknowledged: &BTreeSet<T>, kept: Vec<T>) {
        let count = kept.len();
        let kept: BTreeSet<T> = kept.into_iter().collect();
        let lost: Vec<&T> = acknowledged.difference(&kept).collect();
        let never: Vec<&T> = kept.difference(acknowledged).collect();
        self.lost += lost.len();
        self.doubled += count - kept.len() + never.len();
        if !lost.is_empty() || !never.is_empty() || count != kept.len() {
            self.faults.push(format!("{what}: lost {lost:?}, never acknowledged {never:?}, {count} entries"));
        }
    }
}

impl Load {
    /// Waits until so many more commands were answered.
    async fn goes_on(&self, more: u64) {
        let mut answered = self.answered.subscribe();
        let goal = *answered.borrow() + more;
        let reached = answered.wait_for(|answered| *answered >= goal);
        let _ = tokio::time::timeout(PATIENCE, reached).await.expect("commands are answered");
    }
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

    let load = Load {
        answered: watch::Sender::new(0),
        is_up: watch::Sender::new(true),
        stop: watch::Sender::new(false),
    };
    let (mut desks, mut following) = (JoinSet::new(), JoinSet::new());
    let (mut offices, mut goals) = (Vec::new(), Vec::new());
    for (n, troupe) in troupes.iter().enumerate() {
        let office = Office::open(&address.to_string(), troupe.clone()).await;
        let goal = watch::Sender::new(None);
        for follower in followers(&address.to_string(), &office).await {
            let goal = goal.subscribe();
            following.spawn(async move { (n, follower.follow(goal).await) });
        }
        (0..DESKS).for_each(|_| drop(desks.spawn(office.clone().work(load.clone()))));
        offices.push(office);
        goals.push(goal);
    }
    for _ in 0..rng.random_range(1..=2) {
        load.goes_on(rng.random_range(3..60)).await;
        process.kill_after(Duration::from_micros(rng.random_range(0..8_000))).await;
        load.is_up.send_replace(false);
        report.kills += 1;
        process = start().await;
        load.is_up.send_replace(true);
    }
    load.goes_on(10).await;
    load.stop.send_replace(true);
    while let Some(ended) = desks.join_next().await {
        ended.expect("nobody gives up");
    }
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
        report.faults.push(format!("`unionflow verify`: {}", String::from_utf8_lossy(&verified.stdout)));
    }
    let service = open_service(database.to_owned(), Arc::new(SystemClock)).await;
    for (n, office) in offices.iter().enumerate() {
        let books = Books::read(service.store(), office.troupe.id).await;
        office.audit(&books, report);
        for (_, follower) in seen.iter().filter(|(of, _)| *of == n) {
            report.delivered += follower.facts.len();
            report.welcomes += follower.welcomes as usize;
            report.faults.extend(follower.disorder.iter().cloned());
            report.faults.extend(follower.differs(&books));
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
        assert!(report.faults.is_empty(), "UNIONFLOW_KILL_SEED={seed}: {report:#?}");
        let _ = std::fs::remove_file(folder.path().join(format!("{seed}.db")));
    }
    println!("{report:?}");
    assert!(report.welcomes > usize::try_from(report.runs).unwrap() * 12, "sockets came back: {report:?}");
}

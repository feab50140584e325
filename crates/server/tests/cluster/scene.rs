//! One run: a database with three organisations, servers over it, people at work and clients that follow.

use std::{
    collections::HashMap,
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use tempfile::TempDir;
use tokio::{
    sync::watch,
    task::{JoinSet, block_in_place},
    time::{Instant, interval, timeout},
};
use unionflow_components::Database;
use unionflow_protocol::Role;
use unionflow_service::Service;
use unionflow_testkit::{
    Account, Books, Load, Office, PATIENCE, Person, ServerProcess, Troupe, how_many, lasts, open_service_on,
    settings,
};

use crate::{
    client::{Client, Goal, Way},
    report::Report,
    stage::{Parts, turn},
};

const BINARY: &str = env!("CARGO_BIN_EXE_unionflow");
const ORGANIZATIONS: [&str; 3] = ["Mutuelle Espoir", "Union Solidarité", "Tontine Étoile"];
/// A desk's pause between two requests: there is work all the time, and the machine is not full of it.
const PACE: Duration = Duration::from_millis(150);
const LOOK: Duration = Duration::from_millis(20);
/// How long until everything is well again before a run fails.
const SETTLES_WITHIN: Duration = Duration::from_secs(60);

/// Servers and clients of a run.
pub(crate) struct Shape {
    /// What each server has in its environment besides.
    pub(crate) servers: Vec<Vec<(&'static str, String)>>,
    /// Clients in all.
    pub(crate) clients: usize,
}

impl Shape {
    /// So many servers, all alike.
    pub(crate) fn of(servers: usize, clients: usize) -> Self {
        Self { servers: vec![Vec::new(); servers], clients }
    }

    /// One of them has this in its environment too.
    pub(crate) fn with(mut self, server: usize, name: &'static str, value: String) -> Self {
        self.servers[server].push((name, value));
        self
    }
}

/// See the module.
pub(crate) struct Scene {
    /// What is drawn from the seed.
    pub(crate) rng: StdRng,
    /// Who works.
    pub(crate) load: Load,
    pub(crate) database: Database,
    pub(crate) servers: Vec<Server>,
    offices: Vec<Arc<Office>>,
    goals: Vec<watch::Sender<Option<(String, u64)>>>,
    desks: JoinSet<()>,
    following: JoinSet<(usize, Client)>,
    /// When each fault ended, and how long after that every server was whole again.
    healed: Vec<(Instant, Option<Duration>)>,
    folder: TempDir,
}

/// A place for a server: the same address after a restart.
pub(crate) struct Server {
    pub(crate) address: std::net::SocketAddr,
    environment: Vec<(&'static str, String)>,
    log: PathBuf,
    process: Option<ServerProcess>,
}

/// Runs a scenario with one seed after another, and prints what came of it.
pub(crate) async fn repeat(
    name: &'static str,
    shape: impl Fn(&Parts) -> Shape,
    scenario: impl AsyncFn(&mut Parts, &mut Scene),
) {
    let mut parts = turn().await;
    let first = how_many("UNIONFLOW_FAULT_SEED", 1);
    let last = first + how_many("UNIONFLOW_FAULT_RUNS", 1) - 1;
    let mut report = Report::of(name, (first, last));
    for seed in first..=last {
        let mut scene = Scene::open(&parts, shape(&parts), seed).await;
        eprintln!("{name}: UNIONFLOW_FAULT_SEED={seed}");
        scenario(&mut parts, &mut scene).await;
        let logs = scene.end(&mut report).await;
        assert!(
            report.is_clean(),
            "UNIONFLOW_FAULT_SEED={seed}: {report}\n{:#?}\n{}",
            report.tally.faults,
            logs()
        );
    }
    println!("{report}");
}

impl Server {
    pub(crate) async fn start(&mut self) {
        let log = Some(self.log.as_path());
        self.process =
            Some(ServerProcess::start_with(Path::new(BINARY), self.address, &self.environment, log).await);
    }

    /// `kill -9` after this long.
    pub(crate) async fn kill_after(&mut self, moment: Duration) {
        self.process.take().expect("it runs").kill_after(moment).await;
    }
}

impl Scene {
    async fn open(parts: &Parts, shape: Shape, seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let folder = tempfile::tempdir().expect("a folder of our own");
        let database = block_in_place(|| parts.postgres.new_database()).expect("a database");
        let troupes = found(database.url()).await;
        let mut servers = Vec::new();
        for (n, more) in shape.servers.into_iter().enumerate() {
            let mut environment = vec![
                ("DATABASE_URL", database.url().to_owned()),
                ("KAFKA_BOOTSTRAP_SERVERS", parts.kafka.servers()),
            ];
            environment.extend(more);
            let (address, log) = (ServerProcess::free_address(), folder.path().join(format!("{n}.log")));
            let mut server = Server { address, environment, log, process: None };
            server.start().await;
            servers.push(server);
        }
        let addresses: Vec<String> = servers.iter().map(|server| server.address.to_string()).collect();
        let (load, mut desks, mut following) = (Load::paced(PACE), JoinSet::new(), JoinSet::new());
        let (mut offices, mut goals) = (Vec::new(), Vec::new());
        for (n, troupe) in troupes.into_iter().enumerate() {
            let office = Office::open(&addresses, troupe).await;
            let goal = watch::Sender::new(None);
            let share =
                shape.clients / ORGANIZATIONS.len() + usize::from(n < shape.clients % ORGANIZATIONS.len());
            for client in clients(&addresses, &office, share, &mut rng).await {
                let goal: Goal = goal.subscribe();
                following.spawn(async move { (n, client.follow(goal).await) });
            }
            offices.push(office);
            goals.push(goal);
        }
        offices.iter().for_each(|office| office.begin(&load, &mut desks));
        let scene = Self {
            rng,
            load,
            database,
            servers,
            offices,
            goals,
            desks,
            following,
            healed: Vec::new(),
            folder,
        };
        scene.load.goes_on(12).await;
        scene
    }

    /// Draws a number.
    pub(crate) fn draw(&mut self, from: Range<u64>) -> u64 {
        self.rng.random_range(from)
    }

    /// Draws a moment of up to so long.
    pub(crate) fn moment(&mut self, longest: Duration) -> Duration {
        Duration::from_micros(self.draw(0..u64::try_from(longest.as_micros()).expect("not so long")))
    }

    /// Waits until so many commands more were answered, drawn from this range.
    pub(crate) async fn works(&mut self, commands: Range<u64>) {
        let commands = self.draw(commands);
        self.load.goes_on(commands).await;
    }

    /// What is broken stays so for a time drawn up to this.
    pub(crate) async fn bears(&mut self, longest: Duration) {
        lasts(self.moment(longest)).await;
    }

    /// A fault ended just now: waits until every server is whole, and people work again everywhere.
    pub(crate) async fn heals(&mut self) {
        let ended = Instant::now();
        let addresses = self.servers.iter().map(|server| server.address.to_string()).collect();
        let whole = timeout(SETTLES_WITHIN, all_ready(addresses)).await;
        self.healed.push((ended, whole.ok().map(|()| ended.elapsed())));
        while self.offices.iter().any(|office| office.first_answered_after(ended).is_none()) {
            self.load.goes_on(1).await;
        }
    }

    /// Everybody finishes; then what was done and seen is compared with what is kept. How to show the servers' logs.
    async fn end(mut self, report: &mut Report) -> impl FnOnce() -> String + use<> {
        self.load.goes_on(12).await;
        self.load.ends(self.desks).await;
        for (office, goal) in self.offices.iter().zip(&self.goals) {
            let path = format!("/dashboard/stats?organizationId={}", office.troupe.id);
            let stats = office.treasurer.get(&path).await.expect(200);
            let epoch = stats["epoch"].as_str().expect("every answer says epoch").to_owned();
            goal.send_replace(Some((epoch, stats["asOfSeq"].as_u64().expect("and asOfSeq"))));
        }
        let mut seen: Vec<(usize, Client)> = Vec::new();
        let following = async {
            while let Some(ended) = self.following.join_next().await {
                seen.push(ended.expect("no client gives up"));
            }
        };
        if timeout(SETTLES_WITHIN, following).await.is_err() {
            report.tally.faults.push("not every client became complete".to_owned());
        }
        if timeout(SETTLES_WITHIN, outbox_empties(&self.database)).await.is_err() {
            report.tally.faults.push("the outbox was not emptied".to_owned());
        }
        let mut ended = Vec::new();
        for (at, whole) in self.healed {
            match whole {
                Some(after) => report.ready.push(after),
                None => report.tally.faults.push("a server did not become whole".to_owned()),
            }
            ended.push(at);
        }
        for server in &mut self.servers {
            server.kill_after(Duration::ZERO).await;
        }
        check(&self.database, &self.offices, &seen, &ended, report).await;
        report.runs += 1;
        let (logs, folder) = (self.servers.into_iter().map(|server| server.log), self.folder);
        let logs: Vec<PathBuf> = logs.collect();
        move || {
            let _held = folder;
            logs.iter().map(|log| end_of(log)).collect()
        }
    }
}

fn end_of(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    format!("{}:\n{}\n", log.display(), lines[lines.len().saturating_sub(40)..].join("\n"))
}

/// The use cases on a database, as a server opens it.
pub(crate) async fn service_on(url: &str) -> Service {
    let mut settings = settings(Path::new("unused"));
    url.clone_into(&mut settings.database_url);
    let opened = settings.database().expect("an address");
    open_service_on(block_in_place(|| opened.serve(None)).expect("a store opens")).await
}

async fn found(url: &str) -> Vec<Troupe> {
    let service = service_on(url).await;
    let mut troupes = Vec::new();
    for name in ORGANIZATIONS {
        troupes.push(Troupe::found(&service, name).await);
    }
    block_in_place(|| service.store().close());
    troupes
}

/// Clients of every kind of member: one in three comes by tickets.
async fn clients(addresses: &[String], office: &Office, count: usize, rng: &mut StdRng) -> Vec<Client> {
    let troupe = &office.troupe;
    let accounts: [&Account; 4] = [
        troupe.account(Role::Auditor),
        troupe.account(Role::Treasurer),
        troupe.account(Role::Member),
        troupe.in_all(),
    ];
    let mut people = Vec::new();
    for account in accounts {
        people.push(Person::sign_in(&addresses[0], troupe, account).await);
    }
    let all: Arc<[String]> = addresses.into();
    let ways = [Way::Token, Way::Token, Way::Ticket].into_iter().cycle();
    let people = people.into_iter().cycle().take(count).zip(ways);
    people.map(|(person, way)| Client::new(person, all.clone(), way, StdRng::from_rng(rng))).collect()
}

/// Until every server says that it and all it needs is well.
async fn all_ready(addresses: Vec<String>) {
    let mut look = interval(LOOK);
    for address in addresses {
        let url = format!("http://{address}/health/ready");
        loop {
            look.tick().await;
            let Ok(Ok(answer)) = timeout(PATIENCE, reqwest::get(&url)).await else { continue };
            if answer.text().await.is_ok_and(|text| text.contains("\"status\":\"ready\"")) {
                break;
            }
        }
    }
}

async fn outbox_empties(database: &Database) {
    let waiting = "SELECT count(*) FROM organization o JOIN published p ON p.organization_id = o.id WHERE o.head_seq > p.seq";
    let mut look = interval(Duration::from_millis(100));
    loop {
        look.tick().await;
        if block_in_place(|| database.psql(waiting)).expect("it answers").trim() == "0" {
            return;
        }
    }
}

async fn check(
    database: &Database,
    offices: &[Arc<Office>],
    seen: &[(usize, Client)],
    ended: &[Instant],
    report: &mut Report,
) {
    let url = database.url();
    let verified =
        std::process::Command::new(BINARY).arg("verify").env_clear().env("DATABASE_URL", url).output();
    let verified = verified.expect("the command runs");
    if !verified.status.success() {
        report
            .tally
            .faults
            .push(format!("`unionflow verify`: {}", String::from_utf8_lossy(&verified.stdout)));
    }
    let service = service_on(url).await;
    let epoch = service.store().epoch().to_string();
    let mut recovered = vec![Duration::ZERO; ended.len()];
    for (n, office) in offices.iter().enumerate() {
        let books = Books::read(service.store(), office.troupe.id).await;
        office.audit(&books, &mut report.tally);
        let journals = HashMap::from([(epoch.clone(), books)]);
        for (_, client) in seen.iter().filter(|(of, _)| *of == n) {
            report.compare(client, &journals);
            for (at, longest) in ended.iter().zip(&mut recovered) {
                *longest = (*longest).max(client.held_after(*at, office.first_answered_after(*at)));
            }
        }
    }
    report.recovered.extend(recovered);
    block_in_place(|| service.store().close());
}

//! One run: a database with three organisations, servers over it, people at work and clients that follow.

use std::{collections::HashMap, ops::Range, path::Path, sync::Arc, time::Duration};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use tempfile::TempDir;
use tokio::{
    sync::watch,
    task::{JoinSet, block_in_place},
    time::{Instant, interval, timeout},
};
use unionflow_components::Database;
use unionflow_protocol::Role;
use unionflow_server::ProcessRole;
use unionflow_service::Service;
use unionflow_testkit::{
    Account, Books, ChaosProxy, Done, Load, Office, Person, Troupe, how_many, lasts, open_service_on,
    settings,
};

use crate::{
    client::{Client, Goal, Places, Way},
    report::Report,
    server::{BINARY, Other, Server},
    stage::{Parts, turn},
};

const ORGANIZATIONS: [&str; 3] = ["Mutuelle Espoir", "Union Solidarité", "Tontine Étoile"];
/// A desk's pause between two requests: there is work all the time, and the machine is not full of it.
const PACE: Duration = Duration::from_millis(150);
/// How long until everything is well again before a run fails.
const SETTLES_WITHIN: Duration = Duration::from_secs(60);

/// Servers and clients of a run.
pub(crate) struct Shape {
    /// What is other about each server.
    servers: Vec<Other>,
    /// Clients in all.
    clients: usize,
    /// A network that breaks.
    network: Option<ChaosProxy>,
}

impl Shape {
    /// So many servers, all alike: each does everything.
    pub(crate) fn of(servers: usize, clients: usize) -> Self {
        Self { servers: vec![Other::of(ProcessRole::All); servers], clients, network: None }
    }

    /// Servers that share the work: the first so many take commands and publish, the others have the sockets.
    pub(crate) fn split(apis: usize, gateways: usize, clients: usize) -> Self {
        let mut servers = vec![Other::of(ProcessRole::Api); apis];
        servers.resize(apis + gateways, Other::of(ProcessRole::Gateway));
        Self { servers, clients, network: None }
    }

    /// One of them finds Kafka by this network.
    pub(crate) fn behind(mut self, server: usize, network: ChaosProxy) -> Self {
        self.servers[server].brokers = Some(network.address());
        Self { network: Some(network), ..self }
    }

    /// The clock of one of them is so many minutes wrong.
    pub(crate) fn wrong_by(mut self, server: usize, minutes: i64) -> Self {
        self.servers[server].minutes_wrong = minutes;
        self
    }
}

/// See the module.
pub(crate) struct Scene {
    /// What is drawn from it.
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
    healed: Vec<(Instant, Result<Duration, String>)>,
    /// Journals that are no more, by their epoch: one for each office.
    past: Vec<HashMap<String, Books>>,
    /// How often clients must have been told to fetch anew.
    resyncs: usize,
    clients: usize,
    network: Option<ChaosProxy>,
    folder: TempDir,
}

/// Runs a scenario with one seed after another, and prints what came of it.
pub(crate) async fn repeat(
    name: &'static str,
    shape: impl AsyncFn(&Parts) -> Shape,
    scenario: impl AsyncFn(&mut Parts, &mut Scene),
) {
    let mut parts = turn().await;
    let first = how_many("UNIONFLOW_FAULT_SEED", 1);
    let last = first + how_many("UNIONFLOW_FAULT_RUNS", 1) - 1;
    let mut report = Report::of(name, (first, last));
    for seed in first..=last {
        let mut scene = Scene::open(&parts, shape(&parts).await, seed).await;
        eprintln!("{name}: UNIONFLOW_FAULT_SEED={seed}");
        scenario(&mut parts, &mut scene).await;
        let logs = scene.end(&mut report).await;
        assert!(
            report.is_clean(),
            "UNIONFLOW_FAULT_SEED={seed}: {report}\n{:#?}\n{logs}",
            report.tally.faults
        );
    }
    println!("{report}");
}

impl Scene {
    async fn open(parts: &Parts, shape: Shape, seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let folder = tempfile::tempdir().expect("a folder of our own");
        let database = block_in_place(|| parts.postgres.new_database()).expect("a database");
        let troupes = found(database.url()).await;
        let mut servers = Vec::new();
        for (n, other) in shape.servers.into_iter().enumerate() {
            let log = folder.path().join(format!("{n}.log"));
            let mut server = Server::new(database.url(), parts.kafka.servers(), other, log);
            server.start().await;
            servers.push(server);
        }
        let places = Places {
            desks: addresses(servers.iter().filter(|server| server.has_api())),
            screens: addresses(servers.iter().filter(|server| server.has_gateway())),
        };
        let (load, mut desks, mut following) = (Load::paced(PACE), JoinSet::new(), JoinSet::new());
        let (mut offices, mut goals) = (Vec::new(), Vec::new());
        for (n, troupe) in troupes.into_iter().enumerate() {
            let office = Office::open(&places.desks, troupe).await;
            let goal = watch::Sender::new(None);
            let share =
                shape.clients / ORGANIZATIONS.len() + usize::from(n < shape.clients % ORGANIZATIONS.len());
            for client in clients(&places, &office, share, &mut rng).await {
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
            past: ORGANIZATIONS.iter().map(|_| HashMap::new()).collect(),
            resyncs: 0,
            clients: shape.clients,
            network: shape.network,
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

    /// The network that breaks.
    pub(crate) fn network(&self) -> &ChaosProxy {
        self.network.as_ref().expect("the shape has one")
    }

    /// Where files of this run are.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Everybody finishes what they have begun.
    pub(crate) async fn rests(&mut self) {
        self.load.ends(std::mem::take(&mut self.desks)).await;
    }

    /// Everybody works again.
    pub(crate) fn goes_on(&mut self) {
        for office in &self.offices {
            office.begin(&self.load, &mut self.desks);
        }
    }

    /// What everybody has done so far.
    pub(crate) fn memory(&self) -> Vec<Done> {
        self.offices.iter().map(|office| office.memory()).collect()
    }

    /// What was done since is undone, and every client is to be told.
    pub(crate) fn forgets_since(&mut self, memory: Vec<Done>) {
        self.offices.iter().zip(memory).for_each(|(office, done)| office.forget_since(done));
        self.resyncs += self.clients;
    }

    /// Keeps the journals as they are, to be compared with what was seen of them.
    pub(crate) async fn notes_journals(&mut self) {
        let service = service_on(self.database.url()).await;
        let epoch = service.store().epoch().to_string();
        for (office, past) in self.offices.iter().zip(&mut self.past) {
            past.insert(epoch.clone(), Books::read(service.store(), office.troupe.id).await);
        }
        block_in_place(|| service.store().close());
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

    /// Events that are committed and not on the bus.
    pub(crate) fn outbox(&self) -> u64 {
        outbox(&self.database)
    }

    /// A fault ended just now: waits until every server is whole, and people work again everywhere.
    pub(crate) async fn heals(&mut self) {
        let ended = Instant::now();
        let whole = timeout(SETTLES_WITHIN, all_whole(&self.servers)).await;
        let healed = match whole {
            Ok(()) => Ok(ended.elapsed()),
            Err(_) => Err(what_they_say(&mut self.servers).await),
        };
        self.healed.push((ended, healed));
        while self.offices.iter().any(|office| office.first_answered_after(ended).is_none()) {
            self.load.goes_on(1).await;
        }
    }

    /// Everybody finishes; then what was done and seen is compared with what is kept. The ends of the servers' logs.
    async fn end(mut self, report: &mut Report) -> String {
        self.load.goes_on(12).await;
        self.rests().await;
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
                Ok(after) => report.ready.push(after),
                Err(said) => report.tally.faults.push(format!("a server did not become whole: {said}")),
            }
            ended.push(at);
        }
        for server in &mut self.servers {
            server.kill_after(Duration::ZERO).await;
        }
        check(&self.database, &self.offices, self.past, &seen, &ended, report).await;
        report.expected_resyncs += self.resyncs;
        report.runs += 1;
        self.servers.iter().map(Server::last_words).collect()
    }
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

fn addresses<'a>(servers: impl Iterator<Item = &'a Server>) -> Arc<[String]> {
    servers.map(|server| server.address.to_string()).collect()
}

/// Clients of every kind of member: one in three comes by tickets.
async fn clients(places: &Places, office: &Office, count: usize, rng: &mut StdRng) -> Vec<Client> {
    let troupe = &office.troupe;
    let accounts: [&Account; 4] = [
        troupe.account(Role::Auditor),
        troupe.account(Role::Treasurer),
        troupe.account(Role::Member),
        troupe.in_all(),
    ];
    let mut people = Vec::new();
    for account in accounts {
        people.push(Person::sign_in(&places.desks[0], troupe, account).await);
    }
    let ways = [Way::Token, Way::Token, Way::Ticket].into_iter().cycle();
    let people = people.into_iter().cycle().take(count).zip(ways);
    people.map(|(person, way)| Client::new(person, places.clone(), way, StdRng::from_rng(rng))).collect()
}

/// Each server's own account of how it is.
async fn what_they_say(servers: &mut [Server]) -> String {
    let mut said = Vec::new();
    for server in servers {
        said.push(server.says().await);
    }
    said.join("; ")
}

async fn all_whole(servers: &[Server]) {
    for server in servers {
        server.is_whole().await;
    }
}

fn outbox(database: &Database) -> u64 {
    let waiting = "SELECT coalesce(sum(o.head_seq - p.seq), 0) FROM organization o JOIN published p ON p.organization_id = o.id";
    let answer = block_in_place(|| database.psql(waiting)).expect("it answers");
    answer.trim().parse().expect("a count")
}

async fn outbox_empties(database: &Database) {
    let mut look = interval(Duration::from_millis(100));
    loop {
        look.tick().await;
        if outbox(database) == 0 {
            return;
        }
    }
}

async fn check(
    database: &Database,
    offices: &[Arc<Office>],
    past: Vec<HashMap<String, Books>>,
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
    for (n, (office, mut journals)) in offices.iter().zip(past).enumerate() {
        let books = Books::read(service.store(), office.troupe.id).await;
        office.audit(&books, &mut report.tally);
        if journals.insert(epoch.clone(), books).is_some() {
            report.tally.faults.push("the journal is another, and its epoch is not".to_owned());
        }
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

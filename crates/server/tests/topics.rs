//! What each business service does comes to a socket of another process by its own topic, and by nothing else: that process has
//! lost its database by then.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use serde_json::{Value, json};
use tokio::{
    task::spawn_blocking,
    time::{interval, timeout},
};
use unionflow_bus::{
    Outlet, RawRecord,
    kafka::{self, KafkaShelf},
};
use unionflow_components::{Database, Kafka, Postgres};
use unionflow_protocol::{Role, Topic};
use unionflow_server::{Options, ProcessRole, Server, Settings};
use unionflow_storage::{Store, StoreFault, intercept::Intercept};
use unionflow_testkit::{Frame, PATIENCE, Person, ServerProcess, Socket, Troupe, open_service_on, settings};

/// The facts that are looked for, and the topic of each.
const FACTS: [(&str, Topic); 4] = [
    ("APPROVAL_PENDING", Topic::Approvals),
    ("MEMBER_CREATED", Topic::Members),
    ("BROADCAST_NOTIFICATION", Topic::Notifications),
    ("CONTRIBUTION_PAID", Topic::Contributions),
];
const FIGURES: &str = "DASHBOARD_STATS_UPDATE";

/// Whether a process has lost its database: whatever it wants to read or write fails.
#[derive(Clone, Default)]
struct CutOff(Arc<AtomicBool>);

impl CutOff {
    fn check(&self) -> Result<(), StoreFault> {
        match self.0.load(Ordering::SeqCst) {
            true => Err(StoreFault::Database("cut off".to_owned())),
            false => Ok(()),
        }
    }
}

impl Intercept for CutOff {
    fn unit(&self) -> Result<(), StoreFault> {
        self.check()
    }

    /// Also of a unit that was queued before.
    fn statement(
        &self,
        _: &'static str,
        run: &mut dyn FnMut() -> Result<(), StoreFault>,
    ) -> Result<(), StoreFault> {
        self.check()?;
        run()
    }
}

/// One process takes commands and publishes; another, this one, has the sockets.
struct Stage {
    broker: Kafka,
    espoir: Troupe,
    api: ServerProcess,
    gateway: Server,
    cut_off: CutOff,
    database: Database,
}

async fn store_on(settings: &Settings) -> Store {
    let opened = settings.database().expect("an address");
    spawn_blocking(move || opened.serve(None)).await.expect("it ran").expect("a store opens")
}

impl Stage {
    async fn open() -> Self {
        let broker = spawn_blocking(Kafka::start).await.expect("it ran").expect("Kafka starts");
        let database = spawn_blocking(Postgres::database).await.expect("it ran").expect("PostgreSQL starts");
        let settings = Settings {
            database_url: database.url().to_owned(),
            kafka_bootstrap_servers: broker.servers(),
            role: ProcessRole::Gateway,
            ..settings(Path::new("unused"))
        };
        let service = open_service_on(store_on(&settings).await).await;
        let espoir = Troupe::found(&service, "Mutuelle Espoir").await;
        spawn_blocking(move || service.store().close()).await.expect("it closes");
        let environment = [
            ("DATABASE_URL", settings.database_url.clone()),
            ("KAFKA_BOOTSTRAP_SERVERS", broker.servers()),
            ("UNIONFLOW_ROLE", ProcessRole::Api.as_str().to_owned()),
            ("UNIONFLOW_KAFKA_INGEST_BUSINESS_TOPICS", "true".to_owned()),
            ("UNIONFLOW_INBOUND_ORGANIZATIONS", format!("[\"org-123={}\"]", espoir.id)),
            ("UNIONFLOW_INBOUND_SOURCES", "[\"plain=CONTRIBUTION_PAID@org-123\"]".to_owned()),
        ];
        let (binary, address) = (Path::new(env!("CARGO_BIN_EXE_unionflow")), ServerProcess::free_address());
        let api = ServerProcess::start_with(binary, address, &environment, None).await;
        let cut_off = CutOff::default();
        let store = store_on(&settings).await.intercepted(cut_off.clone());
        let gateway = Server::start_on(store, Options::new(settings)).await;
        let gateway = gateway.unwrap_or_else(|fault| panic!("{fault}"));
        Self { broker, espoir, api, gateway, cut_off, database }
    }

    async fn person(&self, role: Role) -> Person {
        Person::sign_in(&self.api.address.to_string(), &self.espoir, self.espoir.account(role)).await
    }

    /// A socket in this process.
    async fn screen(&self, person: &Person) -> Socket {
        let connected = person.connect_at(&self.gateway.address.to_string(), "").await;
        let mut screen = connected.unwrap_or_else(|refused| panic!("{refused:?}"));
        screen.until("SYSTEM_CAUGHT_UP").await;
        screen
    }

    /// A figure of this process.
    async fn counter(&self, name: &str) -> f64 {
        let url = format!("http://{}/metrics", self.gateway.admin_address);
        let text = reqwest::get(url).await.expect("an answer").text().await.expect("text");
        let mut values = text.lines().filter_map(|line| line.strip_prefix(name)?.trim().parse().ok());
        values.next().expect("it is there from the first")
    }

    async fn read_from_journal(&self) -> f64 {
        self.counter("unionflow_hub_events_from_journal_total ").await
    }

    /// Until this process follows the bus: something came that was not read from the journal, or came after it had been.
    async fn follows_the_bus(&self, treasurer: &Person, screen: &mut Socket) {
        // Topics that are being made take a while: one request after another, and not more than may wait.
        let mut again = interval(Duration::from_millis(500));
        let following = async {
            loop {
                again.tick().await;
                let before = self.read_from_journal().await;
                treasurer.submit(1_000).await;
                screen.until("APPROVAL_PENDING").await;
                if self.read_from_journal().await == before
                    || self.counter("unionflow_hub_duplicates_total ").await > 0.0
                {
                    return;
                }
            }
        };
        timeout(PATIENCE, following).await.expect("it follows the bus");
    }

    /// The plain event of the first system's contributions, as one of its services sends it.
    async fn pays(&self, amount: i64) {
        let outlet = self.shelf().outlet().expect("settings that can be used");
        let event = json!({"eventType": "CONTRIBUTION_PAID", "organizationId": "org-123",
            "timestamp": "2024-01-05T10:00:00", "data": {"amount": amount, "currency": "XOF"}});
        let (topic, key) = (Topic::Contributions, Some("pay-1".into()));
        let record = RawRecord { topic, key, headers: Vec::new(), value: Some(event.to_string().into()) };
        outlet.send(record).await.expect("it is sent");
    }

    /// Until everything that was committed is on the bus.
    async fn is_published(&self) {
        let waiting = "SELECT count(*) FROM organization o JOIN published p ON p.organization_id = o.id WHERE o.head_seq > p.seq";
        let mut look = interval(Duration::from_millis(50));
        let publishing = async {
            while self.database.psql(waiting).expect("it answers").trim() != "0" {
                look.tick().await;
            }
        };
        timeout(PATIENCE, publishing).await.expect("it is published");
    }

    fn shelf(&self) -> KafkaShelf {
        KafkaShelf::new(kafka::Settings::new(self.broker.servers())).expect("settings that can be used")
    }

    /// What lies on each topic, as the program of anybody reads it: with the console consumer of Kafka's own distribution. It
    /// is told how many records there are, so that it waits neither too short nor in vain.
    async fn printed(&self) -> BTreeMap<Topic, Vec<Value>> {
        let (shelf, mut reading) = (self.shelf(), Vec::new());
        for topic in Topic::BUSINESS {
            let mut there = 0;
            let count = async |_| {
                there += 1;
                Ok(())
            };
            shelf.read(topic, count).await.expect("it is read");
            let (servers, count) = (self.broker.servers(), there.to_string());
            reading.push(spawn_blocking(move || {
                let what = ["--topic", topic.as_str(), "--from-beginning", "--max-messages", &count];
                let how = ["--timeout-ms", "60000"];
                let class = "org.apache.kafka.tools.consumer.ConsoleConsumer";
                let printed = Kafka::tool(&servers, class, &[&what[..], &how].concat());
                let printed = printed.expect("the consumer runs");
                (topic, printed.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
            }));
        }
        let mut printed = BTreeMap::new();
        for topic in reading {
            printed.extend([topic.await.expect("it ran")]);
        }
        printed
    }
}

/// One action for each service, at the process that takes commands.
async fn everybody_acts(stage: &Stage, treasurer: &Person, secretary: &Person, president: &Person) {
    let organization = stage.espoir.id;
    treasurer.submit(75_000).await;
    let member = json!({"organizationId": organization, "givenName": "Issa", "familyName": "Traoré"});
    secretary.post("/members", &member).await.expect(201);
    let broadcast = json!({"organizationId": organization, "message": "Assemblée samedi à neuf heures."});
    president.post("/notifications/broadcast", &broadcast).await.expect(201);
    stage.pays(4_200).await;
}

/// Everything until each of the facts came, and figures that count the new member.
async fn until_all(screen: &mut Socket) -> Vec<Frame> {
    let mut seen: Vec<Frame> = Vec::new();
    loop {
        let joined = of_type(&seen, "MEMBER_CREATED").next().and_then(Frame::seq);
        let is_counted = |figures: &Frame| figures.value["asOfSeq"].as_u64() >= joined;
        if FACTS.iter().all(|(kind, _)| of_type(&seen, kind).next().is_some())
            && of_type(&seen, FIGURES).any(is_counted)
        {
            return seen;
        }
        seen.push(screen.frame().await);
    }
}

fn of_type<'a>(frames: &'a [Frame], kind: &'a str) -> impl Iterator<Item = &'a Frame> {
    frames.iter().filter(move |frame| frame.event_type() == kind)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_service_reaches_a_socket_of_another_process_by_its_own_topic_and_once() {
    let stage = Stage::open().await;
    let (treasurer, secretary) = (stage.person(Role::Treasurer).await, stage.person(Role::Secretary).await);
    let president = stage.person(Role::President).await;
    let mut screen = stage.screen(&treasurer).await;
    stage.follows_the_bus(&treasurer, &mut screen).await;

    stage.cut_off.0.store(true, Ordering::SeqCst);
    everybody_acts(&stage, &treasurer, &secretary, &president).await;
    let mut seen = until_all(&mut screen).await;
    // What comes after all of them: each has come as often as it does.
    treasurer.submit(80_000).await;
    seen.extend(screen.until("APPROVAL_PENDING").await);
    let mut seqs: Vec<u64> = seen.iter().filter_map(Frame::seq).collect();
    let came = seqs.len();
    assert!(seqs.is_sorted(), "{seqs:?}");
    seqs.dedup();
    assert_eq!(seqs.len(), came, "each once: {seen:?}");
    stage.is_published().await;
    let printed = stage.printed().await;
    for (kind, topic) in FACTS {
        let first = of_type(&seen, kind).next().expect("it was waited for");
        let expected = if kind == "APPROVAL_PENDING" { 2 } else { 1 };
        assert_eq!(of_type(&seen, kind).count(), expected, "{kind}: {seen:?}");
        for (on, records) in &printed {
            let there: Vec<&Value> =
                records.iter().filter(|record| record["seq"] == first.value["seq"]).collect();
            let expected = usize::from(*on == topic);
            assert_eq!(there.len(), expected, "{kind} on {}: {records:?}", on.as_str());
            assert!(there.iter().all(|record| record["data"] == *first.data()), "{there:?}");
        }
    }
    let paid = of_type(&seen, "CONTRIBUTION_PAID").next().expect("seen above");
    assert_eq!((&paid.value["origin"], &paid.data()["amount"]), (&json!("inbound"), &json!(4_200)));
    let plain = |record: &&Value| record["organizationId"] == "org-123";
    assert_eq!(printed[&Topic::Contributions].iter().filter(plain).count(), 1, "as it was sent");
    let figures = of_type(&seen, FIGURES).last().expect("it was waited for");
    let on_topic = printed[&Topic::Dashboard].iter().any(|record| record["data"] == *figures.data());
    assert!(on_topic, "{figures:?} in {:?}", printed[&Topic::Dashboard]);
    stage.gateway.stop().await;
}

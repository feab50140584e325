//! A server, an organisation that others call `org-123`, and another system that sends to it.

use std::{
    process::{Command, Output},
    time::Duration,
};

use bytes::Bytes;
use tempfile::TempDir;
use tokio::{
    task::spawn_blocking,
    time::{interval, timeout},
};
use unionflow_bus::{
    Outlet, RawRecord,
    kafka::{self, Identity, KafkaBus, KafkaOutlet, KafkaShelf},
};
use unionflow_components::Kafka;
use unionflow_protocol::{Role, Topic, id::Epoch};
use unionflow_server::{Options, Server, Settings};
use unionflow_testkit::{Books, Person, Socket, Troupe, open_service, settings};

/// A consumer group that forms, topics that are made, all on a machine that is busy.
const WITHIN: Duration = Duration::from_secs(120);

pub(crate) struct Scene {
    pub(crate) broker: Kafka,
    pub(crate) settings: Settings,
    pub(crate) espoir: Troupe,
    pub(crate) server: Option<Server>,
    pub(crate) outlet: KafkaOutlet,
    folder: TempDir,
}

impl Scene {
    /// With topics as we make them.
    pub(crate) async fn open(change: impl FnOnce(&mut Settings)) -> Self {
        let mut scene = Self::without_server(change).await;
        scene.start().await;
        scene
    }

    pub(crate) async fn without_server(change: impl FnOnce(&mut Settings)) -> Self {
        let broker = spawn_blocking(Kafka::start).await.expect("it ran").expect("Kafka starts");
        let identity = Identity { epoch: Epoch::from_uuid(uuid::Uuid::nil()), key: Vec::new() };
        let bus = KafkaBus::new(kafka::Settings::new(broker.servers()), identity);
        let made = bus.expect("settings that can be used").ensure_topics().await;
        assert_eq!(made, Ok(Vec::new()));
        let folder = tempfile::tempdir().expect("a folder of our own");
        let database = folder.path().join("unionflow.db");
        let service =
            open_service(database.clone(), std::sync::Arc::new(unionflow_storage::SystemClock)).await;
        let espoir = Troupe::found(&service, "Mutuelle Espoir").await;
        spawn_blocking(move || service.store().close()).await.expect("it closes");
        let mut settings = settings(&database);
        settings.kafka_bootstrap_servers = broker.servers();
        settings.inbound_organizations = vec![format!("org-123={}", espoir.id)];
        settings.inbound_sources = vec!["plain=*".to_owned(), "caisse=CONTRIBUTION_PAID".to_owned()];
        change(&mut settings);
        let mut theirs = kafka::Settings::new(broker.servers());
        theirs.more.insert("message.max.bytes".to_owned(), "4000000".to_owned());
        let outlet =
            KafkaShelf::new(theirs).and_then(|shelf| shelf.outlet()).expect("settings that can be used");
        Self { broker, settings, espoir, server: None, outlet, folder }
    }

    pub(crate) async fn start(&mut self) {
        let started = Server::start(Options::new(self.settings.clone())).await;
        self.server = Some(started.unwrap_or_else(|fault| panic!("{fault}")));
    }

    pub(crate) async fn stop(&mut self) {
        self.server.take().expect("it runs").stop().await;
    }

    pub(crate) async fn treasurer(&self) -> Person {
        let address = self.server.as_ref().expect("it runs").address.to_string();
        Person::sign_in(&address, &self.espoir, self.espoir.account(Role::Treasurer)).await
    }

    /// As another system does, again while the broker is not ready for it.
    pub(crate) async fn send(&self, topic: Topic, headers: &[(&str, &str)], value: impl Into<Bytes>) {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned().into()));
        let record = RawRecord {
            topic,
            key: Some("pay-1".into()),
            headers: headers.collect(),
            value: Some(value.into()),
        };
        let sending = async { while self.outlet.send(record.clone()).await.is_err() {} };
        timeout(WITHIN, sending).await.expect("it is sent in time");
    }

    /// The journal, once it has this many facts of others; or more, if they were taken in twice.
    pub(crate) async fn until_told(&self, facts: usize) -> Books {
        let store = self.server.as_ref().expect("it runs").service().store();
        let mut look = interval(Duration::from_millis(50));
        let looking = async {
            loop {
                look.tick().await;
                let books = Books::read(store, self.espoir.id).await;
                if foreign(&books).len() >= facts {
                    return books;
                }
            }
        };
        timeout(WITHIN, looking).await.expect("they are taken in in time")
    }

    /// What the command line prints, once it is as it should be.
    pub(crate) async fn until_printed(&self, arguments: &[&str], is_so: impl Fn(&str) -> bool) -> String {
        let mut printed = String::new();
        let looking = async {
            loop {
                printed = self.run(arguments).await.1;
                if is_so(&printed) {
                    return;
                }
            }
        };
        let came = timeout(WITHIN, looking).await;
        assert!(came.is_ok(), "{arguments:?} printed at last\n{printed}");
        printed
    }

    /// The command line: how it ended, and what it printed.
    pub(crate) async fn run(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_unionflow"));
        command.env_clear().env("KAFKA_BOOTSTRAP_SERVERS", self.broker.servers());
        command.env("LANG", "en").args(arguments).current_dir(self.folder.path());
        let ended: Output =
            spawn_blocking(move || command.output()).await.expect("it ran").expect("it starts");
        let said = [ended.stdout, ended.stderr].concat();
        (ended.status.code(), String::from_utf8(said).expect("text"))
    }

    /// `unionflow verify`, while no server runs or beside one.
    pub(crate) async fn verify(&self) {
        let (code, said) = self.run(&["--data", ".", "verify"]).await;
        assert_eq!(code, Some(0), "{said}");
    }
}

/// The data of the facts of other systems.
pub(crate) fn foreign(books: &Books) -> Vec<serde_json::Value> {
    let all = books.journal.iter().filter(|entry| entry.value["origin"] == "inbound");
    all.map(|entry| entry.value["data"].clone()).collect()
}

pub(crate) async fn live(person: &Person) -> Socket {
    let mut socket = person.connect("").await.unwrap_or_else(|refused| panic!("{refused:?}"));
    socket.until("SYSTEM_CAUGHT_UP").await;
    socket
}

/// The first system's plain event.
pub(crate) fn paid(data: &serde_json::Value) -> String {
    let event = serde_json::json!({"eventType": "CONTRIBUTION_PAID", "organizationId": "org-123",
        "timestamp": "2024-01-05T10:00:00", "data": data});
    event.to_string()
}

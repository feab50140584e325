//! A place for a server: the same address after a restart.

use std::{
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::{
    task::block_in_place,
    time::{interval, timeout},
};
use unionflow_protocol::Timestamp;
use unionflow_server::{Options, ProcessRole, Server as Here, Settings};
use unionflow_storage::{Clock, SystemClock};
use unionflow_testkit::{PATIENCE, ServerProcess, settings};

pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_unionflow");
const LOOK: Duration = Duration::from_millis(20);

/// What is other about a server.
#[derive(Clone)]
pub(crate) struct Other {
    /// What it serves.
    pub(crate) role: ProcessRole,
    /// Where it finds Kafka.
    pub(crate) brokers: Option<String>,
    /// Minutes that its clock is wrong: then it runs in this process.
    pub(crate) minutes_wrong: i64,
}

/// See the module.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    role: ProcessRole,
    /// Where its figures are.
    admin: SocketAddr,
    database: String,
    brokers: String,
    minutes_wrong: i64,
    log: PathBuf,
    running: Option<Running>,
}

enum Running {
    Process(Box<ServerProcess>),
    Here(Box<Here>),
}

impl Other {
    /// One that serves this, and is like all others else.
    pub(crate) fn of(role: ProcessRole) -> Self {
        Self { role, brokers: None, minutes_wrong: 0 }
    }
}

/// A clock that is so many minutes wrong.
struct Wrong(i64);

impl Clock for Wrong {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(SystemClock.now().as_millis() + self.0 * 60_000)
    }
}

impl Server {
    /// One that does not run yet.
    pub(crate) fn new(database: &str, brokers: String, other: Other, log: PathBuf) -> Self {
        let address = ServerProcess::free_address();
        let held = TcpListener::bind(address).expect("it is free");
        let admin = ServerProcess::free_address();
        drop(held);
        Self {
            address,
            role: other.role,
            admin,
            database: database.to_owned(),
            brokers: other.brokers.unwrap_or(brokers),
            minutes_wrong: other.minutes_wrong,
            log,
            running: None,
        }
    }

    /// Whether it serves REST, and may publish.
    pub(crate) fn has_api(&self) -> bool {
        matches!(self.role, ProcessRole::All | ProcessRole::Api)
    }

    /// Whether it serves sockets.
    pub(crate) fn has_gateway(&self) -> bool {
        matches!(self.role, ProcessRole::All | ProcessRole::Gateway)
    }

    /// Starts it, and waits until it answers.
    pub(crate) async fn start(&mut self) {
        self.running = Some(if self.minutes_wrong == 0 {
            let environment = [
                ("DATABASE_URL", self.database.clone()),
                ("KAFKA_BOOTSTRAP_SERVERS", self.brokers.clone()),
                ("UNIONFLOW_ADMIN_LISTEN", self.admin.to_string()),
                ("UNIONFLOW_ROLE", self.role.as_str().to_owned()),
            ];
            let log = Some(self.log.as_path());
            let process = ServerProcess::start_with(Path::new(BINARY), self.address, &environment, log);
            Running::Process(Box::new(process.await))
        } else {
            Running::Here(Box::new(self.start_here().await))
        });
    }

    /// On the database's clock, as all are, and on a wrong one of its own.
    async fn start_here(&self) -> Here {
        let settings = Settings {
            role: self.role,
            listen: self.address.to_string(),
            admin_listen: self.admin.to_string(),
            database_url: self.database.clone(),
            kafka_bootstrap_servers: self.brokers.clone(),
            ..settings(Path::new("unused"))
        };
        let database = settings.database().expect("an address");
        let store = block_in_place(|| database.serve(None)).expect("a store opens");
        let clock = Some(Arc::new(Wrong(self.minutes_wrong)) as Arc<dyn Clock>);
        let started = Here::start_on(store, Options { settings, clock }).await;
        started.unwrap_or_else(|fault| panic!("the server starts: {fault}"))
    }

    /// `kill -9` after this long. One in this process is stopped.
    pub(crate) async fn kill_after(&mut self, moment: Duration) {
        match self.running.take().expect("it runs") {
            Running::Process(process) => process.kill_after(moment).await,
            Running::Here(server) => server.stop().await,
        }
    }

    /// Until it says that it and all it needs is well; and, where it commits and shows, hears of its own commits from the bus: it
    /// hears of all others then, too.
    pub(crate) async fn is_whole(&self) {
        let hears_itself = self.role == ProcessRole::All;
        let heard = self.heard().await;
        let mut look = interval(LOOK);
        while !self.is_ready().await || (hears_itself && self.heard().await <= heard) {
            look.tick().await;
        }
    }

    /// Its own account of how it is, and of what it has heard.
    pub(crate) async fn says(&mut self) -> String {
        if let Some(Running::Process(process)) = &mut self.running
            && let Some(status) = process.ended()
        {
            return format!("ended by itself: {status}");
        }
        let ready = ask(&format!("http://{}/health/ready", self.address)).await;
        format!("{ready} heard {}", self.heard().await)
    }

    async fn is_ready(&self) -> bool {
        let text = ask(&format!("http://{}/health/ready", self.address)).await;
        text.contains("\"status\":\"ready\"")
    }

    /// Events that came from the bus and had been seen.
    async fn heard(&self) -> f64 {
        let text = ask(&format!("http://{}/metrics", self.admin)).await;
        let line = text.lines().find_map(|line| line.strip_prefix("unionflow_hub_duplicates_total "));
        line.and_then(|value| value.parse().ok()).unwrap_or(0.0)
    }

    /// The end of its log.
    pub(crate) fn last_words(&self) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        format!("{}:\n{}\n", self.log.display(), lines[lines.len().saturating_sub(40)..].join("\n"))
    }
}

/// What is answered; nothing where nobody is.
async fn ask(url: &str) -> String {
    match timeout(PATIENCE, reqwest::get(url)).await {
        Ok(Ok(answer)) => answer.text().await.unwrap_or_default(),
        _ => String::new(),
    }
}

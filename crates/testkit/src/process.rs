//! A server in a process of its own, to be killed.

use std::{fs::File, net::SocketAddr, path::Path, process::Stdio, time::Duration};

use tokio::{
    process::{Child, Command},
    time::{interval, timeout},
};

use crate::PATIENCE;

/// A process that runs `unionflow serve`.
pub struct ServerProcess {
    child: Child,
    /// Where it is: `127.0.0.1:PORT`.
    pub address: SocketAddr,
}

impl ServerProcess {
    /// Starts the binary on a file, and waits until it answers.
    pub async fn start(binary: &Path, database: &Path, address: SocketAddr) -> Self {
        let url = format!("sqlite:{}", database.display());
        Self::start_with(binary, address, &[("DATABASE_URL", url)], None).await
    }

    /// Starts the binary with more of an environment, its log in a file of its own where one is named, and waits until it
    /// answers.
    pub async fn start_with(
        binary: &Path,
        address: SocketAddr,
        environment: &[(&str, String)],
        log: Option<&Path>,
    ) -> Self {
        let log = log.map(|path| File::options().create(true).append(true).open(path));
        let log = log.map(|file| file.expect("a log can be written"));
        let child = Command::new(binary)
            .arg("serve")
            .args(["--listen", &address.to_string()])
            .env_clear()
            .env("UNIONFLOW_ADMIN_LISTEN", "127.0.0.1:0")
            .env("UNIONFLOW_PASSWORD_MEMORY_KIB", "8")
            .env("UNIONFLOW_REQUESTS_PER_SECOND", "1000000")
            .env("UNIONFLOW_REQUESTS_BURST", "1000000")
            .env("UNIONFLOW_ANONYMOUS_REQUESTS_PER_SECOND", "100000")
            .env("UNIONFLOW_SIGN_INS_PER_MINUTE", "1000000")
            .env("UNIONFLOW_SESSIONS_PER_PERSON", "10000")
            .env("UNIONFLOW_DRAIN_SECONDS", "1")
            .env("UNIONFLOW_LOG", "warn")
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log.map_or_else(Stdio::inherit, Stdio::from))
            .kill_on_drop(true)
            .spawn()
            .expect("the binary starts");
        let mut process = Self { child, address };
        timeout(PATIENCE, process.ready()).await.expect("it answers in time");
        process
    }

    /// A free address on loopback, below the ports that the system gives to outgoing connections: a client that tries again
    /// and again while the server is away must not take its port.
    pub fn free_address() -> SocketAddr {
        let first = std::process::id() % 10_000;
        (0..10_000)
            .map(|n| {
                SocketAddr::from(([127, 0, 0, 1], 20_000 + u16::try_from((first + n) % 10_000).unwrap_or(0)))
            })
            .find(|address| std::net::TcpListener::bind(address).is_ok())
            .expect("one of ten thousand ports is free")
    }

    async fn ready(&mut self) {
        let mut look = interval(Duration::from_millis(5));
        loop {
            look.tick().await;
            if let Ok(Some(status)) = self.child.try_wait() {
                panic!("the server ended at its start: {status}");
            }
            let url = format!("http://{}/health/ready", self.address);
            if reqwest::get(url).await.is_ok_and(|answer| answer.status().is_success()) {
                return;
            }
        }
    }

    /// `kill -9`, and until the process is gone.
    pub async fn kill(mut self) {
        self.child.kill().await.expect("it can be killed");
    }

    /// `kill -9` after this long: at a moment that nothing in the process has to do with.
    pub async fn kill_after(self, moment: Duration) {
        lasts(moment).await;
        self.kill().await;
    }

    /// Waits until it has ended by itself; its exit code.
    pub async fn ends(mut self) -> Option<i32> {
        let status = timeout(PATIENCE, self.child.wait()).await.expect("it ends by itself");
        status.expect("it can be waited for").code()
    }

    /// How it ended, if it did.
    pub fn ended(&mut self) -> Option<std::process::ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// The process's id.
    pub fn id(&self) -> u32 {
        self.child.id().expect("it runs")
    }
}

/// What is broken stays so for this long: drawn by whoever breaks it, and no fact to be waited for.
pub async fn lasts(moment: Duration) {
    tokio::time::sleep(moment).await;
}

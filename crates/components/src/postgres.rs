//! PostgreSQL.

use std::{
    env, fs,
    net::{Ipv4Addr, TcpStream},
    os::unix::fs::chown,
    path::{Path, PathBuf},
    process::Command,
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
};

use rustix::process::{Signal, geteuid};
use tempfile::TempDir;

use crate::{
    Fault, free_ports,
    process::{Process, User, run},
};

/// The variable that names a server which runs already: the operators' own.
const VARIABLE: &str = "DATABASE_URL";
const PASSWORD: &str = "for-tests-only";

/// A PostgreSQL server of our own. It is stopped, and its data removed, when this is dropped.
#[derive(Debug)]
pub struct Postgres {
    process: Option<Process>,
    port: u16,
    settings: Vec<String>,
    user: Option<User>,
    folder: TempDir,
}

/// A database of our own on a server; dropped with this.
#[derive(Debug)]
pub struct Database {
    url: String,
    server: String,
    name: String,
}

impl Postgres {
    /// Starts one as durable as it comes.
    pub fn start() -> Result<Self, Fault> {
        Self::start_with(&[])
    }

    /// Starts one with these settings (`fsync=off`).
    pub fn start_with(settings: &[&str]) -> Result<Self, Fault> {
        let folder = tempfile::tempdir().map_err(Fault::file(env::temp_dir()))?;
        let user = other_user()?;
        let password = folder.path().join("password");
        fs::write(&password, PASSWORD).map_err(Fault::file(&password))?;
        if let Some(user) = user {
            for path in [folder.path(), &password] {
                chown(path, Some(user.id), Some(user.group)).map_err(Fault::file(path))?;
            }
        }
        let mut initdb = Command::new(program("initdb"));
        initdb.current_dir(folder.path()).args([
            "--auth=scram-sha-256",
            "--username=postgres",
            "--encoding=UTF8",
        ]);
        initdb.args(["--locale=C.UTF-8", "--no-sync", "--pgdata=data", "--pwfile=password"]);
        run(as_user(&mut initdb, user))?;
        let [port] = free_ports();
        let settings = settings.iter().map(|setting| (*setting).to_owned()).collect();
        let mut server = Self { process: None, port, settings, user, folder };
        server.start_again()?;
        Ok(server)
    }

    /// The server of this process's tests, or the one that `DATABASE_URL` names: a database of one's own on it.
    pub fn database() -> Result<Database, Fault> {
        static SHARED: OnceLock<Postgres> = OnceLock::new();
        if let Ok(url) = env::var(VARIABLE)
            && url.starts_with("postgres")
        {
            return Database::on(&url);
        }
        if SHARED.get().is_none() {
            // A second thread that comes here meanwhile starts one in vain, which ends at once.
            let _ = SHARED.set(Self::start_with(&["fsync=off", "full_page_writes=off"])?);
        }
        Database::on(&SHARED.get().expect("set above").url())
    }

    /// Its address, as an operator writes it, of the database `postgres`.
    pub fn url(&self) -> String {
        format!("postgres://postgres:{PASSWORD}@{}:{}/postgres", Ipv4Addr::LOCALHOST, self.port)
    }

    /// The port on loopback.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where its data is, for settings that name files.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Stops it as if the power had gone: no shutdown, recovery at the next start.
    pub fn kill(&mut self) {
        if let Some(process) = self.process.take() {
            process.end(Signal::QUIT);
        }
    }

    /// Whether it was started and not ended since.
    pub fn is_started(&self) -> bool {
        self.process.is_some()
    }

    /// Stops it in order: what runs is broken off.
    pub fn stop(&mut self) {
        if let Some(process) = self.process.take() {
            process.end(Signal::INT);
        }
    }

    /// Starts it on the same port and data; returns once it takes connections.
    pub fn start_again(&mut self) -> Result<(), Fault> {
        let data = self.folder.path().join("data");
        let (program, data, port) = (program("postgres"), data.display().to_string(), self.port.to_string());
        let mut command =
            vec![program.as_str(), "-D", &data, "-p", &port, "-k", "", "-c", "listen_addresses=127.0.0.1"];
        for setting in &self.settings {
            command.extend(["-c", setting]);
        }
        let log = self.folder.path().join("log");
        let mut process = Process::start(&command, &log, "INT", self.user)?;
        process.wait_until("PostgreSQL", || self.answers())?;
        self.process = Some(process);
        Ok(())
    }

    /// Makes a database of one's own on it.
    pub fn new_database(&self) -> Result<Database, Fault> {
        Database::on(&self.url())
    }

    fn answers(&self) -> bool {
        TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok() && psql(&self.url(), "SELECT 1").is_ok()
    }
}

impl Database {
    fn on(server: &str) -> Result<Self, Fault> {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let name = format!("unionflow_test_{}_{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
        psql(server, &format!("CREATE DATABASE {name}"))?;
        let (base, parameters) =
            server.split_once('?').map_or((server, None), |(base, rest)| (base, Some(rest)));
        let base = base.rsplit_once('/').map_or(base, |(host, _)| host);
        let parameters = parameters.map(|rest| format!("?{rest}")).unwrap_or_default();
        Ok(Self { url: format!("{base}/{name}{parameters}"), server: server.to_owned(), name })
    }

    /// Its address, as an operator writes it.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Runs statements as an operator would, and returns what they print.
    pub fn psql(&self, statements: &str) -> Result<String, Fault> {
        psql(&self.url, statements)
    }

    /// How often a second `pgbench` runs this script, with so many clients for so many seconds.
    pub fn pgbench(&self, script: &str, clients: usize, seconds: u64) -> Result<f64, Fault> {
        let file = tempfile::NamedTempFile::new().map_err(Fault::file(env::temp_dir()))?;
        fs::write(&file, script).map_err(Fault::file(file.path()))?;
        let mut command = Command::new(program("pgbench"));
        command.args([
            "-n",
            "-M",
            "prepared",
            "-j",
            "2",
            "-c",
            &clients.to_string(),
            "-T",
            &seconds.to_string(),
        ]);
        let output = run(command.arg("-f").arg(file.path()).arg(&self.url))?;
        let rate = output.lines().find_map(|line| line.strip_prefix("tps = "));
        let rate = rate.and_then(|rest| rest.split(' ').next()).and_then(|rate| rate.parse().ok());
        rate.ok_or(Fault::Failed { program: "pgbench".to_owned(), output })
    }

    /// Copies it to a file, as an operator would.
    pub fn dump(&self, file: &Path) -> Result<(), Fault> {
        run(Command::new(program("pg_dump")).arg("--format=custom").arg("--file").arg(file).arg(&self.url))
            .map(drop)
    }

    /// Puts such a copy in its place. Whoever is connected is thrown out.
    pub fn restore(&self, file: &Path) -> Result<(), Fault> {
        for statement in ["DROP DATABASE {} WITH (FORCE)", "CREATE DATABASE {}"] {
            psql(&self.server, &statement.replace("{}", &self.name))?;
        }
        let mut restore = Command::new(program("pg_restore"));
        run(restore.args(["--exit-on-error", "--dbname", &self.url]).arg(file)).map(drop)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // The server may be gone, and its data with it.
        let _ = psql(&self.server, &format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name));
    }
}

fn psql(url: &str, statements: &str) -> Result<String, Fault> {
    run(Command::new(program("psql")).args([url, "-qXAt", "-v", "ON_ERROR_STOP=1", "-c", statements]))
}

/// On the path, or where Debian keeps it: the newest version.
fn program(name: &str) -> String {
    let mut versions: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .map(|entries| entries.flatten().map(|entry| entry.path().join("bin").join(name)).collect())
        .unwrap_or_default();
    versions.retain(|path| path.exists());
    versions.sort();
    versions.pop().map_or_else(|| name.to_owned(), |path| path.display().to_string())
}

/// PostgreSQL does not run as root: then as the user that its package made.
fn other_user() -> Result<Option<User>, Fault> {
    if !geteuid().is_root() {
        return Ok(None);
    }
    let id = |flag: &str| -> Result<u32, Fault> {
        let printed = run(Command::new("id").args([flag, "postgres"]))?;
        printed.trim().parse().map_err(|_| Fault::Failed { program: "id".to_owned(), output: printed })
    };
    Ok(Some(User { id: id("-u")?, group: id("-g")? }))
}

fn as_user(command: &mut Command, user: Option<User>) -> &mut Command {
    use std::os::unix::process::CommandExt;
    match user {
        Some(user) => command.uid(user.id).gid(user.group),
        None => command,
    }
}

//! Apache Kafka: one broker in KRaft mode.

use std::{
    env, fs,
    net::{Ipv4Addr, TcpStream},
    path::Path,
    process::Command,
    sync::OnceLock,
};

use rustix::process::Signal;
use tempfile::TempDir;

use crate::{
    Fault, free_ports, install,
    process::{Process, run},
};

/// The variable that names brokers which run already: the operators' own.
const VARIABLE: &str = "KAFKA_BOOTSTRAP_SERVERS";

/// A broker of our own. It is stopped, and its data removed, when this is dropped.
#[derive(Debug)]
pub struct Kafka {
    process: Option<Process>,
    port: u16,
    second_port: u16,
    classes: String,
    folder: TempDir,
}

impl Kafka {
    /// Starts one.
    pub fn start() -> Result<Self, Fault> {
        Self::start_with("")
    }

    /// Starts one with more lines of `server.properties`.
    pub fn start_with(properties: &str) -> Result<Self, Fault> {
        Self::start_on(free_ports(), properties)
    }

    /// Starts one that has a second listener, named `SECURE`, of this protocol (`SASL_SSL`); the lines say what it asks for.
    pub fn start_secure(protocol: &str, properties: &str) -> Result<Self, Fault> {
        let [port, secure, controller] = free_ports();
        let listeners = format!("PLAINTEXT://127.0.0.1:{port},SECURE://127.0.0.1:{secure}");
        let listeners = format!(
            "listeners={listeners},CONTROLLER://127.0.0.1:{controller}\nadvertised.listeners={listeners}\n\
             listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SECURE:{protocol}\n"
        );
        // The last line of a name holds.
        Self::start_on([port, secure, controller], &(listeners + properties))
    }

    /// Starts one that has a second listener which it says to be at this address: where a proxy stands, before
    /// [`second_servers`](Self::second_servers).
    pub fn start_advertised(address: &str) -> Result<Self, Fault> {
        let [port, second, controller] = free_ports();
        let own = format!("PLAINTEXT://127.0.0.1:{port}");
        let properties = format!(
            "listeners={own},SECOND://127.0.0.1:{second},CONTROLLER://127.0.0.1:{controller}\n\
             advertised.listeners={own},SECOND://{address}\n\
             listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SECOND:PLAINTEXT\n"
        );
        Self::start_on([port, second, controller], &properties)
    }

    fn start_on([port, second_port, controller]: [u16; 3], properties: &str) -> Result<Self, Fault> {
        let classes = format!("{}/*", install::kafka()?.display());
        let folder = tempfile::tempdir().map_err(Fault::file(env::temp_dir()))?;
        let path = folder.path().join("server.properties");
        fs::write(&path, server_properties(folder.path(), port, controller, properties))
            .map_err(Fault::file(&path))?;
        let mut format = Command::new("java");
        format.args(["-cp", &classes, "kafka.tools.StorageTool", "format", "--standalone", "-t"]);
        run(format.arg("AAAAAAAAQACAAAAAAAAAAQ").arg("-c").arg(&path))?;
        let mut broker = Self { process: None, port, second_port, classes, folder };
        broker.start_again()?;
        Ok(broker)
    }

    /// The broker of this process's tests, or what `KAFKA_BOOTSTRAP_SERVERS` names.
    pub fn shared() -> Result<String, Fault> {
        static SHARED: OnceLock<Kafka> = OnceLock::new();
        if let Ok(servers) = env::var(VARIABLE) {
            return Ok(servers);
        }
        if SHARED.get().is_none() {
            // A second thread that comes here meanwhile starts one in vain, which ends at once.
            let _ = SHARED.set(Self::start()?);
        }
        Ok(SHARED.get().expect("set above").servers())
    }

    /// Its address, as an operator writes it.
    pub fn servers(&self) -> String {
        format!("{}:{}", Ipv4Addr::LOCALHOST, self.port)
    }

    /// The address of its second listener.
    pub fn second_servers(&self) -> String {
        format!("{}:{}", Ipv4Addr::LOCALHOST, self.second_port)
    }

    /// Its folder, for properties that name files.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        if let Some(process) = self.process.take() {
            process.end(Signal::KILL);
        }
    }

    /// Whether it was started and not ended since.
    pub fn is_started(&self) -> bool {
        self.process.is_some()
    }

    /// It holds its connections and answers nothing.
    pub fn pause(&self) {
        if let Some(process) = &self.process {
            process.signal(Signal::STOP);
        }
    }

    /// It goes on.
    pub fn resume(&self) {
        if let Some(process) = &self.process {
            process.signal(Signal::CONT);
        }
    }

    /// Starts it on the same port and data; returns once it leads its partitions.
    pub fn start_again(&mut self) -> Result<(), Fault> {
        let properties = self.folder.path().join("server.properties").display().to_string();
        let command =
            ["java", "-Xmx512m", "-XX:+UseSerialGC", "-cp", &self.classes, "kafka.Kafka", &properties];
        let log = self.folder.path().join("log");
        // Its data go with it: nothing is lost by a hard end, and it is quicker.
        let mut process = Process::start(&command, &log, "KILL", None)?;
        let begun = fs::metadata(&log).map_or(0, |metadata| metadata.len());
        process.wait_until("Kafka", || started(&log, begun) && self.answers())?;
        self.process = Some(process);
        Ok(())
    }

    /// Runs a tool of the distribution to its end (`org.apache.kafka.tools.TopicCommand`); what it printed.
    pub fn tool(servers: &str, class: &str, arguments: &[&str]) -> Result<String, Fault> {
        let classes = format!("{}/*", install::kafka()?.display());
        let mut command = Command::new("java");
        command.args([
            "-XX:TieredStopAtLevel=1",
            "-Dorg.slf4j.simpleLogger.defaultLogLevel=error",
            "-cp",
            &classes,
        ]);
        run(command.args([class, "--bootstrap-server", servers]).args(arguments))
    }

    fn answers(&self) -> bool {
        TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok()
    }
}

/// It says so in its log once it takes requests; a line of an earlier start does not count.
fn started(log: &Path, begun: u64) -> bool {
    let text = fs::read(log).unwrap_or_default();
    let new = text.get(usize::try_from(begun).unwrap_or(0)..).unwrap_or_default();
    String::from_utf8_lossy(new).contains("Kafka Server started")
}

fn server_properties(folder: &Path, port: u16, controller: u16, more: &str) -> String {
    let data = folder.join("data");
    format!(
        "process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers=127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs={}
auto.create.topics.enable=false
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
group.initial.rebalance.delay.ms=0
broker.heartbeat.interval.ms=250
broker.session.timeout.ms=1000
{more}
",
        data.display()
    )
}

//! What an operator can set, and what librdkafka makes of it.

use std::{collections::BTreeMap, fmt, path::PathBuf, sync::Arc, time::Duration};

use rdkafka::{ClientConfig, admin::AdminClient, client::DefaultClientContext, error::KafkaError};
use secrecy::{ExposeSecret, SecretString};

use super::{
    brokers::{Brokers, Watching},
    follow::{Follower, Watch},
    inbound::{GROUP, Member},
    send::Producing,
    topics,
};

/// How a Kafka cluster is reached and used.
#[derive(Clone)]
pub struct Settings {
    /// `HOST:PORT`, several separated by commas.
    pub bootstrap_servers: String,
    /// Encryption and sign-in.
    pub security: Security,
    /// Whether the bus makes topics that are missing, and looks at the others, when it is first used.
    pub make_topics: bool,
    /// Partitions of a topic that we make. An organisation's events of a topic are in one of them.
    pub partitions: i32,
    /// Copies of each partition of a topic that we make.
    pub replication: i32,
    /// How long records stay in a topic that we make. The journal has them for ever.
    pub retention: Duration,
    /// How often it is asked how many partitions the topics have.
    pub look_for_partitions: Duration,
    /// How far back a gateway begins to read, so that it can answer resumes from memory.
    pub warm_up: Duration,
    /// Any further setting of librdkafka, by its own name.
    pub more: BTreeMap<String, String>,
}

/// Encryption and sign-in.
#[derive(Debug, Clone, Default)]
pub struct Security {
    /// `security.protocol`
    pub protocol: Protocol,
    /// A file of certificates that sign the brokers', in PEM; the system's where none is given.
    pub ca_file: Option<PathBuf>,
    /// Our certificate, where brokers ask for one.
    pub certificate_file: Option<PathBuf>,
    /// Its key.
    pub key_file: Option<PathBuf>,
    /// Name and password, with a protocol of SASL.
    pub sasl: Option<Sasl>,
}

/// Name and password.
#[derive(Debug, Clone)]
pub struct Sasl {
    /// `sasl.mechanism`
    pub mechanism: Mechanism,
    /// Who.
    pub username: String,
    /// The password.
    pub password: SecretString,
}

macro_rules! names {
    ($(#[doc = $doc:literal])+ $name:ident { $($(#[$default:ident])? $variant:ident = $text:literal),+ }) => {
        $(#[doc = $doc])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
        pub enum $name {
            $($(#[$default])? #[doc = concat!("`", $text, "`")] $variant),+
        }

        impl $name {
            /// As Kafka writes it.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }

        impl std::str::FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                match text {
                    $($text => Ok(Self::$variant),)+
                    _ => Err([$($text),+].join(", ")),
                }
            }
        }
    };
}

names! {
    /// How brokers are spoken to.
    Protocol { #[default] Plaintext = "PLAINTEXT", Ssl = "SSL", SaslPlaintext = "SASL_PLAINTEXT", SaslSsl = "SASL_SSL" }
}
names! {
    /// How name and password are proven.
    Mechanism { #[default] Plain = "PLAIN", ScramSha256 = "SCRAM-SHA-256", ScramSha512 = "SCRAM-SHA-512" }
}

/// A setting that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsFault {
    /// What UnionFlow promises rests on it, or another setting says it.
    #[error("`{0}` cannot be set here: {1}")]
    Reserved(String, &'static str),
    /// librdkafka does not know it, or not this value.
    #[error("`{name}`: {reason}")]
    Refused {
        /// Its name, as librdkafka has it.
        name: String,
        /// Why; never its value.
        reason: String,
    },
}

/// What may not be set by its librdkafka name.
const RESERVED: &[(&str, &str)] = &[
    ("acks", PROMISE),
    ("request.required.acks", PROMISE),
    ("enable.idempotence", PROMISE),
    ("enable.gapless.guarantee", PROMISE),
    ("transactional.id", PROMISE),
    ("enable.auto.commit", PROMISE),
    ("enable.auto.offset.store", PROMISE),
    ("auto.offset.reset", PROMISE),
    ("group.id", PROMISE),
    ("bootstrap.servers", OWN),
    ("metadata.broker.list", OWN),
    ("security.protocol", OWN),
    ("sasl.mechanism", OWN),
    ("sasl.mechanisms", OWN),
    ("sasl.username", OWN),
    ("sasl.password", OWN),
];
const PROMISE: &str = "no event is lost or doubled only as it is";
const OWN: &str = "it has a setting of its own";

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("bootstrap_servers", &self.bootstrap_servers)
            .field("security", &self.security)
            .field("make_topics", &self.make_topics)
            .field("partitions", &self.partitions)
            .field("replication", &self.replication)
            .field("retention", &self.retention)
            .field("look_for_partitions", &self.look_for_partitions)
            .field("warm_up", &self.warm_up)
            // Some of librdkafka's are secrets: their names only.
            .field("more", &self.more.keys())
            .finish()
    }
}

impl Settings {
    /// Brokers without encryption, topics for one machine: a beginning.
    pub fn new(bootstrap_servers: impl Into<String>) -> Self {
        Self {
            bootstrap_servers: bootstrap_servers.into(),
            security: Security::default(),
            make_topics: true,
            partitions: 6,
            replication: 1,
            retention: Duration::from_secs(7 * 24 * 3600),
            look_for_partitions: Duration::from_secs(30),
            warm_up: Duration::from_secs(60),
            more: BTreeMap::new(),
        }
    }

    pub(super) fn producer(&self, brokers: Arc<Brokers>) -> Result<Producing, SettingsFault> {
        let mut config = self.client();
        config
            .set("enable.idempotence", "true")
            .set("acks", "all")
            // Else librdkafka goes on behind a batch that was not taken, and what comes again comes too late. It breaks the
            // producer instead, which is replaced.
            .set("enable.gapless.guarantee", "true")
            .set("linger.ms", "0")
            // As Kafka's own clients do it, so that a key goes to the same partition from everywhere.
            .set("partitioner", "murmur2_random")
            // A batch is never larger than what a topic takes of a single record.
            .set("message.max.bytes", topics::RECORD_BYTES_MAX.to_string())
            .set("batch.size", (topics::RECORD_BYTES_MAX / 2).to_string())
            // Beyond, whoever publishes waits.
            .set("queue.buffering.max.kbytes", "65536")
            // A broker that is away is a fault within seconds: the outbox waits, not the producer.
            .set("message.timeout.ms", "3000")
            .set("retry.backoff.ms", "50")
            .set("retry.backoff.max.ms", "500")
            .set("statistics.interval.ms", "1000");
        self.complete(config)?.create_with_context(Watching(brokers)).map_err(refused)
    }

    /// For a consumer that reads all partitions.
    pub(super) fn follower(&self, brokers: Arc<Brokers>) -> Result<Follower, SettingsFault> {
        let mut config = self.consumer();
        config
            // Assigning partitions asks for a name, though no group is joined and nothing committed.
            .set("group.id", "unionflow-gateway")
            .set("enable.auto.commit", "false")
            // Ours are signed and know their place; somebody's transaction that is left open must not hold them up.
            .set("isolation.level", "read_uncommitted");
        self.complete(config)?
            .create_with_context(Watch::new("unionflow_bus_lag_records", brokers))
            .map_err(refused)
    }

    /// For a member of the group that takes in what others send.
    pub(super) fn member(&self, brokers: Arc<Brokers>) -> Result<Member, SettingsFault> {
        let mut config = self.consumer();
        config
            .set("group.id", GROUP)
            .set("partition.assignment.strategy", "cooperative-sticky")
            // Others' records may be large: one fetch holds a few of the largest, whatever the number of partitions.
            .set("fetch.max.bytes", (2 * topics::INBOUND_BYTES_MAX).to_string())
            // What was said to be done, and nothing else, is noted this often, and when a partition goes to another.
            .set("enable.auto.commit", "true")
            .set("auto.commit.interval.ms", "200")
            // Topics that are made after it joined, perhaps by ourselves, are found after this.
            .set("topic.metadata.refresh.interval.ms", "2000")
            // A member that died is replaced after this.
            .set("session.timeout.ms", "10000");
        self.complete(config)?
            .create_with_context(Watch::new("unionflow_inbound_lag_records", brokers))
            .map_err(refused)
    }

    /// For whoever looks at what lies on a topic.
    pub(super) fn reader(&self, brokers: Arc<Brokers>) -> Result<Follower, SettingsFault> {
        let mut config = self.consumer();
        config
            // As above: a name that nothing is committed under.
            .set("group.id", "unionflow-reader")
            .set("enable.auto.commit", "false")
            .set("isolation.level", "read_uncommitted")
            .set("enable.partition.eof", "true")
            .set("auto.offset.reset", "error");
        self.complete(config)?
            .create_with_context(Watch::new("unionflow_reader_lag_records", brokers))
            .map_err(refused)
    }

    fn consumer(&self) -> ClientConfig {
        let mut config = self.client();
        config
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "earliest")
            .set("fetch.wait.max.ms", "100")
            .set("fetch.error.backoff.ms", "100")
            // What is read ahead of us is bounded: a gateway's memory does not grow with a topic.
            .set("queued.min.messages", "1000")
            .set("queued.max.messages.kbytes", "8192")
            .set("fetch.queue.backoff.ms", "10")
            .set("statistics.interval.ms", "2000");
        config
    }

    pub(super) fn admin(&self) -> Result<AdminClient<DefaultClientContext>, KafkaError> {
        // What may not be set was refused when the bus was made.
        self.complete(self.client()).map_err(|fault| KafkaError::ClientCreation(fault.to_string()))?.create()
    }

    fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", &self.bootstrap_servers)
            .set("client.id", "unionflow")
            .set("socket.nagle.disable", "true")
            .set("socket.connection.setup.timeout.ms", "2000")
            .set("reconnect.backoff.ms", "50")
            .set("reconnect.backoff.max.ms", "500")
            // A broker that hangs is given up sooner than after a minute.
            .set("socket.timeout.ms", "10000")
            .set("security.protocol", self.security.protocol.as_str());
        let files = [
            ("ssl.ca.location", &self.security.ca_file),
            ("ssl.certificate.location", &self.security.certificate_file),
            ("ssl.key.location", &self.security.key_file),
        ];
        for (name, file) in files {
            if let Some(file) = file {
                config.set(name, file.to_string_lossy());
            }
        }
        if let Some(sasl) = &self.security.sasl {
            config
                .set("sasl.mechanism", sasl.mechanism.as_str())
                .set("sasl.username", &sasl.username)
                .set("sasl.password", sasl.password.expose_secret());
        }
        config
    }

    /// With what the operator sets by librdkafka's names, last.
    fn complete(&self, mut config: ClientConfig) -> Result<ClientConfig, SettingsFault> {
        for (name, value) in &self.more {
            if let Some((_, why)) = RESERVED.iter().find(|(reserved, _)| reserved == name) {
                return Err(SettingsFault::Reserved(name.clone(), why));
            }
            config.set(name, value);
        }
        Ok(config)
    }
}

pub(super) fn refused(error: KafkaError) -> SettingsFault {
    match error {
        KafkaError::ClientConfig(_, reason, name, value) => {
            let reason = if value.is_empty() { reason } else { reason.replace(&value, "…") };
            SettingsFault::Refused { name, reason }
        }
        other => SettingsFault::Refused { name: "kafka".to_owned(), reason: other.to_string() },
    }
}

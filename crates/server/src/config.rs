//! The configuration: file, environment, flags, in this order, each overriding the one before.

use std::{fmt, net::IpAddr, path::PathBuf, time::Duration};

use figment::{
    Figment,
    providers::{Env, Format, Serialized, Toml},
};
use serde::{Deserialize, Serialize};
use unionflow_auth::password::Cost;
use unionflow_domain::contact::Country;
use unionflow_protocol::limits;

mod environment;
mod fault;
mod inbound;
mod kafka;
mod secret;

pub use fault::ConfigFault;
#[cfg(feature = "kafka")]
pub(crate) use kafka::refused as refused_by_kafka;

use self::environment::Environment;
use crate::{database::Database, role::ProcessRole};

/// Everything that can be set. The key in the file is the name here; in the environment it is `UNIONFLOW_` and the name in
/// upper case. Two names are those that operators know: `DATABASE_URL` and `KAFKA_BOOTSTRAP_SERVERS`.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Where everything is served.
    pub listen: String,
    /// Where metrics and health are served, on a runtime of its own.
    pub admin_listen: String,
    /// What this process serves: `all`, `api`, `gateway`.
    pub role: ProcessRole,
    /// Where the data is: `sqlite:PATH`.
    pub database_url: String,
    /// What carries events: `in-process` or `kafka`.
    pub bus: String,
    /// The brokers; set = Kafka.
    pub kafka_bootstrap_servers: String,
    /// How brokers are spoken to.
    pub kafka_security_protocol: String,
    /// Certificates that sign the brokers', in PEM.
    pub kafka_ca_file: String,
    /// Our certificate, in PEM.
    pub kafka_certificate_file: String,
    /// Its key, in PEM.
    pub kafka_key_file: String,
    /// How name and password are proven to the brokers.
    pub kafka_sasl_mechanism: String,
    /// The name.
    pub kafka_sasl_username: String,
    /// The password. A secret.
    pub kafka_sasl_password: String,
    /// Whether topics that are missing are made.
    pub kafka_make_topics: bool,
    /// Partitions of a topic that is made.
    pub kafka_partitions: u32,
    /// Copies of each of them.
    pub kafka_replication: u32,
    /// Hours that records stay in a topic that is made.
    pub kafka_retention_hours: u32,
    /// Further settings of librdkafka: `name=value`.
    pub kafka_settings: Vec<String>,
    /// Whether facts of other systems are also looked for on the five topics of ours.
    pub kafka_ingest_business_topics: bool,
    /// What other systems call our organisations: `NAME=ID`.
    pub inbound_organizations: Vec<String>,
    /// Which systems may send what: `SOURCE=TYPES[@ORGANISATIONS]`.
    pub inbound_sources: Vec<String>,
    /// Minutes between two rounds of checkpoints.
    pub checkpoint_minutes: u32,
    /// Where people reach this server, for links.
    pub public_url: String,
    /// Whether anybody who is signed in may found an organisation.
    pub allow_new_organizations: bool,
    /// The code that founds the first organisation, in place of a random one.
    pub setup_code: String,
    /// The country of login names that are phone numbers without a prefix.
    pub country: String,
    /// Minutes that an access token lives.
    pub access_token_minutes: u32,
    /// KiB of memory that hashing a password takes.
    pub password_memory_kib: u32,
    /// Origins of other pages that may connect.
    pub allowed_origins: Vec<String>,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<String>,
    /// Requests a second of one person, on average.
    pub requests_per_second: u32,
    /// Requests of one person at once.
    pub requests_burst: u32,
    /// Requests a second without a sign-in from one address.
    pub anonymous_requests_per_second: u32,
    /// How often one person may sign in within a minute.
    pub sign_ins_per_minute: u32,
    /// Sockets of one person.
    pub sessions_per_person: usize,
    /// Sockets in all.
    pub sessions: usize,
    /// HTTP connections at once; WebSockets are counted by `sessions`.
    pub connections: usize,
    /// HTTP connections at once from one address; 0 = a quarter of all, at least 1,000.
    pub connections_per_address: usize,
    /// Bytes of newest events kept for resumes.
    pub ring_bytes: usize,
    /// Bytes that may wait for one slow client.
    pub queue_bytes: usize,
    /// Seconds over which clients spread their return after a stop.
    pub drain_seconds: u32,
    /// What is logged.
    pub log: String,
    /// The form of log lines.
    pub log_format: LogFormat,
}

/// The form of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Human,
    /// One JSON object a line.
    Json,
}

/// Values given as flags.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Flags {
    /// `--listen`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listen: Option<String>,
    /// `--admin-listen`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub admin_listen: Option<String>,
    /// `--role`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// `--data`, as a `database_url`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database_url: Option<String>,
    /// `--log`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log: Option<String>,
    /// `--log-format`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_format: Option<String>,
}

/// A key, with what it means.
struct Key {
    name: &'static str,
    english: &'static str,
    french: &'static str,
}

macro_rules! keys {
    ($($name:literal $english:literal $french:literal;)+) => {
        const KEYS: &[Key] = &[$(Key { name: $name, english: $english, french: $french }),+];
    };
}

keys! {
    "listen" "Where everything is served: REST, WebSocket, pages, health." "Où tout est servi : REST, WebSocket, pages, santé.";
    "admin_listen" "Where metrics and health are served, on a runtime of its own. Keep it local." "Où les mesures et la santé sont servies, à part. Gardez cette adresse locale.";
    "role" "What this process serves, where several share the work over PostgreSQL: `all`, `api` (REST, pages, relay, sweeper, what comes in), `gateway` (WebSockets)." "Ce que sert ce processus, quand plusieurs se partagent le travail sur PostgreSQL : `all` (tout), `api` (REST, pages, relais, échéances, ce qui arrive), `gateway` (WebSockets).";
    "database_url" "Where the data is: `sqlite:PATH`, or `postgres://user:password@host/database` for several processes. Also `DATABASE_URL`; `--data DIR` is short for `sqlite:DIR/unionflow.db`." "Où sont les données : `sqlite:CHEMIN`, ou `postgres://utilisateur:motdepasse@hote/base` pour plusieurs processus. Aussi `DATABASE_URL` ; `--data DOSSIER` est l’abrégé de `sqlite:DOSSIER/unionflow.db`.";
    "bus" "What carries events to other processes: `in-process`, or `kafka` (a build with the feature `kafka`)." "Ce qui porte les événements aux autres processus : `in-process`, ou `kafka` (une version compilée avec `kafka`).";
    "kafka_bootstrap_servers" "The Kafka brokers; set = Kafka. Also `KAFKA_BOOTSTRAP_SERVERS`." "Les serveurs Kafka ; renseigné = Kafka. Aussi `KAFKA_BOOTSTRAP_SERVERS`.";
    "kafka_security_protocol" "How the brokers are spoken to: `PLAINTEXT`, `SSL`, `SASL_PLAINTEXT` or `SASL_SSL`." "Comment parler aux serveurs Kafka : `PLAINTEXT`, `SSL`, `SASL_PLAINTEXT` ou `SASL_SSL`.";
    "kafka_ca_file" "A PEM file of the certificates that sign the brokers'. Empty = the system's." "Un fichier PEM des certificats qui signent ceux de Kafka. Vide = ceux du système.";
    "kafka_certificate_file" "A PEM file of our certificate, where brokers ask for one." "Un fichier PEM de notre certificat, si Kafka en demande un.";
    "kafka_key_file" "A PEM file of its key." "Un fichier PEM de sa clé.";
    "kafka_sasl_mechanism" "How name and password are proven: `PLAIN`, `SCRAM-SHA-256` or `SCRAM-SHA-512`." "Comment prouver nom et mot de passe : `PLAIN`, `SCRAM-SHA-256` ou `SCRAM-SHA-512`.";
    "kafka_sasl_username" "The name, with a protocol of SASL." "Le nom, avec un protocole SASL.";
    "kafka_sasl_password" "The password. A secret." "Le mot de passe. Un secret.";
    "kafka_make_topics" "Whether topics that are missing are made; `false` where that is the work of others." "Créer les sujets Kafka absents ? `false` si d’autres s’en chargent.";
    "kafka_partitions" "Partitions of a topic that is missing and made. Those that are there stay as they are." "Partitions d’un sujet Kafka absent, créé au démarrage. Ceux qui existent restent tels quels.";
    "kafka_replication" "Copies of each partition of a topic that is made: 3 where there are three brokers." "Copies de chaque partition d’un sujet créé : 3 s’il y a trois serveurs.";
    "kafka_retention_hours" "Hours that records stay in a topic that is made. The journal keeps them for ever." "Heures de conservation dans un sujet créé. Le journal, lui, garde tout.";
    "kafka_settings" "Further settings of librdkafka, each `name=value`." "Autres réglages de librdkafka, chacun `nom=valeur`.";
    "kafka_ingest_business_topics" "Whether facts of other systems are also looked for on the five business topics, for services that still send the first system's plain events there." "Chercher aussi les faits d’autres systèmes dans les cinq sujets métier, pour les services qui y envoient encore les événements simples du premier système.";
    "inbound_organizations" "What other systems call our organisations, each `NAME=ID`, such as `org-123=0199c500-…`." "Comment d’autres systèmes nomment nos organisations, chacune `NOM=IDENTIFIANT`, comme `org-123=0199c500-…`.";
    "inbound_sources" "Which systems may send which facts, each `SOURCE=TYPES[@ORGANISATIONS]`: `cashdesk=CONTRIBUTION_PAID@org-123`. SOURCE is the header `ce_source`, or `plain` where there is none; TYPES are separated by commas, or `*`. What is not named may not be sent. [Kafka](kafka.md)" "Quels systèmes peuvent envoyer quels faits, chacun `SOURCE=TYPES[@ORGANISATIONS]` : `caisse=CONTRIBUTION_PAID@org-123`. SOURCE est l’en-tête `ce_source`, ou `plain` s’il n’y en a pas ; TYPES séparés par des virgules, ou `*`. Ce qui n’est pas nommé ne peut pas être envoyé. [Kafka](fr/kafka.md)";
    "checkpoint_minutes" "Minutes between two rounds in which heads of journals that moved are signed, on the topic `unionflow.audit.checkpoints`." "Minutes entre deux signatures des têtes de journaux qui ont avancé, sur le sujet `unionflow.audit.checkpoints`.";
    "public_url" "Where people reach this server, for the links of invitations. Empty = `http://` and `listen`. With `https`, cookies are `Secure`." "L’adresse publique du serveur, pour les liens d’invitation. Vide = `http://` et `listen`. Avec `https`, les cookies sont `Secure`.";
    "allow_new_organizations" "Whether anybody who is signed in may found another organisation." "Toute personne connectée peut-elle fonder une autre organisation ?";
    "setup_code" "The code that founds the first organisation, in place of a random one printed at start. A secret." "Le code qui fonde la première organisation, au lieu d’un code aléatoire affiché au démarrage. Un secret.";
    "country" "The country of login names that are phone numbers without a prefix." "Le pays des identifiants qui sont des numéros de téléphone sans indicatif.";
    "access_token_minutes" "Minutes that an access token lives, 1 to 15." "Durée d’un jeton d’accès en minutes, de 1 à 15.";
    "password_memory_kib" "KiB of memory that hashing a password takes, 8 to 1,048,576. Less than 19,456 is weak." "Mémoire, en Kio, pour le hachage d’un mot de passe, de 8 à 1 048 576. Moins de 19 456 est faible.";
    "allowed_origins" "Origins of other pages that may connect, such as `https://app.example.org`." "Origines d’autres pages autorisées, comme `https://app.exemple.org`.";
    "trusted_proxies" "Addresses of proxies whose `X-Forwarded-For` is believed." "Adresses des proxys dont l’en-tête `X-Forwarded-For` est pris en compte.";
    "requests_per_second" "Requests a second of one person, on average." "Requêtes par seconde et par personne, en moyenne.";
    "requests_burst" "Requests of one person at once." "Requêtes d’une même personne en une seule fois.";
    "anonymous_requests_per_second" "Requests a second without a sign-in from one address: generous, a town may share one." "Requêtes par seconde sans connexion et par adresse : généreux, une ville entière peut en partager une.";
    "sign_ins_per_minute" "How often one person may sign in within a minute." "Connexions d’une même personne par minute.";
    "sessions_per_person" "WebSockets that one person may have open." "WebSockets ouverts par personne.";
    "sessions" "WebSockets in all." "WebSockets en tout.";
    "connections" "HTTP connections at once; WebSockets are counted by `sessions`." "Connexions HTTP à la fois ; les WebSockets sont comptés par `sessions`.";
    "connections_per_address" "HTTP connections at once from one address: generous, a town may share one. 0 = a quarter of all, at least 1,000. Not for trusted proxies." "Connexions HTTP à la fois et par adresse : généreux, une ville entière peut en partager une. 0 = un quart du total, au moins 1 000. Sans effet pour les proxys de confiance.";
    "ring_bytes" "Bytes of newest events kept in memory for resumes, over all organisations." "Octets d’événements récents gardés en mémoire pour les reprises, toutes organisations ensemble.";
    "queue_bytes" "Bytes that may wait for one slow client before it is closed, to resume." "Octets en attente pour un client lent avant que sa connexion soit fermée ; il reprend ensuite.";
    "drain_seconds" "Seconds over which clients spread their return when the server stops." "Secondes sur lesquelles les clients étalent leur retour à l’arrêt du serveur.";
    "log" "What is logged: `error`, `warn`, `info`, `debug`, `trace`, or by module (`info,unionflow_gateway=debug`)." "Ce qui est journalisé : `error`, `warn`, `info`, `debug`, `trace`, ou par module (`info,unionflow_gateway=debug`).";
    "log_format" "The form of log lines: `human` or `json`." "La forme des lignes de journal : `human` ou `json`.";
}

impl Default for Settings {
    fn default() -> Self {
        let (api, gateway) = (unionflow_api::Config::default(), unionflow_gateway::Config::default());
        Self {
            listen: "127.0.0.1:8085".to_owned(),
            admin_listen: "127.0.0.1:9085".to_owned(),
            role: ProcessRole::All,
            database_url: "sqlite:data/unionflow.db".to_owned(),
            bus: "in-process".to_owned(),
            kafka_bootstrap_servers: String::new(),
            kafka_security_protocol: "PLAINTEXT".to_owned(),
            kafka_ca_file: String::new(),
            kafka_certificate_file: String::new(),
            kafka_key_file: String::new(),
            kafka_sasl_mechanism: "PLAIN".to_owned(),
            kafka_sasl_username: String::new(),
            kafka_sasl_password: String::new(),
            kafka_make_topics: true,
            kafka_partitions: 6,
            kafka_replication: 1,
            kafka_retention_hours: 7 * 24,
            kafka_settings: Vec::new(),
            kafka_ingest_business_topics: false,
            inbound_organizations: Vec::new(),
            inbound_sources: Vec::new(),
            checkpoint_minutes: 5,
            public_url: String::new(),
            allow_new_organizations: false,
            setup_code: String::new(),
            country: "CI".to_owned(),
            access_token_minutes: 15,
            password_memory_kib: Cost::STANDARD.memory_kib,
            allowed_origins: Vec::new(),
            trusted_proxies: Vec::new(),
            requests_per_second: api.requests_per_second,
            requests_burst: api.burst,
            anonymous_requests_per_second: api.anonymous_requests_per_second,
            sign_ins_per_minute: 10,
            sessions_per_person: gateway.sessions_per_person,
            sessions: gateway.sessions,
            connections: 100_000,
            connections_per_address: 0,
            ring_bytes: gateway.ring_bytes,
            queue_bytes: gateway.queue_bytes,
            drain_seconds: 10,
            log: "info".to_owned(),
            log_format: LogFormat::Human,
        }
    }
}

impl Settings {
    /// Reads file, environment and flags, and checks every value. What is wrong is named with its key and its source.
    pub fn load(file: Option<&std::path::Path>, flags: &Flags) -> Result<Self, ConfigFault> {
        let given = |name: &&str| std::env::var_os(name).is_some();
        let rival = ["DATABASE_URL", "UNIONFLOW_DATABASE_URL"].into_iter().find(given);
        if let (Some(_), Some(rival)) = (&flags.database_url, rival) {
            return Err(ConfigFault::new(
                "--data",
                format!("{rival} est donné aussi : retirez l’un des deux"),
                format!("{rival} is given too: leave one of them out"),
            ));
        }
        let mut figment = Figment::from(Serialized::defaults(Self::default()));
        if let Some(file) = file {
            if !file.is_file() {
                let file = file.display();
                let french = format!("il n’y a pas de fichier `{file}`");
                return Err(ConfigFault::new("--config", french, format!("there is no file `{file}`")));
            }
            figment = figment.merge(Toml::file_exact(file));
        }
        let own: Vec<&str> = KEYS.iter().map(|key| key.name).collect();
        let figment = figment
            .merge(Environment(Env::prefixed("UNIONFLOW_").ignore(&["config", "lang", "migrate_to"])))
            .merge(Environment(Env::raw().only(&["database_url", "kafka_bootstrap_servers"])))
            .merge(Serialized::defaults(flags));
        let settings: Self = figment.extract().map_err(|error| ConfigFault::of(&error, &own))?;
        let wrong = settings.faults().into_iter().map(|wrong| {
            let source =
                figment.find_metadata(wrong.key()).and_then(|found| fault::place(found, wrong.key()));
            wrong.with_source(source)
        });
        wrong.reduce(ConfigFault::and).map_or(Ok(settings), Err)
    }

    /// Refuses values that cannot work, naming their keys.
    pub fn check(&self) -> Result<(), ConfigFault> {
        self.faults().into_iter().reduce(ConfigFault::and).map_or(Ok(()), Err)
    }

    /// Every value that cannot work, by its key.
    fn faults(&self) -> Vec<ConfigFault> {
        let mut faults = self.wrong_addresses();
        faults.extend(self.database().err());
        faults.extend(self.check_bus().err());
        faults.extend(self.inbound_rules().err());
        faults.extend(self.check_role().err());
        if self.country.parse::<Country>().is_err() {
            faults.push(not_a("country", &self.country, "un pays comme CI", "a country such as CI"));
        }
        if !self.setup_code.is_empty() && self.setup_code.chars().filter(|c| c.is_alphanumeric()).count() < 12
        {
            faults.push(ConfigFault::new(
                "setup_code",
                "il faut au moins 12 lettres ou chiffres : il fonde l’organisation",
                "it must have at least 12 letters or digits: it founds the organisation",
            ));
        }
        if tracing_subscriber::EnvFilter::builder().parse(&self.log).is_err() {
            let (french, english) = (
                "un filtre comme info ou info,unionflow_gateway=debug",
                "a filter such as info or info,unionflow_gateway=debug",
            );
            faults.push(not_a("log", &self.log, french, english));
        }
        faults.extend(self.wrong_numbers());
        faults
    }

    /// A part of the work needs others for the rest, on the same data.
    fn check_role(&self) -> Result<(), ConfigFault> {
        if self.role == ProcessRole::All || !matches!(self.database(), Ok(Database::File(_))) {
            return Ok(());
        }
        let role = self.role.as_str();
        Err(ConfigFault::new(
            "role",
            format!(
                "`{role}` demande PostgreSQL (database_url = postgres://…) : un fichier n’a qu’un serveur, qui fait tout"
            ),
            format!(
                "`{role}` needs PostgreSQL (database_url = postgres://…): a file has one server, which does everything"
            ),
        ))
    }

    fn wrong_addresses(&self) -> Vec<ConfigFault> {
        let mut faults = Vec::new();
        for (key, value) in [("listen", &self.listen), ("admin_listen", &self.admin_listen)] {
            if value.parse::<std::net::SocketAddr>().is_err() {
                let (french, english) =
                    ("une adresse comme 127.0.0.1:8085", "an address such as 127.0.0.1:8085");
                faults.push(not_a(key, value, french, english));
            }
        }
        let is_web = |url: &str| url.starts_with("http://") || url.starts_with("https://");
        if !self.public_url.is_empty() && !is_web(&self.public_url) {
            faults.push(ConfigFault::new(
                "public_url",
                "écrivez-la avec http:// ou https://, comme https://unionflow.exemple.org",
                "write it with http:// or https://, such as https://unionflow.example.org",
            ));
        }
        for proxy in &self.trusted_proxies {
            if proxy.parse::<IpAddr>().is_err() {
                let (french, english) = ("une adresse comme 10.0.0.1", "an address such as 10.0.0.1");
                faults.push(not_a("trusted_proxies", proxy, french, english));
            }
        }
        for origin in &self.allowed_origins {
            let authority = origin.split_once("://").map(|(_, rest)| rest);
            if authority.is_none_or(|rest| rest.is_empty() || rest.contains('/')) {
                let (french, english) = (
                    "une origine comme https://app.exemple.org",
                    "an origin such as https://app.example.org",
                );
                faults.push(not_a("allowed_origins", origin, french, english));
            }
        }
        faults
    }

    fn wrong_numbers(&self) -> Vec<ConfigFault> {
        let mut faults = Vec::new();
        let ranges = [
            (
                "access_token_minutes",
                u64::from(self.access_token_minutes),
                1,
                limits::ACCESS_TOKEN_LIFETIME.as_secs() / 60,
            ),
            ("password_memory_kib", self.password_memory_kib.into(), 8, 1_048_576),
            ("kafka_partitions", self.kafka_partitions.into(), 1, 10_000),
            ("kafka_replication", self.kafka_replication.into(), 1, 100),
            ("kafka_retention_hours", self.kafka_retention_hours.into(), 1, 24 * 3650),
            ("checkpoint_minutes", self.checkpoint_minutes.into(), 1, 1440),
            ("requests_per_second", self.requests_per_second.into(), 1, 1_000_000),
            ("requests_burst", self.requests_burst.into(), 1, 1_000_000),
            ("anonymous_requests_per_second", self.anonymous_requests_per_second.into(), 1, 1_000_000),
            ("sign_ins_per_minute", self.sign_ins_per_minute.into(), 1, 1_000_000),
            ("sessions_per_person", self.sessions_per_person as u64, 1, 1_000_000),
            ("sessions", self.sessions as u64, 1, 10_000_000),
            ("connections", self.connections as u64, 1, 10_000_000),
            ("connections_per_address", self.connections_per_address as u64, 0, 10_000_000),
            ("ring_bytes", self.ring_bytes as u64, 64 * 1024, 64 << 30),
            ("queue_bytes", self.queue_bytes as u64, 2 * limits::EVENT_BYTES as u64, 64 << 20),
            ("drain_seconds", self.drain_seconds.into(), 0, 3600),
        ];
        for (key, value, min, max) in ranges {
            if !(min..=max).contains(&value) {
                faults.push(ConfigFault::new(
                    key,
                    format!("{value} n’est pas entre {min} et {max}"),
                    format!("{value} is not between {min} and {max}"),
                ));
            }
        }
        faults
    }

    /// Where the data is.
    pub fn database(&self) -> Result<Database, ConfigFault> {
        let url = &self.database_url;
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            #[cfg(feature = "postgres")]
            return match unionflow_storage::postgres::check_address(url) {
                Ok(()) => Ok(Database::Postgres(url.clone())),
                Err(fault) => {
                    use unionflow_protocol::Language;

                    let [french, english] =
                        [Language::French, Language::English].map(|language| fault.text(language));
                    Err(ConfigFault::new("database_url", french, english))
                }
            };
            #[cfg(not(feature = "postgres"))]
            return Err(ConfigFault::new(
                "database_url",
                "cette version n’a pas PostgreSQL : prenez sqlite:CHEMIN, ou installez une version avec `postgres`",
                "this build has no PostgreSQL: use sqlite:PATH, or install a build with the feature `postgres`",
            ));
        }
        match url.strip_prefix("sqlite:") {
            Some(path) if !path.is_empty() => Ok(Database::File(path.trim_start_matches("//").into())),
            // Not repeated: whatever it is, it may hold a password.
            _ => Err(ConfigFault::new(
                "database_url",
                "elle n’est pas de la forme sqlite:data/unionflow.db ou postgres://…",
                "it is not of the form sqlite:data/unionflow.db or postgres://…",
            )),
        }
    }

    /// The file of the embedded store, for what is done with files.
    pub fn database_path(&self) -> Result<PathBuf, ConfigFault> {
        match self.database()? {
            Database::File(path) => Ok(path),
            #[cfg(feature = "postgres")]
            Database::Postgres(_) => Err(ConfigFault::new(
                "database_url",
                "cette commande copie un fichier ; avec PostgreSQL, utilisez ses propres outils (pg_dump, pg_restore)",
                "this command copies a file; with PostgreSQL use its own tools (pg_dump, pg_restore)",
            )),
        }
    }

    /// Where people reach the server.
    pub fn public_url(&self) -> String {
        if self.public_url.is_empty() { format!("http://{}", self.listen) } else { self.public_url.clone() }
    }

    /// How long a stop may take.
    pub fn drain(&self) -> Duration {
        Duration::from_secs(self.drain_seconds.into())
    }

    /// As a file would have it, secrets hidden.
    pub fn show(&self) -> String {
        let value = serde_json::to_value(secret::hidden(self)).unwrap_or_default();
        let lines = KEYS.iter().map(|key| {
            format!("{} = {}\n", key.name, value.get(key.name).unwrap_or(&serde_json::Value::Null))
        });
        lines.collect()
    }
}

/// Secrets hidden: what is shown for debugging ends up in logs.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Settings {{\n{}}}", self.show())
    }
}

/// A value that is not what it should be.
fn not_a(key: &str, value: &str, french: &str, english: &str) -> ConfigFault {
    ConfigFault::new(key, format!("`{value}` n’est pas {french}"), format!("`{value}` is not {english}"))
}

/// The table of the configuration, in both languages.
pub(crate) fn document() -> String {
    let defaults = serde_json::to_value(Settings::default()).unwrap_or_default();
    let mut text = String::from(
        "# Configuration\n\nEach key can stand in a TOML file (`--config FILE`, `UNIONFLOW_CONFIG`), in the environment as \
         `UNIONFLOW_` and the key in upper case, or, for some, be a flag. Flags override the environment, which overrides the \
         file. Lists in the environment are written `[\"a\", \"b\"]`. `unionflow config show` prints what is in force, \
         `unionflow config check` says what is wrong with it.\n\nThis page is generated from the code: `cargo xtask codegen`.\n\n\
         **En français.** Chaque clé se met dans un fichier TOML (`--config FICHIER`, `UNIONFLOW_CONFIG`), dans l’environnement \
         sous le nom `UNIONFLOW_` suivi de la clé en majuscules, ou, pour certaines, en option. Les options l’emportent sur \
         l’environnement, qui l’emporte sur le fichier. Dans l’environnement, une liste s’écrit `[\"a\", \"b\"]`. \
         `unionflow config show` montre ce qui est en vigueur, `unionflow config check` dit ce qui ne va pas.\n\n\
         | key | default | meaning | signification |\n|---|---|---|---|\n",
    );
    for key in KEYS {
        let default = defaults.get(key.name).map(ToString::to_string).unwrap_or_default();
        text.push_str(&format!("| `{}` | `{default}` | {} | {} |\n", key.name, key.english, key.french));
    }
    text
}

#[cfg(test)]
mod tests;

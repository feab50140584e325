//! The topics: made where they are missing, looked at where they are there.

use std::{collections::HashMap, fmt, sync::Arc, time::Duration};

use rdkafka::{
    admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication},
    client::{Client, DefaultClientContext},
    error::{KafkaError, RDKafkaErrorCode},
};
use unionflow_protocol::{Language, Topic};

use super::{ASK, Settings, blocking};
use crate::VALUE_BYTES_MAX;

/// The largest record: value, headers and key, in bytes.
pub(super) const RECORD_BYTES_MAX: usize = VALUE_BYTES_MAX + 63 * 1024;
/// What brokers count when they hold a batch against a topic's limit: the largest record in a batch of its own.
const BATCH_BYTES_MAX: usize = RECORD_BYTES_MAX + 1024;
/// The same for what others send: they are told by a dead letter that it was too large, not by an error that nobody reads.
pub(super) const INBOUND_BYTES_MAX: usize = 8 * 1024 * 1024;
/// How long making and describing topics may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Something about a topic that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Which topic.
    pub topic: Topic,
    /// What.
    pub differs: Differs,
}

/// What is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Differs {
    /// It is missing, and the broker does not let us make it.
    NotMade(String),
    /// It is missing, and to make it is others' work.
    Missing,
    /// It has too few partitions.
    Partitions {
        /// How many it should have.
        wanted: i32,
        /// How many it has.
        found: i32,
    },
    /// Its partitions have too few copies.
    Replication {
        /// How many each should have.
        wanted: i32,
        /// How many one has.
        found: i32,
    },
    /// A setting has another value.
    Setting {
        /// Its name, as Kafka has it.
        name: &'static str,
        /// What it should be.
        wanted: String,
        /// What it is.
        found: String,
    },
}

impl Differs {
    const fn is_absence(&self) -> bool {
        matches!(self, Self::NotMade(_) | Self::Missing)
    }
}

impl Difference {
    /// A sentence that says what to do.
    pub fn text(&self, language: Language) -> String {
        let topic = self.topic;
        match (&self.differs, language) {
            (Differs::NotMade(why), Language::French) => {
                format!(
                    "le sujet Kafka `{topic}` manque et n’a pas pu être créé ({why}) : créez-le, ou donnez le droit CREATE"
                )
            }
            (Differs::NotMade(why), Language::English) => {
                format!(
                    "the Kafka topic `{topic}` is missing and could not be made ({why}): make it, or allow CREATE"
                )
            }
            (Differs::Missing, Language::French) => {
                format!("le sujet Kafka `{topic}` manque : créez-le, ou mettez `kafka_make_topics` à true")
            }
            (Differs::Missing, Language::English) => {
                format!("the Kafka topic `{topic}` is missing: make it, or set `kafka_make_topics` to true")
            }
            (Differs::Partitions { wanted, found }, Language::French) => {
                format!(
                    "sujet Kafka `{topic}` : partitions vaut {found}, {wanted} attendu ; ajoutez-les avec kafka-topics"
                )
            }
            (Differs::Partitions { wanted, found }, Language::English) => {
                format!(
                    "Kafka topic `{topic}`: partitions is {found}, should be {wanted}; add them with kafka-topics"
                )
            }
            (Differs::Replication { wanted, found }, Language::French) => {
                format!(
                    "sujet Kafka `{topic}` : replication vaut {found}, {wanted} attendu ; changez-la avec kafka-reassign-partitions"
                )
            }
            (Differs::Replication { wanted, found }, Language::English) => {
                format!(
                    "Kafka topic `{topic}`: replication is {found}, should be {wanted}; raise it with kafka-reassign-partitions"
                )
            }
            (Differs::Setting { name, wanted, found }, Language::French) => {
                format!(
                    "sujet Kafka `{topic}` : {name} vaut {found}, {wanted} attendu ; changez-le avec kafka-configs"
                )
            }
            (Differs::Setting { name, wanted, found }, Language::English) => {
                format!(
                    "Kafka topic `{topic}`: {name} is {found}, should be {wanted}; change it with kafka-configs"
                )
            }
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(Language::English))
    }
}

/// How many partitions each of our topics has. Blocks.
pub(super) fn partitions(
    client: &Client<impl rdkafka::ClientContext>,
) -> Result<HashMap<Topic, i32>, KafkaError> {
    Ok(shapes(client)?.into_iter().map(|(topic, shape)| (topic, shape.partitions)).collect())
}

/// How a topic lies on the brokers.
#[derive(Clone, Copy)]
struct Shape {
    partitions: i32,
    /// Copies of the partition that has the fewest.
    replication: i32,
}

/// Those of our topics that there are, and that we may see. Blocks.
fn shapes(client: &Client<impl rdkafka::ClientContext>) -> Result<HashMap<Topic, Shape>, KafkaError> {
    let metadata = client.fetch_metadata(None, ASK)?;
    let count = |count: usize| i32::try_from(count).ok().filter(|count| *count > 0);
    let seen = metadata.topics().iter().filter_map(|topic| {
        let copies = topic.partitions().iter().map(|partition| partition.replicas().len()).min()?;
        let shape = Shape { partitions: count(topic.partitions().len())?, replication: count(copies)? };
        Some((topic.name().parse().ok()?, shape))
    });
    Ok(seen.collect())
}

/// Makes what is missing, unless that is others' work, and says what differs.
pub(super) async fn ensure(settings: &Settings) -> Result<Vec<Difference>, KafkaError> {
    let admin = Arc::new(settings.admin()?);
    let asking = admin.clone();
    let shapes = blocking(move || shapes(asking.inner())).await?;
    let missing: Vec<Topic> =
        Topic::ALL.iter().copied().filter(|topic| !shapes.contains_key(topic)).collect();
    let mut differences = if settings.make_topics {
        make(&admin, &missing, settings).await?
    } else {
        missing.iter().map(|topic| Difference { topic: *topic, differs: Differs::Missing }).collect()
    };
    for (topic, shape) in Topic::ALL.iter().filter_map(|topic| Some((*topic, *shapes.get(topic)?))) {
        differences.extend(shape.differs(settings).map(|differs| Difference { topic, differs }));
    }
    let there: Vec<Topic> = Topic::ALL
        .iter()
        .copied()
        .filter(|topic| !differences.iter().any(|found| found.topic == *topic && found.differs.is_absence()))
        .collect();
    match settings_of(&admin, &there, settings).await {
        Ok(found) => differences.extend(found),
        // Whoever may not ask can use them all the same.
        Err(error) => tracing::debug!(%error, "the topics' settings are not known"),
    }
    Ok(differences)
}

impl Shape {
    /// More than we ask for does as well.
    fn differs(self, settings: &Settings) -> impl Iterator<Item = Differs> {
        let (partitions, replication) = (settings.partitions, settings.replication);
        let fewer = (self.partitions < partitions)
            .then_some(Differs::Partitions { wanted: partitions, found: self.partitions });
        let less = (self.replication < replication)
            .then_some(Differs::Replication { wanted: replication, found: self.replication });
        fewer.into_iter().chain(less)
    }
}

async fn settings_of(
    admin: &AdminClient<DefaultClientContext>,
    topics: &[Topic],
    settings: &Settings,
) -> Result<Vec<Difference>, KafkaError> {
    let resources: Vec<ResourceSpecifier<'_>> =
        topics.iter().map(|topic| ResourceSpecifier::Topic(topic.as_str())).collect();
    let mut differences = Vec::new();
    if resources.is_empty() {
        return Ok(differences);
    }
    let described = admin.describe_configs(&resources, &options()).await?;
    for (topic, config) in topics.iter().zip(described) {
        // One that we may not describe is one that we can use all the same.
        let Ok(config) = config else { continue };
        for (name, wanted) in wanted(*topic, settings) {
            // Of a topic that was made a moment ago the broker may tell nothing yet.
            let Some(found) = config.get(name).and_then(|entry| entry.value.clone()) else { continue };
            if !suffices(*topic, name, &wanted, &found) {
                let differs = Differs::Setting { name, wanted, found };
                differences.push(Difference { topic: *topic, differs });
            }
        }
    }
    Ok(differences)
}

/// Makes these; those that are still missing then.
async fn make(
    admin: &AdminClient<DefaultClientContext>,
    missing: &[Topic],
    settings: &Settings,
) -> Result<Vec<Difference>, KafkaError> {
    let configs: Vec<Config> = missing.iter().map(|topic| (*topic, wanted(*topic, settings))).collect();
    let mut differences = Vec::new();
    for (topic, code) in create(admin, &configs, settings).await? {
        let is_too_large = topic == Topic::Inbound && is_policy(code);
        let mut why = Some(code);
        if is_too_large {
            // A cluster may bound what a topic takes. Then it is made as the others are, and that is told as a difference.
            let mut config = wanted(topic, settings);
            config.retain(|(name, _)| *name != "max.message.bytes");
            config.push(("max.message.bytes", BATCH_BYTES_MAX.to_string()));
            why = create(admin, &[(topic, config)], settings).await?.pop().map(|(_, code)| code);
        }
        let not_made = why.map(|code| Difference { topic, differs: Differs::NotMade(code.to_string()) });
        differences.extend(not_made);
    }
    Ok(differences)
}

/// A topic and the settings that it is made with.
type Config = (Topic, Vec<(&'static str, String)>);

/// Those that were not made, and why. What another process makes at the same moment is made.
async fn create(
    admin: &AdminClient<DefaultClientContext>,
    configs: &[Config],
    settings: &Settings,
) -> Result<Vec<(Topic, RDKafkaErrorCode)>, KafkaError> {
    let topics: Vec<NewTopic<'_>> = configs
        .iter()
        .map(|(topic, config)| {
            let replication = TopicReplication::Fixed(settings.replication);
            let new = NewTopic::new(topic.as_str(), settings.partitions, replication);
            config.iter().fold(new, |new, (name, value)| new.set(name, value))
        })
        .collect();
    if topics.is_empty() {
        return Ok(Vec::new());
    }
    let made = admin.create_topics(&topics, &options()).await?;
    let failed = configs.iter().zip(made).filter_map(|((topic, _), made)| match made {
        Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => None,
        Err((_, code)) => Some((*topic, code)),
    });
    Ok(failed.collect())
}

fn options() -> AdminOptions {
    AdminOptions::new().request_timeout(Some(PATIENCE)).operation_timeout(Some(PATIENCE))
}

fn is_policy(code: RDKafkaErrorCode) -> bool {
    matches!(code, RDKafkaErrorCode::PolicyViolation | RDKafkaErrorCode::InvalidConfig)
}

/// What a topic of ours is made with, and held against.
fn wanted(topic: Topic, settings: &Settings) -> Vec<(&'static str, String)> {
    let largest = if topic == Topic::Inbound { INBOUND_BYTES_MAX } else { BATCH_BYTES_MAX };
    let mut wanted = vec![("max.message.bytes", largest.to_string())];
    if topic == Topic::Checkpoints {
        wanted.push(("cleanup.policy", "compact".to_owned()));
    } else {
        wanted.push(("cleanup.policy", "delete".to_owned()));
        wanted.push(("retention.ms", settings.retention.as_millis().to_string()));
    }
    wanted
}

/// Whether what is there does as well: larger limits do, and longer retention of what is ours alone. What others sent may hold
/// names, and goes when we said that it goes.
fn suffices(topic: Topic, name: &str, wanted: &str, found: &str) -> bool {
    let number = |text: &str| text.parse::<i64>().ok();
    let is_others = matches!(topic, Topic::Inbound | Topic::DeadLetter);
    match (name, number(wanted), number(found)) {
        ("retention.ms", Some(wanted), Some(found)) if is_others => found == wanted,
        ("retention.ms", _, Some(-1)) => true,
        ("retention.ms" | "max.message.bytes", Some(wanted), Some(found)) => found >= wanted,
        _ => wanted == found,
    }
}

//! The topics: made where they are missing, looked at where they are there.

use std::{collections::HashMap, fmt, time::Duration};

use rdkafka::{
    admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication},
    client::{Client, DefaultClientContext},
    error::{KafkaError, RDKafkaErrorCode},
};
use unionflow_protocol::{Language, Topic};

use super::{ASK, Settings};
use crate::VALUE_BYTES_MAX;

mod look;

pub(super) use look::look;

/// The largest record: value, headers and key, in bytes.
pub(super) const RECORD_BYTES_MAX: usize = VALUE_BYTES_MAX + 63 * 1024;
/// What brokers count when they hold a batch against a topic's limit: the largest record in a batch of its own.
const BATCH_BYTES_MAX: usize = RECORD_BYTES_MAX + 1024;
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
    let metadata = client.fetch_metadata(None, ASK)?;
    let counted = metadata.topics().iter().filter_map(|topic| {
        let count = i32::try_from(topic.partitions().len()).ok().filter(|count| *count > 0)?;
        Some((topic.name().parse().ok()?, count))
    });
    Ok(counted.collect())
}

/// Makes what is missing, and says what differs.
pub(super) async fn ensure(settings: &Settings) -> Result<Vec<Difference>, KafkaError> {
    let admin = settings.admin()?;
    let options = AdminOptions::new().request_timeout(Some(PATIENCE)).operation_timeout(Some(PATIENCE));
    let mut differences = make_missing(&admin, &options, settings).await?;
    let resources: Vec<ResourceSpecifier<'_>> =
        Topic::ALL.iter().map(|topic| ResourceSpecifier::Topic(topic.as_str())).collect();
    let described = admin.describe_configs(&resources, &options).await?;
    for (topic, config) in Topic::ALL.iter().zip(described) {
        // One that we may not describe is one that we can use all the same.
        let Ok(config) = config else { continue };
        for (name, wanted) in wanted(*topic, settings) {
            // Of a topic that was made a moment ago the broker may tell nothing yet.
            let Some(found) = config.get(name).and_then(|entry| entry.value.clone()) else { continue };
            if !suffices(name, &wanted, &found) {
                let differs = Differs::Setting { name, wanted, found };
                differences.push(Difference { topic: *topic, differs });
            }
        }
    }
    Ok(differences)
}

async fn make_missing(
    admin: &AdminClient<DefaultClientContext>,
    options: &AdminOptions,
    settings: &Settings,
) -> Result<Vec<Difference>, KafkaError> {
    let configs: Vec<(Topic, Vec<(&'static str, String)>)> =
        Topic::ALL.iter().map(|topic| (*topic, wanted(*topic, settings))).collect();
    let topics: Vec<NewTopic<'_>> = configs
        .iter()
        .map(|(topic, config)| {
            let replication = TopicReplication::Fixed(settings.replication);
            let new = NewTopic::new(topic.as_str(), settings.partitions, replication);
            config.iter().fold(new, |new, (name, value)| new.set(name, value))
        })
        .collect();
    let made = admin.create_topics(&topics, options).await?;
    let mut differences = Vec::new();
    for (topic, result) in Topic::ALL.iter().zip(made) {
        match result {
            Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((_, code)) => {
                differences.push(Difference { topic: *topic, differs: Differs::NotMade(code.to_string()) });
            }
        }
    }
    Ok(differences)
}

/// What a topic of ours is made with, and held against.
fn wanted(topic: Topic, settings: &Settings) -> Vec<(&'static str, String)> {
    let largest = BATCH_BYTES_MAX.to_string();
    let mut wanted = vec![("max.message.bytes", largest)];
    if topic == Topic::Checkpoints {
        wanted.push(("cleanup.policy", "compact".to_owned()));
    } else {
        wanted.push(("cleanup.policy", "delete".to_owned()));
        wanted.push(("retention.ms", settings.retention.as_millis().to_string()));
    }
    wanted
}

/// Whether what is there does as well: larger limits and longer retention do.
fn suffices(name: &str, wanted: &str, found: &str) -> bool {
    let number = |text: &str| text.parse::<i64>().ok();
    match (name, number(wanted), number(found)) {
        ("retention.ms", _, Some(-1)) => true,
        ("retention.ms" | "max.message.bytes", Some(wanted), Some(found)) => found >= wanted,
        _ => wanted == found,
    }
}

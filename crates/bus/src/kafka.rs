//! Apache Kafka: what carries events where there is more than one process.
//!
//! Every subscriber reads all partitions of the five business topics without a group, so that no gateway hides events from
//! another. What is not of this store and epoch, or not signed with its key, is ignored and counted ([`wire`]). The producer
//! is idempotent and waits for all replicas; nothing is held back to make batches larger.
//!
//! **Invariant:** no borrowed message outlives the statement that received it. librdkafka waits for ever for one that is
//! alive when its consumer goes.

use std::{collections::HashMap, future::Future, pin::Pin, sync::Arc, time::Duration};

use rdkafka::{
    error::{KafkaError, RDKafkaErrorCode},
    producer::{FutureRecord, Producer},
};
use tokio::time::Instant;
use unionflow_protocol::{Record, Topic};

use self::brokers::{Brokers, Sender, Watching};
use crate::{Bus, BusFault, Standing, Subscription};

mod brokers;
mod follow;
mod partition;
mod settings;
mod topics;
mod wire;

pub use settings::{Mechanism, Protocol, Sasl, Security, Settings, SettingsFault};
pub use topics::{Difference, Differs};
pub use wire::Identity;

/// How long a question to the brokers may take, other than the sending of records.
const ASK: Duration = Duration::from_secs(5);
/// For how long it is taken for granted how many partitions a topic has.
const PARTITIONS_FOR: Duration = Duration::from_secs(60);

/// A bus on a Kafka cluster. Its brokers need not be there when it is made.
pub struct KafkaBus {
    producer: Sender,
    brokers: Arc<Brokers>,
    settings: Settings,
    identity: Arc<Identity>,
    topics: tokio::sync::Mutex<Known>,
}

/// What is known of the topics.
#[derive(Default)]
struct Known {
    /// Whether those that were missing have been made.
    ensured: bool,
    partitions: HashMap<Topic, i32>,
    until: Option<Instant>,
}

impl KafkaBus {
    /// With these settings. Nothing is contacted yet; settings that cannot be used are told at once.
    pub fn new(settings: Settings, identity: Identity) -> Result<Self, SettingsFault> {
        let brokers = Arc::new(Brokers::default());
        let producer = settings.producer(Watching(brokers.clone()))?;
        // Those of a consumer are looked at too, not only when somebody subscribes.
        drop(settings.consumer()?);
        Ok(Self {
            producer,
            brokers,
            settings,
            identity: Arc::new(identity),
            topics: tokio::sync::Mutex::default(),
        })
    }

    /// Makes topics that are missing and says what differs from what we need. What is there is never altered.
    pub async fn ensure_topics(&self) -> Result<Vec<Difference>, BusFault> {
        let differences = topics::ensure(&self.settings).await?;
        for difference in &differences {
            tracing::warn!("{difference}");
        }
        Ok(differences)
    }

    /// How many partitions each topic has. The first time, what is missing is made.
    async fn partitions(&self) -> Result<HashMap<Topic, i32>, BusFault> {
        let mut known = self.topics.lock().await;
        if known.until.is_some_and(|until| Instant::now() < until) {
            return Ok(known.partitions.clone());
        }
        if !known.ensured {
            self.ensure_topics().await?;
            known.ensured = true;
        }
        let producer = self.producer.clone();
        known.partitions = blocking(move || topics::partitions(producer.client())).await?;
        known.until = Some(Instant::now() + PARTITIONS_FOR);
        Ok(known.partitions.clone())
    }

    /// What was known may be wrong: the next who asks looks again.
    async fn forget_topics(&self) {
        *self.topics.lock().await = Known::default();
    }

    async fn send(&self, records: &[Record]) -> Result<(), BusFault> {
        let partitions = self.partitions().await?;
        let mut acknowledgements = Vec::with_capacity(records.len());
        for record in records {
            let topic = record.topic.as_str();
            let Some(count) = partitions.get(&record.topic) else {
                return Err(BusFault::Unavailable(format!("there is no topic `{topic}`")));
            };
            let key = record.key.to_string();
            let to = FutureRecord::to(topic)
                .partition(partition::of(record.organization_id, *count))
                .key(&key)
                .headers(wire::headers(&self.identity, record))
                .payload(&record.value[..]);
            let sent = self.producer.send_result(to).map_err(|(error, _)| fault(&error, Some(record)))?;
            acknowledgements.push((record, sent));
        }
        for (record, acknowledgement) in acknowledgements {
            match acknowledgement.await {
                Ok(Ok(_)) => {}
                Ok(Err((error, _))) => return Err(fault(&error, Some(record))),
                Err(_) => return Err(BusFault::Unavailable("the producer is gone".to_owned())),
            }
        }
        Ok(())
    }
}

impl Bus for KafkaBus {
    fn publish(
        &self,
        records: Arc<[Record]>,
    ) -> Pin<Box<dyn Future<Output = Result<(), BusFault>> + Send + '_>> {
        Box::pin(async move {
            let sent = self.send(&records).await;
            if sent.is_err() {
                self.forget_topics().await;
            }
            sent
        })
    }

    fn subscribe(&self) -> Pin<Box<dyn Future<Output = Result<Subscription, BusFault>> + Send + '_>> {
        Box::pin(async move {
            self.partitions().await?;
            follow::subscribe(&self.settings, self.identity.clone()).await
        })
    }

    fn standing(&self) -> Standing {
        Standing { name: "kafka", is_local: false, is_up: self.brokers.any_up() }
    }
}

/// librdkafka's questions block: they are asked on a thread where that harms nobody.
async fn blocking<T: Send + 'static>(
    ask: impl FnOnce() -> Result<T, KafkaError> + Send + 'static,
) -> Result<T, BusFault> {
    match tokio::task::spawn_blocking(ask).await {
        Ok(answer) => answer.map_err(|error| fault(&error, None)),
        Err(error) => Err(BusFault::Unavailable(error.to_string())),
    }
}

/// Whether the broker is away, or there and does not take what it was given.
fn fault(error: &KafkaError, record: Option<&Record>) -> BusFault {
    let refused = matches!(
        error.rdkafka_error_code(),
        Some(
            RDKafkaErrorCode::MessageSizeTooLarge
                | RDKafkaErrorCode::MessageBatchTooLarge
                | RDKafkaErrorCode::InvalidRecord
                | RDKafkaErrorCode::PolicyViolation
                | RDKafkaErrorCode::TopicAuthorizationFailed
        )
    );
    match record {
        Some(record) if refused => BusFault::Refused(format!(
            "{error} ({} of organisation {} in `{}`, {} bytes)",
            record.event_type,
            record.organization_id,
            record.topic,
            record.value.len()
        )),
        _ => BusFault::Unavailable(error.to_string()),
    }
}

//! Reading what lies on a topic, from its oldest record to what was newest when it was asked, without a group: whoever looks
//! takes nothing from others, and changes nothing.

use std::{collections::HashMap, sync::Arc, time::Duration};

use backon::{ExponentialBuilder, Retryable};
use rdkafka::{
    Message, Offset, TopicPartitionList,
    consumer::{Consumer, StreamConsumer},
    error::{KafkaError, RDKafkaErrorCode},
    metadata::MetadataTopic,
};
use tokio::time::timeout;
use unionflow_protocol::Topic;

use super::{
    ASK, KafkaOutlet, Settings, SettingsFault,
    apart::Apart,
    blocking,
    brokers::Brokers,
    follow::Watch,
    inbound::received,
    send::{Sender, is_forbidden},
};
use crate::{BusFault, Received};

mod look;

/// How long nothing may come while something is there.
const SILENCE: Duration = Duration::from_secs(10);

/// The pause before it is asked again; five more tries, each pause twice the one before.
const ASK_AGAIN: Duration = Duration::from_millis(200);

type Consuming = Arc<Apart<StreamConsumer<Watch>>>;

/// Reads topics as they lie there.
pub struct KafkaShelf {
    settings: Settings,
    brokers: Arc<Brokers>,
}

/// A partition's oldest record, and the place of the next one to come.
type Bounds = HashMap<i32, (i64, i64)>;

impl KafkaShelf {
    /// With these settings. Nothing is contacted yet.
    pub fn new(settings: Settings) -> Result<Self, SettingsFault> {
        let brokers = Arc::<Brokers>::default();
        drop(Apart::new(settings.reader(brokers.clone())?));
        Ok(Self { settings, brokers })
    }

    /// Takes records that are not events.
    pub fn outlet(&self) -> Result<KafkaOutlet, SettingsFault> {
        Ok(KafkaOutlet::new(Arc::new(Sender::new(self.settings.clone(), self.brokers.clone())?)))
    }

    /// Hands over every record of a topic, one after the other; a fault ends it. Those of one partition come in order.
    pub async fn read(
        &self,
        topic: Topic,
        mut each: impl AsyncFnMut(Received) -> Result<(), BusFault>,
    ) -> Result<(), BusFault> {
        let consumer = self.consumer()?;
        let mut left = self.bounds(&consumer, topic).await?;
        left.retain(|_, (oldest, end)| oldest < end);
        let from: Vec<(i32, i64)> =
            left.iter().map(|(partition, (oldest, _))| (*partition, *oldest)).collect();
        assign(&consumer, topic, &from).map_err(|error| self.brokers.away(&error))?;
        while !left.is_empty() {
            match self.next(&consumer).await? {
                Next::Record(record) => {
                    let Some((_, end)) = left.get(&record.partition) else { continue };
                    let end = *end;
                    if record.offset + 1 >= end {
                        left.remove(&record.partition);
                    }
                    if record.offset < end {
                        each(record).await?;
                    }
                }
                // Its last places hold none: they were compacted away, or end a transaction.
                Next::End(partition) => drop(left.remove(&partition)),
            }
        }
        Ok(())
    }

    /// One record, if it is still there.
    pub async fn one(&self, topic: Topic, partition: i32, offset: i64) -> Result<Option<Received>, BusFault> {
        let consumer = self.consumer()?;
        let bounds = self.bounds(&consumer, topic).await?;
        if !bounds.get(&partition).is_some_and(|(oldest, end)| (*oldest..*end).contains(&offset)) {
            return Ok(None);
        }
        assign(&consumer, topic, &[(partition, offset)]).map_err(|error| self.brokers.away(&error))?;
        Ok(match self.next(&consumer).await? {
            Next::Record(record) if record.offset == offset => Some(record),
            Next::Record(_) | Next::End(_) => None,
        })
    }

    fn consumer(&self) -> Result<Consuming, BusFault> {
        let consumer = self.settings.reader(self.brokers.clone());
        consumer
            .map(|consumer| Arc::new(Apart::new(consumer)))
            .map_err(|fault| BusFault::Unavailable(fault.to_string()))
    }

    async fn bounds(&self, consumer: &Consuming, topic: Topic) -> Result<Bounds, BusFault> {
        let ask = || {
            let consumer = consumer.clone();
            blocking(move || {
                let metadata = consumer.fetch_metadata(Some(topic.as_str()), ASK)?;
                let found = metadata.topics().iter().find(|found| found.name() == topic.as_str());
                // Without the right to see it, it would look as if it were empty.
                if let Some(error) = found.and_then(MetadataTopic::error) {
                    return Err(KafkaError::MetadataFetch(error.into()));
                }
                let mut bounds = Bounds::new();
                for partition in found.into_iter().flat_map(|topic| topic.partitions()) {
                    let (oldest, end) = consumer.fetch_watermarks(topic.as_str(), partition.id(), ASK)?;
                    bounds.insert(partition.id(), (oldest, end));
                }
                Ok(bounds)
            })
        };
        // A partition that was made a moment ago, or is being moved, has no leader for a moment.
        let often = ExponentialBuilder::new().with_min_delay(ASK_AGAIN).with_max_times(5);
        let asked = ask.retry(often).when(|error| !is_missing(error) && !is_forbidden(error));
        match asked.await {
            Ok(bounds) => Ok(bounds),
            // Nothing was ever written to it.
            Err(error) if is_missing(&error) => Ok(Bounds::new()),
            Err(error) => Err(self.brokers.away(&error)),
        }
    }

    async fn next(&self, consumer: &Consuming) -> Result<Next, BusFault> {
        loop {
            let next = timeout(SILENCE, consumer.recv()).await;
            match next {
                Ok(Ok(message)) => match received(&message, None) {
                    Some(record) => return Ok(Next::Record(record)),
                    None => tracing::warn!(
                        partition = message.partition(),
                        "a record of a topic that was not asked for"
                    ),
                },
                Ok(Err(KafkaError::PartitionEOF(partition))) => return Ok(Next::End(partition)),
                Ok(Err(error)) if is_forbidden(&error) => return Err(self.brokers.away(&error)),
                // It goes on by itself where it was, or else falls silent.
                Ok(Err(error)) => tracing::debug!(%error, "reading"),
                Err(_) => {
                    let error = KafkaError::MessageConsumption(RDKafkaErrorCode::OperationTimedOut);
                    return Err(self.brokers.away(&error));
                }
            }
        }
    }
}

enum Next {
    Record(Received),
    End(i32),
}

fn assign(consumer: &Consuming, topic: Topic, from: &[(i32, i64)]) -> Result<(), KafkaError> {
    let mut all = TopicPartitionList::new();
    for (partition, offset) in from {
        all.add_partition_offset(topic.as_str(), *partition, Offset::Offset(*offset))?;
    }
    consumer.assign(&all)
}

fn is_missing(error: &KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic)
    )
}

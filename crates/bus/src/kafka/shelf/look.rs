//! How the topics stand, for whoever looks after them. Makes nothing.

use rdkafka::consumer::Consumer;
use unionflow_protocol::Topic;

use super::KafkaShelf;
use crate::{
    BusFault,
    kafka::{Difference, blocking, topics},
};

impl KafkaShelf {
    /// How many records lie on a topic; none on one that is missing.
    pub async fn count(&self, topic: Topic) -> Result<u64, BusFault> {
        let bounds = self.bounds(&self.consumer()?, topic).await?;
        Ok(bounds.values().map(|(oldest, end)| u64::try_from(end - oldest).unwrap_or(0)).sum())
    }

    /// The topics that are missing, and what differs of the others.
    pub async fn look(&self) -> Result<(Vec<Topic>, Vec<Difference>), BusFault> {
        let consumer = self.consumer()?;
        let there = blocking(move || topics::partitions(consumer.client())).await;
        let there = there.map_err(|error| self.brokers.away(&error))?;
        let (there, missing): (Vec<Topic>, _) =
            Topic::ALL.iter().copied().partition(|topic| there.contains_key(topic));
        let looked = topics::look(&self.settings, &there).await;
        Ok((missing, looked.map_err(|error| self.brokers.away(&error))?))
    }
}

//! How the topics stand, for whoever looks after them. Makes nothing.

use unionflow_protocol::Topic;

use super::KafkaShelf;
use crate::{
    BusFault,
    kafka::{Difference, Differs, Settings, topics},
};

impl KafkaShelf {
    /// How many records lie on a topic; none on one that is missing.
    pub async fn count(&self, topic: Topic) -> Result<u64, BusFault> {
        let bounds = self.bounds(&self.consumer()?, topic).await?;
        Ok(bounds.values().map(|(oldest, end)| u64::try_from(end - oldest).unwrap_or(0)).sum())
    }

    /// The topics that are missing, and what differs of the others.
    pub async fn look(&self) -> Result<(Vec<Topic>, Vec<Difference>), BusFault> {
        let settings = Settings { make_topics: false, ..self.settings.clone() };
        let found = topics::ensure(&settings).await.map_err(|error| self.brokers.away(&error))?;
        let (missing, differences): (Vec<_>, _) =
            found.into_iter().partition(|found| found.differs == Differs::Missing);
        Ok((missing.into_iter().map(|missing| missing.topic).collect(), differences))
    }
}

//! Looks at the brokers every few seconds, so that health tells the truth also of a bus that is idle.

use std::{sync::Arc, time::Duration};

use rdkafka::{error::KafkaError, producer::Producer};
use tokio::time::{MissedTickBehavior, interval};
use unionflow_protocol::Topic;

use super::{ASK, KafkaBus, blocking};
use crate::Bus;

/// How often. With the patience of one question, a broker that hangs is noticed within ten seconds.
const EVERY: Duration = Duration::from_secs(5);

impl KafkaBus {
    /// Looks from now on whether the brokers answer and the topics are there, as long as the bus is held; makes topics that are
    /// missing, unless that is others' work. What becomes of it is told by [`standing`](Bus::standing), and logged.
    pub fn watch(self: &Arc<Self>) {
        let watched = Arc::downgrade(self);
        tokio::spawn(async move {
            let mut tick = interval(EVERY);
            tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let mut told = Told::default();
            loop {
                tick.tick().await;
                let Some(bus) = watched.upgrade() else { return };
                bus.look().await;
                bus.tell(&mut told);
            }
        });
    }

    async fn look(&self) {
        // Asks by itself now and then; what comes of that is noted there.
        let Ok(there) = self.partitions().await else { return };
        // One that is there: asking for one that is not might make it.
        let one = Topic::BUSINESS.iter().find(|topic| there.contains_key(topic)).copied();
        let producer = self.sender.producer();
        let asking = producer.clone();
        let asked = blocking(move || {
            asking.client().fetch_metadata(one.map(Topic::as_str), ASK)?;
            // Without the right to write at all it breaks as soon as it is made.
            match asking.client().fatal_error() {
                Some((code, _)) => Err(KafkaError::MessageProduction(code)),
                None => Ok(()),
            }
        });
        match asked.await {
            Ok(()) => self.sender.brokers().seen.answered(),
            Err(error) => {
                self.sender.replace(&producer);
                self.sender.brokers().seen.unanswered(self.sender.brokers().away(&error).to_string());
            }
        }
    }

    /// Says what has changed.
    fn tell(&self, told: &mut Told) {
        let standing = self.standing();
        let seen = &self.sender.brokers().seen;
        if told.is_up.replace(standing.is_up) != Some(standing.is_up) {
            match seen.why_not_taken(&Topic::BUSINESS) {
                Some(why) => tracing::warn!(why, "Kafka does not take events"),
                None if standing.is_up => tracing::info!("Kafka takes events"),
                None => {}
            }
        }
        // While nothing goes at all, that has been said.
        let stands_still = standing.is_up && standing.takes_in == Some(false);
        let stood_still = std::mem::replace(&mut told.stands_still, stands_still);
        match self.why_not_taken_in() {
            Some(why) if stands_still && !stood_still => {
                tracing::warn!(why, "what other systems send is not taken in");
            }
            None if stood_still => tracing::info!("what other systems send is taken in"),
            Some(_) | None => {}
        }
    }
}

/// What was said last.
#[derive(Default)]
struct Told {
    is_up: Option<bool>,
    stands_still: bool,
}

//! Apache Kafka: what carries events where there is more than one process.
//!
//! Every subscriber reads all partitions of the five business topics without a group, so that no gateway hides events from
//! another. What is not of this store and epoch, or not signed with its key, is ignored and counted (`kafka/wire.rs`). The producer
//! is idempotent and waits for all replicas; nothing is held back to make batches larger.
//!
//! **Invariant:** no borrowed message outlives the statement that received it. librdkafka waits for ever for one that is
//! alive when its consumer goes.

use std::{
    collections::HashMap,
    future::Future,
    pin::Pin,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use rdkafka::{error::KafkaError, producer::Producer};
use tokio::{sync::oneshot, time::Instant};
use unionflow_protocol::{Record, Topic};

use self::{
    apart::Apart,
    send::{NotTaken, Outgoing, Sender},
};
use crate::{Bus, BusFault, Standing, Subscription};

mod apart;
mod brokers;
mod follow;
mod inbound;
mod partition;
mod seen;
mod send;
mod settings;
mod shelf;
mod topics;
mod watch;
mod wire;

pub use inbound::{KafkaInbound, KafkaOutlet};
pub use settings::{Mechanism, Protocol, Sasl, Security, Settings, SettingsFault};
pub use shelf::KafkaShelf;
pub use topics::{Difference, Differs};
pub use wire::Identity;

/// How long a question to the brokers may take, other than the sending of records.
const ASK: Duration = Duration::from_secs(3);
/// How soon it is looked again for a topic that is missing.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// A bus on a Kafka cluster. Its brokers need not be there when it is made.
pub struct KafkaBus {
    sender: Arc<Sender>,
    settings: Settings,
    identity: Arc<Identity>,
    topics: tokio::sync::Mutex<Known>,
    /// What is known of them has shown to be wrong.
    topics_changed: AtomicBool,
    /// Where others' records are taken in from.
    taken_in: OnceLock<Vec<Topic>>,
}

/// What is known of the topics.
#[derive(Default)]
struct Known {
    /// Whether all are there, and what differs was said.
    ensured: bool,
    /// What was said to differ.
    told: Vec<Difference>,
    partitions: HashMap<Topic, i32>,
    until: Option<Instant>,
    /// When it was asked last in vain, and why.
    failed: Option<(Instant, BusFault)>,
}

impl KafkaBus {
    /// With these settings. Nothing is contacted yet; settings that cannot be used are told at once.
    pub fn new(settings: Settings, identity: Identity) -> Result<Self, SettingsFault> {
        let sender = Arc::new(Sender::new(settings.clone(), Arc::default())?);
        // Those of consumers are looked at too, not only when somebody subscribes.
        drop(Apart::new(settings.follower(sender.brokers().clone())?));
        drop(Apart::new(settings.member(sender.brokers().clone())?));
        Ok(Self {
            sender,
            settings,
            identity: Arc::new(identity),
            topics: tokio::sync::Mutex::default(),
            topics_changed: AtomicBool::new(false),
            taken_in: OnceLock::new(),
        })
    }

    /// Makes topics that are missing, unless that is others' work, and says what differs from what we need. What is there is
    /// never altered.
    pub async fn ensure_topics(&self) -> Result<Vec<Difference>, BusFault> {
        let mut known = self.topics.lock().await;
        self.ensure(&mut known).await
    }

    async fn ensure(&self, known: &mut Known) -> Result<Vec<Difference>, BusFault> {
        let asked = topics::ensure(&self.settings).await;
        let differences = asked.map_err(|error| self.sender.brokers().away(&error))?;
        for difference in differences.iter().filter(|difference| !known.told.contains(difference)) {
            tracing::warn!("{difference}");
        }
        known.told.clone_from(&differences);
        Ok(differences)
    }

    /// What others send on these topics, shared among all processes that take it in. Nothing is contacted yet.
    pub fn inbound(&self, topics: &[Topic]) -> Result<KafkaInbound, SettingsFault> {
        let (brokers, identity) = (self.sender.brokers().clone(), self.identity.clone());
        self.taken_in.get_or_init(|| topics.to_vec());
        KafkaInbound::new(self.settings.clone(), brokers, identity, topics)
    }

    /// Takes records that are not events.
    pub fn outlet(&self) -> KafkaOutlet {
        KafkaOutlet::new(self.sender.clone())
    }

    /// How many partitions each topic has. The first time, what is missing is made, unless that is others' work.
    async fn partitions(&self) -> Result<HashMap<Topic, i32>, BusFault> {
        let came = Instant::now();
        let mut known = self.topics.lock().await;
        let changed = self.topics_changed.swap(false, Ordering::Relaxed);
        if !changed && known.until.is_some_and(|until| Instant::now() < until) {
            return Ok(known.partitions.clone());
        }
        // Whoever waited while another asked in vain need not ask once more: waits would add up.
        if let Some((_, fault)) = known.failed.as_ref().filter(|(at, _)| *at >= came) {
            return Err(fault.clone());
        }
        let asked = self.ask_partitions(&mut known).await;
        let seen = &self.sender.brokers().seen;
        match &asked {
            Ok(()) => seen.topics(&known.partitions),
            Err(fault) => {
                seen.unanswered(fault.to_string());
                known.failed = Some((Instant::now(), fault.clone()));
            }
        }
        asked.map(|()| known.partitions.clone())
    }

    async fn ask_partitions(&self, known: &mut Known) -> Result<(), BusFault> {
        if !known.ensured
            && let Err(fault) = self.ensure(known).await
            && self.settings.make_topics
        {
            return Err(fault);
        }
        let producer = self.sender.producer();
        let asking = producer.clone();
        let asked = blocking(move || topics::partitions(asking.client())).await;
        if asked.is_err() {
            self.sender.replace(&producer);
        }
        known.partitions = asked.map_err(|error| self.sender.brokers().away(&error))?;
        let are_there = |topics: &[Topic]| topics.iter().all(|topic| known.partitions.contains_key(topic));
        let (all, business) = (are_there(Topic::ALL), are_there(&Topic::BUSINESS));
        // One that was removed since is made again the next time.
        known.ensured = all;
        let look = self.settings.look_for_partitions;
        known.until = Some(Instant::now() + if business { look } else { look.min(LOOK_AGAIN) });
        Ok(())
    }

    async fn send(&self, records: &[Record]) -> Result<(), BusFault> {
        let partitions = self.partitions().await?;
        let keys: Vec<String> = records.iter().map(|record| record.key.to_string()).collect();
        let mut page = Vec::with_capacity(records.len());
        for (record, key) in records.iter().zip(&keys) {
            let topic = record.topic.as_str();
            let Some(count) = partitions.get(&record.topic) else {
                return Err(BusFault::Unavailable(format!("there is no topic `{topic}`")));
            };
            let (headers, around) = wire::headers(&self.identity, record);
            // Before any of them is sent: what is behind one that is refused must not be taken without it.
            if key.len() + around + record.value.len() > topics::RECORD_BYTES_MAX {
                return Err(refused("it is too large", record));
            }
            page.push(Outgoing {
                topic,
                partition: Some(partition::of(record.organization_id, *count)),
                key: Some(key.as_bytes()),
                headers,
                value: Some(&record.value),
            });
        }
        let sent = self.sender.send(page).await.map_err(|not_taken| self.fault(records, &not_taken));
        if sent.is_ok() {
            for topic in Topic::BUSINESS {
                if records.iter().any(|record| record.topic == topic) {
                    self.sender.brokers().seen.taken(topic);
                }
            }
        }
        sent
    }

    fn fault(&self, records: &[Record], NotTaken { place, error }: &NotTaken) -> BusFault {
        if send::is_of_topics(error) {
            self.topics_changed.store(true, Ordering::Relaxed);
        }
        let first = &records[*place];
        if send::is_refusal(error) {
            // A batch is refused as a whole, for its largest.
            let with_it = records[*place..].iter().filter(|record| record.topic == first.topic);
            let largest = with_it.max_by_key(|record| record.value.len());
            return refused(&error.to_string(), largest.unwrap_or(first));
        }
        self.sender.brokers().not_taken(first.topic, error)
    }

    fn why_not_taken_in(&self) -> Option<String> {
        self.sender.brokers().seen.why_not_taken_in(self.taken_in.get()?)
    }
}

impl Bus for KafkaBus {
    fn publish(
        &self,
        records: Arc<[Record]>,
    ) -> Pin<Box<dyn Future<Output = Result<(), BusFault>> + Send + '_>> {
        Box::pin(async move { self.send(&records).await })
    }

    fn subscribe(&self) -> Pin<Box<dyn Future<Output = Result<Subscription, BusFault>> + Send + '_>> {
        Box::pin(async move {
            self.partitions().await?;
            follow::subscribe(&self.settings, self.sender.brokers().clone(), self.identity.clone()).await
        })
    }

    fn standing(&self) -> Standing {
        let brokers = self.sender.brokers();
        let is_up = brokers.any_up() && brokers.seen.why_not_taken(&Topic::BUSINESS).is_none();
        let takes_in = self.taken_in.get().map(|_| brokers.any_up() && self.why_not_taken_in().is_none());
        Standing { name: "kafka", is_local: false, is_up, takes_in }
    }
}

/// librdkafka's questions block: they are asked on a thread of the system's, because a runtime that ends waits for its own.
async fn blocking<T: Send + 'static>(
    ask: impl FnOnce() -> Result<T, KafkaError> + Send + 'static,
) -> Result<T, KafkaError> {
    let (answer, answered) = oneshot::channel();
    let asking = thread::Builder::new().name("kafka-question".to_owned()).spawn(move || {
        // Whoever asked may have gone.
        let _ = answer.send(ask());
    });
    match asking {
        Ok(_) => answered.await.unwrap_or(Err(KafkaError::Canceled)),
        Err(_) => Err(KafkaError::Canceled),
    }
}

fn refused(why: &str, record: &Record) -> BusFault {
    BusFault::Refused(format!(
        "{why} ({} of organisation {} in `{}`, {} bytes)",
        record.event_type,
        record.organization_id,
        record.topic,
        record.value.len()
    ))
}

//! Handing records to the brokers, in order.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use parking_lot::Mutex;
use rdkafka::{
    error::{KafkaError, RDKafkaErrorCode},
    message::OwnedHeaders,
    producer::{DeliveryFuture, FutureProducer, FutureRecord, Producer},
};
use tokio::time::{Instant, sleep};

use super::{
    Settings, SettingsFault,
    apart::Apart,
    brokers::{Brokers, Watching},
};

/// How long a record may wait for room in the producer's queue.
const FOR_ROOM: Duration = Duration::from_secs(3);
/// How often it is looked for room that others make.
const LOOK_FOR_ROOM: Duration = Duration::from_millis(5);

pub(super) type Producing = FutureProducer<Watching>;

/// An idempotent producer, replaced when it breaks.
pub(super) struct Sender {
    settings: Settings,
    brokers: Arc<Brokers>,
    producer: Mutex<Arc<Apart<Producing>>>,
}

/// A record as the producer takes it.
pub(super) struct Outgoing<'a> {
    pub(super) topic: &'a str,
    /// `None`: by the key.
    pub(super) partition: Option<i32>,
    pub(super) key: Option<&'a [u8]>,
    pub(super) headers: OwnedHeaders,
    pub(super) value: Option<&'a [u8]>,
}

/// The record that was not taken, by its place among those given, and why. Those before it were taken.
#[derive(Debug)]
pub(super) struct NotTaken {
    pub(super) place: usize,
    pub(super) error: KafkaError,
}

impl Sender {
    pub(super) fn new(settings: Settings, brokers: Arc<Brokers>) -> Result<Self, SettingsFault> {
        let producer = Arc::new(Apart::new(settings.producer(brokers.clone())?));
        Ok(Self { settings, brokers, producer: Mutex::new(producer) })
    }

    pub(super) fn producer(&self) -> Arc<Apart<Producing>> {
        self.producer.lock().clone()
    }

    pub(super) fn brokers(&self) -> &Arc<Brokers> {
        &self.brokers
    }

    /// All of them, in order. Done when all are acknowledged.
    pub(super) async fn send(&self, records: Vec<Outgoing<'_>>) -> Result<(), NotTaken> {
        let producer = self.producer();
        let sent = send(&producer, records).await;
        let breaks = |error| !is_refusal(error) && !is_forbidden(error);
        if sent.as_ref().is_err_and(|not_taken| breaks(&not_taken.error))
            || producer.client().fatal_error().is_some()
        {
            self.replace(&producer);
        }
        sent
    }

    /// Another producer takes the place of one that failed. What waits in that one behind a record that was not taken must not
    /// be taken without it, and goes with it. It may have broken for good: by a gap, or because all brokers were fenced for a
    /// moment, after which librdkafka knows of none and never asks again.
    pub(super) fn replace(&self, failed: &Arc<Apart<Producing>>) {
        let mut current = self.producer.lock();
        if !Arc::ptr_eq(&current, failed) {
            return;
        }
        match self.settings.producer(self.brokers.clone()) {
            Ok(another) => *current = Arc::new(Apart::new(another)),
            Err(fault) => tracing::error!(%fault, "no producer can be made"),
        }
    }
}

async fn send(producer: &Producing, records: Vec<Outgoing<'_>>) -> Result<(), NotTaken> {
    let mut waiting = VecDeque::with_capacity(records.len());
    let until = Instant::now() + FOR_ROOM;
    for (place, outgoing) in records.into_iter().enumerate() {
        let mut record = outgoing.into_record();
        loop {
            match producer.send_result(record) {
                Ok(acknowledgement) => {
                    waiting.push_back((place, acknowledgement));
                    break;
                }
                Err((error, back)) if is_full(&error) && Instant::now() < until => {
                    record = back;
                    match waiting.pop_front() {
                        Some((place, acknowledgement)) => acknowledged(place, acknowledgement).await?,
                        None => sleep(LOOK_FOR_ROOM).await,
                    }
                }
                Err((error, _)) => {
                    // What is under way before it is told of first; if no broker is there, that will never be.
                    if is_refusal(&error) {
                        all_acknowledged(waiting).await?;
                        return Err(NotTaken { place, error });
                    }
                    let place = waiting.front().map_or(place, |(place, _)| *place);
                    return Err(NotTaken { place, error });
                }
            }
        }
    }
    all_acknowledged(waiting).await
}

async fn all_acknowledged(waiting: VecDeque<(usize, DeliveryFuture)>) -> Result<(), NotTaken> {
    for (place, acknowledgement) in waiting {
        acknowledged(place, acknowledgement).await?;
    }
    Ok(())
}

async fn acknowledged(place: usize, acknowledgement: DeliveryFuture) -> Result<(), NotTaken> {
    match acknowledgement.await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err((error, _))) => Err(NotTaken { place, error }),
        Err(_) => Err(NotTaken { place, error: KafkaError::Canceled }),
    }
}

impl<'a> Outgoing<'a> {
    fn into_record(self) -> FutureRecord<'a, [u8], [u8]> {
        let mut record = FutureRecord::to(self.topic).headers(self.headers);
        record.partition = self.partition;
        record.key = self.key;
        record.payload = self.value;
        record
    }
}

fn is_full(error: &KafkaError) -> bool {
    matches!(error, KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull))
}

/// Whether the broker is there and does not take this record, now or later: something of it is in the way.
pub(super) fn is_refusal(error: &KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(
            RDKafkaErrorCode::MessageSizeTooLarge
                | RDKafkaErrorCode::MessageBatchTooLarge
                | RDKafkaErrorCode::InvalidRecord
        )
    )
}

/// Whether the broker is there and does not let us, whatever the record.
pub(super) fn is_forbidden(error: &KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(
            RDKafkaErrorCode::TopicAuthorizationFailed
                | RDKafkaErrorCode::GroupAuthorizationFailed
                | RDKafkaErrorCode::PolicyViolation
        )
    )
}

/// Whether a topic or partition is not there, or not any more.
pub(super) fn is_of_topics(error: &KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(
            RDKafkaErrorCode::UnknownTopicOrPartition
                | RDKafkaErrorCode::UnknownTopic
                | RDKafkaErrorCode::UnknownPartition
        )
    )
}

//! Reading all partitions of the business topics, from a little before their end.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use backon::{ExponentialBuilder, Retryable};
use futures_util::FutureExt;
use parking_lot::Mutex;
use rdkafka::{
    ClientContext, Offset, Statistics, TopicPartitionList,
    consumer::{Consumer, ConsumerContext, StreamConsumer},
    error::{KafkaError, RDKafkaErrorCode},
};
use tokio::{
    sync::{Notify, mpsc},
    time::{Instant, interval},
};
use unionflow_protocol::{Record, Topic};

use super::{ASK, Identity, Settings, apart::Apart, blocking, brokers::Brokers, wire};
use crate::{BusFault, Subscription};

/// Records handed over at once.
const BATCH: usize = 500;
/// Batches that wait for whoever subscribed; beyond, the broker keeps them.
const QUEUED: usize = 64;
/// The pause before ends are asked for again; five more tries, each pause twice the one before.
const ASSIGN_AGAIN: Duration = Duration::from_millis(200);

pub(super) type Follower = StreamConsumer<Watch>;

/// Looks at a consumer through what librdkafka says of it every few seconds.
pub(super) struct Watch {
    /// The metric that tells how far it is behind.
    metric: &'static str,
    brokers: Arc<Brokers>,
    /// Reports in a row in which a partition had no leader.
    standing: AtomicU32,
    pub(super) stalled: Notify,
    /// When it was last told that something cannot be read.
    complained: Mutex<Option<Instant>>,
}

/// What cannot be read is told this often at the most: librdkafka asks for it again and again.
const COMPLAIN_EVERY: Duration = Duration::from_secs(60);

/// Reports in a row after which a partition without a leader is given up: librdkafka may not ask again for minutes, long after
/// there is one. Whoever subscribed begins anew then, from a little before the end.
const STALLED_AFTER: u32 = 2;

impl Watch {
    pub(super) fn new(metric: &'static str, brokers: Arc<Brokers>) -> Self {
        let (standing, complained) = (AtomicU32::default(), Mutex::default());
        Self { metric, brokers, standing, stalled: Notify::new(), complained }
    }

    /// Takes note of what librdkafka says instead of a message. It goes on by itself when a broker was away; a batch that
    /// cannot be unpacked it asks for again for ever, and what is behind it is not read.
    pub(super) fn complain(&self, error: &KafkaError) {
        let code = error.rdkafka_error_code();
        let is_unreadable = matches!(
            code,
            Some(
                RDKafkaErrorCode::BadCompression
                    | RDKafkaErrorCode::BadMessage
                    | RDKafkaErrorCode::InvalidMessage
                    | RDKafkaErrorCode::InvalidMessageSize
                    | RDKafkaErrorCode::MessageSizeTooLarge
                    // A compression that this build does not know.
                    | RDKafkaErrorCode::NotImplemented
            )
        );
        if !is_unreadable {
            tracing::debug!(%error, "consuming");
            return;
        }
        metrics::counter!("unionflow_bus_unreadable_total").increment(1);
        let mut last = self.complained.lock();
        if last.is_none_or(|at| at.elapsed() >= COMPLAIN_EVERY) {
            *last = Some(Instant::now());
            tracing::error!(
                %error,
                "a batch of records cannot be unpacked, and what is behind it in its partition is not read: see which partition \
                 lags, and remove its records up to there (kafka-delete-records)"
            );
        }
    }
}

impl ClientContext for Watch {
    fn error(&self, error: KafkaError, reason: &str) {
        self.brokers.complained(&error, reason);
    }

    fn stats(&self, statistics: Statistics) {
        let partitions = || statistics.topics.values().flat_map(|topic| topic.partitions.values());
        // Positions below 0 say that there is none yet.
        let behind = partitions().filter(|partition| partition.hi_offset >= 0 && partition.app_offset >= 0);
        let lag: i64 = behind.map(|partition| (partition.hi_offset - partition.app_offset).max(0)).sum();
        metrics::gauge!(self.metric).set(lag as f64);
        // It knows of no broker any more, after all were fenced for a moment: then it never asks again.
        let is_lost = statistics
            .brokers
            .values()
            .all(|broker| ["internal", "logical"].contains(&broker.source.as_str()));
        let stands = is_lost || partitions().any(|partition| partition.desired && partition.leader < 0);
        let standing = if stands { self.standing.fetch_add(1, Ordering::Relaxed) + 1 } else { 0 };
        self.standing.store(standing, Ordering::Relaxed);
        if standing >= STALLED_AFTER {
            self.stalled.notify_one();
        }
    }
}

impl ConsumerContext for Watch {}

pub(super) async fn subscribe(
    settings: &Settings,
    brokers: Arc<Brokers>,
    identity: Arc<Identity>,
) -> Result<Subscription, BusFault> {
    let consumer =
        settings.follower(brokers.clone()).map_err(|fault| BusFault::Unavailable(fault.to_string()))?;
    let (consumer, warm_up) = (Arc::new(Apart::new(consumer)), settings.warm_up);
    let assign = || {
        let consumer = consumer.clone();
        blocking(move || assign_from_end(&consumer, warm_up))
    };
    // Topics that were made a moment ago have no leader yet.
    let often = ExponentialBuilder::new().with_min_delay(ASSIGN_AGAIN).with_max_times(5);
    assign.retry(often).await.map_err(|error| brokers.away(&error))?;
    let (sender, receiver) = mpsc::channel(QUEUED);
    tokio::spawn(pump(consumer, sender, identity, settings.look_for_partitions));
    Ok(Subscription::new(receiver))
}

/// Ends are asked for before anything is assigned: an end that librdkafka resolves on its own comes too late, and what was
/// published in between would be missed.
fn assign_from_end(consumer: &Follower, warm_up: Duration) -> Result<(), KafkaError> {
    let mut ends = TopicPartitionList::new();
    for (topic, partition) in partitions(consumer)? {
        ends.add_partition_offset(topic.as_str(), partition, Offset::End)?;
    }
    let mut from = consumer.offsets_for_times(ends, ASK)?;
    for element in from.elements() {
        element.error()?;
    }
    if !warm_up.is_zero() {
        let mut times = TopicPartitionList::new();
        let since = Offset::Offset(millis_before_now(warm_up));
        for element in from.elements() {
            times.add_partition_offset(element.topic(), element.partition(), since)?;
        }
        for element in consumer.offsets_for_times(times, ASK)?.elements() {
            // A partition without a record so new keeps its end.
            if let (Ok(()), Offset::Offset(_)) = (element.error(), element.offset()) {
                from.set_partition_offset(element.topic(), element.partition(), element.offset())?;
            }
        }
    }
    consumer.assign(&from)
}

#[expect(clippy::disallowed_methods, reason = "the broker is asked by its time; nothing is decided by it")]
fn millis_before_now(before: Duration) -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.saturating_sub(before).as_millis()).unwrap_or(i64::MAX)
}

/// All partitions that there are of the business topics.
fn partitions(consumer: &Follower) -> Result<HashSet<(Topic, i32)>, KafkaError> {
    let counts = super::topics::partitions(consumer.client())?;
    let business = Topic::BUSINESS.iter().filter_map(|topic| Some((*topic, *counts.get(topic)?)));
    Ok(business.flat_map(|(topic, count)| (0..count).map(move |partition| (topic, partition))).collect())
}

/// Hands on what comes until nobody wants it any more.
async fn pump(
    consumer: Arc<Apart<Follower>>,
    to: mpsc::Sender<Arc<[Record]>>,
    identity: Arc<Identity>,
    look_for_partitions: Duration,
) {
    let mut look = interval(look_for_partitions);
    look.tick().await; // the first comes at once, and they were just looked at
    loop {
        let batch = tokio::select! {
            () = to.closed() => break,
            batch = next_batch(&consumer, &identity) => batch,
            () = consumer.context().stalled.notified() => {
                tracing::warn!("a partition has no leader; all are followed anew");
                break;
            }
            _ = look.tick() => {
                take_up_partitions(&consumer).await;
                continue;
            }
        };
        let Some(batch) = batch else { break };
        if !batch.is_empty() && to.send(batch.into()).await.is_err() {
            break;
        }
        tokio::task::yield_now().await;
    }
}

/// What is there, and at least one message; `None` if the consumer is broken. Cancel-safe: it waits only for the first.
async fn next_batch(consumer: &Follower, identity: &Identity) -> Option<Vec<Record>> {
    let mut batch = Vec::new();
    // Those that are not ours count too: else a flood of them would keep back ours among them.
    let mut looked_at = 0;
    let mut next = consumer.recv().await;
    loop {
        match next {
            Ok(message) => match wire::guarded(|| wire::record(identity, &message))
                .unwrap_or(Err(wire::Ignored::Header))
            {
                Ok(record) => batch.push(record),
                Err(ignored) => {
                    metrics::counter!("unionflow_bus_ignored_total", "reason" => ignored.label())
                        .increment(1);
                }
            },
            Err(error @ KafkaError::MessageConsumptionFatal(_)) => {
                tracing::error!(%error, "the consumer is broken");
                return None;
            }
            // It goes on by itself where it was.
            Err(error) => consumer.context().complain(&error),
        }
        looked_at += 1;
        if looked_at >= BATCH {
            return Some(batch);
        }
        next = match consumer.recv().now_or_never() {
            Some(next) => next,
            None => return Some(batch),
        };
    }
}

/// Partitions that were added are read from their beginning: all of it is new.
async fn take_up_partitions(consumer: &Arc<Apart<Follower>>) {
    let asked = consumer.clone();
    let taken = blocking(move || {
        let assigned: HashSet<(Topic, i32)> = asked
            .assignment()?
            .elements()
            .iter()
            .filter_map(|element| Some((element.topic().parse().ok()?, element.partition())))
            .collect();
        let mut new = TopicPartitionList::new();
        for (topic, partition) in partitions(&asked)?.difference(&assigned) {
            new.add_partition_offset(topic.as_str(), *partition, Offset::Beginning)?;
        }
        if new.count() > 0 {
            asked.incremental_assign(&new)?;
        }
        Ok(new.count())
    });
    match taken.await {
        Ok(0) => {}
        Ok(count) => tracing::info!(count, "new partitions are read"),
        Err(error) => tracing::debug!(%error, "partitions were not looked at"),
    }
}

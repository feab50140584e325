//! Records that are not events of ours: taking in what others send; sending dead letters, replays and signed heads.

use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

use bytes::Bytes;
use rdkafka::{
    Message,
    consumer::{Consumer, StreamConsumer},
    error::KafkaError,
    message::{BorrowedMessage, Header, Headers, OwnedHeaders},
};
use tokio::time::{Instant, sleep, sleep_until};
use unionflow_protocol::Topic;

use super::{
    Identity, Settings, SettingsFault,
    apart::Apart,
    brokers::Brokers,
    follow::Watch,
    send::{NotTaken, Outgoing, Sender, is_forbidden, is_refusal},
    wire,
};
use crate::{BusFault, Inbound, NotAll, Outlet, RawRecord, Received, Sending};

/// The group that shares what others send. The first system's had this name too, so that we go on where it was.
pub(super) const GROUP: &str = "unionflow-websocket-server";
/// The pause before a consumer that broke is replaced.
const AGAIN: Duration = Duration::from_secs(1);

/// How soon it is tried again to read what we were not let read: often enough that health never takes the silence for success.
const READ_ANEW: Duration = Duration::from_secs(5);

pub(super) type Member = StreamConsumer<Watch>;

/// A member of the group.
pub struct KafkaInbound {
    member: Apart<Member>,
    settings: Settings,
    brokers: Arc<Brokers>,
    identity: Arc<Identity>,
    topics: Vec<Topic>,
    /// When it is tried anew after it was not let read: librdkafka says so once, and not when it is let.
    anew: Option<Instant>,
}

impl KafkaInbound {
    pub(super) fn new(
        settings: Settings,
        brokers: Arc<Brokers>,
        identity: Arc<Identity>,
        topics: &[Topic],
    ) -> Result<Self, SettingsFault> {
        let member = member(&settings, &brokers, topics)?;
        Ok(Self { member, settings, brokers, identity, topics: topics.to_vec(), anew: None })
    }

    async fn replace_member(&mut self) {
        sleep(AGAIN).await;
        match member(&self.settings, &self.brokers, &self.topics) {
            Ok(member) => (self.member, self.anew) = (member, None),
            Err(fault) => tracing::error!(%fault, "no consumer can be made"),
        }
    }
}

fn member(
    settings: &Settings,
    brokers: &Arc<Brokers>,
    topics: &[Topic],
) -> Result<Apart<Member>, SettingsFault> {
    let member = Apart::new(settings.member(brokers.clone())?);
    let topics: Vec<&str> = topics.iter().map(|topic| topic.as_str()).collect();
    member.subscribe(&topics).map_err(super::settings::refused)?;
    Ok(member)
}

impl Inbound for KafkaInbound {
    fn next(&mut self) -> Pin<Box<dyn Future<Output = Option<Received>> + Send + '_>> {
        Box::pin(async move {
            loop {
                let next = tokio::select! {
                    message = self.member.recv() => message.map(|message| received(&message, Some(&self.identity))),
                    () = self.member.context().stalled.notified() => {
                        tracing::warn!("a partition is not read any more; the consumer is replaced");
                        self.replace_member().await;
                        continue;
                    }
                    () = sleep_until(self.anew.unwrap_or_else(Instant::now)), if self.anew.is_some() => {
                        self.replace_member().await;
                        continue;
                    }
                };
                match next {
                    Ok(Some(received)) => return Some(received),
                    Ok(None) => tracing::warn!("a record of a topic that was not asked for"),
                    Err(error @ KafkaError::MessageConsumptionFatal(_)) => {
                        tracing::error!(%error, "the consumer is broken and is replaced");
                        self.replace_member().await;
                    }
                    Err(error) if is_forbidden(&error) => {
                        self.brokers.seen.not_read(error.to_string());
                        self.anew.get_or_insert_with(|| Instant::now() + READ_ANEW);
                    }
                    // It goes on by itself where it was.
                    Err(error) => self.member.context().complain(&error),
                }
            }
        })
    }

    fn commit(&mut self, done: &Received) {
        let topic = done.record.topic.as_str();
        // One whose partition has gone to another process comes again there.
        if let Err(error) = self.member.store_offset(topic, done.partition, done.offset) {
            tracing::debug!(%error, topic, done.partition, done.offset, "not noted");
        }
    }
}

/// A message as it came; with an identity, whether it is signed by that is looked at.
pub(super) fn received(message: &BorrowedMessage<'_>, identity: Option<&Identity>) -> Option<Received> {
    let headers = message.headers().and_then(|headers| {
        let value = |header: Header<'_, &[u8]>| Bytes::copy_from_slice(header.value.unwrap_or_default());
        // Without any, whoever judges it finds nothing to go by.
        wire::guarded(|| headers.iter().map(|header| (header.key.to_owned(), value(header))).collect())
    });
    let record = RawRecord {
        topic: message.topic().parse().ok()?,
        key: message.key().map(Bytes::copy_from_slice),
        headers: headers.unwrap_or_default(),
        value: None,
    };
    let is_ours =
        identity.is_some_and(|identity| wire::guarded(|| wire::is_ours(identity, message)).unwrap_or(false));
    Some(Received {
        is_ours,
        ..Received::new(record, message.payload(), message.partition(), message.offset())
    })
}

/// Takes records that are not events, by the bus's own producer.
#[derive(Clone)]
pub struct KafkaOutlet(Arc<Sender>);

impl KafkaOutlet {
    pub(super) const fn new(sender: Arc<Sender>) -> Self {
        Self(sender)
    }
}

impl Outlet for KafkaOutlet {
    fn send(&self, record: RawRecord) -> Sending<'_, BusFault> {
        Box::pin(async move { self.send_all(vec![record]).await.map_err(|not_all| not_all.fault) })
    }

    fn send_all(&self, records: Vec<RawRecord>) -> Sending<'_, NotAll> {
        Box::pin(async move {
            let sent = self.0.send(records.iter().map(outgoing).collect()).await;
            sent.map_err(|NotTaken { place, error }| {
                let record = &records[place];
                let fault = if is_refusal(&error) {
                    let bytes = record.value.as_ref().map_or(0, Bytes::len);
                    BusFault::Refused(format!("{error} (`{}`, {bytes} bytes)", record.topic))
                } else {
                    self.0.brokers().not_taken(record.topic, &error)
                };
                NotAll { taken: place, fault }
            })?;
            if let Some(last) = records.last() {
                self.0.brokers().seen.taken(last.topic);
            }
            Ok(())
        })
    }
}

fn outgoing(record: &RawRecord) -> Outgoing<'_> {
    let headers = OwnedHeaders::new_with_capacity(record.headers.len());
    let headers = record
        .headers
        .iter()
        .fold(headers, |headers, (key, value)| headers.insert(Header { key, value: Some(value.as_ref()) }));
    Outgoing {
        topic: record.topic.as_str(),
        partition: None,
        key: record.key.as_deref(),
        headers,
        value: record.value.as_deref(),
    }
}

//! Dead letters: what could not be taken in, as it came, with the reason and where it lay. Sent back, it keeps the id that it had
//! the first time, so that it is in the journal once, however often it is sent.

use std::str::FromStr;

use sha2::{Digest, Sha256};
use unionflow_bus::{RawRecord, Received};
use unionflow_domain::inbound::{Reason, Rejected};
use unionflow_protocol::{Timestamp, Topic};

/// The header by which a record says its id.
const CE_ID: &str = "ce_id";
const REASON: &str = "reason";
const DETAIL: &str = "detail";
const SOURCE_TOPIC: &str = "source_topic";
const SOURCE_PARTITION: &str = "source_partition";
const SOURCE_OFFSET: &str = "source_offset";
const RECEIVED_AT: &str = "received_at";
/// How many bytes the value had, where it was cut.
const VALUE_BYTES: &str = "value_bytes";
/// Whether headers of the record are missing, or its value is.
const LIGHTENED: &str = "lightened";

/// The headers that a dead letter has of its own, before those of the record.
pub const OWN_HEADERS: [&str; 8] =
    [REASON, DETAIL, SOURCE_TOPIC, SOURCE_PARTITION, SOURCE_OFFSET, RECEIVED_AT, VALUE_BYTES, LIGHTENED];

/// Headers of the record that are kept, in bytes: beyond, a record with a value of the largest size would fit no topic.
const HEADER_BYTES_MAX: usize = 32 * 1024;
/// What a header costs beside its name and value, on the wire and here.
const HEADER_OVERHEAD_BYTES: usize = 32;
/// Bytes of its key that are kept.
const KEY_BYTES_MAX: usize = 4 * 1024;

/// A dead letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// Why, as a code; a later version may know others.
    pub reason: String,
    /// The field and what to do.
    pub detail: String,
    /// Where the record lay.
    pub source: (String, i32, i64),
    /// When it was judged.
    pub received_at: Option<Timestamp>,
    /// How many bytes the value had, where its end is missing.
    pub value_bytes: Option<u64>,
    /// Whether headers of the record are missing, or its value is.
    pub is_lightened: bool,
    /// The record as it came.
    pub original: RawRecord,
}

/// The name of a place that no other record has.
pub(super) fn place(topic: &str, partition: i32, offset: i64) -> String {
    format!("{topic}/{partition}/{offset}")
}

fn header_size(name: &str, value: &[u8]) -> usize {
    name.len() + value.len() + HEADER_OVERHEAD_BYTES
}

/// What a record takes, in bytes.
pub(super) fn size(received: &Received) -> usize {
    let record = &received.record;
    let parts = [&record.key, &record.value].into_iter().flatten().map(|part| part.len());
    parts.chain(record.headers.iter().map(|(name, value)| header_size(name, value))).sum()
}

impl DeadLetter {
    pub(super) fn of(received: &Received, why: &Rejected, now: Timestamp) -> Self {
        let mut original = received.record.clone();
        // One that was a dead letter before is one for another reason now.
        original.headers.retain(|(name, _)| !OWN_HEADERS.contains(&name.as_str()));
        let mut bytes = 0;
        let headers = original.headers.len();
        original.headers.retain(|(name, value)| {
            bytes += header_size(name, value);
            bytes <= HEADER_BYTES_MAX
        });
        let is_lightened = original.headers.len() < headers;
        original.key = original.key.map(|key| key.slice(..key.len().min(KEY_BYTES_MAX)));
        Self {
            reason: why.reason.to_string(),
            detail: why.detail.clone(),
            source: (original.topic.to_string(), received.partition, received.offset),
            received_at: Some(now),
            value_bytes: received.is_cut().then_some(received.value_bytes as u64),
            is_lightened,
            original,
        }
    }

    /// Without all that may be in the way. Where it lies is still told.
    pub(super) fn lighten(&mut self) {
        self.is_lightened = true;
        (self.original.value, self.original.headers) = (None, Vec::new());
    }

    /// As it lies on the topic.
    pub(super) fn record(&self) -> RawRecord {
        let (topic, partition, offset) = &self.source;
        let mut headers: Vec<(String, bytes::Bytes)> = Vec::with_capacity(8 + self.original.headers.len());
        let mut add = |name: &str, value: String| headers.push((name.to_owned(), value.into()));
        add(REASON, self.reason.clone());
        add(DETAIL, self.detail.clone());
        add(SOURCE_TOPIC, topic.clone());
        add(SOURCE_PARTITION, partition.to_string());
        add(SOURCE_OFFSET, offset.to_string());
        if let Some(at) = self.received_at {
            add(RECEIVED_AT, at.to_string());
        }
        if let Some(bytes) = self.value_bytes {
            add(VALUE_BYTES, bytes.to_string());
        }
        if self.is_lightened {
            add(LIGHTENED, "true".to_owned());
        }
        headers.extend(self.original.headers.iter().cloned());
        RawRecord { topic: Topic::DeadLetter, headers, ..self.original.clone() }
    }

    /// Reads one that lies on the topic; `None` if it is none.
    pub fn read(record: &RawRecord) -> Option<Self> {
        let text = |name| record.header(name).map(str::to_owned);
        fn parsed<T: FromStr>(record: &RawRecord, name: &str) -> Option<T> {
            record.header(name)?.parse().ok()
        }
        let mut original = record.clone();
        original.headers.retain(|(name, _)| !OWN_HEADERS.contains(&name.as_str()));
        Some(Self {
            reason: text(REASON)?,
            detail: text(DETAIL).unwrap_or_default(),
            source: (text(SOURCE_TOPIC)?, parsed(record, SOURCE_PARTITION)?, parsed(record, SOURCE_OFFSET)?),
            received_at: parsed(record, RECEIVED_AT),
            value_bytes: parsed(record, VALUE_BYTES),
            is_lightened: text(LIGHTENED).is_some(),
            original,
        })
    }

    /// The reason, if this version knows it.
    pub fn known_reason(&self) -> Option<Reason> {
        self.reason.parse().ok()
    }

    /// The id that the record is known by at its source: its `ce_id`, or the place where it lay first. A record without an id is
    /// heard under its place, so that one that says its place as its id is heard as the same, and only from the same source.
    pub fn id(&self) -> String {
        let (topic, partition, offset) = &self.source;
        self.original.header(CE_ID).map_or_else(|| place(topic, *partition, *offset), str::to_owned)
    }

    /// What no other record has, however often this one came back: records that are alike in all they say, under one id. What
    /// has only its id in common with another may be of another source or organisation.
    pub fn fingerprint(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        let mut add = |part: &[u8]| {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        };
        add(self.id().as_bytes());
        for part in [&self.original.key, &self.original.value] {
            add(&[u8::from(part.is_some())]);
            add(part.as_deref().unwrap_or_default());
        }
        for (name, value) in self.original.headers.iter().filter(|(name, _)| name != CE_ID) {
            add(name.as_bytes());
            add(value);
        }
        hash.finalize().into()
    }

    /// To be taken in once more; `None` if a part of it is missing.
    pub fn replayed(&self) -> Option<RawRecord> {
        if self.value_bytes.is_some() || self.is_lightened {
            return None;
        }
        let mut record = RawRecord { topic: Topic::Inbound, ..self.original.clone() };
        if record.header(CE_ID).is_none() {
            record.headers.push((CE_ID.to_owned(), self.id().into()));
        }
        Some(record)
    }
}

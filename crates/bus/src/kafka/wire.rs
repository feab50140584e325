//! A record on Kafka: CloudEvents attributes as headers, the stored bytes as the value, and a signature over all of it, so
//! that nobody who may write to a topic can forge an event of ours.

use std::panic::{AssertUnwindSafe, catch_unwind};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use rdkafka::{
    Message,
    message::{BorrowedHeaders, BorrowedMessage, Header, Headers, OwnedHeaders},
};
use sha2::Sha256;
use unionflow_protocol::{Position, Record, Seq, id::Epoch};

use crate::VALUE_BYTES_MAX;

/// Whose records these are.
pub struct Identity {
    /// The journal's incarnation: records of another are ignored.
    pub epoch: Epoch,
    /// A key of the store, that signs.
    pub key: Vec<u8>,
}

/// Why a record is not taken for one of ours. Each is a label of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ignored {
    /// It has no headers of ours: another system's, perhaps.
    Foreign,
    /// Of another incarnation of the journal.
    Epoch,
    /// A header cannot be read.
    Header,
    /// Not signed, or not with our key.
    Signature,
}

impl Ignored {
    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::Foreign => "foreign",
            Self::Epoch => "epoch",
            Self::Header => "header",
            Self::Signature => "signature",
        }
    }
}

const ASOF: &str = "ce_asof";
const AUDIENCE: &str = "ce_audience";
const EPOCH: &str = "ce_epoch";
const ID: &str = "ce_id";
const MAC: &str = "ce_mac";
const ORGANIZATION: &str = "ce_organizationid";
const ORIGIN: &str = "ce_origin";
const SEQUENCE: &str = "ce_sequence";
const TIME: &str = "ce_time";
const TRACE: &str = "traceparent";
const TYPE: &str = "ce_type";

/// The most that lengths take of a header, in bytes.
const AROUND_HEADER: usize = 10;

/// What stands before all that is signed: a signature for something else is none for a record.
const SIGNED: &[u8] = b"unionflow.record.v1";

/// The headers of a record, signed, and how many bytes they take.
pub(super) fn headers(identity: &Identity, record: &Record) -> (OwnedHeaders, usize) {
    let routing = Routing::of(identity, record);
    let (mut headers, mut bytes) = (OwnedHeaders::new_with_capacity(14), 0);
    let mut add = |key: &str, value: &str| {
        bytes += key.len() + value.len() + AROUND_HEADER;
        headers = std::mem::take(&mut headers).insert(Header { key, value: Some(value) });
    };
    add("ce_specversion", "1.0");
    add("ce_source", "unionflow");
    add("content-type", "application/json");
    for (name, value) in &routing.headers {
        add(name, value);
    }
    add(MAC, &URL_SAFE_NO_PAD.encode(routing.signed(identity, record).finalize().into_bytes()));
    (headers, bytes)
}

/// What routes a record, in the order in which it is signed.
struct Routing {
    headers: Vec<(&'static str, String)>,
}

impl Routing {
    fn of(identity: &Identity, record: &Record) -> Self {
        let position = match record.position {
            Position::Fact(seq) => (SEQUENCE, seq.0.to_string()),
            Position::State { as_of_seq, as_of_date } => (ASOF, format!("{}@{as_of_date}", as_of_seq.0)),
        };
        let mut headers = vec![
            (ID, record.event_id.to_string()),
            (TYPE, record.event_type.to_string()),
            (TIME, record.timestamp.to_string()),
            (ORGANIZATION, record.organization_id.to_string()),
            position,
            (EPOCH, identity.epoch.to_string()),
            (AUDIENCE, record.audience.to_string()),
        ];
        if record.inbound {
            headers.push((ORIGIN, "inbound".to_owned()));
        }
        if let Some(trace) = &record.trace_parent {
            headers.push((TRACE, trace.clone()));
        }
        Self { headers }
    }

    /// Every part with its length before it, so that nothing can move from one to the next.
    fn signed(&self, identity: &Identity, record: &Record) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&identity.key).expect("a key of any length");
        let mut part = |bytes: &[u8]| {
            mac.update(&(bytes.len() as u64).to_be_bytes());
            mac.update(bytes);
        };
        part(SIGNED);
        part(record.topic.as_str().as_bytes());
        part(record.key.to_string().as_bytes());
        for (name, value) in &self.headers {
            part(name.as_bytes());
            part(value.as_bytes());
        }
        part(&record.value);
        mac
    }
}

/// The record in a message, if it is one of ours.
pub(super) fn record(identity: &Identity, message: &BorrowedMessage<'_>) -> Result<Record, Ignored> {
    let headers = message.headers().filter(|headers| header(headers, MAC).is_some());
    let headers = headers.ok_or(Ignored::Foreign)?;
    let value = message.payload().unwrap_or_default();
    // Not copied: a small batch can be made to hold hundreds of megabytes.
    if value.len() > VALUE_BYTES_MAX {
        return Err(Ignored::Foreign);
    }
    let need = |name| header(headers, name).ok_or(Ignored::Header);
    if need(EPOCH)? != identity.epoch.to_string() {
        return Err(Ignored::Epoch);
    }
    let key = message.key().and_then(|key| std::str::from_utf8(key).ok()).ok_or(Ignored::Header)?;
    let record = Record {
        organization_id: parsed(need(ORGANIZATION)?)?,
        position: position(headers)?,
        event_id: parsed(need(ID)?)?,
        event_type: need(TYPE)?.to_owned().into(),
        topic: parsed(message.topic())?,
        audience: parsed(need(AUDIENCE)?)?,
        key: parsed(key)?,
        timestamp: parsed(need(TIME)?)?,
        trace_parent: header(headers, TRACE).map(str::to_owned),
        inbound: header(headers, ORIGIN) == Some("inbound"),
        value: Bytes::copy_from_slice(value),
    };
    // What was read is what must have been signed, so nothing else can come out.
    let signature = URL_SAFE_NO_PAD.decode(need(MAC)?).map_err(|_| Ignored::Signature)?;
    let expected = Routing::of(identity, &record).signed(identity, &record);
    expected.verify_slice(&signature).map_err(|_| Ignored::Signature)?;
    Ok(record)
}

/// Whether a message was signed with our key, in this epoch or another: a journal that was set back has signed what lies there
/// still.
pub(super) fn is_ours(identity: &Identity, message: &BorrowedMessage<'_>) -> bool {
    let epoch = message.headers().and_then(|headers| header(headers, EPOCH)?.parse().ok());
    let then = epoch.map(|epoch| Identity { epoch, key: identity.key.clone() });
    then.is_some_and(|then| record(&then, message).is_ok())
}

/// What is read of a message, unless reading it panics: rdkafka does at a header whose name is not UTF-8, and whoever may write
/// to a topic could end every reader of it with one.
pub(super) fn guarded<T>(read: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(read)).ok()
}

fn position(headers: &BorrowedHeaders) -> Result<Position, Ignored> {
    if let Some(seq) = header(headers, SEQUENCE) {
        return Ok(Position::Fact(Seq(parsed(seq)?)));
    }
    let (seq, date) = header(headers, ASOF).and_then(|text| text.split_once('@')).ok_or(Ignored::Header)?;
    Ok(Position::State { as_of_seq: Seq(parsed(seq)?), as_of_date: parsed(date)? })
}

fn header<'a>(headers: &'a BorrowedHeaders, name: &str) -> Option<&'a str> {
    let found = headers.iter().find(|header| header.key == name)?;
    std::str::from_utf8(found.value?).ok()
}

fn parsed<T: std::str::FromStr>(text: &str) -> Result<T, Ignored> {
    text.parse().map_err(|_| Ignored::Header)
}

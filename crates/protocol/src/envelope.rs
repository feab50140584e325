//! The envelope: an event with who, when, where and its place.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{
    event::Event,
    id::{AggregateId, EventId, MemberId, OrganizationId, ServiceKeyId},
    origin::Origin,
    record::Position,
    seq::Seq,
    time::{Date, Timestamp},
};

/// An event and everything around it. Encoded once, when it is journaled; those bytes are stored, hashed, sent to Kafka
/// and written to sockets.
#[derive(Debug, Clone, PartialEq)]
pub struct Envelope {
    /// Everything but type and data.
    pub head: EnvelopeHead,
    /// Type and data.
    pub event: Event,
}

/// Everything of an envelope but type and data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvelopeHead {
    /// The event.
    pub event_id: EventId,
    /// The organisation.
    pub organization_id: OrganizationId,
    /// `seq` of a fact; `asOfSeq` and `asOfDate` of a state.
    pub position: Position,
    /// When it was recorded, by the store's clock.
    pub timestamp: Timestamp,
    /// What it is about.
    pub aggregate_id: AggregateId,
    /// Which version of that this event made; null for states and foreign facts.
    pub aggregate_version: Option<u64>,
    /// The member who caused it; null for schedule, inbound, operator and service key.
    pub actor_id: Option<MemberId>,
    /// The service key that caused it.
    pub service_key_id: Option<ServiceKeyId>,
    /// What caused it.
    pub origin: Origin,
    /// The event that caused this one.
    pub causation_id: Option<EventId>,
}

/// Bytes that are not an envelope.
#[derive(Debug, thiserror::Error)]
#[error("not an envelope: {0}")]
pub struct NotAnEnvelope(#[from] serde_json::Error);

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Written<'a> {
    event_id: EventId,
    event_type: &'a str,
    organization_id: OrganizationId,
    #[serde(skip_serializing_if = "Option::is_none")]
    seq: Option<Seq>,
    #[serde(skip_serializing_if = "Option::is_none")]
    as_of_seq: Option<Seq>,
    #[serde(skip_serializing_if = "Option::is_none")]
    as_of_date: Option<Date>,
    timestamp: Timestamp,
    aggregate_id: AggregateId,
    aggregate_version: Option<u64>,
    actor_id: Option<MemberId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_key_id: Option<ServiceKeyId>,
    origin: Origin,
    causation_id: Option<EventId>,
    data: &'a Event,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Read<'a> {
    event_id: EventId,
    event_type: String,
    organization_id: OrganizationId,
    seq: Option<Seq>,
    as_of_seq: Option<Seq>,
    as_of_date: Option<Date>,
    timestamp: Timestamp,
    aggregate_id: AggregateId,
    aggregate_version: Option<u64>,
    actor_id: Option<MemberId>,
    service_key_id: Option<ServiceKeyId>,
    origin: Origin,
    causation_id: Option<EventId>,
    #[serde(borrow)]
    data: &'a RawValue,
}

impl Envelope {
    /// The bytes that are stored and sent.
    pub fn encode(&self) -> Bytes {
        let head = &self.head;
        let (seq, as_of_seq, as_of_date) = match head.position {
            Position::Fact(seq) => (Some(seq), None, None),
            Position::State { as_of_seq, as_of_date } => (None, Some(as_of_seq), Some(as_of_date)),
        };
        let written = Written {
            event_id: head.event_id,
            event_type: self.event.type_name(),
            organization_id: head.organization_id,
            seq,
            as_of_seq,
            as_of_date,
            timestamp: head.timestamp,
            aggregate_id: head.aggregate_id,
            aggregate_version: head.aggregate_version,
            actor_id: head.actor_id,
            service_key_id: head.service_key_id,
            origin: head.origin,
            causation_id: head.causation_id,
            data: &self.event,
        };
        let mut bytes = Vec::with_capacity(768);
        serde_json::to_writer(&mut bytes, &written).expect("an event holds only strings, integers and lists");
        bytes.into()
    }

    /// Reads an envelope of this or any later version: unknown keys and types are tolerated.
    pub fn decode(bytes: &[u8]) -> Result<Self, NotAnEnvelope> {
        let read: Read<'_> = serde_json::from_slice(bytes)?;
        let position = match (read.seq, read.as_of_seq, read.as_of_date) {
            (Some(seq), None, _) => Position::Fact(seq),
            (None, Some(as_of_seq), Some(as_of_date)) => Position::State { as_of_seq, as_of_date },
            _ => {
                let missing = "either `seq`, or `asOfSeq` and `asOfDate`, must be there";
                return Err(<serde_json::Error as serde::de::Error>::custom(missing).into());
            }
        };
        let event = Event::decode(&read.event_type, read.data);
        let head = EnvelopeHead {
            event_id: read.event_id,
            organization_id: read.organization_id,
            position,
            timestamp: read.timestamp,
            aggregate_id: read.aggregate_id,
            aggregate_version: read.aggregate_version,
            actor_id: read.actor_id,
            service_key_id: read.service_key_id,
            origin: read.origin,
            causation_id: read.causation_id,
        };
        Ok(Self { head, event })
    }
}

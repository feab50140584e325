//! Facts of other systems, sent with a service key.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::AsOf;
#[cfg(feature = "schema")]
use crate::limits;
use crate::{
    event::EventType,
    id::{EventId, OrganizationId},
    seq::Seq,
};

/// `POST /organizations/{id}/events`: an envelope, or the first system's plain event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SendEvent {
    /// Its id with you, the same each time you send it: a UUID is kept as it is, another text is mapped to one. Without it,
    /// `Idempotency-Key` stands for it.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = limits::FOREIGN_ID_BYTES)))]
    pub event_id: Option<String>,
    /// What happened: a fact of the catalogue, which one of the key's scopes names.
    pub event_type: EventType,
    /// Where; may be left out, and is the one of the address.
    pub organization_id: Option<OrganizationId>,
    /// What it is about. Without it, the id in the data (`paymentId`, `id` …), else the event itself.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = limits::FOREIGN_ID_BYTES)))]
    pub aggregate_id: Option<String>,
    /// When, with you. Not taken: the event's `timestamp` says when it was journaled.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = limits::FOREIGN_TIMESTAMP_BYTES)))]
    pub timestamp: Option<String>,
    /// What of it the catalogue has words for is kept.
    pub data: Map<String, Value>,
}

/// The answer: where the event is in the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct SentEvent {
    /// Its id with us.
    pub event_id: EventId,
    /// Its place.
    pub seq: Seq,
    /// What the answer is exact as of.
    #[serde(flatten)]
    pub as_of: AsOf,
}

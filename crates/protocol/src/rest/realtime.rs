//! The way to the WebSocket.

use serde::{Deserialize, Serialize};

use super::{AsOf, auth::Secret};
use crate::id::{EventId, OrganizationId};

/// `POST /realtime/tickets`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Ticket {
    /// Give it as `ticket=` within 30 seconds; it works once.
    pub ticket: Secret,
    /// Seconds that it lives.
    pub expires_in: u32,
}

/// `POST /realtime/test-events`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SendTestEvent {
    /// Where.
    pub organization_id: OrganizationId,
}

/// The answer: the event that your own sessions see now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct TestEvent {
    /// Its id.
    pub event_id: EventId,
    /// Its place.
    #[serde(flatten)]
    pub as_of: AsOf,
}

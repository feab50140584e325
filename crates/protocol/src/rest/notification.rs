//! The inbox.

use serde::{Deserialize, Serialize};

use super::AsOf;
#[cfg(feature = "schema")]
use crate::limits;
use crate::{
    event::EventType,
    id::{AggregateId, NotificationId, OrganizationId},
    notification::{NotificationKind, Severity},
    role::RoleSet,
    seq::Seq,
    time::Timestamp,
};

/// `POST /notifications/read`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReadNotifications {
    /// Where.
    pub organization_id: OrganizationId,
    /// Everything up to this `seq` is read.
    pub up_to: Seq,
}

/// `POST /notifications/broadcast`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Broadcast {
    /// Where.
    pub organization_id: OrganizationId,
    /// What to say, 3 to 2,000 characters.
    #[cfg_attr(feature = "schema", schemars(length(min = *limits::BROADCAST_CHARS.start(), max = *limits::BROADCAST_CHARS.end())))]
    pub message: String,
    /// To whom; left out = every active member.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roles: Option<RoleSet>,
    /// How loud; left out = `INFO`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
}

/// Something in your inbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Notification {
    /// Its id.
    pub id: NotificationId,
    /// Its place in the journal.
    pub seq: Seq,
    /// When.
    pub at: Timestamp,
    /// What it says; the words are made where it is read.
    pub kind: NotificationKind,
    /// How loud.
    pub severity: Severity,
    /// The type of the event that caused it.
    pub cause_type: Option<EventType>,
    /// What that event was about.
    pub cause_id: Option<AggregateId>,
    /// The words of an announcement; null for others, and once erased.
    pub message: Option<String>,
    /// Whether you have read it.
    pub read: bool,
}

/// An announcement that was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Announced {
    /// As it stands in the inbox of those it is for.
    #[serde(flatten)]
    pub notification: Notification,
    /// What this is exact as of.
    #[serde(flatten)]
    pub as_of: AsOf,
}

/// `GET /notifications`: newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Inbox {
    /// The items.
    pub items: Vec<Notification>,
    /// Give it as `after` to get older ones; null at the end.
    pub next_cursor: Option<String>,
    /// Everything up to this `seq` is read.
    pub read_up_to: Seq,
    /// How many are not.
    pub unread: u32,
    /// What this is exact as of.
    #[serde(flatten)]
    pub as_of: AsOf,
}

/// The answer to `read`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ReadMark {
    /// Everything up to this `seq` is read.
    pub read_up_to: Seq,
    /// How many are not.
    pub unread: u32,
    /// What this is exact as of.
    #[serde(flatten)]
    pub as_of: AsOf,
}

//! `unionflow.notifications.user`: the inbox.

use serde::{Deserialize, Serialize};

use crate::{
    event::EventType,
    id::{AggregateId, NotificationId},
    notification::{NotificationKind, Severity},
    seq::Seq,
};

/// Something for the persons in its audience. Its words are made where it is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct UserNotification {
    /// The notification.
    pub notification_id: NotificationId,
    /// What it says.
    pub kind: NotificationKind,
    /// The type of the event that caused it; null for a test.
    pub cause_type: Option<EventType>,
    /// What that event was about.
    pub cause_id: Option<AggregateId>,
    /// How loud.
    pub severity: Severity,
}

/// Words of an officer; they are fetched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct BroadcastNotification {
    /// The notification.
    pub notification_id: NotificationId,
    /// Always `ANNOUNCEMENT`.
    pub kind: NotificationKind,
    /// How loud.
    pub severity: Severity,
}

/// You have read up to here, on whichever device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct NotificationRead {
    /// All notifications up to this `seq` are read.
    pub read_up_to: Seq,
    /// How many are not.
    pub unread: u32,
}

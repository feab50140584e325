//! What the server says about the session itself. Same shape as an event, so that a client that knows only `eventType`
//! and `data` keeps working.

use std::borrow::Cow;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{
    id::{Epoch, MemberId, OrganizationId, SessionId},
    macros::codes,
    problem::ErrorCode,
    role::RoleSet,
    seq::Seq,
    time::Timestamp,
};

/// A control frame.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ControlFrame {
    /// Type and data.
    #[serde(flatten)]
    pub control: Control,
    /// The organisation the session follows; left out before there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organization_id: Option<OrganizationId>,
    /// When it was sent.
    pub timestamp: Timestamp,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Read<'a> {
    #[serde(borrow)]
    event_type: Cow<'a, str>,
    organization_id: Option<OrganizationId>,
    timestamp: Timestamp,
    #[serde(borrow)]
    data: &'a RawValue,
}

/// The kinds of control frame.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "eventType", content = "data")]
pub enum Control {
    /// First frame, and after a `switch`.
    #[serde(rename = "SYSTEM_WELCOME")]
    Welcome(Welcome),
    /// Exactly one after each welcome: the replay is complete, live from here.
    #[serde(rename = "SYSTEM_CAUGHT_UP")]
    CaughtUp(CaughtUp),
    /// Answer to a ping and to `authenticate`.
    #[serde(rename = "SYSTEM_PONG")]
    Pong(Pong),
    /// The session sees by other roles from here on.
    #[serde(rename = "SYSTEM_RIGHTS_CHANGED")]
    RightsChanged(RightsChanged),
    /// The cursor cannot be resumed from: fetch snapshots, then go on from `headSeq`, live already.
    #[serde(rename = "SYSTEM_RESYNC_REQUIRED")]
    ResyncRequired(ResyncRequired),
    /// The server is about to stop: finish, then reconnect after the delay.
    #[serde(rename = "SYSTEM_GO_AWAY")]
    GoAway(GoAway),
    /// A client frame was refused.
    #[serde(rename = "SYSTEM_ERROR")]
    Error(ErrorFrame),
}

/// `SYSTEM_WELCOME`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Welcome {
    /// This session.
    pub session_id: SessionId,
    /// The organisation it follows.
    pub organization_id: OrganizationId,
    /// The incarnation of the journal; kept beside the cursor.
    pub epoch: Epoch,
    /// The newest event when the session began.
    pub head_seq: Seq,
    /// The cursor that the replay starts after; null = live from now, or a resync.
    pub resumed_from: Option<Seq>,
    /// How often to ping.
    pub heartbeat_seconds: u32,
    /// The member this person is here.
    pub member_id: MemberId,
    /// The roles held.
    pub roles: RoleSet,
    /// The newest `DASHBOARD_STATS_UPDATE` of the session's view, as a whole envelope; null before there is one.
    #[cfg_attr(feature = "schema", schemars(with = "Option<serde_json::Value>"))]
    pub stats: Option<Box<RawValue>>,
}

/// `SYSTEM_CAUGHT_UP`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CaughtUp {
    /// The client is complete up to here.
    pub seq: Seq,
}

/// `SYSTEM_PONG`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Pong {
    /// Every event up to here that this session may see has been sent before this frame.
    pub seq: Seq,
}

/// `SYSTEM_RIGHTS_CHANGED`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RightsChanged {
    /// The roles from now on.
    pub roles: RoleSet,
    /// From this event on the session sees by these roles.
    pub seq: Seq,
}

codes! {
    /// Why a cursor cannot be resumed from.
    pub enum ResyncReason {
        /// It is of another incarnation of the journal, or names none.
        OtherEpoch = "OTHER_EPOCH",
        /// It lies beyond the newest event.
        BeyondHead = "BEYOND_HEAD",
        /// More than 10,000 events behind.
        TooFarBehind = "TOO_FAR_BEHIND",
    }
}

/// `SYSTEM_RESYNC_REQUIRED`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ResyncRequired {
    /// Go on from here.
    pub head_seq: Seq,
    /// The epoch of `headSeq`.
    pub epoch: Epoch,
    /// Why.
    pub reason: ResyncReason,
}

codes! {
    /// Why the server sends its clients away.
    pub enum GoAwayReason {
        /// It is restarting.
        Restarting = "RESTARTING",
    }
}

/// `SYSTEM_GO_AWAY`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct GoAway {
    /// Reconnect after so long; every client is given another delay.
    pub retry_after_ms: u32,
    /// Why.
    pub reason: GoAwayReason,
}

/// `SYSTEM_ERROR`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ErrorFrame {
    /// The stable code.
    pub code: ErrorCode,
    /// What is wrong, for developers.
    pub detail: String,
    /// The organisations to choose from, with `ORGANIZATION_REQUIRED`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<OrganizationChoice>,
}

/// An organisation the person belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct OrganizationChoice {
    /// Its id.
    pub organization_id: OrganizationId,
    /// Its name.
    pub name: String,
}

impl ControlFrame {
    /// The bytes of the frame's payload.
    pub fn encode(&self) -> Bytes {
        serde_json::to_vec(self).expect("a control frame holds only strings, integers and lists").into()
    }

    /// Reads a control frame of this or any later version: unknown keys are tolerated. `None` for an event, and for a kind
    /// or a shape that this version does not know: a reader passes over those.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let read: Read<'_> = serde_json::from_slice(bytes).ok()?;
        let data = read.data.get();
        let control = match &*read.event_type {
            "SYSTEM_WELCOME" => serde_json::from_str(data).map(Control::Welcome),
            "SYSTEM_CAUGHT_UP" => serde_json::from_str(data).map(Control::CaughtUp),
            "SYSTEM_PONG" => serde_json::from_str(data).map(Control::Pong),
            "SYSTEM_RIGHTS_CHANGED" => serde_json::from_str(data).map(Control::RightsChanged),
            "SYSTEM_RESYNC_REQUIRED" => serde_json::from_str(data).map(Control::ResyncRequired),
            "SYSTEM_GO_AWAY" => serde_json::from_str(data).map(Control::GoAway),
            "SYSTEM_ERROR" => serde_json::from_str(data).map(Control::Error),
            _ => return None,
        };
        Some(Self {
            control: control.ok()?,
            organization_id: read.organization_id,
            timestamp: read.timestamp,
        })
    }
}

//! What a client is told, in order.

use std::sync::Arc;

use unionflow_protocol::{
    RoleSet, Seq,
    frame::ResyncReason,
    id::{Epoch, MemberId, OrganizationId},
};

use crate::{error::ClientError, event::Delivery, rights::Forget};

/// What a client is told, in the order in which it holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Message {
    /// A session has begun, or has moved to another organisation.
    Joined(Joined),
    /// Something happened. Each fact once, in `seq` order; of figures, the newest.
    Event(Arc<Delivery>),
    /// The session sees by other roles from here on.
    RightsChanged(RightsChanged),
    /// What is held must be fetched anew.
    ResyncRequired(Resync),
    /// Snapshots were fetched: complete again, and live.
    Resynced {
        /// What they are exact as of.
        as_of: Seq,
    },
    /// Everything up to here has been told: live from now on.
    CaughtUp {
        /// Complete up to here.
        seq: Seq,
    },
    /// Whoever reads these messages was too slow: this many were not told. Fetch snapshots, then go on.
    FellBehind {
        /// How many messages were left out.
        missed: u64,
    },
    /// Something was wrong and the session goes on.
    Problem(ClientError),
}

/// A session has begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Joined {
    /// Where.
    pub organization_id: OrganizationId,
    /// Who the person is there.
    pub member_id: MemberId,
    /// The roles held.
    pub roles: RoleSet,
    /// The journal's incarnation.
    pub epoch: Epoch,
    /// The newest event when it began.
    pub head_seq: Seq,
    /// The cursor that it goes on after; `None` = live from now, or a resync.
    pub resumed_from: Option<Seq>,
}

/// The session sees by other roles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RightsChanged {
    /// The roles from now on.
    pub roles: RoleSet,
    /// From this event on.
    pub seq: Seq,
    /// What may no longer be held. What may be seen newly is to be fetched.
    pub forget: Forget,
}

/// What is held must be fetched anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resync {
    /// Where.
    pub organization_id: OrganizationId,
    /// The journal's incarnation.
    pub epoch: Epoch,
    /// Snapshots must be exact as of this event or a later one.
    pub head_seq: Seq,
    /// Why.
    pub cause: ResyncCause,
}

/// Why what is held must be fetched anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResyncCause {
    /// The server cannot go on from the cursor.
    Server(ResyncReason),
    /// The cursor belongs to another member.
    OtherMember,
    /// More came while snapshots were fetched than is held back.
    HeldTooMuch,
}

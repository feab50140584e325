//! Ids: UUIDs (version 7 where we make them), one type per kind of thing.

use crate::macros::ids;

ids! {
    /// An association, mutual or union: the unit of isolation, order and locking.
    OrganizationId;
    /// A human being who signs in. Never in events: it would link organisations.
    PersonId;
    /// A membership of one person (or of somebody without an account) in one organisation.
    MemberId;
    /// A request that others must approve.
    ApprovalId;
    /// A ledger account.
    AccountId;
    /// A posted, balanced ledger entry.
    EntryId;
    /// An event; what readers deduplicate by when they have no `seq`.
    EventId;
    /// A notification, to a person, a set of roles or everyone.
    NotificationId;
    /// An import.
    BatchId;
    /// A contribution plan.
    PlanId;
    /// What a member owes for one period.
    DueId;
    /// A payment of contributions.
    PaymentId;
    /// A key for another system.
    ServiceKeyId;
    /// A signed-in device: what refresh tokens belong to and what "end my sessions" ends.
    SignInId;
    /// One conversation on one WebSocket.
    SessionId;
    /// One incarnation of the journal: minted at creation and by `restore`.
    Epoch;
    /// Any aggregate: what an event is about, and the key of its Kafka record.
    AggregateId;
}

macro_rules! aggregates {
    ($($name:ident),+) => {$(
        impl From<$name> for AggregateId {
            fn from(id: $name) -> Self { Self::from_uuid(id.uuid()) }
        }
    )+};
}

aggregates!(
    OrganizationId,
    PersonId,
    MemberId,
    ApprovalId,
    AccountId,
    EntryId,
    NotificationId,
    BatchId,
    PlanId,
    DueId,
    PaymentId,
    ServiceKeyId
);

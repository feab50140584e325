//! The catalogue of events: every fact and every state that UnionFlow writes, those of contributions reserved for the versions
//! that bring them.
//!
//! `data` holds ids, amounts (integers, one `currency` beside them), codes, dates and counts. **No names, phones,
//! e-mails or free text**: those are rows of their own, which can be erased. It holds enough that a reader can recompute
//! every decision, balance and figure from the journal alone.

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use crate::{
    macros::codes,
    topic::{Class, Topic},
};

pub mod approvals;
pub mod contributions;
pub mod dashboard;
pub mod members;
pub mod notifications;

use approvals::*;
use contributions::*;
use dashboard::*;
use members::*;
use notifications::*;

macro_rules! catalogue {
    ($($topic:ident { $($class:ident $variant:ident($data:ident) = $code:literal, $aggregate:ident, $readers:ident;)+ })+) => {
        codes! {
            /// The type of an event.
            pub enum EventType { $($($variant = $code),+),+ }
        }

        impl EventType {
            /// The topic it travels on.
            pub const fn topic(self) -> Topic {
                match self { $($(Self::$variant => Topic::$topic),+),+ }
            }

            /// Fact or state.
            pub const fn class(self) -> Class {
                match self { $($(Self::$variant => Class::$class),+),+ }
            }

            /// What its `aggregateId` names.
            pub const fn aggregate(self) -> Aggregate {
                match self { $($(Self::$variant => Aggregate::$aggregate),+),+ }
            }

            /// Who may see it, in general: its audience says who they are.
            pub const fn readers(self) -> Readers {
                match self { $($(Self::$variant => Readers::$readers),+),+ }
            }
        }

        /// An event's type and data.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Event {
            $($(#[doc = concat!("`", $code, "`")] $variant($data),)+)+
            /// A type or a shape of `data` that this version does not know. Readers pass over it.
            Unknown(UnknownEvent),
        }

        impl Event {
            /// Reads `data` as its type says. What does not fit becomes [`Event::Unknown`]: a reader never fails on it.
            pub fn decode(event_type: &str, data: &RawValue) -> Self {
                let unknown = || Self::Unknown(UnknownEvent { event_type: event_type.to_owned(), data: data.to_owned() });
                match event_type.parse::<EventType>() {
                    $($(Ok(EventType::$variant) => {
                        serde_json::from_str::<$data>(data.get()).map_or_else(|_| unknown(), Self::$variant)
                    })+)+
                    Err(_) => unknown(),
                }
            }

            /// Its type; `None` for an unknown one.
            pub const fn event_type(&self) -> Option<EventType> {
                match self {
                    $($(Self::$variant(_) => Some(EventType::$variant),)+)+
                    Self::Unknown(_) => None,
                }
            }

            /// Its type, as written.
            pub fn type_name(&self) -> &str {
                match self {
                    Self::Unknown(unknown) => &unknown.event_type,
                    known => known.event_type().map_or("", EventType::as_str),
                }
            }
        }

        /// Writes `data` alone.
        impl Serialize for Event {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self {
                    $($(Self::$variant(data) => data.serialize(serializer),)+)+
                    Self::Unknown(unknown) => unknown.data.serialize(serializer),
                }
            }
        }

        $($(impl From<$data> for Event {
            fn from(data: $data) -> Self { Self::$variant(data) }
        })+)+

        /// The JSON Schema of each type's `data`.
        #[cfg(feature = "schema")]
        pub fn data_schemas(generator: &mut schemars::SchemaGenerator) -> Vec<(EventType, schemars::Schema)> {
            vec![$($((EventType::$variant, generator.subschema_for::<$data>())),+),+]
        }
    };
}

codes! {
    /// What an event is about.
    pub enum Aggregate {
        /// A request.
        Approval = "approval",
        /// The organisation itself.
        Organization = "organization",
        /// An account of it.
        Account = "account",
        /// An entry in its ledger.
        Entry = "entry",
        /// A member.
        Member = "member",
        /// A key of another system.
        Key = "key",
        /// An import.
        Batch = "batch",
        /// What members are to contribute.
        Plan = "plan",
        /// What one member is to contribute.
        Due = "due",
        /// A contribution.
        Payment = "payment",
        /// A notification.
        Notification = "notification",
    }
}

/// Who may see events of a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readers {
    /// [`RoleSet::OFFICERS`](crate::RoleSet::OFFICERS), who asked, and whom it benefits.
    Officers,
    /// [`RoleSet::KEEPERS`](crate::RoleSet::KEEPERS).
    Keepers,
    /// These and the member concerned.
    KeepersAndMember,
    /// [`RoleSet::MONEY`](crate::RoleSet::MONEY).
    Money,
    /// These and the member concerned.
    MoneyAndMember,
    /// Every active member.
    Everyone,
    /// Every active member, or the holders of the roles chosen.
    Chosen,
    /// Holders of roles, or one member: whoever is meant.
    Meant,
    /// The member concerned alone.
    Member,
    /// Whoever has its view.
    View,
}

// Type, what it is about, and who may see it.
catalogue! {
    Approvals {
        Fact ApprovalPending(ApprovalPending) = "APPROVAL_PENDING", Approval, Officers;
        Fact ApprovalUpdated(ApprovalUpdated) = "APPROVAL_UPDATED", Approval, Officers;
        Fact ApprovalVoteRecorded(ApprovalVoteRecorded) = "APPROVAL_VOTE_RECORDED", Approval, Officers;
        Fact ApprovalVoteWithdrawn(ApprovalVoteWithdrawn) = "APPROVAL_VOTE_WITHDRAWN", Approval, Officers;
        Fact ApprovalBlocked(ApprovalBlocked) = "APPROVAL_BLOCKED", Approval, Officers;
        Fact ApprovalUnblocked(ApprovalUnblocked) = "APPROVAL_UNBLOCKED", Approval, Officers;
        Fact ApprovalApproved(ApprovalApproved) = "APPROVAL_APPROVED", Approval, Officers;
        Fact ApprovalRejected(ApprovalRejected) = "APPROVAL_REJECTED", Approval, Officers;
        Fact ApprovalCancelled(ApprovalCancelled) = "APPROVAL_CANCELLED", Approval, Officers;
        Fact ApprovalExpired(ApprovalExpired) = "APPROVAL_EXPIRED", Approval, Officers;
        Fact ApprovalLapsed(ApprovalLapsed) = "APPROVAL_LAPSED", Approval, Officers;
        Fact ApprovalExecuted(ApprovalExecuted) = "APPROVAL_EXECUTED", Approval, Officers;
        Fact ApprovalExecutionFailed(ApprovalExecutionFailed) = "APPROVAL_EXECUTION_FAILED", Approval, Officers;
        Fact PolicyChanged(PolicyChanged) = "POLICY_CHANGED", Organization, Keepers;
        Fact AccountOpened(AccountOpened) = "ACCOUNT_OPENED", Account, Money;
        Fact LedgerEntryPosted(LedgerEntryPosted) = "LEDGER_ENTRY_POSTED", Entry, Money;
    }
    Members {
        Fact MemberCreated(MemberCreated) = "MEMBER_CREATED", Member, KeepersAndMember;
        Fact MemberUpdated(MemberUpdated) = "MEMBER_UPDATED", Member, KeepersAndMember;
        Fact MemberAdmitted(MemberAdmitted) = "MEMBER_ADMITTED", Member, KeepersAndMember;
        Fact MemberRefused(MemberRefused) = "MEMBER_REFUSED", Member, KeepersAndMember;
        Fact MemberSuspended(MemberSuspended) = "MEMBER_SUSPENDED", Member, KeepersAndMember;
        Fact MemberReinstated(MemberReinstated) = "MEMBER_REINSTATED", Member, KeepersAndMember;
        Fact MemberLeft(MemberLeft) = "MEMBER_LEFT", Member, KeepersAndMember;
        Fact MemberInvited(MemberInvited) = "MEMBER_INVITED", Member, KeepersAndMember;
        Fact MemberResetIssued(MemberResetIssued) = "MEMBER_RESET_ISSUED", Member, KeepersAndMember;
        Fact ServiceKeyCreated(ServiceKeyCreated) = "SERVICE_KEY_CREATED", Key, Keepers;
        Fact ServiceKeyRevoked(ServiceKeyRevoked) = "SERVICE_KEY_REVOKED", Key, Keepers;
        Fact MemberErased(MemberErased) = "MEMBER_ERASED", Member, Keepers;
        Fact RoleGranted(RoleGranted) = "ROLE_GRANTED", Member, Everyone;
        Fact RoleRevoked(RoleRevoked) = "ROLE_REVOKED", Member, Everyone;
        Fact OrganizationCreated(OrganizationCreated) = "ORGANIZATION_CREATED", Organization, Everyone;
        Fact OrganizationUpdated(OrganizationUpdated) = "ORGANIZATION_UPDATED", Organization, Everyone;
        Fact ImportApplied(ImportApplied) = "IMPORT_APPLIED", Batch, Keepers;
        Fact ImportUndone(ImportUndone) = "IMPORT_UNDONE", Batch, Keepers;
    }
    Contributions {
        Fact ContributionPlanPublished(ContributionPlanPublished) = "CONTRIBUTION_PLAN_PUBLISHED", Plan, Everyone;
        Fact ContributionPlanRetired(ContributionPlanRetired) = "CONTRIBUTION_PLAN_RETIRED", Plan, Everyone;
        Fact DuesIssued(DuesIssued) = "DUES_ISSUED", Plan, Money;
        Fact ContributionDue(ContributionDue) = "CONTRIBUTION_DUE", Due, Member;
        Fact ContributionDeclared(ContributionDeclared) = "CONTRIBUTION_DECLARED", Payment, MoneyAndMember;
        Fact ContributionPaid(ContributionPaid) = "CONTRIBUTION_PAID", Payment, MoneyAndMember;
        Fact ContributionRefused(ContributionRefused) = "CONTRIBUTION_REFUSED", Payment, MoneyAndMember;
        Fact ContributionReversed(ContributionReversed) = "CONTRIBUTION_REVERSED", Payment, MoneyAndMember;
        Fact ContributionWaived(ContributionWaived) = "CONTRIBUTION_WAIVED", Due, MoneyAndMember;
    }
    Notifications {
        Fact UserNotification(UserNotification) = "USER_NOTIFICATION", Notification, Meant;
        Fact BroadcastNotification(BroadcastNotification) = "BROADCAST_NOTIFICATION", Notification, Chosen;
        State NotificationRead(NotificationRead) = "NOTIFICATION_READ", Member, Member;
    }
    Dashboard {
        State DashboardStatsUpdate(DashboardStatsUpdate) = "DASHBOARD_STATS_UPDATE", Organization, View;
        State KpiUpdate(KpiUpdate) = "KPI_UPDATE", Organization, View;
    }
}

/// An event of a type that this version does not know, as it came.
#[derive(Debug, Clone)]
pub struct UnknownEvent {
    /// Its `eventType`.
    pub event_type: String,
    /// Its `data`.
    pub data: Box<RawValue>,
}

impl PartialEq for UnknownEvent {
    fn eq(&self, other: &Self) -> bool {
        self.event_type == other.event_type && self.data.get() == other.data.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_types_and_shapes_are_kept_not_refused() {
        let data = RawValue::from_string(r#"{"a":1}"#.into()).unwrap();
        for event_type in ["SOMETHING_NEW", "APPROVAL_APPROVED"] {
            let event = Event::decode(event_type, &data);
            assert_eq!(event.type_name(), event_type);
            assert_eq!(event.event_type(), None);
            assert_eq!(serde_json::to_string(&event).unwrap(), r#"{"a":1}"#);
        }
    }

    #[test]
    fn only_the_figures_and_the_read_mark_are_state() {
        let state: Vec<_> = EventType::ALL.iter().filter(|t| t.class() == Class::State).collect();
        assert_eq!(
            state,
            [&EventType::NotificationRead, &EventType::DashboardStatsUpdate, &EventType::KpiUpdate]
        );
    }
}

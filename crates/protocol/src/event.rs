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
    ($($topic:ident { $($class:ident $variant:ident($data:ident) = $code:literal),+ $(,)? })+) => {
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

catalogue! {
    Approvals {
        Fact ApprovalPending(ApprovalPending) = "APPROVAL_PENDING",
        Fact ApprovalUpdated(ApprovalUpdated) = "APPROVAL_UPDATED",
        Fact ApprovalVoteRecorded(ApprovalVoteRecorded) = "APPROVAL_VOTE_RECORDED",
        Fact ApprovalVoteWithdrawn(ApprovalVoteWithdrawn) = "APPROVAL_VOTE_WITHDRAWN",
        Fact ApprovalBlocked(ApprovalBlocked) = "APPROVAL_BLOCKED",
        Fact ApprovalUnblocked(ApprovalUnblocked) = "APPROVAL_UNBLOCKED",
        Fact ApprovalApproved(ApprovalApproved) = "APPROVAL_APPROVED",
        Fact ApprovalRejected(ApprovalRejected) = "APPROVAL_REJECTED",
        Fact ApprovalCancelled(ApprovalCancelled) = "APPROVAL_CANCELLED",
        Fact ApprovalExpired(ApprovalExpired) = "APPROVAL_EXPIRED",
        Fact ApprovalLapsed(ApprovalLapsed) = "APPROVAL_LAPSED",
        Fact ApprovalExecuted(ApprovalExecuted) = "APPROVAL_EXECUTED",
        Fact ApprovalExecutionFailed(ApprovalExecutionFailed) = "APPROVAL_EXECUTION_FAILED",
        Fact PolicyChanged(PolicyChanged) = "POLICY_CHANGED",
        Fact AccountOpened(AccountOpened) = "ACCOUNT_OPENED",
        Fact LedgerEntryPosted(LedgerEntryPosted) = "LEDGER_ENTRY_POSTED",
    }
    Members {
        Fact MemberCreated(MemberCreated) = "MEMBER_CREATED",
        Fact MemberUpdated(MemberUpdated) = "MEMBER_UPDATED",
        Fact MemberAdmitted(MemberAdmitted) = "MEMBER_ADMITTED",
        Fact MemberRefused(MemberRefused) = "MEMBER_REFUSED",
        Fact MemberSuspended(MemberSuspended) = "MEMBER_SUSPENDED",
        Fact MemberReinstated(MemberReinstated) = "MEMBER_REINSTATED",
        Fact MemberLeft(MemberLeft) = "MEMBER_LEFT",
        Fact MemberInvited(MemberInvited) = "MEMBER_INVITED",
        Fact MemberResetIssued(MemberResetIssued) = "MEMBER_RESET_ISSUED",
        Fact ServiceKeyCreated(ServiceKeyCreated) = "SERVICE_KEY_CREATED",
        Fact ServiceKeyRevoked(ServiceKeyRevoked) = "SERVICE_KEY_REVOKED",
        Fact MemberErased(MemberErased) = "MEMBER_ERASED",
        Fact RoleGranted(RoleGranted) = "ROLE_GRANTED",
        Fact RoleRevoked(RoleRevoked) = "ROLE_REVOKED",
        Fact OrganizationCreated(OrganizationCreated) = "ORGANIZATION_CREATED",
        Fact OrganizationUpdated(OrganizationUpdated) = "ORGANIZATION_UPDATED",
        Fact ImportApplied(ImportApplied) = "IMPORT_APPLIED",
        Fact ImportUndone(ImportUndone) = "IMPORT_UNDONE",
    }
    Contributions {
        Fact ContributionPlanPublished(ContributionPlanPublished) = "CONTRIBUTION_PLAN_PUBLISHED",
        Fact ContributionPlanRetired(ContributionPlanRetired) = "CONTRIBUTION_PLAN_RETIRED",
        Fact DuesIssued(DuesIssued) = "DUES_ISSUED",
        Fact ContributionDue(ContributionDue) = "CONTRIBUTION_DUE",
        Fact ContributionDeclared(ContributionDeclared) = "CONTRIBUTION_DECLARED",
        Fact ContributionPaid(ContributionPaid) = "CONTRIBUTION_PAID",
        Fact ContributionRefused(ContributionRefused) = "CONTRIBUTION_REFUSED",
        Fact ContributionReversed(ContributionReversed) = "CONTRIBUTION_REVERSED",
        Fact ContributionWaived(ContributionWaived) = "CONTRIBUTION_WAIVED",
    }
    Notifications {
        Fact UserNotification(UserNotification) = "USER_NOTIFICATION",
        Fact BroadcastNotification(BroadcastNotification) = "BROADCAST_NOTIFICATION",
        State NotificationRead(NotificationRead) = "NOTIFICATION_READ",
    }
    Dashboard {
        State DashboardStatsUpdate(DashboardStatsUpdate) = "DASHBOARD_STATS_UPDATE",
        State KpiUpdate(KpiUpdate) = "KPI_UPDATE",
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

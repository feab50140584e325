//! What the catalogue says of each event besides its data, in words for readers of the schemas.

use crate::event::EventType as T;

/// What `aggregateId` names.
pub(super) const fn aggregate(event_type: T) -> &'static str {
    match event_type {
        T::ApprovalPending
        | T::ApprovalUpdated
        | T::ApprovalVoteRecorded
        | T::ApprovalVoteWithdrawn
        | T::ApprovalBlocked
        | T::ApprovalUnblocked
        | T::ApprovalApproved
        | T::ApprovalRejected
        | T::ApprovalCancelled
        | T::ApprovalExpired
        | T::ApprovalLapsed
        | T::ApprovalExecuted
        | T::ApprovalExecutionFailed => "approval",
        T::PolicyChanged
        | T::OrganizationCreated
        | T::OrganizationUpdated
        | T::DashboardStatsUpdate
        | T::KpiUpdate => "organization",
        T::AccountOpened => "account",
        T::LedgerEntryPosted => "entry",
        T::MemberCreated
        | T::MemberUpdated
        | T::MemberAdmitted
        | T::MemberRefused
        | T::MemberSuspended
        | T::MemberReinstated
        | T::MemberLeft
        | T::MemberInvited
        | T::MemberResetIssued
        | T::MemberErased
        | T::RoleGranted
        | T::RoleRevoked
        | T::NotificationRead => "member",
        T::ServiceKeyCreated | T::ServiceKeyRevoked => "key",
        T::ImportApplied | T::ImportUndone => "batch",
        T::ContributionPlanPublished | T::ContributionPlanRetired | T::DuesIssued => "plan",
        T::ContributionDue | T::ContributionWaived => "due",
        T::ContributionDeclared | T::ContributionPaid | T::ContributionRefused | T::ContributionReversed => {
            "payment"
        }
        T::UserNotification | T::BroadcastNotification => "notification",
    }
}

const OF_APPROVAL: &str = "officers (PRESIDENT TREASURER SECRETARY BOARD_MEMBER AUDITOR); who asked; \
    whom it benefits (not while a ROLE_CHANGE is pending)";
const KEEPERS: &str = "keepers (ADMIN PRESIDENT TREASURER SECRETARY BOARD_MEMBER AUDITOR)";
const KEEPERS_AND_SELF: &str = "keepers (ADMIN PRESIDENT TREASURER SECRETARY BOARD_MEMBER AUDITOR); the member concerned; \
    nobody for a row of an import";
const MONEY: &str = "money (PRESIDENT TREASURER SECRETARY AUDITOR)";
const MONEY_AND_SELF: &str = "money (PRESIDENT TREASURER SECRETARY AUDITOR); the member concerned; \
    nobody for a row of an import";
const ALL: &str = "every active member";
const ONLY_SELF: &str = "the member concerned";
const VIEW: &str = "the sessions of its `view`: `officers` for PRESIDENT TREASURER SECRETARY BOARD_MEMBER AUDITOR, \
    `members` for everyone else";

/// Who may see it.
pub(super) const fn audience(event_type: T) -> &'static str {
    match event_type {
        T::ApprovalPending
        | T::ApprovalUpdated
        | T::ApprovalVoteRecorded
        | T::ApprovalVoteWithdrawn
        | T::ApprovalBlocked
        | T::ApprovalUnblocked
        | T::ApprovalApproved
        | T::ApprovalRejected
        | T::ApprovalCancelled
        | T::ApprovalExpired
        | T::ApprovalLapsed
        | T::ApprovalExecuted
        | T::ApprovalExecutionFailed => OF_APPROVAL,
        T::PolicyChanged
        | T::ServiceKeyCreated
        | T::ServiceKeyRevoked
        | T::MemberErased
        | T::ImportApplied
        | T::ImportUndone => KEEPERS,
        T::AccountOpened | T::LedgerEntryPosted | T::DuesIssued => MONEY,
        T::MemberCreated
        | T::MemberUpdated
        | T::MemberAdmitted
        | T::MemberRefused
        | T::MemberSuspended
        | T::MemberReinstated
        | T::MemberLeft
        | T::MemberInvited
        | T::MemberResetIssued => KEEPERS_AND_SELF,
        T::RoleGranted
        | T::RoleRevoked
        | T::OrganizationCreated
        | T::OrganizationUpdated
        | T::ContributionPlanPublished
        | T::ContributionPlanRetired => ALL,
        T::ContributionDue | T::NotificationRead => ONLY_SELF,
        T::ContributionDeclared
        | T::ContributionPaid
        | T::ContributionRefused
        | T::ContributionReversed
        | T::ContributionWaived => MONEY_AND_SELF,
        T::UserNotification => "the persons meant: holders of roles, or one member",
        T::BroadcastNotification => "every active member, or the holders of the roles chosen",
        T::DashboardStatsUpdate | T::KpiUpdate => VIEW,
    }
}

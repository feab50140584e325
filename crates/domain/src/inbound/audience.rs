//! Whom facts of other systems are for: as the catalogue says of ours, and single members where they are known.

use serde_json::{Map, Value};
use unionflow_protocol::{Audience, EventType, RoleSet, approval::TransactionType, id::MemberId};

/// The key in the data of what the type is about, where it is not `id`.
pub(super) fn about(event_type: EventType) -> &'static str {
    use EventType as T;
    match event_type {
        T::ServiceKeyCreated | T::ServiceKeyRevoked => "keyId",
        T::ImportApplied | T::ImportUndone => "batchId",
        T::ContributionPlanPublished | T::ContributionPlanRetired | T::DuesIssued => "planId",
        T::ContributionDue | T::ContributionWaived => "dueId",
        T::ContributionDeclared | T::ContributionPaid | T::ContributionRefused | T::ContributionReversed => {
            "paymentId"
        }
        T::UserNotification | T::BroadcastNotification => "notificationId",
        _ => "id",
    }
}

/// Whom it may concern, if they are members.
pub(super) fn concerned(
    event_type: EventType,
    data: &Map<String, Value>,
    key: Option<&str>,
) -> Vec<MemberId> {
    let member = |name: &str| data.get(name).and_then(Value::as_str).and_then(|id| id.parse().ok());
    match kind(event_type) {
        For::Officers => {
            let transaction = data.get("transactionType").and_then(Value::as_str);
            let hides = transaction == Some(TransactionType::RoleChange.as_str());
            let beneficiary = member("beneficiaryMemberId").filter(|_| !hides);
            // Who asked there is none of our members, whatever is said.
            beneficiary.into_iter().collect()
        }
        For::KeepersAndSelf => member("id").into_iter().collect(),
        For::MoneyAndSelf | For::SelfOnly => {
            // The key of the first system's notifications was whom they were for.
            let by_key = || key.filter(|_| event_type == EventType::UserNotification)?.parse().ok();
            member("memberId").or_else(by_key).into_iter().collect()
        }
        For::Keepers | For::Money | For::All | For::Nobody => Vec::new(),
    }
}

/// Who may see it, with these members among them.
pub(super) fn of(event_type: EventType, members: &[MemberId]) -> Audience {
    let roles = match kind(event_type) {
        For::Officers => Audience::roles(RoleSet::OFFICERS),
        For::Keepers | For::KeepersAndSelf => Audience::roles(RoleSet::KEEPERS),
        For::Money | For::MoneyAndSelf => Audience::roles(RoleSet::MONEY),
        For::All => Audience::everyone(),
        For::SelfOnly | For::Nobody => Audience::none(),
    };
    members.iter().fold(roles, |audience, member| audience.and_member(*member))
}

/// The audiences of the catalogue.
enum For {
    Officers,
    Keepers,
    KeepersAndSelf,
    Money,
    MoneyAndSelf,
    SelfOnly,
    All,
    Nobody,
}

fn kind(event_type: EventType) -> For {
    use EventType as T;
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
        | T::ApprovalExecutionFailed => For::Officers,
        T::AccountOpened | T::LedgerEntryPosted | T::DuesIssued => For::Money,
        T::MemberCreated
        | T::MemberUpdated
        | T::MemberAdmitted
        | T::MemberRefused
        | T::MemberSuspended
        | T::MemberReinstated
        | T::MemberLeft
        | T::MemberInvited
        | T::MemberResetIssued => For::KeepersAndSelf,
        T::PolicyChanged
        | T::ServiceKeyCreated
        | T::ServiceKeyRevoked
        | T::MemberErased
        | T::ImportApplied
        | T::ImportUndone => For::Keepers,
        T::RoleGranted
        | T::RoleRevoked
        | T::OrganizationCreated
        | T::OrganizationUpdated
        | T::ContributionPlanPublished
        | T::ContributionPlanRetired
        | T::BroadcastNotification => For::All,
        T::ContributionDeclared
        | T::ContributionPaid
        | T::ContributionRefused
        | T::ContributionReversed
        | T::ContributionWaived => For::MoneyAndSelf,
        T::ContributionDue | T::UserNotification => For::SelfOnly,
        T::NotificationRead | T::DashboardStatsUpdate | T::KpiUpdate => For::Nobody,
    }
}

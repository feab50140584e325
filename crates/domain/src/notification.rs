//! Notifications that events cause: one per cause and audience, not one per person.

use unionflow_protocol::{
    Audience, Event, Origin, Role, RoleSet,
    event::EventType,
    id::{AggregateId, NotificationId},
    member::MemberStatus,
    notification::{NotificationKind, Severity},
};

use crate::approval::Approval;

/// A notification to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// What it says.
    pub kind: NotificationKind,
    /// How loud.
    pub severity: Severity,
    /// To whom.
    pub audience: Audience,
}

/// A notification in the inboxes of its audience.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    /// Its id.
    pub id: NotificationId,
    /// What it says.
    pub kind: NotificationKind,
    /// How loud.
    pub severity: Severity,
    /// To whom.
    pub audience: Audience,
    /// The type of the event that caused it.
    pub cause_type: Option<EventType>,
    /// What that event was about.
    pub cause_id: Option<AggregateId>,
}

/// What an event makes somebody look at. Imports and foreign facts cause none.
pub fn caused_by(event: &Event, audience: &Audience, origin: Origin) -> Vec<Draft> {
    use NotificationKind as Kind;
    if matches!(origin, Origin::Import | Origin::Inbound) {
        return Vec::new();
    }
    let concerned = || audience.members().iter().fold(Audience::none(), |to, member| to.and_member(*member));
    let draft = |kind, severity, audience: Audience| Draft { kind, severity, audience };
    let roles = |roles: &[Role]| Audience::roles(RoleSet::of(roles));
    match event {
        Event::ApprovalApproved(data) => {
            let mut drafts = vec![draft(Kind::ApprovalApproved, Severity::Info, concerned())];
            if !data.transaction_type.is_governance() {
                drafts.push(draft(Kind::ApprovalToExecute, Severity::Action, roles(&[Role::Treasurer])));
            }
            drafts
        }
        Event::ApprovalRejected(_) => vec![draft(Kind::ApprovalRejected, Severity::Warning, concerned())],
        Event::ApprovalExpired(_) => vec![draft(Kind::ApprovalExpired, Severity::Warning, concerned())],
        Event::ApprovalLapsed(_) => vec![draft(Kind::ApprovalLapsed, Severity::Warning, concerned())],
        Event::ApprovalExecuted(_) => vec![draft(Kind::ApprovalExecuted, Severity::Info, concerned())],
        Event::ApprovalExecutionFailed(_) => {
            let audience =
                audience.members().iter().fold(roles(&[Role::Treasurer]), |to, m| to.and_member(*m));
            vec![draft(Kind::ApprovalExecutionFailed, Severity::Warning, audience)]
        }
        Event::ApprovalBlocked(_) => {
            vec![draft(Kind::ApprovalBlocked, Severity::Warning, roles(&[Role::President, Role::Auditor]))]
        }
        Event::PolicyChanged(data) if data.policy_version > 1 => {
            vec![draft(Kind::PolicyChanged, Severity::Info, Audience::roles(RoleSet::KEEPERS))]
        }
        Event::RoleGranted(data) => vec![draft(Kind::RoleGranted, Severity::Info, Audience::member(data.id))],
        Event::RoleRevoked(data) => vec![draft(Kind::RoleRevoked, Severity::Info, Audience::member(data.id))],
        Event::MemberCreated(data) if data.status == MemberStatus::Applicant => {
            let keepers = roles(&[Role::Admin, Role::President, Role::Secretary]);
            vec![draft(Kind::MemberApplied, Severity::Action, keepers)]
        }
        Event::MemberAdmitted(data) => {
            vec![draft(Kind::MembershipChanged, Severity::Info, Audience::member(data.id))]
        }
        Event::MemberReinstated(data) => {
            vec![draft(Kind::MembershipChanged, Severity::Info, Audience::member(data.id))]
        }
        Event::ContributionPaid(data) => {
            vec![draft(Kind::PaymentConfirmed, Severity::Info, Audience::member(data.declared.member_id))]
        }
        _ => Vec::new(),
    }
}

/// The open step waits for its voters: not for whoever made the request or benefits from it, who does not vote. `lone`: nobody
/// else could, so whoever made it is called on where the policy lets a single signature decide.
pub fn waiting(approval: &Approval, lone: bool) -> Draft {
    let beneficiary = approval.content.beneficiary_member_id;
    let mut audience = Audience::roles(approval.waits_for());
    if !audience.is_none() {
        let requester = approval.requester_id;
        audience = beneficiary.into_iter().fold(audience.except(requester), Audience::except);
        let decides_alone = lone && approval.terms.policy.single_signature && beneficiary != Some(requester);
        audience = audience.and_member_if(decides_alone.then_some(requester));
    }
    Draft { kind: NotificationKind::ApprovalWaiting, severity: Severity::Action, audience }
}

#[cfg(test)]
mod tests {
    use super::*;
    use unionflow_protocol::{
        Amount, Currency, Timestamp,
        approval::TransactionType,
        event::{
            approvals::{
                ApprovalApproved, ApprovalBlocked, ApprovalCancelled, ApprovalExecutionFailed,
                ApprovalRejected,
            },
            members::{MemberCreated, RoleGranted},
        },
        id::{ApprovalId, MemberId},
        problem::ErrorCode,
    };
    use uuid::Uuid;

    fn member(n: u128) -> MemberId {
        MemberId::from_uuid(Uuid::from_u128(n))
    }

    fn approved(transaction_type: TransactionType) -> Event {
        ApprovalApproved {
            id: ApprovalId::from_uuid(Uuid::nil()),
            transaction_type,
            amount: Amount::ZERO,
            currency: Currency::XOF,
            approved_by: None,
            approvers: Vec::new(),
            approved_at: Timestamp::from_millis(0),
            execute_by: Timestamp::from_millis(0),
            account_id: None,
            reserved: false,
        }
        .into()
    }

    /// Officers, the requester and the beneficiary.
    fn audience() -> Audience {
        Audience::roles(RoleSet::OFFICERS).and_member(member(1)).and_member(member(2))
    }

    fn heard(event: &Event) -> Vec<(NotificationKind, String)> {
        let drafts = caused_by(event, &audience(), Origin::Command);
        drafts.into_iter().map(|draft| (draft.kind, draft.audience.to_string())).collect()
    }

    fn both() -> String {
        Audience::member(member(1)).and_member(member(2)).to_string()
    }

    #[test]
    fn each_cause_has_its_own_audience_and_the_others_hear_nothing() {
        use NotificationKind as Kind;
        let id = ApprovalId::from_uuid(Uuid::nil());
        let roles = |roles: &[Role]| Audience::roles(RoleSet::of(roles)).to_string();
        let decided = (Kind::ApprovalApproved, both());
        let execute = (Kind::ApprovalToExecute, roles(&[Role::Treasurer]));
        assert_eq!(heard(&approved(TransactionType::Expense)), [decided.clone(), execute]);
        assert_eq!(heard(&approved(TransactionType::RoleChange)), [decided], "it executes itself");
        let blocked = ApprovalBlocked { id, step: 1, missing: 1, roles_to_act: RoleSet::VOTING };
        let alarmed = roles(&[Role::President, Role::Auditor]);
        assert_eq!(heard(&blocked.into()), [(Kind::ApprovalBlocked, alarmed)], "P7");
        let failed = ApprovalExecutionFailed { id, code: ErrorCode::InsufficientFunds, available: None };
        let told =
            Audience::roles(RoleSet::of(&[Role::Treasurer])).and_member(member(1)).and_member(member(2));
        assert_eq!(heard(&failed.into()), [(Kind::ApprovalExecutionFailed, told.to_string())]);
        let granted = RoleGranted { id: member(3), role: Role::Auditor, approval_id: None };
        assert_eq!(heard(&granted.into()), [(Kind::RoleGranted, Audience::member(member(3)).to_string())]);
        let cancelled = ApprovalCancelled {
            id,
            transaction_type: TransactionType::Expense,
            amount: Amount::ZERO,
            currency: Currency::XOF,
            by: Some(member(1)),
        };
        assert_eq!(heard(&cancelled.into()), [], "its creator knows");
    }

    #[test]
    fn imports_and_facts_of_other_systems_cause_no_notification_f9() {
        let date = unionflow_protocol::Date::new(2026, 1, 1).unwrap();
        let applicant = MemberCreated {
            id: member(1),
            member_number: "1".into(),
            status: MemberStatus::Applicant,
            joined_on: date,
        };
        let rejected = ApprovalRejected {
            id: ApprovalId::from_uuid(Uuid::nil()),
            transaction_type: TransactionType::Expense,
            amount: Amount::ZERO,
            currency: Currency::XOF,
            rejected_by: member(1),
            rejected_at: Timestamp::from_millis(0),
            step: 1,
        };
        let events: [Event; 3] = [applicant.into(), rejected.into(), approved(TransactionType::Expense)];
        for event in events {
            assert!(!heard(&event).is_empty(), "a command's is heard: {event:?}");
            for origin in [Origin::Import, Origin::Inbound] {
                assert_eq!(caused_by(&event, &audience(), origin), [], "{event:?} of {origin:?}");
            }
        }
    }
}

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
        Event::ApprovalPending(data) => match data.terms.policy.steps.first() {
            Some(step) => vec![draft(Kind::ApprovalWaiting, Severity::Action, Audience::roles(step.roles))],
            None => Vec::new(),
        },
        Event::ApprovalUpdated(data) => match data.terms.policy.steps.first() {
            Some(step) => vec![draft(Kind::ApprovalWaiting, Severity::Action, Audience::roles(step.roles))],
            None => Vec::new(),
        },
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

/// The next step waits for its voters.
pub fn next_step(approval: &Approval) -> Draft {
    Draft {
        kind: NotificationKind::ApprovalWaiting,
        severity: Severity::Action,
        audience: Audience::roles(approval.waits_for()),
    }
}

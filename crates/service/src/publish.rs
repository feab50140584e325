//! The publishing calls: typed appenders on the transaction, so that an event without its commit cannot be written.
//!
//! Ten of them carry the names of the first system's `KafkaEventProducer`. Each call journals one event, raises its
//! aggregate's version, and makes the notifications that the event causes.

use unionflow_domain::{
    approval::{Approval, NotExecuted, Rejected, Voted, Withdrawn},
    ledger::{Account, Entry},
    member::Member,
    notification::{Draft, Notification, caused_by},
    organization::Organization,
    policy::Policy,
};
use unionflow_protocol::{
    Amount, Audience, Event, Role, RoleSet, Seq,
    approval::{ApprovalStatus, Decision, TransactionType},
    event::{
        approvals::*,
        contributions::ContributionPaid,
        dashboard::{DashboardStatsUpdate, KpiUpdate},
        members::*,
        notifications::{BroadcastNotification, NotificationRead, UserNotification},
    },
    id::{AccountId, AggregateId, ApprovalId, EventId, MemberId, NotificationId, OrganizationId},
    member::MemberStatus,
    notification::{NotificationKind, Severity},
    problem::ErrorCode,
    rest::approval::Blocked,
};
use unionflow_storage::{
    Tx, Undo,
    tables::notification::Inbox,
    tx::{Appended, NewEvent},
};

/// Gives a transaction its publishing calls.
pub trait Publish<'a> {
    /// The publishing calls of this transaction.
    fn publish(&mut self) -> Publisher<'_, 'a>;
}

impl<'a> Publish<'a> for Tx<'a> {
    fn publish(&mut self) -> Publisher<'_, 'a> {
        Publisher { tx: self }
    }
}

/// The publishing calls of a transaction.
pub struct Publisher<'t, 'a> {
    tx: &'t mut Tx<'a>,
}

/// A change of a membership, as its event tells it.
pub(crate) struct StatusChanged {
    pub(crate) previous: MemberStatus,
    /// The roles held before: leaving ends them, and says so of each.
    pub(crate) held: RoleSet,
    pub(crate) has_reason: bool,
    pub(crate) approval_id: Option<ApprovalId>,
}

fn money() -> Audience {
    Audience::roles(RoleSet::MONEY)
}

fn keepers() -> Audience {
    Audience::roles(RoleSet::KEEPERS)
}

/// Officers, and the two it is about. Whoever a pending change of roles concerns does not see it yet.
fn of_approval(approval: &Approval) -> Audience {
    let hidden = approval.content.transaction_type == TransactionType::RoleChange
        && approval.status == ApprovalStatus::Pending;
    let beneficiary = approval.content.beneficiary_member_id.filter(|_| !hidden);
    Audience::roles(RoleSet::OFFICERS).and_member(approval.requester_id).and_member_if(beneficiary)
}

impl Publisher<'_, '_> {
    // Approvals.

    /// A request waits for its votes.
    pub fn approval_pending(&mut self, approval: &mut Approval) -> Result<(), Undo> {
        // Published before the status of one that needs no vote moves on: it was pending first.
        let event = ApprovalPending {
            id: approval.id,
            requester_id: approval.requester_id,
            content: approval.content.clone(),
            terms: approval.terms.clone(),
        };
        self.about_approval(approval, event)
    }

    pub(crate) fn approval_updated(
        &mut self,
        approval: &mut Approval,
        previous_amount: Amount,
        voided_votes: u32,
    ) -> Result<(), Undo> {
        let event = ApprovalUpdated {
            id: approval.id,
            content: approval.content.clone(),
            terms: approval.terms.clone(),
            previous_amount,
            voided_votes,
        };
        self.about_approval(approval, event)
    }

    pub(crate) fn approval_vote_recorded(
        &mut self,
        approval: &mut Approval,
        voter_id: MemberId,
        voted: &Voted,
        has_comment: bool,
    ) -> Result<Appended, Undo> {
        let event = ApprovalVoteRecorded {
            id: approval.id,
            step: voted.step,
            voter_id,
            decision: Decision::Approve,
            content_hash: approval.terms.content_hash.clone(),
            votes_in_step: voted.votes_in_step,
            votes_needed: voted.votes_needed,
            has_comment,
            single_signature: voted.single_signature,
        };
        self.append_about(approval, event)
    }

    pub(crate) fn approval_vote_withdrawn(
        &mut self,
        approval: &mut Approval,
        voter_id: MemberId,
        withdrawn: &Withdrawn,
    ) -> Result<(), Undo> {
        let event = ApprovalVoteWithdrawn {
            id: approval.id,
            step: withdrawn.step,
            voter_id,
            votes_in_step: withdrawn.votes_in_step,
            votes_needed: withdrawn.votes_needed,
        };
        self.about_approval(approval, event)
    }

    pub(crate) fn approval_feasibility(
        &mut self,
        approval: &mut Approval,
        step: u8,
        blocked: Option<Blocked>,
    ) -> Result<(), Undo> {
        let id = approval.id;
        match blocked {
            Some(Blocked { missing, roles_to_act }) => {
                self.about_approval(approval, ApprovalBlocked { id, step, missing, roles_to_act })
            }
            None => {
                let event = ApprovalUnblocked { id, step, missing: 0, roles_to_act: RoleSet::EMPTY };
                self.about_approval(approval, event)
            }
        }
    }

    /// The last vote came, or none was needed; the account on which its money is set aside.
    pub fn approval_approved(
        &mut self,
        approval: &mut Approval,
        reserved_on: Option<AccountId>,
    ) -> Result<(), Undo> {
        let event = ApprovalApproved {
            id: approval.id,
            transaction_type: approval.content.transaction_type,
            amount: approval.content.amount,
            currency: approval.content.currency,
            approved_by: approval.outcome.approved_by,
            approvers: approval.standing_votes().map(|vote| vote.voter_id).collect(),
            approved_at: approval.outcome.approved_at.ok_or(ErrorCode::Internal)?,
            execute_by: approval.outcome.execute_by.ok_or(ErrorCode::Internal)?,
            account_id: reserved_on,
            reserved: approval.reserved,
        };
        self.about_approval(approval, event)
    }

    /// A voter refused it.
    pub fn approval_rejected(&mut self, approval: &mut Approval, rejected: Rejected) -> Result<(), Undo> {
        let event = ApprovalRejected {
            id: approval.id,
            transaction_type: approval.content.transaction_type,
            amount: approval.content.amount,
            currency: approval.content.currency,
            rejected_by: approval.outcome.rejected_by.ok_or(ErrorCode::Internal)?,
            rejected_at: approval.outcome.rejected_at.ok_or(ErrorCode::Internal)?,
            step: rejected.step,
        };
        self.about_approval(approval, event)
    }

    pub(crate) fn approval_cancelled(
        &mut self,
        approval: &mut Approval,
        by: Option<MemberId>,
    ) -> Result<(), Undo> {
        let event = ApprovalCancelled {
            id: approval.id,
            transaction_type: approval.content.transaction_type,
            amount: approval.content.amount,
            currency: approval.content.currency,
            by,
        };
        self.about_approval(approval, event)
    }

    pub(crate) fn approval_expired(&mut self, approval: &mut Approval) -> Result<(), Undo> {
        let event = ApprovalExpired {
            id: approval.id,
            transaction_type: approval.content.transaction_type,
            amount: approval.content.amount,
            currency: approval.content.currency,
        };
        self.about_approval(approval, event)
    }

    pub(crate) fn approval_lapsed(&mut self, approval: &mut Approval) -> Result<(), Undo> {
        let event = ApprovalLapsed {
            id: approval.id,
            transaction_type: approval.content.transaction_type,
            amount: approval.content.amount,
            currency: approval.content.currency,
        };
        self.about_approval(approval, event)
    }

    pub(crate) fn approval_executed(&mut self, approval: &mut Approval) -> Result<(), Undo> {
        let event = ApprovalExecuted {
            id: approval.id,
            transaction_type: approval.content.transaction_type,
            amount: approval.content.amount,
            currency: approval.content.currency,
            executed_by: approval.outcome.executed_by,
            entry_id: approval.outcome.entry_id,
        };
        self.about_approval(approval, event)
    }

    pub(crate) fn approval_execution_failed(
        &mut self,
        approval: &mut Approval,
        failed: &NotExecuted,
    ) -> Result<(), Undo> {
        let event =
            ApprovalExecutionFailed { id: approval.id, code: failed.code, available: failed.available };
        self.about_approval(approval, event)
    }

    /// The next step of a request waits for its voters, after the vote that closed the one before.
    pub(crate) fn next_step(&mut self, approval: &Approval, vote: Appended) -> Result<(), Undo> {
        let draft = unionflow_domain::notification::next_step(approval);
        let cause = Cause {
            event_id: vote.event_id,
            event_type: unionflow_protocol::EventType::ApprovalVoteRecorded,
            about: approval.id.into(),
        };
        self.notify(draft, Some(cause))
    }

    pub(crate) fn policy_changed(
        &mut self,
        organization: &mut Organization,
        policy: &Policy,
    ) -> Result<(), Undo> {
        organization.version += 1;
        let event = PolicyChanged {
            policy_version: policy.version,
            approval_id: policy.approval_id,
            rules: policy.rules.clone(),
        };
        self.fact(organization.id.into(), organization.version, keepers(), event.into()).map(|_| ())
    }

    // The ledger.

    pub(crate) fn account_opened(&mut self, account: &Account, opening_balance: Amount) -> Result<(), Undo> {
        let event =
            AccountOpened { id: account.id, kind: account.kind, currency: account.currency, opening_balance };
        self.fact(account.id.into(), account.version, money(), event.into()).map(|_| ())
    }

    /// An entry was posted; its place in the journal.
    pub(crate) fn ledger_entry_posted(&mut self, entry: &Entry) -> Result<Seq, Undo> {
        let event = LedgerEntryPosted {
            id: entry.id,
            value_date: entry.value_date,
            lines: entry.lines.clone(),
            currency: entry.currency,
            cause: entry.cause,
            cause_id: entry.cause_id,
        };
        self.fact(entry.id.into(), 1, money(), event.into()).map(|appended| appended.seq)
    }

    // Members.

    /// Somebody is on the list of members. A row of an import goes to no socket.
    pub fn member_created(&mut self, member: &mut Member) -> Result<(), Undo> {
        let event = MemberCreated {
            id: member.id,
            member_number: member.number.as_str().to_owned(),
            status: member.status,
            joined_on: member.joined_on,
        };
        self.about_member(member, event)
    }

    /// Some fields of a member changed. A row of an import goes to no socket.
    pub fn member_updated(&mut self, member: &mut Member, changed: Vec<MemberField>) -> Result<(), Undo> {
        let event = MemberUpdated { id: member.id, changed };
        self.about_member(member, event)
    }

    pub(crate) fn member_status_changed(
        &mut self,
        member: &mut Member,
        change: &StatusChanged,
    ) -> Result<(), Undo> {
        let kept = member.roles;
        for role in change.held.iter().filter(|role| !kept.contains(*role)) {
            self.role_changed(member, role, false, change.approval_id)?;
        }
        let effective_on = self.tx.today()?;
        macro_rules! event {
            ($name:ident) => {
                $name {
                    id: member.id,
                    status: member.status,
                    previous_status: change.previous,
                    effective_on,
                    has_reason: change.has_reason,
                    approval_id: change.approval_id,
                }
                .into()
            };
        }
        let event: Event = match (change.previous, member.status) {
            (_, MemberStatus::Refused) => event!(MemberRefused),
            (_, MemberStatus::Suspended) => event!(MemberSuspended),
            (_, MemberStatus::Left) => event!(MemberLeft),
            (MemberStatus::Suspended, _) => event!(MemberReinstated),
            (_, _) => event!(MemberAdmitted),
        };
        self.about_member(member, event)
    }

    pub(crate) fn member_invited(&mut self, member: &mut Member) -> Result<(), Undo> {
        let event = MemberInvited { id: member.id };
        self.about_member(member, event)
    }

    pub(crate) fn member_reset_issued(&mut self, member: &mut Member) -> Result<(), Undo> {
        let event = MemberResetIssued { id: member.id };
        self.about_member(member, event)
    }

    pub(crate) fn role_changed(
        &mut self,
        member: &mut Member,
        role: Role,
        granted: bool,
        approval_id: Option<ApprovalId>,
    ) -> Result<(), Undo> {
        member.version += 1;
        let id = member.id;
        let event: Event = if granted {
            RoleGranted { id, role, approval_id }.into()
        } else {
            RoleRevoked { id, role, approval_id }.into()
        };
        self.fact(id.into(), member.version, Audience::everyone(), event).map(|_| ())
    }

    pub(crate) fn organization_created(&mut self, organization: &Organization) -> Result<(), Undo> {
        let event = OrganizationCreated {
            changed: Vec::new(),
            currency: organization.currency,
            time_zone: organization.settings.time_zone.clone(),
        };
        self.fact(organization.id.into(), organization.version, Audience::everyone(), event.into())
            .map(|_| ())
    }

    pub(crate) fn organization_updated(
        &mut self,
        organization: &mut Organization,
        changed: Vec<OrganizationField>,
    ) -> Result<(), Undo> {
        organization.version += 1;
        let event = OrganizationUpdated {
            changed,
            currency: organization.currency,
            time_zone: organization.settings.time_zone.clone(),
        };
        self.fact(organization.id.into(), organization.version, Audience::everyone(), event.into())
            .map(|_| ())
    }

    pub(crate) fn import_applied(&mut self, summary: ImportApplied) -> Result<(), Undo> {
        self.fact(summary.batch_id.into(), 1, keepers(), summary.into()).map(|_| ())
    }

    // Contributions.

    /// A payment is confirmed.
    pub fn contribution_paid(&mut self, version: u64, paid: ContributionPaid) -> Result<(), Undo> {
        let audience = money().and_member(paid.declared.member_id);
        self.fact(paid.declared.payment_id.into(), version, audience, paid.into()).map(|_| ())
    }

    // Notifications.

    /// Something for the persons in its audience, in their inboxes.
    pub fn user_notification(&mut self, draft: Draft) -> Result<(), Undo> {
        self.notify(draft, None)
    }

    /// Words of an officer, kept apart, to everyone or to some roles.
    pub fn broadcast_notification(
        &mut self,
        id: NotificationId,
        audience: Audience,
        severity: Severity,
    ) -> Result<Seq, Undo> {
        let kind = NotificationKind::Announcement;
        let event = BroadcastNotification { notification_id: id, kind, severity };
        let new = NewEvent {
            aggregate_id: id.into(),
            version: Some(1),
            audience: audience.clone(),
            causation_id: None,
            event: event.into(),
        };
        let seq = self.tx.append(new)?.seq;
        let notification = Notification { id, kind, severity, audience, cause_type: None, cause_id: None };
        let organization = self.organization()?;
        self.tx.insert_notification(organization, &notification, seq)?;
        Ok(seq)
    }

    /// A harmless event by the full way, to one member's own sessions, in no inbox.
    pub(crate) fn test_notification(&mut self, member: MemberId) -> Result<Appended, Undo> {
        let id = NotificationId::from_uuid(self.tx.new_uuid());
        let event = UserNotification {
            notification_id: id,
            kind: NotificationKind::Test,
            cause_type: None,
            cause_id: None,
            severity: Severity::Info,
        };
        self.tx.append(NewEvent {
            aggregate_id: id.into(),
            version: Some(1),
            audience: Audience::member(member),
            causation_id: None,
            event: event.into(),
        })
    }

    /// How far a member has read, to the member's own sessions.
    pub(crate) fn notification_read(
        &mut self,
        inbox: Inbox,
        read_up_to: Seq,
        unread: u32,
    ) -> Result<(), Undo> {
        let event = NotificationRead { read_up_to, unread };
        self.tx.append_state(inbox.member_id.into(), Audience::member(inbox.member_id), event.into())
    }

    // Figures.

    /// Figures, to whoever has their view.
    pub fn dashboard_stats_update(&mut self, figures: DashboardStatsUpdate) -> Result<(), Undo> {
        let (about, audience) = (self.organization()?.into(), Audience::view(figures.view));
        self.tx.append_state(about, audience, figures.into())
    }

    /// Twelve-month series, to whoever has their view.
    pub fn kpi_update(&mut self, series: KpiUpdate) -> Result<(), Undo> {
        let (about, audience) = (self.organization()?.into(), Audience::view(series.view));
        self.tx.append_state(about, audience, series.into())
    }

    fn organization(&mut self) -> Result<OrganizationId, Undo> {
        Ok(self.tx.organization()?.id)
    }

    fn about_approval(&mut self, approval: &mut Approval, event: impl Into<Event>) -> Result<(), Undo> {
        self.append_about(approval, event).map(|_| ())
    }

    fn append_about(&mut self, approval: &mut Approval, event: impl Into<Event>) -> Result<Appended, Undo> {
        approval.version += 1;
        self.fact(approval.id.into(), approval.version, of_approval(approval), event.into())
    }

    /// About a member: keepers and the member see it; nobody, when a row of an import says it.
    fn about_member(&mut self, member: &mut Member, event: impl Into<Event>) -> Result<(), Undo> {
        member.version += 1;
        let audience = match self.tx.author().origin {
            unionflow_protocol::Origin::Import => Audience::none(),
            _ => keepers().and_member(member.id),
        };
        self.fact(member.id.into(), member.version, audience, event.into()).map(|_| ())
    }

    /// Journals a fact, and makes the notifications that it causes.
    fn fact(
        &mut self,
        about: AggregateId,
        version: u64,
        audience: Audience,
        event: Event,
    ) -> Result<Appended, Undo> {
        let drafts = caused_by(&event, &audience, self.tx.author().origin);
        let event_type = event.event_type().ok_or(ErrorCode::Internal)?;
        let new =
            NewEvent { aggregate_id: about, version: Some(version), audience, causation_id: None, event };
        let appended = self.tx.append(new)?;
        for draft in drafts {
            self.notify(draft, Some(Cause { event_id: appended.event_id, event_type, about }))?;
        }
        Ok(appended)
    }

    fn notify(&mut self, draft: Draft, cause: Option<Cause>) -> Result<(), Undo> {
        if draft.audience.is_none() {
            return Ok(());
        }
        let id = NotificationId::from_uuid(self.tx.new_uuid());
        let event = UserNotification {
            notification_id: id,
            kind: draft.kind,
            cause_type: cause.as_ref().map(|cause| cause.event_type),
            cause_id: cause.as_ref().map(|cause| cause.about),
            severity: draft.severity,
        };
        let notification = Notification {
            id,
            kind: draft.kind,
            severity: draft.severity,
            audience: draft.audience.clone(),
            cause_type: event.cause_type,
            cause_id: event.cause_id,
        };
        let appended = self.tx.append(NewEvent {
            aggregate_id: id.into(),
            version: Some(1),
            audience: draft.audience,
            causation_id: cause.map(|cause| cause.event_id),
            event: event.into(),
        })?;
        let organization = self.organization()?;
        self.tx.insert_notification(organization, &notification, appended.seq)?;
        Ok(())
    }
}

/// What a notification is about.
struct Cause {
    event_id: EventId,
    event_type: unionflow_protocol::EventType,
    about: AggregateId,
}

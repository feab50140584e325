//! What is told on `unionflow.finance.approvals`: requests, policies, the ledger.

use unionflow_domain::{
    approval::{Approval, NotExecuted, Rejected, Voted, Withdrawn},
    ledger::{Account, Entry},
    notification::waiting,
    organization::Organization,
    policy::Policy,
};
use unionflow_protocol::{
    Amount, Audience, Event, EventType, RoleSet, Seq,
    approval::Decision,
    event::approvals::*,
    id::{AccountId, MemberId},
    problem::ErrorCode,
    rest::approval::Blocked,
};
use unionflow_storage::{Undo, tx::Appended};

use super::{Cause, Publisher, keepers, money};

impl Publisher<'_, '_> {
    /// A request waits for its votes.
    pub fn approval_pending(&mut self, approval: &mut Approval) -> Result<(), Undo> {
        // Published before the status of one that needs no vote moves on: it was pending first.
        let event = ApprovalPending {
            id: approval.id,
            requester_id: approval.requester_id,
            content: approval.content.clone(),
            terms: approval.terms.clone(),
        };
        let pending = self.append_about(approval, event)?;
        self.waiting(approval, EventType::ApprovalPending, pending)
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
        let updated = self.append_about(approval, event)?;
        self.waiting(approval, EventType::ApprovalUpdated, updated)
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
        self.waiting(approval, EventType::ApprovalVoteRecorded, vote)
    }

    /// The open step of a request waits for its voters, if it has one.
    fn waiting(&mut self, approval: &Approval, event_type: EventType, because: Appended) -> Result<(), Undo> {
        let single = approval.terms.policy.single_signature;
        let lone = single && self.tx.load_deciders(approval.organization_id)?.is_lone();
        let cause = Cause { event_id: because.event_id, event_type, about: approval.id.into() };
        self.notify(waiting(approval, lone), Some(cause))
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

    fn about_approval(&mut self, approval: &mut Approval, event: impl Into<Event>) -> Result<(), Undo> {
        self.append_about(approval, event).map(|_| ())
    }

    fn append_about(&mut self, approval: &mut Approval, event: impl Into<Event>) -> Result<Appended, Undo> {
        approval.version += 1;
        self.fact(approval.id.into(), approval.version, of_approval(approval), event.into())
    }
}

/// Officers, and the two it is about: whom it benefits where that member may see it.
fn of_approval(approval: &Approval) -> Audience {
    let beneficiary = approval.content.beneficiary_member_id.filter(|_| approval.open_to_beneficiary());
    Audience::roles(RoleSet::OFFICERS).and_member(approval.requester_id).and_member_if(beneficiary)
}

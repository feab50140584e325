//! Everything but voting: edit, cancel, expire, execute, lapse.

use unionflow_protocol::{
    Amount, Timestamp,
    approval::ApprovalStatus,
    event::approvals::{ApprovalContent, ApprovalTerms},
    id::{EntryId, MemberId},
    problem::ErrorCode,
};

use super::{Approval, Electorate, Resolution, content};
use crate::{
    detail::Detail,
    ledger::{Account, CannotPost, Chart, Entry, Reservation},
    policy::Policy,
    refusal::Refusal,
};

/// An approved request that may be executed now: what to post.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Execution {
    /// The entry's lines.
    pub lines: Vec<unionflow_protocol::event::approvals::EntryLine>,
    /// What was set aside for it, to be used up.
    pub reservation: Option<Reservation>,
}

/// An execution that could not be: recorded, and the request stays approved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotExecuted {
    /// Why.
    pub code: ErrorCode,
    /// What the account could have paid.
    pub available: Option<Amount>,
}

impl Approval {
    /// Other content, by its creator, while it waits: votes become void, band, steps and deadline are chosen anew from the
    /// policy in force. Returns the number of votes voided; `None` if nothing changed.
    pub fn edit(
        &mut self,
        editor: MemberId,
        content: ApprovalContent,
        policy: &Policy,
        electorate: &Electorate,
        now: Timestamp,
    ) -> Result<Option<u32>, Refusal> {
        self.may_edit(editor, now).map_err(|code| self.refusal(code))?;
        if content == self.content {
            return Ok(None);
        }
        let voided = u32::try_from(self.standing_votes().count()).unwrap_or(u32::MAX);
        let terms = policy.terms(content.transaction_type, content.amount, content::hash(&content), now)?;
        let code_givers = std::mem::take(&mut self.terms.code_givers);
        self.terms = ApprovalTerms { code_givers, ..terms };
        for vote in self.votes.iter_mut().filter(|vote| vote.voided_at.is_none()) {
            vote.voided_at = Some(now);
        }
        self.content = content;
        self.terms.code_givers = self.code_givers(electorate);
        self.edited = true;
        self.updated_at = now;
        if self.resolve(now) == Resolution::Approved {
            self.set_approved(None, now);
        } else {
            self.blocked = self.feasibility(electorate);
        }
        Ok(Some(voided))
    }

    /// Whether this person could edit it now; and if not, why.
    pub fn may_edit(&self, editor: MemberId, now: Timestamp) -> Result<(), ErrorCode> {
        self.may_cancel(editor, now)?;
        if self.content.transaction_type.is_governance() {
            return Err(ErrorCode::NotEditable);
        }
        Ok(())
    }

    /// Takes it back: only its creator, only while it waits.
    pub fn cancel(&mut self, by: MemberId, now: Timestamp) -> Result<(), Refusal> {
        self.may_cancel(by, now).map_err(|code| self.refusal(code))?;
        self.end(ApprovalStatus::Cancelled, now);
        Ok(())
    }

    /// Whether this person could take it back now; and if not, why.
    pub fn may_cancel(&self, by: MemberId, now: Timestamp) -> Result<(), ErrorCode> {
        if self.requester_id != by {
            return Err(ErrorCode::NotTheCreator);
        }
        match self.status {
            ApprovalStatus::Pending if now < self.terms.decide_by => Ok(()),
            ApprovalStatus::Pending => Err(ErrorCode::DecisionTooLate),
            _ => Err(ErrorCode::WrongApprovalStatus),
        }
    }

    /// Ends it because its maker has left: nobody stands for it any more. Whether it was still to be decided.
    pub fn close(&mut self, now: Timestamp) -> bool {
        let open = self.status == ApprovalStatus::Pending && now < self.terms.decide_by;
        if open {
            self.end(ApprovalStatus::Cancelled, now);
        }
        open
    }

    /// Ends it if it was not decided in time. The sweeper calls this; correctness does not depend on when.
    pub fn expire(&mut self, now: Timestamp) -> bool {
        let late = self.status == ApprovalStatus::Pending && now >= self.terms.decide_by;
        if late {
            self.end(ApprovalStatus::Expired, now);
        }
        late
    }

    /// Ends it if it was approved and not executed in time. What was set aside is to be freed.
    pub fn lapse(&mut self, now: Timestamp) -> bool {
        let late = self.status == ApprovalStatus::Approved
            && self.outcome.execute_by.is_some_and(|deadline| now >= deadline);
        if late {
            self.end(ApprovalStatus::Lapsed, now);
            self.reserved = false;
        }
        late
    }

    /// Sets money aside for it, once it is approved. Without cover it stays approved, and execution looks again.
    pub fn reserve(&mut self, chart: &mut Chart) -> Option<Reservation> {
        let account_id = chart.payer(&self.content)?.id;
        let reservation = Reservation { approval_id: self.id, account_id, amount: self.content.amount };
        self.reserved = chart.reserve(account_id, self.content.amount);
        self.reserved.then_some(reservation)
    }

    /// Whether its account could not pay it now.
    pub fn lacks_cover(&self, chart: &Chart) -> bool {
        let short = |account: &Account| account.available() < self.content.amount;
        !self.reserved && chart.payer(&self.content).is_some_and(short)
    }

    /// The refusal of a code; where its status forbids something, with what that is.
    pub fn refusal(&self, code: ErrorCode) -> Refusal {
        match code {
            ErrorCode::WrongApprovalStatus => Refusal::because(code, Detail::Status(self.status)),
            _ => code.into(),
        }
    }

    /// Whether it could be executed now; and if not, why.
    pub fn may_execute(&self, now: Timestamp) -> Result<(), ErrorCode> {
        if self.content.transaction_type.is_governance() {
            return Err(ErrorCode::ExecutesItself);
        }
        match (self.status, self.outcome.execute_by) {
            (ApprovalStatus::Approved, Some(deadline)) if now < deadline => Ok(()),
            (ApprovalStatus::Approved, _) => Err(ErrorCode::ExecutionTooLate),
            _ => Err(ErrorCode::WrongApprovalStatus),
        }
    }

    /// What executing it posts.
    pub fn execution(&self, chart: &Chart, now: Timestamp) -> Result<Execution, Refusal> {
        self.may_execute(now).map_err(|code| self.refusal(code))?;
        let lines = chart.postings(&self.content)?;
        let payer = chart.payer(&self.content).filter(|_| self.reserved);
        let reservation = payer.map(|account| Reservation {
            approval_id: self.id,
            account_id: account.id,
            amount: self.content.amount,
        });
        Ok(Execution { lines, reservation })
    }

    /// Posts its entry, using up what was set aside. Executed, or a failure that leaves everything as it was.
    pub fn execute(
        &mut self,
        by: MemberId,
        entry: &Entry,
        execution: &Execution,
        chart: &mut Chart,
        now: Timestamp,
    ) -> Result<(), NotExecuted> {
        let mut after = chart.clone();
        if let Some(reservation) = &execution.reservation {
            after.release(reservation);
        }
        match after.post(entry) {
            Ok(()) => {
                *chart = after;
                self.set_executed(Some(by), Some(entry.id), now);
                Ok(())
            }
            Err(reason) => {
                let (code, available) = match reason {
                    CannotPost::InsufficientFunds { available } => {
                        (ErrorCode::InsufficientFunds, Some(available))
                    }
                    CannotPost::OutOfRange | CannotPost::Malformed => (ErrorCode::NoLongerPossible, None),
                };
                Err(self.fail(code, available, now))
            }
        }
    }

    /// An execution could not be: noted, and it stays approved.
    pub fn fail(&mut self, code: ErrorCode, available: Option<Amount>, now: Timestamp) -> NotExecuted {
        self.outcome.last_failure = Some(code);
        self.updated_at = now;
        NotExecuted { code, available }
    }

    /// A change of policy or roles takes effect, in the transaction of its last vote.
    pub fn execute_governance(&mut self, now: Timestamp) {
        assert!(self.content.transaction_type.is_governance() && self.status == ApprovalStatus::Approved);
        self.set_executed(self.outcome.approved_by, None, now);
    }

    /// A change of policy or roles was approved, and what it wanted is no longer possible: it ends without effect.
    pub fn fail_governance(&mut self, code: ErrorCode, now: Timestamp) {
        assert!(self.content.transaction_type.is_governance() && self.status == ApprovalStatus::Approved);
        self.outcome.last_failure = Some(code);
        self.end(ApprovalStatus::Lapsed, now);
    }

    fn set_executed(&mut self, by: Option<MemberId>, entry: Option<EntryId>, now: Timestamp) {
        self.status = ApprovalStatus::Executed;
        self.reserved = false;
        self.outcome.executed_by = by;
        self.outcome.executed_at = Some(now);
        self.outcome.entry_id = entry;
        self.outcome.last_failure = None;
        self.updated_at = now;
    }

    fn end(&mut self, status: ApprovalStatus, now: Timestamp) {
        self.status = status;
        self.blocked = None;
        self.updated_at = now;
    }
}

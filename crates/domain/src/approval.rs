//! Requests that others must approve: the engine.
//!
//! A request copies the policy in force. Votes are bound to its content and to one person each. Whether it
//! is decided is [`resolve::resolve`], a pure function of policy, votes and time that anyone can repeat from the journal.
//! There is no path to `EXECUTED` around it, and none out of a final state.

use serde::{Deserialize, Serialize};
use unionflow_protocol::{
    RoleSet, Timestamp,
    approval::{ApprovalStatus, TransactionType},
    event::approvals::{ApprovalContent, ApprovalTerms},
    id::{ApprovalId, EntryId, MemberId, OrganizationId},
    problem::ErrorCode,
    rest::approval::Blocked,
};

use crate::{policy::Policy, refusal::Refusal};

pub mod content;
mod electorate;
mod lifecycle;
pub mod resolve;
#[cfg(test)]
mod tests;
mod vote;

pub use electorate::{Electorate, GivenCode, Voter};
pub use lifecycle::{Execution, NotExecuted};
pub use resolve::{Resolution, resolve};
pub use vote::{Rejected, Voted, Withdrawn};

/// A request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// Its id.
    pub id: ApprovalId,
    /// Where.
    pub organization_id: OrganizationId,
    /// Grows with every event about it.
    pub version: u64,
    /// Where it stands.
    pub status: ApprovalStatus,
    /// Who asked: its maker, with the beneficiary. Makers do not vote.
    pub requester_id: MemberId,
    /// What it asks for.
    pub content: ApprovalContent,
    /// The copied policy.
    pub terms: ApprovalTerms,
    /// Whether it was ever edited.
    pub edited: bool,
    /// Every vote ever cast, in order; those withdrawn or on other content stay as facts and do not count.
    pub votes: Vec<Vote>,
    /// Set while too few people are left who may decide.
    pub blocked: Option<Blocked>,
    /// Whether money is set aside for it.
    pub reserved: bool,
    /// How it went on after the votes.
    pub outcome: Outcome,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// A vote for a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vote {
    /// Who.
    pub voter_id: MemberId,
    /// In which step, from 1.
    pub step: u8,
    /// The content voted on.
    pub content_hash: String,
    /// When.
    pub at: Timestamp,
    /// Whether it counted for the whole step, because nobody else held a voting role.
    pub single_signature: bool,
    /// When it was taken back.
    pub withdrawn_at: Option<Timestamp>,
    /// When an edit made it void: for good, also where a later edit brings the same content back.
    #[serde(default)]
    pub voided_at: Option<Timestamp>,
}

/// How a request went on after the votes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Outcome {
    /// The last voter.
    pub approved_by: Option<MemberId>,
    /// When the last vote came.
    pub approved_at: Option<Timestamp>,
    /// Until when it may be executed.
    pub execute_by: Option<Timestamp>,
    /// Who refused.
    pub rejected_by: Option<MemberId>,
    /// When.
    pub rejected_at: Option<Timestamp>,
    /// Who executed.
    pub executed_by: Option<MemberId>,
    /// When.
    pub executed_at: Option<Timestamp>,
    /// The entry posted.
    pub entry_id: Option<EntryId>,
    /// Why the last try to execute failed.
    pub last_failure: Option<ErrorCode>,
    /// When the code that an executed reset allows was handed out: once.
    pub code_issued_at: Option<Timestamp>,
}

/// What a new request is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewApproval {
    /// Its id.
    pub id: ApprovalId,
    /// Where.
    pub organization_id: OrganizationId,
    /// Who asks.
    pub requester_id: MemberId,
    /// What for.
    pub content: ApprovalContent,
}

impl Approval {
    /// A new request under the policy in force; approved at once where that needs no vote.
    pub fn submit(
        new: NewApproval,
        policy: &Policy,
        electorate: &Electorate,
        now: Timestamp,
    ) -> Result<Self, Refusal> {
        let terms = policy.terms(
            new.content.transaction_type,
            new.content.amount,
            content::hash(&new.content),
            now,
        )?;
        let mut approval = Self {
            id: new.id,
            organization_id: new.organization_id,
            version: 0,
            status: ApprovalStatus::Pending,
            requester_id: new.requester_id,
            content: new.content,
            terms,
            edited: false,
            votes: Vec::new(),
            blocked: None,
            reserved: false,
            outcome: Outcome::default(),
            created_at: now,
            updated_at: now,
        };
        approval.terms.code_givers = approval.code_givers(electorate);
        if approval.resolve(now) == Resolution::Approved {
            approval.set_approved(None, now);
        } else {
            approval.blocked = approval.feasibility(electorate);
        }
        Ok(approval)
    }

    /// Where the votes stand now.
    pub fn resolve(&self, now: Timestamp) -> Resolution {
        resolve(&self.terms, &self.votes, now)
    }

    /// Votes that count: on the content as it stands, not taken back.
    pub fn standing_votes(&self) -> impl Iterator<Item = &Vote> {
        self.votes.iter().filter(|vote| vote.counts_for(&self.terms.content_hash))
    }

    /// Who made it and who benefits from it.
    pub fn makers(&self) -> impl Iterator<Item = MemberId> {
        std::iter::once(self.requester_id).chain(self.content.beneficiary_member_id)
    }

    /// Whether this member made it or benefits from it.
    pub fn is_maker(&self, member: MemberId) -> bool {
        self.makers().any(|maker| maker == member)
    }

    /// Whether it is shown to whom it benefits, for that alone: a change of roles is, once it is decided so. One that comes to
    /// nothing was never that member's to see.
    pub fn open_to_beneficiary(&self) -> bool {
        self.content.transaction_type != TransactionType::RoleChange || self.outcome.approved_at.is_some()
    }

    fn set_approved(&mut self, by: Option<MemberId>, now: Timestamp) {
        self.status = ApprovalStatus::Approved;
        self.blocked = None;
        self.outcome.approved_by = by;
        self.outcome.approved_at = Some(now);
        self.outcome.execute_by = Some(now.plus(crate::policy::hours(self.terms.execute_within_hours)));
    }
}

impl Vote {
    /// Whether it counts for this content.
    pub fn counts_for(&self, content_hash: &str) -> bool {
        self.withdrawn_at.is_none() && self.voided_at.is_none() && self.content_hash == content_hash
    }
}

/// The roles that may vote now, of a policy's step.
pub(crate) fn step_roles(terms: &ApprovalTerms, step: u8) -> RoleSet {
    terms.policy.steps.get(usize::from(step).saturating_sub(1)).map_or(RoleSet::EMPTY, |step| step.roles)
}

//! Voting: approve, reject, withdraw.

use unionflow_protocol::{Timestamp, approval::ApprovalStatus, id::MemberId, problem::ErrorCode};

use super::{Approval, Electorate, Resolution, Vote, Voter, step_roles};
use crate::refusal::Refusal;

/// A vote was recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Voted {
    /// In which step, from 1.
    pub step: u8,
    /// Votes in that step, this one included.
    pub votes_in_step: u8,
    /// Votes that step needs.
    pub votes_needed: u8,
    /// Whether it counted for the whole step.
    pub single_signature: bool,
    /// Whether it closed its step.
    pub step_closed: bool,
    /// Whether it decided the request.
    pub approved: bool,
}

/// A request was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rejected {
    /// In which step, from 1.
    pub step: u8,
}

/// A vote was taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Withdrawn {
    /// In which step, from 1.
    pub step: u8,
    /// Votes left in that step.
    pub votes_in_step: u8,
    /// Votes that step needs.
    pub votes_needed: u8,
}

struct Ballot {
    step: u8,
    votes_in_step: u8,
    votes_needed: u8,
    single_signature: bool,
}

impl Approval {
    /// A vote for it. `seen` is the content hash the voter saw; it may be left out while the request was never edited.
    pub fn approve(
        &mut self,
        voter: &Voter,
        electorate: &Electorate,
        seen: Option<&str>,
        now: Timestamp,
    ) -> Result<Voted, Refusal> {
        let ballot = self.ballot(voter, electorate, seen, now)?;
        self.votes.push(Vote {
            voter_id: voter.member_id,
            step: ballot.step,
            content_hash: self.terms.content_hash.clone(),
            at: now,
            single_signature: ballot.single_signature,
            withdrawn_at: None,
            voided_at: None,
        });
        self.updated_at = now;
        let resolution = self.resolve(now);
        if resolution == Resolution::Approved {
            self.set_approved(Some(voter.member_id), now);
        }
        Ok(Voted {
            step: ballot.step,
            votes_in_step: ballot.votes_in_step + 1,
            votes_needed: if ballot.single_signature {
                ballot.votes_in_step + 1
            } else {
                ballot.votes_needed
            },
            single_signature: ballot.single_signature,
            step_closed: !matches!(resolution, Resolution::Open { step, .. } if step == ballot.step),
            approved: resolution == Resolution::Approved,
        })
    }

    /// A refusal: one, by somebody who could have voted for it, ends the request. Its reason is kept apart.
    pub fn reject(
        &mut self,
        voter: &Voter,
        electorate: &Electorate,
        seen: Option<&str>,
        now: Timestamp,
    ) -> Result<Rejected, Refusal> {
        let ballot = self.ballot(voter, electorate, seen, now)?;
        self.status = ApprovalStatus::Rejected;
        self.blocked = None;
        self.outcome.rejected_by = Some(voter.member_id);
        self.outcome.rejected_at = Some(now);
        self.updated_at = now;
        Ok(Rejected { step: ballot.step })
    }

    /// Takes back one's own vote while its step is open. The vote stays as a fact and no longer counts.
    pub fn withdraw(&mut self, voter: MemberId, now: Timestamp) -> Result<Withdrawn, Refusal> {
        let (open, votes_needed) = self.open_step(now).map_err(|code| self.refusal(code))?;
        let hash = self.terms.content_hash.clone();
        let vote = self
            .votes
            .iter_mut()
            .find(|vote| vote.voter_id == voter && vote.step == open && vote.counts_for(&hash))
            .ok_or(ErrorCode::NoVoteToWithdraw)?;
        vote.withdrawn_at = Some(now);
        self.updated_at = now;
        let votes_in_step = match self.resolve(now) {
            Resolution::Open { votes_in_step, .. } => votes_in_step,
            Resolution::Approved | Resolution::Expired => 0,
        };
        Ok(Withdrawn { step: open, votes_in_step, votes_needed })
    }

    /// Whether this person could approve or reject now; and if not, why.
    pub fn may_vote(&self, voter: &Voter, electorate: &Electorate, now: Timestamp) -> Result<(), ErrorCode> {
        let seen = Some(self.terms.content_hash.as_str());
        self.ballot(voter, electorate, seen, now).map(|_| ()).map_err(|refusal| refusal.code)
    }

    /// Whether this person could take a vote back now; and if not, why.
    pub fn may_withdraw(&self, voter: MemberId, now: Timestamp) -> Result<(), ErrorCode> {
        self.clone().withdraw(voter, now).map(|_| ()).map_err(|refusal| refusal.code)
    }

    fn open_step(&self, now: Timestamp) -> Result<(u8, u8), ErrorCode> {
        match (self.status, self.resolve(now)) {
            (ApprovalStatus::Pending, Resolution::Open { step, votes_needed, .. }) => {
                Ok((step, votes_needed))
            }
            (ApprovalStatus::Pending, _) => Err(ErrorCode::DecisionTooLate),
            _ => Err(ErrorCode::WrongApprovalStatus),
        }
    }

    /// Eligibility, checked at the moment of the vote.
    fn ballot(
        &self,
        voter: &Voter,
        electorate: &Electorate,
        seen: Option<&str>,
        now: Timestamp,
    ) -> Result<Ballot, Refusal> {
        let (step, votes_needed) = self.open_step(now).map_err(|code| self.refusal(code))?;
        let current = self.terms.content_hash.as_str();
        if seen.map_or(self.edited, |seen| !seen.eq_ignore_ascii_case(current)) {
            return Err(ErrorCode::ContentChanged.into());
        }
        let alone = self.single_signature_for(voter.member_id, electorate);
        let benefits = self.content.beneficiary_member_id == Some(voter.member_id);
        if benefits || (self.is_maker(voter.member_id) && !alone) {
            return Err(ErrorCode::MakerMayNotVote.into());
        }
        if !alone && self.is_one_with_others(voter.member_id, electorate) {
            return Err(ErrorCode::CodeGiverMayNotVote.into());
        }
        if !alone && !step_roles(&self.terms, step).intersects(voter.roles) {
            return Err(ErrorCode::NotAnApprover.into());
        }
        let own = |vote: &&Vote| vote.voter_id == voter.member_id && (!alone || vote.step == step);
        if self.standing_votes().any(|vote| own(&vote)) {
            return Err(ErrorCode::AlreadyVoted.into());
        }
        let votes_in_step = self.standing_votes().filter(|vote| vote.step == step).count();
        let votes_in_step = u8::try_from(votes_in_step).unwrap_or(u8::MAX - 1);
        Ok(Ballot { step, votes_in_step, votes_needed, single_signature: alone })
    }
}

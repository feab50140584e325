//! A request, as the caller sees it.

use unionflow_domain::{
    approval::{Approval, Electorate, Resolution},
    member::Member,
    permissions::Action,
};
use unionflow_protocol::{
    approval::ApprovalStatus,
    id::ApprovalId,
    problem::ErrorCode,
    rest::{
        self, AsOf,
        approval::{AllowedAction, ApprovalAction, Vote},
    },
};
use unionflow_storage::{Reader, StoreFault, Tx, Undo, tables::text::TextKind};

use super::{lacks_beneficiary, voter};

/// Whether a member may see a request: officers see all, others what they made or what benefits them.
pub(crate) fn sees(member: &Member, approval: &Approval) -> bool {
    Action::SeeApprovals.allowed(member.effective_roles())
        || approval.requester_id == member.id
        || (approval.content.beneficiary_member_id == Some(member.id) && approval.open_to_beneficiary())
}

/// A request within the unit that changed it.
pub(crate) fn view(
    tx: &mut Tx<'_>,
    approval: &Approval,
    member: &Member,
) -> Result<rest::approval::Approval, Undo> {
    let as_of = tx.as_of_here()?;
    read(tx, approval, Some(member), as_of)
}

/// A request within a snapshot. Who is no member may do nothing with it.
pub(crate) fn read(
    reader: &mut Reader<'_>,
    approval: &Approval,
    member: Option<&Member>,
    as_of: AsOf,
) -> Result<rest::approval::Approval, Undo> {
    let owner = approval.id.into();
    reader.foresee(|reader| load_words(reader, approval.id, !approval.votes.is_empty()))?;
    let purpose = reader.load_text(owner, TextKind::Purpose, 0)?;
    let rejected = approval.status == ApprovalStatus::Rejected;
    let reason = if rejected { reader.load_text(owner, TextKind::Reason, 0)? } else { None };
    let (current_step, votes_in_step, votes_needed) = open_step(approval);
    let votes = votes(reader, approval)?;
    let mut terms = approval.terms.clone();
    let electorate = match approval.status {
        ApprovalStatus::Pending => Some(reader.load_electorate(approval.organization_id, approval.makers())?),
        _ => None,
    };
    if let Some(electorate) = &electorate {
        // With those who were shown a code since: voters see whose voice it may be.
        terms.code_givers = approval.code_givers(electorate);
    }
    let concerned = match approval.content.beneficiary_member_id {
        Some(id) => reader.load_member(id)?,
        None => None,
    };
    let outcome = &approval.outcome;
    Ok(rest::approval::Approval {
        id: approval.id,
        organization_id: approval.organization_id,
        version: approval.version,
        status: approval.status,
        requester_id: approval.requester_id,
        content: approval.content.clone(),
        beneficiary_member_number: concerned.map(|member| member.number.as_str().to_owned()),
        purpose,
        terms,
        edited: approval.edited,
        current_step,
        votes_in_step,
        votes_needed,
        votes,
        blocked: approval.blocked,
        reserved: approval.reserved,
        approved_by: outcome.approved_by,
        approved_at: outcome.approved_at,
        execute_by: outcome.execute_by,
        rejected_by: outcome.rejected_by,
        rejected_at: outcome.rejected_at,
        reason,
        executed_by: outcome.executed_by,
        executed_at: outcome.executed_at,
        entry_id: outcome.entry_id,
        last_failure: outcome.last_failure,
        created_at: approval.created_at,
        updated_at: approval.updated_at,
        actions: actions(reader, approval, member, electorate.as_ref())?,
        as_of,
    })
}

/// Loads what people wrote in a request: for a unit that shows it when it is done.
pub(crate) fn load_words(reader: &mut Reader<'_>, id: ApprovalId, has_votes: bool) -> Result<(), StoreFault> {
    reader.load_text(id.into(), TextKind::Purpose, 0)?;
    if has_votes { reader.load_texts(id.into(), TextKind::Comment).map(drop) } else { Ok(()) }
}

/// Which step waits for votes, how many it has and needs; none and 0 where nothing does.
fn open_step(approval: &Approval) -> (Option<u8>, u8, u8) {
    match (approval.status, approval.resolve(approval.created_at)) {
        (ApprovalStatus::Pending, Resolution::Open { step, votes_in_step, votes_needed }) => {
            (Some(step), votes_in_step, votes_needed)
        }
        _ => (None, 0, 0),
    }
}

/// The votes that count, with what was said to them.
fn votes(reader: &mut Reader<'_>, approval: &Approval) -> Result<Vec<Vote>, Undo> {
    let owner = approval.id.into();
    let comments =
        if approval.votes.is_empty() { Vec::new() } else { reader.load_texts(owner, TextKind::Comment)? };
    let comment_of = |n: usize| {
        comments.iter().find(|(of, _)| usize::try_from(*of) == Ok(n)).map(|(_, comment)| comment.clone())
    };
    let standing =
        approval.votes.iter().enumerate().filter(|(_, v)| v.counts_for(&approval.terms.content_hash));
    let votes = standing
        .map(|(n, vote)| Vote {
            voter_id: vote.voter_id,
            step: vote.step,
            at: vote.at,
            comment: comment_of(n),
        })
        .collect();
    Ok(votes)
}

/// What the member may do with it now, and why not.
fn actions(
    reader: &mut Reader<'_>,
    approval: &Approval,
    member: Option<&Member>,
    electorate: Option<&Electorate>,
) -> Result<Vec<AllowedAction>, Undo> {
    let Some(member) = member else { return Ok(Vec::new()) };
    let (now, voter) = (reader.now(), voter(member));
    let may_vote = match electorate {
        Some(electorate) => approval.may_vote(&voter, electorate, now),
        None => Err(ErrorCode::WrongApprovalStatus),
    };
    let may_execute = if Action::Execute.allowed(voter.roles) {
        approval.may_execute(now)
    } else {
        Err(ErrorCode::Forbidden)
    };
    let open = may_vote.is_ok() || may_execute.is_ok();
    let for_a_member = if open && lacks_beneficiary(reader, approval)? {
        Err(ErrorCode::BeneficiaryNotActive)
    } else {
        Ok(())
    };
    let judged = [
        (ApprovalAction::Approve, may_vote.and(for_a_member)),
        (ApprovalAction::Reject, may_vote),
        (ApprovalAction::Withdraw, approval.may_withdraw(member.id, now)),
        (ApprovalAction::Edit, approval.may_edit(member.id, now)),
        (ApprovalAction::Cancel, approval.may_cancel(member.id, now)),
        (ApprovalAction::Execute, may_execute.and(for_a_member)),
    ];
    let judged = judged.map(|(action, result)| AllowedAction {
        action,
        allowed: result.is_ok(),
        refusal: result.err(),
    });
    Ok(judged.to_vec())
}

//! `POST /finance/approvals/{id}/approve`

use unionflow_domain::text::words;
use unionflow_protocol::{
    approval::ApprovalStatus,
    id::ApprovalId,
    limits,
    problem::ErrorCode,
    rest::{self, approval::Approve},
};
use unionflow_storage::{
    Tx, Undo,
    tables::text::{Text, TextKind},
};

use super::{
    foresee, governance, lacks_beneficiary, load_for, review::review, sweep::free_lapsed, view, voter,
    with_current,
};
use crate::{Call, Publish};

/// A vote for a request; the last one approves it, and a change of policy or roles takes effect with it.
pub fn approve(
    tx: &mut Tx<'_>,
    call: &Call,
    id: ApprovalId,
    approve: &Approve,
) -> Result<rest::approval::Approval, Undo> {
    let organization = tx.organization()?.id;
    foresee(tx, organization, id)?;
    let (mut approval, member) = load_for(tx, call, id)?;
    let comment =
        approve.comment.as_deref().map(|text| words("/comment", text, limits::COMMENT_CHARS)).transpose()?;
    let comment = comment.filter(|comment| !comment.is_empty());
    if approval.status == ApprovalStatus::Pending && lacks_beneficiary(tx, &approval)? {
        with_current(tx, &approval, &member, Err::<(), _>(ErrorCode::BeneficiaryNotActive.into()))?;
    }
    let electorate = tx.load_electorate(approval.organization_id, approval.makers())?;
    let decided = approval.approve(&voter(&member), &electorate, approve.content_hash.as_deref(), tx.now());
    let voted = with_current(tx, &approval, &member, decided)?;

    if let Some(body) = &comment {
        let n = u32::try_from(approval.votes.len() - 1).unwrap_or(u32::MAX);
        let (salt, author_id) = (tx.new_salt(), Some(member.id));
        let text =
            Text { owner_id: id.into(), kind: TextKind::Comment, n, author_id, salt, body: body.clone() };
        tx.save_text(approval.organization_id, &text)?;
    }
    if voted.approved {
        free_lapsed(tx, &approval)?; // now: the decision is the very next event after its vote
    }
    let vote = tx.publish().approval_vote_recorded(&mut approval, member.id, &voted, comment.is_some())?;
    if voted.approved {
        governance::approved(tx, &mut approval)?;
    } else {
        if voted.step_closed {
            tx.publish().next_step(&approval, vote)?;
        }
        // Whoever voted here can no longer vote in a later step, where nobody else may be left.
        review(tx, &mut approval, &electorate)?;
    }
    tx.save_approval(&approval)?;
    view::view(tx, &approval, &member)
}

//! `POST /members/{id}/reset`

use std::time::Duration;

use unionflow_auth::secret::{self, SecretHash};
use unionflow_domain::{approval::Approval, member::Member, permissions::Action};
use unionflow_protocol::{
    approval::{ApprovalStatus, TransactionType},
    event::approvals::RoleChange,
    id::{ApprovalId, MemberId},
    problem::ErrorCode,
    rest::{
        auth::Secret,
        member::{CodeOrRequest, MemberCode, WithReason},
    },
};
use unionflow_storage::{
    Tx, Undo,
    tables::{
        access::{Code, CodePurpose},
        approval::ApprovalFilter,
    },
};

use super::load_for;
use crate::{
    Call, Publish,
    approval::{
        review::review_all,
        submit::{Governance, submit_governance},
    },
    auth::reset::belongs_elsewhere,
    membership,
};

/// How long a code for a new password works.
const RESET_LIFETIME: Duration = Duration::from_secs(24 * 3600);
/// How long after the last vote whoever asked can fetch the code.
const CLAIM_WITHIN: Duration = Duration::from_secs(7 * 24 * 3600);
/// How many of a member's requests are looked through for an executed reset.
const LOOKED_THROUGH: usize = 50;

/// Gives a code by which a member sets a new password, and ends all sessions. Of somebody who holds an office, others decide
/// first, and whoever asked then asks again to get the code. Of somebody who belongs to another organisation too, nobody
/// here can: it would open the other one.
pub fn reset(
    tx: &mut Tx<'_>,
    call: &Call,
    id: MemberId,
    with: &WithReason,
    public_url: &str,
) -> Result<CodeOrRequest, Undo> {
    let (mut member, actor) = load_for(tx, call, id)?;
    membership::require(&actor, Action::ResetMember)?;
    let change = RoleChange::Reset { reset: true };
    member.check_role_change(change)?;
    let person = member.person_id.ok_or(ErrorCode::NoAccount)?;
    if belongs_elsewhere(tx, person, &member)? {
        return Err(ErrorCode::OperatorOnly.into());
    }
    let mut allowed_by = None;
    if member.holds_office() {
        let Some(mut approval) = executed_reset(tx, &member, &actor)? else {
            let wanted = Governance {
                transaction_type: TransactionType::RoleChange,
                concerned: Some(id),
                role_change: Some(change),
                policy_change: None,
                purpose: with.reason.clone(),
            };
            return Ok(CodeOrRequest::Request(Box::new(submit_governance(tx, &actor, wanted)?)));
        };
        approval.outcome.code_issued_at = Some(tx.now());
        tx.save_approval(&approval)?;
        allowed_by = Some(approval.id);
    }
    tx.end_sign_ins(person, None)?;
    let code = issue(tx, &member, allowed_by, CodePurpose::Reset, public_url)?;
    member.give_code(actor.id, tx.now());
    member.updated_at = tx.now();
    tx.publish().member_reset_issued(&mut member)?;
    tx.save_member(&member)?;
    review_all(tx, member.organization_id, None)?;
    Ok(CodeOrRequest::Code(MemberCode { as_of: tx.as_of_here()?, ..code }))
}

/// Hands out a code; those of before stop working.
pub(crate) fn issue(
    tx: &mut Tx<'_>,
    member: &Member,
    approval_id: Option<ApprovalId>,
    purpose: CodePurpose,
    public_url: &str,
) -> Result<MemberCode, Undo> {
    let code = secret::code();
    let expires_at = tx.now().plus(RESET_LIFETIME);
    let kept = Code {
        purpose,
        organization_id: member.organization_id,
        member_id: member.id,
        approval_id,
        expires_at,
    };
    tx.replace_codes(SecretHash::of_code(&code).as_bytes(), &kept)?;
    let link = Secret(format!("{}/reset#{code}", public_url.trim_end_matches('/')));
    Ok(MemberCode { member_id: member.id, code: Secret(code), link, expires_at, as_of: tx.as_of_here()? })
}

/// What was handed out or allowed for the office held so far opens no other: codes stop working, and resets that others
/// allowed have to be asked for again.
pub(crate) fn void(tx: &mut Tx<'_>, member: &Member) -> Result<(), Undo> {
    tx.delete_codes(member.id)?;
    for mut approval in executed_resets(tx, member)? {
        approval.outcome.code_issued_at = Some(tx.now());
        tx.save_approval(&approval)?;
    }
    Ok(())
}

/// The reset of this member that this person asked for, that others have allowed, and whose code was not fetched yet.
fn executed_reset(tx: &mut Tx<'_>, member: &Member, actor: &Member) -> Result<Option<Approval>, Undo> {
    let executed = executed_resets(tx, member)?;
    Ok(executed.into_iter().find(|approval| approval.requester_id == actor.id))
}

/// The resets of this member that others have allowed, and whose codes can still be fetched.
fn executed_resets(tx: &mut Tx<'_>, member: &Member) -> Result<Vec<Approval>, Undo> {
    let now = tx.now();
    let filter = ApprovalFilter { status: Some(ApprovalStatus::Executed), about: Some(member.id) };
    let mut executed = tx.load_approvals(member.organization_id, &filter, None, LOOKED_THROUGH)?;
    executed.retain(|approval| {
        approval.content.beneficiary_member_id == Some(member.id)
            && approval.content.role_change == Some(RoleChange::Reset { reset: true })
            && approval.outcome.code_issued_at.is_none()
            && approval.outcome.executed_at.is_some_and(|at| now.since(at) < CLAIM_WITHIN)
    });
    Ok(executed)
}

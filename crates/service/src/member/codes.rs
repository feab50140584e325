//! Codes for a new password: handed out, allowed by others, and void once the office they were for is another.

use std::time::Duration;

use unionflow_auth::secret::{self, SecretHash};
use unionflow_domain::{approval::Approval, member::Member};
use unionflow_protocol::{
    approval::ApprovalStatus,
    event::approvals::RoleChange,
    id::ApprovalId,
    rest::{auth::Secret, member::MemberCode},
};
use unionflow_storage::{
    Tx, Undo,
    tables::{
        access::{Code, CodePurpose},
        approval::ApprovalFilter,
    },
};

/// How long a code for a new password works.
const RESET_LIFETIME: Duration = Duration::from_secs(24 * 3600);
/// How long after the last vote whoever asked can fetch the code.
const CLAIM_WITHIN: Duration = Duration::from_secs(7 * 24 * 3600);
/// How many of a member's requests are looked through for an executed reset.
const LOOKED_THROUGH: usize = 50;

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
pub(crate) fn executed_reset(
    tx: &mut Tx<'_>,
    member: &Member,
    actor: &Member,
) -> Result<Option<Approval>, Undo> {
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

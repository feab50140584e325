//! `POST /members/{id}/invite`

use std::time::Duration;

use unionflow_auth::secret::{self, SecretHash};
use unionflow_domain::permissions::Action;
use unionflow_protocol::{
    id::MemberId,
    member::MemberStatus,
    problem::ErrorCode,
    rest::{auth::Secret, member::MemberCode},
};
use unionflow_storage::{
    Tx, Undo,
    tables::access::{Code, CodePurpose},
};

use super::load_for;
use crate::{Call, Publish, approval::review::review_all, membership};

/// How long an invitation can be accepted.
const INVITATION_LIFETIME: Duration = Duration::from_secs(14 * 24 * 3600);

/// Gives a code by which a member without an account makes one, or links one. The answer is the same whether the contact
/// belongs to somebody already or not. For somebody who holds an office only the operator can: whoever got the code would
/// act in it.
pub fn invite(tx: &mut Tx<'_>, call: &Call, id: MemberId, public_url: &str) -> Result<MemberCode, Undo> {
    let (mut member, actor) = load_for(tx, call, id)?;
    membership::require(&actor, Action::KeepMembers)?;
    if member.person_id.is_some() {
        return Err(ErrorCode::HasAccount.into());
    }
    if member.status != MemberStatus::Active {
        return Err(ErrorCode::WrongMemberStatus.into());
    }
    if member.holds_office() {
        return Err(ErrorCode::OperatorOnly.into());
    }
    let code = secret::code();
    let expires_at = tx.now().plus(INVITATION_LIFETIME);
    let kept = Code {
        purpose: CodePurpose::Invitation,
        organization_id: member.organization_id,
        member_id: id,
        approval_id: None,
        expires_at,
    };
    tx.replace_codes(SecretHash::of_code(&code).as_bytes(), &kept)?;
    member.give_code(actor.id, tx.now());
    member.updated_at = tx.now();
    tx.publish().member_invited(&mut member)?;
    tx.save_member(&member)?;
    review_all(tx, member.organization_id, None)?;
    // The code is behind the `#`: browsers do not send that part, so it is in no log.
    let link = Secret(format!("{}/activate#{code}", public_url.trim_end_matches('/')));
    Ok(MemberCode { member_id: id, code: Secret(code), link, expires_at, as_of: tx.as_of_here()? })
}

//! `POST /members/{id}/reset`

use unionflow_domain::permissions::Action;
use unionflow_protocol::{
    approval::TransactionType,
    event::approvals::RoleChange,
    id::MemberId,
    problem::ErrorCode,
    rest::member::{CodeOrRequest, MemberCode, WithReason},
};
use unionflow_storage::{Tx, Undo, tables::access::CodePurpose};

use super::{
    codes::{executed_reset, issue},
    load_for,
};
use crate::{
    Call, Publish,
    approval::{
        review::review_all,
        submit::{Governance, submit_governance},
    },
    auth::reset::belongs_elsewhere,
    membership,
};

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

//! `PUT` and `DELETE /members/{id}/roles/{role}`

use unionflow_domain::permissions::Action;
use unionflow_protocol::{
    Role,
    approval::TransactionType,
    event::approvals::RoleChange,
    id::MemberId,
    rest::member::{MemberOrRequest, WithReason},
};
use unionflow_storage::{Tx, Undo};

use super::{load_for, view};
use crate::{
    Call, Publish,
    approval::{
        review::review_all,
        submit::{Governance, submit_governance},
    },
};

/// Asks that a member be given a role, or that one be taken: others decide. One's own role can be laid down at once.
pub fn ask_role(
    tx: &mut Tx<'_>,
    call: &Call,
    id: MemberId,
    role: Role,
    grant: bool,
    with: &WithReason,
) -> Result<MemberOrRequest, Undo> {
    let (mut member, actor) = load_for(tx, call, id)?;
    let change = RoleChange::Role { role, grant };
    if actor.id == member.id && !grant {
        member.check_role_change(change)?;
        member.set_role(role, false);
        member.updated_at = tx.now();
        tx.publish().role_changed(&mut member, role, false, None)?;
        tx.save_member(&member)?;
        review_all(tx, member.organization_id, None)?;
        return Ok(MemberOrRequest::Member(Box::new(view::view(tx, &member, &member)?)));
    }
    if !Action::AskGovernance.allowed(actor.effective_roles()) {
        return Err(Action::AskGovernance.forbidden().into());
    }
    member.check_role_change(change)?;
    let wanted = Governance {
        transaction_type: TransactionType::RoleChange,
        concerned: Some(member.id),
        role_change: Some(change),
        policy_change: None,
        purpose: with.reason.clone(),
    };
    Ok(MemberOrRequest::Request(Box::new(submit_governance(tx, &actor, wanted)?)))
}

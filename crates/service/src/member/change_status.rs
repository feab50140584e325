//! `POST /members/{id}/admit`, `…/refuse`, `…/suspend`, `…/reinstate`, `…/leave`

use unionflow_domain::{
    member::{Member, StatusChange},
    permissions::Action,
    text::words,
};
use unionflow_protocol::{
    approval::TransactionType,
    event::approvals::RoleChange,
    id::MemberId,
    limits,
    member::MemberStatus,
    problem::ErrorCode,
    rest::member::{MemberOrRequest, WithReason},
};
use unionflow_storage::{
    Tx, Undo,
    tables::text::{Text, TextKind},
};

use super::{load_for, view};
use crate::{
    Call, Publish,
    approval::{
        cancel::cancel_all_of,
        review::review_all,
        submit::{Governance, submit_governance},
    },
    publish::StatusChanged,
};

/// Changes a membership. Of somebody who holds a role, it becomes a request that others decide; only the member himself may
/// leave at once.
pub fn change_status(
    tx: &mut Tx<'_>,
    call: &Call,
    id: MemberId,
    change: StatusChange,
    with: &WithReason,
) -> Result<MemberOrRequest, Undo> {
    let (mut member, actor) = load_for(tx, call, id)?;
    let leaves = change == StatusChange::Leave && actor.id == member.id;
    if !leaves && !Action::KeepMembers.allowed(actor.effective_roles()) {
        return Err(Action::KeepMembers.forbidden().into());
    }
    if member.holds_office() && !leaves {
        return request(tx, &member, &actor, change, with);
    }
    let reason =
        with.reason.as_deref().map(|text| words("/reason", text, limits::REASON_CHARS)).transpose()?;
    let (today, held) = (tx.today()?, member.roles);
    let previous = member.change_status(change, today)?;
    member.updated_at = tx.now();
    let changed = StatusChanged { previous, held, has_reason: reason.is_some(), approval_id: None };
    if let Some(body) = reason {
        let (salt, author_id) = (tx.new_salt(), Some(actor.id));
        let text = Text { owner_id: id.into(), kind: TextKind::Reason, n: 0, author_id, salt, body };
        tx.save_text(member.organization_id, &text)?;
    }
    tx.publish().member_status_changed(&mut member, &changed)?;
    tx.save_member(&member)?;
    if member.status != MemberStatus::Active {
        tx.delete_codes(member.id)?;
    }
    if member.status == MemberStatus::Left {
        cancel_all_of(tx, &member)?;
    }
    review_all(tx, member.organization_id, None)?;
    let viewer = if leaves { &member } else { &actor };
    Ok(MemberOrRequest::Member(Box::new(view::view(tx, &member, viewer)?)))
}

fn request(
    tx: &mut Tx<'_>,
    member: &Member,
    actor: &Member,
    change: StatusChange,
    with: &WithReason,
) -> Result<MemberOrRequest, Undo> {
    let status = match change {
        StatusChange::Suspend => MemberStatus::Suspended,
        StatusChange::Reinstate => MemberStatus::Active,
        StatusChange::Leave => MemberStatus::Left,
        StatusChange::Admit | StatusChange::Refuse => return Err(ErrorCode::WrongMemberStatus.into()),
    };
    let role_change = RoleChange::Status { status };
    member.check_role_change(role_change)?;
    let wanted = Governance {
        transaction_type: TransactionType::RoleChange,
        concerned: Some(member.id),
        role_change: Some(role_change),
        policy_change: None,
        purpose: with.reason.clone(),
    };
    Ok(MemberOrRequest::Request(Box::new(submit_governance(tx, actor, wanted)?)))
}

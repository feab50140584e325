//! What follows the last vote: money is set aside; a change of policy or roles takes effect.

use unionflow_domain::{
    approval::{Approval, NotExecuted},
    member::{Member, status_change},
    policy::{self, Policy},
};
use unionflow_protocol::{
    approval::TransactionType, event::approvals::RoleChange, member::MemberStatus, problem::ErrorCode,
};
use unionflow_storage::{Tx, Undo};

use super::{cancel::cancel_all_of, review::review_all};
use crate::{Publish, member::codes, publish::StatusChanged};

/// Publishes the approval and what it brings about in the same transaction.
pub(crate) fn approved(tx: &mut Tx<'_>, approval: &mut Approval) -> Result<(), Undo> {
    match approval.content.transaction_type {
        TransactionType::PolicyChange | TransactionType::RoleChange => {
            tx.publish().approval_approved(approval, None)?;
            take_effect(tx, approval)
        }
        _ => {
            let before = tx.load_chart(approval.organization_id)?;
            let mut chart = before.clone();
            let reservation = approval.reserve(&mut chart);
            if let Some(reservation) = &reservation {
                tx.insert_reservation(reservation)?;
                tx.save_chart(&before, &chart)?;
            }
            tx.publish().approval_approved(approval, reservation.map(|reservation| reservation.account_id))
        }
    }
}

fn take_effect(tx: &mut Tx<'_>, approval: &mut Approval) -> Result<(), Undo> {
    let now = tx.now();
    match check(tx, approval) {
        Ok(()) => {
            apply(tx, approval)?;
            approval.execute_governance(now);
            tx.publish().approval_executed(approval)?;
            review_all(tx, approval.organization_id, Some(approval.id))
        }
        Err(Undo::Refused(refusal)) => {
            // The world has changed since it was asked: it ends without effect, and says so.
            tx.publish()
                .approval_execution_failed(approval, &NotExecuted { code: refusal.code, available: None })?;
            approval.fail_governance(refusal.code, now);
            tx.publish().approval_lapsed(approval)
        }
        Err(fault) => Err(fault),
    }
}

/// Whether what was asked for is still possible. Writes nothing.
fn check(tx: &mut Tx<'_>, approval: &Approval) -> Result<(), Undo> {
    if let Some(rules) = &approval.content.policy_change {
        return Ok(policy::validate(rules)?);
    }
    let (change, member) = concerned(tx, approval)?;
    Ok(member.check_role_change(change)?)
}

fn apply(tx: &mut Tx<'_>, approval: &Approval) -> Result<(), Undo> {
    if let Some(rules) = &approval.content.policy_change {
        let mut organization = tx.organization()?.clone();
        let version = tx.load_policy(organization.id)?.map_or(1, |policy| policy.version + 1);
        let policy =
            Policy { version, rules: rules.clone(), since: tx.now(), approval_id: Some(approval.id) };
        tx.insert_policy(organization.id, &policy)?;
        tx.publish().policy_changed(&mut organization, &policy)?;
        return tx.save_organization(organization);
    }
    let (change, mut member) = concerned(tx, approval)?;
    member.updated_at = tx.now();
    match change {
        RoleChange::Role { role, grant } => {
            member.set_role(role, grant);
            tx.publish().role_changed(&mut member, role, grant, Some(approval.id))?;
            // A code handed out while the member held less must not open more.
            codes::void(tx, &member)?;
        }
        RoleChange::Status { status } => change_status(tx, &mut member, status, approval)?,
        // The code is handed out to whoever asked, by asking again.
        RoleChange::Reset { .. } => {}
    }
    Ok(tx.save_member(&member)?)
}

fn concerned(tx: &mut Tx<'_>, approval: &Approval) -> Result<(RoleChange, Member), Undo> {
    let (Some(change), Some(member)) = (approval.content.role_change, approval.content.beneficiary_member_id)
    else {
        return Err(ErrorCode::NoLongerPossible.into());
    };
    Ok((change, tx.load_member(member)?.ok_or(ErrorCode::NoLongerPossible)?))
}

fn change_status(
    tx: &mut Tx<'_>,
    member: &mut Member,
    status: MemberStatus,
    approval: &Approval,
) -> Result<(), Undo> {
    let change = status_change(status).ok_or(ErrorCode::NoLongerPossible)?;
    let (today, held) = (tx.today()?, member.roles);
    let previous = member.change_status(change, today)?;
    let changed = StatusChanged { previous, held, has_reason: false, approval_id: Some(approval.id) };
    tx.publish().member_status_changed(member, &changed)?;
    if member.status != MemberStatus::Active {
        tx.delete_codes(member.id)?;
    }
    if member.status == MemberStatus::Left {
        cancel_all_of(tx, member)?;
    }
    Ok(())
}

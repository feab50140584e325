//! `PATCH /finance/approvals/{id}`

use unionflow_domain::{approval::content, text::commitment};
use unionflow_protocol::{
    approval::ApprovalStatus,
    id::ApprovalId,
    problem::ErrorCode,
    rest::{
        self,
        approval::{ApprovalDetails, EditApproval},
    },
};
use unionflow_storage::{
    Tx, Undo,
    tables::text::{Text, TextKind},
};

use super::{governance, load_for, submit::check_beneficiary, sweep::free_lapsed, view, with_current};
use crate::{Call, Publish};

/// Changes a request that waits: its creator only. Votes become void; band, steps and deadline are chosen anew.
pub fn edit(
    tx: &mut Tx<'_>,
    call: &Call,
    id: ApprovalId,
    edit: &EditApproval,
) -> Result<rest::approval::Approval, Undo> {
    let (mut approval, member) = load_for(tx, call, id)?;
    let may = approval.may_edit(member.id, tx.now()).map_err(|code| approval.refusal(code));
    with_current(tx, &approval, &member, may)?;

    let old = &approval.content;
    let details = edit.details.clone().unwrap_or(ApprovalDetails {
        account_id: old.account_id,
        to_account_id: old.to_account_id,
        beneficiary_member_id: old.beneficiary_member_id,
        due_id: old.due_id,
        payment_id: old.payment_id,
    });
    let wanted = content::Wanted {
        transaction_type: old.transaction_type,
        amount: edit.amount.unwrap_or(old.amount),
        currency: old.currency,
        details: &details,
    };
    let purpose = edit.purpose.as_deref().map(content::purpose).transpose()?;
    let (purpose_hash, text) = match purpose {
        Some(body) if Some(&body) != tx.load_text(id.into(), TextKind::Purpose, 0)?.as_ref() => {
            let (salt, author_id) = (tx.new_salt(), Some(member.id));
            let hash = commitment(&salt, &body);
            (hash, Some(Text { owner_id: id.into(), kind: TextKind::Purpose, n: 0, author_id, salt, body }))
        }
        _ => (old.purpose_hash.clone(), None),
    };
    let content = content::money(&wanted, old.currency, member.id, member.effective_roles(), purpose_hash)?;
    let content = tx.load_chart(member.organization_id)?.settle(content)?;
    check_beneficiary(tx, &content)?;

    let policy = tx.load_policy(member.organization_id)?.ok_or(ErrorCode::NoPolicy)?;
    let makers = std::iter::once(member.id).chain(content.beneficiary_member_id);
    let electorate = tx.load_electorate(member.organization_id, makers)?;
    let (previous_amount, was_blocked) = (approval.content.amount, approval.blocked);
    let Some(voided) = approval.edit(member.id, content, &policy, &electorate, tx.now())? else {
        return view::view(tx, &approval, &member);
    };
    if let Some(text) = text {
        tx.save_text(member.organization_id, &text)?;
    }
    if approval.status == ApprovalStatus::Approved {
        free_lapsed(tx, &approval)?;
    }
    tx.publish().approval_updated(&mut approval, previous_amount, voided)?;
    if approval.status == ApprovalStatus::Approved {
        governance::approved(tx, &mut approval)?;
    } else if approval.blocked != was_blocked {
        let blocked = approval.blocked;
        tx.publish().approval_feasibility(&mut approval, 1, blocked)?;
    }
    tx.save_approval(&approval)?;
    view::view(tx, &approval, &member)
}

//! `POST /finance/approvals/{id}/reject`

use unionflow_domain::text::words;
use unionflow_protocol::{
    id::ApprovalId,
    limits,
    rest::{self, approval::Reject},
};
use unionflow_storage::{
    Tx, Undo,
    tables::text::{Text, TextKind},
};

use super::{load_for, view, voter, with_current};
use crate::{Call, Publish};

/// A refusal, with its reason. One ends the request.
pub fn reject(
    tx: &mut Tx<'_>,
    call: &Call,
    id: ApprovalId,
    reject: &Reject,
) -> Result<rest::approval::Approval, Undo> {
    let (mut approval, member) = load_for(tx, call, id)?;
    let reason = words("/reason", &reject.reason, limits::REASON_CHARS)?;
    let electorate = tx.load_electorate(approval.organization_id, approval.makers())?;
    let decided = approval.reject(&voter(&member), &electorate, reject.content_hash.as_deref(), tx.now());
    let rejected = with_current(tx, &approval, &member, decided)?;

    let (salt, author_id) = (tx.new_salt(), Some(member.id));
    let text = Text { owner_id: id.into(), kind: TextKind::Reason, n: 0, author_id, salt, body: reason };
    tx.save_text(approval.organization_id, &text)?;
    tx.publish().approval_rejected(&mut approval, rejected)?;
    tx.save_approval(&approval)?;
    view::view(tx, &approval, &member)
}

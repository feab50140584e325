//! `POST /finance/approvals/{id}/cancel`

use unionflow_domain::member::Member;
use unionflow_protocol::{id::ApprovalId, rest};
use unionflow_storage::{Tx, Undo};

use super::{load_for, view, with_current};
use crate::{Call, Publish};

/// Takes a request back: only its creator, only while it waits.
pub fn cancel(tx: &mut Tx<'_>, call: &Call, id: ApprovalId) -> Result<rest::approval::Approval, Undo> {
    let (mut approval, member) = load_for(tx, call, id)?;
    let decided = approval.cancel(member.id, tx.now());
    with_current(tx, &approval, &member, decided)?;
    tx.publish().approval_cancelled(&mut approval, Some(member.id))?;
    tx.save_approval(&approval)?;
    view::view(tx, &approval, &member)
}

/// Closes what somebody who has left had asked for: nobody stands for it any more.
pub(crate) fn cancel_all_of(tx: &mut Tx<'_>, member: &Member) -> Result<(), Undo> {
    for mut approval in tx.load_pending_of(member.organization_id, member.id)? {
        if approval.close(tx.now()) {
            tx.publish().approval_cancelled(&mut approval, None)?;
            tx.save_approval(&approval)?;
        }
    }
    Ok(())
}

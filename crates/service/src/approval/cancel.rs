//! `POST /finance/approvals/{id}/cancel`

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

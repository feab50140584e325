//! `POST /finance/approvals/{id}/withdraw`

use unionflow_protocol::{id::ApprovalId, rest};
use unionflow_storage::{Tx, Undo};

use super::{load_for, review::review, view, with_current};
use crate::{Call, Publish};

/// Takes one's own vote back while its step is open.
pub fn withdraw(tx: &mut Tx<'_>, call: &Call, id: ApprovalId) -> Result<rest::approval::Approval, Undo> {
    let (mut approval, member) = load_for(tx, call, id)?;
    let decided = approval.withdraw(member.id, tx.now());
    let withdrawn = with_current(tx, &approval, &member, decided)?;
    tx.publish().approval_vote_withdrawn(&mut approval, member.id, &withdrawn)?;
    let electorate = tx.load_electorate(approval.organization_id, approval.makers())?;
    review(tx, &mut approval, &electorate)?;
    tx.save_approval(&approval)?;
    view::view(tx, &approval, &member)
}

//! Whether requests that wait can still be decided, after somebody's rights changed.

use unionflow_domain::approval::{Approval, Electorate, Resolution};
use unionflow_protocol::id::{ApprovalId, OrganizationId};
use unionflow_storage::{Tx, Undo};

use crate::Publish;

/// Looks at every request that waits, but one, and says of each whether it is blocked now.
pub(crate) fn review_all(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    but: Option<ApprovalId>,
) -> Result<(), Undo> {
    let pending = tx.load_pending_approvals(organization)?;
    let electorate = tx.load_electorate(organization, pending.iter().flat_map(Approval::makers))?;
    for mut approval in pending {
        if Some(approval.id) != but && review(tx, &mut approval, &electorate)? {
            tx.save_approval(&approval)?;
        }
    }
    Ok(())
}

/// Looks at one request after its votes or somebody's rights changed, and says if it is blocked or no longer. Whether that
/// changed; then the request is to be saved.
pub(crate) fn review(
    tx: &mut Tx<'_>,
    approval: &mut Approval,
    electorate: &Electorate,
) -> Result<bool, Undo> {
    let Some(blocked) = approval.review_feasibility(electorate) else { return Ok(false) };
    let step = match approval.resolve(approval.created_at) {
        Resolution::Open { step, .. } => step,
        Resolution::Approved | Resolution::Expired => 1,
    };
    tx.publish().approval_feasibility(approval, step, blocked)?;
    Ok(true)
}

//! The passing of time: requests expire and lapse. Correctness never depends on when this runs.

use unionflow_domain::{approval::Approval, ledger::Reservation};
use unionflow_protocol::{Origin, id::ApprovalId, problem::ErrorCode};
use unionflow_storage::{Author, Tx, Undo};

use crate::Publish;

/// Requests ended at the most to find cover for one.
const LAPSED_AT_ONCE: u32 = 500;

/// Before a request is paid or money set aside for it: where its account does not suffice, what is set aside for requests
/// whose time is over is freed, so that nobody is refused money because no sweeper has come by yet.
pub(crate) fn free_lapsed(tx: &mut Tx<'_>, approval: &Approval) -> Result<(), Undo> {
    let organization = approval.organization_id;
    if !approval.lacks_cover(&tx.load_chart(organization)?) {
        return Ok(());
    }
    let author = tx.author();
    for id in tx.load_lapsing_approvals(organization, LAPSED_AT_ONCE)? {
        sweep(tx, id)?;
    }
    tx.act_as(author);
    Ok(())
}

/// Ends a request whose deadline has come: expired if it was not decided, lapsed if it was not executed.
pub fn sweep(tx: &mut Tx<'_>, id: ApprovalId) -> Result<(), Undo> {
    tx.act_as(Author { member_id: None, origin: Origin::Schedule });
    let mut approval = tx.load_approval(id)?.ok_or(ErrorCode::NotFound)?;
    let (now, was_reserved) = (tx.now(), approval.reserved);
    if approval.expire(now) {
        tx.publish().approval_expired(&mut approval)?;
    } else if approval.lapse(now) {
        if was_reserved {
            let before = tx.load_chart(approval.organization_id)?;
            let account_id = before.payer(&approval.content).ok_or(ErrorCode::Internal)?.id;
            let mut chart = before.clone();
            chart.release(&Reservation { approval_id: id, account_id, amount: approval.content.amount });
            if !tx.resolve_reservation(id, false)? {
                return Err(ErrorCode::Internal.into());
            }
            tx.save_chart(&before, &chart)?;
        }
        tx.publish().approval_lapsed(&mut approval)?;
    } else {
        return Ok(());
    }
    Ok(tx.save_approval(&approval)?)
}

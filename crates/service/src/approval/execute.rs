//! `POST /finance/approvals/{id}/execute`

use serde::{Deserialize, Serialize};
use unionflow_domain::{Refusal, approval::NotExecuted, detail::Detail, ledger::Entry, permissions::Action};
use unionflow_protocol::{
    Amount,
    account::EntryCause,
    id::{ApprovalId, EntryId},
    problem::ErrorCode,
    rest,
};
use unionflow_storage::{Tx, Undo};

use super::{load_for, sweep::free_lapsed, view, with_current};
use crate::{Call, Publish, membership};

/// What became of it. A failure is recorded, and the request stays approved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Executed {
    /// The request.
    pub approval: rest::approval::Approval,
    /// Why it could not be executed, and what the account could have paid.
    pub failed: Option<(ErrorCode, Option<Amount>)>,
}

/// Carries an approved request out: any treasurer, once, in the transaction that posts its entry.
pub fn execute(tx: &mut Tx<'_>, call: &Call, id: ApprovalId) -> Result<Executed, Undo> {
    let (mut approval, member) = load_for(tx, call, id)?;
    membership::require(&member, Action::Execute)
        .map_err(|code| Refusal::because(code, Detail::TreasurerExecutes))?;
    let may = approval.may_execute(tx.now()).map_err(|code| approval.refusal(code));
    with_current(tx, &approval, &member, may)?;
    free_lapsed(tx, &approval)?;
    let before = tx.load_chart(approval.organization_id)?;
    let planned = approval.execution(&before, tx.now());
    let execution = with_current(tx, &approval, &member, planned)?;
    let entry = Entry {
        id: EntryId::from_uuid(tx.new_uuid()),
        value_date: tx.today()?,
        lines: execution.lines.clone(),
        currency: approval.content.currency,
        cause: EntryCause::Approval,
        cause_id: id.into(),
    };
    let mut chart = before.clone();
    let failed = match approval.execute(member.id, &entry, &execution, &mut chart, tx.now()) {
        Ok(()) => {
            if execution.reservation.is_some() && !tx.resolve_reservation(id, true)? {
                return Err(ErrorCode::Internal.into());
            }
            tx.save_chart(&before, &chart)?;
            let (seq, now) = (tx.publish().ledger_entry_posted(&entry)?, tx.now());
            tx.insert_entry(approval.organization_id, &entry, seq, now)?;
            tx.publish().approval_executed(&mut approval)?;
            None
        }
        Err(not_executed) => {
            tx.publish().approval_execution_failed(&mut approval, &not_executed)?;
            let NotExecuted { code, available } = not_executed;
            Some((code, available))
        }
    };
    tx.save_approval(&approval)?;
    Ok(Executed { approval: view::view(tx, &approval, &member)?, failed })
}

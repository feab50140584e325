//! `POST /finance/approvals/{id}/execute`

use serde::{Deserialize, Serialize};
use unionflow_domain::{
    Refusal,
    approval::{Approval, NotExecuted},
    detail::Detail,
    ledger::Entry,
    member::Member,
    permissions::Action,
};
use unionflow_protocol::{
    Amount,
    account::EntryCause,
    id::{ApprovalId, EntryId},
    problem::ErrorCode,
    rest,
};
use unionflow_storage::{Tx, Undo};

use super::{lacks_beneficiary, load_for, sweep::free_lapsed, view, with_current};
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
        .map_err(|refusal| Refusal::because(refusal.code, Detail::TreasurerExecutes))?;
    let may = approval.may_execute(tx.now()).map_err(|code| approval.refusal(code));
    with_current(tx, &approval, &member, may)?;
    free_lapsed(tx, &approval)?;
    let before = tx.load_chart(approval.organization_id)?;
    let planned = approval.execution(&before, tx.now());
    let execution = with_current(tx, &approval, &member, planned)?;
    if lacks_beneficiary(tx, &approval)? {
        let not_executed = approval.fail(ErrorCode::BeneficiaryNotActive, None, tx.now());
        return failed(tx, approval, &member, &not_executed);
    }
    let entry = Entry {
        id: EntryId::from_uuid(tx.new_uuid()),
        value_date: tx.today()?,
        lines: execution.lines.clone(),
        currency: approval.content.currency,
        cause: EntryCause::Approval,
        cause_id: id.into(),
    };
    let mut chart = before.clone();
    match approval.execute(member.id, &entry, &execution, &mut chart, tx.now()) {
        Ok(()) => {
            if execution.reservation.is_some() && !tx.resolve_reservation(id, true)? {
                return Err(ErrorCode::Internal.into());
            }
            tx.save_chart(&before, &chart)?;
            let (seq, now) = (tx.publish().ledger_entry_posted(&entry)?, tx.now());
            tx.insert_entry(approval.organization_id, &entry, seq, now)?;
            tx.publish().approval_executed(&mut approval)?;
            tx.save_approval(&approval)?;
            Ok(Executed { approval: view::view(tx, &approval, &member)?, failed: None })
        }
        Err(not_executed) => failed(tx, approval, &member, &not_executed),
    }
}

fn failed(
    tx: &mut Tx<'_>,
    mut approval: Approval,
    member: &Member,
    not_executed: &NotExecuted,
) -> Result<Executed, Undo> {
    tx.publish().approval_execution_failed(&mut approval, not_executed)?;
    tx.save_approval(&approval)?;
    let failed = Some((not_executed.code, not_executed.available));
    Ok(Executed { approval: view::view(tx, &approval, member)?, failed })
}

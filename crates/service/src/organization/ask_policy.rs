//! `PUT /organizations/{id}/approval-policy`: asks for other rules. The policy in force decides.

use unionflow_domain::{permissions::Action, policy};
use unionflow_protocol::{
    approval::TransactionType,
    problem::ErrorCode,
    rest::{approval::Approval, organization::AskPolicy},
};
use unionflow_storage::{Tx, Undo};

use crate::{
    Call,
    approval::submit::{Governance, submit_governance},
    membership,
};

/// Makes a `POLICY_CHANGE` request, which executes itself with its last vote.
pub fn ask_policy(tx: &mut Tx<'_>, call: &Call, ask: &AskPolicy) -> Result<Approval, Undo> {
    let member = membership::acting_with(tx, call, Action::AskGovernance)?;
    let in_force = tx.load_policy(member.organization_id)?.ok_or(ErrorCode::NoPolicy)?;
    call.expects(in_force.version)?;
    policy::validate(&ask.rules)?;
    let wanted = Governance {
        transaction_type: TransactionType::PolicyChange,
        concerned: None,
        role_change: None,
        policy_change: Some(ask.rules.clone()),
        purpose: ask.purpose.clone(),
    };
    submit_governance(tx, &member, wanted)
}

//! Requests for approval.

pub mod approve;
pub mod cancel;
pub mod edit;
pub mod execute;
pub(crate) mod governance;
pub mod read;
pub mod reject;
pub(crate) mod review;
pub mod submit;
pub mod sweep;
pub(crate) mod view;
pub mod withdraw;

use unionflow_domain::{
    Refusal,
    approval::{Approval, Voter},
    member::Member,
};
use unionflow_protocol::{
    id::{ApprovalId, OrganizationId},
    member::MemberStatus,
    problem::ErrorCode,
};
use unionflow_storage::{Reader, StoreFault, Tx, Undo};

use crate::{Call, membership};

/// What every act on a request loads: see [`Reader::foresee`].
pub fn foresee(
    reader: &mut Reader<'_>,
    organization: OrganizationId,
    id: ApprovalId,
) -> Result<(), StoreFault> {
    reader.foresee(|reader| {
        reader.load_approval(id)?;
        reader.load_electorate(organization, None)?;
        reader.load_chart(organization)?;
        view::load_words(reader, id, true)
    })
}

/// A request that the caller may see, and who the caller is. To everybody else it does not exist.
pub(crate) fn load_for(tx: &mut Tx<'_>, call: &Call, id: ApprovalId) -> Result<(Approval, Member), Undo> {
    let member = membership::acting(tx, call)?;
    let approval = tx
        .load_approval(id)?
        .filter(|approval| {
            approval.organization_id == member.organization_id && view::sees(&member, approval)
        })
        .ok_or(ErrorCode::NotFound)?;
    call.expects(approval.version)?;
    Ok((approval, member))
}

/// Whether it is money for somebody who is not an active member now: then nobody approves it, and nobody pays it out.
pub(crate) fn lacks_beneficiary(reader: &mut Reader<'_>, approval: &Approval) -> Result<bool, StoreFault> {
    let Some(id) = approval.content.beneficiary_member_id else { return Ok(false) };
    if approval.content.transaction_type.is_governance() {
        return Ok(false);
    }
    Ok(reader.load_member(id)?.is_none_or(|member| member.status != MemberStatus::Active))
}

/// The member as somebody who might vote.
pub(crate) fn voter(member: &Member) -> Voter {
    Voter { member_id: member.id, roles: member.effective_roles() }
}

/// A conflict shows the request as it stands, so that the caller can look again.
pub(crate) fn with_current<T>(
    tx: &mut Tx<'_>,
    approval: &Approval,
    member: &Member,
    result: Result<T, Refusal>,
) -> Result<T, Undo> {
    match result {
        Ok(value) => Ok(value),
        Err(mut refusal) => {
            if refusal.code.is_conflict() {
                let current = view::view(tx, approval, member)?;
                refusal.current = serde_json::to_value(current).ok();
            }
            Err(refusal.into())
        }
    }
}

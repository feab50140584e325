//! Who the caller is in an organisation: looked up for every request, in the snapshot or under the lock it acts in.

use unionflow_domain::{
    Refusal,
    member::Member,
    permissions::{Action, Grant},
};
use unionflow_protocol::{
    id::{OrganizationId, PersonId},
    member::MemberStatus,
    problem::ErrorCode,
};
use unionflow_storage::{Reader, Tx, Undo};

use crate::Call;

/// The caller's membership, active or suspended. To everybody else the organisation does not exist.
pub(crate) fn belonging(
    reader: &mut Reader<'_>,
    person: PersonId,
    organization: OrganizationId,
) -> Result<Member, Undo> {
    let member = reader.load_membership(person, organization)?.ok_or(ErrorCode::NotFound)?;
    match member.status {
        MemberStatus::Active | MemberStatus::Suspended => Ok(member),
        MemberStatus::Applicant | MemberStatus::Left | MemberStatus::Refused => {
            Err(ErrorCode::NotFound.into())
        }
    }
}

/// The caller's active membership. A suspended member may read his own data and do nothing.
pub(crate) fn active(
    reader: &mut Reader<'_>,
    person: PersonId,
    organization: OrganizationId,
) -> Result<Member, Undo> {
    let member = belonging(reader, person, organization)?;
    match member.status {
        MemberStatus::Suspended => Err(ErrorCode::MembershipSuspended.into()),
        _ => Ok(member),
    }
}

/// The member who acts: active, in the organisation that the unit has locked. Its events are signed from here on.
pub(crate) fn acting(tx: &mut Tx<'_>, call: &Call) -> Result<Member, Undo> {
    let organization = tx.organization()?.id;
    let member = active(tx, call.caller.person_id, organization)?;
    call.sign(tx, member.id);
    Ok(member)
}

/// The member who acts, if the table grants the action.
pub(crate) fn acting_with(tx: &mut Tx<'_>, call: &Call, action: Action) -> Result<Member, Undo> {
    let member = acting(tx, call)?;
    require(&member, action)?;
    Ok(member)
}

/// Refuses what the table does not grant.
pub(crate) fn require(member: &Member, action: Action) -> Result<(), Refusal> {
    if action.allowed(member.effective_roles()) { Ok(()) } else { Err(action.forbidden()) }
}

/// Whether the member may see names of others.
pub(crate) fn sees_directory(member: &Member, open_to_members: bool) -> bool {
    match Action::SeeDirectory.grant(member.effective_roles()) {
        Grant::Yes => true,
        Grant::BySetting => open_to_members,
        Grant::Own | Grant::No => false,
    }
}

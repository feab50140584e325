//! A member, as far as the caller may see.

use unionflow_domain::{member::Member, permissions::Action};
use unionflow_protocol::rest::{self, AsOf};
use unionflow_storage::{Reader, Tx, Undo, tables::text::TextKind};

/// A member within the unit that changed it.
pub(crate) fn view(tx: &mut Tx<'_>, member: &Member, viewer: &Member) -> Result<rest::member::Member, Undo> {
    let as_of = tx.as_of_here()?;
    let contacts = viewer.id == member.id || Action::SeeContacts.allowed(viewer.effective_roles());
    read(tx, member, contacts, as_of)
}

/// A member within a snapshot. Contact data and reasons are for those who keep the members, and for the member.
pub(crate) fn read(
    reader: &mut Reader<'_>,
    member: &Member,
    contacts: bool,
    as_of: AsOf,
) -> Result<rest::member::Member, Undo> {
    let reason = if contacts { reader.load_text(member.id.into(), TextKind::Reason, 0)? } else { None };
    Ok(rest::member::Member {
        id: member.id,
        organization_id: member.organization_id,
        version: member.version,
        member_number: member.number.as_str().to_owned(),
        status: member.status,
        given_name: member.name.given.clone(),
        family_name: member.name.family.clone(),
        phone: member.phone.as_ref().filter(|_| contacts).map(|phone| phone.as_str().to_owned()),
        email: member.email.as_ref().filter(|_| contacts).map(|email| email.as_str().to_owned()),
        joined_on: member.joined_on,
        left_on: member.left_on,
        roles: member.effective_roles(),
        has_account: member.person_id.is_some(),
        reason,
        updated_at: member.updated_at,
        as_of,
    })
}

//! Organisations and policies, as the caller sees them.

use unionflow_domain::organization::Organization;
use unionflow_protocol::{
    id::{OrganizationId, PersonId},
    problem::ErrorCode,
    rest::{
        self, AsOf,
        organization::{Organizations, Policy},
    },
};
use unionflow_storage::{Reader, StoreFault, Undo};

use crate::{Principal, membership, membership::Viewer};

/// `GET /organizations`: the caller's; of a key, the one that gave it.
pub fn list(reader: &mut Reader<'_>, principal: &Principal) -> Result<Organizations, Undo> {
    let ids = match principal {
        Principal::Person(person) => reader.organizations_of(*person)?,
        Principal::Key(key) => vec![key.organization_id],
    };
    let mut items = Vec::new();
    for id in ids {
        items.push(read(reader, principal, id)?);
    }
    items.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(Organizations { items })
}

/// `GET /organizations/{id}`
pub fn read(
    reader: &mut Reader<'_>,
    principal: &Principal,
    id: OrganizationId,
) -> Result<rest::organization::Organization, Undo> {
    Viewer::belonging(reader, principal, id)?;
    let organization = reader.load_organization(id)?.ok_or(ErrorCode::NotFound)?;
    let as_of = reader.as_of(id)?;
    Ok(view(reader, &organization, as_of)?)
}

/// `GET /organizations/{id}/approval-policy`
pub fn policy(reader: &mut Reader<'_>, person: PersonId, id: OrganizationId) -> Result<Policy, Undo> {
    membership::active(reader, person, id)?;
    let policy = reader.load_policy(id)?.ok_or(ErrorCode::NotFound)?;
    Ok(Policy {
        organization_id: id,
        version: policy.version,
        rules: policy.rules,
        since: policy.since,
        as_of: reader.as_of(id)?,
    })
}

/// Whether one person decides alone there at present. Every report says so.
pub(crate) fn single_signature_in_effect(
    reader: &mut Reader<'_>,
    organization: OrganizationId,
) -> Result<bool, StoreFault> {
    let single = reader.load_policy(organization)?.is_some_and(|policy| policy.rules.single_signature);
    Ok(single && reader.load_electorate(organization, [])?.is_lone())
}

pub(crate) fn view(
    reader: &mut Reader<'_>,
    organization: &Organization,
    as_of: AsOf,
) -> Result<rest::organization::Organization, StoreFault> {
    let single_signature_in_effect = single_signature_in_effect(reader, organization.id)?;
    let settings = organization.settings.clone();
    Ok(rest::organization::Organization {
        id: organization.id,
        version: organization.version,
        name: settings.name,
        currency: organization.currency,
        time_zone: settings.time_zone,
        country: settings.country.to_string(),
        language: settings.language,
        amounts_open_to_members: settings.amounts_open_to_members,
        directory_open_to_members: settings.directory_open_to_members,
        single_signature_in_effect,
        created_at: organization.created_at,
        as_of,
    })
}

/// An organisation that was founded just now, for whoever founded it.
pub fn founded(
    reader: &mut Reader<'_>,
    id: OrganizationId,
) -> Result<rest::organization::Organization, Undo> {
    let organization = reader.load_organization(id)?.ok_or(ErrorCode::NotFound)?;
    let as_of = reader.as_of(id)?;
    Ok(view(reader, &organization, as_of)?)
}

//! `PATCH /organizations/{id}`

use unionflow_protocol::rest::organization::{Organization, UpdateOrganization};
use unionflow_storage::{Tx, Undo};

use super::read::view;
use crate::{Call, Publish, membership};

/// Changes settings. Opening amounts or the directory to members is for the president.
pub fn update(tx: &mut Tx<'_>, call: &Call, update: &UpdateOrganization) -> Result<Organization, Undo> {
    let member = membership::acting(tx, call)?;
    let mut organization = tx.organization()?.clone();
    call.expects(organization.version)?;
    let (settings, changed) = organization.settings.update(update, member.effective_roles())?;
    if !changed.is_empty() {
        organization.settings = settings;
        // Saved first: the event's day is that of the new time zone.
        tx.save_organization(organization.clone())?;
        tx.publish().organization_updated(&mut organization, changed)?;
        tx.save_organization(organization.clone())?;
    }
    let as_of = tx.as_of_here()?;
    Ok(view(tx, &organization, as_of)?)
}

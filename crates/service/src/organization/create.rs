//! `POST /organizations`, where the operator allows it.

use unionflow_domain::{
    Refusal,
    contact::{Email, Phone},
    member::Name,
    organization::Settings,
    policy,
};
use unionflow_protocol::{
    Origin, Role,
    problem::ErrorCode,
    rest::organization::{CreateOrganization, Organization},
};
use unionflow_storage::{Tx, Undo};

use super::{
    found::{Founding, NewFounder, found},
    read::view,
};
use crate::Call;

/// Founds an organisation. The caller is its president and treasurer, and decides alone until another officer is there.
pub fn create(tx: &mut Tx<'_>, call: &Call, create: &CreateOrganization) -> Result<Organization, Undo> {
    let settings =
        Settings::new(&create.name, create.time_zone.clone(), create.country.as_deref(), create.language)?;
    let founder = &create.founder;
    let name = Name::parse(&founder.given_name, &founder.family_name).map_err(|mut faults| {
        faults.iter_mut().for_each(|fault| fault.pointer.insert_str(0, "/founder"));
        Refusal { faults, ..ErrorCode::ValidationFailed.into() }
    })?;
    let phone = founder.phone.as_deref();
    let phone = phone.map(|text| Phone::field("/founder/phone", text, settings.country)).transpose()?;
    let email = founder.email.as_deref().map(|text| Email::field("/founder/email", text)).transpose()?;
    let roles = vec![Role::President, Role::Treasurer];
    found(
        tx,
        Founding {
            settings,
            currency: create.currency,
            rules: policy::default_rules(true),
            opening: create.opening_balances,
            founders: vec![NewFounder { name, phone, email, person_id: call.caller.person_id, roles }],
            origin: Origin::Command,
        },
    )?;
    let as_of = tx.as_of_here()?;
    let organization = tx.organization()?.clone();
    Ok(view(tx, &organization, as_of)?)
}

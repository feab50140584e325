//! Organisations: settings, and who may change them.

use serde::{Deserialize, Serialize};
use unionflow_protocol::{
    Currency, Language, TimeZone, Timestamp, event::members::OrganizationField, id::OrganizationId, limits,
    problem::FieldCode, rest::organization::UpdateOrganization, role::RoleSet,
};

use crate::{
    contact::Country,
    hint::Hint,
    permissions::Action,
    refusal::{Fault, Faults, Refusal},
    text,
};

/// An association, mutual or union.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organization {
    /// Its id.
    pub id: OrganizationId,
    /// Grows with every event about it: founding, settings, policy.
    pub version: u64,
    /// Its currency; never changes.
    pub currency: Currency,
    /// What can be set.
    pub settings: Settings,
    /// Since when.
    pub created_at: Timestamp,
}

/// What can be set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Settings {
    /// Its name.
    pub name: String,
    /// Where its days begin and end.
    pub time_zone: TimeZone,
    /// The country of phone numbers written without one.
    pub country: Country,
    /// Of what is written to everyone.
    pub language: Language,
    /// Whether plain members see amounts.
    pub amounts_open_to_members: bool,
    /// Whether plain members see the directory.
    pub directory_open_to_members: bool,
}

impl Settings {
    /// Those of a new organisation.
    pub fn new(
        name: &str,
        time_zone: Option<TimeZone>,
        country: Option<&str>,
        language: Option<Language>,
    ) -> Result<Self, Refusal> {
        let mut faults = Faults::default();
        let name = faults.take(organization_name(name));
        let country =
            faults.take(country.map_or(Ok(Country::CI), |country| Country::parse("/country", country)));
        let settings = name.zip(country).map(|(name, country)| Self {
            name,
            time_zone: time_zone.unwrap_or_else(|| "Africa/Abidjan".parse().unwrap_or(TimeZone::UTC)),
            country,
            language: language.unwrap_or(Language::French),
            amounts_open_to_members: false,
            directory_open_to_members: false,
        });
        faults.check()?;
        Ok(settings.expect("nothing is missing once there is no fault"))
    }

    /// The settings after a change, and what changed. Opening amounts or the directory is for the president.
    pub fn update(
        &self,
        wanted: &UpdateOrganization,
        roles: RoleSet,
    ) -> Result<(Self, Vec<OrganizationField>), Refusal> {
        let opens = wanted.amounts_open_to_members.is_some() || wanted.directory_open_to_members.is_some();
        let sets = wanted.name.is_some()
            || wanted.time_zone.is_some()
            || wanted.country.is_some()
            || wanted.language.is_some();
        for (wanted, action) in [(sets, Action::ChangeSettings), (opens, Action::OpenToMembers)] {
            if wanted && !action.allowed(roles) {
                return Err(action.forbidden());
            }
        }
        let mut faults = Faults::default();
        let mut next = self.clone();
        if let Some(name) = wanted.name.as_deref().and_then(|name| faults.take(organization_name(name))) {
            next.name = name;
        }
        if let Some(country) =
            wanted.country.as_deref().and_then(|text| faults.take(Country::parse("/country", text)))
        {
            next.country = country;
        }
        if let Some(zone) = &wanted.time_zone {
            next.time_zone = zone.clone();
        }
        next.language = wanted.language.unwrap_or(next.language);
        next.amounts_open_to_members = wanted.amounts_open_to_members.unwrap_or(next.amounts_open_to_members);
        next.directory_open_to_members =
            wanted.directory_open_to_members.unwrap_or(next.directory_open_to_members);
        if !sets && !opens {
            faults.push("", FieldCode::Required, Hint::NothingChanges);
        }
        faults.check()?;
        let changed = self.differences(&next);
        Ok((next, changed))
    }

    fn differences(&self, next: &Self) -> Vec<OrganizationField> {
        let pairs = [
            (self.name != next.name, OrganizationField::Name),
            (self.time_zone != next.time_zone, OrganizationField::TimeZone),
            (self.country != next.country, OrganizationField::Country),
            (self.language != next.language, OrganizationField::Language),
            (
                self.amounts_open_to_members != next.amounts_open_to_members,
                OrganizationField::AmountsOpenToMembers,
            ),
            (
                self.directory_open_to_members != next.directory_open_to_members,
                OrganizationField::DirectoryOpenToMembers,
            ),
        ];
        pairs.into_iter().filter_map(|(differs, field)| differs.then_some(field)).collect()
    }
}

/// Reads the name of an organisation.
pub fn organization_name(name: &str) -> Result<String, Fault> {
    text::line("/name", name, limits::ORGANIZATION_NAME_CHARS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use unionflow_protocol::{Role, problem::ErrorCode};

    fn settings() -> Settings {
        Settings::new("Mutuelle Espoir", None, None, None).unwrap()
    }

    #[test]
    fn only_the_president_opens_amounts_to_members() {
        let open = UpdateOrganization { amounts_open_to_members: Some(true), ..Default::default() };
        let by = |role| settings().update(&open, RoleSet::of(&[Role::Member, role]));
        assert_eq!(by(Role::Admin).unwrap_err().code, ErrorCode::Forbidden);
        assert_eq!(by(Role::President).unwrap().1, [OrganizationField::AmountsOpenToMembers]);
    }

    #[test]
    fn what_stays_the_same_is_not_called_changed() {
        let same = UpdateOrganization { name: Some(" Mutuelle  Espoir ".into()), ..Default::default() };
        let (next, changed) = settings().update(&same, RoleSet::of(&[Role::Admin])).unwrap();
        assert_eq!((next, changed), (settings(), Vec::new()));
        let nothing = settings().update(&UpdateOrganization::default(), RoleSet::of(&[Role::Admin]));
        assert_eq!(nothing.unwrap_err().code, ErrorCode::ValidationFailed);
    }
}

//! Organisations and their policies.

use serde::{Deserialize, Serialize};

use super::AsOf;
#[cfg(feature = "schema")]
use crate::limits;
use crate::{
    approval::PolicyRules,
    id::OrganizationId,
    language::Language,
    money::{Amount, Currency},
    rest::auth::Secret,
    time::{TimeZone, Timestamp},
};

mod policy;

/// `POST /organizations`: you become its president and its treasurer, and decide alone (`singleSignature`) until another
/// officer is there.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateOrganization {
    /// 2 to 150 characters.
    #[cfg_attr(feature = "schema", schemars(length(min = *limits::ORGANIZATION_NAME_CHARS.start(), max = *limits::ORGANIZATION_NAME_CHARS.end())))]
    pub name: String,
    /// Never changes.
    pub currency: Currency,
    /// Where its days begin; left out = `Africa/Abidjan`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<TimeZone>,
    /// The country of phone numbers written without one, as two letters; left out = `CI`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(regex(pattern = "^[A-Z]{2}$")))]
    pub country: Option<String>,
    /// Of what is written to everyone; left out = French.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Language>,
    /// What the accounts open with; left out = nothing.
    #[serde(default)]
    pub opening_balances: OpeningBalances,
    /// Your own name there.
    pub founder: Founder,
}

/// What the money accounts of a new organisation hold, in minor units, 0 or more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct OpeningBalances {
    /// In the cash box.
    #[cfg_attr(feature = "schema", schemars(extend("minimum" = 0)))]
    pub cash: Amount,
    /// At the bank.
    #[cfg_attr(feature = "schema", schemars(extend("minimum" = 0)))]
    pub bank: Amount,
    /// With the operator of mobile money.
    #[cfg_attr(feature = "schema", schemars(extend("minimum" = 0)))]
    pub mobile_money: Amount,
}

/// A first member.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Founder {
    /// Given name.
    #[cfg_attr(feature = "schema", schemars(length(min = *limits::NAME_CHARS.start(), max = *limits::NAME_CHARS.end())))]
    pub given_name: String,
    /// Family name.
    #[cfg_attr(feature = "schema", schemars(length(min = *limits::NAME_CHARS.start(), max = *limits::NAME_CHARS.end())))]
    pub family_name: String,
    /// Phone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(max = limits::CONTACT_BYTES)))]
    pub phone: Option<String>,
    /// E-mail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(max = limits::CONTACT_BYTES)))]
    pub email: Option<String>,
}

/// A founder who gets an account at once.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FounderAccount {
    /// Given name.
    #[cfg_attr(feature = "schema", schemars(length(min = *limits::NAME_CHARS.start(), max = *limits::NAME_CHARS.end())))]
    pub given_name: String,
    /// Family name.
    #[cfg_attr(feature = "schema", schemars(length(min = *limits::NAME_CHARS.start(), max = *limits::NAME_CHARS.end())))]
    pub family_name: String,
    /// E-mail or phone to sign in with; also the contact.
    #[cfg_attr(feature = "schema", schemars(length(max = limits::CONTACT_BYTES)))]
    pub login: String,
    /// The password.
    #[cfg_attr(feature = "schema", schemars(extend("minLength" = limits::PASSWORD_CHARS_MIN, "maxLength" = limits::PASSWORD_BYTES_MAX)))]
    pub password: Secret,
}

/// `POST /setup`, while the server has no organisation.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Setup {
    /// The one-time code printed at start.
    pub code: Secret,
    /// 2 to 150 characters.
    #[cfg_attr(feature = "schema", schemars(length(min = *limits::ORGANIZATION_NAME_CHARS.start(), max = *limits::ORGANIZATION_NAME_CHARS.end())))]
    pub name: String,
    /// Never changes; left out = XOF.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<Currency>,
    /// Left out = `Africa/Abidjan`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<TimeZone>,
    /// Left out = `CI`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(regex(pattern = "^[A-Z]{2}$")))]
    pub country: Option<String>,
    /// Left out = French.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Language>,
    /// What the accounts open with.
    #[serde(default)]
    pub opening_balances: OpeningBalances,
    /// The president.
    pub president: FounderAccount,
    /// The treasurer; left out = the president is that too, and decides alone (`singleSignature`) until another officer is
    /// there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub treasurer: Option<FounderAccount>,
}

/// `PATCH /organizations/{id}`: what is left out stays.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UpdateOrganization {
    /// 2 to 150 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(min = *limits::ORGANIZATION_NAME_CHARS.start(), max = *limits::ORGANIZATION_NAME_CHARS.end())))]
    pub name: Option<String>,
    /// Where its days begin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<TimeZone>,
    /// Two letters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(regex(pattern = "^[A-Z]{2}$")))]
    pub country: Option<String>,
    /// Of what is written to everyone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Language>,
    /// Whether plain members see amounts; for the president only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amounts_open_to_members: Option<bool>,
    /// Whether plain members see the directory; for the president only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory_open_to_members: Option<bool>,
}

/// An organisation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Organization {
    /// Its id.
    pub id: OrganizationId,
    /// Grows with every change of settings; the `ETag`.
    pub version: u64,
    /// Its name.
    pub name: String,
    /// Its currency.
    pub currency: Currency,
    /// Where its days begin.
    pub time_zone: TimeZone,
    /// Two letters.
    pub country: String,
    /// Of what is written to everyone.
    pub language: Language,
    /// Whether plain members see amounts.
    pub amounts_open_to_members: bool,
    /// Whether plain members see the directory.
    pub directory_open_to_members: bool,
    /// Whether one person may decide alone at this moment: a warning for every report.
    pub single_signature_in_effect: bool,
    /// Since when.
    pub created_at: Timestamp,
    /// What this is exact as of.
    #[serde(flatten)]
    pub as_of: AsOf,
}

/// `GET /organizations`: yours.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Organizations {
    /// By name.
    pub items: Vec<Organization>,
}

/// `PUT /organizations/{id}/approval-policy`: asks for these rules; others decide.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", from = "policy::AskPolicy")]
pub struct AskPolicy {
    /// The rules wanted.
    #[serde(flatten)]
    pub rules: PolicyRules,
    /// Why, 3 to 500 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
}

/// `GET /organizations/{id}/approval-policy`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Policy {
    /// Where.
    pub organization_id: OrganizationId,
    /// Grows with every change; the `ETag`.
    pub version: u64,
    /// The rules in force.
    #[serde(flatten)]
    pub rules: PolicyRules,
    /// Since when.
    pub since: Timestamp,
    /// What this is exact as of.
    #[serde(flatten)]
    pub as_of: AsOf,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_with_a_field_that_does_not_exist_is_refused() {
        let ask = |body: &str| serde_json::from_str::<AskPolicy>(body).map_err(|error| error.to_string());
        assert!(ask(r#"{"bands":[],"levels":{},"singleSignature":true,"purpose":"because"}"#).is_ok());
        let refused = ask(r#"{"bands":[],"levels":{},"reason":"because"}"#).unwrap_err();
        assert!(refused.contains("unknown field `reason`"), "{refused}");
    }
}

//! Members.

use serde::{Deserialize, Serialize};

use super::{AsOf, auth::Secret};
#[cfg(feature = "schema")]
use crate::limits;
use crate::{
    id::{MemberId, OrganizationId},
    member::MemberStatus,
    role::RoleSet,
    time::{Date, Timestamp},
};

/// `POST /members`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateMember {
    /// Where.
    pub organization_id: OrganizationId,
    /// 1 to 100 characters.
    #[cfg_attr(feature = "schema", schemars(length(min = *limits::NAME_CHARS.start(), max = *limits::NAME_CHARS.end())))]
    pub given_name: String,
    /// 1 to 100 characters.
    #[cfg_attr(feature = "schema", schemars(length(min = *limits::NAME_CHARS.start(), max = *limits::NAME_CHARS.end())))]
    pub family_name: String,
    /// As people write it; kept in E.164.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(max = limits::CONTACT_BYTES)))]
    pub phone: Option<String>,
    /// E-mail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(max = limits::CONTACT_BYTES)))]
    pub email: Option<String>,
    /// Left out = the next number. Never used twice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(min = *limits::MEMBER_NUMBER_CHARS.start(), max = *limits::MEMBER_NUMBER_CHARS.end())))]
    pub member_number: Option<String>,
    /// `ACTIVE` (left out) or `APPLICANT`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<MemberStatus>,
    /// Left out = today.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub joined_on: Option<Date>,
}

/// `PATCH /members/{id}`: what is left out stays; `null` clears phone and e-mail.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EditMember {
    /// 1 to 100 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(min = *limits::NAME_CHARS.start(), max = *limits::NAME_CHARS.end())))]
    pub given_name: Option<String>,
    /// 1 to 100 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(min = *limits::NAME_CHARS.start(), max = *limits::NAME_CHARS.end())))]
    pub family_name: Option<String>,
    /// As people write it.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "present")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>", length(max = limits::CONTACT_BYTES)))]
    pub phone: Option<Option<String>>,
    /// E-mail.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "present")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>", length(max = limits::CONTACT_BYTES)))]
    pub email: Option<Option<String>>,
    /// Since when a member.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub joined_on: Option<Date>,
}

/// Tells a field that is `null` from one that is not there.
mod present {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[expect(clippy::option_option, reason = "absent, null and a value are three things")]
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Option<String>>, D::Error> {
        Option::<String>::deserialize(deserializer).map(Some)
    }

    #[expect(clippy::ref_option, reason = "serde passes a reference")]
    pub(super) fn serialize<S: Serializer>(
        value: &Option<Option<String>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        value.as_ref().and_then(Option::as_ref).serialize(serializer)
    }
}

/// The body of `refuse`, `suspend`, `reinstate`, `leave`, and of asking for a role: why, kept apart and erasable.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WithReason {
    /// 3 to 500 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(min = *limits::REASON_CHARS.start(), max = *limits::REASON_CHARS.end())))]
    pub reason: Option<String>,
}

/// A member, as far as the caller may see.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Member {
    /// The member's id.
    pub id: MemberId,
    /// Where.
    pub organization_id: OrganizationId,
    /// Grows with every change; the `ETag`.
    pub version: u64,
    /// Unique in the organisation.
    pub member_number: String,
    /// Where the membership stands.
    pub status: MemberStatus,
    /// Given name.
    pub given_name: String,
    /// Family name.
    pub family_name: String,
    /// In E.164; left out where the caller may not see contact data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// E-mail; left out where the caller may not see contact data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Since when a member.
    pub joined_on: Date,
    /// Since when no longer.
    pub left_on: Option<Date>,
    /// The roles held.
    pub roles: RoleSet,
    /// Whether the member can sign in.
    pub has_account: bool,
    /// Why the membership last changed; left out where the caller may not see it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// What this is exact as of.
    #[serde(flatten)]
    pub as_of: AsOf,
}

/// What acting on a member answers: the member (200), or, of somebody who holds a role, the request that others decide (202).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum MemberOrRequest {
    /// The request.
    Request(Box<super::approval::Approval>),
    /// The member.
    Member(Box<Member>),
}

/// What `reset` answers: a code (200), or, for somebody who holds a role, the request that others decide (202).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum CodeOrRequest {
    /// The request.
    Request(Box<super::approval::Approval>),
    /// The code.
    Code(MemberCode),
}

/// The answer to `invite` and `reset`: shown once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct MemberCode {
    /// The member.
    pub member_id: MemberId,
    /// To be sent by WhatsApp or SMS, or dictated.
    pub code: Secret,
    /// A page that takes it.
    pub link: Secret,
    /// Until when it works.
    pub expires_at: Timestamp,
    /// What this is exact as of.
    #[serde(flatten)]
    pub as_of: AsOf,
}

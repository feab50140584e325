//! Signing in, and the person who is signed in.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::AsOf;
#[cfg(feature = "schema")]
use crate::limits;
use crate::{
    id::{MemberId, OrganizationId, PersonId, SignInId},
    language::Language,
    macros::codes,
    member::MemberStatus,
    role::RoleSet,
    time::Timestamp,
};

/// A text that must not be shown or logged: a password, a code, a token.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

codes! {
    /// Where a refresh token is kept.
    pub enum SessionKind {
        /// In an HttpOnly cookie: for browsers.
        Cookie = "cookie",
        /// In the answer: for apps.
        Token = "token",
    }
}

/// `POST /auth/login`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Login {
    /// E-mail or phone.
    #[cfg_attr(feature = "schema", schemars(length(max = limits::CONTACT_BYTES)))]
    pub login: String,
    /// The password.
    #[cfg_attr(feature = "schema", schemars(extend("maxLength" = limits::PASSWORD_BYTES_MAX)))]
    pub password: Secret,
    /// `cookie` keeps the refresh token in a cookie.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionKind>,
}

/// `POST /auth/refresh`: with the token, or with the cookie and an empty body.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Refresh {
    /// The newest refresh token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<Secret>,
}

/// What a sign-in answers.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct SignedIn {
    /// For the `Authorization` header and the WebSocket.
    pub access_token: Secret,
    /// For `POST /auth/refresh`; left out where it is in the cookie.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<Secret>,
    /// Seconds that the access token lives.
    pub expires_in: u32,
}

/// `POST /auth/activate`: an invitation is accepted. Signed in: by this account, with the code alone.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Activate {
    /// The code of the invitation.
    pub code: Secret,
    /// The login name wanted: an e-mail or a phone. Left out = the contact that the invitation went to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(max = limits::CONTACT_BYTES)))]
    pub login: Option<String>,
    /// The password wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("minLength" = limits::PASSWORD_CHARS_MIN, "maxLength" = limits::PASSWORD_BYTES_MAX)))]
    pub password: Option<Secret>,
    /// `cookie` keeps the refresh token in a cookie.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionKind>,
}

/// `POST /auth/reset`: a new password by a code.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ResetPassword {
    /// The code.
    pub code: Secret,
    /// The new password.
    #[cfg_attr(feature = "schema", schemars(extend("minLength" = limits::PASSWORD_CHARS_MIN, "maxLength" = limits::PASSWORD_BYTES_MAX)))]
    pub password: Secret,
    /// `cookie` keeps the refresh token in a cookie.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionKind>,
}

/// `PUT /me/password`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChangePassword {
    /// The one in force.
    #[cfg_attr(feature = "schema", schemars(extend("maxLength" = limits::PASSWORD_BYTES_MAX)))]
    pub current_password: Secret,
    /// The new one.
    #[cfg_attr(feature = "schema", schemars(extend("minLength" = limits::PASSWORD_CHARS_MIN, "maxLength" = limits::PASSWORD_BYTES_MAX)))]
    pub new_password: Secret,
}

/// `PATCH /me`: what is left out stays.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UpdateMe {
    /// Of everything written for you.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Language>,
    /// All login names anew, 1 to 5; needs `currentPassword`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(min = *limits::LOGINS.start(), max = *limits::LOGINS.end()), inner(length(max = limits::CONTACT_BYTES))))]
    pub logins: Option<Vec<String>>,
    /// The password in force, to change login names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("maxLength" = limits::PASSWORD_BYTES_MAX)))]
    pub current_password: Option<Secret>,
}

/// `GET /me`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Me {
    /// You.
    pub person_id: PersonId,
    /// Your login names.
    pub logins: Vec<String>,
    /// Your language; null = the browser's.
    pub language: Option<Language>,
    /// Where you are a member.
    pub organizations: Vec<Membership>,
}

/// A membership of the person signed in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Membership {
    /// Where.
    pub organization_id: OrganizationId,
    /// Its name.
    pub name: String,
    /// Who you are there.
    pub member_id: MemberId,
    /// Whether the membership is in force.
    pub status: MemberStatus,
    /// What you may do there.
    pub roles: RoleSet,
    /// What this is exact as of.
    #[serde(flatten)]
    pub as_of: AsOf,
}

/// One signed-in device.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct SignIn {
    /// Its id.
    pub id: SignInId,
    /// What it called itself.
    pub device: String,
    /// Since when.
    pub created_at: Timestamp,
    /// When it last asked for an access token.
    pub last_used_at: Timestamp,
    /// Whether it is the one asking.
    pub current: bool,
}

/// `GET /me/sessions`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SignIns {
    /// Newest first.
    pub items: Vec<SignIn>,
}

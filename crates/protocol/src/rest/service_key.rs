//! Keys that an organisation gives to other systems.

use serde::{Deserialize, Serialize};

use super::{AsOf, auth::Secret};
#[cfg(feature = "schema")]
use crate::limits;
use crate::{
    event::members::KeyScope,
    id::{MemberId, OrganizationId, ServiceKeyId},
    time::Timestamp,
};

/// `POST /organizations/{id}/service-keys`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateServiceKey {
    /// What people call it: the system that gets it. 1 to 100 characters.
    #[cfg_attr(feature = "schema", schemars(length(min = *limits::SERVICE_KEY_NAME_CHARS.start(), max = *limits::SERVICE_KEY_NAME_CHARS.end())))]
    pub name: String,
    /// What it may do; at least one. `read:money` is for a president to give.
    #[cfg_attr(feature = "schema", schemars(length(min = *limits::SERVICE_KEY_SCOPES.start(), max = *limits::SERVICE_KEY_SCOPES.end())))]
    pub scopes: Vec<KeyScope>,
}

/// A service key, without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ServiceKey {
    /// Its id; the second part of the secret.
    pub id: ServiceKeyId,
    /// Whose.
    pub organization_id: OrganizationId,
    /// Grows with every event about it.
    pub version: u64,
    /// What people call it.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<KeyScope>,
    /// The member who made it; null for the operator.
    pub created_by: Option<MemberId>,
    /// When.
    pub created_at: Timestamp,
    /// When it was used last, within a minute; null = never.
    pub last_used_at: Option<Timestamp>,
    /// Since when it no longer works; null while it does.
    pub revoked_at: Option<Timestamp>,
    /// What the answer is exact as of.
    #[serde(flatten)]
    pub as_of: AsOf,
}

/// A service key that was just made: the only time that its secret is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct NewServiceKey {
    /// The key.
    #[serde(flatten)]
    pub key: ServiceKey,
    /// Sent as `Authorization: Bearer ufk_…`. Kept nowhere here: if it is lost, revoke the key and make another.
    pub secret: Secret,
}

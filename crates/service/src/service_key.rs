//! Keys that an organisation gives to other systems.

pub mod create;
pub mod list;
pub mod revoke;
mod shown;

use unionflow_domain::service_key::ServiceKey;
use unionflow_protocol::rest::{self, AsOf};

pub(crate) use shown::Noted;

/// A key as people see it.
fn view(key: ServiceKey, as_of: AsOf) -> rest::service_key::ServiceKey {
    rest::service_key::ServiceKey {
        id: key.id,
        organization_id: key.organization_id,
        version: key.version,
        name: key.name,
        scopes: key.scopes.as_slice().to_vec(),
        created_by: key.created_by,
        created_at: key.created_at,
        last_used_at: key.last_used_at,
        revoked_at: key.revoked_at,
        as_of,
    }
}

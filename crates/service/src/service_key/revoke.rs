//! `DELETE /organizations/{id}/service-keys/{keyId}`, and `unionflow keys revoke`

use unionflow_domain::{permissions::Action, service_key::ServiceKey};
use unionflow_protocol::{id::ServiceKeyId, problem::ErrorCode, rest};
use unionflow_storage::{Tx, Undo};

use super::view;
use crate::{Call, Publish, membership, operator};

/// Ends a key, at once and everywhere. One that has ended stays as it is.
pub fn revoke(tx: &mut Tx<'_>, call: &Call, id: ServiceKeyId) -> Result<rest::service_key::ServiceKey, Undo> {
    membership::acting_with(tx, call, Action::ChangeSettings)?;
    let key = here(tx, id)?;
    call.expects(key.version)?;
    end(tx, key)
}

/// Ends a key without asking anybody: for the operator.
pub fn revoke_as_operator(tx: &mut Tx<'_>, id: ServiceKeyId) -> Result<rest::service_key::ServiceKey, Undo> {
    operator::act(tx);
    let key = here(tx, id)?;
    end(tx, key)
}

fn here(tx: &mut Tx<'_>, id: ServiceKeyId) -> Result<ServiceKey, Undo> {
    let organization = tx.organization()?.id;
    let found = tx.load_service_key(id)?.map(|(key, _)| key);
    found.filter(|key| key.organization_id == organization).ok_or_else(|| ErrorCode::NotFound.into())
}

fn end(tx: &mut Tx<'_>, mut key: ServiceKey) -> Result<rest::service_key::ServiceKey, Undo> {
    if key.revoke(tx.now()) {
        tx.publish().service_key_revoked(&mut key)?;
        tx.save_service_key(&key)?;
    }
    Ok(view(key, tx.as_of_here()?))
}

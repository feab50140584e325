//! `POST /organizations/{id}/service-keys`, and `unionflow keys create`

use unionflow_auth::service_key::issue;
use unionflow_domain::{
    permissions::Action,
    service_key::{ServiceKey, Wanted},
};
use unionflow_protocol::{
    id::{MemberId, ServiceKeyId},
    limits,
    problem::ErrorCode,
    rest::{
        auth::Secret,
        service_key::{CreateServiceKey, NewServiceKey},
    },
};
use unionflow_storage::{Tx, Undo, tables::done_today::Counted};

use super::view;
use crate::{Call, Publish, daily, membership, operator};

/// Makes a key. Its secret is in this answer and nowhere else.
pub fn create(tx: &mut Tx<'_>, call: &Call, asked: &CreateServiceKey) -> Result<NewServiceKey, Undo> {
    let actor = membership::acting_with(tx, call, Action::ChangeSettings)?;
    let wanted = Wanted::parse(asked)?;
    wanted.check_giver(actor.effective_roles())?;
    daily::count(tx, actor.id, Counted::ServiceKeys)?;
    make(tx, wanted, Some(actor.id))
}

/// Makes a key without asking anybody: for the operator.
pub fn create_as_operator(tx: &mut Tx<'_>, asked: &CreateServiceKey) -> Result<NewServiceKey, Undo> {
    operator::act(tx);
    make(tx, Wanted::parse(asked)?, None)
}

fn make(tx: &mut Tx<'_>, wanted: Wanted, created_by: Option<MemberId>) -> Result<NewServiceKey, Undo> {
    let organization_id = tx.organization()?.id;
    if tx.count_service_keys(organization_id)? >= limits::SERVICE_KEYS_MAX {
        return Err(ErrorCode::TooManyServiceKeys.into());
    }
    let id = ServiceKeyId::from_uuid(tx.new_uuid());
    let (secret, hash) = issue(id);
    let mut key = ServiceKey {
        id,
        organization_id,
        version: 0,
        name: wanted.name,
        scopes: wanted.scopes,
        created_by,
        created_at: tx.now(),
        last_used_at: None,
        revoked_at: None,
    };
    tx.publish().service_key_created(&mut key)?;
    tx.insert_service_key(&key, hash.as_bytes())?;
    Ok(NewServiceKey { key: view(key, tx.as_of_here()?), secret: Secret(secret) })
}

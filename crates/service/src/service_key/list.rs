//! `GET /organizations/{id}/service-keys`, and `unionflow keys list`

use unionflow_domain::permissions::Action;
use unionflow_protocol::{
    id::{OrganizationId, PersonId, ServiceKeyId},
    rest::{Page, service_key::ServiceKey},
};
use unionflow_storage::{Reader, Undo};

use super::view;
use crate::membership;

/// A page of keys, newest first, those that were revoked among them; never a secret.
pub fn list(
    reader: &mut Reader<'_>,
    person: PersonId,
    organization: OrganizationId,
    before: Option<ServiceKeyId>,
    limit: usize,
) -> Result<Page<ServiceKey>, Undo> {
    let member = membership::active(reader, person, organization)?;
    membership::require(&member, Action::ChangeSettings)?;
    page(reader, organization, before, limit)
}

/// The same without asking who wants to know: for the operator.
pub fn page(
    reader: &mut Reader<'_>,
    organization: OrganizationId,
    before: Option<ServiceKeyId>,
    limit: usize,
) -> Result<Page<ServiceKey>, Undo> {
    let mut found = reader.load_service_keys(organization, before, limit + 1)?;
    let more = found.len() > limit;
    found.truncate(limit);
    let next_cursor = found.last().filter(|_| more).map(|key| key.id.to_string());
    let as_of = reader.as_of(organization)?;
    let items = found.into_iter().map(|key| view(key, as_of)).collect();
    Ok(Page { items, next_cursor, as_of })
}

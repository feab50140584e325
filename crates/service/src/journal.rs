//! The journal, for those who may read all of it.

use serde_json::value::RawValue;
use unionflow_domain::permissions::Action;
use unionflow_protocol::{Seq, id::OrganizationId, rest::Page};
use unionflow_storage::{Reader, StoreFault, Undo};

use crate::{Principal, membership::Viewer};

/// `GET /organizations/{id}/events`: the stored envelopes in `seq` order, not filtered by audience.
pub fn events(
    reader: &mut Reader<'_>,
    principal: &Principal,
    organization: OrganizationId,
    after: Seq,
    limit: usize,
) -> Result<Page<Box<RawValue>>, Undo> {
    Viewer::active(reader, principal, organization)?.require(Action::ReadJournal)?;
    let limit = u32::try_from(limit).unwrap_or(u32::MAX - 1);
    let mut records = reader.journal_after(organization, after, limit + 1)?;
    let more = records.len() > limit as usize;
    records.truncate(limit as usize);
    let next_cursor = records.last().filter(|_| more).map(|record| record.position.seq().to_string());
    let items = records.iter().map(|record| {
        let text = String::from_utf8(record.value.to_vec())
            .map_err(|error| StoreFault::Malformed(error.to_string()))?;
        RawValue::from_string(text).map_err(|error| StoreFault::Malformed(error.to_string()))
    });
    let items = items.collect::<Result<_, _>>()?;
    Ok(Page { items, next_cursor, as_of: reader.as_of(organization)? })
}

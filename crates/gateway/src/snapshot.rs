//! What the store says when somebody connects: membership, place, figures; and pages of the journal.

use std::sync::Arc;

use serde_json::value::RawValue;
use unionflow_protocol::{
    Date, Position, Record, Seq, View,
    frame::OrganizationChoice,
    id::{OrganizationId, PersonId},
    member::MemberStatus,
    problem::ErrorCode,
};
use unionflow_storage::{Reader, Store, Undo};

use crate::{
    feed::Live,
    figures,
    session::{Joined, Start, Wanted},
};

/// Why a person may not follow what was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NotJoined {
    /// No organisation was named, and there is not exactly one.
    Choose(Vec<OrganizationChoice>),
    /// The person is no active member there.
    NotAMember,
    /// The store cannot be read.
    Unavailable(ErrorCode),
}

/// Looks up who the person is there, and where to begin: one snapshot.
pub(crate) async fn join(store: &Store, person: PersonId, wanted: Wanted) -> Result<Joined, NotJoined> {
    let read = store.read(move |reader| {
        let Some(organization) = wanted.organization_id else {
            let choices = choices(reader, person)?;
            return match choices.as_slice() {
                [only] => joined(reader, person, only.organization_id, wanted),
                _ => Ok(Err(NotJoined::Choose(choices))),
            };
        };
        joined(reader, person, organization, wanted)
    });
    read.await.unwrap_or_else(|undo| Err(NotJoined::Unavailable(undo.code())))
}

fn joined(
    reader: &mut Reader<'_>,
    person: PersonId,
    organization_id: OrganizationId,
    wanted: Wanted,
) -> Result<Result<Joined, NotJoined>, Undo> {
    let member = reader.load_membership(person, organization_id)?;
    let Some(member) = member.filter(|member| member.status == MemberStatus::Active) else {
        return Ok(Err(NotJoined::NotAMember));
    };
    let as_of = reader.as_of(organization_id)?;
    let roles = member.effective_roles();
    let start = Start::of(wanted, as_of.as_of_seq, as_of.epoch);
    let stats = figures::stats(reader, organization_id, View::of(roles))?;
    let mark = match start {
        Start::After(_) => figures::mark(reader, &member)?,
        Start::Now | Start::Resync(_) => None,
    };
    Ok(Ok(Joined {
        organization_id,
        member_id: member.id,
        roles,
        head: as_of.as_of_seq,
        epoch: as_of.epoch,
        stats: stats.and_then(|record| embedded(&record)),
        mark: mark.and_then(|record| Live::new(&record).frame),
        start,
    }))
}

/// A state as a part of another frame, with its day.
fn embedded(record: &Record) -> Option<(Date, Box<RawValue>)> {
    let Position::State { as_of_date, .. } = record.position else { return None };
    let text = String::from_utf8(record.value.to_vec()).ok()?;
    Some((as_of_date, RawValue::from_string(text).ok()?))
}

fn choices(reader: &mut Reader<'_>, person: PersonId) -> Result<Vec<OrganizationChoice>, Undo> {
    let mut choices = Vec::new();
    for member in reader.load_memberships(person)? {
        if member.status != MemberStatus::Active {
            continue;
        }
        if let Some(organization) = reader.load_organization(member.organization_id)? {
            choices.push(OrganizationChoice {
                organization_id: organization.id,
                name: organization.settings.name,
            });
        }
    }
    Ok(choices)
}

/// A page of the journal, framed.
pub(crate) async fn page(
    store: &Store,
    organization: OrganizationId,
    after: Seq,
    limit: u32,
) -> Result<Vec<Arc<Live>>, ErrorCode> {
    let records = store.read(move |reader| Ok(reader.journal_after(organization, after, limit)?)).await;
    let framed = |records: Vec<Record>| records.iter().map(|record| Arc::new(Live::new(record))).collect();
    records.map(framed).map_err(|undo| undo.code())
}

//! The journals of both organisations: what each person must see of one, and what of it must not be in the other's frames.

use std::collections::{HashMap, HashSet};

use serde_json::Value;
use unionflow_protocol::{
    Audience, RoleSet, Seq,
    event::EventType,
    id::{MemberId, OrganizationId},
};
use unionflow_testkit::World;

use crate::audiences::Catalogue;

/// Of each organisation.
pub(super) struct Journals(HashMap<OrganizationId, Journal>);

struct Journal {
    entries: Vec<Entry>,
    catalogue: Catalogue,
    /// Ids that only this organisation has, and its name.
    ids: HashSet<String>,
    name: String,
}

struct Entry {
    seq: u64,
    text: String,
    audience: Audience,
}

const PAGE: u32 = 10_000;

impl Journals {
    pub(super) fn of(world: &World) -> Self {
        let journals = [&world.espoir, &world.solidarite].map(|troupe| {
            let ids = HashSet::from([troupe.id.to_string()]);
            let (entries, catalogue, name) = (Vec::new(), Catalogue::default(), troupe.name.clone());
            (troupe.id, Journal { entries, catalogue, ids, name })
        });
        Self(journals.into())
    }

    /// Reads what has been added.
    pub(super) async fn read_on(&mut self, world: &World) {
        for (organization, journal) in &mut self.0 {
            let (organization, after) = (*organization, Seq(journal.head()));
            let service = world.server().service();
            let read = service.read(move |reader| Ok(reader.journal_after(organization, after, PAGE)?)).await;
            let records = read.unwrap();
            let texts: Vec<String> =
                records.iter().map(|record| String::from_utf8(record.value.to_vec()).unwrap()).collect();
            let envelopes: Vec<Value> =
                texts.iter().map(|text| serde_json::from_str(text).unwrap()).collect();
            for (at, (record, text)) in records.into_iter().zip(texts).enumerate() {
                let kind: EventType = envelopes[at]["eventType"].as_str().unwrap().parse().unwrap();
                let decided =
                    envelopes.get(at + 1).is_some_and(|next| next["eventType"] == "APPROVAL_APPROVED");
                let told = journal.catalogue.audience(kind, &envelopes[at], decided);
                journal.ids.extend(ids(&text).map(str::to_owned));
                let (seq, audience) = (record.position.seq().0, told.unwrap_or(record.audience));
                journal.entries.push(Entry { seq, text, audience });
            }
        }
    }

    /// What a member must see, in order, after one place and up to another.
    pub(super) fn due(
        &self,
        organization: OrganizationId,
        (member, roles): (MemberId, RoleSet),
        after: u64,
        up_to: u64,
    ) -> Vec<&str> {
        let entries = self.0[&organization].entries.iter();
        let due = entries
            .filter(|entry| entry.seq > after && entry.seq <= up_to && entry.audience.admits(member, roles));
        due.map(|entry| entry.text.as_str()).collect()
    }

    /// How many bytes of other organisations are in a frame of this one.
    pub(super) fn crossed(&self, organization: OrganizationId, text: &str) -> usize {
        let others = self.0.iter().filter(|(id, _)| **id != organization).map(|(_, journal)| journal);
        others.map(|journal| journal.bytes_in(text)).sum()
    }
}

impl Journal {
    fn head(&self) -> u64 {
        self.entries.last().map_or(0, |entry| entry.seq)
    }

    fn bytes_in(&self, text: &str) -> usize {
        let named = text.matches(&self.name).count() * self.name.len();
        named + ids(text).filter(|id| self.ids.contains(*id)).map(str::len).sum::<usize>()
    }
}

/// Everything in a text that looks like a UUID.
fn ids(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|c: char| !c.is_ascii_hexdigit() && c != '-');
    words.filter(|word| word.len() == 36)
}

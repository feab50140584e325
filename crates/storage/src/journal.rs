//! The journal: reading it in pages, and proving that nobody changed it.

use std::borrow::Cow;

use bytes::Bytes;
use unionflow_protocol::{
    Language, Origin, Position, Record, Seq, Timestamp, Topic,
    chain::ChainHash,
    id::{EventId, OrganizationId},
};

use crate::{
    fault::StoreFault,
    reader::Reader,
    sql::{Row, ToParam, get, parsed},
};

/// How far the journal of an organisation goes, and how far the relay has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Which.
    pub organization_id: OrganizationId,
    /// Its newest event.
    pub seq: Seq,
    /// The newest event that the relay has published.
    pub published: Seq,
}

/// The end of a journal, as it is to be signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChainHead {
    /// Whose.
    pub organization_id: OrganizationId,
    /// Its newest entry.
    pub seq: Seq,
    /// That entry's hash.
    pub hash: ChainHash,
}

/// Where a journal is not what it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// An entry is missing.
    #[error("entry {expected} is missing: the next one is {found}")]
    Gap {
        /// The place that is empty.
        expected: Seq,
        /// What stands there instead.
        found: Seq,
    },
    /// An entry, or one before it, was changed.
    #[error("entry {seq} does not hash to what was recorded: it was changed afterwards")]
    Hash {
        /// Its place.
        seq: Seq,
    },
    /// An entry is stored at one place and says another.
    #[error("entry {seq} says of itself that it is another")]
    Misplaced {
        /// Its place.
        seq: Seq,
    },
    /// Entries at the end are gone.
    #[error("the journal ends at {found}, its head says {expected}: entries at the end are gone or added")]
    Tail {
        /// What the organisation's head says.
        expected: Seq,
        /// The last entry.
        found: Seq,
    },
    /// The head's hash is not that of the last entry.
    #[error("the head does not hash to its last entry")]
    HeadHash,
    /// An entry holds something that no entry can hold.
    #[error("entry {seq} cannot be read: it was changed afterwards ({reason})")]
    Unreadable {
        /// Its place.
        seq: Seq,
        /// What is in the way.
        reason: String,
    },
}

impl Broken {
    /// The sentence in a language.
    pub fn text(&self, language: Language) -> String {
        if language == Language::English {
            return self.to_string();
        }
        match self {
            Self::Gap { expected, found } => {
                format!("l’entrée {expected} manque : la suivante est {found}")
            }
            Self::Hash { seq } => {
                format!("l’entrée {seq} ne correspond pas à son empreinte : elle a été modifiée après coup")
            }
            Self::Misplaced { seq } => format!("l’entrée {seq} dit d’elle-même qu’elle en est une autre"),
            Self::Tail { expected, found } => format!(
                "le journal s’arrête à {found}, sa tête dit {expected} : des entrées ont été retirées ou ajoutées à la fin"
            ),
            Self::HeadHash => "la tête ne correspond pas à la dernière entrée".to_owned(),
            Self::Unreadable { seq, reason } => {
                format!("l’entrée {seq} ne se lit pas : elle a été modifiée après coup ({reason})")
            }
        }
    }
}

/// A stored entry with its link of the chain.
struct Entry {
    record: Record,
    audience: String,
    hash: ChainHash,
}

/// Entries read at once while verifying.
const PAGE: u32 = 500;

impl Reader<'_> {
    /// Up to `limit` events after a place, in order.
    pub fn journal_after(
        &mut self,
        organization: OrganizationId,
        after: Seq,
        limit: u32,
    ) -> Result<Vec<Record>, StoreFault> {
        Ok(self.entries_after(organization, after, limit)?.into_iter().map(|entry| entry.record).collect())
    }

    /// Whether an event is in the journal already.
    pub fn has_event(&mut self, organization: OrganizationId, event: EventId) -> Result<bool, StoreFault> {
        Ok(self.place_of(organization, event)?.is_some())
    }

    /// Where an event is in the journal.
    pub fn place_of(
        &mut self,
        organization: OrganizationId,
        event: EventId,
    ) -> Result<Option<Seq>, StoreFault> {
        self.value(
            "SELECT seq FROM journal WHERE organization_id = ?1 AND event_id = ?2",
            &[organization.param(), event.param()],
        )
    }

    /// The heads of all journals that the relay has not published to their end.
    pub fn unpublished(&mut self, limit: u32) -> Result<Vec<Head>, StoreFault> {
        self.all(
            "SELECT o.id, o.head_seq, p.seq FROM organization o JOIN published p ON p.organization_id = o.id \
             WHERE p.seq < o.head_seq LIMIT ?1",
            &[limit.param()],
            head,
        )
    }

    /// When the oldest event was recorded that the relay is not known to have published.
    pub fn outbox_since(&mut self) -> Result<Option<Timestamp>, StoreFault> {
        let since: Option<Option<Timestamp>> = self.value(
            "SELECT min(j.recorded_at) FROM published p JOIN organization o ON o.id = p.organization_id \
             JOIN journal j ON j.organization_id = p.organization_id AND j.seq = p.seq + 1 WHERE p.seq < o.head_seq",
            &[],
        )?;
        Ok(since.flatten())
    }

    /// The head of one journal.
    pub fn head_of(&mut self, organization: OrganizationId) -> Result<Option<Head>, StoreFault> {
        self.first(
            "SELECT o.id, o.head_seq, p.seq FROM organization o JOIN published p ON p.organization_id = o.id WHERE o.id = ?1",
            &[organization.param()],
            head,
        )
    }

    /// The ends of journals, by organisation, after one of them.
    pub fn heads_after(
        &mut self,
        after: Option<OrganizationId>,
        limit: u32,
    ) -> Result<Vec<ChainHead>, StoreFault> {
        let after = after.map_or([0; 16], |after| *after.as_bytes());
        self.all(
            "SELECT id, head_seq, head_hash FROM organization WHERE id > ?1 ORDER BY id LIMIT ?2",
            &[after.param(), limit.param()],
            |row| Ok(ChainHead { organization_id: get(row, 0)?, seq: get(row, 1)?, hash: get(row, 2)? }),
        )
    }

    /// The hash of an entry.
    pub fn hash_at(
        &mut self,
        organization: OrganizationId,
        seq: Seq,
    ) -> Result<Option<ChainHash>, StoreFault> {
        self.value(
            "SELECT hash FROM journal WHERE organization_id = ?1 AND seq = ?2",
            &[organization.param(), seq.param()],
        )
    }

    /// Walks the whole journal of an organisation and checks every link; the number of entries, or the first that is broken.
    pub fn verify_journal(
        &mut self,
        organization: OrganizationId,
    ) -> Result<Result<u64, Broken>, StoreFault> {
        let (mut seq, mut hash) = (Seq::ZERO, ChainHash::GENESIS);
        let mut page_size = PAGE;
        loop {
            let page = match self.entries_after(organization, seq, page_size) {
                // Once more, one by one: whoever asks wants to know which.
                Err(StoreFault::Malformed(_)) if page_size > 1 => {
                    page_size = 1;
                    continue;
                }
                Err(StoreFault::Malformed(reason)) => {
                    let seq = self.next_place(organization, seq)?;
                    return Ok(Err(Broken::Unreadable { seq, reason }));
                }
                page => page?,
            };
            if page.is_empty() {
                break;
            }
            for entry in &page {
                if let Err(broken) = entry.check(seq, hash) {
                    return Ok(Err(broken));
                }
                (seq, hash) = (entry.record.position.seq(), entry.hash);
            }
        }
        let Some(head) = self.load_head(organization)? else { return Ok(Ok(seq.0)) };
        if head.seq != seq {
            return Ok(Err(Broken::Tail { expected: head.seq, found: seq }));
        }
        Ok(if head.hash == hash { Ok(seq.0) } else { Err(Broken::HeadHash) })
    }

    pub(crate) fn insert_journal(
        &mut self,
        record: &Record,
        audience: &str,
        hash: ChainHash,
    ) -> Result<(), StoreFault> {
        self.sql.submit(
            "INSERT INTO journal (organization_id, seq, event_id, event_type, topic, audience, aggregate_id, recorded_at, \
             trace_parent, inbound, envelope, hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
            &[
                record.organization_id.param(),
                record.position.seq().param(),
                record.event_id.param(),
                record.event_type.as_ref().param(),
                record.topic.as_str().param(),
                audience.param(),
                record.key.param(),
                record.timestamp.param(),
                record.trace_parent.param(),
                record.inbound.param(),
                record.value.as_ref().param(),
                hash.param(),
            ],
        )?;
        Ok(())
    }

    /// The place of the next entry, whatever else it holds.
    fn next_place(&mut self, organization: OrganizationId, after: Seq) -> Result<Seq, StoreFault> {
        let next = self.first(
            "SELECT seq FROM journal WHERE organization_id = ?1 AND seq > ?2 ORDER BY seq LIMIT 1",
            &[organization.param(), after.param()],
            |row| get(row, 0),
        )?;
        Ok(next.unwrap_or_else(|| after.next()))
    }

    fn entries_after(
        &mut self,
        organization: OrganizationId,
        after: Seq,
        limit: u32,
    ) -> Result<Vec<Entry>, StoreFault> {
        self.all(
            "SELECT seq, event_id, event_type, topic, audience, aggregate_id, recorded_at, trace_parent, inbound, envelope, \
             hash FROM journal WHERE organization_id = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3",
            &[organization.param(), after.param(), limit.param()],
            |row| entry(row, organization),
        )
    }
}

impl Entry {
    fn check(&self, previous: Seq, previous_hash: ChainHash) -> Result<(), Broken> {
        let seq = self.record.position.seq();
        if seq != previous.next() {
            return Err(Broken::Gap { expected: previous.next(), found: seq });
        }
        if previous_hash.link(self.record.topic, &self.audience, &self.record.value) != self.hash {
            return Err(Broken::Hash { seq });
        }
        let says = unionflow_protocol::Envelope::decode(&self.record.value).ok();
        let itself = says.is_some_and(|envelope| {
            envelope.head.organization_id == self.record.organization_id
                && envelope.head.position == self.record.position
                && envelope.head.event_id == self.record.event_id
                && envelope.event.type_name() == self.record.event_type
                && envelope.head.aggregate_id == self.record.key
                && envelope.head.timestamp == self.record.timestamp
                && (envelope.head.origin == Origin::Inbound) == self.record.inbound
        });
        if itself { Ok(()) } else { Err(Broken::Misplaced { seq }) }
    }
}

fn head(row: &dyn Row) -> Result<Head, StoreFault> {
    Ok(Head { organization_id: get(row, 0)?, seq: get(row, 1)?, published: get(row, 2)? })
}

fn entry(row: &dyn Row, organization_id: OrganizationId) -> Result<Entry, StoreFault> {
    let audience: String = get(row, 4)?;
    let event_type: String = get(row, 2)?;
    let topic: Topic = parsed(row, 3)?;
    let record = Record {
        organization_id,
        position: Position::Fact(get(row, 0)?),
        event_id: get(row, 1)?,
        event_type: known(event_type),
        topic,
        audience: crate::sql::parse(&audience)?,
        key: get(row, 5)?,
        timestamp: get(row, 6)?,
        trace_parent: get(row, 7)?,
        inbound: get(row, 8)?,
        value: Bytes::from(get::<Vec<u8>>(row, 9)?),
    };
    Ok(Entry { record, audience, hash: get(row, 10)? })
}

/// The type's own text where we know it, so that a page of the journal holds no copies.
fn known(event_type: String) -> Cow<'static, str> {
    event_type
        .parse::<unionflow_protocol::EventType>()
        .map_or(Cow::Owned(event_type), |known| known.as_str().into())
}

//! A unit that writes: reads, state, and events, in one transaction.

use std::ops::{Deref, DerefMut};

use unionflow_domain::{figures::Figures, organization::Organization, text::Salt};
use unionflow_protocol::{
    Audience, Envelope, EnvelopeHead, Event, EventType, Origin, Position, Record, Seq,
    chain::ChainHash,
    id::{AggregateId, EventId, MemberId, OrganizationId, ServiceKeyId},
    limits,
    problem::ErrorCode,
};
use uuid::Uuid;

use crate::{
    fault::{StoreFault, Undo},
    ids::Ids,
    reader::Reader,
    sql::{Param, ToParam},
    store::Scope,
};

/// A unit of work that writes. It reads like a [`Reader`]; what it appends and saves is committed together or not at all.
pub struct Tx<'a> {
    reader: Reader<'a>,
    scope: Scope,
    ids: &'a Ids,
    author: Author,
    trace_parent: Option<String>,
    cause: Option<EventId>,
    service_key: Option<ServiceKeyId>,
    current: Option<Current>,
    records: Vec<Record>,
}

/// Who causes the events of a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Author {
    /// The member; none for schedule, inbound and operator.
    pub member_id: Option<MemberId>,
    /// What causes them.
    pub origin: Origin,
}

/// The organisation this unit holds, with the end of its journal and its figures.
struct Current {
    organization: Organization,
    head: Seq,
    hash: ChainHash,
    committed_head: Seq,
    figures: Option<Figures>,
    /// Whether the figures differ from what is stored.
    counted: bool,
}

/// An event to be journaled.
pub struct NewEvent {
    /// What it is about.
    pub aggregate_id: AggregateId,
    /// Which version of that it makes.
    pub version: Option<u64>,
    /// Who may see it.
    pub audience: Audience,
    /// The event that caused it.
    pub causation_id: Option<EventId>,
    /// Type and data.
    pub event: Event,
}

/// A state to be sent: everything of it but what it says.
#[derive(Debug, Clone, Copy)]
pub struct State {
    /// Its id.
    pub event_id: EventId,
    /// Where.
    pub organization_id: OrganizationId,
    /// The newest event it includes.
    pub as_of_seq: Seq,
    /// The day it refers to.
    pub as_of_date: unionflow_protocol::Date,
    /// When.
    pub timestamp: unionflow_protocol::Timestamp,
}

impl State {
    /// Encoded, with what routing needs.
    pub fn record(self, aggregate_id: AggregateId, audience: Audience, event: Event) -> Record {
        let position = Position::State { as_of_seq: self.as_of_seq, as_of_date: self.as_of_date };
        let head = EnvelopeHead {
            event_id: self.event_id,
            organization_id: self.organization_id,
            position,
            timestamp: self.timestamp,
            aggregate_id,
            aggregate_version: None,
            actor_id: None,
            service_key_id: None,
            origin: Origin::Schedule,
            causation_id: None,
        };
        let known = event.event_type();
        let envelope = Envelope { head, event };
        Record {
            organization_id: self.organization_id,
            position,
            event_id: self.event_id,
            event_type: known.map_or("", EventType::as_str).into(),
            topic: known.map_or(unionflow_protocol::Topic::Dashboard, EventType::topic),
            audience,
            key: aggregate_id,
            timestamp: self.timestamp,
            trace_parent: None,
            inbound: false,
            value: envelope.encode(),
        }
    }
}

/// Where an event was journaled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// Its id.
    pub event_id: EventId,
    /// Its place.
    pub seq: Seq,
}

impl<'a> Deref for Tx<'a> {
    type Target = Reader<'a>;

    fn deref(&self) -> &Self::Target {
        &self.reader
    }
}

impl DerefMut for Tx<'_> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.reader
    }
}

impl<'a> Tx<'a> {
    /// What every unit loads first.
    pub(crate) fn foresee(reader: &mut Reader<'_>, scope: Scope) -> Result<(), StoreFault> {
        let Scope::Organization(id) = scope else { return Ok(()) };
        reader.load_head(id)?;
        // Most units append an event, which counts.
        reader.load_figures(id).map(drop)
    }

    /// Begins a unit: its organisation is locked, and read.
    pub(crate) fn begin(reader: Reader<'a>, scope: Scope, ids: &'a Ids) -> Result<Self, StoreFault> {
        let author = Author { member_id: None, origin: Origin::Operator };
        let mut tx = Self {
            reader,
            scope,
            ids,
            author,
            trace_parent: None,
            cause: None,
            service_key: None,
            current: None,
            records: Vec::new(),
        };
        tx.load_current()?;
        Ok(tx)
    }

    fn load_current(&mut self) -> Result<(), StoreFault> {
        let Scope::Organization(id) = self.scope else { return Ok(()) };
        let Some(head) = self.reader.load_head(id)? else { return Ok(()) };
        // Whatever a clock says, time does not run backwards in a journal.
        self.reader.now = self.reader.now.max(head.at);
        self.current = Some(Current {
            organization: head.organization,
            head: head.seq,
            hash: head.hash,
            committed_head: head.seq,
            figures: None,
            counted: false,
        });
        Ok(())
    }

    /// Who causes the events from here on.
    pub fn act_as(&mut self, author: Author) {
        self.author = author;
    }

    /// The key of another system that causes the events from here on.
    pub fn act_by(&mut self, key: ServiceKeyId) {
        self.service_key = Some(key);
    }

    /// The trace that the events belong to.
    pub fn trace(&mut self, trace_parent: Option<String>) {
        self.trace_parent = trace_parent;
    }

    /// What the events are caused by, where each does not say so itself.
    pub fn caused_by(&mut self, cause: Option<EventId>) {
        self.cause = cause;
    }

    /// Who causes the events.
    pub fn author(&self) -> Author {
        self.author
    }

    /// A new id.
    pub fn new_uuid(&self) -> Uuid {
        self.ids.uuid(self.reader.now)
    }

    /// A new salt.
    pub fn new_salt(&self) -> Salt {
        self.ids.salt()
    }

    /// The organisation that this unit has locked.
    pub fn organization(&mut self) -> Result<&Organization, Undo> {
        Ok(&self.current()?.organization)
    }

    /// The newest event, those appended here included.
    pub fn head(&mut self) -> Result<Seq, Undo> {
        Ok(self.current()?.head)
    }

    /// What an answer of this unit is exact as of: its own newest event.
    pub fn as_of_here(&mut self) -> Result<unionflow_protocol::rest::AsOf, Undo> {
        let epoch = self.reader.epoch;
        Ok(unionflow_protocol::rest::AsOf { as_of_seq: self.head()?, epoch })
    }

    /// Saves the organisation's settings or version.
    pub fn save_organization(&mut self, organization: Organization) -> Result<(), Undo> {
        self.reader.sql.submit(
            "UPDATE organization SET version = ?2, settings = ?3 WHERE id = ?1",
            &[
                organization.id.param(),
                organization.version.param(),
                crate::sql::to_json(&organization.settings).param(),
            ],
        )?;
        let zone_changed = self.current()?.organization.settings.time_zone != organization.settings.time_zone;
        if zone_changed {
            // The day ends at another moment now: the figures are saved with it.
            self.load_figures()?;
        }
        let current = self.current()?;
        current.counted |= zone_changed;
        current.organization = organization;
        Ok(())
    }

    /// Takes up an organisation that this unit has just founded.
    pub fn founded(&mut self, organization: Organization) {
        let today = self.reader.now.date_in(&organization.settings.time_zone);
        let figures = Some(Figures::new(organization.currency, today));
        self.scope = Scope::Organization(organization.id);
        let (head, hash) = (Seq::ZERO, ChainHash::GENESIS);
        self.current =
            Some(Current { organization, head, hash, committed_head: head, figures, counted: true });
    }

    /// Journals an event: next `seq`, chained, encoded once, counted in the figures.
    pub fn append(&mut self, new: NewEvent) -> Result<Appended, Undo> {
        let event_id = EventId::from_uuid(self.ids.uuid(self.reader.now));
        let event_type = new.event.event_type().ok_or(ErrorCode::Internal)?;
        self.journal(event_id, event_type, self.author, new)
    }

    /// Journals a fact of another system, with its own id: it is shown and changes nothing. Its data may lack what ours have.
    pub fn append_foreign(
        &mut self,
        event_id: EventId,
        event_type: EventType,
        new: NewEvent,
    ) -> Result<Appended, Undo> {
        let mut author = self.author;
        (author.member_id, author.origin) = (None, Origin::Inbound);
        self.journal(event_id, event_type, author, new)
    }

    fn journal(
        &mut self,
        event_id: EventId,
        event_type: EventType,
        author: Author,
        new: NewEvent,
    ) -> Result<Appended, Undo> {
        let now = self.reader.now;
        let is_ours = author.origin != Origin::Inbound;
        if is_ours {
            self.load_figures()?;
        }
        let trace_parent = self.trace_parent.clone();
        let causation_id = new.causation_id.or(self.cause);
        let service_key = self.service_key;
        let current = self.current()?;
        let seq = current.head.next();
        let head = EnvelopeHead {
            event_id,
            organization_id: current.organization.id,
            position: Position::Fact(seq),
            timestamp: now,
            aggregate_id: new.aggregate_id,
            aggregate_version: new.version,
            actor_id: author.member_id,
            service_key_id: service_key,
            origin: author.origin,
            causation_id,
        };
        let envelope = Envelope { head, event: new.event };
        let value = envelope.encode();
        if value.len() > limits::EVENT_BYTES {
            // A journal that holds what no bus carries would hold up its organisation for ever.
            return Err(ErrorCode::BodyTooLarge.into());
        }
        let audience = new.audience.to_string();
        let hash = current.hash.link(event_type.topic(), &audience, &value);
        if is_ours {
            let today = now.date_in(&current.organization.settings.time_zone);
            current.counted |= current.figures.as_mut().expect("loaded above").apply(&envelope.event, today);
        }
        (current.head, current.hash) = (seq, hash);
        let record = Record {
            organization_id: envelope.head.organization_id,
            position: Position::Fact(seq),
            event_id,
            event_type: event_type.as_str().into(),
            topic: event_type.topic(),
            audience: new.audience,
            key: new.aggregate_id,
            timestamp: now,
            trace_parent,
            inbound: !is_ours,
            value,
        };
        self.reader.insert_journal(&record, &audience, hash)?;
        self.records.push(record);
        Ok(Appended { event_id, seq })
    }

    /// Sends a state along with this unit's commit: not journaled, only the newest counts.
    pub fn append_state(
        &mut self,
        aggregate_id: AggregateId,
        audience: Audience,
        event: Event,
    ) -> Result<(), Undo> {
        let (now, today, as_of_seq) = (self.reader.now, self.today()?, self.head()?);
        let organization_id = self.organization()?.id;
        let event_id = EventId::from_uuid(self.ids.uuid(now));
        let state = State { event_id, organization_id, as_of_seq, as_of_date: today, timestamp: now };
        self.records.push(state.record(aggregate_id, audience, event));
        Ok(())
    }

    /// The day it is, in the organisation's time zone.
    pub fn today(&mut self) -> Result<unionflow_protocol::Date, Undo> {
        let now = self.reader.now;
        Ok(now.date_in(&self.current()?.organization.settings.time_zone))
    }

    /// The figures, gone on to today, and the organisation they are of.
    pub fn figures(&mut self) -> Result<(&Organization, &Figures), Undo> {
        let today = self.today()?;
        self.load_figures()?;
        let current = self.current()?;
        let figures = current.figures.as_mut().expect("loaded above");
        current.counted |= figures.roll_to(today);
        Ok((&current.organization, figures))
    }

    /// Undoes everything of this unit so far.
    pub(crate) fn undo(&mut self) -> Result<(), StoreFault> {
        self.reader.sql.undo()?;
        self.records.clear();
        self.current = None;
        self.load_current()
    }

    pub(crate) fn execute(&mut self, sql: &'static str, params: &[Param<'_>]) -> Result<usize, StoreFault> {
        self.reader.sql.execute(sql, params)
    }

    /// A statement whose count nobody needs.
    pub(crate) fn submit(&mut self, sql: &'static str, params: &[Param<'_>]) -> Result<(), StoreFault> {
        self.reader.sql.submit(sql, params)
    }

    pub(crate) fn into_records(self) -> Vec<Record> {
        self.records
    }

    /// Writes what is written once per unit: the journal's head and the figures.
    pub(crate) fn flush(&mut self) -> Result<(), Undo> {
        let Some(current) = self.current.take() else { return Ok(()) };
        if current.head > current.committed_head {
            let now = self.reader.now;
            self.submit(
                "UPDATE organization SET head_seq = ?2, head_hash = ?3, head_at = ?4 WHERE id = ?1",
                &[current.organization.id.param(), current.head.param(), current.hash.param(), now.param()],
            )?;
        }
        if let (true, Some(figures)) = (current.counted, &current.figures) {
            self.reader.save_figures(
                current.organization.id,
                figures,
                &current.organization.settings.time_zone,
            )?;
        }
        Ok(())
    }

    fn current(&mut self) -> Result<&mut Current, Undo> {
        self.current.as_mut().ok_or_else(|| ErrorCode::NotFound.into())
    }

    fn load_figures(&mut self) -> Result<(), Undo> {
        let current = self.current()?;
        if current.figures.is_some() {
            return Ok(());
        }
        let id: OrganizationId = current.organization.id;
        let figures = self.reader.load_figures(id)?.ok_or(ErrorCode::Internal)?;
        self.current()?.figures = Some(figures);
        Ok(())
    }
}

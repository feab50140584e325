//! Facts of other systems: what a record that came says, and whether it may be taken in.
//!
//! A record goes through two decisions. [`hear`] needs only the record and the [`Rules`] of the operator; what comes of it is a
//! [`Fact`], or a [`Claim`] to be an event of ours that somebody carries back. What the journal knows decides the rest, under the
//! organisation's lock: [`Fact::audience`], [`Claim::judge`].
//!
//! Whatever cannot be taken in has a [`Rejected`]: a stable reason, and which field it is about. It never repeats what the record
//! says, which may be about people.

use serde_json::{Map, Value, value::RawValue};
use unionflow_protocol::{
    Currency, Envelope, EventType, Seq,
    id::{AggregateId, EventId, MemberId, OrganizationId},
    limits,
    topic::Class,
};
use uuid::Uuid;

use crate::hint::{Foreign, Hint};

mod audience;
mod by_key;
mod codes;
mod reason;
mod rules;
mod vocabulary;

pub use by_key::sent;
pub use reason::{Reason, Rejected};
pub use rules::{PLAIN, Rules, Source, Types};

/// A record as it came.
#[derive(Debug, Clone)]
pub struct Arrival<'a> {
    /// Where it lay: a name that no other record has, such as `topic/partition/offset`.
    pub place: &'a str,
    /// Its key.
    pub key: Option<&'a str>,
    /// Its headers that are texts.
    pub headers: Vec<(&'a str, &'a str)>,
    /// Its value.
    pub value: Option<&'a [u8]>,
    /// Whether the end of its value is missing, because it is larger than anything that is taken in.
    pub is_cut: bool,
}

/// What a record says.
#[derive(Debug, Clone)]
pub enum Heard {
    /// A fact of another system.
    Fact(Fact),
    /// It says to be an event of ours.
    Claim(Claim),
}

/// A fact of another system, in our words.
#[derive(Debug, Clone)]
pub struct Fact {
    /// Its id: the same each time it comes.
    pub event_id: EventId,
    /// What happened.
    pub event_type: EventType,
    /// Where.
    pub organization_id: OrganizationId,
    /// What it is about.
    pub aggregate_id: AggregateId,
    /// The part of its data that we have words for.
    pub data: Box<RawValue>,
    /// The trace that it belongs to.
    pub trace_parent: Option<String>,
    /// How many keys of its data we have no words for.
    pub dropped: usize,
    currency: Option<Currency>,
    /// Whom it concerns, if they are members.
    concerned: Vec<MemberId>,
}

/// A record that has the form of our own events, and is not signed by us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// The event that it says to be.
    pub event_id: EventId,
    /// Where.
    pub organization_id: OrganizationId,
    /// The place in the journal that it says to have.
    pub seq: Option<Seq>,
}

/// What ids of other systems are mapped in: version 5 of the source's name, a line feed, and the id. The id of a record that has
/// none is its place.
pub const NAMESPACE: Uuid = Uuid::from_u128(0x7e1d_52c0_5c1e_5f0b_9a36_1d0e_6b1f_4a57);
/// The longest id of another system, in bytes.
const ID_BYTES_MAX: usize = limits::FOREIGN_ID_BYTES;
/// What is left of an event's size for everything around its data.
const DATA_KIBIBYTES_MAX: u32 = 60;
const DATA_BYTES_MAX: usize = DATA_KIBIBYTES_MAX as usize * 1024;
const _: () = assert!(DATA_BYTES_MAX + 4 * 1024 <= limits::EVENT_BYTES);

/// An id of another system, of whatever form, as one that no other system's id is mapped to, nor any of ours.
fn foreign(source: &str, id: &str) -> Uuid {
    Uuid::new_v5(&NAMESPACE, format!("{source}\n{id}").as_bytes())
}

/// The id of an event of another system: a UUID that nobody else can have guessed is kept as it is, so that a source keeps it under
/// another name. Any other is mapped, also one of version 5: as it is, a source could take the id that another's will have.
fn event(source: &str, id: &str) -> Uuid {
    let unguessable = |id: &Uuid| matches!(id.get_version_num(), 4 | 7);
    Uuid::try_parse(id).ok().filter(unguessable).unwrap_or_else(|| foreign(source, id))
}

/// An id of something that both may speak of: a UUID is kept as it is.
fn mapped(source: &str, id: &str) -> Uuid {
    Uuid::try_parse(id).unwrap_or_else(|_| foreign(source, id))
}

/// What a record says, and whether the operator lets its source say it.
pub fn hear(arrival: &Arrival<'_>, rules: &Rules) -> Result<Heard, Rejected> {
    let letter = Letter::open(arrival)?;
    let organization_id = letter.organization(rules)?;
    if let Some(claim) = letter.claim(organization_id, rules)? {
        return Ok(Heard::Claim(claim));
    }
    let event_type = letter.event_type()?;
    rules.admit(letter.source(), event_type, organization_id)?;
    letter.fact(event_type, organization_id).map(Heard::Fact)
}

impl Fact {
    /// Whom it concerns, if they are members of its organisation.
    pub fn concerned(&self) -> &[MemberId] {
        &self.concerned
    }

    /// Who may see it, in an organisation with this currency where these of the [`concerned`](Self::concerned) are members.
    pub fn audience(
        &self,
        currency: Currency,
        members: &[MemberId],
    ) -> Result<unionflow_protocol::Audience, Rejected> {
        if self.currency.is_some_and(|told| told != currency) {
            let detail = "data.currency: the organisation has another currency; an organisation has one";
            return Err(Rejected::new(Reason::BadData, detail).hinting(Hint::CurrencyIs(currency)));
        }
        let audience = audience::of(self.event_type, members);
        if audience.is_none() {
            let detail = "data.memberId: it is for one member, and no member of the organisation has this id; send our id of the member";
            return Err(Rejected::new(Reason::NoAudience, detail).hinting(Hint::DoesNotExist));
        }
        Ok(audience)
    }
}

impl Claim {
    /// Whether it is one, in a journal with this end, that has an event of this id or not.
    pub fn judge(&self, head: Seq, is_known: bool) -> Result<(), Rejected> {
        if is_known {
            return Ok(());
        }
        if self.seq.is_some_and(|seq| seq > head) {
            let detail = "seq: it is beyond the end of our journal; only UnionFlow numbers its events, leave `seq` and the headers `ce_…` of ours out";
            return Err(Rejected::new(Reason::AheadOfJournal, detail));
        }
        let detail = "eventId: our journal has no such event; an event of another system has no `seq` and no `ce_epoch` or `ce_mac`";
        Err(Rejected::new(Reason::NotOurs, detail))
    }
}

/// A record that could be read.
struct Letter<'a> {
    arrival: &'a Arrival<'a>,
    body: Map<String, Value>,
}

impl<'a> Letter<'a> {
    fn open(arrival: &'a Arrival<'a>) -> Result<Self, Rejected> {
        if arrival.is_cut {
            let detail = "value: it is larger than 256 KiB; send less in one record";
            return Err(Rejected::new(Reason::TooLarge, detail));
        }
        let version = arrival.headers.iter().find(|(name, _)| *name == "ce_specversion");
        if version.is_some_and(|(_, version)| !version.starts_with("1.")) {
            let detail =
                "ce_specversion: this version of CloudEvents is not known; send 1.0, or update UnionFlow";
            return Err(Rejected::new(Reason::FutureVersion, detail));
        }
        let not_json = |detail: &str| Rejected::new(Reason::NotJson, detail);
        let value = arrival.value.filter(|value| !value.is_empty());
        let value = value.ok_or_else(|| not_json("value: there is none; send a JSON object"))?;
        match serde_json::from_slice(value) {
            Ok(Value::Object(body)) => Ok(Self { arrival, body }),
            Ok(_) => Err(not_json("value: it is JSON and no object; send an object")),
            // What serde says of it may repeat it; where it is, does not.
            Err(error) => Err(not_json(&format!(
                "value: it is no JSON at line {}, column {}; send a JSON object in UTF-8",
                error.line(),
                error.column()
            ))),
        }
    }

    /// What it says happened in an organisation, in our words.
    fn fact(&self, event_type: EventType, organization_id: OrganizationId) -> Result<Fact, Rejected> {
        let told = vocabulary::read(self.data()?, self.source())?;
        let aggregate_id = self.aggregate_id(event_type, &told.data)?;
        let data = serde_json::value::to_raw_value(&told.data)
            .map_err(|_| Rejected::new(Reason::BadData, "data: it cannot be written as JSON"))?;
        if data.get().len() > DATA_BYTES_MAX {
            let detail = format!(
                "data: what is known of it has more than {DATA_BYTES_MAX} bytes; send less in one event"
            );
            return Err(Rejected::new(Reason::TooLarge, detail));
        }
        let trace_parent = self.header("traceparent").and_then(crate::trace::given);
        Ok(Fact {
            event_id: self.event_id()?,
            event_type,
            organization_id,
            aggregate_id,
            trace_parent: trace_parent.map(str::to_owned),
            dropped: told.dropped,
            currency: told.currency,
            concerned: audience::concerned(event_type, &told.data, self.arrival.key),
            data,
        })
    }

    fn header(&self, name: &str) -> Option<&'a str> {
        self.arrival.headers.iter().find(|(found, _)| *found == name).map(|(_, value)| *value)
    }

    /// What the record says by a key, or by a header where it has the form of CloudEvents.
    fn said(&self, key: &str, header: &str) -> Result<Option<String>, Reason> {
        match self.body.get(key).filter(|_| self.is_enveloped()) {
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(Value::Number(number)) => Ok(Some(number.to_string())),
            None | Some(Value::Null) => Ok(self.header(header).map(str::to_owned)),
            Some(_) => Err(Reason::BadId),
        }
    }

    /// Whether the value is an envelope or the first system's plain event; else it is the data alone, and the headers say the rest.
    fn is_enveloped(&self) -> bool {
        self.body.contains_key("eventType") || self.header("ce_type").is_none()
    }

    fn source(&self) -> &'a str {
        self.header("ce_source").unwrap_or(PLAIN)
    }

    fn event_type(&self) -> Result<EventType, Rejected> {
        let given = match self.body.get("eventType").filter(|_| self.is_enveloped()) {
            Some(Value::String(text)) => Some(text.as_str()),
            _ => self.header("ce_type"),
        };
        let Some(given) = given else {
            let detail = "eventType: it is missing; send it in the value, or as the header `ce_type`";
            return Err(Rejected::new(Reason::UnknownType, detail));
        };
        let event_type = given.parse::<EventType>().map_err(|_| {
            let detail = "eventType: it is not in the catalogue of events (docs/schemas)";
            Rejected::new(Reason::UnknownType, detail)
        })?;
        if event_type.class() == Class::State {
            let detail = format!(
                "eventType: {event_type} is a state that UnionFlow computes; only facts are taken in"
            );
            return Err(Rejected::new(Reason::NotAFact, detail));
        }
        Ok(event_type)
    }

    fn organization(&self, rules: &Rules) -> Result<OrganizationId, Rejected> {
        let unknown = |detail: &str| Rejected::new(Reason::UnknownOrganization, detail);
        let said = self.said("organizationId", "ce_organizationid").ok().flatten();
        let said = said.ok_or_else(|| {
            unknown(
                "organizationId: it is missing; send it in the value, or as the header `ce_organizationid`",
            )
        })?;
        rules.organization(&said).ok_or_else(|| {
            unknown("organizationId: it is no organisation of ours; name it in `inbound_organizations`, or send our id")
        })
    }

    /// Whether it says to be ours: by our headers, or by being an envelope with a place. An organisation by another name is another
    /// system's: it may well be a UnionFlow.
    fn claim(&self, organization_id: OrganizationId, rules: &Rules) -> Result<Option<Claim>, Rejected> {
        let said = self.said("organizationId", "ce_organizationid").ok().flatten();
        if said.is_some_and(|said| rules.is_mapped(&said)) {
            return Ok(None);
        }
        let envelope = self.arrival.value.and_then(|value| Envelope::decode(value).ok());
        let by_header = self.header("ce_mac").or_else(|| self.header("ce_epoch")).is_some();
        if envelope.is_none() && !by_header {
            return Ok(None);
        }
        let seq = match envelope {
            Some(envelope) => Some(envelope.head.position.seq()),
            None => self.header("ce_sequence").and_then(|text| text.parse().ok()).map(Seq),
        };
        let id = self.given_id()?.unwrap_or_default();
        let event_id = EventId::from_uuid(mapped(self.source(), &id));
        Ok(Some(Claim { event_id, organization_id, seq }))
    }

    fn event_id(&self) -> Result<EventId, Rejected> {
        let id = self.given_id()?;
        let id = id.as_deref().unwrap_or(self.arrival.place);
        Ok(EventId::from_uuid(event(self.source(), id)))
    }

    fn given_id(&self) -> Result<Option<String>, Rejected> {
        let wrong = |_| Rejected::new(Reason::BadId, "eventId: it must be a text");
        let id = self.said("eventId", "ce_id").map_err(wrong)?;
        if id.as_ref().is_some_and(|id| id.is_empty() || id.len() > ID_BYTES_MAX) {
            let detail = format!("eventId: it must have 1 to {ID_BYTES_MAX} bytes");
            return Err(Rejected::new(Reason::BadId, detail).hinting(Hint::Foreign(Foreign::Id)));
        }
        Ok(id)
    }

    fn data(&self) -> Result<&Map<String, Value>, Rejected> {
        if !self.is_enveloped() {
            return Ok(&self.body);
        }
        match self.body.get("data") {
            Some(Value::Object(data)) => Ok(data),
            _ => Err(Rejected::new(Reason::BadData, "data: it must be an object")),
        }
    }

    /// `aggregateId`, else the id in the data that the type is about, else the record's key, else the event itself.
    fn aggregate_id(
        &self,
        event_type: EventType,
        data: &Map<String, Value>,
    ) -> Result<AggregateId, Rejected> {
        let wrong = |_| Rejected::new(Reason::BadId, "aggregateId: it must be a text");
        if let Some(id) = self.said("aggregateId", "ce_aggregateid").map_err(wrong)? {
            return Ok(AggregateId::from_uuid(mapped(self.source(), &id)));
        }
        let about = [audience::about(event_type), "id"];
        let said = about.iter().find_map(|key| data.get(*key)).and_then(Value::as_str);
        if let Some(id) = said.and_then(|id| id.parse().ok()) {
            return Ok(id);
        }
        match self.arrival.key.filter(|key| !key.is_empty()) {
            Some(key) => Ok(AggregateId::from_uuid(mapped(self.source(), key))),
            None => self.event_id().map(|id| AggregateId::from_uuid(id.uuid())),
        }
    }
}

#[cfg(test)]
mod tests;

//! The words that data of other systems may use: every key of the catalogue of events, and what may stand behind it.
//!
//! Ids, amounts, dates, counts and the codes of the catalogue pass; free text does not, whatever its key, and no word that
//! another system chose. A key that is not here is left out: what another system adds for itself, or what it says of people by
//! name or number.

use serde_json::{Map, Number, Value};
use unionflow_protocol::{
    Amount, Currency, Date, Timestamp,
    event::members::{MemberField, OrganizationField},
    time::TimeZone,
};

use super::{ID_BYTES_MAX, Reason, Rejected, codes::Codes, foreign, mapped};
use crate::hint::{self, Foreign, Hint};

/// What may stand behind a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    One(Word),
    Many(Word),
    /// An object of the same vocabulary.
    Object,
    /// A list of them.
    Objects,
    /// Objects by a level.
    ByLevel,
}

/// A single value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    Id,
    /// Who did something there: never one of our members, into whose mouth another system may put nothing.
    Actor,
    Amount,
    Currency,
    Code(Codes),
    Hash,
    Instant,
    Day,
    Count,
    Flag,
    /// The name of a field of ours.
    Field,
    Zone,
}

use Kind::{ByLevel, Many, Object, Objects, One};
use Word::{Actor, Code, Count, Day, Field, Flag, Hash, Id, Instant, Zone};

/// The most entries of a list.
const LIST_MAX: usize = 500;

pub(super) const VOCABULARY: &[(&str, Kind)] = &[
    ("accountId", One(Id)),
    ("allocations", Objects),
    ("amount", One(Word::Amount)),
    ("approvalId", One(Id)),
    ("approvedAt", One(Instant)),
    ("approvedBy", One(Actor)),
    ("approvers", Many(Actor)),
    ("available", One(Word::Amount)),
    ("bands", Objects),
    ("batchId", One(Id)),
    ("beneficiaryMemberId", One(Id)),
    ("by", One(Actor)),
    ("cause", One(Code(Codes::Cause))),
    ("causeId", One(Id)),
    ("causeType", One(Code(Codes::CauseType))),
    ("changed", Many(Field)),
    ("code", One(Code(Codes::Error))),
    ("codeGivers", Many(Actor)),
    ("confirmedBy", One(Actor)),
    ("contentHash", One(Hash)),
    ("count", One(Count)),
    ("created", One(Count)),
    ("credit", One(Word::Amount)),
    ("currency", One(Word::Currency)),
    ("decideBy", One(Instant)),
    ("decideWithinHours", One(Count)),
    ("decision", One(Code(Codes::Decision))),
    ("dueId", One(Id)),
    ("dueOn", One(Day)),
    ("effectiveOn", One(Day)),
    ("entryId", One(Id)),
    ("executeBy", One(Instant)),
    ("executeWithinHours", One(Count)),
    ("executedBy", One(Actor)),
    ("grant", One(Flag)),
    ("hasComment", One(Flag)),
    ("hasReason", One(Flag)),
    ("id", One(Id)),
    ("joinedOn", One(Day)),
    ("keyId", One(Id)),
    ("kind", One(Code(Codes::Kind))),
    ("levels", ByLevel),
    ("lines", Objects),
    ("maxAmount", One(Word::Amount)),
    ("memberId", One(Id)),
    ("memberStatus", One(Code(Codes::MemberStatus))),
    ("method", One(Code(Codes::Method))),
    ("minAmount", One(Word::Amount)),
    ("minApprovals", One(Count)),
    ("missing", One(Count)),
    ("notificationId", One(Id)),
    ("openingBalance", One(Word::Amount)),
    ("paidOn", One(Day)),
    ("paymentId", One(Id)),
    ("period", One(Code(Codes::Period))),
    ("periodEnd", One(Day)),
    ("periodStart", One(Day)),
    ("planId", One(Id)),
    ("policy", Object),
    ("policyVersion", One(Count)),
    ("previousAmount", One(Word::Amount)),
    ("previousStatus", One(Code(Codes::MemberStatus))),
    ("purposeHash", One(Hash)),
    ("rejectedAt", One(Instant)),
    ("rejectedBy", One(Actor)),
    ("reopened", Objects),
    ("requesterId", One(Actor)),
    ("requiredLevel", One(Code(Codes::Level))),
    ("reserved", One(Flag)),
    ("reset", One(Flag)),
    ("role", One(Code(Codes::Role))),
    ("roles", Many(Code(Codes::Role))),
    ("rolesToAct", Many(Code(Codes::Role))),
    ("scope", One(Code(Codes::Scope))),
    ("severity", One(Code(Codes::Severity))),
    ("singleSignature", One(Flag)),
    ("skipped", One(Count)),
    ("status", One(Code(Codes::MemberStatus))),
    ("step", One(Count)),
    ("steps", Objects),
    ("timeZone", One(Zone)),
    ("toAccountId", One(Id)),
    ("transactionType", One(Code(Codes::TransactionType))),
    ("unchanged", One(Count)),
    ("updated", One(Count)),
    ("valueDate", One(Day)),
    ("version", One(Count)),
    ("voidedVotes", One(Count)),
    ("voterId", One(Actor)),
    ("votesInStep", One(Count)),
    ("votesNeeded", One(Count)),
];

/// Data in our words.
pub(super) struct Told {
    pub(super) data: Map<String, Value>,
    pub(super) currency: Option<Currency>,
    /// How many keys were left out.
    pub(super) dropped: usize,
}

/// Reads the data of a source.
pub(super) fn read(data: &Map<String, Value>, source: &str) -> Result<Told, Rejected> {
    let mut reading = Reading { source, dropped: 0 };
    let data = reading.object("data", data)?;
    let currency = data.get("currency").and_then(Value::as_str).and_then(|code| code.parse().ok());
    Ok(Told { data, currency, dropped: reading.dropped })
}

struct Reading<'a> {
    source: &'a str,
    dropped: usize,
}

impl Reading<'_> {
    fn object(&mut self, at: &str, object: &Map<String, Value>) -> Result<Map<String, Value>, Rejected> {
        let mut told = Map::new();
        for (key, value) in object {
            let Ok(found) = VOCABULARY.binary_search_by_key(&key.as_str(), |(name, _)| name) else {
                self.dropped += 1;
                continue;
            };
            // What is null is not said.
            if value.is_null() {
                continue;
            }
            let (name, kind) = VOCABULARY[found];
            let value = self.value(&format!("{at}.{name}"), kind, value)?;
            told.insert(name.to_owned(), value);
        }
        Ok(told)
    }

    fn value(&mut self, at: &str, kind: Kind, value: &Value) -> Result<Value, Rejected> {
        match (kind, value) {
            (One(word), value) => self.word(at, word, value),
            (Many(_) | Objects, Value::Array(values)) if values.len() > LIST_MAX => {
                Err(bad(at, &format!("a list of at most {LIST_MAX}"), Hint::AtMost(LIST_MAX as u64)))
            }
            (Many(word), Value::Array(values)) => {
                let words =
                    values.iter().enumerate().map(|(n, value)| self.word(&format!("{at}[{n}]"), word, value));
                words.collect::<Result<Vec<_>, _>>().map(Value::Array)
            }
            (Object, Value::Object(object)) => self.object(at, object).map(Value::Object),
            (Objects, Value::Array(values)) => {
                let mut told = Vec::with_capacity(values.len());
                for (n, value) in values.iter().enumerate() {
                    told.push(self.value(&format!("{at}[{n}]"), Object, value)?);
                }
                Ok(Value::Array(told))
            }
            (ByLevel, Value::Object(by_level)) => {
                let mut told = Map::new();
                for (level, value) in by_level {
                    if !Codes::Level.contain(level) {
                        return Err(bad(at, "an object whose keys are levels", Hint::Foreign(Foreign::Code)));
                    }
                    told.insert(level.clone(), self.value(at, Object, value)?);
                }
                Ok(Value::Object(told))
            }
            (Many(_) | Objects, _) => Err(bad(at, "a list", Hint::Expected(hint::Kind::List))),
            (Object | ByLevel, _) => Err(bad(at, "an object", Hint::Expected(hint::Kind::Object))),
        }
    }

    fn word(&self, at: &str, word: Word, value: &Value) -> Result<Value, Rejected> {
        let text = value.as_str();
        let told = match word {
            Id => id(value).map(|id| Value::from(mapped(self.source, &id).to_string())),
            Actor => id(value).map(|id| Value::from(foreign(self.source, &id).to_string())),
            Word::Amount => whole(value).filter(|minor| Amount::new(*minor).is_ok()).map(Value::from),
            Word::Currency => text.and_then(parsed::<Currency>).map(|currency| currency.to_string().into()),
            Code(codes) => text.filter(|text| codes.contain(text)).map(Value::from),
            Hash => text.filter(|text| is_hash(text)).map(Value::from),
            Instant => text.and_then(parsed::<Timestamp>).map(|at| at.to_string().into()),
            Day => text.and_then(parsed::<Date>).map(|day| day.to_string().into()),
            Count => whole(value).and_then(|count| u32::try_from(count).ok()).map(Value::from),
            Flag => value.as_bool().map(Value::from),
            Field => text.filter(|text| is_field(text)).map(Value::from),
            Zone => text.and_then(parsed::<TimeZone>).map(|zone| zone.to_string().into()),
        };
        told.ok_or_else(|| {
            let (expected, hint) = word.expected();
            bad(at, expected, hint)
        })
    }
}

impl Word {
    /// What it must be: for a dead letter, and for whoever is answered at once.
    fn expected(self) -> (&'static str, Hint) {
        match self {
            Id | Actor => ("an id: a text of 1 to 200 bytes, or a whole number", Hint::Foreign(Foreign::Id)),
            Self::Amount => (
                "a whole number of the currency's smallest unit, within ±9007199254740991, and no text",
                Hint::AmountRange,
            ),
            Self::Currency => ("a currency code of ISO 4217 such as XOF", Hint::Currency),
            Code(_) => (
                "one of the codes that the catalogue has for this key (docs/schemas)",
                Hint::Foreign(Foreign::Code),
            ),
            Hash => ("64 hexadecimal digits in lower case", Hint::Foreign(Foreign::Hash)),
            Instant => (
                "a time of RFC 3339 with its zone, such as 2026-11-22T10:15:30Z",
                Hint::Foreign(Foreign::Instant),
            ),
            Day => ("a date such as 2026-11-22", Hint::Date),
            Count => ("a whole number from 0", Hint::WholeNumber),
            Flag => ("true or false", Hint::Expected(hint::Kind::Boolean)),
            Field => ("the name of a field of ours, such as phone", Hint::OneOf(fields())),
            Zone => ("a time zone such as Africa/Abidjan", Hint::TimeZone),
        }
    }
}

fn bad(at: &str, expected: &str, hint: Hint) -> Rejected {
    Rejected::new(Reason::BadData, format!("{at}: it must be {expected}")).hinting(hint)
}

fn fields() -> String {
    let ours = MemberField::ALL.iter().map(|field| field.as_str());
    ours.chain(OrganizationField::ALL.iter().map(|field| field.as_str())).collect::<Vec<_>>().join(", ")
}

fn parsed<T: std::str::FromStr>(text: &str) -> Option<T> {
    text.parse().ok()
}

fn id(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if (1..=ID_BYTES_MAX).contains(&text.len()) => Some(text.clone()),
        Value::Number(number) if number.is_i64() || number.is_u64() => Some(number.to_string()),
        _ => None,
    }
}

/// A whole number, also one that was written with a decimal point: `75000.0`.
fn whole(value: &Value) -> Option<i64> {
    let number = value.as_number()?;
    number.as_i64().or_else(|| whole_float(number))
}

fn whole_float(number: &Number) -> Option<i64> {
    let float = number.as_f64()?;
    let fits = float.fract() == 0.0 && float.abs() <= Amount::MAX.minor_units() as f64;
    #[expect(clippy::cast_possible_truncation, reason = "whole, and within 2^53")]
    fits.then_some(float as i64)
}

fn is_hash(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

fn is_field(text: &str) -> bool {
    text.parse::<MemberField>().is_ok() || text.parse::<OrganizationField>().is_ok()
}

//! Bodies: read within limits, and what is wrong with them, by field and in words for people.

use std::{sync::Arc, time::Duration};

use axum::{
    body::Body,
    http::{HeaderMap, header},
};
use http_body_util::BodyExt;
use serde::de::{DeserializeOwned, IgnoredAny};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};
use unionflow_domain::{
    Fault, Refusal,
    detail::Detail,
    hint::{Hint, Kind},
};
use unionflow_protocol::{
    limits,
    problem::{ErrorCode, FieldCode},
};

use unionflow_storage::StoreFault;

use crate::{documented::BodySchema, failure::Failure, faults};

/// How long JSON may take to arrive: phones are slow, attackers slower.
const JSON_WITHIN: Duration = Duration::from_secs(30);
/// How long a file may take: the largest, over a line of a megabit a second.
const FILE_WITHIN: Duration = Duration::from_secs(5 * 60);

/// How long a body waits for memory that others hold.
const MEMORY_WITHIN: Duration = Duration::from_secs(2);
/// Bytes of all bodies of people who are signed in.
const PEOPLE_BYTES: usize = 48 * 1024 * 1024;
/// Bytes of all other bodies: strangers who fill this up keep nobody out who is signed in.
const STRANGERS_BYTES: usize = 16 * 1024 * 1024;
/// A body's memory grows from this, by doubling: with what arrives, whatever was announced.
const FIRST_BYTES: usize = 1024;

/// The memory that bodies may take, over all requests under way. Files have their own limit: see `uploads`.
pub(crate) struct Memory {
    people: Arc<Semaphore>,
    strangers: Arc<Semaphore>,
}

/// A body that was read, and the memory that it holds until the request is answered.
pub(crate) struct Held {
    pub(crate) bytes: Vec<u8>,
    pub(crate) memory: Option<OwnedSemaphorePermit>,
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            people: Arc::new(Semaphore::new(PEOPLE_BYTES)),
            strangers: Arc::new(Semaphore::new(STRANGERS_BYTES)),
        }
    }
}

impl Memory {
    /// Reads the JSON body of somebody who is signed in: of the right type, not too long, not too slowly.
    pub(crate) async fn read(&self, headers: &HeaderMap, body: Body) -> Result<Held, Failure> {
        read_json(headers, body, limits::BODY_BYTES, &self.people).await
    }

    /// Reads the JSON body of somebody who is not, or not yet: shorter.
    pub(crate) async fn read_open(&self, headers: &HeaderMap, body: Body) -> Result<Held, Failure> {
        read_json(headers, body, limits::OPEN_BODY_BYTES, &self.strangers).await
    }
}

/// Reads the file of an import, of whatever type it says it is.
pub(crate) async fn read_file(body: Body) -> Result<Vec<u8>, Failure> {
    let read = timeout(FILE_WITHIN, read_up_to(body, limits::IMPORT_BYTES, None)).await;
    read.map_err(|_| ErrorCode::BodyTooSlow)?.map(|held| held.bytes)
}

async fn read_json(
    headers: &HeaderMap,
    body: Body,
    limit: usize,
    memory: &Arc<Semaphore>,
) -> Result<Held, Failure> {
    let read = timeout(JSON_WITHIN, read_up_to(body, limit, Some(memory))).await;
    let held = read.map_err(|_| ErrorCode::BodyTooSlow)??;
    let media = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    let is_json =
        media.split(';').next().is_some_and(|media| media.trim().eq_ignore_ascii_case("application/json"));
    if !held.bytes.is_empty() && !is_json && !media.is_empty() {
        return Err(ErrorCode::UnsupportedMediaType.into());
    }
    Ok(held)
}

async fn read_up_to(mut body: Body, limit: usize, memory: Option<&Arc<Semaphore>>) -> Result<Held, Failure> {
    let mut held = Held { bytes: Vec::new(), memory: None };
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        let needed = held.bytes.len() + data.len();
        if needed > limit {
            return Err(too_long(limit));
        }
        if needed > held.bytes.capacity() {
            held.grow(needed.max(2 * held.bytes.capacity()).clamp(FIRST_BYTES, limit), memory).await?;
        }
        held.bytes.extend_from_slice(&data);
    }
    Ok(held)
}

impl Held {
    /// Room for so many bytes in all, once there is memory for them.
    async fn grow(&mut self, capacity: usize, memory: Option<&Arc<Semaphore>>) -> Result<(), Failure> {
        if let Some(memory) = memory {
            let more = u32::try_from(capacity - self.bytes.capacity()).unwrap_or(u32::MAX);
            let taken = timeout(MEMORY_WITHIN, memory.clone().acquire_many_owned(more)).await;
            let taken = taken.ok().and_then(Result::ok).ok_or(StoreFault::Busy)?;
            match &mut self.memory {
                Some(held) => held.merge(taken),
                None => self.memory = Some(taken),
            }
        }
        self.bytes.reserve_exact(capacity - self.bytes.len());
        Ok(())
    }
}

fn too_long(limit: usize) -> Failure {
    let most = |unit: usize| u32::try_from(limit / unit).unwrap_or(u32::MAX);
    let detail = match most(1024 * 1024) {
        0 => Detail::KibibytesAtMost(most(1024)),
        mebibytes => Detail::MebibytesAtMost(mebibytes),
    };
    Refusal::because(ErrorCode::BodyTooLarge, detail).into()
}

/// Reads a body; an empty one is an empty object, so that commands without words need none.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8], schema: BodySchema) -> Result<T, Failure> {
    let bytes: &[u8] = if bytes.is_empty() { b"{}" } else { bytes };
    if bytes.trim_ascii_start().starts_with(b"[") && serde_json::from_slice::<IgnoredAny>(bytes).is_ok() {
        // A list would be read as the fields in their order, and an empty one as a body without words.
        return Err(Refusal::field("", FieldCode::WrongType, Hint::Expected(Kind::Object)).into());
    }
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = error.path().to_string();
        let inner = error.into_inner();
        match inner.classify() {
            serde_json::error::Category::Data => {
                let again = |body: &serde_json::Value| {
                    let error = serde_path_to_error::deserialize::<_, T>(body).err()?;
                    Some(fault_of(&error.path().to_string(), &error.into_inner().to_string()))
                };
                let body = serde_json::from_slice(bytes).unwrap_or_default();
                let found = faults::all(fault_of(&path, &inner.to_string()), body, again);
                with_missing(found, bytes, &schema.required())
            }
            _ => not_json(&inner),
        }
    })?;
    deserializer.end().map_err(|error| not_json(&error))?;
    Ok(value)
}

/// The faults, and each field that is missing beside them.
fn with_missing(found: Vec<Fault>, bytes: &[u8], required: &[String]) -> Refusal {
    let sent: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(bytes).unwrap_or_default();
    let missing = required.iter().filter(|name| !sent.contains_key(*name)).map(|name| format!("/{name}"));
    let others: Vec<String> =
        missing.filter(|pointer| found.iter().all(|fault| fault.pointer != *pointer)).collect();
    let refusal = Refusal { faults: found, ..ErrorCode::ValidationFailed.into() };
    others.iter().fold(refusal, |refusal, pointer| refusal.at(pointer, FieldCode::Required, Hint::Required))
}

fn not_json(error: &serde_json::Error) -> Refusal {
    let hint = Hint::NotJson { line: error.line(), column: error.column() };
    Refusal::from(ErrorCode::InvalidJson).at("", FieldCode::Invalid, hint)
}

/// What a parser says, as a fault of a field: the path is where it stopped.
pub(crate) fn fault_of(path: &str, text: &str) -> Fault {
    let text = text.split(" at line ").next().unwrap_or(text);
    let pointer = pointer(path);
    let named = |text: &str| text.split('`').nth(1).unwrap_or("").to_owned();
    if text.starts_with("missing field") {
        return Fault::new(format!("{pointer}/{}", named(text)), FieldCode::Required, Hint::Required);
    }
    let (unknown, duplicate) = (text.starts_with("unknown field"), text.starts_with("duplicate field"));
    if unknown || duplicate {
        let name = named(text);
        // The path may or may not end in the field itself.
        let pointer =
            if pointer.ends_with(&format!("/{name}")) { pointer } else { format!("{pointer}/{name}") };
        let (code, hint) = if unknown {
            (FieldCode::UnknownField, Hint::DoesNotExist)
        } else {
            (FieldCode::Invalid, Hint::OnlyOnce)
        };
        return Fault::new(pointer, code, hint);
    }
    let hint = if text.contains("is not a UUID") {
        Hint::Uuid
    } else if text.contains("digit") {
        Hint::WholeNumber
    } else if text.contains("is not a currency") {
        Hint::Currency
    } else if text.contains("is not a date") {
        Hint::Date
    } else if text.contains("is not a time zone") {
        Hint::TimeZone
    } else if text.contains("an amount must lie") {
        Hint::AmountRange
    } else if let Some((_, codes)) = text.split_once("is none of ") {
        Hint::OneOf(codes.to_owned())
    } else if let Some((_, expected)) = text.rsplit_once(", expected ") {
        let code = if text.starts_with("invalid type") { FieldCode::WrongType } else { FieldCode::Invalid };
        return Fault::new(pointer, code, expected_hint(expected));
    } else if text.contains("`true` or `false`") {
        Hint::Expected(Kind::Boolean)
    } else {
        Hint::OtherValue
    };
    Fault::new(pointer, FieldCode::Invalid, hint)
}

/// What a parser expected, in words for people: names of Rust's types are none.
fn expected_hint(expected: &str) -> Hint {
    let codes: Vec<&str> = expected.split('`').skip(1).step_by(2).collect();
    if !codes.is_empty() {
        return Hint::OneOf(codes.join(", "));
    }
    let mut words = expected.split(' ').skip_while(|word| ["a", "an", "any", "borrowed"].contains(word));
    match words.next().unwrap_or_default() {
        "i8" | "i16" | "i32" | "i64" | "i128" | "isize" | "u8" | "u16" | "u32" | "u64" | "u128" | "usize"
        | "integer" => Hint::WholeNumber,
        "f32" | "f64" | "number" | "float" => Hint::Expected(Kind::Number),
        "string" | "str" | "character" | "variant" | "enum" => Hint::Expected(Kind::Text),
        "boolean" => Hint::Expected(Kind::Boolean),
        "sequence" | "array" | "tuple" => Hint::Expected(Kind::List),
        "map" | "struct" | "object" | "internally" | "adjacently" => Hint::Expected(Kind::Object),
        _ => Hint::OtherValue,
    }
}

/// `details.lines[2].amount` as `/details/lines/2/amount`.
fn pointer(path: &str) -> String {
    if path == "." {
        return String::new();
    }
    let mut pointer = String::with_capacity(path.len() + 1);
    for segment in path.split(['.', '[']).filter(|segment| !segment.is_empty() && *segment != "?") {
        pointer.push('/');
        pointer.push_str(segment.trim_end_matches(']'));
    }
    pointer
}

#[cfg(test)]
mod tests {
    use futures_util::{StreamExt, stream};
    use serde::Deserialize;
    use unionflow_protocol::{Amount, Language, RoleSet};

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "camelCase")]
    #[expect(dead_code, reason = "only read from JSON")]
    struct Sample {
        amount: Option<Amount>,
        count: Option<u32>,
        text: Option<String>,
        yes: Option<bool>,
        list: Option<Vec<u32>>,
        roles: Option<RoleSet>,
        object: Option<Box<Self>>,
        level: Option<Level>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "UPPERCASE")]
    enum Level {
        Low,
        High,
    }

    /// A body whose first bytes have arrived, and whose end never does.
    fn without_end(bytes: usize) -> Body {
        let begun = stream::once(async move { Ok::<_, axum::Error>(vec![b' '; bytes]) });
        Body::from_stream(begun.chain(stream::pending()))
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_holds_what_has_arrived_of_it_and_others_wait_for_memory_only_so_long() {
        let memory = Arc::new(Semaphore::new(64 * 1024));
        let headers = HeaderMap::new();
        let read = |body| read_json(&headers, body, 32 * 1024, &memory);
        let busy = async |body: Body| {
            let failure = read(body).await.err().expect("there is no memory");
            failure.problem(Language::French, "").code
        };
        let announced = tokio::spawn({
            let (headers, memory) = (headers.clone(), memory.clone());
            async move { read_json(&headers, without_end(10), 32 * 1024, &memory).await.map(|_| ()) }
        });
        tokio::task::yield_now().await;
        assert_eq!(memory.available_permits(), 63 * 1024, "ten bytes take no more than a little");
        let long = read(Body::from(vec![b' '; 32 * 1024])).await.unwrap();
        assert_eq!(memory.available_permits(), 31 * 1024);
        assert_eq!(busy(Body::from(vec![b' '; 32 * 1024])).await, ErrorCode::Busy);
        assert!(read(Body::from("{}")).await.is_ok(), "a short one still fits");
        drop(long);
        assert!(read(Body::from(vec![b' '; 32 * 1024])).await.is_ok(), "given back");
        let slow = announced.await.unwrap().unwrap_err();
        assert_eq!(slow.problem(Language::French, "").code, ErrorCode::BodyTooSlow);
        assert_eq!(memory.available_permits(), 64 * 1024);
    }

    #[test]
    fn what_a_parser_expected_is_said_in_words_for_people() {
        let whole = "un nombre entier, en chiffres";
        for (body, pointer, said) in [
            (r#"{"amount":7.5}"#, "/amount", whole),
            (r#"{"amount":"expected struct Nom"}"#, "/amount", whole),
            (r#"{"count":-1}"#, "/count", whole),
            (r#"{"count":[]}"#, "/count", whole),
            (r#"{"text":5}"#, "/text", "valeur attendue : un texte entre guillemets"),
            (r#"{"yes":"oui"}"#, "/yes", "valeur attendue : true ou false"),
            (r#"{"list":{}}"#, "/list", "valeur attendue : une liste, entre [ et ]"),
            (r#"{"roles":5}"#, "/roles", "valeur attendue : une liste, entre [ et ]"),
            (r#"{"object":5}"#, "/object", "valeur attendue : un objet, entre { et }"),
            (r#"{"level":"MID"}"#, "/level", "l’une des valeurs LOW, HIGH"),
            (r#"{"count":1,"count":2}"#, "/count", "ce champ figure plusieurs fois"),
            ("5", "", "valeur attendue : un objet, entre { et }"),
            ("[]", "", "valeur attendue : un objet, entre { et }"),
            ("{\n  nom", "", "ce n’est plus du JSON à la ligne 2, colonne 3"),
            ("{} {}", "", "ce n’est plus du JSON à la ligne 1, colonne 4"),
        ] {
            let failure = parse::<Sample>(body.as_bytes(), BodySchema::default()).unwrap_err();
            let said_here = &failure.problem(Language::French, "").errors[0];
            assert_eq!((&*said_here.pointer, &*said_here.detail), (pointer, said), "{body}");
        }
    }
}

//! Bodies: read within limits, and what is wrong with them, by field and in words for people.

use std::time::Duration;

use axum::{
    body::Body,
    http::{HeaderMap, header},
};
use http_body_util::BodyExt;
use serde::de::{DeserializeOwned, IgnoredAny};
use unionflow_domain::{
    Fault, Refusal,
    detail::Detail,
    hint::{Hint, Kind},
};
use unionflow_protocol::{
    limits,
    problem::{ErrorCode, FieldCode},
};

use crate::{documented::BodySchema, failure::Failure};

/// How long JSON may take to arrive: phones are slow, attackers slower.
const JSON_WITHIN: Duration = Duration::from_secs(30);
/// How long a file may take: the largest, over a line of a megabit a second.
const FILE_WITHIN: Duration = Duration::from_secs(5 * 60);

/// Reads the file of an import, of whatever type it says it is.
pub(crate) async fn read_file(body: Body) -> Result<Vec<u8>, Failure> {
    read_within(body, limits::IMPORT_BYTES, FILE_WITHIN).await
}

/// Reads a JSON body: of the right type, not too long, not too slowly.
pub(crate) async fn read(headers: &HeaderMap, body: Body) -> Result<Vec<u8>, Failure> {
    let bytes = read_within(body, limits::BODY_BYTES, JSON_WITHIN).await?;
    let media = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    let is_json =
        media.split(';').next().is_some_and(|media| media.trim().eq_ignore_ascii_case("application/json"));
    if !bytes.is_empty() && !is_json && !media.is_empty() {
        return Err(ErrorCode::UnsupportedMediaType.into());
    }
    Ok(bytes)
}

async fn read_within(body: Body, limit: usize, within: Duration) -> Result<Vec<u8>, Failure> {
    let read = tokio::time::timeout(within, read_up_to(body, limit)).await;
    read.map_err(|_| ErrorCode::BodyTooSlow)?
}

async fn read_up_to(mut body: Body, limit: usize) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        if bytes.len() + data.len() > limit {
            return Err(too_long(limit));
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes)
}

fn too_long(limit: usize) -> Failure {
    let most = u32::try_from(limit / (1024 * 1024)).unwrap_or(u32::MAX);
    Refusal::because(ErrorCode::BodyTooLarge, Detail::MebibytesAtMost(most)).into()
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
                with_missing(fault_of(&path, &inner.to_string()), bytes, &schema.required())
            }
            _ => not_json(&inner),
        }
    })?;
    deserializer.end().map_err(|error| not_json(&error))?;
    Ok(value)
}

/// A fault, and each field that is missing: a parser stops at the first, and people would have to send again for every one.
fn with_missing(fault: Fault, bytes: &[u8], required: &[String]) -> Refusal {
    let sent: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(bytes).unwrap_or_default();
    let missing = required.iter().filter(|name| !sent.contains_key(*name)).map(|name| format!("/{name}"));
    let others = missing.filter(|pointer| *pointer != fault.pointer).collect::<Vec<_>>();
    others.into_iter().fold(fault.into(), |refusal: Refusal, pointer| {
        refusal.at(&pointer, FieldCode::Required, Hint::Required)
    })
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
    use serde::Deserialize;
    use unionflow_protocol::{Amount, Language, RoleSet};

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "camelCase")]
    #[expect(dead_code, reason = "only read from JSON")]
    struct Body {
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
            let failure = parse::<Body>(body.as_bytes(), BodySchema::default()).unwrap_err();
            let said_here = &failure.problem(Language::French, "").errors[0];
            assert_eq!((&*said_here.pointer, &*said_here.detail), (pointer, said), "{body}");
        }
    }
}

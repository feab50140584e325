//! Arguments of handlers: who calls, the body, the path, the query.

use std::{str::FromStr, sync::Arc, time::Duration};

use axum::{
    body::Body,
    extract::{FromRequest, FromRequestParts, MatchedPath, Path, Request},
    http::{HeaderMap, header, request::Parts},
    response::{IntoResponse, Response},
};
use http_body_util::BodyExt;
use serde::{
    Serialize,
    de::{DeserializeOwned, IgnoredAny},
};
use sha2::{Digest, Sha256};
use unionflow_auth::{Denied, access::BadToken};
use unionflow_domain::{
    Fault, Refusal,
    detail::Detail,
    hint::{Hint, Kind},
};
use unionflow_protocol::{
    limits,
    problem::{ErrorCode, FieldCode},
};
use unionflow_service::{Call, Caller, auth::Origin};
use unionflow_storage::{Key, Keyed};

use crate::{
    context::Context,
    documented::{BodySchema, Keys},
    failure::Failure,
    state::Api,
};

/// A person who is signed in.
pub(crate) struct Signed(pub(crate) Caller);

/// A person who is signed in, or nobody.
pub(crate) struct MaybeSigned(pub(crate) Option<Caller>);

/// Where an attempt to sign in comes from. Counted against its address.
pub(crate) struct Attempt(pub(crate) Origin);

/// A command: who, under which key, on which version, and its body.
pub(crate) struct Command<T> {
    pub(crate) call: Call,
    pub(crate) body: T,
}

/// A body without a sign-in.
pub(crate) struct Plain<T>(pub(crate) T);

/// The `{id}` of the path: a text that is no id of that kind names nothing.
pub(crate) struct Id<T>(pub(crate) T);

/// The query.
pub(crate) struct Params<T>(pub(crate) T);

/// How long a body may take to arrive: phones are slow, attackers slower.
const BODY_WITHIN: Duration = Duration::from_secs(30);

impl Signed {
    fn from_headers(parts: &Parts, api: &Api) -> Result<Caller, Failure> {
        let context = context(parts)?;
        let token = bearer(&parts.headers).ok_or(ErrorCode::Unauthenticated)?;
        let now = api.clock.now();
        let access = api.service.authenticator().check(token, now).map_err(denied)?;
        if let Some(language) = access.language {
            context.prefer(language);
        }
        api.limits.person(access.person_id)?;
        Ok(Caller {
            person_id: access.person_id,
            sign_in_id: access.sign_in_id,
            access_expires_at: access.expires_at,
            language: context.language(),
            trace_parent: Some(context.trace_parent.clone()),
        })
    }
}

impl FromRequestParts<Arc<Api>> for Signed {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, Failure> {
        Self::from_headers(parts, api).map(Self)
    }
}

impl FromRequestParts<Arc<Api>> for MaybeSigned {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, Failure> {
        match bearer(&parts.headers) {
            Some(_) => Signed::from_headers(parts, api).map(|caller| Self(Some(caller))),
            None => Ok(Self(None)),
        }
    }
}

impl FromRequestParts<Arc<Api>> for Attempt {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, Failure> {
        let address = context(parts)?.address_key();
        api.limits.address(&address)?;
        let device =
            parts.headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or("");
        Ok(Self(Origin { address, device: device.to_owned() }))
    }
}

impl<T: DeserializeOwned> FromRequest<Arc<Api>> for Command<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, api: &Arc<Api>) -> Result<Self, Failure> {
        let (parts, body) = request.into_parts();
        let caller = Signed::from_headers(&parts, api)?;
        let bytes = read_body(&parts.headers, body, limits::BODY_BYTES).await?;
        let key = key(&parts, &caller, &bytes)?;
        let body = parse(&bytes, body_schema(&parts)?)?;
        Ok(Self { call: Call { caller, key, if_match: if_match(&parts.headers)? }, body })
    }
}

impl<T: DeserializeOwned> FromRequest<Arc<Api>> for Plain<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &Arc<Api>) -> Result<Self, Failure> {
        let (parts, body) = request.into_parts();
        let bytes = read_body(&parts.headers, body, limits::BODY_BYTES).await?;
        parse(&bytes, body_schema(&parts)?).map(Self)
    }
}

impl<T: FromStr + Send> FromRequestParts<Arc<Api>> for Id<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, Failure> {
        let id = Path::<std::collections::HashMap<String, String>>::from_request_parts(parts, api).await;
        let id = id.ok().and_then(|path| path.get("id").and_then(|id| id.parse().ok()));
        id.map(Self).ok_or_else(|| ErrorCode::NotFound.into())
    }
}

impl<T: DeserializeOwned> FromRequestParts<Arc<Api>> for Params<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Api>) -> Result<Self, Failure> {
        let query = parts.uri.query().unwrap_or("");
        let pairs = serde_urlencoded::Deserializer::new(form_urlencoded::parse(query.as_bytes()));
        serde_path_to_error::deserialize(pairs).map(Self).map_err(|error| {
            let fault = fault_of(&error.path().to_string(), &error.into_inner().to_string());
            let pointer = fault.pointer.trim_start_matches('/').to_owned();
            Refusal { faults: vec![Fault { pointer, ..fault }], ..ErrorCode::InvalidRequest.into() }.into()
        })
    }
}

fn body_schema(parts: &Parts) -> Result<BodySchema, Failure> {
    parts.extensions.get::<BodySchema>().copied().ok_or_else(|| ErrorCode::Internal.into())
}

fn context(parts: &Parts) -> Result<&Context, Failure> {
    parts.extensions.get::<Context>().ok_or_else(|| ErrorCode::Internal.into())
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn denied(denied: Denied) -> ErrorCode {
    match denied {
        Denied::Token(BadToken::Invalid) => ErrorCode::Unauthenticated,
        Denied::Token(BadToken::Expired) => ErrorCode::TokenExpired,
        Denied::Ended => ErrorCode::SessionEnded,
    }
}

/// Reads a JSON body: of the right type, not too long, not too slowly.
pub(crate) async fn read_body(headers: &HeaderMap, body: Body, limit: usize) -> Result<Vec<u8>, Failure> {
    let read = tokio::time::timeout(BODY_WITHIN, read_within(body, limit)).await;
    let bytes = read.map_err(|_| ErrorCode::InvalidRequest)??;
    let media = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    let is_json =
        media.split(';').next().is_some_and(|media| media.trim().eq_ignore_ascii_case("application/json"));
    if !bytes.is_empty() && !is_json && !media.is_empty() {
        return Err(ErrorCode::UnsupportedMediaType.into());
    }
    Ok(bytes)
}

async fn read_within(mut body: Body, limit: usize) -> Result<Vec<u8>, Failure> {
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
    match u32::try_from(limit / (1024 * 1024)).unwrap_or(u32::MAX) {
        0 => ErrorCode::BodyTooLarge.into(),
        most => Refusal::because(ErrorCode::BodyTooLarge, Detail::MebibytesAtMost(most)).into(),
    }
}

/// Reads a body; an empty one is an empty object, so that commands without words need none.
fn parse<T: DeserializeOwned>(bytes: &[u8], schema: BodySchema) -> Result<T, Failure> {
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
fn fault_of(path: &str, text: &str) -> Fault {
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

/// The idempotency key, if one was sent; money commands must send one.
fn key(parts: &Parts, caller: &Caller, body: &[u8]) -> Result<Option<Key>, Failure> {
    let route = parts.extensions.get::<MatchedPath>().map_or("", MatchedPath::as_str);
    let keys = parts.extensions.get::<Keys>().copied().ok_or(ErrorCode::Internal)?;
    let value = match (keys, parts.headers.get("idempotency-key")) {
        (Keys::None, _) | (Keys::Taken | Keys::TakenWithSecret, None) => return Ok(None),
        (Keys::Needed, None) => return Err(ErrorCode::IdempotencyKeyRequired.into()),
        (Keys::Taken | Keys::TakenWithSecret | Keys::Needed, Some(value)) => value,
    };
    let visible = value.as_bytes().iter().all(u8::is_ascii_graphic);
    let text =
        value.to_str().ok().filter(|text| visible && limits::IDEMPOTENCY_KEY_BYTES.contains(&text.len()));
    let Some(text) = text else {
        let refusal = Refusal::from(ErrorCode::InvalidRequest);
        return Err(refusal.at("Idempotency-Key", FieldCode::Invalid, Hint::IdempotencyKey).into());
    };
    Ok(Some(Key {
        principal: caller.person_id,
        route: format!("{} {route}", parts.method),
        key: text.to_owned(),
        fingerprint: fingerprint(parts, body),
        secret: keys == Keys::TakenWithSecret,
    }))
}

/// SHA-256 over method, path, query and the body's JSON with its keys sorted: the same command, however it is written.
fn fingerprint(parts: &Parts, body: &[u8]) -> [u8; 32] {
    let canonical = serde_json::from_slice::<serde_json::Value>(body)
        .map_or_else(|_| body.to_vec(), |value| serde_json::to_vec(&value).unwrap_or_default());
    let mut hasher = Sha256::new();
    let query = parts.uri.query().unwrap_or("");
    for part in [parts.method.as_str().as_bytes(), parts.uri.path().as_bytes(), query.as_bytes(), &canonical]
    {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    hasher.finalize().into()
}

fn if_match(headers: &HeaderMap) -> Result<Option<u64>, Failure> {
    let Some(value) = headers.get(header::IF_MATCH) else { return Ok(None) };
    let text = value.to_str().unwrap_or("").trim();
    if text == "*" {
        return Ok(None);
    }
    match text.trim_start_matches("W/").trim_matches('"').parse() {
        Ok(version) => Ok(Some(version)),
        // A tag that is not ours names no version of ours.
        Err(_) => Err(ErrorCode::StaleVersion.into()),
    }
}

/// An answer that was kept says so.
pub(crate) fn answer<T: Serialize>(
    keyed: Keyed<T>,
    respond: impl FnOnce(T) -> Response,
) -> Result<Response, Failure> {
    match (keyed.answer, keyed.replayed) {
        (Ok(value), replayed) => {
            let mut response = respond(value);
            if replayed {
                response
                    .headers_mut()
                    .insert("idempotency-replayed", header::HeaderValue::from_static("true"));
            }
            Ok(response)
        }
        (Err(refusal), true) => Err(Failure::replayed(refusal)),
        (Err(refusal), false) => Err(refusal.into()),
    }
}

/// A resource: its JSON, and its version as `ETag`.
pub(crate) fn resource<T: Serialize>(status: axum::http::StatusCode, version: u64, value: &T) -> Response {
    let mut response = (status, axum::Json(value)).into_response();
    if let Ok(tag) = header::HeaderValue::from_str(&format!("\"{version}\"")) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
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
        let whole = "un nombre entier, 0 ou plus";
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

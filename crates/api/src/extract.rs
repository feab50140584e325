//! Arguments of handlers: who calls, the body, the path, the query.

use std::{collections::BTreeSet, str::FromStr, sync::Arc};

use axum::{
    extract::{FromRequest, FromRequestParts, MatchedPath, Path, Request},
    http::{HeaderMap, header, request::Parts},
    response::{IntoResponse, Response},
};
use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};
use unionflow_auth::{
    Denied,
    access::BadToken,
    secret::SecretHash,
    service_key::{self, ShownKey},
};
use unionflow_domain::{Fault, Refusal, hint::Hint, service_key::ServiceKey};
use unionflow_protocol::{
    limits,
    problem::{ErrorCode, FieldCode},
};
use unionflow_service::{Call, Caller, Principal, auth::Origin};
use unionflow_storage::{Key, Keyed, Undo};

use crate::{
    body::{self, Held},
    context::Context,
    documented::{BodySchema, ForSystems, Keys},
    failure::Failure,
    limit::Shown,
    state::Api,
};

/// A person who is signed in: a service key is refused.
pub(crate) struct Signed(pub(crate) Caller);

/// Whoever may read: a person who is signed in, or, where the table of routes opens it to them, another system by its key.
pub(crate) struct Reads(pub(crate) Principal);

/// A person who is signed in, or nobody.
pub(crate) struct MaybeSigned(pub(crate) Option<Caller>);

/// Where an attempt to sign in comes from. Counted against its address.
pub(crate) struct Attempt(pub(crate) Origin);

/// Where a request comes from that shows something only its owner has: counted where that turns out to be false, so that a
/// neighbour behind the same address keeps nobody from theirs.
pub(crate) struct Source(pub(crate) Origin);

/// Who is signed in, or why nobody is: for what goes on without.
pub(crate) struct PerhapsSigned(pub(crate) Option<Result<Caller, Failure>>);

/// A command: who, under which key, on which version, and its body.
pub(crate) struct Command<T> {
    pub(crate) call: Call,
    pub(crate) body: T,
}

/// What another system sends by its key.
pub(crate) struct Sends<T> {
    pub(crate) key: ServiceKey,
    /// What the system calls it, if the header says so.
    pub(crate) name: Option<String>,
    pub(crate) trace_parent: String,
    pub(crate) body: T,
}

/// A body without a sign-in.
pub(crate) struct Plain<T>(pub(crate) T);

/// The `{id}` of the path: a text that is no id of that kind names nothing.
pub(crate) struct Id<T>(pub(crate) T);

/// The query.
pub(crate) struct Params<T>(pub(crate) T);

/// Who shows a credential.
enum Asker {
    Person(Caller),
    System(ServiceKey),
}

impl Asker {
    async fn of(parts: &Parts, api: &Api) -> Result<Self, Failure> {
        let credential = bearer(&parts.headers).ok_or(ErrorCode::Unauthenticated)?;
        if service_key::is_meant(credential) {
            let context = context(parts)?;
            return Self::system(api, context, credential).await.map(Self::System);
        }
        Self::person(parts, api, credential).map(Self::Person)
    }

    fn person(parts: &Parts, api: &Api, token: &str) -> Result<Caller, Failure> {
        let context = context(parts)?;
        let access = match api.service.authenticator().check(token, api.clock.now()) {
            Ok(access) => access,
            Err(denied) => return Err(refuse(api, context, token, denied)),
        };
        if let Some(language) = access.language {
            context.prefer(language);
        }
        context.count();
        api.limits.person(access.person_id)?;
        Ok(Caller {
            person_id: access.person_id,
            sign_in_id: access.sign_in_id,
            access_expires_at: access.expires_at,
            language: context.language(),
            trace_parent: Some(context.trace_parent.clone()),
        })
    }

    async fn system(api: &Api, context: &Context, credential: &str) -> Result<ServiceKey, Failure> {
        let shown = ShownKey::read(credential).ok_or(ErrorCode::Unauthenticated)?;
        match api.service.shown_key(shown).await {
            Ok(key) => {
                context.count();
                api.limits.key(key.id)?;
                Ok(key)
            }
            Err(Undo::Refused(refusal)) if refusal.code == ErrorCode::ServiceKeyRevoked => {
                Err(refuse_ours(api, context, credential, refusal.code))
            }
            Err(undo) => Err(undo.into()),
        }
    }
}

impl Signed {
    async fn of(parts: &Parts, api: &Api) -> Result<Caller, Failure> {
        match Asker::of(parts, api).await? {
            Asker::Person(caller) => Ok(caller),
            Asker::System(_) => Err(ErrorCode::PersonRequired.into()),
        }
    }
}

impl FromRequestParts<Arc<Api>> for Reads {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, Failure> {
        let key = match Asker::of(parts, api).await? {
            Asker::Person(caller) => return Ok(Self(caller.person_id.into())),
            Asker::System(key) => key,
        };
        // Asked before anything is looked for: what a key may not read, it does not learn to exist either.
        match parts.extensions.get().copied().unwrap_or_default() {
            ForSystems::Reads(right) => key.check(right)?,
            ForSystems::No | ForSystems::Sends => return Err(ErrorCode::PersonRequired.into()),
        }
        Ok(Self(Principal::Key(key)))
    }
}

impl FromRequestParts<Arc<Api>> for Signed {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, Failure> {
        Self::of(parts, api).await.map(Self)
    }
}

impl FromRequestParts<Arc<Api>> for MaybeSigned {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, Failure> {
        match bearer(&parts.headers) {
            Some(_) => Signed::of(parts, api).await.map(|caller| Self(Some(caller))),
            None => Ok(Self(None)),
        }
    }
}

impl FromRequestParts<Arc<Api>> for PerhapsSigned {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, Failure> {
        Ok(Self(match bearer(&parts.headers) {
            Some(_) => Some(Signed::of(parts, api).await),
            None => None,
        }))
    }
}

impl FromRequestParts<Arc<Api>> for Attempt {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, Failure> {
        let Source(origin) = Source::from_request_parts(parts, api).await?;
        context(parts)?.count();
        api.limits.address(&origin.address)?;
        Ok(Self(origin))
    }
}

impl FromRequestParts<Arc<Api>> for Source {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Api>) -> Result<Self, Failure> {
        let address = context(parts)?.address_key();
        let device =
            parts.headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or("");
        Ok(Self(Origin { address, device: device.to_owned() }))
    }
}

impl<T: DeserializeOwned> FromRequest<Arc<Api>> for Command<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, api: &Arc<Api>) -> Result<Self, Failure> {
        let (parts, body) = request.into_parts();
        let caller = Signed::of(&parts, api).await?;
        let Held { bytes, memory } = api.bodies.read(&parts.headers, body).await?;
        context(&parts)?.hold(memory);
        let key = key(&parts, &caller, &bytes)?;
        let body = body::parse(&bytes, body_schema(&parts)?)?;
        Ok(Self { call: Call { caller, key, if_match: if_match(&parts.headers)? }, body })
    }
}

impl<T: DeserializeOwned> FromRequest<Arc<Api>> for Sends<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, api: &Arc<Api>) -> Result<Self, Failure> {
        let (parts, body) = request.into_parts();
        let Asker::System(key) = Asker::of(&parts, api).await? else {
            return Err(ErrorCode::ServiceKeyRequired.into());
        };
        let Held { bytes, memory } = api.bodies.read(&parts.headers, body).await?;
        let context = context(&parts)?;
        context.hold(memory);
        let (name, trace_parent) = (key_text(&parts)?, context.trace_parent.clone());
        Ok(Self { key, name, trace_parent, body: body::parse(&bytes, body_schema(&parts)?)? })
    }
}

impl<T: DeserializeOwned> FromRequest<Arc<Api>> for Plain<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, api: &Arc<Api>) -> Result<Self, Failure> {
        let (parts, body) = request.into_parts();
        let Held { bytes, memory } = api.bodies.read_open(&parts.headers, body).await?;
        context(&parts)?.hold(memory);
        body::parse(&bytes, body_schema(&parts)?).map(Self)
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
            let fault = body::fault_of(&error.path().to_string(), &error.into_inner().to_string());
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

/// A token that was ours counts by itself: its owner has to hear that it ended, whatever the neighbours send.
fn refuse(api: &Api, context: &Context, token: &str, denied: Denied) -> Failure {
    let code = match denied {
        Denied::Token(BadToken::Invalid) => return ErrorCode::Unauthenticated.into(),
        Denied::Token(BadToken::Expired) => ErrorCode::TokenExpired,
        Denied::Ended => ErrorCode::SessionEnded,
    };
    refuse_ours(api, context, token, code)
}

/// Refuses what was ours once, and counts it by itself.
fn refuse_ours(api: &Api, context: &Context, credential: &str, code: ErrorCode) -> Failure {
    context.count();
    match api.limits.shown(Shown::Token(SecretHash::of(credential))) {
        Ok(()) => code.into(),
        Err(limited) => limited.into(),
    }
}

/// Whether a key is one that a client might use for every command, such as `aaaaaaaa` or `12345678`: the answer to the first
/// would be the answer to all.
fn is_too_plain(key: &str) -> bool {
    let different = key.bytes().collect::<BTreeSet<u8>>().len();
    let runs_on = key.as_bytes().windows(2).filter(|pair| pair[0].abs_diff(pair[1]) <= 1).count();
    different < 5 || key.len() - runs_on < 4
}

fn keys(parts: &Parts) -> Result<Keys, Failure> {
    parts.extensions.get::<Keys>().copied().ok_or_else(|| ErrorCode::Internal.into())
}

/// The idempotency key, if one was sent; money commands must send one.
fn key(parts: &Parts, caller: &Caller, body: &[u8]) -> Result<Option<Key>, Failure> {
    let Some(key) = key_text(parts)? else { return Ok(None) };
    let route = parts.extensions.get::<MatchedPath>().map_or("", MatchedPath::as_str);
    Ok(Some(Key {
        principal: caller.person_id,
        route: format!("{} {route}", parts.method),
        key,
        fingerprint: fingerprint(parts, body),
        secret: keys(parts)? == Keys::TakenWithSecret,
    }))
}

/// What the header says, where the route takes it.
fn key_text(parts: &Parts) -> Result<Option<String>, Failure> {
    let value = match (keys(parts)?, parts.headers.get("idempotency-key")) {
        (Keys::None, _) | (Keys::Taken | Keys::TakenWithSecret | Keys::AsId, None) => return Ok(None),
        (Keys::Needed, None) => return Err(ErrorCode::IdempotencyKeyRequired.into()),
        (Keys::Taken | Keys::TakenWithSecret | Keys::Needed | Keys::AsId, Some(value)) => value,
    };
    let visible = value.as_bytes().iter().all(u8::is_ascii_graphic);
    let fits = |text: &&str| limits::IDEMPOTENCY_KEY_BYTES.contains(&text.len()) && !is_too_plain(text);
    let text = value.to_str().ok().filter(|text| visible && fits(text));
    let Some(text) = text else {
        let refusal = Refusal::from(ErrorCode::InvalidRequest);
        return Err(refusal.at("Idempotency-Key", FieldCode::Invalid, Hint::IdempotencyKey).into());
    };
    Ok(Some(text.to_owned()))
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

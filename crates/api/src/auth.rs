//! `/auth`

use std::sync::Arc;

use axum::{
    Extension, Json,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use unionflow_protocol::{
    problem::ErrorCode,
    rest::auth::{Activate, Login, Refresh, ResetPassword, SessionKind, SignedIn},
};

use crate::{
    compression::Secret,
    context::Context,
    extract::{Attempt, MaybeSigned, PerhapsSigned, Plain, Source},
    failure::Failure,
    limit::Shown,
    state::Api,
};

const COOKIE: &str = "unionflow_refresh";
/// The cookie goes to these routes only.
const COOKIE_PATH: &str = "/api/v1/auth";
/// As long as an idle session lives.
const COOKIE_SECONDS: u32 = 60 * 24 * 3600;

pub(crate) async fn login(
    State(api): State<Arc<Api>>,
    headers: HeaderMap,
    Attempt(origin): Attempt,
    Plain(login): Plain<Login>,
) -> Result<Response, Failure> {
    let session = login.session;
    may_set_cookie(&api, &headers, session)?;
    let signed_in = api.service.login(login, origin).await?;
    Ok(tokens(&api, signed_in, session))
}

pub(crate) async fn refresh(
    State(api): State<Arc<Api>>,
    headers: HeaderMap,
    Extension(context): Extension<Context>,
    Plain(refresh): Plain<Refresh>,
) -> Result<Response, Failure> {
    let (token, session) = match refresh.refresh_token {
        Some(token) => (token.0, SessionKind::Token),
        None => (cookie(&api, &headers)?.ok_or(ErrorCode::SessionEnded)?, SessionKind::Cookie),
    };
    let read = api.service.read_refresh_token(&token).ok_or(ErrorCode::SessionEnded)?;
    context.count();
    api.limits.shown(Shown::SignIn(read.sign_in_id))?;
    let signed_in = api.service.refresh(&token).await?;
    Ok(tokens(&api, signed_in, Some(session)))
}

pub(crate) async fn logout(
    State(api): State<Arc<Api>>,
    headers: HeaderMap,
    PerhapsSigned(caller): PerhapsSigned,
    Source(origin): Source,
    Plain(refresh): Plain<Refresh>,
) -> Result<Response, Failure> {
    let given = refresh.refresh_token.map(|token| token.0).or(cookie(&api, &headers)?);
    let token = given.and_then(|token| api.service.read_refresh_token(&token));
    match (&token, caller) {
        // Whoever lost the access token signs out by the refresh token: what else was sent does not matter.
        (Some(token), None | Some(Err(_))) => api.limits.shown(Shown::SignIn(token.sign_in_id))?,
        (_, Some(Ok(caller))) => api.service.logout(caller.sign_in_id).await?,
        (None, Some(Err(failure))) => return Err(failure),
        (None, None) => api.limits.address(&origin.address)?,
    }
    if let Some(token) = token {
        api.service.logout(token.sign_in_id).await?;
    }
    let mut response = StatusCode::NO_CONTENT.into_response();
    set_cookie(
        &mut response,
        &format!("{COOKIE}=; Path={COOKIE_PATH}; HttpOnly; SameSite=Strict; Max-Age=0"),
    );
    Ok(response)
}

pub(crate) async fn activate(
    State(api): State<Arc<Api>>,
    headers: HeaderMap,
    MaybeSigned(caller): MaybeSigned,
    Source(origin): Source,
    Plain(activate): Plain<Activate>,
) -> Result<Response, Failure> {
    let session = activate.session;
    may_set_cookie(&api, &headers, session)?;
    if let Some(caller) = caller {
        api.service.accept_invitation(activate, caller, origin).await?;
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let signed_in = api.service.activate(activate, origin).await?;
    Ok(tokens(&api, signed_in, session))
}

pub(crate) async fn reset(
    State(api): State<Arc<Api>>,
    headers: HeaderMap,
    Source(origin): Source,
    Plain(reset): Plain<ResetPassword>,
) -> Result<Response, Failure> {
    let session = reset.session;
    may_set_cookie(&api, &headers, session)?;
    let signed_in = api.service.reset_password(reset, origin).await?;
    Ok(tokens(&api, signed_in, session))
}

/// Tokens in the body; the refresh token in a cookie instead, if that was asked for.
fn tokens(api: &Api, mut signed_in: SignedIn, session: Option<SessionKind>) -> Response {
    let in_cookie = match session {
        Some(SessionKind::Cookie) => signed_in.refresh_token.take(),
        Some(SessionKind::Token) | None => None,
    };
    let mut response = Json(signed_in).into_response();
    response.extensions_mut().insert(Secret);
    if let Some(token) = in_cookie {
        let secure = if api.config.https { "; Secure" } else { "" };
        let cookie = format!(
            "{COOKIE}={}; Path={COOKIE_PATH}; HttpOnly; SameSite=Strict; Max-Age={COOKIE_SECONDS}{secure}",
            token.0
        );
        set_cookie(&mut response, &cookie);
    }
    response
}

fn set_cookie(response: &mut Response, cookie: &str) {
    if let Ok(value) = HeaderValue::from_str(cookie) {
        response.headers_mut().insert(header::SET_COOKIE, value);
    }
}

/// The refresh token of the cookie. A page of another origin may not use it.
fn cookie(api: &Api, headers: &HeaderMap) -> Result<Option<String>, Failure> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let found = cookies.flat_map(|value| value.split(';')).find_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        (name == COOKIE && !value.is_empty()).then(|| value.to_owned())
    });
    match found {
        Some(_) if !is_from_here(api, headers) => Err(ErrorCode::ForeignOrigin.into()),
        found => Ok(found),
    }
}

/// A page of another origin may not sign its visitor's browser in as somebody else.
fn may_set_cookie(api: &Api, headers: &HeaderMap, session: Option<SessionKind>) -> Result<(), Failure> {
    match session {
        Some(SessionKind::Cookie) if !is_from_here(api, headers) => Err(ErrorCode::ForeignOrigin.into()),
        _ => Ok(()),
    }
}

/// Whether a request comes from a page of ours or one that is allowed, or from no page at all.
fn is_from_here(api: &Api, headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let site_is_ours = text("sec-fetch-site").is_none_or(|site| matches!(site, "same-origin" | "none"));
    let origin_is_ours = text("origin").is_none_or(|origin| {
        let own = origin.split_once("://").is_some_and(|(_, authority)| Some(authority) == text("host"));
        own || api.config.allowed_origins.iter().any(|allowed| allowed == origin)
    });
    origin_is_ours && (site_is_ours || text("origin").is_some())
}

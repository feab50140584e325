//! A socket that is refused before the upgrade: why, and the problem that says so.

use std::borrow::Cow;

use std::time::Duration;

use axum::{
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use unionflow_domain::hint::Hint;
use unionflow_protocol::{
    Language,
    problem::{ErrorCode, FieldCode, FieldProblem, Problem},
};

/// Why a socket is refused before the upgrade.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    pub(super) code: ErrorCode,
    field: Option<(Cow<'static, str>, Hint)>,
    retry_after: Option<u64>,
}

impl From<ErrorCode> for Refused {
    fn from(code: ErrorCode) -> Self {
        Self { code, field: None, retry_after: None }
    }
}

impl Refused {
    /// Worth another try, a little later.
    pub(super) fn later(code: ErrorCode) -> Self {
        Self { retry_after: Some(5), ..code.into() }
    }

    /// Worth another try after so long; a header has whole seconds only, and not none.
    pub(super) fn until(code: ErrorCode, wait: Duration) -> Self {
        Self { retry_after: Some(wait.as_secs() + 1), ..code.into() }
    }

    /// For what a header or a parameter of the address says.
    pub(super) fn at(name: impl Into<Cow<'static, str>>, hint: Hint) -> Self {
        Self { field: Some((name.into(), hint)), ..ErrorCode::InvalidRequest.into() }
    }

    /// The problem, in the language that the page asks for, with the trace to name where the fault is ours.
    pub(crate) fn respond(self, asked: &HeaderMap, trace_id: &str) -> Response {
        let language = language(asked);
        let mut problem = Problem::new(self.code, language);
        problem.trace_id = (problem.status >= 500).then(|| trace_id.to_owned());
        if let Some((name, hint)) = self.field {
            let (pointer, detail) = (name.into_owned(), hint.text(language));
            problem.errors.push(FieldProblem { pointer, code: FieldCode::Invalid, detail });
        }
        let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&problem).unwrap_or_default();
        let mut response = (status, PROTECTED, body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(language.as_str()));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// What every problem of the API bears, too.
const PROTECTED: [(HeaderName, &str); 6] = [
    (header::CONTENT_TYPE, "application/problem+json"),
    (header::CACHE_CONTROL, "no-store"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
];

fn language(headers: &HeaderMap) -> Language {
    let accepted = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    accepted.and_then(Language::from_accept_language).unwrap_or(Language::French)
}

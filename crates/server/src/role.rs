//! What one process does of all that a server does, where several share the work.

use axum::{
    Router,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::any,
};
use serde::{Deserialize, Serialize};
use unionflow_protocol::{
    Language,
    problem::{ErrorCode, Problem},
};

/// What a process serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProcessRole {
    /// Everything.
    All,
    /// REST, pages, and the work behind them: relay, sweeper, what comes in.
    Api,
    /// Sockets: it only reads the store, but for tickets that are used.
    Gateway,
}

impl ProcessRole {
    /// As it is set, and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Api => "api",
            Self::Gateway => "gateway",
        }
    }

    /// Whether it serves REST, and works.
    pub(crate) const fn has_api(self) -> bool {
        matches!(self, Self::All | Self::Api)
    }

    /// Whether it serves sockets.
    pub(crate) const fn has_gateway(self) -> bool {
        matches!(self, Self::All | Self::Gateway)
    }
}

/// The route of the sockets, where others serve it.
pub(crate) fn sockets_are_elsewhere<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new().route(unionflow_gateway::PATH, any(|headers: HeaderMap| async move {
        elsewhere(
            &headers,
            "Ce processus sert l’API (role = api) : les WebSockets sont à l’adresse des processus gateway.",
            "This process serves the API (role = api): sockets are at the address of the gateway processes.",
        )
    }))
}

/// Everything else, where others serve it.
pub(crate) fn the_rest_is_elsewhere<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new().fallback(|headers: HeaderMap| async move {
        elsewhere(
            &headers,
            "Ce processus ne sert que les WebSockets (role = gateway) : le reste est à l’adresse des processus api.",
            "This process serves sockets only (role = gateway): the rest is at the address of the api processes.",
        )
    })
}

fn elsewhere(headers: &HeaderMap, french: &str, english: &str) -> Response {
    let accepted = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    let language = accepted.and_then(Language::from_accept_language).unwrap_or(Language::French);
    // Not 404: clients take that for an organisation that does not exist, and stop.
    let mut problem = Problem::new(ErrorCode::Unavailable, language);
    problem.detail = Some(language.pick(french, english).to_owned());
    let body = serde_json::to_vec(&problem).unwrap_or_default();
    let mut response = (StatusCode::SERVICE_UNAVAILABLE, body).into_response();
    let headers = response.headers_mut();
    headers.insert(header::RETRY_AFTER, HeaderValue::from_static("30"));
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    headers.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(language.as_str()));
    response
}

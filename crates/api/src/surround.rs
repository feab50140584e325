//! What surrounds every request: its context, what every answer bears, one log line and the metrics.

use std::{sync::Arc, time::Instant};

use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use unionflow_domain::Refusal;

use crate::{context::Context, failure::Failure, state::Api};

/// Surrounds a request: context in, headers and problems out, one log line and the metrics.
pub(crate) async fn surround(State(api): State<Arc<Api>>, mut request: Request, next: Next) -> Response {
    let begun = now();
    let context = Context::of(&request, &api.config.trusted_proxies);
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or("unmatched".to_owned(), |path| path.as_str().to_owned());
    let method = label(request.method());
    request.extensions_mut().insert(context.clone());
    // Pages are for anybody; of the routes, only the handler knows who asks.
    let is_page = !route.starts_with("/api/");
    let mut response = match is_page.then(|| count(&api, &context)) {
        Some(Err(refusal)) => Failure::from(refusal).into_response(),
        Some(Ok(())) | None => next.run(request).await,
    };
    if response.status().is_client_error()
        && !context.is_counted()
        && let Err(refusal) = count(&api, &context)
    {
        response = Failure::from(refusal).into_response();
    }
    if let Some(failure) = response.extensions_mut().remove::<Failure>() {
        response = failure.render(&context, response);
    }
    finish(response.headers_mut(), &context, api.config.https);
    let (status, elapsed) = (response.status(), begun.elapsed());
    metrics::counter!(
        "unionflow_http_requests_total", "method" => method, "route" => route.clone(), "status" => status.as_u16().to_string()
    )
    .increment(1);
    metrics::histogram!("unionflow_http_request_seconds", "route" => route.clone())
        .record(elapsed.as_secs_f64());
    tracing::debug!(trace = context.trace_id(), method, route, status = status.as_u16(), ?elapsed, "request");
    response
}

/// Surrounds the route of the sockets: a handshake that is refused counts like any request without a sign-in.
pub async fn count_refused(State(api): State<Arc<Api>>, request: Request, next: Next) -> Response {
    let context = Context::of(&request, &api.config.trusted_proxies);
    let response = next.run(request).await;
    if !response.status().is_client_error() {
        return response;
    }
    let Err(refusal) = count(&api, &context) else { return response };
    let mut response = Failure::from(refusal).render(&context, Response::default());
    finish(response.headers_mut(), &context, api.config.https);
    response
}

fn count(api: &Api, context: &Context) -> Result<(), Refusal> {
    context.count();
    api.limits.address(&context.address_key())
}

/// The method, for metrics. A client may call its method anything: what it makes up is no label, or anybody could add series
/// without end.
fn label(method: &Method) -> &'static str {
    let known = [
        Method::GET,
        Method::HEAD,
        Method::POST,
        Method::PUT,
        Method::PATCH,
        Method::DELETE,
        Method::OPTIONS,
    ];
    let names = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    known.iter().zip(names).find(|(known, _)| *known == method).map_or("other", |(_, name)| name)
}

#[expect(clippy::disallowed_methods, reason = "measures how long a request took; decides nothing")]
fn now() -> Instant {
    Instant::now()
}

fn finish(headers: &mut HeaderMap, context: &Context, https: bool) {
    let fixed = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if https {
        let value = HeaderValue::from_static("max-age=31536000; includeSubDomains");
        headers.insert(header::STRICT_TRANSPORT_SECURITY, value);
    }
    headers
        .entry(header::CONTENT_SECURITY_POLICY)
        .or_insert(HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    if let Ok(trace) = HeaderValue::from_str(&context.trace_parent) {
        headers.insert(HeaderName::from_static("traceresponse"), trace);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_method_that_a_client_made_up_is_no_label() {
        assert_eq!(label(&Method::PATCH), "PATCH");
        assert_eq!(label(&Method::from_bytes(b"MADE-UP").unwrap()), "other");
    }
}

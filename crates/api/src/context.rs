//! What is known of a request before its handler: trace, language, address; and what every answer bears.

use std::{
    net::{IpAddr, SocketAddr},
    sync::{Arc, OnceLock},
    time::Instant,
};

use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, header},
    middleware::Next,
    response::Response,
};
use unionflow_auth::random;
use unionflow_domain::trace;
use unionflow_protocol::Language;

use crate::{failure::Failure, state::Api};

/// The address of the socket's other end, set by whoever accepted it.
#[derive(Debug, Clone, Copy)]
pub struct PeerAddress(pub SocketAddr);

/// What is known of a request.
#[derive(Debug, Clone)]
pub(crate) struct Context {
    /// `traceparent`, the caller's or a new one: the trace that journal, log and answer name.
    pub(crate) trace_parent: String,
    /// Where it comes from, behind proxies that are trusted.
    pub(crate) address: IpAddr,
    /// What the browser asks for.
    accepted: Option<Language>,
    /// What the person who is signed in has set.
    preferred: Arc<OnceLock<Language>>,
}

impl Context {
    /// The language to answer in: the person's, then the browser's, then French.
    pub(crate) fn language(&self) -> Language {
        self.preferred.get().copied().or(self.accepted).unwrap_or(Language::French)
    }

    pub(crate) fn prefer(&self, language: Language) {
        let _ = self.preferred.set(language);
    }

    /// The part of `traceparent` to name when asking for help.
    pub(crate) fn trace_id(&self) -> &str {
        trace::id(&self.trace_parent)
    }

    /// What attempts are counted against: the address, or its /64 where it is IPv6.
    pub(crate) fn address_key(&self) -> String {
        match self.address {
            IpAddr::V4(address) => address.to_string(),
            IpAddr::V6(address) => match address.to_ipv4_mapped() {
                Some(mapped) => mapped.to_string(),
                None => {
                    let [a, b, c, d, ..] = address.segments();
                    format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
                }
            },
        }
    }
}

/// Surrounds every request: context in, headers and problems out, one log line and the metrics.
pub(crate) async fn surround(State(api): State<Arc<Api>>, mut request: Request, next: Next) -> Response {
    let begun = now();
    let context = Context {
        trace_parent: trace_parent(request.headers()),
        address: address(&request, &api.config.trusted_proxies),
        accepted: accepted(request.headers()),
        preferred: Arc::default(),
    };
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or("unmatched".to_owned(), |path| path.as_str().to_owned());
    let method = label(request.method());
    request.extensions_mut().insert(context.clone());
    let mut response = next.run(request).await;
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

fn trace_parent(headers: &HeaderMap) -> String {
    trace::parent(headers.get("traceparent").and_then(|value| value.to_str().ok()), random::bytes)
}

/// The nearest address that is not one of our own proxies.
fn address(request: &Request, trusted: &[IpAddr]) -> IpAddr {
    let unknown = IpAddr::from([0, 0, 0, 0]);
    let peer = request.extensions().get::<PeerAddress>().map_or(unknown, |peer| peer.0.ip());
    if !trusted.contains(&peer) {
        return peer;
    }
    let forwarded =
        request.headers().get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
    let hops: Vec<IpAddr> =
        forwarded.flat_map(|value| value.split(',')).filter_map(|hop| hop.trim().parse().ok()).collect();
    hops.into_iter().rev().find(|hop| !trusted.contains(hop)).unwrap_or(peer)
}

fn accepted(headers: &HeaderMap) -> Option<Language> {
    Language::from_accept_language(headers.get(header::ACCEPT_LANGUAGE)?.to_str().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;

    #[test]
    fn only_a_trusted_proxy_says_where_a_request_comes_from() {
        let proxy: IpAddr = "10.0.0.1".parse().unwrap();
        let from = |peer: &str, forwarded: &str| {
            let mut request =
                Request::builder().header("x-forwarded-for", forwarded).body(Body::empty()).unwrap();
            let peer = SocketAddr::new(peer.parse().unwrap(), 1);
            request.extensions_mut().insert(PeerAddress(peer));
            address(&request, &[proxy]).to_string()
        };
        assert_eq!(from("203.0.113.9", "198.51.100.7"), "203.0.113.9");
        assert_eq!(from("10.0.0.1", "198.51.100.7"), "198.51.100.7");
        assert_eq!(
            from("10.0.0.1", "6.6.6.6, 198.51.100.7, 10.0.0.1"),
            "198.51.100.7",
            "what a client forged comes first"
        );
        assert_eq!(from("10.0.0.1", "nonsense"), "10.0.0.1");
    }

    #[test]
    fn a_method_that_a_client_made_up_is_no_label() {
        assert_eq!(label(&Method::PATCH), "PATCH");
        assert_eq!(label(&Method::from_bytes(b"MADE-UP").unwrap()), "other");
    }
}

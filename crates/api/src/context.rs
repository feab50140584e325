//! What is known of a request before its handler: trace, language, address.

use std::{
    net::{IpAddr, Ipv6Addr, SocketAddr},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

use axum::{
    extract::Request,
    http::{HeaderMap, header},
};
use tokio::sync::OwnedSemaphorePermit;
use unionflow_auth::random;
use unionflow_domain::trace;
use unionflow_protocol::Language;

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
    /// Whether it was counted already: by the person, or by the address.
    counted: Arc<AtomicBool>,
    /// The memory of its body, until it is answered.
    memory: Arc<OnceLock<OwnedSemaphorePermit>>,
}

impl Context {
    pub(crate) fn of(request: &Request, trusted_proxies: &[IpAddr]) -> Self {
        Self {
            trace_parent: trace_parent(request.headers()),
            address: address(request, trusted_proxies),
            accepted: accepted(request.headers()),
            preferred: Arc::default(),
            counted: Arc::default(),
            memory: Arc::default(),
        }
    }

    /// The language to answer in: the person's, then the browser's, then French.
    pub(crate) fn language(&self) -> Language {
        self.preferred.get().copied().or(self.accepted).unwrap_or(Language::French)
    }

    pub(crate) fn prefer(&self, language: Language) {
        let _ = self.preferred.set(language);
    }

    /// The request was counted: no second time.
    pub(crate) fn count(&self) {
        self.counted.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_counted(&self) -> bool {
        self.counted.load(Ordering::Relaxed)
    }

    /// Keeps the memory of the body until the request is answered.
    pub(crate) fn hold(&self, memory: Option<OwnedSemaphorePermit>) {
        let _ = memory.map(|memory| self.memory.set(memory));
    }

    /// The part of `traceparent` to name when asking for help.
    pub(crate) fn trace_id(&self) -> &str {
        trace::id(&self.trace_parent)
    }

    /// What attempts are counted against.
    pub(crate) fn address_key(&self) -> String {
        match network(self.address) {
            IpAddr::V4(address) => address.to_string(),
            IpAddr::V6(address) => format!("{address}/64"),
        }
    }
}

/// Who is counted as one: an IPv4 address, or the /64 of an IPv6 address, all of which one household holds.
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        v4 => v4,
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
}

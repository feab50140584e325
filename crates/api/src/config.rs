//! What can be set.

use std::{fmt, net::IpAddr};

/// What an operator can set.
#[derive(Clone)]
pub struct Config {
    /// Requests a second that one person may send, on average.
    pub requests_per_second: u32,
    /// Requests that one person may send at once.
    pub burst: u32,
    /// Requests a second without a sign-in that one address may send: generous, a town may share one.
    pub anonymous_requests_per_second: u32,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpAddr>,
    /// Pages of these origins may use the cookie besides our own.
    pub allowed_origins: Vec<String>,
    /// Whether people reach the server by `https`: cookies are `Secure` then.
    pub https: bool,
    /// The one-time code that founds the first organisation; none once there is one.
    pub setup_code: Option<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            requests_per_second: 100,
            burst: 200,
            anonymous_requests_per_second: 200,
            trusted_proxies: Vec::new(),
            allowed_origins: Vec::new(),
            https: false,
            setup_code: None,
        }
    }
}

/// Without the founding code: what is shown for debugging ends up in logs.
impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            requests_per_second,
            burst,
            anonymous_requests_per_second,
            trusted_proxies,
            allowed_origins,
            https,
            setup_code,
        } = self;
        f.debug_struct("Config")
            .field("requests_per_second", requests_per_second)
            .field("burst", burst)
            .field("anonymous_requests_per_second", anonymous_requests_per_second)
            .field("trusted_proxies", trusted_proxies)
            .field("allowed_origins", allowed_origins)
            .field("https", https)
            .field("setup_code", &setup_code.as_ref().map(|_| "…"))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_for_debugging_holds_no_founding_code() {
        let config = Config { setup_code: Some("7K2M-90QD-X1TR".to_owned()), ..Config::default() };
        let shown = format!("{config:?}");
        assert!(!shown.contains("7K2M") && shown.contains("setup_code: Some("), "{shown}");
    }
}

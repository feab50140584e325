//! What can be set.

use std::net::IpAddr;

/// What an operator can set.
#[derive(Debug, Clone)]
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

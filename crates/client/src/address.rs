//! Where the server is: everything is derived from one base URL.

use std::{fmt, str::FromStr};

use http::Uri;

/// The base URL of a server, read once: `https://host/base` leads to `wss://host/base/ws/dashboard` and
/// `https://host/base/api/v1`.
///
/// ```
/// use unionflow_client::Address;
///
/// let address: Address = "https://mutuelle.example/unionflow/".parse()?;
/// assert_eq!(address.socket_url(), "wss://mutuelle.example/unionflow/ws/dashboard");
/// assert_eq!(address.api_url(), "https://mutuelle.example/unionflow/api/v1");
/// assert!(address.is_secure());
/// # Ok::<(), unionflow_client::BadAddress>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    secure: bool,
    host: String,
    port: u16,
    prefix: String,
}

/// A text that is not a base URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not the address of a server: {why}")]
pub struct BadAddress {
    text: String,
    why: &'static str,
}

impl Address {
    /// The path of the socket, as it stands in URLs.
    pub const SOCKET: &'static str = "/ws/dashboard";
    /// The path of the REST API.
    pub const API: &'static str = "/api/v1";

    /// Whether what is said stays between us and the server.
    pub const fn is_secure(&self) -> bool {
        self.secure
    }

    /// The host, as it is resolved and as certificates name it: without the brackets of an IPv6 address.
    pub fn host(&self) -> &str {
        self.host.trim_start_matches('[').trim_end_matches(']')
    }

    /// The port.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Where sockets connect.
    pub fn socket_url(&self) -> String {
        let scheme = if self.secure { "wss" } else { "ws" };
        format!("{scheme}://{}{}{}", self.authority(), self.prefix, Self::SOCKET)
    }

    /// What the routes of the REST API begin with.
    pub fn api_url(&self) -> String {
        format!("{}://{}{}", self.scheme(), self.authority(), self.api_path())
    }

    /// The same without scheme and host.
    pub fn api_path(&self) -> String {
        format!("{}{}", self.prefix, Self::API)
    }

    /// Host and port, as the header `Host` names them: the port only where it is not the scheme's own.
    pub fn authority(&self) -> String {
        match (self.secure, self.port) {
            (true, 443) | (false, 80) => self.host.clone(),
            (_, port) => format!("{}:{port}", self.host),
        }
    }

    const fn scheme(&self) -> &'static str {
        if self.secure { "https" } else { "http" }
    }
}

impl FromStr for Address {
    type Err = BadAddress;

    fn from_str(text: &str) -> Result<Self, BadAddress> {
        let bad = |why| BadAddress { text: text.chars().take(200).collect(), why };
        if text.contains(['?', '#']) {
            return Err(bad("it has a query"));
        }
        let uri: Uri = text.trim().parse().map_err(|_| bad("it is not a URL"))?;
        let secure = match uri.scheme_str() {
            Some("https" | "wss") => true,
            Some("http" | "ws") => false,
            Some(_) => return Err(bad("it begins neither with https:// nor with http://")),
            None => return Err(bad("it does not begin with https:// or http://")),
        };
        let authority = uri.authority().ok_or_else(|| bad("it names no host"))?;
        if authority.as_str().contains('@') {
            // Never kept, and never repeated in a message: it may hold a password.
            return Err(BadAddress { text: "…".to_owned(), why: "it names a user" });
        }
        if authority.host().is_empty() {
            return Err(bad("it names no host"));
        }
        let port = uri.port_u16();
        if port.is_none() && authority.as_str() != authority.host() {
            return Err(bad("its port is not a number"));
        }
        Ok(Self {
            secure,
            host: authority.host().to_ascii_lowercase(),
            port: port.unwrap_or(if secure { 443 } else { 80 }),
            prefix: uri.path().trim_end_matches('/').to_owned(),
        })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme(), self.authority(), self.prefix)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_socket_is_where_the_base_url_is_with_its_prefix_and_port() {
        let cases = [
            ("http://127.0.0.1:8085", "ws://127.0.0.1:8085/ws/dashboard", "http://127.0.0.1:8085/api/v1"),
            ("https://h.test", "wss://h.test/ws/dashboard", "https://h.test/api/v1"),
            ("https://H.test:443/", "wss://h.test/ws/dashboard", "https://h.test/api/v1"),
            ("https://h.test/a/b/", "wss://h.test/a/b/ws/dashboard", "https://h.test/a/b/api/v1"),
            ("wss://h.test:8443/a", "wss://h.test:8443/a/ws/dashboard", "https://h.test:8443/a/api/v1"),
            ("http://[::1]:8085", "ws://[::1]:8085/ws/dashboard", "http://[::1]:8085/api/v1"),
        ];
        for (text, socket, api) in cases {
            let address: Address = text.parse().unwrap();
            assert_eq!((address.socket_url().as_str(), address.api_url().as_str()), (socket, api), "{text}");
        }
        assert_eq!("http://[::1]:8085".parse::<Address>().unwrap().host(), "::1");
    }

    #[test]
    fn what_is_no_base_url_is_refused_and_a_password_is_never_repeated() {
        for text in ["", "h.test", "ftp://h.test", "https://", "https://h.test/?a=1", "http://h.test:x"] {
            assert!(text.parse::<Address>().is_err(), "{text}");
        }
        let told = "https://me:s3cret@h.test".parse::<Address>().unwrap_err().to_string();
        assert!(!told.contains("s3cret"), "{told}");
    }
}

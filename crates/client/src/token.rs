//! Access tokens, and who gives them.

use std::{fmt, future::Future, pin::Pin, time::Duration};

use unionflow_protocol::frame::Token;

use crate::error::ClientError;

/// A token, and how long it lives.
#[derive(Clone, PartialEq, Eq)]
pub struct AccessToken {
    /// The token.
    pub token: Token,
    /// How long it lives from now; `None` = until it is refused, as service keys do.
    pub expires_in: Option<Duration>,
}

/// Why a provider gives no token.
#[derive(Debug, Clone, PartialEq)]
pub enum TokenFault {
    /// The person must sign in again: asking again would not help.
    SignInRequired,
    /// Not now: it is asked again later.
    Unavailable(String),
    /// Not now, because the server that was asked for one answered so, or did not: people are told this as it is.
    Failed(ClientError),
}

/// What a provider answers, once it has it.
pub type TokenFuture<'a> = Pin<Box<dyn Future<Output = Result<AccessToken, TokenFault>> + Send + 'a>>;

/// Gives access tokens. Asked when a connection begins, again before a token ends, and when one was refused.
///
/// ```
/// use unionflow_client::{AccessToken, TokenFuture, TokenProvider};
///
/// struct FromEnvironment;
///
/// impl TokenProvider for FromEnvironment {
///     fn token(&self, refused: bool) -> TokenFuture<'_> {
///         Box::pin(async move {
///             let known = std::env::var("UNIONFLOW_TOKEN").ok().filter(|_| !refused);
///             known.map(AccessToken::lasting).ok_or(unionflow_client::TokenFault::SignInRequired)
///         })
///     }
/// }
/// ```
pub trait TokenProvider: Send + Sync {
    /// A token that is good now. `refused`: the one given last is not, so it must be another one.
    fn token(&self, refused: bool) -> TokenFuture<'_>;
}

/// Always the same token, such as a service key. Once it is refused, the person must sign in again.
///
/// ```
/// use unionflow_client::FixedToken;
///
/// let provider = FixedToken::new("eyJ…");
/// assert!(!format!("{provider:?}").contains("eyJ"));
/// ```
#[derive(Debug, Clone)]
pub struct FixedToken(Token);

impl AccessToken {
    /// One that is good until it is refused.
    pub fn lasting(token: impl Into<String>) -> Self {
        Self { token: Token(token.into()), expires_in: None }
    }

    /// One that lives so long from now.
    pub fn for_a_time(token: impl Into<String>, expires_in: Duration) -> Self {
        Self { token: Token(token.into()), expires_in: Some(expires_in) }
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AccessToken(… for {:?})", self.expires_in)
    }
}

impl FixedToken {
    /// This token.
    pub fn new(token: impl Into<String>) -> Self {
        Self(Token(token.into()))
    }
}

impl TokenProvider for FixedToken {
    fn token(&self, refused: bool) -> TokenFuture<'_> {
        let answer = if refused {
            Err(TokenFault::SignInRequired)
        } else {
            Ok(AccessToken { token: self.0.clone(), expires_in: None })
        };
        Box::pin(std::future::ready(answer))
    }
}
